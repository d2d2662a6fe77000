"""The sources by name: which flags each one understands, and how it is opened.

A source's module is imported when it is opened: pyarrow, scikit-learn and the fractal renderer take seconds
to load.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from layermix.errors import InputError
from writers.source import Source
from writers.wnids import ClassSubset, LabelledSource, read_subset

_FLAGS = ("root", "split", "generate", "seed", "color", "ground_truth", "subset", "severity")

FRACTAL_SIDE = 256
"""Short side in pixels of fractals when none is asked for: the paper's for ImageNet."""


@dataclass(frozen=True, kw_only=True)
class SourceRequest:
    """What the user said of the pictures to read; None and False where nothing was said.

    root: folder or file of the pictures.  split: "train" or "test" of a set that has both.  generate, seed:
    number and seed of fractals to make.  color: fractals in colour.  short_side: of fractals, in pixels.
    ground_truth: labels of a validation tar.  subset: name or file of the classes to keep.
    severity: of a corrupted set.
    """

    root: Path | None = None
    split: Literal["train", "test"] | None = None
    generate: int | None = None
    seed: int | None = None
    color: bool = False
    short_side: int | None = None
    ground_truth: Path | None = None
    subset: str | None = None
    severity: int | None = None


@dataclass(frozen=True, kw_only=True)
class SourceKind:
    """One entry of SOURCES. flags: the names of the SourceRequest fields with a meaning for it, short_side apart."""

    open: Callable[[SourceRequest], Source]
    flags: frozenset[str]


def open_source(name: str, request: SourceRequest) -> Source:
    """Open the source `name`; InputError for a flag that is missing or that means nothing to it, and for bad input."""
    kind = SOURCES[name]
    for flag in _FLAGS:
        if getattr(request, flag) not in (None, False) and flag not in kind.flags:
            takes = ", ".join(f"--{known.replace('_', '-')}" for known in sorted(kind.flags))
            raise InputError(
                f"--{flag.replace('_', '-')} means nothing to --source {name}, which takes {takes}; leave it out"
            )
    return kind.open(request)


def _open_cifar10(request: SourceRequest) -> Source:
    from writers.sources.cifar import CifarSource

    return CifarSource("cifar10", _root(request), request.split or "train")


def _open_cifar100(request: SourceRequest) -> Source:
    from writers.sources.cifar import CifarSource

    return CifarSource("cifar100", _root(request), request.split or "train")


def _open_parquet(request: SourceRequest) -> Source:
    from writers.sources.parquet import ParquetSource

    return ParquetSource(_root(request), request.split)


def _open_folder(request: SourceRequest) -> Source:
    from writers.sources.folder import FolderSource

    return _subset(FolderSource(_root(request)), request)


def _open_ilsvrc_tar(request: SourceRequest) -> Source:
    from writers.sources.ilsvrc_tar import IlsvrcTar

    return _subset(IlsvrcTar(_root(request), request.ground_truth), request)


def _open_videos(request: SourceRequest) -> Source:
    from writers.sources.folder import FolderSource
    from writers.sources.videos import VideoSource

    return VideoSource(_subset(FolderSource(_root(request)), request))


def _open_npy(request: SourceRequest) -> Source:
    from writers.sources.npy import NpySource

    return NpySource(_root(request), request.severity)


def _open_digits(request: SourceRequest) -> Source:
    from writers.sources.digits import DigitsSource

    return DigitsSource(request.split or "train")


def _open_fractals(request: SourceRequest) -> Source:
    from layermix.fractals import MIN_SIZE
    from writers.sources.fractals import FractalFolder, GeneratedFractals

    if request.root is not None and request.generate is not None:
        raise InputError("--root and --generate both say where the fractals come from; give one of them")
    if request.generate is not None:
        size = max(MIN_SIZE, request.short_side or FRACTAL_SIDE)
        return GeneratedFractals(request.generate, seed=request.seed or 0, size=size, color=request.color)
    if request.root is None:
        raise InputError("--source fractals needs --root FOLDER or --generate N; give one of them")
    if request.seed is not None:
        raise InputError("--seed belongs to --generate, but --root is given; leave it out")
    return FractalFolder(request.root, request.short_side or FRACTAL_SIDE, request.color)


def _subset(source: LabelledSource, request: SourceRequest) -> Source:
    if request.subset is None:
        return source
    return ClassSubset(source, read_subset(request.subset), request.subset)


def _root(request: SourceRequest) -> Path:
    if request.root is None:
        raise InputError("--root is missing; give the file or folder of the pictures")
    return request.root


SOURCES = {
    "cifar10": SourceKind(open=_open_cifar10, flags=frozenset({"root", "split"})),
    "cifar100": SourceKind(open=_open_cifar100, flags=frozenset({"root", "split"})),
    "parquet": SourceKind(open=_open_parquet, flags=frozenset({"root", "split"})),
    "folder": SourceKind(open=_open_folder, flags=frozenset({"root", "subset"})),
    "ilsvrc-tar": SourceKind(open=_open_ilsvrc_tar, flags=frozenset({"root", "ground_truth", "subset"})),
    "npy": SourceKind(open=_open_npy, flags=frozenset({"root", "severity"})),
    "videos": SourceKind(open=_open_videos, flags=frozenset({"root", "subset"})),
    "digits": SourceKind(open=_open_digits, flags=frozenset({"split"})),
    "fractals": SourceKind(open=_open_fractals, flags=frozenset({"root", "generate", "seed", "color"})),
}
