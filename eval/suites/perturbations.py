"""Consistency under the perturbations of CIFAR-P and ImageNet-P: does the prediction change from frame to frame.

Flip probability and top-5 distance of a sequence, averaged over its frames, then over sequences (mFP and mT5D: then
over perturbations). Frames of noise are compared with the first, others with their neighbour. The official ten of
ImageNet-P have snow; the published programs averaged fourteen, which `paper` repeats. CIFAR-P has spatter instead.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from eval.benchmarks import BENCHMARKS, is_regenerated
from eval.metrics import flips, mean_flip_rate, order_distance, pooled_interval
from eval.predictions import FIRST_CLASSES, CellPredictions, SequencePredictions
from eval.sets import NO_LABEL, PictureSet
from eval.sets.arrays import ArrayPictures, open_array
from eval.sets.videos import FolderVideos
from eval.suites.planning import Context, MissingSetError, Planned
from eval.suites.protocol import Cell, Measurement
from eval.suites.resized import PUBLISHED_SIDE, ResizedCell
from layermix.errors import InputError
from writers.corruptions import perturb, perturbation_names
from writers.corruptions.tables import sequence_of

PUBLISHED = 14
"""Perturbations of ImageNet-P that the published programs averaged."""

STORED_SIDE = 256
"""Side of the pictures that ImageNet-P's perturbations are made from."""


@dataclass(frozen=True, kw_only=True)
class PerturbedCell(Cell):
    """Sequences made from the pictures of the test set by one perturbation, the same for every model."""

    regenerated: bool = True
    benchmark: str
    perturbation: str
    seed: int

    @property
    def frames(self) -> int:
        """Frames of the perturbation."""
        return sequence_of(self.benchmark, self.perturbation).frames

    def prepare(self, images: np.ndarray, sample_ids: np.ndarray) -> np.ndarray:
        """The sequences; each depends on its own id alone."""
        return perturb(images, self.perturbation, self.seed, sample_ids, benchmark=self.benchmark)


