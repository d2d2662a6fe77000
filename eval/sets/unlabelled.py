"""A set whose labels are not classes of the model."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from eval.sets.protocol import NO_LABEL, PictureBatch, PictureSet


class Unlabelled:
    """The pictures of another set, all labels NO_LABEL."""

    def __init__(self, pictures: PictureSet) -> None:
        self._pictures = pictures
        self.count, self.frames, self.data_hash = pictures.count, pictures.frames, pictures.data_hash
        self.preparation: Mapping[str, Any] = {**pictures.preparation, "labels": "none"}

    def batches(self, size: int, numbers: Sequence[int]) -> Iterator[Callable[[], PictureBatch]]:
        """See `PictureSet`."""
        for read in self._pictures.batches(size, numbers):
            yield partial(_without_labels, read)


def _without_labels(read: Callable[[], PictureBatch]) -> PictureBatch:
    batch = read()
    return batch._replace(labels=np.full(len(batch.labels), NO_LABEL))
