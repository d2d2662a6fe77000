"""Natural shifts of ImageNet: R (renditions), A (adversarially filtered), V2 (a new test set) and Sketch.

R and A hold 200 of the 1,000 classes: of a model of all classes these logits alone are kept, before the softmax, and
the clean error on the same classes stands beside. Pictures are prepared as the checkpoint records for clean ones.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eval.benchmarks import BENCHMARKS
from eval.predictions import CellPredictions, Predictions
from eval.sets import FolderPictures
from eval.suites.clean import CLEAN, clean_cell, top_errors
from eval.suites.planning import Context, MissingSetError, Planned
from eval.suites.protocol import Cell, Group, Measurement, Shift
from layermix.errors import InputError
from writers.wnids import imagenet_wnids


@dataclass(frozen=True, kw_only=True)
class NaturalShift:
    """Top-1 and top-5 error on one set; `kept` are the places of its classes among the model's, None for all."""

    name: ClassVar[str]
    families: ClassVar[tuple[str, ...]] = ("imagenet",)
    benchmark: ClassVar[str]
    subset: ClassVar[str | None] = None
    kept: tuple[int, ...] | None = None

    @classmethod
    def plan(cls, context: Context) -> Planned:
        """One cell, and the clean one where only some of its classes are kept."""
        folder = context.find(cls.benchmark)
        if folder is None:
            raise MissingSetError(cls.benchmark)
        classes = context.classes if cls.subset is None else imagenet_wnids(cls.subset)
        suite = cls(kept=kept_classes(context.classes, classes, cls.benchmark))
        pictures = FolderPictures(folder, classes, size=context.size, center_ratio=context.pictures.config.center_ratio)
        cells = (Cell(key=cls.name, pictures=pictures, kept=suite.kept),)
        if suite.kept is not None:
            cells = (clean_cell(context), *cells)
        shift = Shift(name=cls.name, groups=(Group(name=cls.name, cells=(cls.name,)),))
        return Planned(suite=suite, cells=cells, shifts=(shift,))

    def measure(self, predictions: CellPredictions) -> list[Measurement]:
        """`top1_error` and `top5_error`, and those of the clean pictures of the same classes as `<name>-clean`."""
        found = top_errors(self.name, self.name, predictions[self.name]) if self.name in predictions else []
        if self.kept is not None and CLEAN in predictions:
            found += top_errors(self.name, f"{self.name}-clean", restricted(predictions[CLEAN], self.kept))
        return found


class Renditions(NaturalShift):
    """ImageNet-R (Hendrycks et al. 2021), 30,000 pictures of 200 classes."""

    name, benchmark, subset = "r", "imagenet-r", "imagenet-200"


class Adversarial(NaturalShift):
    """ImageNet-A (Hendrycks et al. 2021), 7,500 pictures of 200 classes."""

    name, benchmark, subset = "a", "imagenet-a", "imagenet-a"


class NewTestSet(NaturalShift):
    """ImageNetV2, matched frequency (Recht et al. 2019), 10,000 pictures."""

    name, benchmark = "v2", "imagenet-v2"


class Sketch(NaturalShift):
    """ImageNet-Sketch (Wang et al. 2019), 50,889 pictures."""

    name, benchmark = "sketch", "imagenet-sketch"


def kept_classes(model: tuple[str, ...], wanted: tuple[str, ...], benchmark: str) -> tuple[int, ...] | None:
    """The places of the `wanted` classes among the model's; None where they are the same."""
    missing = sorted(set(wanted) - set(model))
    if missing:
        raise InputError(
            f"{BENCHMARKS[benchmark]['title']}: the model must know its {len(wanted)} classes, {len(missing)} are "
            f"missing ({', '.join(missing[:3])}); evaluate a model of all of ImageNet or of these classes"
        )
    return None if wanted == model else tuple(model.index(name) for name in wanted)


def restricted(found: Predictions, kept: tuple[int, ...]) -> Predictions:
    """The samples whose label is among the `kept` classes, with these logits alone."""
    places = {label: place for place, label in enumerate(kept)}
    rows = [row for row, label in enumerate(found.labels.tolist()) if label in places]
    labels = [places[label] for label in found.labels[rows].tolist()]
    return Predictions(
        logits=found.logits[rows][:, list(kept)], labels=np.array(labels, np.int64), sample_ids=found.sample_ids[rows]
    )
