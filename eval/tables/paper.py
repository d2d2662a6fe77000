"""Tables shaped like the paper's: a method a row, its columns, our number with its interval, the paper's beside it.

Ours stands there by the protocol that the paper measured with. A number of another metric, protocol or benchmark never
stands beside the paper's: a mark says why it is missing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import ascii_lowercase
from typing import Any

from eval.suites import Key, Measurement
from eval.suites.clean import CLEAN
from eval.tables.numbers import Measured, measured_entry
from eval.tables.paper_data import COLUMNS, PAPER_DATA, PAPER_TABLES, PaperData, PaperTable
from eval.tables.table import EMPTY, MODEL, Column, Entry, Row, Table
from layermix.errors import InputError

NOBODY = "\N{EN DASH}"
"""Stands for the model in rows that none was trained as, and for the row of models that none fits."""

ONLY_STRICT = "measured by the strict protocol alone, the paper's number is by the other"
PARTIAL = "measured on a part of the benchmark's corruptions or perturbations"
REGENERATED = "on regenerated pictures, not the published files"


@dataclass(frozen=True)
class Legend:
    """Marks, given out in the order in which reasons come up."""

    reasons: dict[str, str] = field(default_factory=dict)

    def mark(self, reason: str) -> str:
        """The letter that stands for a reason."""
        known = {meaning: mark for mark, meaning in self.reasons.items()}
        return known.get(reason) or self._new(reason)

    def _new(self, reason: str) -> str:
        mark = ascii_lowercase[len(self.reasons)]
        self.reasons[mark] = reason
        return mark


def paper_tables(
    measured: Measured,
    models: Sequence[Mapping[str, Any]],
    dataset: Mapping[str, Any],
    numerals: Sequence[str] = (),
) -> list[Table]:
    """The tables of these numerals; where none is named, those of the test set's classes and the models' networks.

    `models` and `dataset` are the facts of an evaluation. InputError for a table of other classes.
    """
    check_paper_tables(numerals, dataset["classes"])
    if numerals:
        return [_table(PAPER_TABLES[numeral], measured, models, dataset) for numeral in numerals]
    return [
        _table(table, measured, [model for model in models if model["network"] in table.networks], dataset)
        for table in default_tables(models, dataset)
    ]


def default_tables(models: Sequence[Mapping[str, Any]], dataset: Mapping[str, Any]) -> list[PaperTable]:
    """Of each network the first table of the paper that has it on these classes."""
    names = [name for name, data in PAPER_DATA.items() if _is_data(data, dataset)]
    fitting = [table for table in PAPER_TABLES.values() if table.data in names]
    found = {}
    for model in models:
        own = [table for table in fitting if model["network"] in table.networks]
        found |= {table.numeral: table for table in own[:1]}
    return [found[numeral] for numeral in sorted(found, key=list(PAPER_TABLES).index)]


def _is_data(data: PaperData, dataset: Mapping[str, Any]) -> bool:
    """By the names of the classes; where these are numbers, by their number and that of the pictures."""
    classes = dataset["classes"]
    return data.is_named_by(classes) or (data.may_be(classes) and dataset["count"] == data.pictures)


def check_paper_tables(numerals: Sequence[str], classes: Sequence[str]) -> None:
    """InputError for a table of the paper that is of other classes."""
    for numeral in numerals:
        name = PAPER_TABLES[numeral].data
        data = PAPER_DATA[name]
        if not data.is_named_by(classes) and not data.may_be(classes):
            raise InputError(
                f"--paper-table {numeral} is of {name} with {len(data.names())} classes, the test set has "
                f"{len(classes)} others; leave it out, or choose the table of the test set"
            )


def _table(
    table: PaperTable, measured: Measured, models: Sequence[Mapping[str, Any]], dataset: Mapping[str, Any]
) -> Table:
    page = _Page(table=table, measured=measured, dataset=dataset)
    rows_of = {model["name"]: table.rows_of(model) for model in models}
    rows = []
    for row, numbers in table.numbers.items():
        own = [name for name, found in rows_of.items() if row in found]
        rows += [page.row(row, name, numbers) for name in own or [NOBODY]]
    rows += [page.row(NOBODY, name, {}) for name, found in rows_of.items() if not found]
    return Table(
        name=f"paper-{table.numeral.lower()}",
        title=f"Table {table.numeral} of the paper: {table.title}",
        stub=("Method", MODEL),
        columns=[_column(name) for name in table.columns()],
        rows=rows,
        legend=page.legend.reasons,
        notes=list(_notes(table, models, rows_of)),
    )


@dataclass(frozen=True, kw_only=True)
class _Page:
    """One table while it is filled with our numbers."""

    table: PaperTable
    measured: Measured
    dataset: Mapping[str, Any]
    legend: Legend = field(default_factory=Legend)

    @property
    def data(self) -> PaperData:
        """The paper's test set."""
        return PAPER_DATA[self.table.data]

    def row(self, label: str, model: str, paper: Mapping[str, float]) -> Row:
        """A model's numbers beside the paper's of one row."""
        columns = self.table.columns()
        found = [EMPTY if model == NOBODY else self._entry(name, self.measured.numbers[model]) for name in columns]
        entries = [replace(entry, paper=paper.get(name), form=self.table.form) for entry, name in zip(found, columns)]
        return Row(labels=(label.replace("_", " "), model), entries=entries)

    def _entry(self, name: str, known: Mapping[Key, Measurement]) -> Entry:
        """A model's number for a column of the paper, or the mark that says why there is none."""
        if name in self.table.not_comparable:
            return self._withheld(self.table.not_comparable[name])
        strict, paper = (_key(name, protocol) for protocol in ("strict", "paper"))
        found = known.get(paper) or known.get(strict)
        if found is None:
            return EMPTY
        if not _is_as_published(name, self.data, known):
            return self._withheld(ONLY_STRICT)
        count, published = self._pictures(found)
        if count is None:
            return self._withheld(PARTIAL)
        marks = self.legend.mark(REGENERATED) if found.regenerated else ""
        if count != published:
            marks += self.legend.mark(f"on {count:,} pictures, the paper's number is on {published:,}")
        return measured_entry(_column(name), found, marks=marks)

    def _withheld(self, reason: str) -> Entry:
        return Entry(value=None, marks=self.legend.mark(reason))

    def _pictures(self, found: Measurement) -> tuple[int | None, int]:
        """Pictures behind a number, None where some sights of them are missing, and those behind the paper's."""
        if found.cell == "r":
            return found.count, self.data.renditions
        if found.cell == CLEAN:
            return found.count, self.data.clean_pictures(found.protocol)
        sights, own = self.data.sights(found.cell), self.dataset["count"]
        if sights == 1:
            return found.count, self.data.pictures
        return (own if found.count == sights * own else None), self.data.pictures


