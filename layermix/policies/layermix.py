"""LayerMix: structured mixing with fractals (Ahmad, Morle & Rahimi, "LayerMix", section 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from layermix.checks import check_flag, check_positive, check_range
from layermix.compilation import jit
from layermix.errors import InputError
from layermix.philox import POLICY, below, draw_words
from layermix.policies.base import Policy
from layermix.policies.blends import write_blend, write_fractal
from layermix.policies.operations import ENHANCEMENTS, LEAST_LEVEL, VARIANTS, is_strengthless, write_operation
from layermix.policies.records import connect
from layermix.program import COPY, RESULT, SCRATCH, SOURCE

# Every draw has a place of its own, so fixing one (say, the step) leaves the others as they are.
_OPERATION, _STEP, _LEVELS, _BLEND_1, _BLEND_2, _FRACTAL, _WORDS = 0, 1, 2, 8, 15, 22, 26


@dataclass(frozen=True, kw_only=True)
class LayerMix(Policy):
    """One augmentation T per picture, used at every stage with a fresh strength; blends B drawn anew.

        step 1:  y1 = T(x)
        step 2:  y2 = clip(B(y1, T(x)))
        step 3:  y3 = T(clip(B'(y2, fractal)))      the step is uniform in {1, 2, 3}

    Args:
        magnitude: m, strength of the augmentations, 0 to 10; the paper's 8m-3 is magnitude 8, blending ratio 3.
        blending_ratio: b > 0, the Beta parameter of the arithmetic and geometric blends.
        variant: "paper" draws the 11 operations of Table II, "released" the 12 of the authors' program with its ranges.
        operations: names to draw from; () for the variant's own. See `operation_names`.
        all_ops: where `operations` is (), draw colour, contrast, brightness and sharpness too (factor 1 +- a level of
            at most 0.9, as the paper's brightness); they overlap with ImageNet-C.
        step: 1, 2 or 3 fixes the step; None draws it. All other draws are the same either way.

    Raises:
        InputError: a setting outside its range.
    """

    magnitude: float = 8.0
    blending_ratio: float = 3.0
    variant: Literal["paper", "released"] = "paper"
    operations: tuple[str, ...] = ()
    all_ops: bool = False
    step: int | None = None

    name: ClassVar[str] = "layermix"
    scratch_registers: ClassVar[int] = 2
    uses_fractals: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.variant, str) or self.variant not in VARIANTS:
            raise InputError(f"`variant` must be 'paper' or 'released', got {self.variant!r}")
        check_range("magnitude", self.magnitude, 0, 10)
        check_positive("blending_ratio", self.blending_ratio, "to turn blending off use step=1")
        check_flag("all_ops", self.all_ops)
        if self.step not in (None, 1, 2, 3):
            raise InputError(f"`step` must be 1, 2, 3 or None (drawn), got {self.step!r}")
        known = self._kinds()
        if not isinstance(self.operations, Sequence):
            raise InputError(
                f"`operations` must be a tuple of names, got {self.operations!r}; () for all of the variant"
            )
        for name in self.operations:
            if name not in known:
                raise InputError(
                    f"`operations` of variant {self.variant!r} must be among {', '.join(known)}; got {name!r}"
                )

    def _kinds(self) -> dict[str, int]:
        """All operations of the variant by name, those of `all_ops` last."""
        return VARIANTS[self.variant] | ENHANCEMENTS

    def operation_names(self) -> tuple[str, ...]:
        """Names of the operations that are drawn from, uniformly."""
        return self.operations or tuple(self._kinds() if self.all_ops else VARIANTS[self.variant])

    @property
    def length(self) -> int:
        """Six instructions of step 3, and END."""
        return 7

    def parameters(self) -> np.ndarray:
        """[magnitude, blending ratio, least level, step or 0, flips of colour fractals, kinds of operations ...]."""
        known = self._kinds()
        kinds = [known[name] for name in self.operation_names()]
        colour_flips = self.variant == "paper"
        least = LEAST_LEVEL[self.variant]
        head = [self.magnitude, self.blending_ratio, least, self.step or 0, colour_flips]
        return np.array([*head, *kinds], np.float64)

    def drawer(self):
        """The compiled drawing function; see `Policy`."""
        return _draw


@jit
def _draw(parameters, seed, epoch, sample_ids, view, height, width, table, channels, programs):
    magnitude, ratio, least = parameters[0], parameters[1], parameters[2]
    flip = channels == 1 or parameters[4] != 0
    kinds = parameters[5:]
    words = np.empty(_WORDS, np.uint32)
    for n in range(sample_ids.shape[0]):
        draw_words(seed, epoch, sample_ids[n], view, POLICY, words)
        kind = np.int64(kinds[below(words[_OPERATION], kinds.shape[0])])
        step = np.int64(parameters[3])
        if step == 0:
            step = 1 + below(words[_STEP], 3)
        _write_layers(programs[n], kind, step, ratio, magnitude, least, table, height, width, flip, words)


@jit
def _write_layers(records, kind, step, ratio, magnitude, least, table, height, width, flip, words):
    levels = words[_LEVELS:]
    left, right = SCRATCH, SCRATCH + 1

    write_operation(records[0], kind, magnitude, least, height, width, levels[0], levels[1])
    connect(records[0], RESULT if step == 1 else left, SOURCE, SOURCE)
    if step == 1:
        return
    if is_strengthless(kind):  # T(x) is y1 over again
        records[1].op = COPY
        connect(records[1], right, left, left)
    else:
        write_operation(records[1], kind, magnitude, least, height, width, levels[2], levels[3])
        connect(records[1], right, SOURCE, SOURCE)
    write_blend(records[2], ratio, words[_BLEND_1:])
    connect(records[2], RESULT if step == 2 else left, left, right)
    if step == 2:
        return
    write_fractal(records[3], table, height, width, flip, words[_FRACTAL:])
    connect(records[3], right, SOURCE, SOURCE)
    write_blend(records[4], ratio, words[_BLEND_2:])
    connect(records[4], left, left, right)
    write_operation(records[5], kind, magnitude, least, height, width, levels[4], levels[5])
    connect(records[5], RESULT, left, left)
