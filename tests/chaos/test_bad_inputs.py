"""Bad inputs by the hundred: each is one named error within a minute, and nothing takes its place."""

import time

import numpy as np
import pytest
from bad_inputs import bad_pickles, bad_pictures, bad_tars, good_but_odd_pictures, save_cifar
from picture_files import ListSource, jpeg, smooth_picture

from layermix.errors import InputError, run_program
from layermix.manifest import FORMATS, read_manifest
from writers.contents import read_contents
from writers.dataset import write_file
from writers.formats.layouts import ImageLayout
from writers.options import StoreOptions
from writers.verify import verify
from writers.write_dataset import main

LIMIT = 60.0
grid = pytest.mark.parametrize("trials", [4, pytest.param(60, marks=pytest.mark.chaos)])


def assert_refused(capsys, path, flags, out):
    """The command names `path` in one line, exit code 2, in time, and publishes nothing."""
    capsys.readouterr()
    start = time.monotonic()
    assert run_program(main, [*flags, "--out", str(out)]) == 2
    assert time.monotonic() - start < LIMIT
    error = capsys.readouterr().err
    assert error.startswith(f"error: {path}")
    assert error.count("\n") == 1
    assert not out.exists()


@grid
def test_bad_pictures_are_named_and_left_out_to_the_sample(tmp_path, capsys, trials, count):
    folder = tmp_path / "pictures" / "a"
    folder.mkdir(parents=True)
    (folder / "0.jpg").write_bytes(jpeg(smooth_picture(80, 90)))
    flags = ["--source", "folder", "--root", str(folder.parent)]
    for name, content in bad_pictures(trials):
        (folder / "1.jpg").write_bytes(content)
        out = tmp_path / "x.beton"
        assert_refused(capsys, folder / "1.jpg", [*flags, "--overwrite"], out)
        assert run_program(main, [*flags, "--overwrite", "--on-bad", "skip", "--out", str(out)]) == 0
        manifest = read_manifest(out)
        assert (manifest.count, manifest.skipped) == (1, 1), name
        for path in tmp_path.glob("x.beton*"):
            path.unlink()
        count("bad pictures", "named, and left out to the sample")


def test_odd_pictures_are_stored_as_what_they_show(tmp_path, count):
    odd = list(good_but_odd_pictures())
    source = ListSource([content for _, content, _ in odd])
    path = tmp_path / "x.beton"
    manifest = write_file(source, path, ImageLayout(StoreOptions(mode="raw")), options={})
    contents = read_contents(path, {path: manifest}, manifest)
    for number, (name, _, pixels) in enumerate(odd):
        found = contents.pixels(number).astype(int)
        assert found.shape == pixels.shape, name
        assert np.abs(found - pixels).mean() < 4, name
        count("odd pictures", "stored as what they show")


@grid
def test_hostile_tars_are_named(tmp_path, capsys, trials, count):
    path = tmp_path / "ILSVRC2012_img_train.tar"
    for _, content in bad_tars(trials):
        path.write_bytes(content)
        flags = ["--source", "ilsvrc-tar", "--root", str(path)]
        assert_refused(capsys, path, flags, tmp_path / "x.beton")
        count("hostile tars", "named")


@grid
def test_hostile_pickles_are_named_and_run_nothing(tmp_path, capsys, trials, count, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _, content in bad_pickles(trials):
        save_cifar(tmp_path, content)
        flags = ["--source", "cifar10", "--root", str(tmp_path)]
        assert_refused(capsys, tmp_path / "data_batch_1", flags, tmp_path / "out" / "x.beton")
        assert not (tmp_path / "pwned").exists()
        count("hostile pickles", "named")


@grid
@pytest.mark.parametrize(("format", "suffix"), FORMATS.items())
def test_mutated_datasets_are_found(tmp_path, format, suffix, trials, count):
    path = tmp_path / f"x{suffix}"
    source = ListSource([jpeg(smooth_picture(70, 80, n)) for n in range(5)])
    write_file(source, path, ImageLayout(StoreOptions(), format), options={})
    files, random = sorted(tmp_path.iterdir()), np.random.default_rng(0)
    for trial in range(trials):
        victim = files[trial % len(files)]
        content = bytearray(victim.read_bytes())
        mutated = mutate(content, random)
        victim.write_bytes(mutated)
        assert verify(path), f"trial {trial} of {victim.name}"
        if len(mutated) != len(content) and victim.suffix not in (".hashes", ".idx", ".table"):
            with pytest.raises(InputError):
                read_manifest(path)
        victim.write_bytes(content)
        count("mutated datasets", "found by verify")
    assert verify(path) == []


def mutate(content: bytearray, random: np.random.Generator) -> bytes:
    """Cut, lengthened, a stretch zeroed or replaced by noise; never the same."""
    start, length = int(random.integers(len(content))), int(random.integers(1, 64))
    noise = random.integers(0, 256, length, np.uint8).tobytes()
    kinds = (
        bytes(content[:start]),
        bytes(content) + noise,
        bytes(content[:start]) + bytes(length) + bytes(content[start + length :]),
        bytes(content[:start]) + noise + bytes(content[start + length :]),
    )
    chosen = kinds[int(random.integers(len(kinds)))]
    return chosen if chosen != bytes(content) else kinds[0]
