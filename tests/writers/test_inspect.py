"""Inspect says what is inside, and draws it."""

import numpy as np
import pytest
from picture_files import ListSource, jpeg, smooth_picture
from PIL import Image

from layermix.errors import run_program
from writers.dataset import write_file
from writers.formats.layouts import FractalLayout, ImageLayout
from writers.inspect import main
from writers.options import StoreOptions
from writers.write_set import SetWriter


def test_a_file_of_raw_and_jpeg_pictures_is_described(tmp_path, capsys):
    path = tmp_path / "a.beton"
    images = [jpeg(smooth_picture(70, 80, n)) for n in range(4)] + [smooth_picture(9, 12)] * 3 + [b"bad"]
    options = StoreOptions()
    write_file(ListSource(images), path, ImageLayout(options), options=options.describe(), on_bad="quarantine")
    assert run_program(main, [str(path), "--sheet", str(tmp_path / "sheet.png")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path}: beton, images, 7 samples, {path.stat().st_size:,} bytes"
    assert "stored      4 JPEG, 3 raw" in lines
    assert "height      9 to 70, median 70" in lines
    assert "skipped     1 bad pictures, listed in a.beton.quarantine.jsonl" in lines
    assert "classes     2, of 3 to 4 samples" in lines
    assert "options     mode auto, quality 90, on_bad quarantine" in lines
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape == (144, 7 * 130, 3)
    cell = sheet[64 - 45 : 64 + 45, 4 * 130 + 4 : 4 * 130 + 124]
    assert np.array_equal(cell[5::10, 5::10], smooth_picture(9, 12))


def test_a_fractal_bank_is_described_and_drawn(tmp_path, capsys):
    path = tmp_path / "bank.beton"
    layout = FractalLayout(StoreOptions(mode="raw"), 1)
    images = [smooth_picture(128, 128, n)[..., 0] for n in range(3)]
    write_file(ListSource(images, ("fractal",)), path, layout, options={})
    assert run_program(main, [str(path), "--sheet", str(tmp_path / "sheet.png"), "--pictures", "2"]) == 0
    assert capsys.readouterr().out.startswith(f"{path}: beton, fractals, 3 samples")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert np.array_equal(sheet[:128, 130:258, 0], images[2])


@pytest.mark.parametrize("arguments", [["/nowhere/a.beton"], ["a", "--pictures", "0"]])
def test_unusable_arguments_are_exit_code_2(arguments, capsys):
    assert run_program(main, arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_yuv_pictures_are_counted_and_drawn(tmp_path, capsys):
    path, options = tmp_path / "a.beton", StoreOptions(mode="yuv")
    gray = np.repeat(smooth_picture(9, 12)[..., :1], 3, axis=2)
    write_file(ListSource([gray] * 3), path, ImageLayout(options), options=options.describe())
    assert run_program(main, [str(path), "--sheet", str(tmp_path / "sheet.png")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "stored      3 YUV" in lines
    assert "options     mode yuv" in lines
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert np.array_equal(sheet[64 - 45 : 64 + 45, 4:124][5::10, 5::10], gray)


@pytest.mark.parametrize("as_folder", [False, True])
def test_a_set_of_shards_is_described_and_drawn_as_one(as_folder, tmp_path, capsys):
    path, options = tmp_path / "a.beton", StoreOptions()
    images = [smooth_picture(20 + n, 30, n) for n in range(8)] + [b"bad", jpeg(smooth_picture(70, 80, 9))]
    writer = SetWriter(
        source=ListSource(images), out=path, layout=ImageLayout(options), shards=3, options=options.describe(),
        on_bad="skip",
    )  # fmt: skip
    for index in range(3):
        writer.write_one(index)
    assert not path.exists()
    assert run_program(main, [str(tmp_path if as_folder else path), "--sheet", str(tmp_path / "sheet.png")]) == 0
    lines = capsys.readouterr().out.splitlines()
    shards = [tmp_path / f"a-0000{n}-of-00003.beton" for n in range(3)]
    size = sum(shard.stat().st_size for shard in shards)
    assert lines[0] == f"{path}: beton, images, 9 samples, {size:,} bytes"
    first_ids = (0, 3, 6)
    assert lines[1:4] == [
        f"shard       {shard.name}: ids from {first}, 3 samples, {shard.stat().st_size:,} bytes"
        for shard, first in zip(shards, first_ids)
    ]
    assert "stored      1 JPEG, 8 raw" in lines
    assert "height      20 to 70, median 24" in lines
    assert "skipped     1 bad pictures" in lines
    assert "classes     2, of 4 to 5 samples" in lines
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    for sample in range(8):
        left = sample * 130 + 4
        height = 4 * (20 + sample)
        cell = sheet[64 - height // 2 : 64 + height // 2, left : left + 120]
        assert np.array_equal(cell[2::4, 2::4], images[sample])
