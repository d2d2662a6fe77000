"""From a record and its store to results.json, report.html and the table on the terminal."""

from pathlib import Path

from eval.console import print_table
from eval.illustrations import read_illustrations
from eval.record import Record
from eval.report.page import reliability_curves, render_report
from eval.results import write_results, write_text
from eval.tables import HEADLINES, build_table


def publish(record: Record, store: Path, out: Path) -> None:
    """Score from the store alone, write both files into the folder `out`, print the table and where the report is."""
    evaluation, predictions = record.score(store), record.predictions(store)
    calibrated = any(suite["suite"] == "calibration" for suite in record.suites)
    curves = {name: reliability_curves(found) for name, found in predictions.items()} if calibrated else {}
    report = out / "report.html"
    write_results(out / "results.json", evaluation)
    write_text(report, render_report(evaluation, curves, *read_illustrations(record.folder(store))))
    print_table(build_table(evaluation.measurements, HEADLINES))
    print(f"report: {report}")
