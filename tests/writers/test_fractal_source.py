"""Fractals on their way into a bank: folders of pictures and systems of our own."""

import json

import cv2
import numpy as np
import pytest

from layermix import FractalBank, InputError, PixMix, augment
from layermix.fractals import generate_fractal
from writers.sources.fractals import FractalFolder, GeneratedFractals


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image if image.ndim == 2 else image[:, :, ::-1])


def noise(*shape) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def pixels(source, index) -> np.ndarray:
    image = source.read(index).image
    assert isinstance(image, np.ndarray)
    return image


@pytest.fixture
def root(tmp_path):
    """Three pictures in two levels, and names that are not meant."""
    save(tmp_path / "b.png", noise(40, 60, 3))
    save(tmp_path / "a" / "deep" / "c.png", noise(50, 30, 3))
    save(tmp_path / "a" / "d.jpg", noise(36, 36, 3))
    save(tmp_path / ".cache" / "e.png", noise(8, 8, 3))
    (tmp_path / ".DS_Store").write_bytes(b"not a picture")
    return tmp_path


def test_a_folder_is_read_recursively_in_the_order_of_the_paths(root):
    source = FractalFolder(root, 36, color=True)
    names = [source.read(index).name for index in range(len(source))]
    assert names == [str(root / name) for name in ("a/d.jpg", "a/deep/c.png", "b.png")]
    assert source.classes == ("fractal",)
    assert {source.read(index).label for index in range(3)} == {0}


def test_the_short_side_is_exact_and_the_aspect_ratio_kept(root):
    for side, shapes in ((36, [(36, 36), (60, 36), (36, 54)]), (64, [(64, 64), (107, 64), (64, 96)])):
        source = FractalFolder(root, side, color=False)
        assert [pixels(source, index).shape for index in range(3)] == shapes


def test_a_picture_of_the_right_size_keeps_its_pixels(tmp_path):
    image = noise(36, 50, 3)
    save(tmp_path / "a.png", image)
    np.testing.assert_array_equal(pixels(FractalFolder(tmp_path, 36, color=True), 0), image)


def test_gray_is_the_luma_of_the_colours(tmp_path):
    image = noise(36, 50, 3)
    save(tmp_path / "a.png", image)
    luma = image @ np.array([0.299, 0.587, 0.114])
    gray = pixels(FractalFolder(tmp_path, 36, color=False), 0)
    assert gray.dtype == np.uint8
    assert np.abs(gray - luma).max() < 0.51


def test_shrinking_averages_and_enlarging_is_smooth(tmp_path):
    save(tmp_path / "a.png", np.indices((64, 64)).sum(axis=0).astype(np.uint8) % 2 * 255)
    assert np.ptp(pixels(FractalFolder(tmp_path, 32, color=False), 0)) <= 1
    save(tmp_path / "a.png", np.repeat(np.arange(0, 256, 16, dtype=np.uint8)[None], 16, axis=0))
    enlarged = pixels(FractalFolder(tmp_path, 64, color=False), 0)
    assert np.abs(np.diff(enlarged[32].astype(int))).max() < 8


def test_a_missing_root_is_named(tmp_path):
    with pytest.raises(InputError, match=f"--root {tmp_path}/none is not a folder"):
        FractalFolder(tmp_path / "none", 36, color=False)


def test_a_folder_without_pictures_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=f"--root {tmp_path} holds no pictures"):
        FractalFolder(tmp_path, 36, color=False)


@pytest.mark.parametrize("content", [b"", b"not a picture", noise(5000).tobytes()])
def test_a_file_that_is_no_picture_is_named(root, content):
    (root / "z.png").write_bytes(content)
    source = FractalFolder(root, 36, color=False)
    with pytest.raises(InputError, match=f"{root}/z.png"):
        source.read(3)


