"""Pictures in class folders, decoded, cropped and resized as by the loaders: ImageNet-C, R, A, V2, Sketch."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from eval.sets.protocol import BadPicturesError, PictureBatch
from layermix.errors import InputError
from layermix.geometry import center_crop
from layermix.resize import crop_scratch, resize_rgb
from writers.images import decode_image
from writers.source import Sample
from writers.sources.folder import FolderSource
from writers.wnids import imagenet_wnids


class FolderPictures:
    """The pictures of `root/<class>/*`, in the order of the folders and names, centre-cropped to `size` pixels.

    Every one of `classes` must have a folder with pictures; a label is a place in `classes`. Folders of other classes
    of ImageNet are left out, and folders 0, 1, ... 999 stand for its classes by number (ImageNetV2). `center_ratio` as
    of the loaders; `names` are `<class>/<picture>`.

    Raises InputError that counts and names the classes that are missing or unknown.
    """

    frames: int | None = None

    def __init__(self, root: Path, classes: Sequence[str], *, size: int, center_ratio: float) -> None:
        self._source, self._size, self._ratio = FolderSource(root), size, center_ratio
        places = _places(root, self._source.classes, classes)[self._source.labels]
        self._samples = np.flatnonzero(places >= 0)
        self._labels = places[self._samples]
        self.names = [self._source.names[sample] for sample in self._samples]
        self.count = len(self._samples)
        self.data_hash = str(self._source.describe()["fingerprint"])
        self.preparation: Mapping[str, Any] = {"size": size, "crop": "center", "center_ratio": center_ratio}

    def batches(self, size: int, numbers: Sequence[int]) -> Iterator[Callable[[], PictureBatch]]:
        """See `PictureSet`."""
        for number in numbers:
            yield partial(self._read, range(number * size, min((number + 1) * size, self.count)))

    def _read(self, ids: range) -> PictureBatch:
        images, bad = self._room(len(ids)), []
        for row, sample in enumerate(self._samples[ids.start : ids.stop].tolist()):
            try:
                self._decode(self._source.read(sample), images[row])
            except InputError as error:
                bad.append(str(error))
        if bad:
            raise BadPicturesError(bad)
        return PictureBatch(images, self._labels[ids.start : ids.stop], np.arange(ids.start, ids.stop))

    def _room(self, count: int) -> np.ndarray:
        return np.empty((count, self._size, self._size, 3), np.uint8)

    def _decode(self, sample: Sample, out: np.ndarray) -> None:
        central_square(decode_image(cast(bytes, sample.image), sample.name), self._ratio, out)


def central_square(picture: np.ndarray, ratio: float, out: np.ndarray) -> None:
    """The central square of `ratio` of the short side of uint8 (H, W, 3), resized to `out`, uint8 (size, size, 3)."""
    height, width = picture.shape[:2]
    scratch = np.empty(crop_scratch(width, len(out)), np.uint8)
    resize_rgb(picture, *center_crop(height, width, ratio), False, scratch, out)


def _places(root: Path, folders: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """The place in `classes` of each class folder; -1 for one of ImageNet's other classes."""
    imagenet = imagenet_wnids("imagenet-1k")
    numbered = {str(number): wnid for number, wnid in enumerate(imagenet)}
    names = [numbered[name] for name in folders] if set(folders) == set(numbered) else list(folders)
    missing = sorted(set(classes) - set(names))
    unknown = sorted(set(names) - set(classes) - set(imagenet))
    if missing or unknown:
        faults = {"missing": missing, "unknown": unknown}
        found = [f"{len(names)} {fault} ({', '.join(names[:3])})" for fault, names in faults.items() if names]
        raise InputError(
            f"{root}: must hold a folder for each of the {len(classes)} classes and none of others, got "
            f"{' and '.join(found)}; unpack the set again"
        )
    places = {name: place for place, name in enumerate(classes)}
    return np.array([places.get(name, -1) for name in names])
