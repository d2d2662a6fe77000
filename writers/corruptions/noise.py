"""Noise, and lost values: gaussian, shot, impulse and speckle noise of CIFAR-C and ImageNet-C."""

import numpy as np

from layermix.compilation import jit


def gaussian_noise(image: np.ndarray, generator: np.random.Generator, *, scale: float) -> np.ndarray:
    """Normal noise of standard deviation `scale` on values in [0, 1]."""
    out = generator.standard_normal(image.shape, dtype=np.float32)
    _add_noise(image.ravel(), np.float32(255 * scale), out.ravel())
    return out


def shot_noise(image: np.ndarray, generator: np.random.Generator, *, photons: float) -> np.ndarray:
    """Poisson counts of at most `photons` expected photons a value."""
    counts = generator.poisson((np.arange(256) * (photons / 255))[image])
    return np.minimum(counts * (255 / photons), 255)


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
