"""IPMix: chains of augmentations or of patch blends, summed (Huang et al., NeurIPS 2023)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from layermix import program
from layermix.checks import check_flag, check_positive, check_range, check_sides, check_whole
from layermix.compilation import jit
from layermix.philox import POLICY, below, draw_words, uniform
from layermix.policies.augmix_operations import AUGMIX, ENHANCEMENTS, write_augmix_chain, write_augmix_operation
from layermix.policies.base import Policy
from layermix.policies.blends import write_fractal, write_patch, write_patch_blend
from layermix.policies.records import connect, draw_dirichlet, write_store, write_sum
from layermix.program import RESULT, SCRATCH, SOURCE

# Every draw has a place of its own: v, the fractal, the weights; then for each chain its kind, its length and its
# operations; a patch stage takes the operand's coin, the operation's three, the rectangle's six, the blend's seven.
_MIXED, _FRACTAL, _WEIGHTS = 0, 1, 5
_KIND, _LENGTH, _STAGES = 0, 1, 2
_OPERAND, _OPERATION, _PATCH, _BLEND, _STAGE_WORDS = 0, 1, 4, 10, 17
_AUGMENTED, _MIXER = SCRATCH, SCRATCH + 1


@dataclass(frozen=True, kw_only=True)
class IPMix(Policy):
    """out = (1 - v) x + v (w_1 chain_1 + ...), v ~ Beta(1, 1), w ~ Dirichlet(1, ..., 1).

    A chain is, even odds, n ~ U{0..depth} augmentations of x one after the other, or n ~ U{0..depth} patch blends: a
    rectangle of x blended with the same place of the sample's fractal. AugMix's operations, mirror and invert. The
    sum keeps 16 fractional bits; the fractal is a random crop without flips.

    Args:
        chains: K, 1 to 16.
        depth: t, most operations of a chain, 0 to 16.
        blending_ratio: b > 0, the Beta parameter of the blends.
        severity: strength of the augmentations, 0 to 10.
        patch_sides: sides of squares in pixels, ascending, from 2; those larger than the picture are left out. For
            ImageNet (4, 8, 16, 32, 64, 224).
        mix_augmented: blend with a fresh T(x) in place of the fractal, even odds, as for ImageNet.
        all_ops: draw colour, contrast, brightness and sharpness too, which overlap with ImageNet-C.

    Raises:
        InputError: a setting outside its range.
    """

    chains: int = 3
    depth: int = 3
    blending_ratio: float = 3.0
    severity: float = 3.0
    patch_sides: tuple[int, ...] = (4, 8, 16, 32)
    mix_augmented: bool = False
    all_ops: bool = False

    name: ClassVar[str] = "ipmix"
    scratch_registers: ClassVar[int] = 2
    uses_fractals: ClassVar[bool] = True
    needs_accumulator: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_whole("chains", self.chains, 1, 16)
        check_whole("depth", self.depth, 0, 16)
        check_positive("blending_ratio", self.blending_ratio)
        check_range("severity", self.severity, 0, 10)
        check_sides("patch_sides", self.patch_sides)
        check_flag("mix_augmented", self.mix_augmented)
        check_flag("all_ops", self.all_ops)

    @property
    def length(self) -> int:
        """The fractal, a start, at most two instructions a stage and a sum a chain, a store, and END."""
        return self.chains * (2 * self.depth + 1) + 4

    def parameters(self) -> np.ndarray:
        """[chains, depth, blending ratio, severity, mix augmented, number of sides, sides ..., kinds ...]."""
        kinds = (*AUGMIX, program.MIRROR, program.INVERT, *(ENHANCEMENTS if self.all_ops else ()))
        head = [self.chains, self.depth, self.blending_ratio, self.severity, self.mix_augmented]
        return np.array([*head, len(self.patch_sides), *self.patch_sides, *kinds], np.float64)

    def drawer(self):
        """The compiled drawing function; see `Policy`."""
        return _draw


@jit
def _draw(parameters, seed, epoch, sample_ids, view, height, width, table, channels, programs):
    chains, most = np.int64(parameters[0]), np.int64(parameters[1])
    kinds = parameters[6 + np.int64(parameters[5]) :]
    stride = _STAGES + _STAGE_WORDS * most
    words, weights = np.empty(_WEIGHTS + chains * (1 + stride), np.uint32), np.empty(chains)
    for n in range(sample_ids.shape[0]):
        draw_words(seed, epoch, sample_ids[n], view, POLICY, words)
        records, mixed = programs[n], uniform(words[_MIXED])
        draw_dirichlet(words[_WEIGHTS:], weights)
        write_fractal(records[0], table, height, width, False, words[_FRACTAL:])
        connect(records[0], _MIXER, SOURCE, SOURCE)
        write_sum(records[1], program.SUM_START, SOURCE, 1.0 - mixed)
        at = 2
        for chain in range(chains):
            chain_words = words[_WEIGHTS + chains + stride * chain :]
            stages = below(chain_words[_LENGTH], most + 1)
            if chain_words[_KIND] & np.uint32(1):
                write_augmix_chain(records[at:], stages, kinds, parameters[3], height, width, chain_words[_STAGES:])
                at += stages
            else:
                at = _write_patches(records, at, stages, parameters, kinds, height, width, chain_words[_STAGES:])
            register = RESULT if stages > 0 else SOURCE
            write_sum(records[at], program.SUM_ADD, register, mixed * weights[chain])
            at += 1
        write_store(records[at])


@jit
def _write_patches(records, at, stages, parameters, kinds, height, width, words):
    """Fill records from `at` with patch blends, one after the other; return the place after the last."""
    ratio, severity, sides = parameters[2], parameters[3], parameters[6 : 6 + np.int64(parameters[5])]
    for stage in range(stages):
        stage_words, second = words[_STAGE_WORDS * stage :], _MIXER
        if parameters[4] != 0 and stage_words[_OPERAND] & np.uint32(1):
            write_augmix_operation(records[at], kinds, severity, height, width, stage_words[_OPERATION:])
            connect(records[at], _AUGMENTED, SOURCE, SOURCE)
            at, second = at + 1, _AUGMENTED
        write_patch_blend(records[at], ratio, stage_words[_BLEND:])
        write_patch(records[at], sides, height, width, stage_words[_PATCH:])
        connect(records[at], RESULT, SOURCE if stage == 0 else RESULT, second)
        at += 1
    return at
