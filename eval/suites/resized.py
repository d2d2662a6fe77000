"""Corrupted pictures at the side that ImageNet's benchmarks have, shown at the side that the models take."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.sets.folders import central_square
from eval.suites.protocol import Cell

PUBLISHED_SIDE = 224
"""Side of the pictures and frames of ImageNet-C, C-bar and P: their corruptions are measured in its pixels."""


@dataclass(frozen=True, kw_only=True)
class ResizedCell(Cell):
    """What `made` makes, resized to `side` pixels, as the files of a set are."""

    made: Cell
    side: int

    @classmethod
    def of(cls, made: Cell, side: int) -> "ResizedCell":
        """Under the key of `made`."""
        return cls(key=made.key, pictures=made.pictures, regenerated=made.regenerated, made=made, side=side)

    @property
    def frames(self) -> int | None:
        """Those of `made`."""
        return self.made.frames

    def prepare(self, images: np.ndarray, sample_ids: np.ndarray) -> np.ndarray:
        """See `Cell`."""
        large = self.made.prepare(images, sample_ids)
        small = np.empty((*large.shape[:-3], self.side, self.side, 3), np.uint8)
        for picture, out in zip(large.reshape(-1, *large.shape[-3:]), small.reshape(-1, *small.shape[-3:])):
            central_square(picture, 1.0, out)
        return small

    def preparation(self) -> dict[str, Any]:
        """See `Cell`."""
        return {**self.made.preparation(), "shown": self.side}
