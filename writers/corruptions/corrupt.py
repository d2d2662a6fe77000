"""Corrupting a batch of pictures: the checks, and the random numbers of each picture."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from layermix.errors import InputError
from writers.corruptions import blur, cbar_cover, cbar_noise, cbar_warp, digital, noise, weather
from writers.corruptions.tables import level_of

_FAMILIES = (noise, blur, weather, digital, cbar_noise, cbar_cover, cbar_warp)


def corrupt(
    images: np.ndarray,
    name: str,
    severity: int,
    seed: int,
    sample_ids: Sequence[int] | np.ndarray,
    benchmark: str = "cifar-c",
) -> np.ndarray:
    """Corrupt a batch: uint8 (N, H, W, 3) in, a new array of the same shape and type out.

    `name` is one of `corruption_names(benchmark, extra=True)`, `severity` one of 1 to 5, `sample_ids` one non-negative
    id a picture. Equal benchmark, corruption, severity, seed, id and pixels give equal bytes, whatever else is in the
    batch. Values are truncated to uint8, not rounded, as in the published programs. Safe to call from several threads.

    Raises InputError for an unknown name, severity or benchmark and for images or ids of the wrong shape.
    """
    level = level_of(benchmark, name, severity)
    check_batch(images, sample_ids, seed)
    apply, draws = _function(name), SampleDraws(seed, name, severity)
    out = np.empty_like(images)
    for index, sample_id in enumerate(sample_ids):
        out[index] = apply(images[index], draws.of(int(sample_id)), **level)
    return out


def check_batch(images: np.ndarray, sample_ids: Sequence[int] | np.ndarray, seed: int) -> None:
    """InputError for images that are not uint8 (N, H, W, 3), or ids or a seed that do not fit."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise InputError(
            f"images must be uint8 (N, H, W, 3), got {images.dtype} {images.shape}; "
            "convert them to RGB bytes, channels last"
        )
    if len(sample_ids) != len(images):
        raise InputError(
            f"sample_ids must hold one id a picture, got {len(sample_ids)} ids for {len(images)} pictures; "
            "pass the ids of this batch"
        )
    if not 0 <= seed < 2**64:
        raise InputError(f"seed must be in [0, 2**64), got {seed}; pass a non-negative integer")
    if len(sample_ids) and min(sample_ids) < 0:
        raise InputError(f"sample_ids must be ≥ 0, got {min(sample_ids)}; use the index in the data set")


class SampleDraws:
    """The random numbers of pictures under one corruption at one severity (0 where there is none).

    One Philox generator, keyed by seed and corruption, set to the counter of each picture: making one costs ten times
    as much.
    """

    def __init__(self, seed: int, name: str, severity: int) -> None:
        key = np.array([seed, zlib.crc32(name.encode())], dtype=np.uint64)
        self._philox, self._severity = np.random.Philox(key=key), severity
        self._generator = np.random.Generator(self._philox)
        self._unused: Any = self._philox.state

    def of(self, sample_id: int) -> np.random.Generator:
        """The generator at the first draw of a picture; what was drawn before does not matter."""
        # The lowest counter word is left to the draws of this one picture.
        self._unused["state"]["counter"] = np.array([0, sample_id, self._severity, 0], dtype=np.uint64)
        self._philox.state = self._unused
        return self._generator


def _function(name: str) -> Callable[..., np.ndarray]:
    """`name` of the families: from uint8 (H, W, 3) and a generator to values in [0, 255] of that shape."""
    return next(getattr(family, name) for family in _FAMILIES if hasattr(family, name))
