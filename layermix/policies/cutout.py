"""Cutout: a square of one value over the picture (DeVries & Taylor, 2017)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from layermix import program
from layermix.checks import check_whole
from layermix.compilation import jit
from layermix.philox import POLICY, below, draw_words
from layermix.policies.base import Policy
from layermix.policies.records import connect, set_rectangle
from layermix.program import RESULT, SOURCE


@dataclass(frozen=True, kw_only=True)
class Cutout(Policy):
    """Fill a square whose centre is a uniform pixel; part of it may lie outside the picture.

    The published program cuts after normalisation, so its zeros are the mean colour; pass the mean as `value` for
    that: 128 where the mean is 0.5.

    Args:
        side: of the square in pixels, 1 to 65535; the paper has 16 for CIFAR-10, 8 for CIFAR-100.
        value: what fills the square, 0 to 255.

    Raises:
        InputError: a setting outside its range.
    """

    side: int = 16
    value: int = 0

    name: ClassVar[str] = "cutout"
    scratch_registers: ClassVar[int] = 0
    uses_fractals: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_whole("side", self.side, 1, 65535)
        check_whole("value", self.value, 0, 255)

    @property
    def length(self) -> int:
        """One instruction and END."""
        return 2

    def parameters(self) -> np.ndarray:
        """[side of the square, value]."""
        return np.array([self.side, self.value], np.float64)

    def drawer(self):
        """The compiled drawing function; see `Policy`."""
        return _draw


@jit
def _draw(parameters, seed, epoch, sample_ids, view, height, width, table, channels, programs):
    side, words = np.int64(parameters[0]), np.empty(2, np.uint32)
    for n in range(sample_ids.shape[0]):
        draw_words(seed, epoch, sample_ids[n], view, POLICY, words)
        record = programs[n, 0]
        record.op, record.p0 = program.ERASE, parameters[1]
        set_rectangle(record, below(words[0], height) - side // 2, below(words[1], width) - side // 2, side, side)
        connect(record, RESULT, SOURCE, SOURCE)
