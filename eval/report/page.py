"""The report: one HTML file that needs nothing else, with tables, plots and pictures inside.

It shows numbers and what they cover, and claims nothing. Templates are in `eval/templates`.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from PIL import Image

from eval.figures import Panel, corruption_maps, reliability_panel, severity_panels
from eval.gallery import STAGES, GalleryRow
from eval.metrics import ReliabilityCurve, reliability_curve
from eval.predictions import CellPredictions
from eval.results import Evaluation, software_versions
from eval.suites.calibration import pooled_confidence
from eval.tables import HEADLINES, Table, build_table, severity_columns
from writers.corruptions import CORRUPTIONS, SEVERITIES

MOST_BINS, LEAST_IN_BIN = 15, 25
"""Bins of a reliability diagram; fewer where a bin would hold less than the least."""

LARGEST_TILE = 128
"""Side in pixels above which a picture of the gallery is shrunk."""


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Rows of the gallery, or the reason why there are none."""

    rows: Sequence[GalleryRow] = ()
    missing: str = ""


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
    evaluation: Evaluation, curves: Mapping[str, Mapping[str, ReliabilityCurve]], gallery: Gallery
) -> str:
    """The report as HTML; `curves` are those of each model, empty where calibration was not measured."""
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
        headline=build_table(measurements, HEADLINES),
        corruption_tables={name: _severity_table(evaluation, name) for name in corruptions},
        severity_panels=severity_panels(measurements, corruptions, SEVERITIES),
        heat_maps=heat_maps,
        heat_scale=heat_scale,
        reliability={name: _diagrams(name, index, found) for index, (name, found) in enumerate(curves.items())},
        stages=STAGES,
        gallery=[_gallery_row(row) for row in gallery.rows],
        gallery_missing=gallery.missing,
        suites={found.suite for row in measurements.values() for found in row},
        details=_details(evaluation),
        regenerated=any(found.regenerated for row in measurements.values() for found in row),
    )


def _measured_corruptions(evaluation: Evaluation) -> list[str]:
    cells = {m.cell for row in evaluation.measurements.values() for m in row if m.suite == "c"}
    return [name for name in CORRUPTIONS if f"c/{name}" in cells]


def _severity_table(evaluation: Evaluation, corruption: str) -> Table:
    return build_table(evaluation.measurements, severity_columns(corruption, SEVERITIES))


def _details(evaluation: Evaluation) -> dict[tuple[str, str], str]:
    """What numbers cover, in words, by suite and cell."""
    return {(m.suite, m.cell): m.detail for row in evaluation.measurements.values() for m in row if m.detail}


def _diagrams(model: str, index: int, curves: Mapping[str, ReliabilityCurve]) -> list[Panel]:
    return [reliability_panel(group, model, index, curve) for group, curve in curves.items()]


def _gallery_row(row: GalleryRow) -> dict[str, Any]:
    return {"operation": row.operation.replace("_", " "), "pictures": [data_uri(p) for p in row.pictures]}


def data_uri(picture: np.ndarray) -> str:
    """A uint8 (H, W, 3) picture as a `data:` address: exact PNG if small, else a JPEG of at most 128 px."""
    image, encoded = Image.fromarray(picture), BytesIO()
    kind = "PNG" if max(image.size) <= LARGEST_TILE // 2 else "JPEG"
    image.thumbnail((LARGEST_TILE, LARGEST_TILE), Image.Resampling.LANCZOS)
    image.save(encoded, kind, **({"optimize": True} if kind == "PNG" else {"quality": 90}))
    return f"data:image/{kind.lower()};base64,{b64encode(encoded.getvalue()).decode()}"
