"""The outcome of an evaluation, and its machine-readable form `results.json`."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from eval.problems import Problem
from eval.suites import Measurement
from layermix.errors import InputError
from layermix.files import atomic_file

PACKAGES = ("layermix", "torch", "numpy", "numba", "ffcv", "opencv-python", "pillow")
"""Packages that can change a number; their versions stand in every result."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """One run of `python -m eval` that numbers come from: the hash of its record, and plain values.

    `versions` are of the software that measured; empty where the run did not record them.
    """

    evaluation: str
    created: str
    configuration: Mapping[str, Any]
    versions: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything that was measured, and what it was measured on and with.

    `measurements` go by model name, in the order of the report; `models` and `dataset` are plain values ready for
    JSON; `origins` are the runs behind them, oldest first; `problems` are what could not be measured, and why; `notes`
    are sentences to be read with the numbers.
    """

    models: Sequence[Mapping[str, Any]]
    dataset: Mapping[str, Any]
    measurements: Mapping[str, Sequence[Measurement]]
    origins: Sequence[Origin]
    problems: Sequence[Problem] = ()
    notes: Sequence[str] = ()

    @property
    def created(self) -> str:
        """When the newest of the runs ended."""
        return self.origins[-1].created

    def records(self) -> list[dict[str, Any]]:
        """One flat record a number: model, suite, cell, metric, protocol, value, count and the rest."""
        return [
            {"model": model, **asdict(measurement)}
            for model, found in self.measurements.items()
            for measurement in found
        ]


def software_versions() -> dict[str, str]:
    """Python, platform, and the installed versions of `PACKAGES`."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a package"
    return found


def write_results(path: Path, evaluation: Evaluation) -> None:
    """Write `results.json` whole or not at all; values are fractions, intervals are 95%."""
    content = {
        "format": "layermix.evaluation",
        "version": 2,
        "created": evaluation.created,
        "unit": "fraction",
        "dataset": evaluation.dataset,
        "origins": [asdict(origin) for origin in evaluation.origins],
        "models": evaluation.models,
        "problems": [asdict(problem) for problem in evaluation.problems],
        "notes": list(evaluation.notes),
        "records": evaluation.records(),
    }
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def make_folder(path: Path) -> None:
    """Make the folder `path` where it is missing; InputError where that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be made ({error.strerror}); choose another --out") from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text to `path` by way of a partial file; InputError where the folder cannot be written."""
    with atomic_file(path) as file:
        file.write(text.encode())
