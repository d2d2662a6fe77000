"""Replicates of the calibration suite: of every group and shift, by what names the number."""

from collections.abc import Iterator, Sequence

import numpy as np

from eval.bootstrap.ranked import resampled_aurra, resampled_curves
from eval.bootstrap.resampling import Resampling, around
from eval.bootstrap.temperature import FittedTemperature, fitted_temperature
from eval.metrics import (
    UNIFORM_BINS,
    ReliabilityCurve,
    debiased_rms_of_curve,
    reliability_curve,
    rms_calibration_error,
    rms_of_curve,
    uniform_bins,
)
from eval.predictions import CellPredictions, Predictions
from eval.suites import Key, Shift
from eval.suites.calibration import Calibration, pooled_confidence, pooled_losses, published, scaled, scaled_values

Values = dict[tuple[str, str], np.ndarray]
"""Float64 (replicates,) by metric and protocol."""


def calibration_replicates(
    suite: Calibration, predictions: CellPredictions, resampling: Resampling
) -> Iterator[tuple[Key, np.ndarray]]:
    """Those of every group and shift whose cells are there and show the same samples."""
    temperature = fitted_temperature(predictions, resampling)
    for shift in suite.shifts:
        rows = {}
        for group in shift.groups:
            parts = [predictions[cell] for cell in group.cells if cell in predictions]
            if len(parts) == len(group.cells) and len({len(part) for part in parts}) == 1:
                rows[group.name] = _group(shift, parts, temperature, resampling)
        for name, row in rows.items():
            yield from ((("calibration", name, *key), values) for key, values in row.items())
        if len(shift.groups) > 1 and len(rows) == len(shift.groups):
            yield from ((("calibration", shift.name, *key), values) for key, values in _means(list(rows.values())))


def _means(rows: list[Values]) -> Iterator[tuple[tuple[str, str], np.ndarray]]:
    for key in rows[0]:
        if all(key in row and len(row[key]) == len(rows[0][key]) for row in rows):
            yield key, np.mean([row[key] for row in rows], axis=0)


def _group(
    shift: Shift, parts: Sequence[Predictions], temperature: FittedTemperature | None, resampling: Resampling
) -> Values:
    """Of cells that show the same samples, or of a single cell."""
    confidence, correct = pooled_confidence(parts)
    sample = np.tile(np.arange(len(parts[0])), len(parts))
    counts = resampling.counts(len(parts[0]))
    shown = published(parts, shift)
    if shown.all():
        values = _root_mean_squares(shift.protocols, confidence, correct, sample, counts)
    else:
        values = _root_mean_squares(("strict",), confidence, correct, sample, counts)
        values |= _published_error(confidence[shown], correct[shown], resampling)
    if "strict" not in shift.protocols:
        return values
    squared, losses = pooled_losses(parts)
    strict = {
        "expected_calibration_error": resampled_ece(confidence, correct, sample, resampling),
        "aurra": resampled_aurra(confidence, correct, sample, counts),
        "brier_score": _means_of(squared, len(parts), resampling),
        "negative_log_likelihood": _means_of(losses, len(parts), resampling),
        **({} if temperature is None else _scaled(shift, parts, temperature, resampling)),
    }
    return values | {(metric, "strict"): rows for metric, rows in strict.items()}


def _published_error(confidence: np.ndarray, correct: np.ndarray, resampling: Resampling) -> Values:
    """The paper's error of a cell that it did not show whole: from the pictures that it did, if any."""
    count = len(confidence)
    return (
        _root_mean_squares(("paper",), confidence, correct, np.arange(count), resampling.counts(count)) if count else {}
    )


def _root_mean_squares(
    protocols: Sequence[str], confidence: np.ndarray, correct: np.ndarray, sample: np.ndarray, counts: np.ndarray
) -> Values:
    """Around the measured ones; arguments as in `eval.bootstrap.ranked`."""
    measured = _of_curves(protocols, reliability_curve(confidence, correct))
    drawn = _of_curves(protocols, resampled_curves(confidence, correct, sample, counts))
    return {key: around(measured[key].item(), rows) for key, rows in drawn.items()}


def _of_curves(protocols: Sequence[str], curves: ReliabilityCurve) -> Values:
    found: Values = {}
    if "paper" in protocols and len(curves.count) > 1:
        found["rms_calibration_error", "paper"] = rms_of_curve(curves, "paper")
    if "strict" in protocols:
        found["rms_calibration_error", "strict"] = rms_of_curve(curves, "strict")
        if curves.count.min() > 1:
            found["debiased_rms_calibration_error", "strict"] = debiased_rms_of_curve(curves)
    return found


def resampled_ece(
    confidence: np.ndarray, correct: np.ndarray, sample: np.ndarray, resampling: Resampling
) -> np.ndarray:
    """`eval.metrics.expected_calibration_error`, around the measured one; arguments as in `eval.bootstrap.ranked`."""
    count = sample.max() + 1
    places = uniform_bins(confidence) + UNIFORM_BINS * sample
    gaps = np.bincount(places, weights=confidence - correct, minlength=UNIFORM_BINS * count)
    gaps = gaps.reshape(count, UNIFORM_BINS) * count / len(sample)
    return around(np.abs(gaps.mean(axis=0)).sum().item(), np.abs(resampling.means(gaps)).sum(axis=1))


def _means_of(losses: np.ndarray, sights: int, resampling: Resampling) -> np.ndarray:
    """Mean losses, (replicates,), of as many sights of every sample, one sight of all after the other."""
    return resampling.means(losses.reshape(sights, -1).mean(axis=0)[:, None])[:, 0]


def _scaled(
    shift: Shift, parts: Sequence[Predictions], temperature: FittedTemperature, resampling: Resampling
) -> dict[str, np.ndarray]:
    """The temperature, and what it makes of the samples that it was not fitted on.

    Both are drawn: the samples at the fitted temperature, and for what another temperature makes of the numbers their
    secant over a standard error to either side.
    """
    confidence, correct, losses = scaled(parts, shift, temperature.value)
    count = len(confidence) // len(parts)
    sample = np.tile(np.arange(count), len(parts))
    rms = rms_of_curve(resampled_curves(confidence, correct, sample, resampling.counts(count)))
    fixed = {
        "scaled_rms_calibration_error": around(rms_calibration_error(confidence, correct), rms),
        "scaled_expected_calibration_error": resampled_ece(confidence, correct, sample, resampling),
        "scaled_negative_log_likelihood": _means_of(losses, len(parts), resampling),
    }
    slopes = temperature.secants(lambda value: scaled_values(parts, shift, value))
    moves = temperature.replicates - temperature.value
    moved = {metric: np.maximum(0.0, rows + slopes[metric] * moves) for metric, rows in fixed.items()}
    return {"temperature": temperature.replicates, **moved}
