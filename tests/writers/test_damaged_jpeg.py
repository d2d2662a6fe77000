"""JPEGs whose data is damaged are never stored with pixels made up, however pictures are stored; harmless ones are."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from damaged_jpegs import DAMAGED, HARMLESS, NOISY, SOUND, no_code_inside, scan_of
from picture_files import ListSource, cmyk_jpeg, encoded, jpeg, smooth_picture, turned_jpeg
from PIL import Image, ImageFile, ImageOps

from layermix.errors import InputError
from layermix.jpeg import first_remark
from layermix.yuv import rgb_to_yuv, yuv_bytes
from writers.bad import quarantine_path
from writers.dataset import write_file
from writers.encode import encode_image
from writers.formats.layouts import ImageLayout
from writers.images import decode_image, quiet_pillow
from writers.options import StoreOptions
from writers.source import Sample
from writers.sources.fractals import FractalFolder

STORES = ({}, {"short_side": 70}, {"mode": "raw"}, {"mode": "yuv"}, {"mode": "jpeg"})


def decode(data: bytes) -> np.ndarray:
    return decode_image(data, "a.JPEG")


def by_pillow(data: bytes) -> np.ndarray:
    return np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


@pytest.mark.parametrize("store", STORES, ids=str)
@pytest.mark.parametrize("kind", DAMAGED)
def test_a_jpeg_of_which_pixels_would_be_made_up_is_refused_and_the_reason_told(kind, store):
    sample = Sample(image=DAMAGED[kind], label=0, name="n01/a.JPEG")
    with pytest.raises(InputError, match=rf"^n01/a\.JPEG: cannot be decoded whole \(.*{kind.split(',')[0]}"):
        encode_image(sample, StoreOptions(**store))


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_touches_no_pixel_is_let_pass(kind):
    sound = jpeg(NOISY, progressive=True) if "progressive" in kind else SOUND
    assert first_remark(HARMLESS[kind], 80, 120)
    assert np.array_equal(decode(HARMLESS[kind]), decode(sound))
    encode_image(Sample(image=HARMLESS[kind], label=0, name="a"), StoreOptions())


@pytest.mark.parametrize("kind", [kind for kind in HARMLESS if "before the end" not in kind])
def test_a_harmless_warning_hides_no_damage_that_comes_after_it(kind):
    with pytest.raises(InputError, match="cannot be decoded whole"):
        decode(no_code_inside(HARMLESS[kind]))


def test_a_damaged_cmyk_jpeg_is_refused_and_a_sound_one_decoded():
    sound = cmyk_jpeg(NOISY)
    assert np.array_equal(decode(sound), by_pillow(sound))
    with pytest.raises(InputError, match="cannot be decoded whole"):
        decode(sound[: len(sound) // 2] + sound[-2:])


def test_a_single_wrong_bit_is_refused_or_leaves_a_picture_that_decodes_to_its_last_row():
    """Which of the two is the codes' to say: most are valid again after a few blocks."""
    rng, refused = np.random.default_rng(0), 0
    for _ in range(200):
        data = bytearray(SOUND)
        data[int(rng.integers(scan_of(SOUND), len(SOUND)))] ^= 1 << int(rng.integers(8))
        try:
            assert decode(bytes(data)).shape == NOISY.shape
        except InputError:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("shape", [(80, 120), (81, 123), (17, 200)])
def test_pixels_are_those_of_pillow(shape, subsampling, progressive):
    data = jpeg(smooth_picture(*shape), subsampling=subsampling, progressive=progressive)
    assert np.array_equal(decode(data), by_pillow(data))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_pictures_are_those_of_pillow(orientation):
    for data in (turned_jpeg(NOISY, orientation), turned_jpeg(NOISY[..., 0], orientation)):
        assert np.array_equal(decode(data), by_pillow(data))


def test_damaged_pictures_follow_on_bad(tmp_path):
    out = tmp_path / "a.beton"
    images = [SOUND, *DAMAGED.values(), *HARMLESS.values()]
    layout = ImageLayout(StoreOptions(short_side=70))
    with pytest.raises(InputError, match=r"^picture 1: cannot be decoded whole .*--on-bad quarantine"):
        write_file(ListSource(images), out, layout, options={}, overwrite=True)
    manifest = write_file(ListSource(images), out, layout, options={}, overwrite=True, on_bad="quarantine")
    assert (manifest.count, manifest.skipped) == (1 + len(HARMLESS), len(DAMAGED))
    assert quarantine_path(out).read_text().count("pixels would be made up") == len(DAMAGED)


def test_a_damaged_fractal_is_refused(tmp_path):
    (tmp_path / "a.jpg").write_bytes(DAMAGED["bad Huffman code"])
    with pytest.raises(InputError, match=r"a\.jpg: cannot be decoded whole"):
        FractalFolder(tmp_path, 64, color=True).read(0)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "WEBP", "GIF", "PPM"])
def test_a_cut_picture_is_refused_whatever_another_library_told_pillow(kind, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encoded(NOISY, kind)
    with quiet_pillow(), pytest.raises(InputError, match=r"^a: cannot be decoded"):
        decode_image(data[: len(data) // 2], "a")
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_every_bit_of_a_png_is_checked():
    data, rng = encoded(NOISY, "PNG"), np.random.default_rng(0)
    start = data.index(b"IDAT") + 4
    for _ in range(100):
        flipped = bytearray(data)
        flipped[int(rng.integers(start, len(data) - 16))] ^= 1 << int(rng.integers(8))
        with pytest.raises(InputError, match="cannot be decoded"):
            decode(bytes(flipped))


@pytest.mark.skipif("LAYERMIX_DATA" not in os.environ, reason="needs real pictures: LAYERMIX_DATA/imagenet-sample")
def test_all_files_of_imagenet_decode_as_pillow_decodes_them():
    files = sorted(Path(os.environ["LAYERMIX_DATA"], "imagenet-sample").glob("*/*.JPEG"))
    assert len(files) == 500
    for path in files:
        data = path.read_bytes()
        assert np.array_equal(decode(data), by_pillow(data)), path


def test_planes_are_those_of_the_decoded_pixels():
    stored = encode_image(Sample(image=SOUND, label=0, name="a"), StoreOptions(mode="yuv"))
    planes = np.empty(yuv_bytes(80, 120), np.uint8)
    rgb_to_yuv(np.require(decode_image(SOUND, "a"), requirements=["C", "W"]), planes)
    assert stored.data == planes.tobytes()
