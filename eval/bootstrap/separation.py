"""Replicates of AUROC, AUPR and FPR95, which compare two sets: known and strange samples are both resampled."""

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from eval.bootstrap.resampling import KNOWN, STRANGE, Resampling
from eval.predictions import CellPredictions
from eval.suites import Key
from eval.suites.detection import SCORES, ImageNetO, OutOfDistribution

_BLOCK = 64

Passed = np.ndarray
"""How many samples below each place of the rising scores a replicate takes: int32 (replicates, N + 1)."""


def separation_replicates(
    suite: ImageNetO | OutOfDistribution, predictions: CellPredictions, resampling: Resampling
) -> dict[Key, np.ndarray]:
    """Every number by every score, float64 (replicates,), of each set that is there."""
    return {
        (suite.name, cell, f"{name}_{metric}", "strict"): rows
        for cell, known, strange in suite.pairs(predictions)
        for name, score in SCORES.items()
        for metric, rows in resampled_separation(score(known), score(strange), resampling).items()
    }


def resampled_separation(known: np.ndarray, strange: np.ndarray, resampling: Resampling) -> dict[str, np.ndarray]:
    """`auroc`, `aupr` and `fpr95` of every resampling of both sets, (replicates,), from scores (N,) and (M,)."""
    orders = np.argsort(known), np.argsort(strange)
    known, strange = known[orders[0]], strange[orders[1]]
    blocks = [
        [metric(known, strange, *passed) for metric in _METRICS.values()] for passed in _passed(orders, resampling)
    ]
    return {name: np.concatenate(rows) for name, rows in zip(_METRICS, zip(*blocks))}


def _passed(orders: tuple[np.ndarray, np.ndarray], resampling: Resampling) -> Iterator[tuple[Passed, Passed]]:
    counts = resampling.counts(len(orders[0]), KNOWN), resampling.counts(len(orders[1]), STRANGE)
    for start in range(0, len(counts[0]), _BLOCK):
        taken = (rows[start : start + _BLOCK, order] for rows, order in zip(counts, orders))
        known, strange = (np.pad(np.cumsum(rows, axis=1, dtype=np.int32), ((0, 0), (1, 0))) for rows in taken)
        yield known, strange


def _auroc(known: np.ndarray, strange: np.ndarray, passed: Passed, passed_strange: Passed) -> np.ndarray:
    below, not_above = (np.searchsorted(known, strange, side=side) for side in ("left", "right"))
    pairs = (passed[:, below] + passed[:, not_above]).astype(np.int64) * np.diff(passed_strange, axis=1)
    return pairs.sum(axis=1) / (2 * len(known) * len(strange))


def _aupr(known: np.ndarray, strange: np.ndarray, passed: Passed, passed_strange: Passed) -> np.ndarray:
    thresholds = np.unique(strange)[::-1]
    found = len(strange) - passed_strange[:, np.searchsorted(strange, thresholds)]
    alarms = len(known) - passed[:, np.searchsorted(known, thresholds)]
    steps = np.diff(found, axis=1, prepend=0).astype(np.float64) * found
    return (steps / np.maximum(1, found + alarms)).sum(axis=1) / len(strange)


def _fpr95(known: np.ndarray, strange: np.ndarray, passed: Passed, passed_strange: Passed) -> np.ndarray:
    kept = passed[:, 1:] >= math.ceil(0.95 * len(known))
    not_above = np.searchsorted(strange, known[kept.argmax(axis=1)], side="right")
    return np.take_along_axis(passed_strange, not_above[:, None], axis=1)[:, 0] / len(strange)


_METRICS: Mapping[str, Callable[..., np.ndarray]] = {"auroc": _auroc, "aupr": _aupr, "fpr95": _fpr95}
