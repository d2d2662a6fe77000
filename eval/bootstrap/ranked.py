"""Metrics of predictions in the order of their confidence, of every resampling: adaptive bins, and AURRA.

`confidence` float64 (M,), `correct` bool (M,); `sample` integer (M,) says whose prediction it is, `counts` uint8 (R, N)
how often a resampling takes the sample: M in all.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from eval.metrics import BIN_SIZE, ReliabilityCurve, bin_counts
from layermix.compilation import jit


def resampled_curves(
    confidence: np.ndarray, correct: np.ndarray, sample: np.ndarray, counts: np.ndarray
) -> ReliabilityCurve:
    """Curves of adaptive bins, means (R, B): all have the same bins."""
    order = np.argsort(confidence, kind="stable")
    sizes = bin_counts(len(order), BIN_SIZE)
    sums = np.zeros((2, len(counts), len(sizes)))
    ranked = confidence[order], correct[order], sample[order]
    _in_threads(lambda rows: _fill_bins(*ranked, counts[rows], sizes, *sums[:, rows]), len(counts))
    return ReliabilityCurve(confidence=sums[0] / sizes, accuracy=sums[1] / sizes, count=sizes)


def resampled_aurra(confidence: np.ndarray, correct: np.ndarray, sample: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """`eval.metrics.aurra`: float64 (R,)."""
    order = np.argsort(-confidence, kind="stable")
    starts = np.flatnonzero(np.diff(confidence[order], prepend=np.inf, append=-np.inf))
    groups = np.stack([starts[:-1], starts[1:]], axis=1)
    tied = np.append(groups[np.diff(groups)[:, 0] > 1], [[len(order)] * 2], axis=0)
    harmonic = np.cumsum(1 / np.arange(1, len(order) + 1))
    worth = np.cumsum(harmonic[-1] - np.append(0.0, harmonic[:-1]))
    ranked = correct[order].astype(np.float64), sample[order], tied, np.append(0.0, worth)
    found = np.empty(len(counts))
    _in_threads(lambda rows: _fill_aurra(*ranked, counts[rows], found[rows]), len(counts))
    return found


def _in_threads(fill: Callable[[slice], None], rows: int) -> None:
    """Call `fill` with neighbouring parts of the rows, one a core: compiled loops go on beside each other."""
    threads = min(rows, len(os.sched_getaffinity(0)))
    bounds = [rows * thread // threads for thread in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, (slice(*ends) for ends in pairwise(bounds))))


@jit
def _fill_bins(confidence, correct, sample, counts, sizes, confidences, rights):  # pyright: ignore
    """Writes the sums of every bin, float64 (R, B), of every resampling's predictions in order of confidence."""
    for row in range(len(counts)):
        place, room, sum_confidence, sum_right = 0, sizes[0], 0.0, 0.0
        for index in range(len(sample)):
            left = np.int64(counts[row, sample[index]])
            while left > room:  # once a bin: what makes the loop fast is that this branch is predictable
                confidences[row, place] = sum_confidence + room * confidence[index]
                rights[row, place] = sum_right + room * correct[index]
                left -= room
                place += 1
                room, sum_confidence, sum_right = sizes[place], 0.0, 0.0
            sum_confidence += left * confidence[index]
            sum_right += left * correct[index]
            room -= left
        confidences[row, place], rights[row, place] = sum_confidence, sum_right


@jit
def _fill_aurra(correct, sample, tied, worth, counts, found):
    """Writes float64 (R,); predictions `tied[g, 0]` to `tied[g, 1]` - 1 are equally confident, and M ends the groups.

    A right answer at place p, 1 being the most confident, adds 1 / k to the accuracy of the k first, k from p to M:
    `worth[p]`, float64 (M + 1,), is what right answers at the places 1 to p add up to.
    """
    for row in range(len(counts)):
        taken, total, last = 0, 0.0, 0
        for group in range(len(tied)):
            for index in range(last, tied[group, 0]):
                before = worth[taken]
                taken += np.int64(counts[row, sample[index]])
                total += correct[index] * (worth[taken] - before)
            many, right, last = 0, 0.0, tied[group, 1]
            for index in range(tied[group, 0], last):
                times = np.int64(counts[row, sample[index]])
                many += times
                right += times * correct[index]
            total += right / max(1, many) * (worth[taken + many] - worth[taken])
            taken += many
        found[row] = total / taken
