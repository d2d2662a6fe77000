"""Verify finds every changed bit, and says where."""

import numpy as np
import pytest
from picture_files import ListSource, jpeg, smooth_picture

from layermix.errors import run_program
from layermix.manifest import manifest_path, read_manifest
from writers.bad import quarantine_path
from writers.dataset import write_file
from writers.formats.layouts import FractalLayout, ImageLayout
from writers.hashes import hashes_path
from writers.options import StoreOptions
from writers.verify import main, verify


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "a.beton"
    images = [jpeg(smooth_picture(70, 80, n)) for n in range(6)] + [smooth_picture(9, 9)] * 3 + [b"bad"]
    layout = ImageLayout(StoreOptions())
    write_file(ListSource(images), path, layout, options={}, on_bad="quarantine")
    return path


def flip(path, bit):
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def undetected(data, path, count, seed):
    bits = np.random.default_rng(seed).integers(0, 8 * path.stat().st_size, count)
    missed = []
    for bit in bits.tolist():
        flip(path, bit)
        if not verify(data):
            missed.append(bit)
        flip(path, bit)
    assert verify(data) == []
    return missed


def regions(path):
    """(name, first byte, last byte) of every part of the data file."""
    manifest = read_manifest(path)
    tables = 24 + 2 * 1041
    ends = [("header", 0, 23), ("fields", 24, tables - 1), ("metadata", tables, tables + manifest.count * 24 - 1)]
    allocations = manifest.bytes - manifest.count * 24
    return [*ends, ("data", tables + 10 * 24, allocations - 1), ("allocations", allocations, manifest.bytes - 1)]


def test_a_sound_file_passes(written, capsys):
    assert run_program(main, [str(written)]) == 0
    assert capsys.readouterr().out == f"{written}: sound, 9 samples, {written.stat().st_size:,} bytes\n"


@pytest.mark.parametrize("count", [4, pytest.param(125, marks=pytest.mark.slow)])
@pytest.mark.parametrize("region", range(5))
def test_a_flipped_bit_of_any_part_of_the_file_is_found(written, count, region):
    _, first, last = regions(written)[region]
    for bit in np.random.default_rng(region).integers(8 * first, 8 * last + 8, count).tolist():
        flip(written, bit)
        assert verify(written)
        flip(written, bit)
    assert verify(written) == []


@pytest.mark.parametrize("count", [13, pytest.param(125, marks=pytest.mark.slow)])
@pytest.mark.parametrize("side", [manifest_path, hashes_path, quarantine_path])
def test_a_flipped_bit_of_any_file_beside_it_is_found(written, count, side):
    assert undetected(written, side(written), count, seed=1) == []


@pytest.mark.parametrize(("region", "first"), [(2, 5 * 24 + 3), (4, 5 * 24 + 9), (4, 5 * 24 + 1)])
def test_the_damaged_sample_is_named(written, region, first):
    flip(written, 8 * (regions(written)[region][1] + first))
    assert verify(written) == [f"{written}: sample 5: picture, metadata row or allocation entry is damaged"]


def test_damage_to_a_picture_is_named_and_exit_code_1(written, capsys):
    for sample in (0, 3):
        picture = jpeg(smooth_picture(70, 80, sample))
        content = written.read_bytes()
        flip(written, 8 * (content.index(picture) + 300))
    assert run_program(main, [str(written)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["sample 0", "sample 3"]


def test_damage_outside_the_samples_is_named(written):
    flip(written, 8 * 100)
    assert "the header, the field descriptions" in verify(written)[0]


def test_a_size_that_reaches_beyond_the_file_sizes_no_buffer(written):
    flip(written, 8 * (regions(written)[4][1] + 23) + 7)
    assert "sample 0" in verify(written)[0]


def test_a_file_that_was_cut_is_damaged(written):
    written.write_bytes(written.read_bytes()[:-1])
    assert "its manifest says" in verify(written)[0]


def test_a_fractal_bank_is_verified(tmp_path):
    path = tmp_path / "bank.beton"
    layout = FractalLayout(StoreOptions(mode="raw"), 1)
    write_file(ListSource([smooth_picture(40, 36, n)[..., 0] for n in range(3)], ("f",)), path, layout, options={})
    assert verify(path) == []
    flip(path, 8 * (path.stat().st_size - 200))
    assert verify(path) == [f"{path}: sample 2: picture, metadata row or allocation entry is damaged"]


def test_a_file_of_planes_is_verified_with_its_mode(tmp_path):
    path = tmp_path / "yuv.beton"
    write_file(ListSource([smooth_picture(9, 9)] * 3), path, ImageLayout(StoreOptions(mode="yuv")), options={})
    assert verify(path) == []
    flip(path, 8 * (24 + 2 * 1041 + 24) + 1)
    assert verify(path) == [f"{path}: sample 1: picture, metadata row or allocation entry is damaged"]


@pytest.mark.parametrize("arguments", [[], ["/nowhere/a.beton"]])
def test_unusable_arguments_are_exit_code_2(arguments, capsys):
    assert run_program(main, arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
