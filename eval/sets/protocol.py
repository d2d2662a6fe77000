"""The protocol of a set of pictures: how many there are, what identifies them, and batches by number."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from layermix.errors import InputError

NO_LABEL = -1
"""The label of a sample without one."""


class PictureBatch(NamedTuple):
    """Some pictures or sequences, in memory of their own."""

    images: np.ndarray
    """uint8 (N, H, W, 3), of sequences (N, T, H, W, 3)."""
    labels: np.ndarray
    """int64 (N,); NO_LABEL where the set has none."""
    sample_ids: np.ndarray
    """int64 (N,): the places of the samples in the set."""


class BadPicturesError(InputError):
    """Samples of a set that cannot be read; `reasons` has a line a sample, which names it."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(reasons[0])
        self.reasons = tuple(reasons)


class PictureSet(Protocol):
    """Pictures of one size, or sequences of T frames, in a fixed order."""

    @property
    def count(self) -> int:
        """Samples, a sequence being one."""
        ...

    @property
    def frames(self) -> int | None:
        """Frames of a sequence; None for pictures."""
        ...

    @property
    def data_hash(self) -> str:
        """What identifies pictures, labels and order."""
        ...

    @property
    def preparation(self) -> Mapping[str, Any]:
        """What is done to a stored picture: plain values."""
        ...

    def batches(self, size: int, numbers: Sequence[int]) -> Iterator[Callable[[], PictureBatch]]:
        """Calls that read batches, to be made in any order and thread; one for each of the rising `numbers`.

        Batch k holds samples k * size to (k + 1) * size - 1, as far as there are any. A call raises BadPicturesError
        for samples that cannot be read, and nothing of its batch is lost silently.
        """
        ...
