"""What grows with the severity: the distance from the clean picture, and what each family changes."""

import numpy as np
import pytest
from natural_pictures import natural_pictures
from skimage.metrics import structural_similarity

from writers.corruptions import CORRUPTION_BENCHMARKS, SEVERITIES, corrupt, corruption_names

NOT_MONOTONE = {
    "cifar-c": {"glass_blur", "elastic_transform", "spatter", "saturate", "snow", "frost"},
    "imagenet-c": {"glass_blur", "elastic_transform", "zoom_blur", "snow", "fog"},
    "cifar-cbar": set(),
    "imagenet-cbar": {"checkerboard_cutout", "plasma_noise"},
}
"""Where the published severities are no order: other kinds of a corruption (water and mud, less and more colour), steps
of one parameter against another, or a size drawn anew that outweighs the next severity."""
GETS_EASIER = {("cifar-c", "elastic_transform"), ("imagenet-c", "elastic_transform"), ("cifar-c", "glass_blur")}

EVERY = [(b, name) for b in CORRUPTION_BENCHMARKS for name in corruption_names(b, extra=True)]
SMALL = [pair for pair in EVERY if pair[0].startswith("cifar")]


def similarity(benchmark: str, name: str, pictures: np.ndarray) -> list[float]:
    """Mean SSIM with the clean pictures, a severity each."""
    found = []
    for severity in SEVERITIES:
        made = corrupt(pictures, name, severity, 0, np.arange(len(pictures)), benchmark)
        found.append(np.mean([structural_similarity(a, b, channel_axis=2) for a, b in zip(pictures, made)]))
    return found


def require_order(benchmark: str, name: str, pictures: np.ndarray) -> None:
    found = similarity(benchmark, name, pictures)
    if name in NOT_MONOTONE[benchmark]:
        assert max(found) < 0.99
        assert found[-1] < found[0] or (benchmark, name) in GETS_EASIER
    else:
        assert (np.diff(found) < 0).all()


@pytest.mark.parametrize(("benchmark", "name"), SMALL)
def test_similarity_falls_with_the_severity_at_32_px(benchmark, name):
    require_order(benchmark, name, natural_pictures(24, 32))


@pytest.mark.slow
@pytest.mark.parametrize(("benchmark", "name"), [pair for pair in EVERY if pair not in SMALL])
def test_similarity_falls_with_the_severity_at_224_px(benchmark, name):
    require_order(benchmark, name, natural_pictures(6, 224))


@pytest.mark.parametrize("name", ["gaussian_noise", "speckle_noise", "impulse_noise", "shot_noise"])
def test_noise_adds_contrast_and_high_frequencies(name):
    pictures = natural_pictures(8, 64)
    clean, mild, hard = (spread(corrupt_at(pictures, name, severity)) for severity in (0, 1, 5))
    assert (clean < mild).all()
    assert (mild < hard).all()


@pytest.mark.parametrize("name", ["defocus_blur", "motion_blur", "zoom_blur", "gaussian_blur"])
def test_blurs_take_high_frequencies_and_leave_the_mean(name):
    pictures = natural_pictures(8, 64)
    clean, mild, hard = (corrupt_at(pictures, name, severity) for severity in (0, 1, 5))
    assert spread(clean)[1] > spread(mild)[1] > spread(hard)[1]
    assert hard.mean() == pytest.approx(clean.mean(), abs=2.5)


@pytest.mark.parametrize("name", ["snow", "frost", "brightness"])
def test_snow_frost_and_brightness_brighten(name):
    pictures = natural_pictures(8, 64)
    clean, mild, hard = (corrupt_at(pictures, name, severity).mean() for severity in (0, 1, 5))
    assert clean + 5 < mild < hard


def corrupt_at(pictures: np.ndarray, name: str, severity: int) -> np.ndarray:
    return corrupt(pictures, name, severity, 0, np.arange(len(pictures))) if severity else pictures


def spread(pictures: np.ndarray) -> np.ndarray:
    """Contrast, and the mean step between neighbours."""
    values = pictures.astype(float)
    return np.array([values.std(axis=(1, 2)).mean(), np.abs(np.diff(values, axis=2)).mean()])
