"""`corrupt`: tables, formulas of the simple corruptions, and independence of a picture from its batch."""

import colorsys
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from layermix.errors import InputError
from writers.corruptions import CORRUPTION_BENCHMARKS, CORRUPTIONS, SEVERITIES, corrupt, corruption_names
from writers.corruptions.blur import disk_kernel
from writers.corruptions.corrupt import SampleDraws
from writers.corruptions.tables import level_of

NOISES = ("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise")
EVERY = [(b, name) for b in CORRUPTION_BENCHMARKS for name in corruption_names(b, extra=True)]
DISKS = [level_of("cifar-c", "defocus_blur", severity) for severity in SEVERITIES]


@pytest.fixture(scope="module")
def smooth_pictures() -> np.ndarray:
    """Six colourful pictures, uint8 (6, 32, 32, 3), the last two black and white."""
    generator = np.random.default_rng(7)
    coarse = generator.integers(0, 256, (6, 5, 5, 3), dtype=np.uint8)
    pictures = np.stack([cv2.resize(c, (32, 32), interpolation=cv2.INTER_CUBIC) for c in coarse])
    pictures[4], pictures[5] = 0, 255
    return pictures


def corrupt_all(
    pictures: np.ndarray, name: str, severity: int, seed: int = 0, benchmark: str = "cifar-c"
) -> np.ndarray:
    return corrupt(pictures, name, severity, seed, np.arange(len(pictures)), benchmark)


@pytest.mark.parametrize(("benchmark", "name"), EVERY)
def test_shape_and_type_stay_and_the_input_is_not_changed(benchmark, name, smooth_pictures):
    before = smooth_pictures.copy()
    out = corrupt_all(smooth_pictures, name, 3, benchmark=benchmark)
    assert out.dtype == np.uint8
    assert out.shape == smooth_pictures.shape
    np.testing.assert_array_equal(smooth_pictures, before)


def test_the_benchmarks_have_the_published_corruptions():
    assert CORRUPTIONS == corruption_names("cifar-c") == corruption_names("imagenet-c")
    assert len(CORRUPTIONS) == 15
    assert corruption_names("cifar-c", extra=True)[15:] == ("speckle_noise", "gaussian_blur", "spatter", "saturate")


@pytest.mark.parametrize(("benchmark", "name"), EVERY)
def test_every_corruption_has_a_level_for_each_severity(benchmark, name):
    levels = [level_of(benchmark, name, severity) for severity in SEVERITIES]
    assert len({tuple(level.items()) for level in levels}) == 5


def test_cifar_c_is_milder_than_imagenet_c():
    for name in ("gaussian_noise", "speckle_noise"):
        assert level_of("cifar-c", name, 5)["scale"] < level_of("imagenet-c", name, 3)["scale"]
    assert level_of("cifar-c", "contrast", 5) == {"factor": 0.15}
    assert level_of("imagenet-c", "contrast", 5) == {"factor": 0.05}


@pytest.mark.parametrize(("benchmark", "name"), EVERY)
def test_a_picture_does_not_depend_on_the_rest_of_its_batch(benchmark, name, smooth_pictures):
    ids = np.array([5, 900_000, 2, 77, 2**40, 0])
    whole = corrupt(smooth_pictures, name, 4, 3, ids, benchmark)
    order = [4, 0, 2]
    part = corrupt(smooth_pictures[order], name, 4, 3, ids[order], benchmark)
    np.testing.assert_array_equal(part, whole[order])


def test_draws_of_a_picture_are_those_of_a_fresh_philox_at_its_counter():
    draws = SampleDraws(7, "fog", 3)
    draws.of(1).standard_normal(5, dtype=np.float32)  # leaves half a word over
    philox = np.random.Philox(counter=[0, 2**40, 3, 0], key=[7, zlib.crc32(b"fog")])
    np.testing.assert_array_equal(draws.of(2**40).random(9), np.random.Generator(philox).random(9))


def test_pictures_do_not_depend_on_threads(smooth_pictures):
    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(lambda pair: corrupt_all(smooth_pictures, pair[1], 5, 1, pair[0]), EVERY * 2))
    for (benchmark, name), found in zip(EVERY * 2, threaded):
        np.testing.assert_array_equal(found, corrupt_all(smooth_pictures, name, 5, 1, benchmark))


@pytest.mark.parametrize("name", NOISES)
def test_noise_differs_between_samples_severities_and_seeds(name):
    gray = np.full((2, 32, 32, 3), 128, np.uint8)
    first, second = corrupt_all(gray, name, 5)
    assert (first != second).any()
    assert (corrupt_all(gray, name, 5, seed=1)[0] != first).any()
    assert (corrupt_all(gray, name, 4)[0] != first).any()


@pytest.mark.parametrize("severity", SEVERITIES)
def test_gaussian_noise_has_the_standard_deviation_of_its_level(severity):
    gray = np.full((4, 64, 64, 3), 128, np.uint8)
    noise = corrupt_all(gray, "gaussian_noise", severity).astype(float) - 127.5
    level = level_of("cifar-c", "gaussian_noise", severity)["scale"]
    assert noise.std() == pytest.approx(255 * level, rel=0.02)
    assert abs(noise.mean()) < 0.5


@pytest.mark.parametrize("severity", SEVERITIES)
def test_shot_noise_has_the_variance_of_a_poisson_count(severity):
    gray = np.full((4, 64, 64, 3), 51, np.uint8)
    noisy = corrupt_all(gray, "shot_noise", severity) / 255
    photons = level_of("cifar-c", "shot_noise", severity)["photons"]
    assert noisy.std() == pytest.approx(np.sqrt(0.2 / photons), rel=0.06)  # truncation adds some


