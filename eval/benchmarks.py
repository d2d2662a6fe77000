"""The released sets: what their folders are called, where they come from, and how they are made where they can be."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from layermix.errors import InputError

BENCHMARKS: Mapping[str, Mapping[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "benchmarks.json").read_text(encoding="utf-8")
)
"""By name: title, folder names, where to get the set, its size, and whether `writers.make_corrupted` makes it."""

MADE_HERE = "made_by.json"
"""A file of this name says that a set was made by `writers.make_corrupted` and is not the released one."""


def find_sets(root: Path, classes: int) -> dict[str, Path]:
    """The folders of all benchmarks below `root`, by any of their names, letter case and punctuation apart.

    Of one that is there by several names it is the first.
    """
    found: dict[str, Path] = {}
    for path in folders_below(root):
        for benchmark in benchmarks_called(path.name, classes):
            found.setdefault(benchmark, path)
    return found


def folders_below(root: Path) -> list[Path]:
    """Sorted; InputError where `root` is no folder."""
    if not root.is_dir():
        raise InputError(f"--root {root} must be the folder that holds the benchmarks' folders; check the path")
    return [path for path in sorted(root.iterdir()) if path.is_dir()]


def benchmarks_called(name: str, classes: int) -> list[str]:
    """The benchmarks, at most one, whose folder may have this name."""
    return [
        benchmark
        for benchmark, facts in BENCHMARKS.items()
        if _plain(name) in {_plain(folder.format(classes=classes)) for folder in facts["folders"]}
    ]


def is_regenerated(folder: Path) -> bool:
    """Whether the set in `folder` was made by this program."""
    return (folder / MADE_HERE).is_file()


def how_to_get(benchmark: str, root: Path | None, classes: int, data: Path) -> str:
    """One line: which folder is missing, where the set is, and the command that makes it."""
    facts = BENCHMARKS[benchmark]
    folder = (root or Path("BENCHMARKS")) / facts["folders"][0].format(classes=classes)
    line = f"{facts['title']}: {folder} is not there; get it from {facts['where']} ({facts['size']})"
    if not facts["make"]:
        return line
    command = f"python -m writers.make_corrupted --benchmark {benchmark} --source dataset --root {data} --out {folder}"
    return f"{line}, or make it: {command}; or give --regenerate"


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
