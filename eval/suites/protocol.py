"""The protocol of a benchmark: which cells it needs, and what it measures on their predictions.

A cell is one set of pictures as a model meets them: clean, under one corruption at one severity, attacked.
Suites that share a cell share its predictions, so a picture goes through a model once a cell.
"""

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol

import numpy as np
from torch import Tensor, nn

from eval.predictions import CellPredictions
from eval.sets import PictureSet
from layermix.config import plain


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Pictures as they are. A subclass changes them: for all models alike in `prepare`, for one in `challenge`.

    `key` names the cell in results, `kept` keeps the logits of these classes in this order (None: all), and
    `regenerated` says that the pictures were made here or by `writers.make_corrupted` and are not the published files.
    """

    key: str = "clean"
    pictures: PictureSet = field(repr=False)
    kept: tuple[int, ...] | None = None
    regenerated: bool = False

    @property
    def count(self) -> int:
        """Samples."""
        return self.pictures.count

    @property
    def frames(self) -> int | None:
        """Frames of a sequence that the model is shown; None for pictures."""
        return self.pictures.frames

    def prepare(self, images: np.ndarray, sample_ids: np.ndarray) -> np.ndarray:
        """Pictures that every model is shown: uint8 (N, H, W, 3), or (N, T, H, W, 3) where `frames` is T."""
        return images

    def challenge(self, classifier: nn.Module, images: Tensor, labels: Tensor, sample_ids: Tensor) -> Tensor:
        """Pictures for this model: from uint8 (N, 3, H, W) to uint8, or floating point in [0, 1]."""
        return images

    def preparation(self) -> dict[str, Any]:
        """What is done to stored pictures, as plain values: the set's part and every parameter of the cell."""
        own = {part.name: plain(getattr(self, part.name)) for part in fields(self) if part.name not in _NOT_PREPARED}
        return {"cell": type(self).__name__, **own, **self.pictures.preparation}


_NOT_PREPARED = ("key", "pictures", "regenerated")


Key = tuple[str, str, str, str]
"""Suite, cell, metric and protocol: what names a number of one model."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One number about one model.

    `cell` is the key of a cell, or of the group that was pooled; `value` is a fraction (of mT5D a distance);
    `count` the predictions behind it; `interval` its 95% interval where one is known; `detail` what it covers.
    """

    suite: str
    cell: str
    metric: str
    protocol: str
    value: float
    count: int
    interval: tuple[float, float] | None = None
    regenerated: bool = False
    detail: str = ""

    @property
    def key(self) -> Key:
        """What names it."""
        return self.suite, self.cell, self.metric, self.protocol


class Suite(Protocol):
    """One benchmark; `name` is what the command calls it. A frozen dataclass of plain values, kept with the results.

    `families` are the kinds of pictures that it is for: "cifar", "imagenet".
    """

    name: ClassVar[str]
    families: ClassVar[tuple[str, ...]]

    def measure(self, predictions: CellPredictions) -> list[Measurement]:
        """Numbers from the predictions of those of its cells that are there; pure, reads no picture."""
        ...


@dataclass(frozen=True, kw_only=True)
class Group:
    """Cells that are pooled: their name in results, and their keys."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Shift:
    """A shifted set that calibration is judged on: groups of cells, each pooled, then averaged.

    `protocols` are those that these cells were prepared for. `paired` says that the samples are those of the clean
    set, in the same order; `regenerated` as in `Cell`. Of a single cell whole batches of `whole_batches` pictures
    alone may count by the paper's protocol; None: every picture.
    """

    name: str
    groups: tuple[Group, ...]
    protocols: tuple[str, ...] = ("paper", "strict")
    paired: bool = False
    regenerated: bool = False
    whole_batches: int | None = None
