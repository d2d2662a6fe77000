"""The severities of every corruption and the frames of every perturbation, from `writers/data`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from layermix.errors import InputError

SEVERITIES = (1, 2, 3, 4, 5)
EXTRA_CORRUPTIONS = ("speckle_noise", "gaussian_blur", "spatter", "saturate")
"""Corruptions of CIFAR-C and ImageNet-C that are no part of the mean corruption error."""
CORRUPTION_BENCHMARKS = ("cifar-c", "imagenet-c", "cifar-cbar", "imagenet-cbar")
PERTURBATION_BENCHMARKS = ("cifar-p", "imagenet-p")

_PERTURBATIONS = 10
_DATA = Path(__file__).parents[1] / "data"


def corruption_names(benchmark: str = "cifar-c", *, extra: bool = False) -> tuple[str, ...]:
    """The corruptions that a benchmark averages over, in its order: 15 of C, 10 of C̄; with `extra` the 4 extras of C.

    Raises InputError for an unknown benchmark.
    """
    names = tuple(_table("corruptions", benchmark))
    return names if extra else tuple(name for name in names if name not in EXTRA_CORRUPTIONS)


def perturbation_names(benchmark: str = "cifar-p", *, extra: bool = False) -> tuple[str, ...]:
    """The ten perturbations of a benchmark, in its order; with `extra` 4 more and other difficulties (`_2`, `_3`).

    Raises InputError for an unknown benchmark.
    """
    names = tuple(_table("perturbations", benchmark))
    return names if extra else names[:_PERTURBATIONS]


def level_of(benchmark: str, name: str, severity: int) -> dict[str, Any]:
    """The parameters of a corruption at a severity from 1 to 5; InputError where one of the three is unknown."""
    values = _entry("corruption", _table("corruptions", benchmark), name, benchmark)
    if severity not in SEVERITIES:
        raise InputError(f"severity must be one of 1 to 5, got {severity}; clean pictures need no corruption")
    return {parameter: five[severity - 1] for parameter, five in values.items()}


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """A perturbation: its `kind` (the name without a difficulty), its number of frames and its parameters.

    A parameter that changes over the sequence is a list of one value a frame.
    """

    kind: str
    frames: int
    parameters: dict[str, Any]


def sequence_of(benchmark: str, name: str) -> Sequence:
    """How the frames of a perturbation are made; InputError where one of the two is unknown."""
    values = dict(_entry("perturbation", _table("perturbations", benchmark), name, benchmark))
    frames = values.pop("frames")
    for parameter, value in values.items():
        if isinstance(value, dict):
            values[parameter] = [value["from"] + frame * value["step"] for frame in range(frames)]
    return Sequence(kind=re.sub(r"_\d$", "", name), frames=frames, parameters=values)


@lru_cache
def _tables(kind: str) -> dict[str, dict[str, dict[str, Any]]]:
    return yaml.safe_load((_DATA / f"{kind}.yaml").read_text(encoding="utf-8"))


def _table(kind: str, benchmark: str) -> dict[str, dict[str, Any]]:
    tables = _tables(kind)
    if benchmark not in tables:
        raise InputError(f"unknown benchmark {benchmark!r} of {kind}, {_suggestion(benchmark, tables)}")
    return tables[benchmark]


def _entry(kind: str, table: dict[str, dict[str, Any]], name: str, benchmark: str) -> dict[str, Any]:
    if name not in table:
        raise InputError(f"unknown {kind} {name!r} of {benchmark}, {_suggestion(name, table)}")
    return table[name]


def _suggestion(name: str, known: Iterable[str]) -> str:
    nearest = get_close_matches(name, known, n=1, cutoff=0.0)[0]
    return f"did you mean {nearest!r}? known: {', '.join(known)}"
