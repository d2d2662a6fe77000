"""Noise, and lost values: gaussian, shot, impulse and speckle noise of CIFAR-C and ImageNet-C."""

from functools import lru_cache

import numpy as np

from layermix.compilation import jit

_GUIDE = 64
"""Starting points of the search in a table of chances."""


def gaussian_noise(image: np.ndarray, generator: np.random.Generator, *, scale: float) -> np.ndarray:
    """Normal noise of standard deviation `scale` on values in [0, 1]."""
    out = generator.standard_normal(image.shape, dtype=np.float32)
    _add_noise(image.ravel(), np.float32(255 * scale), out.ravel())
    return out


def shot_noise(image: np.ndarray, generator: np.random.Generator, *, photons: float) -> np.ndarray:
    """Poisson counts, `photons` expected of white, as values."""
    chances, guide = _poisson_tables(photons)
    out = generator.random(image.shape, dtype=np.float32)
    _count_photons(image.ravel(), chances, guide, np.float32(255 / photons), out.ravel())
    return out


@lru_cache(maxsize=16)
def _poisson_tables(photons: float) -> tuple[np.ndarray, np.ndarray]:
    """For each of the 256 values the chance of at most k photons, float64 (256, k), and where to start a search.

    The guide, int64 (256, _GUIDE), holds the least k whose chance exceeds n / _GUIDE. The chances end in ones.
    """
    expected = np.arange(256)[:, None] * (photons / 255)
    counts = np.arange(int(photons + 10 * np.sqrt(photons) + 20))
    log_factorials = np.concatenate([[0], np.cumsum(np.log(counts[1:]))])
    logarithms = counts * np.log(np.maximum(expected, np.finfo(float).tiny)) - expected - log_factorials
    chances = np.cumsum(np.exp(logarithms), axis=1)
    chances[:, -1] = 1
    starts = np.arange(_GUIDE) / _GUIDE
    return chances, np.stack([np.searchsorted(row, starts, side="right") for row in chances])


@jit
def _count_photons(image, chances, guide, value, out):
    """`out` holds uniform draws in [0, 1), and takes the counts times `value`, at most 255."""
    for index in range(out.size):
        pixel, draw = image[index], np.float64(out[index])
        count = guide[pixel, int(draw * guide.shape[1])]
        while chances[pixel, count] <= draw:
            count += 1
        out[index] = min(np.float32(count) * value, np.float32(255))


def impulse_noise(image: np.ndarray, generator: np.random.Generator, *, share: float) -> np.ndarray:
    """A `share` of the values becomes black or white, with equal chance."""
    draws = generator.random(image.shape, dtype=np.float32)
    return np.where(draws < share, np.where(draws < share / 2, np.uint8(255), np.uint8(0)), image)


def speckle_noise(image: np.ndarray, generator: np.random.Generator, *, scale: float) -> np.ndarray:
    """Normal noise in proportion to the value, of standard deviation `scale` at white."""
    out = generator.standard_normal(image.shape, dtype=np.float32)
    _add_speckles(image.ravel(), np.float32(scale), out.ravel())
    return out


@jit
def _add_noise(image, scale, out):
    """`out` holds normal draws, and takes the noisy values."""
    for index in range(out.size):
        value = np.float32(image[index]) + scale * out[index]
        out[index] = min(max(value, np.float32(0)), np.float32(255))


@jit
def _add_speckles(image, scale, out):
    """`out` holds normal draws, and takes the noisy values."""
    for index in range(out.size):
        value = np.float32(image[index]) * (np.float32(1) + scale * out[index])
        out[index] = min(max(value, np.float32(0)), np.float32(255))
