"""Make reports again from stored predictions: no model is loaded and no picture is read.

    python -m eval.report runs/report
    python -m eval.report runs/a runs/b/store --out runs/again

Each STORE is the `--out` or the `--store` folder of `python -m eval`; its newest evaluation is scored anew, so a mended
metric changes the numbers without another evaluation. results.json and report.html go into the folder itself, or into
a folder of its name below `--out`. The pictures that the report shows are those that the evaluation stored.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from eval.record import FOLDER, read_records
from eval.report.publish import publish
from eval.results import make_folder
from layermix.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Make reports again from stored predictions."""

    stores: tyro.conf.Positional[tuple[Path, ...]]
    """Folders of finished evaluations."""
    out: Path | None = None
    """Folder for the reports, each in a folder of its store's name; the stores' own folders if not given."""
    against: str | None = None
    """Model that the others are compared with; the first if not given."""
    paper_table: tuple[Literal["III", "IV", "V", "VI", "VII", "VIII", "IX"], ...] = ()
    """Tables of the paper to stand beside; those of the classes and networks if not given."""


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    arguments = tyro.cli(Arguments, prog="python -m eval.report", args=argv, description=__doc__)
    if not arguments.stores:
        raise InputError("STORES is empty; give the --out folder of one or more evaluations")
    names = [folder.resolve().name for folder in arguments.stores]
    if arguments.out is not None and len(set(names)) < len(names):
        raise InputError(
            f"--out needs stores of different names, got {', '.join(names)}; make their reports one by one"
        )
    for folder, name in zip(arguments.stores, names):
        out = folder if arguments.out is None else arguments.out / name
        store = store_of(folder)
        record = read_records(store)[-1]
        make_folder(out)
        publish(record, store, out, arguments.against, arguments.paper_table)
    return 0


def store_of(folder: Path) -> Path:
    """The store that `folder` is or holds; InputError where there is none."""
    for store in (folder, folder / "store"):
        if (store / FOLDER).is_dir():
            return store
    raise InputError(f"{folder}: holds no evaluation; give the --out or --store folder of a finished python -m eval")
