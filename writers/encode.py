"""From a sample of a source to the bytes that a data file stores for it."""

from typing import Literal

import numpy as np

from layermix.errors import InputError
from layermix.jpeg import first_remark, is_complete
from layermix.samples import Form
from layermix.yuv import rgb_to_yuv, yuv_bytes
from writers.images import PictureFile, decode_image, encode_jpeg, encode_png, shrink, shrunk_size
from writers.jpeg_header import plain_jpeg_size
from writers.options import MAX_SIDE, RAW_SIDE, StoreOptions
from writers.source import Sample
from writers.stored import StoredPicture


def encode_image(sample: Sample, options: StoreOptions, lossless: Literal["raw", "png"] = "raw") -> StoredPicture:
    """The RGB picture of a sample as `options` want it stored; `lossless` is how mode "raw" and small pictures are.

    InputError with the sample's name for a bad picture.
    """
    if isinstance(sample.image, bytes):
        if options.mode == "auto":
            size = plain_jpeg_size(sample.image) or PictureFile(sample.image, sample.name).upright_jpeg_size()
            if size is not None and _may_stay(sample.image, size, options):
                return StoredPicture(data=sample.image, height=size[0], width=size[1], channels=3, form="jpg")
        pixels = decode_image(sample.image, sample.name)
    else:
        pixels = sample.image
    pixels = _fitted(pixels, sample.name, options)
    form: Form = "yuv" if options.mode == "yuv" else "jpg"
    if options.mode == "raw" or (options.mode == "auto" and _is_small(*pixels.shape[:2])):
        form = lossless
    height, width, channels = pixels.shape
    data = _data(pixels, form, options.quality)
    return StoredPicture(data=data, height=height, width=width, channels=channels, form=form)


def encode_fractal(sample: Sample, options: StoreOptions, channels: int) -> StoredPicture:
    """The fractal of a sample as raw pixels; InputError where it has not the bank's number of channels (1 or 3)."""
    pixels = sample.image
    if isinstance(pixels, bytes):
        raise TypeError(f"{sample.name}: a fractal source must give pixels")
    found = 1 if pixels.ndim == 2 else pixels.shape[2]
    if found != channels:
        raise InputError(f"{sample.name}: has {found} channels in a bank of {channels}; see --color")
    pixels = _fitted(pixels, sample.name, options)
    height, width = pixels.shape[:2]
    return StoredPicture(data=pixels.tobytes(), height=height, width=width, channels=channels, form="raw")


def _may_stay(jpeg: bytes, size: tuple[int, int], options: StoreOptions) -> bool:
    """Whether a plain JPEG of (height, width) `size` is to be stored with its bytes untouched."""
    fits = size == shrunk_size(*size, options.short_side, options.max_side) and max(size) <= MAX_SIDE
    if not fits or _is_small(*size):
        return False
    return is_complete(jpeg, *size) if options.check == "header" else not first_remark(jpeg, *size)


def _fitted(pixels: np.ndarray, name: str, options: StoreOptions) -> np.ndarray:
    pixels = shrink(pixels, options.short_side, options.max_side)
    if max(pixels.shape[:2]) > MAX_SIDE:
        raise InputError(f"{name}: a side has at most {MAX_SIDE} pixels, got {max(pixels.shape[:2])}; use --max-side")
    return pixels


def _is_small(height: int, width: int) -> bool:
    return max(height, width) <= RAW_SIDE


def _data(pixels: np.ndarray, form: Form, quality: int) -> bytes:
    if form == "raw":
        return pixels.tobytes()
    if form == "yuv":
        return _planes(pixels)
    return encode_png(pixels) if form == "png" else encode_jpeg(pixels, quality)


def _planes(pixels: np.ndarray) -> bytes:
    data = np.empty(yuv_bytes(*pixels.shape[:2]), np.uint8)
    rgb_to_yuv(np.require(pixels, requirements=["C", "W"]), data)
    return data.tobytes()
