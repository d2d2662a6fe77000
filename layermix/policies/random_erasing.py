"""RandomErasing: a rectangle of random area and shape filled with one value (Zhong et al., AAAI 2020)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from layermix import program
from layermix.checks import check_pair, check_range, check_whole
from layermix.compilation import jit
from layermix.philox import POLICY, below, draw_words, uniform
from layermix.policies.base import Policy
from layermix.policies.records import connect, set_rectangle
from layermix.program import RESULT, SOURCE

ATTEMPTS = 10
"""Shapes drawn before a picture in which none fits is left alone."""


@dataclass(frozen=True, kw_only=True)
class RandomErasing(Policy):
    """With a probability, fill a rectangle of the picture; torchvision's draws and defaults, on 8 bits.

    The area is U(scale) of the picture's, the ratio of height to width log-uniform in `ratio`, the place uniform. A
    shape as high or as wide as the picture is drawn anew.

    Args:
        probability: 0 to 1.
        scale: least and most part of the area, 0 to 1.
        ratio: least and most height over width, 0.001 to 1000.
        value: what fills the rectangle, 0 to 255.

    Raises:
        InputError: a setting outside its range.
    """

    probability: float = 0.5
    scale: tuple[float, float] = (0.02, 0.33)
    ratio: tuple[float, float] = (0.3, 3.3)
    value: int = 0

    name: ClassVar[str] = "random_erasing"
    scratch_registers: ClassVar[int] = 0
    uses_fractals: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_range("probability", self.probability, 0, 1)
        check_pair("scale", self.scale, 0, 1)
        check_pair("ratio", self.ratio, 1e-3, 1e3)
        check_whole("value", self.value, 0, 255)

    @property
    def length(self) -> int:
        """One instruction and END."""
        return 2

    def parameters(self) -> np.ndarray:
        """[probability, least and most scale, least and most logarithm of the ratio, value]."""
        return np.array([self.probability, *self.scale, *np.log(self.ratio), self.value], np.float64)

    def drawer(self):
        """The compiled drawing function; see `Policy`."""
        return _draw


@jit
def _draw(parameters, seed, epoch, sample_ids, view, height, width, table, channels, programs):
    words = np.empty(3 + 2 * ATTEMPTS, np.uint32)
    for n in range(sample_ids.shape[0]):
        draw_words(seed, epoch, sample_ids[n], view, POLICY, words)
        record = programs[n, 0]
        record.op, record.p0 = program.ERASE, parameters[5]
        if uniform(words[0]) < parameters[0]:
            high, wide = _draw_shape(parameters, height, width, words[3:])
            set_rectangle(record, below(words[1], height - high + 1), below(words[2], width - wide + 1), high, wide)
        connect(record, RESULT, SOURCE, SOURCE)


@jit
def _draw_shape(parameters, height, width, words):
    """Height and width of the first shape that fits; 0, 0 if none does."""
    for attempt in range(ATTEMPTS):
        area = height * width * _between(parameters[1], parameters[2], words[2 * attempt])
        ratio = np.exp(_between(parameters[3], parameters[4], words[2 * attempt + 1]))
        high, wide = np.int64(np.rint(np.sqrt(area * ratio))), np.int64(np.rint(np.sqrt(area / ratio)))
        if high < height and wide < width:
            return high, wide
    return 0, 0


@jit
def _between(low, high, word):
    return low + (high - low) * uniform(word)
