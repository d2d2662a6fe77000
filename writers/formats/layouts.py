"""The two kinds of data set: how a sample becomes bytes, and what the manifest says of them all."""

from typing import Any, Protocol

import numpy as np

from layermix.manifest import Kind
from writers.encode import encode_fractal, encode_image
from writers.formats.container import Container
from writers.formats.registry import find_format
from writers.options import StoreOptions
from writers.source import Sample
from writers.stored import StoredPicture


class Layout(Protocol):
    """How one kind of file stores its samples."""

    @property
    def kind(self) -> Kind: ...

    @property
    def format(self) -> type[Container]:
        """The container that the samples are laid down in."""
        ...

    def encode(self, sample: Sample) -> StoredPicture:
        """The bytes to store for a sample; called from several threads."""
        ...

    def summary(self, rows: np.ndarray, num_classes: int) -> dict[str, Any]:
        """The manifest entries that follow from the rows, SAMPLE (count,), of the whole file."""
        ...


class ImageLayout:
    """An image data set: pictures, JPEG or as the format keeps them without loss or YUV, each with a label."""

    kind: Kind = "images"

    def __init__(self, options: StoreOptions, format: str = "beton") -> None:
        """InputError: the format cannot hold what the options ask for."""
        self.format = find_format(format)
        self.format.check(options)
        self._options = options

    def encode(self, sample: Sample) -> StoredPicture:
        return encode_image(sample, self._options, self.format.lossless)

    def summary(self, rows: np.ndarray, num_classes: int) -> dict[str, Any]:
        counts = np.bincount(rows["label"], minlength=num_classes)
        return {"kind": self.kind, "class_counts": tuple(counts.tolist())}


class FractalLayout:
    """A fractal bank: raw row-major uint8 pixels, gray or RGB."""

    kind: Kind = "fractals"

    def __init__(self, options: StoreOptions, channels: int, format: str = "beton") -> None:
        self.format = find_format(format)
        self._options = options
        self._channels = channels

    def encode(self, sample: Sample) -> StoredPicture:
        return encode_fractal(sample, self._options, self._channels)

    def summary(self, rows: np.ndarray, num_classes: int) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "class_counts": (len(rows),),
            "channels": self._channels,
            "short_side": int(min(rows["height"].min(), rows["width"].min())),
        }