def test_a_truncated_picture_is_named(root):
    whole = (root / "a" / "d.jpg").read_bytes()
    (root / "a" / "d.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=f"{root}/a/d.jpg"):
        FractalFolder(root, 36, color=False).read(0)


def test_links_to_nowhere_and_to_folders_are_named(root):
    (root / "link").symlink_to(root / "nowhere")
    with pytest.raises(InputError, match=f"{root}/link: not a regular file"):
        FractalFolder(root, 36, color=False)
    (root / "link").unlink()
    (root / "a" / "loop").symlink_to(root)
    with pytest.raises(InputError, match=f"{root}/a/loop: a link to a folder"):
        FractalFolder(root, 36, color=False)


def test_a_picture_that_would_grow_past_the_format_is_named(tmp_path):
    save(tmp_path / "thin.png", noise(1, 1000))
    with pytest.raises(InputError, match=f"{tmp_path}/thin.png: 1 x 1000 is too narrow for short side 256"):
        FractalFolder(tmp_path, 256, color=False).read(0)


def test_a_short_side_out_of_range_is_named(root):
    with pytest.raises(InputError, match=r"--short-side must be from 1 to \d+, got 0"):
        FractalFolder(root, 0, color=False)


@pytest.mark.parametrize("color", [False, True])
def test_generated_fractals_are_those_of_the_seed(color):
    source = GeneratedFractals(5, seed=3, size=40, color=color)
    assert len(source) == 5
    sample = source.read(4)
    np.testing.assert_array_equal(sample.image, generate_fractal(3, 4, 40, color))
    assert (sample.label, sample.name) == (0, "fractal 4 of seed 3")
    assert source.classes == ("fractal",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "--generate must be from 1 to .*, got 0"),
        ({"count": 1, "seed": -1}, "--seed must be from 0 to .*, got -1"),
        ({"count": 1, "size": 16}, "--short-side of generated fractals must be from 32 to 1024, got 16"),
    ],
)
def test_requests_out_of_range_are_named_by_their_flags(arguments, message):
    with pytest.raises(InputError, match=message):
        GeneratedFractals(**arguments)


def test_descriptions_can_be_written_to_a_manifest(root):
    for source in (FractalFolder(root, 36, color=False), GeneratedFractals(2, color=True)):
        described = source.describe()
        assert json.loads(json.dumps(described)) == described
        assert described["name"] == "fractals"


@pytest.mark.parametrize("color", [False, True])
def test_a_written_bank_opens_with_the_pictures_of_its_source(tmp_path, color):
    from writers.write_dataset import main

    path = tmp_path / "bank.beton"
    flags = ["--source", "fractals", "--generate", "6", "--seed", "2", "--out", str(path), "--threads", "2"]
    assert main(flags + ["--color"] * color) == 0
    bank = FractalBank.open(path)
    assert (len(bank), bank.channels, bank.minimum_size) == (6, 3 if color else 1, (256, 256))
    for index in range(6):
        np.testing.assert_array_equal(bank.picture(index), generate_fractal(2, index, 256, color))


def test_a_bank_written_from_a_folder_keeps_every_shape(tmp_path, root):
    from writers.write_dataset import main

    path = tmp_path / "out" / "bank.beton"
    flags = ["--source", "fractals", "--root", str(root), "--short-side", "36", "--out", str(path)]
    assert main(flags) == 0
    bank = FractalBank.open(path)
    assert [bank.picture(index).shape for index in range(3)] == [(36, 36), (60, 36), (36, 54)]


def test_feature_visualisations_beside_fractals_are_a_mixing_set_in_colour(tmp_path):
    """Colour pictures of odd sizes, a gray one and one with transparency, in folders of their own."""
    from writers.write_dataset import main

    root, path = tmp_path / "mixing", tmp_path / "mixing.beton"
    save(root / "fractals" / "gray.png", noise(64, 64))
    save(root / "first_layers" / "odd.png", noise(37, 53, 3))
    save(root / "first_layers" / "large.jpg", noise(301, 200, 3))
    (root / "resnext").mkdir()
    assert cv2.imwrite(str(root / "resnext" / "clear.png"), noise(41, 90, 4))
    flags = ["--source", "fractals", "--root", str(root), "--short-side", "36", "--color", "--out", str(path)]
    assert main(flags) == 0
    bank = FractalBank.open(path)
    assert (len(bank), bank.channels, bank.minimum_size) == (4, 3, (36, 36))
    photographs = noise(16, 32, 32, 3)
    gray = np.repeat(photographs[..., :1], 3, axis=3)
    mixed = augment(gray, PixMix(all_ops=False), fractals=bank, seed=0)
    assert (mixed != mixed[..., :1]).any()


def test_a_bank_of_ffcv_itself_opens_where_no_manifest_is_asked_for(tmp_path):
    from ffcv.fields import BytesField, IntField
    from ffcv.writer import DatasetWriter

    pictures = [noise(36, 40), noise(50, 36)]
    fields = {"image": BytesField(), "height": IntField(), "width": IntField()}
    samples = [(picture.reshape(-1), *picture.shape) for picture in pictures]
    path = tmp_path / "stock.beton"
    DatasetWriter(str(path), fields, num_workers=1).from_indexed_dataset(samples)
    bank = FractalBank.open(path, require_manifest=False)
    for index, picture in enumerate(pictures):
        np.testing.assert_array_equal(bank.picture(index), picture)
