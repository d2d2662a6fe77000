"""Numbers arranged for reading: models in rows, metrics in columns, percent, a column's lowest marked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.suites import Measurement

Key = tuple[str, str, str, str]
"""Suite, cell, metric and protocol: what names a number of one model."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A metric: the group it belongs to, its title, and the key of its numbers."""

    group: str
    title: str
    key: Key


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One number as text: percent, its 95% interval or "", and whether it is the lowest of its column."""

    percent: str
    interval: str
    best: bool


@dataclass(frozen=True, kw_only=True)
class Table:
    """Columns, the predictions behind a number of each, and a row of entries a model (None: not measured)."""

    columns: Sequence[Column]
    counts: Sequence[int]
    rows: Mapping[str, Sequence[Entry | None]]


_RMS, _DEBIASED = "rms_calibration_error", "debiased_rms_calibration_error"
HEADLINES = (
    Column(group="Clean", title="top-1 error", key=("clean", "clean", "top1_error", "strict")),
    Column(group="Clean", title="top-5 error", key=("clean", "clean", "top5_error", "strict")),
    Column(group="Corrupted", title="mCE", key=("c", "c", "mce", "strict")),
    Column(group="PGD", title="top-1 error", key=("pgd", "pgd/2", "top1_error", "strict")),
    Column(group="RMS, clean", title="paper", key=("calibration", "clean", _RMS, "paper")),
    Column(group="RMS, clean", title="strict", key=("calibration", "clean", _RMS, "strict")),
    Column(group="RMS, clean", title="debiased", key=("calibration", "clean", _DEBIASED, "strict")),
    Column(group="RMS, corrupted", title="paper", key=("calibration", "c", _RMS, "paper")),
    Column(group="RMS, corrupted", title="strict", key=("calibration", "c", _RMS, "strict")),
    Column(group="RMS, corrupted", title="debiased", key=("calibration", "c", _DEBIASED, "strict")),
)
"""Columns of the main table, where they were measured."""


def severity_columns(name: str, severities: Sequence[int]) -> tuple[Column, ...]:
    """A column a severity of one corruption, and one with the error pooled over them."""
    cells = {str(level): f"c/{name}/{level}" for level in severities} | {"pooled": f"c/{name}"}
    return tuple(
        Column(group=name, title=title, key=("c", cell, "top1_error", "strict")) for title, cell in cells.items()
    )


def build_table(measurements: Mapping[str, Sequence[Measurement]], columns: Sequence[Column]) -> Table:
    """The table of those `columns` that any model has a number for.

    A number is marked as lowest where the models' numbers differ, before rounding; equal ones share the mark.
    """
    numbers = {model: by_key(found) for model, found in measurements.items()}
    present = [column for column in columns if any(column.key in known for known in numbers.values())]
    lowest = {column.key: _lowest([known.get(column.key) for known in numbers.values()]) for column in present}
    rows = {
        model: [_entry(known.get(column.key), lowest[column.key]) for column in present]
        for model, known in numbers.items()
    }
    counts = [max(known[c.key].count for known in numbers.values() if c.key in known) for c in present]
    return Table(columns=present, counts=counts, rows=rows)


def by_key(measurements: Sequence[Measurement]) -> dict[Key, Measurement]:
    """Measurements of one model by what names them."""
    return {(m.suite, m.cell, m.metric, m.protocol): m for m in measurements}


def percent(fraction: float) -> str:
    """A fraction in percent with one decimal, without the sign."""
    return f"{100 * fraction:.1f}"


def interval_text(interval: tuple[float, float] | None) -> str:
    """A 95% interval in percent, `12.1–15.0`; "" for None."""
    return "" if interval is None else f"{percent(interval[0])}\N{EN DASH}{percent(interval[1])}"


def _lowest(found: Sequence[Measurement | None]) -> float | None:
    values = [measurement.value for measurement in found if measurement is not None]
    return min(values) if len(set(values)) > 1 else None


def _entry(measurement: Measurement | None, lowest: float | None) -> Entry | None:
    if measurement is None:
        return None
    return Entry(
        percent=percent(measurement.value),
        interval=interval_text(measurement.interval),
        best=measurement.value == lowest,
    )
