"""Detection of pictures that belong to no class: ImageNet-O, and sets that the user puts below ROOT/ood.

Scores are the negative maximum softmax probability and the free energy; known pictures are the clean test set. Of
ImageNet-O's published protocol: the known pictures are those of its 200 classes, and only their logits count.
A set of one's own is a .npy of pictures, a data set of `writers.write_dataset`, or class folders; labels do not count.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from eval.metrics import aupr, auroc, energy_score, fpr_at_95_tpr, softmax_score
from eval.predictions import CellPredictions
from eval.sets import NO_LABEL, ArrayPictures, FolderPictures, PictureSet, Unlabelled
from eval.sets.arrays import open_array
from eval.suites.clean import CLEAN, clean_cell
from eval.suites.natural import kept_classes, restricted
from eval.suites.planning import Context, MissingSetError, Planned
from eval.suites.protocol import Cell, Measurement
from layermix.errors import InputError
from layermix.manifest import FORMATS, holds_dataset
from writers.sources.folder import FolderSource
from writers.wnids import imagenet_wnids

SCORES = {"softmax": softmax_score, "energy": energy_score}
Pair = tuple[str, np.ndarray, np.ndarray]
"""The cell of a strange set, and the logits (N, C) of the known and (M, C) of the strange pictures."""

FOLDER = "ood"
"""The folder below --root that holds sets of the user's own."""


@dataclass(frozen=True, kw_only=True)
class ImageNetO:
    """AUROC, AUPR and FPR95 on ImageNet-O (Hendrycks et al. 2021); `kept` are its classes among the model's."""

    name: ClassVar[str] = "o"
    families: ClassVar[tuple[str, ...]] = ("imagenet",)
    kept: tuple[int, ...] | None = None

    @classmethod
    def plan(cls, context: Context) -> Planned:
        """The clean cell, and that of ImageNet-O."""
        folder = context.find("imagenet-o")
        if folder is None:
            raise MissingSetError("imagenet-o")
        classes, ratio = imagenet_wnids("imagenet-o"), context.pictures.config.center_ratio
        suite = cls(kept=kept_classes(context.classes, classes, "imagenet-o"))
        pictures = Unlabelled(FolderPictures(folder, classes, size=context.size, center_ratio=ratio))
        return Planned(suite=suite, cells=(clean_cell(context), Cell(key="o", pictures=pictures, kept=suite.kept)))

    def measure(self, predictions: CellPredictions) -> list[Measurement]:
        """See `separation`; nothing where one of the two cells is missing."""
        return [row for pair in self.pairs(predictions) for row in separation(self.name, *pair)]

    def pairs(self, predictions: CellPredictions) -> Iterator[Pair]:
        """The one pair of sets."""
        if CLEAN in predictions and self.name in predictions:
            clean = predictions[CLEAN]
            known = clean if self.kept is None else restricted(clean, self.kept)
            yield self.name, known.logits, predictions[self.name].logits


@dataclass(frozen=True, kw_only=True)
class OutOfDistribution:
    """AUROC, AUPR and FPR95 on each of the `sets` below ROOT/ood."""

    name: ClassVar[str] = "ood"
    families: ClassVar[tuple[str, ...]] = ("cifar", "imagenet")
    sets: tuple[str, ...]

    @classmethod
    def plan(cls, context: Context) -> Planned:
        """The clean cell, and one a set."""
        root = context.options.root
        folder = None if root is None else root / FOLDER
        if folder is None or not folder.is_dir():
            raise MissingSetError("ood")
        cells, problems = [], []
        for path in _candidates(folder):
            try:
                cells.append(Cell(key=f"ood/{path.stem}", pictures=_open(path, context)))
            except InputError as error:
                problems.append(str(error))
        suite = cls(sets=tuple(cell.key.removeprefix("ood/") for cell in cells))
        return Planned(suite=suite, cells=(clean_cell(context), *cells), problems=tuple(problems))

    def measure(self, predictions: CellPredictions) -> list[Measurement]:
        """See `separation`, for every set that is there."""
        return [row for pair in self.pairs(predictions) for row in separation(self.name, *pair)]

    def pairs(self, predictions: CellPredictions) -> Iterator[Pair]:
        """A pair a set that is there."""
        for cell in (f"ood/{name}" for name in self.sets):
            if CLEAN in predictions and cell in predictions:
                yield cell, predictions[CLEAN].logits, predictions[cell].logits


def separation(suite: str, cell: str, known: np.ndarray, strange: np.ndarray) -> list[Measurement]:
    """`<score>_auroc`, `<score>_aupr` (strange pictures are the positives) and `<score>_fpr95` from logits (N, C)."""
    found = []
    for name, score in SCORES.items():
        scores = score(known), score(strange)
        values: Mapping[str, float] = {"auroc": auroc(*scores), "aupr": aupr(*scores), "fpr95": fpr_at_95_tpr(*scores)}
        found += [
            Measurement(
                suite=suite,
                cell=cell,
                metric=f"{name}_{metric}",
                protocol="strict",
                value=value,
                count=len(known) + len(strange),
                detail=f"{len(known)} known and {len(strange)} strange pictures",
            )
            for metric, value in values.items()
        ]
    return found


def _candidates(folder: Path) -> list[Path]:
    suffixes = (".npy", *FORMATS.values())
    return [path for path in sorted(folder.iterdir()) if path.is_dir() or path.suffix in suffixes]


def _open(path: Path, context: Context) -> PictureSet:
    if path.suffix == ".npy":
        images = open_array(path, (None, context.size, context.size, 3))
        return ArrayPictures(images, np.full(len(images), NO_LABEL), path)
    if path.is_dir() and not holds_dataset(path):
        ratio = context.pictures.config.center_ratio
        return Unlabelled(FolderPictures(path, FolderSource(path).classes, size=context.size, center_ratio=ratio))
    return Unlabelled(context.pictures.beside(path))
