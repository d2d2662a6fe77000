"""The report of an evaluation. `python -m eval.report STORE...` makes it again from stored predictions."""

from eval.report.figures import report_figures
from eval.report.page import render_report

__all__ = ["render_report", "report_figures"]
