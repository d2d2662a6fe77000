"""Some pictures of a set, evenly spread over it, kept in memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from eval.sets.protocol import PictureBatch, PictureSet

READ_AT_ONCE = 250


class SpreadPictures:
    """`count` pictures of another set, at equal distances; all of them where it has no more.

    A data set that is sorted by class is represented, as its first pictures would not. They are read when the first
    batch is asked for, and then kept: for sets that are shown many times, each time changed in another way.
    """

    frames = None

    def __init__(self, pictures: PictureSet, count: int) -> None:
        self._pictures, self.count = pictures, min(count, pictures.count)
        self.data_hash = f"{pictures.data_hash}-spread-{self.count}"
        self.preparation: Mapping[str, Any] = pictures.preparation

    @cached_property
    def places(self) -> np.ndarray:
        """int64 (count,): the places in the other set, rising."""
        return np.arange(self.count) * self._pictures.count // self.count

    def batches(self, size: int, numbers: Sequence[int]) -> Iterator[Callable[[], PictureBatch]]:
        """See `PictureSet`."""
        for number in numbers:
            yield partial(_part, self._kept, range(number * size, min((number + 1) * size, self.count)))

    @cached_property
    def _kept(self) -> PictureBatch:
        """All pictures in order."""
        numbers = np.unique(self.places // READ_AT_ONCE).tolist()
        parts = []
        for read in self._pictures.batches(READ_AT_ONCE, numbers):
            batch = read()
            taken = np.isin(batch.sample_ids, self.places)
            parts.append((batch.images[taken], batch.labels[taken]))
        images, labels = (np.concatenate(columns) for columns in zip(*parts))
        return PictureBatch(images, labels, np.arange(self.count))


def _part(batch: PictureBatch, rows: range) -> PictureBatch:
    return PictureBatch(*(column[rows.start : rows.stop] for column in batch))
