"""Pictures with the statistics of photographs, made here: coloured 1/f noise with flat shapes that have sharp edges."""

import cv2
import numpy as np


def natural_pictures(count: int, side: int, seed: int = 0) -> np.ndarray:
    """Uint8 (count, side, side, 3)."""
    generator = np.random.default_rng(seed)
    return np.stack([_picture(side, generator) for _ in range(count)])


def _picture(side: int, generator: np.random.Generator) -> np.ndarray:
    frequencies = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    spectrum = 1 / np.maximum(frequencies, 1 / side)
    gray = _waves(spectrum, side, generator)
    colour = np.stack([_waves(spectrum**1.5, side, generator) for _ in range(3)], axis=2)
    picture = np.clip(118 + 42 * gray[..., None] + 28 * colour, 0, 255).astype(np.uint8)
    for _ in range(4):
        centre = tuple(int(v) for v in generator.integers(0, side, 2))
        shade = tuple(int(v) for v in generator.integers(0, 256, 3))
        cv2.circle(picture, centre, int(generator.integers(side // 12, side // 5)), shade, -1, cv2.LINE_AA)
    return picture


def _waves(spectrum: np.ndarray, side: int, generator: np.random.Generator) -> np.ndarray:
    waves = np.fft.irfft2(spectrum * np.exp(2j * np.pi * generator.random(spectrum.shape)), s=(side, side))
    return (waves - waves.mean()) / waves.std()
