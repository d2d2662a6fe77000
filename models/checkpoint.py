"""Checkpoints: one file that is written whole, checked when read, and never runs code.

A checkpoint is a file of `torch.save` that `torch.load(weights_only=True)` reads. Its sha256, which lies beside it in
the form of `sha256sum`, and the checksums in the archive are verified before anything is unpickled.
"""

import hashlib
import pickle
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch
from torch import Tensor

from layermix.config import build, to_mapping
from layermix.errors import InputError
from layermix.files import atomic_file
from models.build import build_model
from models.classifier import Classifier
from models.config import ModelConfig
from models.weights import weights_problem

FORMAT = "layermix.checkpoint"
VERSION = 2
LAST_CHECKPOINT = Path("checkpoints", "last.pt")
BEST_CHECKPOINT = Path("checkpoints", "best.pt")
_ARCHIVE_START = b"PK\x03\x04"


class DamagedCheckpointError(InputError):
    """The bytes of a checkpoint are not those that were written."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A model and how it came about.

    Attributes:
        model: what `build_model` takes.
        weights: state dict of the classifier.
        classes: names of the classes in the order of the logits.
        epoch: finished epochs.
        step: finished optimizer steps.
        config: effective configuration of the training run.
        training: what a run needs to continue (optimizer, generators, loader, log); may be empty.
    """

    model: ModelConfig
    weights: dict[str, Tensor]
    classes: tuple[str, ...]
    epoch: int
    step: int
    config: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` to `path` by way of a partial file, flushed and renamed; its sha256 is beside it by then."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "model": to_mapping(checkpoint.model),
        "weights": checkpoint.weights,
        "classes": list(checkpoint.classes),
        "epoch": checkpoint.epoch,
        "step": checkpoint.step,
        "config": checkpoint.config,
        "training": checkpoint.training,
    }
    with atomic_file(path) as file:
        hashing = _HashingFile(file)
        try:
            torch.save(content, cast(BinaryIO, hashing))
        except RuntimeError as error:  # torch hides what the file raised behind an error of its own
            raise hashing.failure or error from error
        with atomic_file(digest_path(path)) as beside:
            beside.write(f"{hashing.digest.hexdigest()}  {path.name}\n".encode())


def load_checkpoint(path: Path, device: str | torch.device = "cpu") -> Checkpoint:
    """Read the checkpoint of a run folder or a checkpoint file; tensors land on `device`.

    Raises `InputError` for a file that is missing, not a checkpoint, damaged (`DamagedCheckpointError`), or of another
    format version.
    """
    path = checkpoint_path(path)
    content = _read(path, device)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path}: is a torch file but not a checkpoint of this program; give a run folder")
    if content["version"] != VERSION:
        raise InputError(
            f"{path}: format version must be {VERSION}, got {content['version']}; "
            "use the version of LayerMix that wrote it, or train anew"
        )
    return Checkpoint(
        model=build(ModelConfig, content["model"], str(path)),
        weights=content["weights"],
        classes=tuple(content["classes"]),
        epoch=content["epoch"],
        step=content["step"],
        config=content["config"],
        training=content["training"],
    )


def load_classifier(path: Path, device: str | torch.device = "cpu") -> tuple[Classifier, dict[str, Any]]:
    """The classifier of a run folder or checkpoint file, in evaluation mode on `device`, and facts about it.

    The second value holds `model`, `config` (mappings), `classes` (list of names), `epoch` and `step`.
    Errors as for `load_checkpoint`.
    """
    checkpoint = load_checkpoint(path, device)
    classifier = build_model(checkpoint.model)
    load_weights(classifier, checkpoint, path)
    about = {
        "model": to_mapping(checkpoint.model),
        "config": checkpoint.config,
        "classes": list(checkpoint.classes),
        "epoch": checkpoint.epoch,
        "step": checkpoint.step,
    }
    return classifier.to(device).eval(), about


def load_weights(classifier: Classifier, checkpoint: Checkpoint, path: Path) -> None:
    """Copy the weights of `checkpoint`, read from `path`, into `classifier`.

    Raises `InputError` naming what differs when the checkpoint is of another model.
    """
    wanted, found = to_mapping(classifier.config), to_mapping(checkpoint.model)
    differing = [key for key in ("name", "num_classes") if wanted[key] != found[key]]
    if differing:
        facts = ", ".join(f"{key} {found[key]} in the checkpoint, {wanted[key]} here" for key in differing)
        raise InputError(f"{path}: is a checkpoint of another model: {facts}; give the checkpoint of this model")
    problem = weights_problem(classifier.state_dict(), checkpoint.weights)
    if problem:
        raise InputError(f"{path}: weights do not fit {checkpoint.model.name}: {problem}; train the model anew")
    classifier.load_state_dict(checkpoint.weights)


def checkpoint_path(path: Path) -> Path:
    """The checkpoint file that `path`, a run folder or a checkpoint file, stands for."""
    if not path.is_dir():
        return path
    if not (path / LAST_CHECKPOINT).is_file():
        raise InputError(f"{path}: holds no {LAST_CHECKPOINT}; give a folder that `python -m train --out` wrote")
    return path / LAST_CHECKPOINT


def digest_path(path: Path) -> Path:
    """Where the sha256 of the checkpoint file `path` lies."""
    return path.with_name(f"{path.name}.sha256")


class _HashingFile:
    """A file to write to that knows the sha256 of what it was given, and the error of a write that failed."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self.digest = hashlib.sha256()
        self.failure: OSError | None = None

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        try:
            return self._file.write(data)
        except OSError as error:
            self.failure = error
            raise

    def flush(self) -> None:
        self._file.flush()


def _read(path: Path, device: str | torch.device) -> Any:
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint; give a run folder or a file such as RUN/{LAST_CHECKPOINT}")
    try:
        _verify_digest(path)
        if _first_bytes(path) != _ARCHIVE_START:
            raise InputError(f"{path}: is not a checkpoint (no archive of torch.save); give a run folder")
        _verify_archive(path)
        return torch.load(path, map_location=device, weights_only=True)
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); see to its permissions") from error
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: holds more than tensors and plain values, and such a file could run code; "
            "give one that this program wrote"
        ) from error
    except Exception as error:  # a damaged archive raises a dozen types between zipfile and torch
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DamagedCheckpointError(
            f"{path}: the checkpoint is damaged or cut off ({reason}); take an earlier copy or train anew"
        ) from error


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_ARCHIVE_START))


def _verify_digest(path: Path) -> None:
    beside = digest_path(path.resolve())
    if not beside.is_file():
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if beside.read_text().split()[:1] != [found]:
        raise zipfile.BadZipFile(f"its sha256 differs from the one in {beside.name}")


def _verify_archive(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"checksum of {damaged} differs")
