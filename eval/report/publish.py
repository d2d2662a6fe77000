"""From a record and its store to results.json, report.html, the tables as files and the table on the terminal."""

from collections.abc import Sequence
from pathlib import Path

from eval.bootstrap import Resampling, compare, replicate
from eval.console import print_table
from eval.illustrations import read_illustrations
from eval.record import Record
from eval.report.figures import report_figures
from eval.report.page import render_report
from eval.report.tables import report_tables
from eval.results import write_results, write_text
from eval.tables import write_tables


def publish(record: Record, store: Path, out: Path, against: str | None = None, numerals: Sequence[str] = ()) -> None:
    """Score from the store alone, write all files into the folder `out`, print the table and where the report is.

    Differences are from the model `against`, the first if None; `numerals` name tables of the paper to stand beside,
    else those that fit.
    """
    evaluation, predictions = record.score(store), record.predictions(store)
    suites, resampling = record.read_suites(store), Resampling()
    replicates = {name: replicate(suites, found, resampling) for name, found in predictions.items()}
    tables = report_tables(evaluation, compare(evaluation.measurements, replicates, against), numerals)
    figures = report_figures(evaluation, suites, predictions)
    report = out / "report.html"
    write_results(out / "results.json", evaluation)
    write_text(report, render_report(evaluation, tables, figures, *read_illustrations(record.folder(store))))
    write_tables(out, tables.all())
    print_table(tables.headlines)
    print(f"report: {report}")
