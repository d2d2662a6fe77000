"""The report of an evaluation. `python -m eval.report STORE...` makes it again from stored predictions."""

from eval.report.page import reliability_curves, render_report

__all__ = ["reliability_curves", "render_report"]
