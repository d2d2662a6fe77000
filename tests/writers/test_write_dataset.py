"""The command: every source, every mistake, and nothing left behind."""

import dataclasses
import json
import os
import signal
import typing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ffcv.reader import Reader
from picture_files import ListSource, cmyk_jpeg, encoded, jpeg, smooth_picture, turned_jpeg

import writers.inspect
import writers.verify
from layermix import FractalBank
from layermix.errors import InputError, run_program
from layermix.manifest import FORMATS, manifest_path, read_manifest
from writers.dataset import write_file
from writers.formats.layouts import ImageLayout
from writers.options import StoreOptions
from writers.registry import SOURCES, SourceRequest
from writers.write_dataset import WriteDataset, main


@pytest.fixture
def class_folders(tmp_path):
    """Two classes with a picture of every awkward kind."""
    root = tmp_path / "pictures"
    image = smooth_picture(80, 120)
    for name, data in {
        "n01/cmyk.JPEG": cmyk_jpeg(image),
        "n01/png.JPEG": encoded(image, "PNG"),
        "n01/turned.JPEG": turned_jpeg(image, 6),
        "n02/deep.png": encoded(np.full((70, 90), 65535, np.uint16), "PNG"),
        "n02/plain.JPEG": jpeg(image),
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


@pytest.fixture
def command(tmp_path):
    """Runs the program on one command line with --out added; gives the exit code."""

    def run(*arguments, out="x.beton"):
        return run_program(main, [*map(str, arguments), "--out", str(tmp_path / "out" / out)])

    return run


UNFINISHED = ["x.beton.journal", "x.beton.partial"]


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_class_folders_become_a_file_and_its_manifest(command, class_folders, tmp_path, capsys):
    assert command("--source", "folder", "--root", class_folders, "--format", "beton") == 0
    path = tmp_path / "out" / "x.beton"
    assert names(path.parent) == ["x.beton", "x.beton.hashes", "x.beton.manifest.json"]
    manifest = read_manifest(path)
    assert (manifest.count, manifest.classes, manifest.class_counts) == (5, ("n01", "n02"), (3, 2))
    metadata = Reader(str(path)).metadata
    assert metadata["f0"]["height"].tolist() == [80, 80, 120, 70, 80]
    assert metadata["f0"]["width"].tolist() == [120, 120, 80, 90, 120]
    assert metadata["f1"].tolist() == [0, 0, 0, 1, 1]
    last_line = capsys.readouterr().out.splitlines()[-1]
    assert last_line.startswith(f"{path}: 5 pictures, 2 classes, {path.stat().st_size:,} bytes, ")


def test_parquet_becomes_a_file(command, tmp_path):
    data = [jpeg(smooth_picture(32, 32, number)) for number in range(3)]
    table = pa.table({"img": [{"bytes": item, "path": ""} for item in data], "label": [2, 0, 1]})
    pq.write_table(table, tmp_path / "train.parquet")
    assert command("--source", "parquet", "--root", tmp_path / "train.parquet", "--threads", 2) == 0
    metadata = Reader(str(tmp_path / "out" / "x.beton")).metadata
    assert metadata["f1"].tolist() == [2, 0, 1]
    assert metadata["f0"]["mode"].tolist() == [1, 1, 1]


def test_digits_need_no_root(command, tmp_path):
    assert command("--source", "digits", "--split", "test") == 0
    manifest = read_manifest(tmp_path / "out" / "x.beton")
    assert manifest.count == 355
    assert manifest.source.keys() == {"name", "split", "fingerprint"}


@pytest.mark.parametrize("color", [False, True])
def test_generated_fractals_become_a_bank(command, tmp_path, color):
    flags = ["--color"] if color else []
    assert command("--source", "fractals", "--generate", 3, "--seed", 5, "--short-side", 36, *flags) == 0
    bank = FractalBank.open(tmp_path / "out" / "x.beton")
    assert len(bank) == 3
    assert bank.channels == (3 if color else 1)
    assert bank.picture(2).shape[:2] == (36, 36)


def test_a_folder_of_fractals_becomes_a_bank(command, class_folders, tmp_path):
    (class_folders / "n01" / "png.JPEG").write_bytes(encoded(smooth_picture(100, 200)[..., 0], "PNG"))
    assert command("--source", "fractals", "--root", class_folders, "--short-side", 50) == 0
    manifest = read_manifest(tmp_path / "out" / "x.beton")
    assert (manifest.kind, manifest.channels, manifest.short_side, manifest.count) == ("fractals", 1, 50, 5)
    assert FractalBank.open(tmp_path / "out" / "x.beton").picture(1).shape == (50, 100)


def test_the_bytes_do_not_depend_on_the_number_of_threads(command, class_folders, tmp_path):
    for threads in (1, 4):
        out = f"{threads}.beton"
        flags = ("--root", class_folders, "--short-side", 75, "--threads", threads)
        assert command("--source", "folder", *flags, out=out) == 0
    assert (tmp_path / "out/1.beton").read_bytes() == (tmp_path / "out/4.beton").read_bytes()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("folder", "--root is missing"),
        ("folder --root /nowhere", "--root /nowhere is not a folder"),
        ("digits --root /nowhere", "--root means nothing to --source digits, which takes --split"),
        ("digits --generate 5", "--generate means nothing to --source digits"),
        ("digits --color", "--color means nothing to --source digits"),
        ("folder --root /nowhere --split test", "--split means nothing to --source folder"),
        ("fractals", "--source fractals needs --root FOLDER or --generate N"),
        ("fractals --generate 5 --root /nowhere", "--root and --generate both say"),
        ("fractals --root /nowhere --seed 1", "--seed belongs to --generate"),
        ("fractals --generate 5 --quality 90", "--quality is for JPEG"),
        ("fractals --generate 0", "--generate must be >= 1, got 0"),
        ("digits --raw --quality 90", "--raw stores pixels and --quality is for JPEG"),
        ("digits --yuv --raw", "--yuv stores planes and --raw stores pixels; give one of them"),
        ("digits --yuv --quality 90", "--yuv stores planes and --quality is for JPEG; give one of them"),
        ("fractals --generate 5 --yuv", "--yuv is for pictures, and fractals are always stored raw"),
        ("digits --quality 101", "--quality must be from 1 to 100, got 101"),
        ("digits --short-side 0", "--short-side must be from 1 to 65500 pixels, got 0"),
        ("digits --max-side -3", "--max-side must be from 1 to 65500 pixels, got -3"),
        ("digits --threads 0", "--threads must be >= 1, got 0"),
        ("fractals --generate 1 --seed -1", "--seed must be >= 0, got -1"),
    ],
)
def test_a_mistaken_command_line_is_one_line_and_exit_code_2(command, tmp_path, capsys, flags, message):
    assert command("--source", *flags.split()) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"error: {message}")
    assert errors.count("\n") == 1
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize("flags", ["--source words", "--source digits --format tar", "--source digits --sped 1", ""])
def test_unknown_values_and_flags_are_exit_code_2(command, flags):
    with pytest.raises(SystemExit) as caught:
        command(*flags.split())
    assert caught.value.code == 2


