"""The models under evaluation: checkpoints with the facts that a report needs about them."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from layermix.errors import InputError
from models import load_classifier
from models.checkpoint import checkpoint_path


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A classifier in evaluation mode and what is known of it.

    `classes` are in the order of the logits, `about` holds model, config, epoch and step of the checkpoint,
    `sha256` is the hash of its file, `weights` that of all that decides its logits.
    """

    name: str
    classifier: nn.Module
    classes: tuple[str, ...]
    path: str = ""
    sha256: str = ""
    about: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def weights(self) -> str:
        """SHA-256 over the network's name and options, its weights, statistics and normalisation, in hexadecimal."""
        digest = hashlib.sha256(json.dumps(self.about.get("model", {}), sort_keys=True).encode())
        for name, value in (*self.classifier.named_parameters(), *self.classifier.named_buffers()):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(weights.numel() for weights in self.classifier.parameters())


def load_subjects(paths: tuple[Path, ...], device: torch.device) -> list[Subject]:
    """Load the checkpoints of run folders or files, each under a name of its own.

    Raises InputError for a path that holds no checkpoint or comes twice.
    """
    files = [checkpoint_path(path) for path in paths]
    for file, times in Counter(file.resolve() for file in files).items():
        if times > 1:
            raise InputError(f"--checkpoint {file} must come once, got it {times} times; remove the others")
    return [_load(file, name, device) for file, name in zip(files, unique_names(files))]


def _load(file: Path, name: str, device: torch.device) -> Subject:
    classifier, about = load_classifier(file, device)
    classifier = classifier.to(memory_format=torch.channels_last)  # as the pictures are
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return Subject(
        name=name,
        classifier=classifier,
        classes=tuple(about["classes"]),
        path=str(file),
        sha256=digest,
        about={key: about[key] for key in ("model", "config", "epoch", "step")},
    )


def unique_names(files: list[Path]) -> list[str]:
    """The shortest end of each run's path that tells it from the others: `layermix`, or `a/layermix`."""
    parts = [_run_parts(file.parent.resolve() / file.name) for file in files]  # last.pt is a link: its name counts
    depth = 1
    while len({path[-depth:] for path in parts}) < len({*parts}):
        depth += 1
    return ["/".join(path[-depth:]) for path in parts]


def _run_parts(file: Path) -> tuple[str, ...]:
    run = file.parent.parent if file.parent.name == "checkpoints" and file.stem == "last" else file.with_suffix("")
    return run.parts


def check_classes(subjects: Sequence[Subject], classes: tuple[str, ...], data: Path) -> None:
    """Raise InputError unless every subject's classes are those of the data set, in the same order."""
    for subject in subjects:
        if subject.classes != classes:
            raise InputError(
                f"{subject.path}: its classes must be those of {data}, "
                f"{_difference(subject.classes, classes)}; give the test set of the data it was trained on"
            )


def classes_hash(classes: Sequence[str]) -> str:
    """SHA-256 of the class names (of ImageNet the wnids) in their order, one a line, in hexadecimal."""
    return hashlib.sha256("\n".join(classes).encode()).hexdigest()


def _difference(found: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    if len(found) != len(wanted):
        return f"got {len(found)} classes for {len(wanted)}"
    first = next(index for index, names in enumerate(zip(found, wanted)) if names[0] != names[1])
    return f"got {found[first]!r} for {wanted[first]!r} as class {first}"
