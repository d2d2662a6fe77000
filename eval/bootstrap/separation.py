"""Replicates of the AUROC, which compares every known sample with every strange one: both sets are resampled."""

import numpy as np

from eval.bootstrap.resampling import KNOWN, STRANGE, Resampling
from eval.predictions import CellPredictions
from eval.suites import Key
from eval.suites.detection import SCORES, ImageNetO, OutOfDistribution

_BLOCK = 64


def separation_replicates(
    suite: ImageNetO | OutOfDistribution, predictions: CellPredictions, resampling: Resampling
) -> dict[Key, np.ndarray]:
    """The AUROC by every score, float64 (replicates,), of each set that is there."""
    return {
        (suite.name, cell, f"{name}_auroc", "strict"): auroc_replicates(score(known), score(strange), resampling)
        for cell, known, strange in suite.pairs(predictions)
        for name, score in SCORES.items()
    }


def auroc_replicates(known: np.ndarray, strange: np.ndarray, resampling: Resampling) -> np.ndarray:
    """`eval.metrics.auroc` of every resampling of both sets, float64 (replicates,), from scores (N,) and (M,)."""
    order = np.argsort(known)
    below = np.searchsorted(known[order], strange, side="left")
    not_above = np.searchsorted(known[order], strange, side="right")
    counts = resampling.counts(len(known), KNOWN), resampling.counts(len(strange), STRANGE)
    found = np.empty(len(counts[0]))
    for start in range(0, len(found), _BLOCK):
        taken, taken_strange = (rows[start : start + _BLOCK] for rows in counts)
        passed = np.pad(np.cumsum(taken[:, order], axis=1, dtype=np.int64), ((0, 0), (1, 0)))
        pairs = passed[:, below] + passed[:, not_above]
        found[start : start + _BLOCK] = (pairs * taken_strange).sum(axis=1)
    return found / (2 * len(known) * len(strange))