@pytest.mark.parametrize(("format", "suffix"), FORMATS.items())
def test_a_name_without_suffix_is_a_folder_that_every_command_takes(command, tmp_path, capsys, format, suffix):
    flags = ("--source", "digits", "--split", "test", "--format", format)
    assert command(*flags, out="x") == 0
    assert command(*flags, "--shards", 2, out="y") == 0
    assert (tmp_path / "out" / "x" / f"data{suffix}").is_file()
    assert (tmp_path / "out" / "y" / f"data-00001-of-00002{suffix}").is_file()
    for name in ("x", "y"):
        assert run_program(writers.verify.main, [str(tmp_path / "out" / name)]) == 0
        assert run_program(writers.inspect.main, [str(tmp_path / "out" / name)]) == 0
        assert f"data{suffix}: {format}, images, 355 samples" in capsys.readouterr().out


def test_the_suffix_of_another_format_is_refused(command, capsys):
    assert command("--source", "digits", "--format", "webdataset") == 2
    assert "x.beton must end in .tar for --format webdataset, or be the name of a folder" in capsys.readouterr().err


@pytest.mark.parametrize("part", [0.0, 0.5, 0.95])
def test_a_truncated_picture_is_named_and_no_file_takes_the_name(command, class_folders, tmp_path, capsys, part):
    path = class_folders / "n02" / "plain.JPEG"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    assert command("--source", "folder", "--root", class_folders, "--threads", 2) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"error: {path}: ")
    assert errors.count("\n") == 1
    assert names(tmp_path / "out") == UNFINISHED


