"""The main tables: every headline number of an evaluation, by theme, where it was measured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eval.suites import Key
from eval.tables.numbers import BEST, Measured, Number, number_table
from eval.tables.table import MODEL, Column, Row, Table
from writers.corruptions import SEVERITIES

SHIFTS = {
    "clean": "clean",
    "c": "C",
    "cbar": "C\N{COMBINING MACRON}",
    "r": "R",
    "a": "A",
    "v2": "V2",
    "sketch": "Sketch",
}
"""Sets that errors and calibration are measured on, as the tables call them."""

_CALIBRATION = (
    ("RMS paper", "rms_calibration_error", "paper"),
    ("RMS", "rms_calibration_error", "strict"),
    ("RMS debiased", "debiased_rms_calibration_error", "strict"),
)


@dataclass(frozen=True, kw_only=True)
class Theme:
    """Headline numbers that make one table, of which `name` is the name in files."""

    name: str
    title: str
    numbers: Sequence[Number]


def themes(measured: Measured) -> list[Theme]:
    """Robustness, natural shifts and strange pictures, and calibration."""
    return [
        Theme(name="robustness", title="Error and robustness", numbers=list(_robustness(measured))),
        Theme(name="shifts", title="Natural shifts and strange pictures", numbers=list(_shifts(measured))),
        Theme(name="calibration", title="RMS calibration error", numbers=list(_calibration())),
    ]


def headline_numbers(measured: Measured) -> list[Number]:
    """Those of all themes."""
    return [number for theme in themes(measured) for number in theme.numbers]


def main_tables(measured: Measured) -> list[Table]:
    """A table a theme that holds a number."""
    tables = [number_table(theme.name, theme.title, measured, theme.numbers) for theme in themes(measured)]
    return [table for table in tables if table.columns]


def headline_table(measured: Measured) -> Table:
    """All of them in one."""
    return number_table("headlines", "Results", measured, headline_numbers(measured))


def severity_table(measured: Measured, suite: str) -> Table | None:
    """Top-1 error of every corruption of C or C-bar by severity, and pooled over them; None where none was measured."""
    cells = [key[1].split("/") for known in measured.numbers.values() for key in known if key[0] == suite]
    names = list(dict.fromkeys(parts[1] for parts in cells if len(parts) == 3))
    tables = {name: number_table("", name, measured, _severity_numbers(suite, name)) for name in names}
    if not tables:
        return None
    rows = [
        Row(labels=(name.replace("_", " "), *row.labels), entries=row.entries)
        for name, table in tables.items()
        for row in table.rows
    ]
    columns = next(iter(tables.values())).columns
    title = f"{SHIFTS[suite]} by severity"
    stub = ("Corruption", MODEL)
    return Table(name=f"{suite}-severities", title=title, stub=stub, columns=columns, rows=rows, marked=BEST)


def _severity_numbers(suite: str, name: str) -> list[Number]:
    cells = {str(level): f"{suite}/{name}/{level}" for level in SEVERITIES} | {"pooled": f"{suite}/{name}"}
    return [_number("Severity", title, (suite, cell, "top1_error", "strict")) for title, cell in cells.items()]


def _robustness(measured: Measured) -> Iterator[Number]:
    yield from _protocols("Clean", "top-1 error", ("clean", "clean", "top1_error"))
    yield from _protocols("Clean", "top-5 error", ("clean", "clean", "top5_error"))
    for suite in ("c", "cbar"):
        yield from _protocols(SHIFTS[suite], "mCE", (suite, suite, "mce"))
    yield _number("C", "mCE / AlexNet", ("c", "c", "alexnet_mce", "strict"))
    yield _number(f"C and {SHIFTS['cbar']}", "mCE", ("cbar", "c+cbar", "mce_c_and_cbar", "strict"))
    yield from _protocols("P", "mFP", ("p", "p", "mfp"))
    yield _number("P", "mFR", ("p", "p", "mfr", "strict"))
    yield from _protocols("P", "mT5D", ("p", "p", "mt5d"), unit="distance")
    for budget, restarts, cell in _attacks(measured):
        title = "top-1 error" if restarts == "1" else f"top-1 error, {restarts} restarts"
        yield from _protocols(f"PGD {budget}/255", title, ("pgd", cell, "top1_error"))
    yield _number("AutoAttack", "top-1 error", ("autoattack", "autoattack", "top1_error", "strict"))
    grids = {int(cell.removeprefix("fourier/")) for suite, cell in _cells(measured.numbers) if suite == "fourier"}
    for grid in sorted(grids):
        for title in ("mean error", "largest error"):
            key = ("fourier", f"fourier/{grid}", title.replace(" ", "_"), "strict")
            yield _number(f"Fourier, {grid} by {grid}", title, key)


def _shifts(measured: Measured) -> Iterator[Number]:
    for suite in ("r", "a", "v2", "sketch"):
        yield _number(SHIFTS[suite], "top-1 error", (suite, suite, "top1_error", "strict"))
        yield _number(SHIFTS[suite], "top-5 error", (suite, suite, "top5_error", "strict"))
        yield _number(SHIFTS[suite], "clean error, same classes", (suite, f"{suite}-clean", "top1_error", "strict"))
    for suite, cell in _strange(measured):
        title = "O" if suite == "o" else cell.removeprefix("ood/")
        for score in ("softmax", "energy"):
            for metric, is_higher_better in (("auroc", True), ("aupr", True), ("fpr95", False)):
                key = (suite, cell, f"{score}_{metric}", "strict")
                yield _number(f"OOD {title}", f"{metric.upper()} {score}", key, is_higher_better=is_higher_better)


def _calibration() -> Iterator[Number]:
    for cell, title in SHIFTS.items():
        for name, metric, protocol in _CALIBRATION:
            yield _number(title, name, ("calibration", cell, metric, protocol))


def _protocols(group: str, title: str, key: tuple[str, str, str], **more) -> Iterator[Number]:
    """The number by the strict protocol, and by the paper's where that differs."""
    yield _number(group, title, (*key, "strict"), **more)
    yield _number(group, f"{title} paper", (*key, "paper"), **more)


def _number(group: str, title: str, key: Key, **more) -> Number:
    return Number(column=Column(group=group, title=title, **more), key=key)


def _attacks(measured: Measured) -> list[tuple[str, str, str]]:
    """Budget, restarts and cell of every attack, by rising budget."""
    cells = [cell for suite, cell in _cells(measured.numbers) if suite == "pgd"]
    parts = [cell.removeprefix("pgd/").partition("x") for cell in cells]
    found = [(budget, restarts or "1", cell) for (budget, _, restarts), cell in zip(parts, cells)]
    return sorted(found, key=lambda attack: (float(attack[0]), int(attack[1])))


def _strange(measured: Measured) -> list[tuple[str, str]]:
    return sorted({(suite, cell) for suite, cell in _cells(measured.numbers) if suite in ("o", "ood")})


def _cells(numbers: Mapping[str, Mapping[Key, object]]) -> set[tuple[str, str]]:
    return {key[:2] for known in numbers.values() for key in known}
