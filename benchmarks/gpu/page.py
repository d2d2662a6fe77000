"""The result of the GPU suite as a page in Markdown, made from nothing but its JSON."""

from collections.abc import Iterator, Mapping
from typing import Any


def render(body: Mapping[str, Any]) -> str:
    """The page: where it ran, how each section ended, and a table a section."""
    place = body["gpu"] or "a CPU"
    lines = ["# The GPU suite", "", f"Form `{body['form']}`, on {place}. Made by `python -m benchmarks.gpu.run`."]
    if body["form"] == "tiny":
        lines[-1] += " The tiny form shows that everything runs; its numbers mean nothing."
    for name, section in body["sections"].items():
        lines += ["", f"## {name}: {section['status']}"]
        for part in ([section["reason"]] if "reason" in section else [], _table(list(_rows(section)))):
            lines += ["", *part] if part else []
    return "\n".join(lines) + "\n"


def _rows(section: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What a section holds, as rows of named cells; groups of rows are told apart by their names."""
    for name, value in section.get("results", {}).items():
        if any(isinstance(inner, Mapping) for inner in value.values()):
            for inner, cells in value.items():
                yield {"": f"{inner}, {name}", **cells}
        else:
            yield {"": name, **value}
    if "resnet50" in section:
        yield {"": "ResNet-50 step", **section["resnet50"]}
    for name, reason in section.get("skipped", {}).items():
        yield {"": name, "skipped": reason}
    for name, is_equal in section.get("equal", {}).items():
        yield {"": name, "equal": "yes" if is_equal else "NO"}
    for outcome, count in section.get("counts", {}).items():
        yield {"": f"tests {outcome}", "count": count}


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """One table of rows whose cells have names; a cell that a row lacks stays empty."""
    if not rows:
        return []
    columns = list(dict.fromkeys(name for row in rows for name in row))
    titles = [name.replace("_", " ") for name in columns]
    body = [[_text(row.get(name, "")) for name in columns] for row in rows]
    return ["| " + " | ".join(cells) + " |" for cells in (titles, ["---"] * len(columns), *body)]


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value).replace("|", "\\|").replace("\n", " ")
