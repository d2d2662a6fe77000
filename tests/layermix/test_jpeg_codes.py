"""Stray bytes before the end of a JPEG are harmless where its codes are whole, and damage where they are left over."""

import re

import numpy as np
import pytest
from damaged_jpegs import NOISY, SOUND, scan_of
from picture_files import cmyk_jpeg, jpeg, smooth_picture

from layermix.jpeg import decode_jpeg, find_damage, first_remark
from layermix.jpeg_codes import codes_are_whole

KINDS = {
    "4:4:4": jpeg(NOISY, subsampling=0),
    "4:2:2": jpeg(NOISY, subsampling=1),
    "4:2:0": jpeg(NOISY, subsampling=2),
    "gray": jpeg(NOISY[..., 0]),
    "optimised tables": jpeg(NOISY, optimize=True),
    "low quality": jpeg(NOISY, quality=5),
    "odd size": jpeg(smooth_picture(81, 123), subsampling=2),
    "255 in the codes": jpeg(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)),
}
LEFT = {
    "zeros": bytes(1483),
    "text": b"left here by a camera; " * 60,
    "filling bytes": b"\xff\x00" * 40 + b"\xff",
    "any bytes": np.random.default_rng(0).integers(0, 255, 300, dtype=np.uint8).tobytes(),
}


def with_stray(jpeg: bytes, stray: bytes) -> bytes:
    return jpeg[:-2] + stray + jpeg[-2:]


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("kind", KINDS)
def test_bytes_left_behind_whole_codes_are_harmless(kind, left):
    size = (81, 123) if kind == "odd size" else (64, 64) if kind.startswith("255") else (80, 120)
    pixels, damage = decode_jpeg(with_stray(KINDS[kind], LEFT[left]), *size)
    assert damage == ""
    assert np.array_equal(pixels, decode_jpeg(KINDS[kind], *size)[0])


def test_cmyk_pictures_are_judged_too():
    assert find_damage(with_stray(cmyk_jpeg(NOISY), bytes(99)), 80, 120, is_cmyk=True) == ""


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_rows": 1}], ids=str)
def test_where_the_codes_are_not_walked_more_than_a_few_bytes_are_damage(options):
    other = jpeg(NOISY, **options)
    assert find_damage(other, 80, 120) == ""
    assert re.search("extraneous bytes before marker 0xd9", find_damage(with_stray(other, bytes(99)), 80, 120))


def test_codes_left_over_after_wrong_ones_are_damage():
    rng, left_over, missed = np.random.default_rng(0), 0, 0
    for _ in range(300):
        data, place = bytearray(SOUND), int(rng.integers(scan_of(SOUND), len(SOUND) - 200))
        data[place : place + 64] = rng.integers(0, 255, 64, dtype=np.uint8).tobytes()
        if "before marker 0xd9" in first_remark(bytes(data), 80, 120):
            left_over += 1
            missed += find_damage(bytes(data), 80, 120) == ""
    assert left_over > 100
    assert missed < 0.05 * left_over


def test_no_mutation_of_a_header_crashes_or_hangs():
    rng = np.random.default_rng(1)
    for _ in range(500):
        data = bytearray(SOUND)
        for place in rng.integers(2, scan_of(SOUND), 3):
            data[place] = int(rng.integers(256))
        assert codes_are_whole(bytes(data)) in (True, False)
    for end in range(scan_of(SOUND) + 20):
        assert not codes_are_whole(SOUND[:end])
