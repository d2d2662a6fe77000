"""AugMix: a weighted sum of chains of augmentations (Hendrycks et al., ICLR 2020)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from layermix import program
from layermix.checks import check_flag, check_range, check_whole
from layermix.compilation import jit
from layermix.philox import POLICY, below, draw_words, uniform
from layermix.policies.augmix_operations import AUGMIX, ENHANCEMENTS, OPERATION_WORDS, write_augmix_chain
from layermix.policies.base import Policy
from layermix.policies.records import draw_dirichlet, write_store, write_sum
from layermix.program import RESULT, SOURCE


@dataclass(frozen=True, kw_only=True)
class AugMix(Policy):
    """out = (1 - v) x + v (w_1 chain_1(x) + ...), v ~ Beta(1, 1), w ~ Dirichlet(1, ..., 1).

    A chain is 1 to 3 augmentations, uniformly, one after the other. The sum keeps 16 fractional bits.

    Args:
        severity: strength of the augmentations, 0 to 10.
        width: chains, 1 to 16.
        depth: operations of every chain, 1 to 16; None draws 1, 2 or 3 for each.
        all_ops: draw colour, contrast, brightness and sharpness too, which overlap with ImageNet-C.

    Raises:
        InputError: a setting outside its range.
    """

    severity: float = 3.0
    width: int = 3
    depth: int | None = None
    all_ops: bool = False

    name: ClassVar[str] = "augmix"
    scratch_registers: ClassVar[int] = 1
    uses_fractals: ClassVar[bool] = False
    needs_accumulator: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("severity", self.severity, 0, 10)
        check_whole("width", self.width, 1, 16)
        if self.depth is not None:
            check_whole("depth", self.depth, 1, 16)
        check_flag("all_ops", self.all_ops)

    @property
    def length(self) -> int:
        """A start, every chain with its sum, a store, and END."""
        return self.width * ((self.depth or 3) + 1) + 3

    def parameters(self) -> np.ndarray:
        """[severity, width, depth or 0, kinds of operations ...]."""
        kinds = AUGMIX + ENHANCEMENTS if self.all_ops else AUGMIX
        return np.array([self.severity, self.width, self.depth or 0, *kinds], np.float64)

    def drawer(self):
        """The compiled drawing function; see `Policy`."""
        return _draw


@jit
def _draw(parameters, seed, epoch, sample_ids, view, height, width, table, channels, programs):
    severity, chains, fixed, kinds = parameters[0], np.int64(parameters[1]), np.int64(parameters[2]), parameters[3:]
    # Every draw has a place of its own: v, the weights, then for each chain its depth and its operations.
    stride = 1 + OPERATION_WORDS * (fixed if fixed > 0 else 3)
    words, weights = np.empty(1 + chains * (1 + stride), np.uint32), np.empty(chains)
    for n in range(sample_ids.shape[0]):
        draw_words(seed, epoch, sample_ids[n], view, POLICY, words)
        mixed = uniform(words[0])
        draw_dirichlet(words[1:], weights)
        write_sum(programs[n, 0], program.SUM_START, SOURCE, 1.0 - mixed)
        at = 1
        for chain in range(chains):
            chain_words = words[1 + chains + stride * chain :]
            depth = fixed if fixed > 0 else 1 + below(chain_words[0], 3)
            write_augmix_chain(programs[n, at:], depth, kinds, severity, height, width, chain_words[1:])
            write_sum(programs[n, at + depth], program.SUM_ADD, RESULT, mixed * weights[chain])
            at += depth + 1
        write_store(programs[n, at])
