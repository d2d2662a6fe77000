"""The clean pictures that a corrupted set is made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from layermix.errors import InputError
from layermix.manifest import data_files, dataset_path, read_manifest
from writers.bad import BadPicture, OnBad
from writers.contents import read_contents
from writers.images import decode_image
from writers.ordered import map_ordered
from writers.registry import SourceRequest, open_source
from writers.source import Sample, Source

SHORT_SIDE, CROP = 256, 224
"""ImageNet's pictures are shrunk to this short side, and cut to the middle square of that side, in pixels."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One decoded picture: uint8 RGB (H, W, 3), its label and its name as `Sample` has it."""

    image: np.ndarray
    label: int
    name: str


def read_picture(source: Source, index: int) -> Picture | BadPicture:
    """The picture at `index` of the source, or why it cannot be had."""
    name = f"picture {index}"
    try:
        sample = source.read(index)
        name = sample.name
        if not 0 <= sample.label < len(source.classes):
            rule = f"the label must be from 0 to {len(source.classes) - 1}, got {sample.label}"
            raise InputError(f"{name}: {rule}; mend the labels or the class names")
        image = decode_image(sample.image, name) if isinstance(sample.image, bytes) else sample.image
    except InputError as error:
        return BadPicture.of(index, name, str(error))
    return Picture(image=image, label=sample.label, name=name)


@dataclass(frozen=True, kw_only=True)
class SmallPictures:
    """All pictures of a small set: uint8 (N, H, W, 3), labels (N,), their places in the source, and the bad ones."""

    images: np.ndarray
    labels: np.ndarray
    sample_ids: np.ndarray
    bad: tuple[BadPicture, ...]


def read_small(source: Source, count: int, threads: int, on_bad: OnBad) -> SmallPictures:
    """The first `count` pictures of a source.

    InputError: a bad picture under "fail", no good one, pictures of several sizes, a label above 255.
    """
    found = list(map_ordered(partial(read_picture, source), count, threads, most=64))
    bad = tuple(picture for picture in found if isinstance(picture, BadPicture))
    if bad and (on_bad == "fail" or len(bad) == count):
        raise InputError(f"{bad[0].path}: {bad[0].reason}")
    good = [(index, picture) for index, picture in enumerate(found) if isinstance(picture, Picture)]
    first = good[0][1]
    for _, picture in good:
        if picture.image.shape != first.image.shape:
            sizes = f"{picture.image.shape[:2]} after {first.image.shape[:2]}"
            raise InputError(f"{picture.name}: pictures must be of one size, got {sizes}; use an imagenet benchmark")
        if picture.label > 255:
            raise InputError(f"{picture.name}: labels.npy holds labels up to 255, got {picture.label}")
    return SmallPictures(
        images=np.stack([picture.image for _, picture in good]),
        labels=np.array([picture.label for _, picture in good]),
        sample_ids=np.array([index for index, _ in good]),
        bad=bad,
    )


def shrunk(image: np.ndarray) -> np.ndarray:
    """The picture with a short side of SHORT_SIDE, bilinear with antialiasing, as torchvision's Resize on Pillow."""
    height, width = image.shape[:2]
    short, long = sorted((height, width))
    length = int(SHORT_SIDE * long / short)
    size = (SHORT_SIDE, length) if width == short else (length, SHORT_SIDE)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


@dataclass(frozen=True, kw_only=True)
class SourceChoice:
    """Which source to open, in this and in every worker process. kind: one of SOURCES, or "dataset"."""

    kind: str
    request: SourceRequest

    def open(self) -> Source:
        """The source. InputError as `open_source`."""
        if self.kind != "dataset":
            return open_source(self.kind, self.request)
        if self.request.root is None:
            raise InputError("--root is missing; give the data set, such as test.beton")
        return DatasetSource(self.request.root)


class DatasetSource:
    """The pictures of a finished data set (.beton and the other formats), in the order of its sample ids."""

    def __init__(self, root: Path) -> None:
        self._path = dataset_path(root)
        manifest = read_manifest(self._path)
        if manifest.kind != "images":
            raise InputError(f"--root {root} is a set of {manifest.kind}; give a set of labelled pictures")
        files = data_files(self._path, manifest)
        manifests = {file: read_manifest(file) if manifest.shards else manifest for file in files}
        self._contents = read_contents(self._path, manifests, manifest)
        self.classes = tuple(manifest.classes)
        self._origin = {"name": "dataset", "root": str(root), "sha256": manifest.sha256}

    def __len__(self) -> int:
        return len(self._contents.rows)

    def read(self, index: int) -> Sample:
        label = int(self._contents.rows["label"][index])
        return Sample(image=self._contents.pixels(index), label=label, name=f"{self._path} sample {index}")

    def describe(self) -> Mapping[str, Any]:
        return self._origin
