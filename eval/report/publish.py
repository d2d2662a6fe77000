"""From records and their stores to results.json, report.html, the tables as files and the table on the terminal."""

from collections.abc import Sequence
from pathlib import Path

from eval.bootstrap import compare
from eval.console import print_table
from eval.report.figures import report_figures
from eval.report.merging import Source, merge
from eval.report.page import render_report
from eval.report.tables import report_tables
from eval.results import write_results, write_text
from eval.tables import write_tables


def publish(sources: Sequence[Source], out: Path, against: str | None = None, numerals: Sequence[str] = ()) -> None:
    """Score from the stores alone, write all files into the folder `out`, print the table and where the report is.

    Differences are from the model `against`, the first if None; `numerals` name tables of the paper to stand beside,
    else those that fit.
    """
    merged = merge(sources)
    comparison = compare(merged.evaluation.measurements, merged.replicates, against)
    tables = report_tables(merged.evaluation, comparison, numerals)
    figures = report_figures(merged.evaluation, merged.suites, merged.predictions, comparison.against)
    report = out / "report.html"
    write_results(out / "results.json", merged.evaluation)
    write_text(report, render_report(merged.evaluation, tables, figures, merged.illustrations, merged.album))
    write_tables(out, tables.all())
    print_table(tables.headlines)
    print(f"report: {report}")
