"""The report of an evaluation. `python -m eval.report STORE...` makes it again from stored predictions."""

from eval.report.page import Gallery, data_uri, reliability_curves, render_report

__all__ = ["Gallery", "data_uri", "reliability_curves", "render_report"]
