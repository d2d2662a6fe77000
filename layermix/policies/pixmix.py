"""PixMix: repeated blends with fractals and feature visualisations (Hendrycks et al., CVPR 2022)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from layermix import program
from layermix.checks import check_flag, check_positive, check_range, check_whole
from layermix.compilation import jit
from layermix.philox import POLICY, below, draw_words
from layermix.policies.augmix_operations import AUGMIX, ENHANCEMENTS, write_augmix_operation
from layermix.policies.base import Policy
from layermix.policies.blends import write_fractal, write_weights
from layermix.policies.records import connect
from layermix.program import RESULT, SCRATCH, SOURCE

# Every draw has a place of its own. A round takes: picture, the operation's three, blend, and its three weights.
_START, _ROUNDS, _FRACTAL, _OPERATION, _FIRST_ROUND = 0, 1, 2, 6, 9
_OPERAND, _ROUND_OPERATION, _BLEND, _WEIGHTS, _ROUND_WORDS = 0, 1, 4, 5, 8
_AUGMENTED, _MIXER = SCRATCH, SCRATCH + 1


@dataclass(frozen=True, kw_only=True)
class PixMix(Policy):
    """Start from x or T(x), even odds; then k times, k ~ U{0..rounds}, blend with the fractal or a fresh T(x).

    Blends are arithmetic or geometric with even odds, clipped after each. The fractal of a sample is a random crop
    without flips. Give a bank in colour, with feature visualisations among the fractals, for the published mixing set.

    Args:
        rounds: K, most blends, 0 to 16.
        blending_ratio: b > 0, the Beta parameter of the blends: 3 for CIFAR, 4 for ImageNet.
        severity: strength of the augmentations, 0 to 10: 3 for CIFAR, 1 for ImageNet.
        all_ops: draw colour, contrast, brightness and sharpness too, as the published recipes do.

    Raises:
        InputError: a setting outside its range.
    """

    rounds: int = 4
    blending_ratio: float = 3.0
    severity: float = 3.0
    all_ops: bool = True

    name: ClassVar[str] = "pixmix"
    scratch_registers: ClassVar[int] = 2
    uses_fractals: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_whole("rounds", self.rounds, 0, 16)
        check_positive("blending_ratio", self.blending_ratio)
        check_range("severity", self.severity, 0, 10)
        check_flag("all_ops", self.all_ops)

    @property
    def length(self) -> int:
        """The start, the fractal, two instructions a round, and END."""
        return 2 * self.rounds + 3

    def parameters(self) -> np.ndarray:
        """[rounds, blending ratio, severity, kinds of operations ...]."""
        kinds = AUGMIX + ENHANCEMENTS if self.all_ops else AUGMIX
        return np.array([self.rounds, self.blending_ratio, self.severity, *kinds], np.float64)

    def drawer(self):
        """The compiled drawing function; see `Policy`."""
        return _draw


@jit
def _draw(parameters, seed, epoch, sample_ids, view, height, width, table, channels, programs):
    most, ratio, severity, kinds = np.int64(parameters[0]), parameters[1], parameters[2], parameters[3:]
    words = np.empty(_FIRST_ROUND + _ROUND_WORDS * most, np.uint32)
    for n in range(sample_ids.shape[0]):
        draw_words(seed, epoch, sample_ids[n], view, POLICY, words)
        records, at, fractal_loaded = programs[n], 1, False
        records[0].op = program.COPY
        if words[_START] & np.uint32(1):
            write_augmix_operation(records[0], kinds, severity, height, width, words[_OPERATION:])
        connect(records[0], RESULT, SOURCE, SOURCE)
        for turn in range(below(words[_ROUNDS], most + 1)):
            round_words = words[_FIRST_ROUND + _ROUND_WORDS * turn :]
            mixes_fractal = round_words[_OPERAND] & np.uint32(1)
            if mixes_fractal and not fractal_loaded:
                write_fractal(records[at], table, height, width, False, words[_FRACTAL:])
                connect(records[at], _MIXER, SOURCE, SOURCE)
                at, fractal_loaded = at + 1, True
            elif not mixes_fractal:
                operation_words = round_words[_ROUND_OPERATION:]
                write_augmix_operation(records[at], kinds, severity, height, width, operation_words)
                connect(records[at], _AUGMENTED, SOURCE, SOURCE)
                at += 1
            records[at].op = program.ARITHMETIC + below(round_words[_BLEND], 2)
            write_weights(records[at], ratio, round_words[_WEIGHTS:])
            connect(records[at], RESULT, RESULT, _MIXER if mixes_fractal else _AUGMENTED)
            at += 1
