"""Sequences of slowly changing pictures: CIFAR-P and ImageNet-P.

Noise sequences begin with the clean picture, and each further frame has noise of its own. ImageNet-P moves a picture
of short side 256 and shows its middle 224 pixels, so that what moves in is picture, not black.
"""

from collections.abc import Sequence

import numpy as np

from layermix.errors import InputError
from writers.corruptions import digital, geometry, noise
from writers.corruptions.corrupt import SampleDraws, check_batch
from writers.corruptions.sampling import motion_blur_bytes, smooth
from writers.corruptions.tables import sequence_of
from writers.corruptions.weather import cover_with_snow, snow_flakes, spatter_layer, splash_water, whitened

_SIDES = {"cifar-p": None, "imagenet-p": 224}
"""Side in pixels of the frames; None: the picture's own size."""


def perturb(
    images: Sequence[np.ndarray] | np.ndarray,
    name: str,
    seed: int,
    sample_ids: Sequence[int] | np.ndarray,
    benchmark: str = "cifar-p",
) -> np.ndarray:
    """The frames of a batch: uint8 (N, T, H, W, 3).

    `images` are uint8 (H, W, 3), of one size for "cifar-p"; for "imagenet-p" of any sizes, by the published protocol
    with a short side of 256, and the frames are their middle 224 by 224. `name` is one of
    `perturbation_names(benchmark, extra=True)`. Equal arguments give equal bytes, whatever else is in the batch.

    Raises InputError for an unknown name or benchmark, for no pictures, and for pictures or ids of the wrong shape.
    """
    sequence = sequence_of(benchmark, name)
    height, width = _frame_size(images, _SIDES[benchmark])
    out = np.empty((len(images), sequence.frames, height, width, 3), np.uint8)
    check_batch(out[:, 0], sample_ids, seed)
    draws = SampleDraws(seed, name, 0)
    for index, sample_id in enumerate(sample_ids):
        if sequence.kind in geometry.MOVES:
            geometry.MOVES[sequence.kind](images[index], out[index], **sequence.parameters)
        else:
            window = geometry.middle(images[index], height, width)
            _CHANGES[sequence.kind](window, out[index], draws.of(int(sample_id)), **sequence.parameters)
    return out


def _frame_size(images: Sequence[np.ndarray] | np.ndarray, side: int | None) -> tuple[int, int]:
    if len(images) == 0:
        raise InputError("images must hold at least one picture, got none; leave out the empty batch")
    size = (side, side) if side else images[0].shape[:2]
    for image in images:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise InputError(
                f"images must be uint8 (H, W, 3) each, got {image.dtype} {image.shape}; convert them to RGB"
            )
        if side is None and image.shape[:2] != size:
            raise InputError(f"images must be of one size, got {image.shape[:2]} after {size}; perturb them apart")
        if min(image.shape[:2]) < (side or 1):
            raise InputError(f"images must have sides of at least {side} pixels, got {image.shape[:2]}; enlarge them")
    return size


def _noise(image: np.ndarray, out: np.ndarray, generator: np.random.Generator, *, function, **level) -> None:
    """The clean picture, then frames of independent noise."""
    out[0] = image
    for frame in out[1:]:
        frame[:] = function(image, generator, **level)


def _gaussian_noise(image, out, generator, *, scale: float) -> None:
    _noise(image, out, generator, function=noise.gaussian_noise, scale=scale)


def _shot_noise(image, out, generator, *, photons: float) -> None:
    _noise(image, out, generator, function=noise.shot_noise, photons=photons)


def _speckle_noise(image, out, generator, *, scale: float) -> None:
    _noise(image, out, generator, function=noise.speckle_noise, scale=scale)


def _motion_blur(image, out, _generator, *, radius: int, sigma: float, angle: Sequence[float]) -> None:
    for frame, degrees in zip(out, angle):
        frame[:] = motion_blur_bytes(image, radius, sigma, degrees)


def _gaussian_blur(image, out, _generator, *, sigma: Sequence[float], truncate: float) -> None:
    unblurred = image.astype(np.float32)
    for frame, width in zip(out, sigma):
        frame[:] = np.clip(smooth(unblurred, width, truncate=truncate), 0, 255)


def _brightness(image, out, generator, *, rise: Sequence[float]) -> None:
    for frame, change in zip(out, rise):
        frame[:] = digital.brightness(image, generator, rise=change)


def _snow(image, out, generator, *, mean, deviation, zoom, threshold, radius, sigma, keep, angle) -> None:
    """One fall of flakes, blurred along a turning angle."""
    flakes = snow_flakes(image.shape[:2], generator, mean, deviation, zoom, threshold)
    white = whitened(image, keep)
    for frame, degrees in zip(out, angle):
        frame[:] = cover_with_snow(white, motion_blur_bytes(flakes, radius, sigma, degrees))


def _spatter(image, out, generator, *, mean, deviation, sigma, threshold, amount, drip) -> None:
    """Drops of water that run down: after each frame `drip` is convolved along the columns."""
    layer = spatter_layer(image.shape[:2], generator, mean, deviation, sigma, threshold)
    for frame in out:
        frame[:] = splash_water(image, layer, amount)
        layer = _run_down(layer, drip)


def _run_down(layer: np.ndarray, drip: Sequence[float]) -> np.ndarray:
    """NumPy's convolution in mode "same" of every column with `drip`."""
    ahead = (len(drip) - 1) // 2
    padded = np.pad(layer, ((len(drip) - 1 - ahead, ahead), (0, 0)))
    height = layer.shape[0]
    parts = (weight * padded[len(drip) - 1 - k : len(drip) - 1 - k + height] for k, weight in enumerate(drip))
    return sum(parts, np.zeros_like(layer)).astype(np.float32)


_CHANGES = {
    "gaussian_noise": _gaussian_noise,
    "shot_noise": _shot_noise,
    "speckle_noise": _speckle_noise,
    "motion_blur": _motion_blur,
    "gaussian_blur": _gaussian_blur,
    "brightness": _brightness,
    "snow": _snow,
    "spatter": _spatter,
}
"""Perturbations of the pixels where they are: of uint8 (H, W, 3) into frames (T, H, W, 3)."""
