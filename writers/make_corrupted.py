"""Make CIFAR-C, CIFAR-C̄, CIFAR-P, ImageNet-C, ImageNet-C̄ or ImageNet-P from clean test pictures.

Purpose: the robustness benchmarks where the released sets cannot be had, for CIFAR-10 and CIFAR-100 (C̄ included),
ImageNet, its subsets, and any other pictures.

Contract: OUT appears complete or not at all. It is made as OUT.partial and takes its name at the end, with
made_by.json: "regenerated", benchmark, seed, source, counts, versions. Layouts are those of the released sets, so
everything that reads them reads these. Each picture follows from its pixels, the seed and its sample id (its place in
the source) alone: bytes do not depend on --workers, ranks, interruptions or on which other names are made.
An interrupted run (SIGKILL, Ctrl-C, a full disk) goes on with --resume and loses some seconds of work.
A bad picture ends the run, or is left out of every file by --on-bad skip or quarantine.

Layouts: cifar-c and cifar-cbar, NAME.npy, uint8 (5 N, 32, 32, 3), severity 1 first, and labels.npy; cifar-p, NAME.npy,
uint8 (N, T, 32, 32, 3). imagenet-c and imagenet-cbar, NAME/SEVERITY/CLASS/*.JPEG of 224 px and quality 85; imagenet-p,
NAME/CLASS/*.mp4. ImageNet's pictures are shrunk to a short side of 256 and cut to the middle 224.

Under torchrun the ranks share the work in a shared folder, and rank 0 publishes.

Limits: these are not the released files; results on them are labelled "regenerated". Frost is drawn, not photographed.
ImageNet-C takes 75 GB; eval can corrupt on the fly instead (`writers.corruptions.corrupt`).

    python -m writers.make_corrupted --benchmark cifar-c --source parquet --root test.parquet --out CIFAR-10-C
    python -m writers.make_corrupted --benchmark cifar-cbar --source cifar100 --root cifar-100-python --out C100-C-Bar
    python -m writers.make_corrupted --benchmark imagenet-c --source folder --root val --out ImageNet-C --workers 16
    python -m writers.make_corrupted --benchmark imagenet-p --source dataset --root val.beton --out ImageNet-P --resume
    torchrun --nproc-per-node 4 -m writers.make_corrupted --benchmark imagenet-c --source folder --root val --out IN-C
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import tyro

from layermix import __version__
from layermix.errors import InputError, run_program
from writers.bad import OnBad
from writers.corrupted.arrays import ArrayLayout
from writers.corrupted.folders import FolderLayout
from writers.corrupted.layout import Layout
from writers.corrupted.make import make_set
from writers.corrupted.reading import SourceChoice, read_small
from writers.corrupted.unfinished import UnfinishedSet, finished_record
from writers.corruptions import PERTURBATION_BENCHMARKS, corruption_names, perturbation_names
from writers.images import quiet_pillow
from writers.progress import show_progress
from writers.ranks import Rank
from writers.registry import SourceRequest
from writers.source import Source

_PROGRAMS = ("numpy", "numba", "opencv-python", "pillow", "av")


@dataclass(frozen=True, kw_only=True)
class MakeCorrupted:
    """Make a corrupted or perturbed copy of a test set, in the layout of the released one: everything or nothing."""

    benchmark: Literal["cifar-c", "cifar-cbar", "cifar-p", "imagenet-c", "imagenet-cbar", "imagenet-p"]
    """The set to make: its corruptions, severities and layout."""
    source: Literal["cifar10", "cifar100", "parquet", "folder", "ilsvrc-tar", "digits", "dataset"]
    """Kind of clean pictures, as in write_dataset; dataset: a finished data set, such as a .beton."""
    out: Path
    """Folder to make."""
    root: Path | None = None
    """File or folder of the clean pictures; not for digits."""
    split: Literal["train", "test"] | None = None
    """Part of cifar10, cifar100, digits, or of a folder of parquet shards (test if not given)."""
    ground_truth: Path | None = None
    """Labels of ImageNet's validation tar."""
    subset: str | None = None
    """Classes of folder and ilsvrc-tar to keep: imagenet-200, or a file of one class name a line."""
    names: tuple[str, ...] = ()
    """Corruptions or perturbations to make (all that the benchmark averages over if not given)."""
    extra: bool = False
    """The extras too: four corruptions of C; four perturbations and the other difficulties of P."""
    limit: int | None = None
    """Only the first so many pictures."""
    seed: int = 0
    """Seed of the random numbers."""
    workers: int | None = None
    """Processes (the number of cores if not given)."""
    on_bad: OnBad = "fail"
    """A bad picture ends the run (fail), is left out and counted (skip), or is left out and listed with its
    reason in OUT.quarantine.jsonl (quarantine)."""
    resume: bool = False
    """Continue an interrupted run of the same command; start where there is none."""
    patience: float = 60.0
    """Seconds that rank 0 waits for a rank that gives no sign of life."""
    overwrite: bool = False
    """Replace OUT, or what an interrupted run left of it."""


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 when the set is made. InputError for every mistake that the user can mend."""
    arguments = tyro.cli(
        MakeCorrupted, prog="python -m writers.make_corrupted", args=argv, config=(tyro.conf.FlagCreatePairsOff,)
    )
    _check(arguments)
    rank, start = Rank.from_environment(), time.monotonic()
    names = _names(arguments)
    choice = SourceChoice(kind=arguments.source, request=_request(arguments))
    source = choice.open()
    count = min(len(source), arguments.limit or len(source))
    identity = _identity(arguments, names, source, count)
    resume = arguments.resume or rank.restarted
    if resume and finished_record(arguments.out, identity) is not None:
        print(f"{arguments.out}: is finished already")
        return 0
    with UnfinishedSet(
        arguments.out, rank.number, identity, resume=resume, overwrite=arguments.overwrite
    ) as unfinished:
        layout = _layout(arguments, names, choice, source, count)
        facts = _make(arguments, layout, unfinished, rank)
    if facts is not None:
        _report(arguments, names, facts, layout.total / (time.monotonic() - start))
    return 0


def _make(arguments: MakeCorrupted, layout: Layout, unfinished: UnfinishedSet, rank: Rank) -> Mapping[str, Any] | None:
    with quiet_pillow(), _progress(layout, rank) as advance:
        return make_set(
            layout,
            unfinished,
            rank,
            workers=_workers(arguments, rank),
            patience=arguments.patience,
            quarantine=arguments.on_bad == "quarantine",
            advance=advance,
        )


def _workers(arguments: MakeCorrupted, rank: Rank) -> int:
    return arguments.workers or max(1, len(os.sched_getaffinity(0)) // rank.local_size)


def _report(arguments: MakeCorrupted, names: tuple[str, ...], facts: Mapping[str, Any], rate: float) -> None:
    unit = "sequences" if arguments.benchmark in PERTURBATION_BENCHMARKS else "pictures"
    print(
        f"{arguments.out}: {arguments.benchmark}, {len(names)} names of {facts['pictures']:,} pictures, "
        f"regenerated, {rate:,.1f} {unit}/s"
    )
    if facts["skipped"]:
        print(f"{arguments.out}: {facts['skipped']:,} bad pictures left out")


def _check(arguments: MakeCorrupted) -> None:
    for flag in ("limit", "workers"):
        value = getattr(arguments, flag)
        if value is not None and value < 1:
            raise InputError(f"--{flag} must be >= 1, got {value}; leave it out for the default")
    if not 0 <= arguments.seed < 2**64:
        raise InputError(f"--seed must be in [0, 2**64), got {arguments.seed}; 0 is usual")
    if not arguments.patience > 0:
        raise InputError(f"--patience must be > 0, got {arguments.patience:g}; 60 is usual")
    if arguments.overwrite and Rank.from_environment().size > 1:
        raise InputError(f"--overwrite is for one process; remove {arguments.out} and its .partial before torchrun")
    if arguments.resume and arguments.overwrite:
        raise InputError("--resume continues a run and --overwrite starts over; give one of them")
    if arguments.root is not None and arguments.root.resolve() == arguments.out.resolve():
        raise InputError(f"--out {arguments.out} is the same as --root; choose another --out")


def _names(arguments: MakeCorrupted) -> tuple[str, ...]:
    """The names to make, in the order of the benchmark."""
    known_names = perturbation_names if arguments.benchmark in PERTURBATION_BENCHMARKS else corruption_names
    known = known_names(arguments.benchmark, extra=True)
    if not arguments.names:
        return known_names(arguments.benchmark, extra=arguments.extra)
    for name in arguments.names:
        if name not in known:
            raise InputError(f"--names {name!r} is not in {arguments.benchmark}, which has {', '.join(known)}")
    return tuple(name for name in known if name in arguments.names)


def _request(arguments: MakeCorrupted) -> SourceRequest:
    has_splits = arguments.source in ("cifar10", "cifar100", "digits")
    return SourceRequest(
        root=arguments.root,
        split=arguments.split or ("test" if has_splits else None),
        ground_truth=arguments.ground_truth,
        subset=arguments.subset,
    )


def _identity(arguments: MakeCorrupted, names: tuple[str, ...], source: Source, count: int) -> dict[str, Any]:
    """Everything that the pictures follow from."""
    origin = {key: value for key, value in source.describe().items() if key not in ("root", "ground_truth")}
    return {
        "benchmark": arguments.benchmark,
        "names": list(names),
        "seed": arguments.seed,
        "source": {**origin, "taken": count},
        "classes": list(source.classes),
        "on_bad": arguments.on_bad,
        "frost": "drawn, not the published photographs",
        "programs": {"layermix": __version__, **{name: version(name) for name in _PROGRAMS}},
    }


def _layout(
    arguments: MakeCorrupted, names: tuple[str, ...], choice: SourceChoice, source: Source, count: int
) -> Layout:
    common: dict[str, Any] = {"benchmark": arguments.benchmark, "names": names, "seed": arguments.seed}
    if arguments.benchmark.startswith("imagenet"):
        return FolderLayout(**common, source=choice, count=count, on_bad=arguments.on_bad)
    with quiet_pillow():
        pictures = read_small(source, count, len(os.sched_getaffinity(0)), arguments.on_bad)
    return ArrayLayout(**common, pictures=pictures)


def _progress(layout: Layout, rank: Rank) -> AbstractContextManager[Callable[[int], None]]:
    if rank.number != 0:
        return nullcontext(lambda pictures: None)
    return show_progress(layout.total // rank.size)


if __name__ == "__main__":
    sys.exit(run_program(main))
