"""The report: one HTML file that needs nothing else, with tables, plots and pictures inside.

It shows numbers and what they cover, and claims nothing. Templates are in `eval/templates`.
"""

from pathlib import Path

import jinja2

from eval.gallery import STAGES
from eval.illustrations import Album, Illustrations
from eval.report.figures import ReportFigures
from eval.report.tables import ReportTables
from eval.results import Evaluation
from eval.suites.clean import PUBLISHED_BATCH


def render_report(
    evaluation: Evaluation, tables: ReportTables, figures: ReportFigures, illustrations: Illustrations, album: Album
) -> str:
    """The report as HTML; `album` holds the pictures of `illustrations`."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parents[1] / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    measurements = evaluation.measurements
    return environment.get_template("report.html").render(
        evaluation=evaluation,
        tables=tables,
        figures=figures,
        stages=STAGES,
        illustrations=illustrations,
        album=album,
        suites={found.suite for row in measurements.values() for found in row},
        details=_details(evaluation),
        published_batch=PUBLISHED_BATCH,
        regenerated=any(found.regenerated for row in measurements.values() for found in row),
    )


def _details(evaluation: Evaluation) -> dict[tuple[str, str], str]:
    """What numbers cover, in words, by suite and cell."""
    return {(m.suite, m.cell): m.detail for row in evaluation.measurements.values() for m in row if m.detail}
