"""`perturb`: frames of the published numbers and moves, independent of the batch."""

import cv2
import numpy as np
import pytest

from layermix.errors import InputError
from writers.corruptions import PERTURBATION_BENCHMARKS, perturb, perturbation_names
from writers.corruptions.perturbations import _run_down

EVERY = [(b, name) for b in PERTURBATION_BENCHMARKS for name in perturbation_names(b, extra=True)]
NOISES = [(b, name) for b, name in EVERY if "noise" in name]


@pytest.fixture(scope="module")
def cifar_pictures() -> np.ndarray:
    coarse = np.random.default_rng(3).integers(0, 256, (3, 6, 6, 3), dtype=np.uint8)
    return np.stack([cv2.resize(c, (32, 32), interpolation=cv2.INTER_CUBIC) for c in coarse])


@pytest.fixture(scope="module")
def imagenet_pictures() -> list[np.ndarray]:
    generator = np.random.default_rng(4)
    coarse = generator.integers(0, 256, (2, 9, 9, 3), dtype=np.uint8)
    return [cv2.resize(c, size, interpolation=cv2.INTER_CUBIC) for c, size in zip(coarse, [(300, 256), (256, 257)])]


@pytest.fixture
def pictures(request, cifar_pictures, imagenet_pictures):
    return {"cifar-p": cifar_pictures, "imagenet-p": imagenet_pictures}


@pytest.mark.parametrize(("benchmark", "name"), EVERY)
def test_shape_and_frames_are_those_of_the_released_set(benchmark, name, pictures):
    images = pictures[benchmark][:1]
    frames = {"translate": {"cifar-p": 16, "imagenet-p": 41}, "motion_blur": {"cifar-p": 21, "imagenet-p": 31}}
    side = 32 if benchmark == "cifar-p" else 224
    out = perturb(images, name, 0, [7], benchmark)
    assert out.shape == (1, frames.get(name, {}).get(benchmark, 31), side, side, 3)
    assert out.dtype == np.uint8


@pytest.mark.parametrize("name", perturbation_names("cifar-p", extra=True))
def test_a_sequence_does_not_depend_on_the_rest_of_its_batch(name, cifar_pictures):
    whole = perturb(cifar_pictures, name, 5, [4, 2**40, 9])
    np.testing.assert_array_equal(perturb(cifar_pictures[[2, 0]], name, 5, [9, 4]), whole[[2, 0]])


def test_the_ten_are_those_of_the_released_sets():
    common = {"gaussian_noise", "shot_noise", "motion_blur", "zoom_blur", "brightness"}
    common |= {"translate", "rotate", "tilt", "scale"}
    assert set(perturbation_names("cifar-p")) == common | {"spatter"}
    assert set(perturbation_names("imagenet-p")) == common | {"snow"}
    assert all(len(perturbation_names(b)) == 10 for b in PERTURBATION_BENCHMARKS)


@pytest.mark.parametrize(("benchmark", "name"), NOISES)
def test_noise_begins_with_the_clean_picture_and_is_independent_from_frame_to_frame(benchmark, name, pictures):
    image = pictures[benchmark][0]
    (frames,) = perturb([image], name, 1, [0], benchmark)
    top, left = (np.array(image.shape[:2]) - frames.shape[1:3]) // 2
    clean = image[top : top + frames.shape[1], left : left + frames.shape[2]]
    np.testing.assert_array_equal(frames[0], clean)
    first, second = (frame.astype(float) - clean for frame in frames[1:3])
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1


@pytest.mark.parametrize("name", ["gaussian_noise", "shot_noise", "speckle_noise"])
def test_other_difficulties_are_noisier(name, cifar_pictures):
    change = [
        np.abs(perturb(cifar_pictures, name + suffix, 0, [0, 1, 2])[:, 1:] - cifar_pictures[:, None].astype(int)).mean()
        for suffix in ("", "_2", "_3")
    ]
    assert change == sorted(change)


def test_translate_moves_by_whole_pixels_and_lets_black_in(cifar_pictures):
    (frames,) = perturb(cifar_pictures[:1], "translate", 0, [0])
    for frame, shift in zip(frames, range(-7, 9)):
        expected = np.zeros_like(frame)
        expected[:, max(0, shift) : 32 + min(0, shift)] = cifar_pictures[0][:, max(0, -shift) : 32 - max(0, shift)]
        np.testing.assert_array_equal(frame, expected)