def test_an_existing_file_is_kept_unless_told_otherwise(command, tmp_path, capsys):
    flags = ("--source", "fractals", "--generate", 2, "--short-side", 32)
    assert command(*flags) == 0
    path = tmp_path / "out" / "x.beton"
    before = path.read_bytes()
    assert command(*flags, "--seed", 1) == 2
    assert "x.beton exists; add --overwrite to replace it" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert command(*flags, "--seed", 1, "--overwrite") == 0
    assert path.read_bytes() != before
    assert read_manifest(path).source["seed"] == 1


def test_a_file_without_its_manifest_is_called_incomplete(command, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x.beton").write_bytes(b"half")
    assert command("--source", "digits") == 2
    assert "exists without a manifest, so it is incomplete" in capsys.readouterr().err


def test_the_source_itself_is_never_overwritten(command, tmp_path, capsys):
    root = tmp_path / "out" / "x.beton"
    assert command("--source", "parquet", "--root", root, "--overwrite") == 2
    assert "is the same as --root" in capsys.readouterr().err


def write(path, images, **options):
    return write_file(ListSource(images), path, ImageLayout(StoreOptions()), options={}, **options)


@pytest.mark.parametrize("error", [InputError("bad"), RuntimeError("a defect"), KeyboardInterrupt()])
def test_whatever_a_sample_raises_leaves_the_old_file_and_its_manifest(tmp_path, error):
    path = tmp_path / "x.beton"
    images = [smooth_picture(8, 8)] * 30
    manifest = write(path, images)
    with pytest.raises(type(error)):
        write(path, [*images, error, *images], threads=3, overwrite=True)
    assert names(tmp_path) == sorted(["x.beton", "x.beton.hashes", *UNFINISHED, "x.beton.manifest.json"])
    assert read_manifest(path) == manifest


def test_a_label_that_is_no_class_is_named(tmp_path):
    class Mislabelled(ListSource):
        def read(self, index):
            return dataclasses.replace(super().read(index), label=2)

    with pytest.raises(InputError, match=r"^picture 0: the label must be from 0 to 1, got 2"):
        write_file(Mislabelled([smooth_picture(8, 8)]), tmp_path / "x.beton", ImageLayout(StoreOptions()), options={})
    assert names(tmp_path) == []


def test_nothing_vouches_for_a_file_whose_manifest_could_not_be_written(tmp_path, monkeypatch):
    path = tmp_path / "x.beton"
    write(path, [smooth_picture(8, 8)])

    def fail(*_):
        raise InputError("full")

    monkeypatch.setattr("writers.publish.write_manifest", fail)
    with pytest.raises(InputError, match="full"):
        write(path, [smooth_picture(8, 9)], overwrite=True)
    assert not manifest_path(path).exists()


def test_ctrl_c_ends_with_130_and_can_be_resumed(command, tmp_path, monkeypatch, capsys):
    class Interrupted(ListSource):
        def read(self, index):
            if index == 50:
                os.kill(os.getpid(), signal.SIGINT)
            return super().read(index)

    source = Interrupted([smooth_picture(8, 8)] * 10_000)
    monkeypatch.setattr("writers.write_dataset.open_source", lambda name, request: source)
    assert command("--source", "digits", "--threads", 2) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert names(tmp_path / "out") == UNFINISHED


def test_the_command_knows_every_source_of_the_registry():
    sources = typing.get_args(typing.get_type_hints(WriteDataset)["source"])
    assert set(sources) == set(SOURCES)
    fields = {field.name for field in dataclasses.fields(SourceRequest)}
    assert all(kind.flags <= fields for kind in SOURCES.values())


@pytest.mark.skipif("LAYERMIX_DATA" not in os.environ, reason="LAYERMIX_DATA names no folder of real pictures")
def test_real_pictures_are_written(command, tmp_path):
    root = Path(os.environ["LAYERMIX_DATA"])
    assert command("--source", "parquet", "--root", root / "cifar10" / "test.parquet", out="a.beton") == 0
    assert read_manifest(tmp_path / "out" / "a.beton").class_counts == (1000,) * 10
    flags = ("--root", root / "imagenet-sample", "--short-side", 400)
    assert command("--source", "folder", *flags, out="b.beton") == 0
    manifest = json.loads(manifest_path(tmp_path / "out" / "b.beton").read_text())
    assert manifest["class_counts"] == [1] * 500
