"""ImageNet-C against imagecorruptions-imaug, an independent port of the published program: pixels, or statistics.

Not compared: frost, whose textures are drawn here, and elastic_transform, which imagecorruptions defines otherwise.
"""

import warnings

import numpy as np
import pytest
from natural_pictures import natural_pictures

from writers.corruptions import SEVERITIES, corrupt

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import imagecorruptions

EXACT = (
    "defocus_blur",
    "zoom_blur",
    "brightness",
    "contrast",
    "pixelate",
    "jpeg_compression",
    "gaussian_blur",
    "saturate",
)
RANDOM = {
    "gaussian_noise": 0.01,
    "shot_noise": 0.01,
    "impulse_noise": 0.02,
    "speckle_noise": 0.02,
    "glass_blur": 0.03,
    "motion_blur": 0.15,
    "snow": 0.08,
    "spatter": 0.15,
    "fog": 0.25,
}
"""Corruptions with random parts, and how far their statistics may be apart, relatively."""


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return natural_pictures(8, 224, seed=1)


def theirs(pictures: np.ndarray, name: str, severity: int) -> np.ndarray:
    np.random.seed(2)  # noqa: NPY002 - the port draws from the global generator
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.stack([imagecorruptions.corrupt(p, corruption_name=name, severity=severity) for p in pictures])


def statistics(made: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """Mean, contrast, distance from the original, and amplitude of the high frequencies."""
    values, gray = made.astype(float), made.mean(axis=3)
    power = np.abs(np.fft.fft2(gray - gray.mean(axis=(1, 2), keepdims=True))) ** 2
    high = np.hypot(np.fft.fftfreq(224)[:, None], np.fft.fftfreq(224)) > 0.15
    return np.array(
        [
            values.mean(),
            values.std(axis=(1, 2)).mean(),
            np.abs(values - pictures).mean(),
            np.sqrt(power[:, high].sum(axis=1)).mean(),
        ]
    )


def require_equal(pictures: np.ndarray, name: str, severity: int) -> None:
    made = corrupt(pictures, name, severity, 0, np.arange(len(pictures)), "imagenet-c").astype(int)
    difference = np.abs(made - theirs(pictures, name, severity))
    assert difference.max() <= 1, "they crop zooms at the corner, and round otherwise before truncation"
    assert (difference > 0).mean() < 0.5


def require_alike(pictures: np.ndarray, name: str, severity: int, tolerance: float) -> None:
    ours = statistics(corrupt(pictures, name, severity, 0, np.arange(len(pictures)), "imagenet-c"), pictures)
    np.testing.assert_allclose(ours, statistics(theirs(pictures, name, severity), pictures), rtol=tolerance)


@pytest.mark.parametrize("severity", [2, 5])
@pytest.mark.parametrize("name", EXACT)
def test_what_has_no_random_part_is_equal(name, severity, pictures):
    require_equal(pictures[:1], name, severity)


@pytest.mark.parametrize("severity", [1, 4])
@pytest.mark.parametrize("name", RANDOM)
def test_what_has_random_parts_is_alike(name, severity, pictures):
    require_alike(pictures[:4], name, severity, 2 * RANDOM[name])


@pytest.mark.slow
@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("name", [*EXACT, *RANDOM])
def test_every_severity_is_equal_or_alike(name, severity, pictures):
    if name in EXACT:
        require_equal(pictures, name, severity)
    else:
        require_alike(pictures, name, severity, RANDOM[name])
