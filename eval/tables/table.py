"""A table as data: what every table of the report is, before it becomes HTML, Markdown, LaTeX or CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Interval = tuple[float, float]

MODEL = "Model"
"""Title of the column of labels that holds the model's name; every table has it."""

UNITS = {"percent": 100.0, "distance": 1.0}
"""Factors from a measurement to what is shown."""

FORMS = {"percent": ".1f", "distance": ".2f"}
"""How numbers of a unit are written."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of numbers: its group, its title, their unit, whether higher is better, and predictions behind each."""

    group: str
    title: str
    unit: str = "percent"
    is_higher_better: bool = False
    count: int | None = None

    @property
    def name(self) -> str:
        """Group and title in one."""
        return f"{self.group}, {self.title}"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One place of a table, in the unit of its column.

    value: None where there is only a mark or the paper's number.  interval: the 95% interval.  is_marked: emphasised,
    for the reason that the table gives.  marks: letters that its legend explains.  paper: the paper's number.
    form: how numbers are written.
    """

    value: float | None
    interval: Interval | None = None
    is_marked: bool = False
    marks: str = ""
    paper: float | None = None
    form: str = ".1f"

    @property
    def text(self) -> str:
        """The number; "–" for none."""
        return "\N{EN DASH}" if self.value is None else _signed(self.value, self.form)

    @property
    def interval_text(self) -> str:
        """The interval, `12.1–15.0` or `−0.3 to +0.9`; "" for none."""
        if self.interval is None:
            return ""
        low, high = (_signed(bound, self.form) for bound in self.interval)
        return f"{low} to {high}" if self.form.startswith("+") else f"{low}\N{EN DASH}{high}"

    @property
    def paper_text(self) -> str:
        """The paper's number; "" for none."""
        return "" if self.paper is None else format(self.paper, self.form)


EMPTY = Entry(value=None)
"""Not measured."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Labels, one a title of the table's stub, and an entry a column."""

    labels: tuple[str, ...]
    entries: Sequence[Entry]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of entries below columns.

    name: of the table in files.  stub: titles of the labels, MODEL among them.  marked: what an emphasised entry is.
    legend: marks and what they mean.  notes: sentences below the table.
    """

    name: str
    title: str
    stub: tuple[str, ...] = (MODEL,)
    columns: Sequence[Column]
    rows: Sequence[Row]
    marked: str = ""
    legend: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def blocks(self) -> list[Sequence[Row]]:
        """Neighbouring rows of one first label; every row by itself where rows have no other label."""
        found: list[list[Row]] = []
        for row in self.rows:
            if len(self.stub) > 1 and found and found[-1][0].labels[0] == row.labels[0]:
                found[-1].append(row)
            else:
                found.append([row])
        return [*found]

    def groups(self) -> list[tuple[str, int]]:
        """Neighbouring columns of one group: its name and how many they are."""
        found: list[tuple[str, int]] = []
        for column in self.columns:
            if found and found[-1][0] == column.group:
                found[-1] = (column.group, found[-1][1] + 1)
            else:
                found.append((column.group, 1))
        return found


def _signed(number: float, form: str) -> str:
    """The number with a true minus sign."""
    return format(number, form).replace("-", "\N{MINUS SIGN}")


def percent(fraction: float) -> str:
    """A fraction in percent with one decimal, without the sign."""
    return f"{100 * fraction:.1f}"


def interval_text(interval: Interval | None) -> str:
    """A 95% interval of fractions in percent, `12.1–15.0`; "" for None."""
    return "" if interval is None else f"{percent(interval[0])}\N{EN DASH}{percent(interval[1])}"
