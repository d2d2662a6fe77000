"""Bring the README's tables in step with the result files.

    python -m benchmarks.readme

The tables stand between the markers `<!-- NAME -->` and `<!-- /NAME -->`. A row whose result file is missing is left
out; the file and the command that makes it are named. A test fails where README and files differ.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import RESULTS
from benchmarks.readme_promises import promise_rows
from benchmarks.readme_results import COMMANDS, Results, Row, result_rows
from layermix import InputError
from layermix.errors import run_program
from layermix.files import atomic_file

README = Path(__file__).parents[1] / "README.md"
OPTIONAL = ("gpu_run",)
"""Result files that need more than the project's own machine."""


@dataclass(frozen=True)
class Table:
    """Titles of the columns, and the rows made from the content of the result files."""

    columns: Row
    rows: Callable[[Mapping[str, Results]], list[Row]]


TABLES = {
    "results": Table(("what", "result", "command"), result_rows),
    "promises": Table(("promise", "figure", "command"), promise_rows),
}
"""Tables by the name of their markers."""


def read_results(folder: Path = RESULTS) -> dict[str, Results]:
    """Content of every result file by its name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def missing(results: Mapping[str, Results]) -> list[str]:
    """Result files that rows should be made from and that are not there."""
    return [name for name in COMMANDS if name not in results and name not in OPTIONAL]


def refreshed(text: str, results: Mapping[str, Results]) -> str:
    """The README's text with its tables as `results` have them, by file name. InputError where a marker is missing."""
    for name, table in TABLES.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if text.count(start) != 1 or text.count(end) != 1 or text.index(start) > text.index(end):
            raise InputError(f"{README.name} must hold {start.strip()} and then {end}, once; put them back")
        lines = [_line(table.columns), _line(("---", "---", "---")), *map(_line, table.rows(results))]
        head, tail = text.partition(start)[0], text.partition(end)[2]
        text = head + start + "\n".join(lines) + "\n" + end + tail
    return text


def _line(cells: Row) -> str:
    return f"| {' | '.join(cells)} |"


def main(argv: list[str] | None = None) -> int:
    """Rewrite the tables of README.md; takes no arguments."""
    if argv or (argv is None and sys.argv[1:]):
        raise InputError("python -m benchmarks.readme takes no arguments")
    results = read_results()
    text = refreshed(README.read_text(encoding="utf-8"), results)
    with atomic_file(README) as file:
        file.write(text.encode())
    print(README)
    for name in missing(results):
        print(f"left out, as benchmarks/results/{name}.json is missing: {COMMANDS[name]} makes it")
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
