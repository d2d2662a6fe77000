"""Replicates of the RMS calibration error, which is no mean over samples: its bins are filled anew.

Resampling repeats samples, and a bin of repeated samples scatters more than one of as many different ones: replicates
of a calibrated model lie about sqrt(2) times too high. What is right about them is their spread, so they are moved to
lie around the measured value.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from eval.bootstrap.resampling import Resampling
from eval.metrics import BIN_SIZE, ReliabilityCurve, bin_counts, debiased_rms_of_curve, rms_of_curve
from eval.predictions import CellPredictions, Predictions
from eval.suites import Key, Shift
from eval.suites.calibration import Calibration
from layermix.compilation import jit

Values = dict[tuple[str, str], np.ndarray]
"""Float64 (replicates,) by metric and protocol."""


def calibration_replicates(
    suite: Calibration, predictions: CellPredictions, resampling: Resampling
) -> Iterator[tuple[Key, np.ndarray]]:
    """The RMS errors, plain and debiased, of every group and shift that `suite` measures: around the measured ones."""
    for shift in suite.shifts:
        rows = {}
        for group in shift.groups:
            parts = [predictions[cell] for cell in group.cells if cell in predictions]
            if len(parts) == len(group.cells) and len({len(part) for part in parts}) == 1:
                rows[group.name] = _group(shift, parts, resampling)
        for name, row in rows.items():
            yield from ((("calibration", name, *key), values) for key, values in row.items())
        if len(shift.groups) > 1 and len(rows) == len(shift.groups):
            yield from ((("calibration", shift.name, *key), values) for key, values in _means(list(rows.values())))


def _means(rows: list[Values]) -> Iterator[tuple[tuple[str, str], np.ndarray]]:
    for key in rows[0]:
        if all(key in row and len(row[key]) == len(rows[0][key]) for row in rows):
            yield key, np.mean([row[key] for row in rows], axis=0)


def _group(shift: Shift, parts: Sequence[Predictions], resampling: Resampling) -> Values:
    """Of cells that show the same samples, or of a single cell."""
    sample = np.concatenate([np.arange(len(part)) for part in parts])
    found = [part.confidence_and_correct() for part in parts]
    confidence, correct = (np.concatenate(rows) for rows in zip(*found))
    counts = resampling.counts(len(parts[0]))
    drawn = _values(shift, resampled_curves(confidence, correct, sample, counts))
    whole = _values(shift, resampled_curves(confidence, correct, sample, np.ones_like(counts[:1])))
    return {key: np.maximum(0.0, whole[key] + values - values.mean()) for key, values in drawn.items()}


def _values(shift: Shift, curves: ReliabilityCurve) -> Values:
    found: Values = {}
    if "paper" in shift.protocols and len(curves.count) > 1:
        found["rms_calibration_error", "paper"] = rms_of_curve(curves, "paper")
    if "strict" in shift.protocols:
        found["rms_calibration_error", "strict"] = rms_of_curve(curves, "strict")
        if curves.count.min() > 1:
            found["debiased_rms_calibration_error", "strict"] = debiased_rms_of_curve(curves)
    return found


def resampled_curves(
    confidence: np.ndarray, correct: np.ndarray, sample: np.ndarray, counts: np.ndarray
) -> ReliabilityCurve:
    """Curves of adaptive bins, means (R, B), of R resamplings of M predictions.

    `confidence` float64 (M,), `correct` bool (M,); `sample` integer (M,) says whose prediction it is, `counts` uint8
    (R, N) how often a resampling takes the sample: M in all, so all curves have the same bins.
    """
    order = np.argsort(confidence, kind="stable")
    sizes = bin_counts(len(order), BIN_SIZE)
    sums = np.zeros((2, len(counts), len(sizes)))
    _fill_bins(confidence[order], correct[order], sample[order], counts, sizes, sums[0], sums[1])
    return ReliabilityCurve(confidence=sums[0] / sizes, accuracy=sums[1] / sizes, count=sizes)


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
