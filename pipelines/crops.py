"""Which part of a picture a loader keeps, drawn by the counter generator: the same for every backend."""

from typing import NamedTuple

import numpy as np

from layermix import geometry
from layermix.compilation import jit
from pipelines.config import LoaderConfig

RANDOM_RESIZED, PAD, CENTER, NONE = range(4)
_CROPS = {"random_resized": RANDOM_RESIZED, "pad": PAD, "center": CENTER, "none": NONE}


class Crop(NamedTuple):
    """The geometry of a `LoaderConfig` in the form that compiled code takes."""

    kind: int
    flip: bool
    padding: int
    scale: tuple[float, float]
    ratio: tuple[float, float]
    share: float
    seed: np.uint64

    @classmethod
    def of(cls, config: LoaderConfig) -> "Crop":
        """The geometry of one configuration."""
        (low, high), (narrow, wide) = config.scale, config.ratio
        return cls(
            kind=_CROPS[config.crop],
            flip=config.flip,
            padding=config.padding,
            scale=(float(low), float(high)),
            ratio=(float(narrow), float(wide)),
            share=float(config.center_ratio),
            seed=np.uint64(config.seed),
        )


@jit
def is_resized(crop):
    """Whether the crop is a box of the picture, `crop_box`, that is resized; else its pixels are moved alone."""
    return crop.kind == RANDOM_RESIZED or crop.kind == CENTER


@jit
def is_mirrored(crop, epoch, sample_id):
    """Whether this sample is flipped left to right in this epoch."""
    return crop.flip and geometry.random_flip(crop.seed, epoch, sample_id, 0)


@jit
def crop_box(crop, epoch, sample_id, height, width):
    """(top, left, height, width) in pixels of a crop that `is_resized`, inside a picture of this size."""
    if crop.kind == CENTER:
        return geometry.center_crop(height, width, crop.share)
    return geometry.random_resized_crop(crop.seed, epoch, sample_id, 0, height, width, crop.scale, crop.ratio)
