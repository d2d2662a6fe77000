"""C̄ against its plain reading, pixel by pixel, and the shares and spectra that its definitions promise."""

import cv2
import numpy as np
import plain_cbar
import pytest

from writers.corruptions import SEVERITIES, corrupt, corruption_names
from writers.corruptions.cbar_noise import spectral_noise
from writers.corruptions.corrupt import SampleDraws
from writers.corruptions.tables import level_of

ALL = sorted({*corruption_names("cifar-cbar"), *corruption_names("imagenet-cbar")})
BENCHMARK = {name: b for b in ("imagenet-cbar", "cifar-cbar") for name in corruption_names(b)}


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    coarse = np.random.default_rng(5).integers(0, 256, (2, 7, 7, 3), dtype=np.uint8)
    return np.stack([cv2.resize(c, (32, 32), interpolation=cv2.INTER_CUBIC) for c in coarse])


def both(picture: np.ndarray, name: str, severity: int, sample_id: int) -> tuple[np.ndarray, np.ndarray]:
    """What is made, and what the plain reading makes of the same draws."""
    (made,) = corrupt(picture[None], name, severity, 3, [sample_id], BENCHMARK[name])
    amount = level_of(BENCHMARK[name], name, severity)["amount"]
    plain = getattr(plain_cbar, name)(picture, SampleDraws(3, name, severity).of(sample_id), amount)
    return made.astype(int), plain.astype(int)


@pytest.mark.parametrize("severity", [1, 5])
@pytest.mark.parametrize("name", [name for name in ALL if name != "lines"])
def test_pixels_are_those_of_the_plain_reading(name, severity, pictures):
    for sample_id, picture in enumerate(pictures):
        made, plain = both(picture, name, severity, sample_id)
        difference = np.abs(made - plain)
        assert difference.max() <= 1  # values near a whole number are truncated to either side
        assert (difference > 0).mean() < 0.02


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_lines_are_drawn_as_scikit_image_draws_them(severity, pictures):
    for sample_id, picture in enumerate(pictures):
        made, plain = both(picture, "lines", severity, sample_id)
        assert np.abs(made - plain).mean() < 0.5
        assert (np.abs(made - plain) > 8).mean() < 0.01  # scikit-image leaves out single pixels at steps


@pytest.mark.slow
@pytest.mark.parametrize("name", corruption_names("imagenet-cbar"))
def test_pixels_are_those_of_the_plain_reading_at_224(name):
    coarse = np.random.default_rng(6).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, (224, 224), interpolation=cv2.INTER_CUBIC)
    made, plain = both(picture, name, 4, 11)
    assert (np.abs(made - plain) > 1).mean() < 1e-4
    assert (made != plain).mean() < 0.02


@pytest.mark.parametrize("severity", SEVERITIES)
def test_the_checkerboard_covers_half_its_share(severity):
    white = np.full((40, 64, 64, 3), 255, np.uint8)
    covered = (corrupt(white, "checkerboard_cutout", severity, 0, np.arange(40), "imagenet-cbar") == 128).mean()
    share = level_of("imagenet-cbar", "checkerboard_cutout", severity)["amount"] / 10
    assert covered == pytest.approx(share / 2, rel=0.3)


def test_blue_noise_has_the_amplitudes_it_is_given_in_the_mean():
    amplitudes = np.hypot(*(np.mgrid[:32, :32] - 16.0))
    generator = np.random.default_rng(0)
    noises = [spectral_noise(amplitudes, generator) for _ in range(300)]
    measured = np.sqrt(np.mean([np.abs(np.fft.fftshift(np.fft.fft2(noise))) ** 2 for noise in noises], axis=0))
    expected = np.sqrt((amplitudes**2 + np.roll(amplitudes[::-1, ::-1], 1, (0, 1)) ** 2) / 2)
    ratio = measured[expected > 3] / expected[expected > 3]
    assert np.quantile(np.abs(ratio / np.median(ratio) - 1), 0.95) < 0.35
    assert noises[0].std() == pytest.approx(1)


@pytest.mark.parametrize("name", ALL)
def test_pictures_need_not_be_square(name):
    oblong = np.random.default_rng(1).integers(0, 256, (1, 40, 70, 3), dtype=np.uint8)
    made = corrupt(oblong, name, 5, 0, [0], BENCHMARK[name])
    assert made.shape == oblong.shape
    assert (made != oblong).any()
