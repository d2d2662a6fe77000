"""`python -m eval.affinity`: how far policies carry pictures (affinity) and how much they add (diversity).

    python -m eval.affinity --checkpoint runs/baseline --out runs/affinity
    python -m eval.affinity --checkpoint runs/baseline --policy layermix layermix:magnitude=3 baseline \
        --runs runs/baseline runs/layermix --out runs/affinity

The checkpoint should be of a model trained without augmentation; it sees the test pictures clean and in several
draws of every policy, default all that are registered. `--runs` adds the diversity by final training losses.
Writes affinity.json, affinity.md, affinity.svg and affinity.html into `--out`. Crops and flips of the training
are left out: it is the policy that is measured. What is computed, and after whom: `eval/affinity/measures.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import torch
import tyro

from eval.affinity.measures import Estimate
from eval.affinity.policies import describe, distinct, every_policy, parse_policy
from eval.affinity.publish import Outcome, table, write_outcome
from eval.affinity.runs import Run, loss_diversities, read_run, unlike_baseline
from eval.affinity.sights import Draws, measure_policies
from eval.console import print_lines
from eval.metrics import wilson_interval
from eval.pictures import common_preprocessing, open_pictures, recorded_path
from eval.progress import show_progress
from eval.results import make_folder
from eval.subjects import Subject, check_classes, load_subjects
from layermix import Baseline, FractalBank, Policy
from layermix.errors import InputError
from pipelines import Loader


@dataclass(frozen=True, kw_only=True)
class AffinityOptions:
    """Flags of `python -m eval.affinity`.

    Attributes:
        checkpoint: run folder or checkpoint file of the model that looks, best one trained on clean pictures.
        out: folder for the results.
        policy: policies, as name or name:key=value,key=value; all registered ones where none is given.
        runs: finished training runs, one of them a baseline's, for the diversity by training losses.
        data: test set, of any format of writers.write_dataset; the one that the checkpoint names where none is given.
        fractals: fractal bank; the one that the checkpoint names where none is given.
        epochs: draws of each policy to average over.
        seed: seed of the draws.
        device: `auto` is a GPU where there is one.
        batch_size: pictures a forward pass.
        threads: threads that decode and augment.
    """

    checkpoint: Path
    out: Path
    policy: tuple[str, ...] = ()
    runs: tuple[Path, ...] = ()
    data: Path | None = None
    fractals: Path | None = None
    epochs: int = 3
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    batch_size: int = 250
    threads: int = 2

    def check(self) -> None:
        """Raise InputError for a flag outside its range; not at construction, where tyro would word it."""
        for flag, value in (
            ("--epochs", self.epochs),
            ("--batch-size", self.batch_size),
            ("--threads", self.threads),
        ):
            if value < 1:
                raise InputError(f"{flag} must be ≥ 1, got {value}; leave it out for the default")
        if not 0 <= self.seed < 2**64:
            raise InputError(f"--seed must be in [0, 2**64), got {self.seed}; pass a non-negative integer")
        if self.out.exists() and not self.out.is_dir():
            raise InputError(f"--out {self.out} must be a folder, got a file; choose another path")


def main(argv: list[str] | None = None) -> int:
    """Run the command; see the docstring of this module."""
    options = tyro.cli(AffinityOptions, prog="python -m eval.affinity", args=argv, description=__doc__)
    options.check()
    runs = [read_run(folder) for folder in options.runs]
    losses = loss_diversities(runs)
    policies = _policies(options, runs)
    device = _device(options.device)
    (subject,) = load_subjects((options.checkpoint,), device)
    draws = _draws(options, subject, policies)
    with _open_test_set(options, subject) as pictures:
        make_folder(options.out)
        with show_progress(1 + options.epochs * len(policies)) as progress:
            clean, measures = measure_policies(subject, policies, pictures, draws, device, progress.finish)
        outcome = Outcome(
            policies=policies,
            clean_accuracy=_clean_accuracy(clean, pictures.num_samples),
            measures=measures,
            losses=losses,
            notes=_notes(subject, runs),
            **_facts(options, subject, pictures, draws, device),
        )
    _publish(options, outcome)
    return 0


def _policies(options: AffinityOptions, runs: Sequence[Run]) -> list[Policy]:
    named = [parse_policy(text) for text in options.policy] or every_policy()
    return distinct([*named, *(run.policy for run in runs)])


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda needs a GPU that torch can use, got none; use --device cpu")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _draws(options: AffinityOptions, subject: Subject, policies: Sequence[Policy]) -> Draws:
    users = [describe(policy) for policy in policies if policy.uses_fractals]
    path = (options.fractals or recorded_path([subject], "fractals")) if users else None
    if users and path is None:
        raise InputError(
            f"--fractals must name a fractal bank, as {', '.join(users)} mix them in and the checkpoint names none; "
            "give one, or other policies with --policy"
        )
    bank = None if path is None else FractalBank.open(path)
    return Draws(fractals=bank, epochs=options.epochs, seed=options.seed, threads=options.threads)


def _open_test_set(options: AffinityOptions, subject: Subject) -> Loader:
    data = options.data or recorded_path([subject], "test")
    if data is None:
        raise InputError(
            "--data must name the test set, as the checkpoint names none; give a set that writers.write_dataset wrote"
        )
    preprocessing = common_preprocessing([subject])
    pictures = open_pictures(data, preprocessing, batch_size=options.batch_size, threads=options.threads)
    check_classes([subject], pictures.classes, data)
    return pictures


def _clean_accuracy(share: float, count: int) -> Estimate:
    low, high = wilson_interval(count - round(share * count), count)
    return Estimate(value=share, low=1 - high, high=1 - low)


def _notes(subject: Subject, runs: Sequence[Run]) -> list[str]:
    notes = unlike_baseline(runs)
    trained = subject.about["config"].get("policy", {}).get("name", "a policy that it does not record")
    if trained != Baseline.name:
        notes.insert(
            0,
            f"The model {subject.name} was trained with {trained}: affinity is defined with a model trained on clean "
            "data, and is higher for what a model was trained on.",
        )
    return notes


def _facts(
    options: AffinityOptions, subject: Subject, pictures: Loader, draws: Draws, device: torch.device
) -> dict[str, Any]:
    model = {"name": subject.name, "path": subject.path, "sha256": subject.sha256}
    sha256 = pictures.manifest.sha256 if pictures.manifest else None
    data = {"name": pictures.config.data.stem, "path": str(pictures.config.data), "sha256": sha256}
    bank = None if draws.fractals is None else str(draws.fractals.path)
    chosen = {name: getattr(options, name) for name in ("epochs", "seed", "batch_size", "threads")}
    return {
        "model": {**model, "network": subject.about["model"]["name"], "epoch": subject.about["epoch"]},
        "dataset": {**data, "count": pictures.num_samples, "fractals": bank},
        "configuration": {**chosen, "size": pictures.config.size, "device": device.type},
        "created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _publish(options: AffinityOptions, outcome: Outcome) -> None:
    """Write the files; print the table, what to know about it, and where the report is."""
    *_, page = write_outcome(options.out, outcome)
    print_lines(*table(outcome))
    for note in outcome.notes:
        print(f"note: {note}")
    print(f"brackets: 95% interval; clean accuracy {outcome.clean_accuracy.value:.3f}")
    print(f"report: {page}")
