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
from writers.sources.folder import FolderSource


class FolderPictures:
    """The pictures of `root/<class>/*`, in the order of the folders and names, centre-cropped to `size` pixels.

    Every one of `classes` must have a folder with pictures and there must be no other; a label is a place in
    `classes`. Folders named 0, 1, ... stand for the classes by number (ImageNetV2). `center_ratio` as of the loaders.

    Raises InputError that counts and names the classes that are missing or too many.
    """

    frames = None

    def __init__(self, root: Path, classes: Sequence[str], *, size: int, center_ratio: float) -> None:
        self._source, self._size, self._ratio = FolderSource(root), size, center_ratio
        self._labels = _places(root, self._source.classes, classes)[self._source.labels]
        self.count = len(self._source)
        self.data_hash = str(self._source.describe()["fingerprint"])
        self.preparation: Mapping[str, Any] = {"size": size, "crop": "center", "center_ratio": center_ratio}

    def batches(self, size: int, numbers: Sequence[int]) -> Iterator[Callable[[], PictureBatch]]:
        """See `PictureSet`."""
        for number in numbers:
            yield partial(self._read, range(number * size, min((number + 1) * size, self.count)))

    def _read(self, ids: range) -> PictureBatch:
        images, bad = np.empty((len(ids), self._size, self._size, 3), np.uint8), []
        for row, index in enumerate(ids):
            try:
                sample = self._source.read(index)
                central_square(decode_image(cast(bytes, sample.image), sample.name), self._ratio, images[row])
            except InputError as error:
                bad.append(str(error))
        if bad:
            raise BadPicturesError(bad)
        return PictureBatch(images, self._labels[ids.start : ids.stop], np.arange(ids.start, ids.stop))


def central_square(picture: np.ndarray, ratio: float, out: np.ndarray) -> None:
    """The central square of `ratio` of the short side of uint8 (H, W, 3), resized to `out`, uint8 (size, size, 3)."""
    height, width = picture.shape[:2]
    scratch = np.empty(crop_scratch(width, len(out)), np.uint8)
    resize_rgb(picture, *center_crop(height, width, ratio), False, scratch, out)


def _places(root: Path, found: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """The place in `classes` of each class folder."""
    numbered = [str(place) for place in range(len(classes))]
    known = numbered if set(found) == set(numbered) else list(classes)
    missing, unknown = sorted(set(known) - set(found)), sorted(set(found) - set(known))
    if missing or unknown:
        listed = ", ".join([*missing, *unknown][:5])
        raise InputError(
            f"{root}: must hold a folder for each of {len(known)} classes, {len(missing)} are missing and "
            f"{len(unknown)} are unknown ({listed}); unpack the set again"
        )
    places = {name: place for place, name in enumerate(known)}
    return np.array([places[name] for name in found])