@pytest.mark.parametrize("severity", SEVERITIES)
def test_impulse_noise_hits_its_share_of_the_values_with_black_and_white(severity):
    gray = np.full((4, 64, 64, 3), 128, np.uint8)
    noisy = corrupt_all(gray, "impulse_noise", severity)
    level = level_of("cifar-c", "impulse_noise", severity)["share"]
    assert set(np.unique(noisy)) == {0, 128, 255}
    assert (noisy != 128).mean() == pytest.approx(level, rel=0.1)
    assert (noisy == 255).sum() == pytest.approx((noisy == 0).sum(), rel=0.15)


@pytest.mark.parametrize("level", DISKS)
def test_the_defocus_kernel_is_a_normalised_smoothed_disk(level):
    kernel, radius = disk_kernel(**level), level["radius"]
    assert kernel.shape == (17, 17)
    assert kernel.sum() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(kernel, kernel.T, atol=1e-7)
    assert kernel[8, 8 + int(radius)] > 0
    assert kernel[8, 8 + int(radius) + 2] == 0


def test_defocus_blur_of_one_bright_pixel_is_the_kernel():
    picture = np.zeros((1, 32, 32, 3), np.uint8)
    picture[0, 16, 16] = 255
    blurred = corrupt_all(picture, "defocus_blur", 5)[0, 8:25, 8:25, 0]
    np.testing.assert_array_equal(blurred, (disk_kernel(1.5, 0.1).astype(np.float64) * 255).astype(np.uint8))


@pytest.mark.parametrize("severity", SEVERITIES)
def test_contrast_draws_values_towards_the_mean_of_their_channel(severity, smooth_pictures):
    level = level_of("cifar-c", "contrast", severity)["factor"]
    picture = smooth_pictures[0].astype(float)
    means = picture.mean(axis=(0, 1))
    out = corrupt_all(smooth_pictures, "contrast", severity)[0]
    np.testing.assert_allclose(out, means + level * (picture - means), atol=1.001)


def test_brightness_raises_the_value_of_hsv_alone(smooth_pictures):
    out = corrupt_all(smooth_pictures, "brightness", 2)
    for pixel, found in zip(smooth_pictures[:, ::7, ::7].reshape(-1, 3), out[:, ::7, ::7].reshape(-1, 3)):
        hue, saturation, value = colorsys.rgb_to_hsv(*(pixel / 255))
        expected = 255 * np.array(colorsys.hsv_to_rgb(hue, saturation, min(1, value + 0.1)))
        np.testing.assert_allclose(found, expected, atol=1.001)


@pytest.mark.parametrize(("severity", "side"), [(1, 30), (2, 28), (3, 27), (4, 24), (5, 20)])
def test_pixelate_shrinks_to_the_side_of_the_cifar_c_program(severity, side, smooth_pictures):
    small = Image.fromarray(smooth_pictures[0]).resize((side, side), Image.Resampling.BOX)
    expected = np.asarray(small.resize((32, 32), Image.Resampling.BOX))
    np.testing.assert_array_equal(corrupt_all(smooth_pictures, "pixelate", severity)[0], expected)


def test_pixelate_keeps_the_shape_of_oblong_pictures():
    picture = np.arange(20 * 50 * 3, dtype=np.uint32).reshape(1, 20, 50, 3).astype(np.uint8)
    assert corrupt_all(picture, "pixelate", 5).shape == (1, 20, 50, 3)


def test_jpeg_compression_is_pillows_at_the_quality_of_the_level(smooth_pictures):
    encoded = BytesIO()
    Image.fromarray(smooth_pictures[0]).save(encoded, "JPEG", quality=58)
    expected = np.asarray(Image.open(encoded))
    np.testing.assert_array_equal(corrupt_all(smooth_pictures, "jpeg_compression", 3)[0], expected)


def test_an_empty_batch_stays_empty():
    assert corrupt(np.empty((0, 8, 8, 3), np.uint8), "contrast", 1, 0, []).shape == (0, 8, 8, 3)


def test_an_unknown_corruption_is_refused_and_the_nearest_named(smooth_pictures):
    with pytest.raises(InputError, match="did you mean 'gaussian_noise'"):
        corrupt_all(smooth_pictures, "gausian_noise", 1)


@pytest.mark.parametrize("severity", [0, 6, -1])
def test_a_severity_outside_one_to_five_is_refused(severity, smooth_pictures):
    with pytest.raises(InputError, match=f"severity must be one of 1 to 5, got {severity}"):
        corrupt_all(smooth_pictures, "contrast", severity)


def test_images_of_another_type_or_shape_are_refused():
    with pytest.raises(InputError, match="images must be uint8"):
        corrupt_all(np.zeros((1, 8, 8, 3), np.float32), "contrast", 1)
    with pytest.raises(InputError, match=r"got uint8 \(1, 3, 8, 8\)"):
        corrupt_all(np.zeros((1, 3, 8, 8), np.uint8), "contrast", 1)


def test_ids_and_seed_outside_their_range_are_refused(smooth_pictures):
    with pytest.raises(InputError, match="one id a picture, got 2 ids for 6 pictures"):
        corrupt(smooth_pictures, "contrast", 1, 0, [1, 2])
    with pytest.raises(InputError, match="sample_ids must be ≥ 0, got -3"):
        corrupt(smooth_pictures[:1], "contrast", 1, 0, [-3])
    with pytest.raises(InputError, match="seed must be in"):
        corrupt(smooth_pictures[:1], "contrast", 1, -1, [0])
