"""Pictures and fractals that the tests share; small, deterministic, made here."""

import signal
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))  # for `import oracle`

from layermix import FractalBank

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `make test &` has it ignored, by children too


@pytest.fixture(scope="session")
def photographs() -> np.ndarray:
    """Crops of scikit-learn's two sample photographs: uint8 (60, 32, 32, 3)."""
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(0)
    crops = []
    for n in range(60):
        photograph = load_sample_images().images[n % 2]
        side = int(rng.integers(60, 300))
        top = int(rng.integers(0, photograph.shape[0] - side))
        left = int(rng.integers(0, photograph.shape[1] - side))
        square = photograph[top : top + side, left : left + side]
        crops.append(cv2.resize(square, (32, 32), interpolation=cv2.INTER_AREA))
    return np.stack(crops)


@pytest.fixture(scope="session")
def fractals() -> np.ndarray:
    """Smooth gray pictures with noise and black areas: uint8 (12, 36, 40)."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(-80, 256, (12, 9, 10))
    smooth = np.stack([cv2.resize(c.astype(np.float32), (40, 36), interpolation=cv2.INTER_CUBIC) for c in coarse])
    return np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def bank(fractals) -> FractalBank:
    """The fractals as a bank."""
    return FractalBank.from_array(fractals)
