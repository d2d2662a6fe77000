"""RandAugment: operations drawn uniformly, all of one magnitude (Cubuk et al., NeurIPS 2020)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from layermix.checks import check_whole
from layermix.compilation import jit
from layermix.philox import POLICY, below, draw_words
from layermix.policies.base import Policy
from layermix.policies.magnitudes import RANDAUGMENT, narrow_space, write_magnitude
from layermix.policies.records import connect_stage


@dataclass(frozen=True, kw_only=True)
class RandAugment(Policy):
    """Operations one after the other, drawn with repetition from 14, with torchvision's magnitudes.

    Differences to torchvision's default: see `layermix.policies.magnitudes`.

    Args:
        operations: how many, 1 to 16.
        magnitude: which of the 31 magnitudes, 0 to 30.

    Raises:
        InputError: a setting outside its range.
    """

    operations: int = 2
    magnitude: int = 9

    name: ClassVar[str] = "randaugment"
    scratch_registers: ClassVar[int] = 1
    uses_fractals: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_whole("operations", self.operations, 1, 16)
        check_whole("magnitude", self.magnitude, 0, 30)

    @property
    def length(self) -> int:
        """The operations and END."""
        return self.operations + 1

    def parameters(self) -> np.ndarray:
        """[operations, magnitude, rows of magnitudes ...]."""
        space = narrow_space(31)
        return np.concatenate([[self.operations, self.magnitude], *(space[name] for name in RANDAUGMENT)])

    def drawer(self):
        """The compiled drawing function; see `Policy`."""
        return _draw


@jit
def _draw(parameters, seed, epoch, sample_ids, view, height, width, table, channels, programs):
    stages, step, rows = np.int64(parameters[0]), np.int64(parameters[1]), parameters[2:].reshape(14, -1)
    words = np.empty(2 * stages, np.uint32)
    for n in range(sample_ids.shape[0]):
        draw_words(seed, epoch, sample_ids[n], view, POLICY, words)
        for stage in range(stages):
            row = rows[below(words[2 * stage], 14)]
            write_magnitude(programs[n, stage], row, step, height, width, words[2 * stage + 1])
            connect_stage(programs[n, stage], stage, stages)