def test_imagenet_translate_shows_what_lies_beside_the_middle(imagenet_pictures):
    (frames,) = perturb(imagenet_pictures[:1], "translate", 0, [0], "imagenet-p")
    for frame, shift in zip(frames, range(-20, 21)):
        np.testing.assert_array_equal(frame, imagenet_pictures[0][16:240, 38 - shift : 262 - shift])


@pytest.mark.parametrize(("name", "still"), [("rotate", 15), ("scale", 15), ("shear", 15)])
def test_the_middle_frame_of_a_move_is_the_picture(name, still, cifar_pictures):
    frames = perturb(cifar_pictures, name, 0, [0, 1, 2])
    np.testing.assert_array_equal(frames[:, still], cifar_pictures)
    assert (frames[:, still - 1] != cifar_pictures).any()


def test_tilt_turns_the_far_corner_away():
    white = np.full((1, 64, 64, 3), 255, np.uint8)
    (frames,) = perturb(white, "tilt", 0, [0]) / 255
    # As published the picture lies one unit beyond the focal plane, so the middle frame is a little small.
    diagonal = np.hypot(64, 64)
    assert frames[15].mean() == pytest.approx((diagonal / (diagonal + 1)) ** 2, abs=0.01)
    first, last = frames[0, ..., 0], frames[30, ..., 0]
    assert last[-8:, -8:].mean() < 0.2 < 0.9 < last[:8, :8].mean()
    assert first[:8, :8].mean() < 0.2 < 0.9 < first[-8:, -8:].mean()


def test_rotate_turns_clockwise():
    picture = np.zeros((1, 64, 64, 3), np.uint8)
    picture[0, 30:34, 52:56] = 255
    (frames,) = perturb(picture, "rotate", 0, [0])
    rows, columns = np.nonzero(frames[30, ..., 0])
    angle = np.rad2deg(np.arctan2(rows.mean() - 31.5, columns.mean() - 31.5))
    assert angle == pytest.approx(15, abs=1)


def test_scale_runs_from_small_to_large():
    picture = np.zeros((1, 64, 64, 3), np.uint8)
    picture[0, 22:42, 22:42] = 255
    areas = (perturb(picture, "scale", 0, [0])[0, ..., 0] / 255).sum(axis=(1, 2))
    factors = 0.7 + 0.02 * np.arange(31)
    np.testing.assert_allclose(areas, 400 * factors**2, rtol=0.06)


def test_zoom_blur_is_the_running_mean_of_the_enlargements():
    flat = np.full((1, 32, 32, 3), 77, np.uint8)
    np.testing.assert_array_equal(perturb(flat, "zoom_blur", 0, [0]), np.full((1, 31, 32, 32, 3), 77))


def test_brightness_passes_the_picture_on_its_way_up(cifar_pictures):
    frames = perturb(cifar_pictures, "brightness", 0, [0, 1, 2])
    assert np.abs(frames[:, 15].astype(int) - cifar_pictures).max() <= 1
    means = frames.mean(axis=(0, 2, 3, 4))
    assert (np.diff(means) > 0).all()


@pytest.mark.parametrize("drip", [[0.2, 0.8], [0.05, 0.1, 0.15, 0.7]])
def test_drops_run_down_as_numpy_convolves(drip):
    layer = np.random.default_rng(0).random((12, 5)).astype(np.float32)
    expected = np.stack([np.convolve(column, drip, mode="same") for column in layer.T], axis=1)
    np.testing.assert_allclose(_run_down(layer, drip), expected, atol=1e-6)


def test_bad_input_is_refused(cifar_pictures):
    with pytest.raises(InputError, match="did you mean 'rotate'"):
        perturb(cifar_pictures, "rotates", 0, [0, 1, 2])
    with pytest.raises(InputError, match="known: cifar-p, imagenet-p"):
        perturb(cifar_pictures, "rotate", 0, [0, 1, 2], "cifar-c")
    with pytest.raises(InputError, match="at least one picture"):
        perturb([], "rotate", 0, [])
    with pytest.raises(InputError, match="one id a picture, got 1 ids for 3"):
        perturb(cifar_pictures, "rotate", 0, [0])
    with pytest.raises(InputError, match="sides of at least 224 pixels"):
        perturb(cifar_pictures, "rotate", 0, [0, 1, 2], "imagenet-p")
    with pytest.raises(InputError, match="of one size"):
        perturb([cifar_pictures[0], cifar_pictures[0][:20]], "rotate", 0, [0, 1])
    with pytest.raises(InputError, match=r"uint8 \(H, W, 3\) each, got float64"):
        perturb([cifar_pictures[0] / 255], "rotate", 0, [0])
