"""The report: one HTML file that needs nothing else, with tables, plots and pictures inside.

It shows numbers and what they cover, and claims nothing. Templates are in `eval/templates`.
"""

from collections.abc import Mapping
from pathlib import Path

import jinja2

from eval.figures import Panel, corruption_maps, reliability_panel, severity_panels
from eval.gallery import STAGES
from eval.illustrations import Album, Illustrations
from eval.metrics import ReliabilityCurve, reliability_curve
from eval.predictions import CellPredictions
from eval.report.tables import ReportTables
from eval.results import Evaluation, software_versions
from eval.suites.calibration import pooled_confidence
from writers.corruptions import CORRUPTIONS, SEVERITIES

MOST_BINS, LEAST_IN_BIN = 15, 25
"""Bins of a reliability diagram; fewer where a bin would hold less than the least."""


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


def render_report(
    evaluation: Evaluation,
    tables: ReportTables,
    curves: Mapping[str, Mapping[str, ReliabilityCurve]],
    illustrations: Illustrations,
    album: Album,
) -> str:
    """The report as HTML; `curves` are those of each model, empty where calibration was not measured.

    `album` holds the pictures of `illustrations`.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parents[1] / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    measurements = evaluation.measurements
    corruptions = _measured_corruptions(evaluation)
    heat_maps, heat_scale = corruption_maps(measurements)
    return environment.get_template("report.html").render(
        evaluation=evaluation,
        versions=software_versions(),
        tables=tables,
        severity_panels=severity_panels(measurements, corruptions, SEVERITIES),
        heat_maps=heat_maps,
        heat_scale=heat_scale,
        reliability={name: _diagrams(name, index, found) for index, (name, found) in enumerate(curves.items())},
        stages=STAGES,
        illustrations=illustrations,
        album=album,
        suites={found.suite for row in measurements.values() for found in row},
        details=_details(evaluation),
        regenerated=any(found.regenerated for row in measurements.values() for found in row),
    )


def _measured_corruptions(evaluation: Evaluation) -> list[str]:
    cells = {m.cell for row in evaluation.measurements.values() for m in row if m.suite == "c"}
    return [name for name in CORRUPTIONS if f"c/{name}" in cells]


def _details(evaluation: Evaluation) -> dict[tuple[str, str], str]:
    """What numbers cover, in words, by suite and cell."""
    return {(m.suite, m.cell): m.detail for row in evaluation.measurements.values() for m in row if m.detail}


def _diagrams(model: str, index: int, curves: Mapping[str, ReliabilityCurve]) -> list[Panel]:
    return [reliability_panel(group, model, index, curve) for group, curve in curves.items()]
