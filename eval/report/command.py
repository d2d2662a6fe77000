"""Make a report again from stored predictions: no model is loaded and no picture is read.

    python -m eval.report runs/report
    python -m eval.report runs/a runs/b/store --out runs/both --against baseline

Each STORE is the `--out` or the `--store` folder of `python -m eval`; its newest evaluation is scored anew, so a mended
metric changes the numbers without another evaluation. Several become one report with all of their models: they must be
of one test set, and of a number that several have the newest is shown. results.json, report.html and the tables go into
`--out`, for a single STORE by default into its own folder. The pictures that the report shows are those that the
evaluations stored.
"""

from dataclasses import dataclass
from pathlib import Path

import tyro

from eval.record import FOLDER, read_records
from eval.report.merging import Source
from eval.report.publish import publish
from eval.tables import PaperTableName
from layermix.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Make a report again from stored predictions."""

    stores: tyro.conf.Positional[tuple[Path, ...]]
    """Folders of finished evaluations."""
    out: Path | None = None
    """Folder for the report; the store's own folder if not given."""
    every: bool = False
    """Take all evaluations of each store, not the newest alone."""
    against: str | None = None
    """Model that the others are compared with; the first if not given."""
    paper_table: tuple[PaperTableName, ...] = ()
    """Tables of the paper to stand beside; those of the classes and networks if not given."""


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    arguments = tyro.cli(Arguments, prog="python -m eval.report", args=argv, description=__doc__)
    if not arguments.stores:
        raise InputError("STORES is empty; give the --out folder of one or more evaluations")
    stores = [store_of(folder) for folder in arguments.stores]
    if len({store.resolve() for store in stores}) < len(stores):
        raise InputError(f"STORES must be different, got {', '.join(map(str, stores))}; give each once")
    if arguments.out is None and len(stores) > 1:
        raise InputError(f"--out must say where the report of {len(stores)} stores goes, got none; give a folder")
    out = arguments.out or arguments.stores[0]
    sources = [source for store in stores for source in sources_of(store, arguments.every)]
    publish(sources, out, arguments.against, arguments.paper_table)
    return 0


def store_of(folder: Path) -> Path:
    """The store that `folder` is or holds; InputError where there is none."""
    for store in (folder, folder / "store"):
        if (store / FOLDER).is_dir():
            return store
    raise InputError(f"{folder}: holds no evaluation; give the --out or --store folder of a finished python -m eval")


def sources_of(store: Path, every: bool) -> list[Source]:
    """The newest evaluation of a store, or all of them, oldest first."""
    records = read_records(store)
    return [Source(record=record, store=store) for record in (records if every else records[-1:])]