def _is_as_published(name: str, data: PaperData, known: Mapping[Key, Measurement]) -> bool:
    """Whether the number was measured by the paper's protocol, or both protocols are one."""
    if data.family in COLUMNS[name]["agree"]:
        return True
    cell = COLUMNS[name]["cell"]
    if data.family == "imagenet" and cell in ("c", "cbar"):  # whose pictures the paper prepared otherwise
        return (cell, cell, "mce", "paper") in known
    return _key(name, "paper") in known


def _key(name: str, protocol: str) -> Key:
    facts = COLUMNS[name]
    return facts["suite"], facts["cell"], facts["metric"], protocol


def _column(name: str) -> Column:
    facts = COLUMNS[name]
    return Column(group=facts["group"], title=facts["title"], unit=facts.get("unit", "percent"))


def _notes(
    table: PaperTable, models: Sequence[Mapping[str, Any]], rows_of: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """Where a model is not what the paper trained."""
    for model in models:
        name, rows = model["name"], rows_of[model["name"]]
        if model["network"] not in table.networks:
            yield f"{name} is a {model['network']}, which the paper's table does not have."
        if not rows:
            yield f"{name}: no row of the table has its policy, {model['policy']}, with these settings and this loss."
        if len(rows) > 1:
            yield f"{name} stands in two rows, as its checkpoint does not record the colour of its fractals."
    trained = ", ".join(f"{model['name']} {model['epoch']}" for model in models if rows_of[model["name"]])
    if trained:
        yield f"Epochs trained: {trained}."
