"""What is stored for a picture: its own bytes, pixels, or a new JPEG."""

import numpy as np
import pytest
from ffcv.libffcv import imdecode
from picture_files import cmyk_jpeg, encoded, jpeg, smooth_picture, turned_jpeg

from layermix.errors import InputError
from writers.encode import encode_fractal, encode_image
from writers.images import decode_image
from writers.options import StoreOptions
from writers.source import Sample


def store(image, **options):
    return encode_image(Sample(image=image, label=0, name="n01/a.JPEG"), StoreOptions(**options))


def as_ffcv_decodes(stored) -> np.ndarray:
    if stored.form == "raw":
        return np.frombuffer(stored.data, np.uint8).reshape(stored.height, stored.width, 3)
    height, width = stored.height, stored.width
    pixels = np.zeros((height, width, 3), np.uint8)
    data = np.frombuffer(stored.data, np.uint8)
    assert imdecode(data, pixels, height, width, height, width, 0, 0, 1, 1, False, False) == 0
    return pixels


def assert_close(stored, expected, mean=4.0):
    found = as_ffcv_decodes(stored)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < mean


def test_a_jpeg_that_needs_no_change_keeps_its_bytes():
    image = smooth_picture(80, 120)
    for data in (jpeg(image), jpeg(image, progressive=True), jpeg(image, subsampling=0)):
        stored = store(data, short_side=80, max_side=120)
        assert stored.data is data
        assert_close(stored, image)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_bytes_are_kept_where_the_readers_decoder_has_no_complaint_about_the_whole_picture(options):
    """Against the decoder at full size: cut anywhere or with a bit changed."""
    image = smooth_picture(80, 120)
    image = (image + np.random.default_rng(0).integers(-20, 20, image.shape)).clip(0, 255).astype(np.uint8)
    sound, rng, complaints = jpeg(image, **options), np.random.default_rng(1), 0
    for _ in range(80):
        data = bytearray(sound)
        place = int(rng.integers(700, len(data)))
        if rng.integers(2):
            del data[place:]
        else:
            data[place] ^= 1 << int(rng.integers(8))
        encoded, pixels = np.frombuffer(data, np.uint8), np.zeros((80, 120, 3), np.uint8)
        is_sound = imdecode(encoded, pixels, 80, 120, 80, 120, 0, 0, 1, 1, False, False) == 0
        complaints += not is_sound
        try:
            assert (store(bytes(data)).data == data) == is_sound
        except InputError:
            assert not is_sound
    assert 20 < complaints < 80


def test_a_gray_jpeg_keeps_its_bytes_and_ffcv_reads_it_as_rgb():
    gray = smooth_picture(80, 120)[..., 0]
    data = jpeg(gray)
    stored = store(data)
    assert stored.data is data
    assert_close(stored, np.stack([gray] * 3, axis=2))


def test_a_quality_asked_for_encodes_every_jpeg_anew():
    data = jpeg(smooth_picture(80, 120))
    low, high = store(data, mode="jpeg", quality=20), store(data, mode="jpeg", quality=95)
    assert low.form == "jpg"
    assert len(low.data) < len(high.data) != len(data)


def test_raw_stores_the_pixels_of_the_decoded_jpeg():
    data = jpeg(smooth_picture(80, 120))
    stored = store(data, mode="raw")
    assert stored.form == "raw"
    assert stored.data == decode_image(data, "x").tobytes()


@pytest.mark.parametrize("make", [cmyk_jpeg, lambda image: encoded(image, "PNG")])
def test_what_ffcv_cannot_decode_is_encoded_anew(make):
    image = smooth_picture(80, 120)
    stored = store(make(image))
    assert stored.form == "jpg"
    assert_close(stored, image, mean=7.0)


def test_a_turned_jpeg_is_stored_upright():
    image = smooth_picture(80, 120)
    stored = store(turned_jpeg(image, 6))
    assert (stored.height, stored.width) == (120, 80)
    assert_close(stored, np.rot90(image, -1))


def test_a_jpeg_over_a_limit_is_shrunk():
    image = smooth_picture(80, 120)
    stored = store(jpeg(image), short_side=70)
    assert (stored.height, stored.width) == (70, 105)


@pytest.mark.parametrize(("side", "form"), [(64, "raw"), (65, "jpg")])
def test_small_pictures_are_stored_raw_unless_jpeg_is_asked_for(side, form):
    image = smooth_picture(32, side)
    assert store(image).form == form
    assert store(jpeg(image)).form == form
    assert store(image, mode="jpeg").form == "jpg"


@pytest.mark.parametrize("part", [0.3, 0.5, 0.7, 0.9, 0.97])
def test_a_truncated_jpeg_is_named_and_not_stored(part):
    data = jpeg(smooth_picture(80, 120))
    with pytest.raises(InputError, match=r"^n01/a\.JPEG: cannot be decoded"):
        store(data[: int(len(data) * part)])


def test_a_jpeg_that_only_ffcv_finds_fault_with_is_encoded_anew():
    image = smooth_picture(80, 120)
    data = jpeg(image)
    start_of_scan = data.index(b"\xff\xda")
    with_stray_bytes = data[:start_of_scan] + b"stray" + data[start_of_scan:]
    stored = store(with_stray_bytes)
    assert stored.data != with_stray_bytes
    assert_close(stored, image)


def test_a_side_that_cannot_be_stored_is_refused():
    image = np.zeros((1, 65501, 3), np.uint8)
    with pytest.raises(InputError, match=r"^n01/a\.JPEG: a side has at most 65500 pixels, got 65501"):
        store(image)
    assert store(image, max_side=65500).width == 65500


@pytest.mark.parametrize(("shape", "channels"), [((40, 50), 1), ((40, 50, 3), 3)])
def test_fractals_are_stored_raw_and_shrunk(shape, channels):
    sample = Sample(image=np.full(shape, 7, np.uint8), label=0, name="f")
    stored = encode_fractal(sample, StoreOptions(mode="raw", short_side=20), channels)
    assert stored.data == bytes([7]) * (20 * 25 * channels)
    assert (stored.height, stored.width, stored.channels) == (20, 25, channels)


def test_a_fractal_of_other_channels_than_the_bank_is_named():
    sample = Sample(image=np.zeros((40, 50, 3), np.uint8), label=0, name="f.png")
    with pytest.raises(InputError, match=r"^f\.png: has 3 channels in a bank of 1"):
        encode_fractal(sample, StoreOptions(mode="raw"), 1)


@pytest.mark.parametrize(
    ("options", "flag"),
    [({"quality": 0}, "--quality"), ({"short_side": 0}, "--short-side"), ({"max_side": 70000}, "--max-side")],
)
def test_options_out_of_range_name_their_flag(options, flag):
    with pytest.raises(InputError, match=f"^{flag} must be from 1 to"):
        StoreOptions(**options)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 10), (80, 121)])
def test_yuv_stores_planes_of_every_size_and_kind(height, width):
    image = smooth_picture(height, width)
    found = store(image, mode="yuv")
    assert (found.form, found.height, found.width, found.channels) == ("yuv", height, width, 3)
    assert len(found.data) == height * width + 2 * -(-height // 2) * -(-width // 2)
    data = encoded(image, "PNG")
    assert store(data, mode="yuv").data == found.data


def test_yuv_pictures_are_shrunk_first():
    stored = store(jpeg(smooth_picture(80, 120)), mode="yuv", short_side=25)
    assert (stored.height, stored.width, len(stored.data)) == (25, 38, 25 * 38 + 2 * 13 * 19)


def test_planes_have_no_quality():
    assert "quality" not in StoreOptions(mode="yuv").describe()