@dataclass(frozen=True, kw_only=True)
class Perturbations:
    """`flip_probability` and `top5_distance` by perturbation, and their means `mfp` and `mt5d`; `mfr` with rates.

    `perturbations` are those of the strict mean, `extras` what the paper's mean adds. `flip_rates` are AlexNet's.
    """

    name: ClassVar[str] = "p"
    families: ClassVar[tuple[str, ...]] = ("cifar", "imagenet")
    benchmark: str
    perturbations: tuple[str, ...]
    extras: tuple[str, ...] = ()
    flip_rates: tuple[tuple[str, float], ...] = ()
    regenerated: bool = True

    @classmethod
    def plan(cls, context: Context) -> Planned:
        """Cells of the released files where they are found; else, if the user wants that, made on the fly."""
        benchmark, options = f"{context.family}-p", context.options
        folder = context.find(benchmark)
        if folder is None and not options.regenerate:
            raise MissingSetError(benchmark)
        names, more = perturbation_names(benchmark), perturbation_names(benchmark, extra=True)
        published = more[:PUBLISHED] if context.family == "imagenet" and "paper" in options.protocols else names
        suite = cls(
            benchmark=benchmark,
            perturbations=names,
            extras=tuple(name for name in published if name not in names),
            flip_rates=tuple(read_flip_rates(options.flip_rates).items()) if options.flip_rates else (),
            regenerated=folder is None or is_regenerated(folder),
        )
        if folder is None:
            return Planned(suite=suite, cells=tuple(suite._made_cells(context)))
        cells, problems = suite._released_cells(context, folder)
        return Planned(suite=suite, cells=cells, problems=problems)

    def _made_cells(self, context: Context) -> Iterator[Cell]:
        is_imagenet = context.family == "imagenet"
        pictures = context.pictures.resized(STORED_SIDE) if is_imagenet else context.pictures
        for name in (*self.perturbations, *self.extras):
            cell = PerturbedCell(
                key=f"p/{name}",
                pictures=pictures,
                benchmark=self.benchmark,
                perturbation=name,
                seed=context.options.seed,
            )
            is_resized = is_imagenet and context.size != PUBLISHED_SIDE
            yield ResizedCell.of(cell, context.size) if is_resized else cell

    def _released_cells(self, context: Context, folder: Path) -> tuple[tuple[Cell, ...], tuple[str, ...]]:
        """The cells of every perturbation that is there, and what is wrong with the others."""
        cells, problems = [], []
        for name in (*self.perturbations, *self.extras):
            try:
                pictures = _open(context, folder, self.benchmark, name)
            except InputError as error:
                problems.append(str(error))
                continue
            cells.append(Cell(key=f"p/{name}", pictures=pictures, regenerated=self.regenerated))
        return tuple(cells), tuple(problems)

    def measure(self, predictions: CellPredictions) -> list[Measurement]:
        """The numbers of every perturbation that is there; a mean where all of its perturbations are."""
        found, means, counts = [], {}, {}
        for name in (*self.perturbations, *self.extras):
            if f"p/{name}" in predictions:
                rows = list(self._sequence_errors(name, predictions[f"p/{name}"]))
                found += rows
                means[name], counts[name] = {row.metric: row.value for row in rows}, rows[0].count
        for protocol, names in (("strict", self.perturbations), ("paper", (*self.perturbations, *self.extras))):
            if all(name in means for name in names) and (protocol == "strict" or self.extras):
                total = sum(counts[name] for name in names)
                found += self._means({name: means[name] for name in names}, protocol, total)
        return found

    def _sequence_errors(self, name: str, sequences: SequencePredictions) -> Iterator[Measurement]:
        for metric, pairs in compare_frames(name, sequences).items():
            interval = pooled_interval(pairs) if metric == "flip_probability" else None
            value, count = int(pairs.sum()) / pairs.size, pairs.size
            yield self._measurement(f"p/{name}", metric, "strict", value, count, interval)

    def _means(self, values: Mapping[str, Mapping[str, float]], protocol: str, count: int) -> Iterator[Measurement]:
        """mFP, mT5D where there are five classes, and mFR where AlexNet's rates are known."""
        probabilities = {name: row["flip_probability"] for name, row in values.items()}
        yield self._mean("mfp", protocol, math.fsum(probabilities.values()) / len(values), count)
        if all("top5_distance" in row for row in values.values()):
            distances = [row["top5_distance"] for row in values.values()]
            yield self._mean("mt5d", protocol, math.fsum(distances) / len(values), count)
        if self.flip_rates and protocol == "strict":
            yield self._mean("mfr", protocol, mean_flip_rate(probabilities, dict(self.flip_rates)), count)

    def _mean(self, metric: str, protocol: str, value: float, count: int) -> Measurement:
        covered = len(self.perturbations) + (len(self.extras) if protocol == "paper" else 0)
        detail = f"{covered} perturbations of {BENCHMARKS[self.benchmark]['title']}"
        return self._measurement("p", metric, protocol, value, count, detail=detail)

    def _measurement(self, cell, metric, protocol, value, count, interval=None, detail="") -> Measurement:
        return Measurement(
            suite=self.name,
            cell=cell,
            metric=metric,
            protocol=protocol,
            value=value,
            count=count,
            interval=interval,
            regenerated=self.regenerated,
            detail=detail,
        )


def compare_frames(name: str, sequences: SequencePredictions) -> dict[str, np.ndarray]:
    """Of every compared pair of frames: `flip_probability`, bool (N, T - 1), whether the prediction changed, and of
    five or more classes `top5_distance`, int64 (N, T - 1)."""
    temporal, order = "noise" not in name, sequences.order
    found = {"flip_probability": flips(order[..., 0], temporal)}
    if order.shape[-1] == FIRST_CLASSES:
        found["top5_distance"] = order_distance(order[:, :-1] if temporal else order[:, :1], order[:, 1:])
    return found


def read_flip_rates(path: Path) -> dict[str, float]:
    """AlexNet's flip probability by perturbation, fractions above 0, from a JSON object; InputError for others."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"--flip-rates {path}: cannot be read as JSON ({error}); give {{name: fraction}}") from error
    is_table = isinstance(values, dict) and values
    if not is_table or not all(isinstance(rate, float) and 0 < rate <= 1 for rate in values.values()):
        raise InputError(f"--flip-rates {path}: must hold fractions in (0, 1] by perturbation, got {values!r:.100}")
    return values


def _open(context: Context, folder: Path, benchmark: str, name: str) -> PictureSet:
    frames = sequence_of(benchmark, name).frames
    if context.family == "imagenet":
        if not (folder / name).is_dir():
            raise InputError(f"{folder / name}: no such perturbation; unpack or make it there")
        return FolderVideos(folder / name, context.classes, size=context.size, frames=frames)
    path = folder / f"{name}.npy"
    images = open_array(path, (context.pictures.count, frames, context.size, context.size, 3))
    return ArrayPictures(images, np.full(len(images), NO_LABEL), path)
