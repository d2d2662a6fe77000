"""What the commands print: notes, problems and tables; plain lines where there is no terminal."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as RichTable

from eval.problems import Problem
from eval.tables import Entry, Table


def print_notes(notes: Sequence[str]) -> None:
    """Print what is to be known before the evaluation starts, a line each, to standard error."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def print_problems(problems: Sequence[Problem]) -> None:
    """Print what is not measured and why, a line each, to standard error."""
    for problem in problems:
        print(f"{'missing' if problem.missing else 'damaged'}: {problem.what}: {problem.reason}", file=sys.stderr)


def print_table(table: Table) -> None:
    """Print the table with a metric a line and a model a column: rich on a terminal, plain text otherwise."""
    header = ["metric (errors in percent)", "n", *(", ".join(row.labels) for row in table.rows)]
    lines = [
        [
            column.name,
            "" if column.count is None else f"{column.count:,}",
            *(_text(row.entries[i]) for row in table.rows),
        ]
        for i, column in enumerate(table.columns)
    ]
    print_lines(header, lines)
    print(f"* {table.marked}; brackets: 95% interval")


def print_lines(header: list[str], lines: list[list[str]]) -> None:
    """Print lines of as many texts as the header has, in columns: rich on a terminal, plain text otherwise."""
    if sys.stdout.isatty():
        _print_rich(header, lines)
    else:
        _print_plain(header, lines)


def _text(entry: Entry) -> str:
    mark = "*" if entry.is_marked else ""
    return f"{entry.text}{mark} ({entry.interval_text})" if entry.interval is not None else f"{entry.text}{mark}"


def _print_rich(header: list[str], lines: list[list[str]]) -> None:
    shown = RichTable(*header)
    for line in lines:
        shown.add_row(*line)
    Console(markup=False).print(shown)


def _print_plain(header: list[str], lines: list[list[str]]) -> None:
    widths = [max(len(line[index]) for line in [header, *lines]) for index in range(len(header))]
    for line in [header, *lines]:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())
