"""`python -m eval`: checkpoints in, numbers and one report out.

    python -m eval --checkpoint runs/baseline runs/layermix --root BENCHMARKS --out runs/report
    python -m eval --checkpoint runs/layermix --suite clean c pgd --regenerate --pgd-limit 1000 --out runs/report
    torchrun --nproc-per-node 8 -m eval --checkpoint runs/layermix --root BENCHMARKS --out runs/report

Finds the benchmarks below `--root`; says which are missing, where to get them and how to make them, and measures the
rest. Predictions go into a store (`--store`, in `--out` by default): an interrupted run continues, and what is there
is not computed again. Writes `results.json` (one record a number), `report.html` (one file, no network) and its tables
as `tables.md`, `tables.csv` and `tables.tex` into `--out`. Test set and fractals are those that the checkpoints name,
unless given. With several ranks, also on several machines, `--out` must be a folder that all of them see. Exit code 1:
a set is damaged, so numbers are left out.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import torch
import tyro

from eval.bootstrap import reference_model
from eval.console import print_notes, print_problems
from eval.facts import dataset_facts, model_facts
from eval.illustrations import Album, Illustrations, are_stored, save_illustrations
from eval.illustrations.augmentations import chosen_bank, draw_augmentations
from eval.illustrations.worst_errors import worst_errors
from eval.metrics import Protocol
from eval.network import Arithmetic, PrecisionName
from eval.pictures import common_preprocessing, loader_config, recorded_path
from eval.plan import Plan, check_names, describe_suite, make_plan
from eval.problems import Problem
from eval.progress import show_progress
from eval.ranks import Ranks, joined_ranks
from eval.record import Record
from eval.report.merging import Source
from eval.report.publish import publish
from eval.results import make_folder, software_versions
from eval.runner import Run, cell_key, collect_predictions
from eval.sets import LoaderPictures
from eval.store import StoredCell
from eval.subjects import Subject, check_classes, load_subjects
from eval.suites import SuiteOptions
from eval.suites.planning import Context
from eval.tables import PaperTableName, check_paper_tables
from layermix.config import plain
from layermix.errors import InputError


@dataclass(frozen=True, kw_only=True)
class EvalOptions:
    """Flags of `python -m eval`.

    Attributes:
        checkpoint: run folders or checkpoint files, any number.
        out: folder for results.json, report.html and the tables.
        suite: benchmarks to run: clean, c, cbar, p, pgd, calibration (of clean pictures and of the other suites' sets),
            ood (sets below ROOT/ood); of ImageNet r, a, v2, sketch, o; fourier; autoattack. All but the last two if
            none is given.
        root: folder that holds the benchmarks' folders (CIFAR-10-C, ImageNet-R, ...).
        regenerate: make c, cbar and p from the test set on the fly where `root` lacks them; results say so.
        protocols: paper repeats what the published programs compute, strict keeps to the definitions.
        data: test set, of any format of writers.write_dataset; the one that the checkpoints name where none is given.
        fractals: fractal bank for the gallery; the one that the checkpoints name where none is given.
        store: folder of the predictions; OUT/store where none is given.
        corruptions: only these corruptions of c and cbar; all where none is given.
        pgd_limit: attack only so many pictures, spread over the set; all where none is given.
        pgd_budgets: budgets of the attack in 255ths.
        pgd_restarts: starts of the attack a picture; one that succeeds counts.
        flip_rates: JSON file of AlexNet's flip probability by perturbation, for mFR.
        fourier_samples: pictures, spread over the test set, that fourier shows under waves of every frequency.
        fourier_grid: side of fourier's square of frequencies, odd; 31 for CIFAR, 63 for ImageNet where none is given.
        against: model that the others are compared with, by its name in the report; the first where none is given.
        paper_table: tables of the paper to stand beside; those of the classes and networks where none is given.
        worst_errors: of each model so many of its most confident mistakes are shown; 0 for none.
        grad_cam: so many of them with the places that speak for what the model said (Grad-CAM).
        device: `auto` is a GPU where there is one.
        precision: float32 as published; tf32, bfloat16 and float16 are faster and move logits.
        batch_size: pictures a forward pass.
        threads: threads that read, decode and corrupt ahead of the device; where none is given 2, as the model needs
            the other cores, and with a GPU as many as this rank has cores.
        seed: seed of corruptions, attacks and gallery.
    """

    checkpoint: tuple[Path, ...]
    out: Path
    suite: tuple[str, ...] = ()
    root: Path | None = None
    regenerate: bool = False
    protocols: tuple[Protocol, ...] = ("paper", "strict")
    data: Path | None = None
    fractals: Path | None = None
    store: Path | None = None
    corruptions: tuple[str, ...] = ()
    pgd_limit: int | None = None
    pgd_budgets: tuple[float, ...] = (2.0,)
    pgd_restarts: int = 1
    flip_rates: Path | None = None
    fourier_samples: int = 1000
    fourier_grid: int | None = None
    against: str | None = None
    paper_table: tuple[PaperTableName, ...] = ()
    worst_errors: int = 8
    grad_cam: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: PrecisionName = "float32"
    batch_size: int = 250
    threads: int | None = None
    seed: int = 0

    def check(self) -> None:
        """Raise InputError for a flag outside its range; not at construction, where tyro would word it."""
        if not self.checkpoint:
            raise InputError("--checkpoint must name at least one run, got none; give run folders")
        check_names(self.suite)
        for flag, value in (("--batch-size", self.batch_size), ("--threads", self.threads)):
            if value is not None and value < 1:
                raise InputError(f"{flag} must be ≥ 1, got {value}; leave it out for the default")
        for flag, value in (("--worst-errors", self.worst_errors), ("--grad-cam", self.grad_cam)):
            if value < 0:
                raise InputError(f"{flag} must be ≥ 0, got {value}; 0 shows none")
        if self.grad_cam > self.worst_errors:
            raise InputError(
                f"--grad-cam must be ≤ --worst-errors, {self.worst_errors}, got {self.grad_cam}; show more of them"
            )
        if self.out.exists() and not self.out.is_dir():
            raise InputError(f"--out {self.out} must be a folder, got a file; choose another path")

    def suite_options(self) -> SuiteOptions:
        """What concerns the suites."""
        names = SuiteOptions.__dataclass_fields__
        return SuiteOptions(**{name: getattr(self, name) for name in names})


def main(argv: list[str] | None = None) -> int:
    """Run the command; see the docstring of this module."""
    options = tyro.cli(EvalOptions, prog="python -m eval", args=argv, description=__doc__)
    options.check()
    options.suite_options()
    with joined_ranks() as ranks:
        run = _run(options, ranks)
        subjects = load_subjects(options.checkpoint, run.arithmetic.device)
        reference_model([subject.name for subject in subjects], options.against)
        with _open_test_set(options, subjects, run.threads) as pictures:
            return _evaluate(options, subjects, pictures, run)


def _run(options: EvalOptions, ranks: Ranks) -> Run:
    device = _device(options.device, ranks)
    return Run(
        store=options.store or options.out / "store",
        arithmetic=Arithmetic(device=device, precision=options.precision),
        batch_size=options.batch_size,
        threads=options.threads or default_threads(device, ranks),
        ranks=ranks,
    )


def default_threads(device: torch.device, ranks: Ranks) -> int:
    """Threads ahead of the device; two decode some 2,500 photographs a second, and a GPU takes several times more."""
    return 2 if device.type == "cpu" else max(2, len(os.sched_getaffinity(0)) // ranks.local_size)


def _device(name: str, ranks: Ranks) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda needs a GPU that torch can use, got none; use --device cpu")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        return torch.device("cpu")
    found = torch.cuda.device_count()
    if ranks.local >= found:
        raise InputError(
            f"--nproc-per-node must be at most the {found} GPUs of this machine, got {ranks.local_size}; lower it"
        )
    torch.cuda.set_device(ranks.local)
    return torch.device("cuda", ranks.local)


def _open_test_set(options: EvalOptions, subjects: Sequence[Subject], threads: int) -> LoaderPictures:
    data = options.data or recorded_path(subjects, "test")
    if data is None:
        raise InputError(
            "--data must name the test set, as no checkpoint names one; give a set that writers.write_dataset wrote"
        )
    preprocessing = common_preprocessing(subjects)
    pictures = LoaderPictures(loader_config(data, preprocessing, batch_size=options.batch_size, threads=threads))
    check_classes(subjects, pictures.classes, data)
    check_paper_tables(options.paper_table, pictures.classes)
    return pictures


def _evaluate(options: EvalOptions, subjects: Sequence[Subject], pictures: LoaderPictures, run: Run) -> int:
    is_first = run.ranks.number == 0
    album = Album()
    drawn = _drawn_first(options, subjects, pictures, album) if is_first else Illustrations()
    size = pictures.config.size
    context = Context(pictures=pictures, classes=pictures.classes, size=size, options=options.suite_options())
    plan = make_plan(options.suite, context)
    if is_first:
        print_notes(plan.notes)
        print_problems(plan.problems)
        make_folder(options.out)
    with show_progress(len(plan.cells), shown=is_first) as progress:
        predictions, problems = collect_predictions(subjects, plan.cells, run, progress)
    if not is_first:
        return 0
    record = _record(options, subjects, pictures, plan, run, [*plan.problems, *problems]).save(run.store)
    if not are_stored(record.folder(run.store)):
        shown = {"most": options.worst_errors, "explain": options.grad_cam}
        worst = worst_errors(subjects, plan.cells, predictions, album, **shown)
        save_illustrations(record.folder(run.store), replace(drawn, worst=tuple(worst)), album)
    publish([Source(record=record, store=run.store)], options.out, options.against, options.paper_table)
    print_problems(problems)
    return 1 if any(not problem.missing for problem in record.problems) else 0


def _drawn_first(
    options: EvalOptions, subjects: Sequence[Subject], pictures: LoaderPictures, album: Album
) -> Illustrations:
    """What LayerMix does, drawn before anything is measured, so that a bad bank ends the run early."""
    bank, missing = chosen_bank(options.fractals, subjects)
    if bank is None:
        return Illustrations(missing=missing)
    rows = draw_augmentations(pictures, bank, batch_size=options.batch_size, seed=options.seed, album=album)
    return Illustrations(augmentations=rows)


def _record(
    options: EvalOptions,
    subjects: Sequence[Subject],
    pictures: LoaderPictures,
    plan: Plan,
    run: Run,
    problems: Sequence[Problem],
) -> Record:
    cells = {
        subject.name: {
            cell.key: str(StoredCell(run.store, cell_key(subject, cell, run.arithmetic)).folder.relative_to(run.store))
            for cell in plan.cells
        }
        for subject in subjects
    }
    return Record(
        models=[model_facts(subject) for subject in subjects],
        dataset=dataset_facts(pictures),
        configuration=_configuration(options, subjects, pictures, run.arithmetic.device),
        suites=[describe_suite(suite) for suite in plan.suites],
        cells=cells,
        problems=problems,
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        versions=software_versions(),
    )


def _configuration(
    options: EvalOptions, subjects: Sequence[Subject], pictures: LoaderPictures, device: torch.device
) -> dict[str, Any]:
    chosen = {name: plain(getattr(options, name)) for name in _RECORDED}
    bank, _ = chosen_bank(options.fractals, subjects)
    return {**chosen, **pictures.preparation, "device": device.type, "fractals": plain(bank)}


_RECORDED = (
    *("suite", "protocols", "corruptions", "pgd_limit", "pgd_budgets", "pgd_restarts"),
    *("fourier_samples", "fourier_grid", "precision", "seed", "worst_errors", "grad_cam"),
)
