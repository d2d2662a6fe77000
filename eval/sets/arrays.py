"""Pictures and sequences of a NumPy file, read from the mapped file as they are needed: CIFAR-C, C-bar and P."""

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from eval.sets.protocol import PictureBatch
from layermix.errors import InputError


class ArrayPictures:
    """The `rows` of an array of pictures (N, H, W, 3) or sequences (N, T, H, W, 3), uint8, and a label for each.

    `path` is the file of the array: it names it in errors, and its content is what identifies the pictures.
    """

    preparation: Mapping[str, Any] = {"size": "as stored"}

    def __init__(self, images: np.ndarray, labels: np.ndarray, path: Path, rows: range | None = None) -> None:
        self._rows, self._path, self._labels = rows or range(len(images)), path, labels.astype(np.int64)
        self._images = images[self._rows.start : self._rows.stop]
        if len(self._images) != len(labels):
            raise InputError(
                f"{path}: must hold one picture or sequence for each of {len(labels)} labels, got {len(self._images)}; "
                "take both from the same set"
            )
        self.count = len(labels)
        self.frames = images.shape[1] if images.ndim == 5 else None

    @property
    def data_hash(self) -> str:
        """Content hash of the file, the rows taken, and a hash of the labels."""
        labels = xxhash.xxh3_64_hexdigest(self._labels.tobytes())
        return f"{file_hash(self._path)}-{self._rows.start}-{self._rows.stop}-{labels}"

    def batches(self, size: int, numbers: Sequence[int]) -> Iterator[Callable[[], PictureBatch]]:
        """See `PictureSet`."""
        for number in numbers:
            yield partial(self._read, number * size, min((number + 1) * size, self.count))

    def _read(self, start: int, stop: int) -> PictureBatch:
        return PictureBatch(np.array(self._images[start:stop]), self._labels[start:stop], np.arange(start, stop))


def open_array(path: Path, shape: tuple[int | None, ...]) -> np.ndarray:
    """The uint8 array of a .npy, mapped into memory; None in `shape` stands for any length.

    InputError: no such file, no .npy, cut off, pickled objects, another type or shape.
    """
    array = _load(path)
    fits = _fits(array.shape, shape)
    side = array.shape[-2] if array.ndim > 2 else 0
    if side and not fits and _fits(array.shape, (*shape[:-3], side, side, *shape[-1:])):
        raise InputError(
            f"{path}: pictures must be of {shape[-2]} px, as the models take them, got {side} px; "
            f"give models of {side} px, or pictures of {shape[-2]} px"
        )
    if array.dtype != np.uint8 or not fits or 0 in array.shape:
        rule = ", ".join("N" if length is None else str(length) for length in shape)
        raise InputError(f"{path}: must be uint8 ({rule}), got {array.dtype} {array.shape}; give the released file")
    return array


def _fits(found: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(found) == len(wanted) and all(rule in (None, length) for rule, length in zip(wanted, found))


def open_labels(path: Path, classes: int) -> np.ndarray:
    """The labels of a .npy, int64 (N,), 0 to `classes` - 1; InputError for anything else."""
    labels = np.array(_load(path))
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not len(labels):
        raise InputError(f"{path}: must be integers (N,), got {labels.dtype} {labels.shape}; take it from the same set")
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(
            f"{path}: labels must be in 0 to {classes - 1}, the classes of the model, got {labels.min()} to "
            f"{labels.max()}; take the set that belongs to the model"
        )
    return labels.astype(np.int64)


@cache
def file_hash(path: Path) -> str:
    """XXH3-128 of the content of a file, in hexadecimal; read once a process."""
    digest = xxhash.xxh3_128()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); copy it again") from error
    return digest.hexdigest()


def _load(path: Path) -> np.ndarray:
    if not path.is_file():
        raise InputError(f"{path}: is not there; unpack the set again, or make it")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, TypeError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: cannot be read as a .npy ({reason:.200}); download it again") from error
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path}: must be a .npy, got an archive of several arrays; give the released file")
    return array
