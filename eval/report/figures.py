"""The figures of a report, in its order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.figures import (
    FrequencyMaps,
    HeatMap,
    HeatScale,
    Panel,
    corruption_maps,
    frequency_maps,
    measured_corruptions,
    reliability_panel,
    severity_panels,
)
from eval.metrics import ReliabilityCurve, reliability_curve
from eval.predictions import CellPredictions
from eval.results import Evaluation
from eval.sets.corrupted import SEVERITIES
from eval.suites import Suite
from eval.suites.calibration import Calibration, pooled_confidence
from eval.suites.fourier import Fourier

MOST_BINS, LEAST_IN_BIN = 15, 25
"""Bins of a reliability diagram; fewer where a bin would hold less than the least."""

_TITLES = {"c": "Corruptions of C", "cbar": "Corruptions of C̄"}


@dataclass(frozen=True, kw_only=True)
class ReportFigures:
    """All figures of a report; None and empty where nothing was measured for one.

    `severities` go by title of the benchmark, `reliability` by name of the model.
    """

    heat_maps: Sequence[HeatMap]
    heat_scale: HeatScale | None
    severities: Mapping[str, Sequence[Panel]]
    reliability: Mapping[str, Sequence[Panel]]
    frequencies: FrequencyMaps | None


def report_figures(
    evaluation: Evaluation, suites: Sequence[Suite], predictions: Mapping[str, CellPredictions]
) -> ReportFigures:
    """From the numbers of an evaluation, and from the predictions of each model where a figure shows more than they."""
    heat_maps, heat_scale = corruption_maps(evaluation.measurements, _TITLES)
    return ReportFigures(
        heat_maps=heat_maps,
        heat_scale=heat_scale,
        severities=_severities(evaluation),
        reliability=_reliability(suites, predictions),
        frequencies=_frequencies(suites, predictions),
    )


def _severities(evaluation: Evaluation) -> dict[str, list[Panel]]:
    found = {
        title: severity_panels(evaluation.measurements, names, SEVERITIES, suite)
        for suite, title in _TITLES.items()
        if (names := measured_corruptions(evaluation.measurements, suite))
    }
    return {title: panels for title, panels in found.items() if panels}


def _reliability(suites: Sequence[Suite], predictions: Mapping[str, CellPredictions]) -> dict[str, list[Panel]]:
    if not any(isinstance(suite, Calibration) for suite in suites):
        return {}
    return {
        model: [reliability_panel(group, model, index, curve) for group, curve in reliability_curves(found).items()]
        for index, (model, found) in enumerate(predictions.items())
    }


def reliability_curves(predictions: CellPredictions) -> dict[str, ReliabilityCurve]:
    """One model's curves for the diagrams: `clean`, and `corrupted`, which pools every corrupted cell."""
    groups = {
        "clean": [found for key, found in predictions.items() if key == "clean"],
        "corrupted": [found for key, found in predictions.items() if key.startswith("c/") and "@" not in key],
    }
    curves = {}
    for group, parts in groups.items():
        if parts:
            confidence, correct = pooled_confidence(parts)
            bin_size = max(LEAST_IN_BIN, -(-len(confidence) // MOST_BINS))
            curves[group] = reliability_curve(confidence, correct, bin_size)
    return curves


def _frequencies(suites: Sequence[Suite], predictions: Mapping[str, CellPredictions]) -> FrequencyMaps | None:
    """Of the models that were shown the frequencies of the suite."""
    for suite in suites:
        if isinstance(suite, Fourier):
            errors = {model: suite.sensitivity(found) for model, found in predictions.items()}
            there = {model: error for model, error in errors.items() if error is not None}
            return frequency_maps(there, suite.coverage)
    return None
