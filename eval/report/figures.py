"""The figures of a report, in its order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.figures import (
    Emphasis,
    FrequencyMaps,
    HeatMap,
    HeatScale,
    Panel,
    corruption_maps,
    emphasis,
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

    `severities` go by title of the benchmark and name the models of `emphasis`, `reliability` go by name of the model,
    `frequencies` by rising number of frequencies.
    """

    heat_maps: Sequence[HeatMap]
    heat_scale: HeatScale | None
    emphasis: Emphasis
    severities: Mapping[str, Sequence[Panel]]
    reliability: Mapping[str, Sequence[Panel]]
    frequencies: Sequence[FrequencyMaps]


def report_figures(
    evaluation: Evaluation,
    suites: Mapping[str, Sequence[Suite]],
    predictions: Mapping[str, CellPredictions],
    against: str,
) -> ReportFigures:
    """From the numbers of an evaluation, and from the predictions of each model where a figure shows more than they.

    `suites` are those that each model was measured by, the newest first; the others are compared with `against`.
    """
    heat_maps, heat_scale = corruption_maps(evaluation.measurements, _TITLES)
    shown = emphasis(evaluation.measurements, against, list(_TITLES))
    return ReportFigures(
        heat_maps=heat_maps,
        heat_scale=heat_scale,
        emphasis=shown,
        severities=_severities(evaluation, shown),
        reliability=_reliability(suites, predictions),
        frequencies=_frequencies(suites, predictions),
    )


def _severities(evaluation: Evaluation, shown: Emphasis) -> dict[str, list[Panel]]:
    found = {
        title: severity_panels(evaluation.measurements, names, SEVERITIES, shown, suite)
        for suite, title in _TITLES.items()
        if (names := measured_corruptions(evaluation.measurements, suite))
    }
    return {title: panels for title, panels in found.items() if panels}


def _reliability(
    suites: Mapping[str, Sequence[Suite]], predictions: Mapping[str, CellPredictions]
) -> dict[str, list[Panel]]:
    if not any(isinstance(suite, Calibration) for own in suites.values() for suite in own):
        return {}
    return {
        model: [reliability_panel(group, model, index, curve) for group, curve in reliability_curves(found).items()]
        for index, (model, found) in enumerate(predictions.items())
    }


def reliability_curves(predictions: CellPredictions) -> dict[str, ReliabilityCurve]:
    """One model's curves for the diagrams: `clean`, and `corrupted`, which pools every corrupted cell."""
    groups = {
        "clean": [predictions[key] for key in predictions if key == "clean"],
        "corrupted": [predictions[key] for key in predictions if key.startswith("c/") and "@" not in key],
    }
    curves = {}
    for group, parts in groups.items():
        if parts:
            confidence, correct = pooled_confidence(parts)
            bin_size = max(LEAST_IN_BIN, -(-len(confidence) // MOST_BINS))
            curves[group] = reliability_curve(confidence, correct, bin_size)
    return curves


def _frequencies(
    suites: Mapping[str, Sequence[Suite]], predictions: Mapping[str, CellPredictions]
) -> list[FrequencyMaps]:
    """Maps of one square side by side, each model's the newest; titles say what differs where pictures do."""
    found: dict[int, dict[str, Fourier]] = {}
    for model, own in suites.items():
        for suite in own:
            if isinstance(suite, Fourier) and suite.mistakes(predictions[model]) is not None:
                found.setdefault(suite.grid, {}).setdefault(model, suite)
    return [_square(found[grid], predictions) for grid in sorted(found)]


def _square(suites: Mapping[str, Fourier], predictions: Mapping[str, CellPredictions]) -> FrequencyMaps:
    covers = list(dict.fromkeys(suite.coverage for suite in suites.values()))
    titles = {model: f"{model}, {suite.samples:,} pictures" for model, suite in suites.items()}
    errors = {
        model if len(covers) == 1 else titles[model]: suite.sensitivity(predictions[model])
        for model, suite in suites.items()
    }
    return frequency_maps(errors, "; ".join(covers))
