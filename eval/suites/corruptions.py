"""Corruption error on C and C-bar, of CIFAR and of ImageNet: released files, or pictures corrupted on the fly.

The error of a corruption is pooled over its severities, and the mean corruption error (mCE) is the plain mean over
the corruptions; for ImageNet-C the one relative to AlexNet stands beside it. CIFAR's files are in the order of the
test set, severity by severity. ImageNet's pictures are stored at 224 px: `strict` shows them so, `paper` enlarges
the short side to 256 and crops, as the published programs did.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from eval.benchmarks import BENCHMARKS, is_regenerated
from eval.metrics import ALEXNET_ERRORS, mean_corruption_error, pooled_interval, wilson_interval
from eval.predictions import CellPredictions
from eval.sets import PictureSet
from eval.sets.corrupted import SEVERITIES, open_cifar_corruption, open_imagenet_corruption
from eval.suites.planning import Context, MissingSetError, Planned, require_known
from eval.suites.protocol import Cell, Group, Measurement, Shift
from eval.suites.resized import PUBLISHED_SIDE, ResizedCell
from layermix.errors import InputError
from writers.corruptions import corrupt, corruption_names

Interval = tuple[float, float]

PAPER_RATIO = 224 / 256
"""Share of a stored picture that the published programs showed: enlarged to 256, cropped to 224."""


@dataclass(frozen=True, kw_only=True)
class CorruptedCell(Cell):
    """Pictures of the test set under one corruption at one severity, the same for every model."""

    regenerated: bool = True
    benchmark: str
    corruption: str
    severity: int
    seed: int

    def prepare(self, images: np.ndarray, sample_ids: np.ndarray) -> np.ndarray:
        """The corrupted pictures; each depends on its own id alone."""
        return corrupt(images, self.corruption, self.severity, self.seed, sample_ids, benchmark=self.benchmark)


@dataclass(frozen=True, kw_only=True)
class Corruptions:
    """Top-1 error by corruption and severity, by corruption, and their mean.

    `corruptions` are those that the mean covers; `extras` are measured beside it.
    """

    benchmark: str
    corruptions: tuple[str, ...]
    extras: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ("strict",)
    regenerated: bool = True

    name: ClassVar[str] = "c"
    families: ClassVar[tuple[str, ...]] = ("cifar", "imagenet")

    @classmethod
    def plan(cls, context: Context) -> Planned:
        """Cells of the released files where they are found; else, if the user wants that, made on the fly."""
        benchmark = f"{context.family}-{cls.name}"
        folder = context.find(benchmark)
        if folder is None and not context.options.regenerate:
            raise MissingSetError(benchmark)
        names = _chosen(context.options.corruptions, benchmark)
        if folder is None:
            suite = cls(benchmark=benchmark, corruptions=names)
            return suite._planned(tuple(suite._made_cells(context)), ())
        protocols = ("strict",) if context.family == "cifar" else context.options.protocols
        extras = tuple(name for name in corruption_names(benchmark, extra=True) if name not in names)
        suite = cls(
            benchmark=benchmark,
            corruptions=names,
            extras=() if context.options.corruptions else extras,
            protocols=protocols,
            regenerated=is_regenerated(folder),
        )
        return suite._planned(*suite._released_cells(context, folder))

    def _made_cells(self, context: Context) -> Iterator[Cell]:
        is_resized = context.family == "imagenet" and context.size != PUBLISHED_SIDE
        pictures = context.pictures.resized(PUBLISHED_SIDE, PAPER_RATIO) if is_resized else context.pictures
        for name in self.corruptions:
            for severity in SEVERITIES:
                cell = CorruptedCell(
                    key=self.key(name, severity),
                    pictures=pictures,
                    benchmark=self.benchmark,
                    corruption=name,
                    severity=severity,
                    seed=context.options.seed,
                )
                yield ResizedCell.of(cell, context.size) if is_resized else cell

    def _released_cells(self, context: Context, folder: Path) -> tuple[tuple[Cell, ...], tuple[str, ...]]:
        """The cells of every corruption that is there, and what is wrong with the others."""
        cells, problems = [], []
        for protocol in self.protocols:
            for name in (*self.corruptions, *self.extras):
                try:
                    sets = _open(context, folder, name, protocol)
                except InputError as error:
                    problems += [str(error)] if name in self.corruptions and str(error) not in problems else []
                    continue
                cells += [
                    Cell(key=self.key(name, severity, protocol), pictures=pictures, regenerated=self.regenerated)
                    for severity, pictures in zip(SEVERITIES, sets)
                ]
        return tuple(cells), tuple(problems)

    def key(self, name: str, severity: int, protocol: str = "strict") -> str:
        """The key of a cell."""
        return f"{self.name}/{name}/{severity}" + ("@paper" if protocol == "paper" else "")

    def _planned(self, cells: tuple[Cell, ...], problems: tuple[str, ...]) -> Planned:
        return Planned(suite=self, cells=cells, shifts=tuple(self._shifts()), problems=problems)

    def _shifts(self) -> Iterator[Shift]:
        """For calibration: pooled over severities for CIFAR, each cell by itself for ImageNet."""
        is_pooled = self.benchmark.startswith("cifar")
        for protocol in self.protocols:
            keys = {name: tuple(self.key(name, level, protocol) for level in SEVERITIES) for name in self.corruptions}
            pooled = [Group(name=f"{self.name}/{name}", cells=cells) for name, cells in keys.items()]
            single = [Group(name=cell.partition("@")[0], cells=(cell,)) for cells in keys.values() for cell in cells]
            yield Shift(
                name=self.name,
                groups=tuple(pooled if is_pooled else single),
                protocols=("paper", "strict") if len(self.protocols) == 1 else (protocol,),
                paired=is_pooled or self.regenerated,
                regenerated=self.regenerated,
            )

    def measure(self, predictions: CellPredictions) -> list[Measurement]:
        """`top1_error` of every cell and corruption; `mce` of the whole where every corruption is there."""
        found = []
        for protocol in self.protocols:
            names = (*self.corruptions, *self.extras)
            sights = {name: self.mistakes(predictions, name, protocol) for name in names}
            there = {name: wrong for name, wrong in sights.items() if wrong is not None}
            for name, wrong in there.items():
                found += self._errors(name, wrong, protocol)
            if all(name in there for name in self.corruptions):
                found += self._means([there[name] for name in self.corruptions], protocol)
        return found

    def mistakes(self, predictions: CellPredictions, name: str, protocol: str) -> np.ndarray | None:
        """Wrong predictions of one corruption, bool (N, severities), a row a picture; None where a cell is missing."""
        keys = [self.key(name, severity, protocol) for severity in SEVERITIES]
        if not all(key in predictions for key in keys):
            return None
        return np.stack([predictions[key].mistakes() for key in keys], axis=1)

    def _errors(self, name: str, wrong: np.ndarray, protocol: str) -> Iterator[Measurement]:
        for severity, errors in zip(SEVERITIES, wrong.sum(axis=0).tolist()):
            value, interval = errors / len(wrong), wilson_interval(errors, len(wrong))
            yield self._error(f"{name}/{severity}", protocol, value, len(wrong), interval)
        yield self._error(name, protocol, int(wrong.sum()) / wrong.size, wrong.size, pooled_interval(wrong))

    def _error(self, cell: str, protocol: str, value: float, count: int, interval: Interval) -> Measurement:
        return self._measurement(f"{self.name}/{cell}", "top1_error", protocol, value, count, interval)

    def _means(self, wrong: Sequence[np.ndarray], protocol: str) -> Iterator[Measurement]:
        errors = {name: part.mean(axis=0) for name, part in zip(self.corruptions, wrong)}
        every = np.concatenate(wrong, axis=1)
        value = mean_corruption_error(errors)
        yield self._measurement(self.name, "mce", protocol, value, every.size, pooled_interval(every))
        if self.benchmark == "imagenet-c" and set(self.corruptions) <= set(ALEXNET_ERRORS):
            value = mean_corruption_error(errors, "alexnet")
            yield self._measurement(self.name, "alexnet_mce", protocol, value, every.size, None)

    def _measurement(self, cell, metric, protocol, value, count, interval) -> Measurement:
        return Measurement(
            suite=self.name,
            cell=cell,
            metric=metric,
            protocol=protocol,
            value=value,
            count=count,
            interval=interval,
            regenerated=self.regenerated,
            detail=self._coverage() if cell == self.name else "",
        )

    def _coverage(self) -> str:
        title, published = BENCHMARKS[self.benchmark]["title"], len(corruption_names(self.benchmark))
        return f"{len(self.corruptions)} of {title}'s {published} corruptions, {len(SEVERITIES)} severities"


@dataclass(frozen=True, kw_only=True)
class OtherCorruptions(Corruptions):
    """The same on C-bar: ten corruptions that differ from those of C and from augmentations (Mintun et al. 2021)."""

    name: ClassVar[str] = "cbar"

    def all_keys(self) -> dict[str, list[str]]:
        """Of every corruption of C and C-bar the keys of its cells, by severity."""
        family = self.benchmark.partition("-")[0]
        names = [f"c/{name}" for name in corruption_names(f"{family}-c")]
        names += [f"cbar/{name}" for name in corruption_names(self.benchmark)]
        return {name: [f"{name}/{severity}" for severity in SEVERITIES] for name in names}

    def measure(self, predictions: CellPredictions) -> list[Measurement]:
        """The same, and `mce_c_and_cbar`, the mean over all 25 corruptions where those of C are there too."""
        found = super().measure(predictions)
        keys = self.all_keys()
        if not all(key in predictions for row in keys.values() for key in row):
            return found
        wrong = {name: [predictions[key].mistakes() for key in row] for name, row in keys.items()}
        value = mean_corruption_error({name: [cell.mean() for cell in row] for name, row in wrong.items()})
        count = sum(len(cell) for row in wrong.values() for cell in row)
        return [*found, self._measurement("c+cbar", "mce_c_and_cbar", "strict", value, count, None)]


def _open(context: Context, folder: Path, name: str, protocol: str) -> Sequence[PictureSet]:
    if context.family == "cifar":
        classes, labels = len(context.classes), context.pictures.labels
        return open_cifar_corruption(folder, name, size=context.size, classes=classes, labels=labels)
    ratio = PAPER_RATIO if protocol == "paper" else 1.0
    return open_imagenet_corruption(folder, name, classes=context.classes, size=context.size, center_ratio=ratio)


def _chosen(chosen: tuple[str, ...], benchmark: str) -> tuple[str, ...]:
    """The corruptions of a benchmark that the user asked for; all where none of them is among its own."""
    known = corruption_names(benchmark)
    named = tuple(name for name in chosen if name in known)
    return named or known


def check_corruptions(chosen: Sequence[str]) -> None:
    """InputError for a name that no benchmark has."""
    known = [name for benchmark in ("cifar-c", "cifar-cbar", "imagenet-cbar") for name in corruption_names(benchmark)]
    for name in chosen:
        require_known(name, known, "--corruptions")
