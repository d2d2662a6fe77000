"""Calibration: does the confidence of predictions say how often they are right, on clean and on shifted pictures.

Root mean square error over adaptive bins of 100 by both protocols with the debiased value beside, expected
calibration error, Brier score, negative log-likelihood, and AURRA. A shifted set is pooled within each of its groups
(CIFAR-C: a corruption; ImageNet-C: a corruption at a severity), then averaged over them, as published. Clean pictures
that the published ImageNet program left out do not count by the paper's protocol.

Temperature scaling: the temperature is fitted on the clean pictures of even id and judged on those of odd id, on
shifted sets of the same pictures too, so that no picture takes part in both; sets of other pictures are judged whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eval.metrics import (
    BIN_SIZE,
    aurra,
    debiased_rms_calibration_error,
    expected_calibration_error,
    fit_temperature,
    rms_calibration_error,
)
from eval.predictions import CellPredictions, Predictions
from eval.suites.clean import CLEAN, in_whole_batches
from eval.suites.protocol import Measurement, Shift

Values = dict[tuple[str, str], float]
"""Numbers by metric and protocol."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Calibration on each of `shifts`, the clean set among them."""

    name: ClassVar[str] = "calibration"
    families: ClassVar[tuple[str, ...]] = ("cifar", "imagenet")
    shifts: tuple[Shift, ...]

    def measure(self, predictions: CellPredictions) -> list[Measurement]:
        """Every metric of each group, and the mean over the groups under the shift's own name.

        The `paper` value is left out with fewer than 200 samples: it drops the last bin, which is then the only one.
        A shift with a missing cell has no mean.
        """
        temperature = temperature_of(predictions)
        return [measured for shift in self.shifts for measured in self._shift(shift, predictions, temperature)]

    def _shift(self, shift: Shift, predictions: CellPredictions, temperature: float | None) -> list[Measurement]:
        complete = [group for group in shift.groups if all(cell in predictions for cell in group.cells)]
        counts, rows = {}, {}
        for group in complete:
            parts = [predictions[cell] for cell in group.cells]
            counts[group.name] = {protocol: _count(parts, shift, protocol) for protocol in shift.protocols}
            rows[group.name] = _values(parts, shift, temperature)
        found = [
            self._measurement(shift, name, key, value, counts[name][key[1]])
            for name, row in rows.items()
            for key, value in row.items()
        ]
        if len(shift.groups) > 1 and len(complete) == len(shift.groups):
            covers = f"mean over {len(rows)} groups"
            for key, value in _means(list(rows.values())).items():
                total = sum(count[key[1]] for count in counts.values())
                found.append(self._measurement(shift, shift.name, key, value, total, covers))
        return found

    def _measurement(self, shift, cell, key, value, count, detail="") -> Measurement:
        metric, protocol = key
        return Measurement(
            suite=self.name,
            cell=cell,
            metric=metric,
            protocol=protocol,
            value=value,
            count=count,
            regenerated=shift.regenerated,
            detail=detail,
        )


def _means(rows: list[Values]) -> Values:
    """The mean of every number that all rows have."""
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0] if all(key in row for row in rows)}


def _count(parts: Sequence[Predictions], shift: Shift, protocol: str) -> int:
    shown = published(parts, shift)
    return int(shown.sum()) if protocol == "paper" else len(shown)


def published(parts: Sequence[Predictions], shift: Shift) -> np.ndarray:
    """Which predictions of several cells, one cell after the other, count by the paper's protocol: bool (N,)."""
    labels = np.concatenate([part.labels for part in parts])
    if shift.whole_batches is None:
        return np.ones(len(labels), bool)
    return in_whole_batches(labels, shift.whole_batches)


def pooled_confidence(parts: Sequence[Predictions]) -> tuple[np.ndarray, np.ndarray]:
    """Confidence float64 and correctness bool of all samples of several cells, one cell after the other."""
    confidence, correct = zip(*(part.confidence_and_correct() for part in parts))
    return np.concatenate(confidence), np.concatenate(correct)


def pooled_losses(parts: Sequence[Predictions]) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances and log losses of all samples of several cells, float64, one cell after the other."""
    squared = [part.squared_distances() for part in parts]
    return np.concatenate(squared), np.concatenate([part.confidence_and_losses()[1] for part in parts])


def fitted_part(predictions: CellPredictions) -> Predictions | None:
    """The clean pictures of even id, which the temperature is fitted on; None where there are no two clean pictures."""
    if CLEAN not in predictions or len(predictions[CLEAN]) < 2:
        return None
    clean = predictions[CLEAN]
    return clean.rows(clean.sample_ids % 2 == 0)


def judged(found: Predictions, shift: Shift) -> np.ndarray:
    """Which pictures the fitted temperature is judged on, bool (N,): of odd id, or all where they are others."""
    return found.sample_ids % 2 == 1 if shift.paired else np.ones(len(found), bool)


def temperature_of(predictions: CellPredictions) -> float | None:
    """The fitted temperature; None where there is nothing to fit it on."""
    part = fitted_part(predictions)
    return None if part is None else fit_temperature(part.logits, part.labels)


def _values(parts: Sequence[Predictions], shift: Shift, temperature: float | None) -> Values:
    confidence, correct = pooled_confidence(parts)
    values: Values = {}
    shown = published(parts, shift)
    if "paper" in shift.protocols and shown.sum() >= 2 * BIN_SIZE:
        values["rms_calibration_error", "paper"] = rms_calibration_error(confidence[shown], correct[shown], "paper")
    if "strict" not in shift.protocols:
        return values
    if len(confidence) > 1:
        values["debiased_rms_calibration_error", "strict"] = debiased_rms_calibration_error(confidence, correct)
    squared, losses = pooled_losses(parts)
    strict = {
        "rms_calibration_error": rms_calibration_error(confidence, correct),
        "expected_calibration_error": expected_calibration_error(confidence, correct),
        "aurra": aurra(confidence, correct),
        "brier_score": float(squared.mean()),
        "negative_log_likelihood": float(losses.mean()),
        **({} if temperature is None else {"temperature": temperature, **scaled_values(parts, shift, temperature)}),
    }
    return values | {(metric, "strict"): value for metric, value in strict.items()}


def scaled_values(parts: Sequence[Predictions], shift: Shift, temperature: float) -> dict[str, float]:
    """What is measured of logits / temperature, on the pictures that it is judged on."""
    confidence, correct, losses = scaled(parts, shift, temperature)
    return {
        "scaled_rms_calibration_error": rms_calibration_error(confidence, correct),
        "scaled_expected_calibration_error": expected_calibration_error(confidence, correct),
        "scaled_negative_log_likelihood": float(losses.mean()),
    }


def scaled(parts: Sequence[Predictions], shift: Shift, temperature: float) -> tuple[np.ndarray, ...]:
    """By logits / temperature of the pictures that it is judged on, one cell after the other.

    Confidence float64 (N,), whether the prediction is right, bool (N,), and log loss, float64 (N,).
    """
    columns = []
    for part in parts:
        rows = judged(part, shift)
        confidence, losses = part.confidence_and_losses(temperature)
        columns.append((confidence[rows], ~part.mistakes()[rows], losses[rows]))
    return tuple(np.concatenate(found) for found in zip(*columns))
