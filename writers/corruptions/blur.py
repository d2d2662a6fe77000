"""Blurs: defocus, glass, motion, zoom and Gaussian blur of CIFAR-C and ImageNet-C."""

import cv2
import numpy as np

from layermix.compilation import jit
from writers.corruptions.sampling import add_grid, clipped_zoom, motion_blur_bytes, smooth


def defocus_blur(image: np.ndarray, _generator: np.random.Generator, *, radius: float, alias_blur: float) -> np.ndarray:
    """Convolution with `disk_kernel`."""
    return np.clip(cv2.filter2D(image.astype(np.float64), -1, disk_kernel(radius, alias_blur)), 0, 255)


def disk_kernel(radius: float, alias_blur: float) -> np.ndarray:
    """A disk of `radius` pixels under a Gaussian of `alias_blur`: float32 (n, n), n = 17 up to radius 8, sum 1."""
    reach, size = (np.arange(-8, 9), 3) if radius <= 8 else (np.arange(-radius, radius + 1), 5)
    disk = (reach[None, :] ** 2 + reach[:, None] ** 2 <= radius**2).astype(np.float32)
    return cv2.GaussianBlur(disk / disk.sum(), ksize=(size, size), sigmaX=alias_blur)


def glass_blur(
    image: np.ndarray, generator: np.random.Generator, *, sigma: float, reach: int, rounds: int
) -> np.ndarray:
    """Gaussian blur, pixels taken from neighbours up to `reach` away, `rounds` times, and the blur again.

    The published program means to swap two pixels, but its arrays are views, so the first takes the value of the
    second and the second stays; so it does here.
    """
    blurred = np.ascontiguousarray(smooth(image.astype(np.float32), sigma).astype(np.uint8))
    draws = generator.integers(-reach, reach, size=(rounds, *image.shape[:2], 2), dtype=np.int8)
    _take_neighbours(blurred, draws, reach)
    return np.clip(smooth(blurred.astype(np.float32), sigma), 0, 255)


@jit
def _take_neighbours(image, draws, reach):
    for turn in range(draws.shape[0]):
        for row in range(image.shape[0] - reach, reach, -1):
            for column in range(image.shape[1] - reach, reach, -1):
                down, across = draws[turn, row - 1, column - 1]
                for c in range(image.shape[2]):
                    image[row, column, c] = image[row + down, column + across, c]


def motion_blur(image: np.ndarray, generator: np.random.Generator, *, radius: int, sigma: float) -> np.ndarray:
    """ImageMagick's motion blur along an angle from -45 to 45 degrees."""
    return motion_blur_bytes(image, radius, sigma, generator.uniform(-45, 45))


def zoom_blur(image: np.ndarray, _generator: np.random.Generator, *, stop: float, step: float) -> np.ndarray:
    """The mean of the picture and its enlargements by 1, 1 + step, ... below `stop`."""
    source = image.astype(np.float32)
    total = source.copy()
    factors = np.arange(1, stop, step)
    for factor in factors:
        add_grid(source, *clipped_zoom(source, factor), total)
    return np.clip(total / (len(factors) + 1), 0, 255)


def gaussian_blur(image: np.ndarray, _generator: np.random.Generator, *, sigma: float) -> np.ndarray:
    """Gaussian blur of standard deviation `sigma` pixels."""
    return np.clip(smooth(image.astype(np.float32), sigma), 0, 255)
