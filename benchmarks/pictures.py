"""Pictures to measure with: crops of scikit-learn's two photographs, and fractals of our own."""

import cv2
import numpy as np

from layermix.fractals import generate_fractal


def photographs(count: int, size: int) -> np.ndarray:
    """`count` crops, resized: uint8 (count, size, size, 3)."""
    from sklearn.datasets import load_sample_images

    rng, whole = np.random.default_rng(0), load_sample_images().images
    crops = np.empty((count, size, size, 3), np.uint8)
    for n in range(count):
        photograph = whole[n % 2]
        side = int(rng.integers(100, 420))
        top = int(rng.integers(0, photograph.shape[0] - side))
        left = int(rng.integers(0, photograph.shape[1] - side))
        crops[n] = cv2.resize(photograph[top : top + side, left : left + side], (size, size))
    return crops


def fractals(count: int, size: int) -> np.ndarray:
    """`count` gray fractals: uint8 (count, size, size)."""
    return np.stack([generate_fractal(0, index, size) for index in range(count)])
