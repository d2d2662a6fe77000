"""Which pictures the models are shown, and in what shape: as their training runs recorded it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eval.subjects import Subject
from layermix.errors import InputError
from pipelines import Loader, LoaderConfig, build_loader


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """From a stored picture to the model's.

    The square of `size` pixels; crop "center" keeps `center_ratio` of the short side, "none" changes nothing.
    """

    size: int
    crop: Literal["center", "none"] = "none"
    center_ratio: float = 1.0


def common_preprocessing(subjects: Sequence[Subject]) -> Preprocessing:
    """The preprocessing that the subjects were trained for; InputError where they differ or recorded none."""
    first, *others = [(subject, _preprocessing(subject)) for subject in subjects]
    for subject, found in others:
        if found != first[1]:
            raise InputError(
                f"{subject.path}: pictures must be prepared as for {first[0].path} ({first[1]}), "
                f"got {found}; evaluate the two in separate calls"
            )
    return first[1]


def _preprocessing(subject: Subject) -> Preprocessing:
    data = _data_config(subject)
    if "size" not in data:
        raise InputError(
            f"{subject.path}: the checkpoint must record data.size, got none; "
            "give a run folder that python -m train wrote"
        )
    return Preprocessing(
        size=data["size"], crop=data.get("test_crop", "none"), center_ratio=data.get("center_ratio", 1.0)
    )


def recorded_path(subjects: Sequence[Subject], key: Literal["test", "fractals"]) -> Path | None:
    """The file that the checkpoints name as `data.<key>`; None where none of them does.

    Raises InputError where they name different ones: pass the flag then.
    """
    named = {subject.name: _data_config(subject).get(key) for subject in subjects}
    paths = {Path(path) for path in named.values() if path is not None}
    if len(paths) > 1:
        flag = "--data" if key == "test" else "--fractals"
        raise InputError(f"the checkpoints name different files as data.{key}: {named}; choose one with {flag}")
    return paths.pop() if paths else None


def open_pictures(data: Path, preprocessing: Preprocessing, *, batch_size: int, threads: int) -> Loader:
    """A loader of every picture of `data` once, in file order, uint8 on the CPU."""
    return build_loader(loader_config(data, preprocessing, batch_size=batch_size, threads=threads))


def loader_config(data: Path, preprocessing: Preprocessing, *, batch_size: int, threads: int) -> LoaderConfig:
    """The settings of such a loader."""
    return LoaderConfig(
        data=data,
        batch_size=batch_size,
        size=preprocessing.size,
        crop=preprocessing.crop,
        center_ratio=preprocessing.center_ratio,
        threads=threads,
    )


def _data_config(subject: Subject) -> dict[str, Any]:
    return subject.about.get("config", {}).get("data", {})
