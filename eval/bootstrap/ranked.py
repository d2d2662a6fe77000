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
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, len(order) + 1))])
    ranked, found = (correct[order].astype(np.float64), sample[order], starts), np.empty(len(counts))
    _in_threads(lambda rows: _fill_aurra(*ranked, counts[rows], harmonic, found[rows]), len(counts))
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
def _fill_aurra(correct, sample, starts, counts, harmonic, found):
    """Writes float64 (R,); predictions `starts[g]` to `starts[g + 1]` - 1 are equally confident, the first g the most.

    With `right` among `taken` so far, `many` of which a share is right add the sum over j of
    (right + j share) / (taken + j), which is many share + (right - taken share) times a difference of harmonic numbers.
    """
    for row in range(len(counts)):
        taken, right, total = 0, 0.0, 0.0
        for group in range(len(starts) - 1):
            start, stop = starts[group], starts[group + 1]
            many = np.int64(counts[row, sample[start]])
            share = correct[start]
            if stop - start > 1:  # rare, so predictable
                good = many * share
                for index in range(start + 1, stop):
                    times = np.int64(counts[row, sample[index]])
                    many += times
                    good += times * correct[index]
                share = good / max(1, many)
            total += many * share + (right - taken * share) * (harmonic[taken + many] - harmonic[taken])
            taken += many
            right += many * share
        found[row] = total / taken
