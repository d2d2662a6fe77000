"""The tables of a report, in its order."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.bootstrap import Comparison
from eval.results import Evaluation
from eval.tables import (
    Measured,
    Table,
    difference_tables,
    headline_table,
    main_tables,
    paper_tables,
    protocol_table,
    severity_table,
)


@dataclass(frozen=True, kw_only=True)
class ReportTables:
    """All tables of a report; None and () where nothing was measured for one."""

    headlines: Table
    main: Sequence[Table]
    differences: Sequence[Table]
    protocols: Table | None
    paper: Sequence[Table]
    severities: Sequence[Table]

    def all(self) -> list[Table]:
        """Those that go into files, each number once."""
        protocols = [] if self.protocols is None else [self.protocols]
        return [*self.main, *self.differences, *protocols, *self.paper, *self.severities]


def report_tables(evaluation: Evaluation, comparison: Comparison, numerals: Sequence[str] = ()) -> ReportTables:
    """From the numbers of an evaluation and their comparison; `numerals` as of `paper_tables`."""
    measured = Measured.of(evaluation.measurements)
    severities = [severity_table(measured, suite) for suite in ("c", "cbar")]
    return ReportTables(
        headlines=headline_table(measured),
        main=main_tables(measured),
        differences=difference_tables(measured, comparison),
        protocols=protocol_table(measured),
        paper=paper_tables(measured, evaluation.models, evaluation.dataset, numerals),
        severities=[table for table in severities if table is not None],
    )
