"""Tables of what was measured: a model a row, a number a column, the best of each column marked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from eval.suites import Key, Measurement
from eval.tables.table import EMPTY, FORMS, UNITS, Column, Entry, Row, Table

BEST = "best of the models"
"""Why entries of these tables are marked."""

Numbers = Mapping[str, Mapping[Key, Measurement]]
"""By model and by what names them."""


@dataclass(frozen=True, kw_only=True)
class Number:
    """A column and the key of its numbers."""

    column: Column
    key: Key


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The numbers of all models."""

    numbers: Numbers

    @classmethod
    def of(cls, measurements: Mapping[str, Sequence[Measurement]]) -> "Measured":
        """From the measurements of an evaluation."""
        return cls(numbers={model: by_key(found) for model, found in measurements.items()})

    def has(self, key: Key) -> bool:
        """Whether any model has the number."""
        return any(key in known for known in self.numbers.values())

    def entry(self, model: str, number: Number, **more) -> Entry:
        """The number of a model in the column's unit."""
        found = self.numbers[model].get(number.key)
        return EMPTY if found is None else measured_entry(number.column, found, **more)


def measured_entry(column: Column, found: Measurement, **more) -> Entry:
    """A number in the unit of a column."""
    factor = UNITS[column.unit]
    interval = None if found.interval is None else (factor * found.interval[0], factor * found.interval[1])
    return Entry(value=factor * found.value, interval=interval, **{"form": FORMS[column.unit], **more})


def by_key(measurements: Sequence[Measurement]) -> dict[Key, Measurement]:
    """Measurements of one model by what names them."""
    return {found.key: found for found in measurements}


def number_table(name: str, title: str, measured: Measured, numbers: Sequence[Number]) -> Table:
    """The table of those `numbers` that any model has.

    The best number of a column is marked where the models' differ, before rounding; equal ones share the mark.
    """
    present = [number for number in numbers if measured.has(number.key)]
    columns = [_counted(number, measured.numbers) for number in present]
    best = {number.key: _best(number, measured.numbers) for number in present}
    rows = [
        Row(
            labels=(model,),
            entries=[
                measured.entry(
                    model, number, is_marked=number.key in known and known[number.key].value == best[number.key]
                )
                for number in present
            ],
        )
        for model, known in measured.numbers.items()
    ]
    return Table(name=name, title=title, columns=columns, rows=rows, marked=BEST)


def _counted(number: Number, numbers: Numbers) -> Column:
    return replace(number.column, count=max(row[number.key].count for row in numbers.values() if number.key in row))


def _best(number: Number, numbers: Numbers) -> float | None:
    values = {known[number.key].value for known in numbers.values() if number.key in known}
    if len(values) < 2:
        return None
    return max(values) if number.column.is_higher_better else min(values)
