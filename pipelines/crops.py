"""Crop, resize and flip of a decoded picture, drawn by the counter generator: one kernel for every backend."""

from typing import NamedTuple

import numpy as np

from layermix import geometry
from layermix.compilation import jit
from layermix.kernels.point import copy
from layermix.resize import resize_rgb
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


def resizes(config: LoaderConfig) -> bool:
    """Whether the crop is a box of the picture that is resized; else its pixels are moved alone."""
    return config.crop in ("random_resized", "center")


@jit
def is_resized(crop):
    """`resizes` for compiled code; the box is `crop_box`."""
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


@jit
def crop_picture(picture, crop, epoch, sample_id, scratch, out):
    """The crop of a whole picture.

    Args:
        picture: uint8 (H, W, 3); of the size of `out` where `crop` is of kind "none".
        scratch: uint8 (at least `layermix.resize.crop_scratch(W, size)`,), contents undefined.
        out: uint8 (size, size, 3).
    """
    mirrored = is_mirrored(crop, epoch, sample_id)
    if is_resized(crop):
        box = crop_box(crop, epoch, sample_id, picture.shape[0], picture.shape[1])
        resize_rgb(picture, box[0], box[1], box[2], box[3], mirrored, scratch, out)
        return
    if crop.kind == PAD:
        vertical, horizontal = geometry.random_offset(crop.seed, epoch, sample_id, 0, 2 * crop.padding)
        geometry.pad_crop(picture, crop.padding, vertical, horizontal, out)
    else:
        copy(picture, out)
    if mirrored:
        geometry.flip_left_right(out)
