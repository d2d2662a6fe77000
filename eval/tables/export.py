"""Tables as files beside the report: tables.md, tables.csv and tables.tex."""

import csv
import re
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

from eval.results import write_text
from eval.tables.table import MODEL, Column, Entry, Row, Table

CSV_HEADER = ("table", "model", "column", "unit", "value", "low", "high", "marks", "paper")


def write_tables(folder: Path, tables: Sequence[Table]) -> None:
    """Write all three files, each whole or not at all."""
    write_text(folder / "tables.md", "\n".join(markdown(table) for table in tables))
    write_text(folder / "tables.csv", long_csv(tables))
    write_text(folder / "tables.tex", _TEX_HEAD + "\n".join(latex(table) for table in tables))


def markdown(table: Table) -> str:
    """The table in Markdown below its title: intervals in brackets, the marked numbers bold."""
    header = [*table.stub, *(column.name for column in table.columns)]
    lines = [f"## {table.title}", "", _markdown_line(header)]
    lines.append("|" + " --- |" * len(table.stub) + " ---: |" * len(table.columns))
    lines += [_markdown_line([*row.labels, *map(_markdown_entry, row.entries)]) for row in table.rows]
    return "\n".join([*lines, "", *(f"{sentence}\n" for sentence in _sentences(table, "Bold"))])


def _markdown_line(texts: Sequence[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def _markdown_entry(entry: Entry) -> str:
    text = f"**{entry.text}**" if entry.is_marked else entry.text
    if entry.marks:
        text += f"<sup>{entry.marks}</sup>"
    if entry.interval is not None:
        text += f" ({entry.interval_text})"
    return text if entry.paper is None else f"{text}; paper {entry.paper_text}"


def _sentences(table: Table, emphasis: str) -> Iterator[str]:
    """What stands below the table."""
    if table.marked and any(entry.is_marked for row in table.rows for entry in row.entries):
        yield f"{emphasis}: {table.marked}."
    yield from table.notes
    yield from (f"{mark}: {meaning}." for mark, meaning in table.legend.items())


def long_csv(tables: Sequence[Table]) -> str:
    """Every number of all tables, one a line below CSV_HEADER, with all digits, in the unit of its column."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for table in tables:
        for row in table.rows:
            for column, entry in zip(table.columns, row.entries):
                if entry.value is not None or entry.paper is not None or entry.marks:
                    writer.writerow(_csv_line(table, row, column, entry))
    return out.getvalue()


def _csv_line(table: Table, row: Row, column: Column, entry: Entry) -> Sequence[str | float | None]:
    place = table.stub.index(MODEL)
    others = (*row.labels[:place], *row.labels[place + 1 :])
    low, high = entry.interval or (None, None)
    name = ", ".join((*others, column.name))
    return table.name, row.labels[place], name, column.unit, entry.value, low, high, entry.marks, entry.paper


_TEX_HEAD = r"""% Needs \usepackage{booktabs}. Below a number its 95% interval, in italics the paper's number.
\providecommand{\stacked}[1]{\begin{tabular}[t]{@{}r@{}}#1\end{tabular}}

"""

_TEX_SIGNS = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\N{EN DASH}": "--",
    "\N{MINUS SIGN}": "$-$",
    "C\N{COMBINING MACRON}": r"$\bar{\mathrm{C}}$",
}
_TEX_PATTERN = re.compile("|".join(re.escape(sign) for sign in _TEX_SIGNS))


def latex(table: Table) -> str:
    """The table in LaTeX with booktabs' rules: intervals and the paper's numbers below the number, in small type."""
    columns = "l" * len(table.stub) + "r" * len(table.columns)
    groups = [f"\\multicolumn{{{width}}}{{c}}{{{_tex(name)}}}" for name, width in table.groups()]
    head = [*map(_tex, table.stub), *(_tex(column.title) for column in table.columns)]
    lines = [
        r"\begin{table}",
        r"\centering\small",
        f"\\caption{{{' '.join([_tex(table.title) + '.', *map(_tex, _sentences(table, 'Bold'))])}}}",
        f"\\label{{tab:{table.name}}}",
        f"\\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _tex_line([""] * len(table.stub) + groups),
        _tex_line(head),
        r"\midrule",
        "\n\\addlinespace\n".join(map(_tex_row, table.rows)),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _tex_row(row: Row) -> str:
    return _tex_line([*map(_tex, row.labels), *map(_tex_entry, row.entries)])


def _tex_line(texts: Sequence[str]) -> str:
    return " & ".join(texts) + r" \\"


def _tex_entry(entry: Entry) -> str:
    text = _tex(entry.text)
    if entry.is_marked:
        text = f"\\textbf{{{text}}}"
    if entry.marks:
        text += f"\\textsuperscript{{{entry.marks}}}"
    below = [_tex(entry.interval_text)] if entry.interval is not None else []
    below += [f"\\textit{{{entry.paper_text}}}"] if entry.paper is not None else []
    if not below:
        return text
    return r"\stacked{" + r" \\ ".join([text, *(rf"{{\scriptsize {line}}}" for line in below)]) + "}"


def _tex(text: str) -> str:
    """Text with LaTeX's signs made safe."""
    return _TEX_PATTERN.sub(lambda found: _TEX_SIGNS[found[0]], text)
