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


def find_set(root: Path, benchmark: str, classes: int) -> Path | None:
    """The folder of a benchmark below `root`, by any of its names, letter case and punctuation apart."""
    if not root.is_dir():
        raise InputError(f"--root {root} must be the folder that holds the benchmarks' folders; check the path")
    names = {_plain(name.format(classes=classes)) for name in BENCHMARKS[benchmark]["folders"]}
    return next((path for path in sorted(root.iterdir()) if path.is_dir() and _plain(path.name) in names), None)


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
