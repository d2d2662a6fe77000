"""Tables that compare: models with one of them on the same samples, and the paper's protocol with the strict one."""

from collections.abc import Iterator

from eval.bootstrap import Comparison
from eval.tables.main import Theme, headline_numbers, themes
from eval.tables.numbers import Measured, Number
from eval.tables.table import EMPTY, FORMS, MODEL, UNITS, Column, Entry, Row, Table


def difference_tables(measured: Measured, comparison: Comparison) -> list[Table]:
    """The headline numbers of every other model less those of the one compared against; a table a theme with any."""
    tables = [_difference_table(theme, comparison) for theme in themes(measured)]
    return [table for table in tables if table.columns]


def _difference_table(theme: Theme, comparison: Comparison) -> Table:
    shown = [n for n in theme.numbers if any(n.key in found for found in comparison.differences.values())]
    return Table(
        name=f"{theme.name}-differences",
        title=f"Differences from {comparison.against}: {theme.title}",
        columns=[number.column for number in shown],
        rows=[
            Row(labels=(model,), entries=[_difference(comparison, model, number) for number in shown])
            for model in comparison.differences
        ],
        marked="0 is outside the interval",
    )


def _difference(comparison: Comparison, model: str, number: Number) -> Entry:
    found = comparison.differences[model].get(number.key)
    if found is None:
        return EMPTY
    low, high = found.interval
    factor = UNITS[number.column.unit]
    return Entry(
        value=factor * found.value,
        interval=(factor * low, factor * high),
        is_marked=found.is_clear,
        form=f"+{FORMS[number.column.unit]}",
    )


def protocol_table(measured: Measured) -> Table | None:
    """Every headline number that both protocols have: the paper's, the strict one, and strict less paper."""
    rows = [row for strict, paper in _pairs(measured) for row in _gaps(measured, strict, paper)]
    if not rows:
        return None
    columns = [Column(group="Protocol", title=title) for title in ("paper", "strict", "difference")]
    return Table(name="protocols", title="Paper and strict", stub=("Number", MODEL), columns=columns, rows=rows)


def _pairs(measured: Measured) -> Iterator[tuple[Number, Number]]:
    """Numbers that both protocols have: strict, paper."""
    by_key = {number.key: number for number in headline_numbers(measured)}
    for key, strict in by_key.items():
        paper = by_key.get((*key[:3], "paper"))
        if key[3] == "strict" and paper is not None and measured.has(paper.key):
            yield strict, paper


def _gaps(measured: Measured, strict: Number, paper: Number) -> Iterator[Row]:
    for model, known in measured.numbers.items():
        if strict.key in known and paper.key in known:
            found = [measured.entry(model, number) for number in (paper, strict)]
            gap = UNITS[strict.column.unit] * (known[strict.key].value - known[paper.key].value)
            difference = Entry(value=gap, form=f"+{FORMS[strict.column.unit]}")
            yield Row(labels=(strict.column.name, model), entries=[*found, difference])
