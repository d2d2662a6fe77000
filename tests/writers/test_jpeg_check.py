"""`--check header`: the same file for a sound source, and where damage that it lets through is named."""

import json
import re

import numpy as np
import pytest
from damaged_jpegs import HARMLESS
from picture_files import ListSource, encoded, jpeg, smooth_picture, turned_jpeg

from layermix.errors import InputError, run_program
from layermix.jpeg import find_damage
from layermix.manifest import FORMATS, manifest_path, read_manifest
from pipelines import LoaderConfig, build_loader
from writers.dataset import write_file
from writers.formats.layouts import ImageLayout
from writers.inspect import main as inspect
from writers.options import StoreOptions
from writers.verify import main as verify
from writers.write_dataset import main as write_dataset

HEADER = StoreOptions(check="header")


def sound_pictures() -> list:
    noise = np.random.default_rng(0).integers(-20, 20, (80, 120, 3))
    noisy = (smooth_picture(80, 120) + noise).clip(0, 255).astype(np.uint8)
    return [
        jpeg(noisy),
        jpeg(noisy, progressive=True),
        jpeg(smooth_picture(80, 120)) + bytes(7),
        turned_jpeg(noisy, 6),
        encoded(noisy, "PNG"),
        smooth_picture(9, 9),
    ]


def wrong_inside() -> bytes:
    """A JPEG of good header and end whose entropy-coded data does not decode."""
    sound = sound_pictures()[0]
    start = sound.index(b"\xff\xda") + 14
    return sound[:start] + bytes(200) + sound[start + 200 :]


def write(path, images, options, format="beton", **flags):
    return write_file(ListSource(images), path, ImageLayout(options, format), options=options.describe(), **flags)


@pytest.mark.parametrize("format", FORMATS)
def test_a_sound_source_gives_the_bytes_of_the_full_check(tmp_path, format):
    paths = [tmp_path / f"{name}{FORMATS[format]}" for name in ("decode", "header")]
    for path, options in zip(paths, (StoreOptions(), HEADER)):
        write(path, sound_pictures(), options, format)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_jpeg_broken_off_anywhere_is_never_kept(tmp_path):
    sound = sound_pictures()[0]
    for stop in range(len(sound) - 1, 0, -max(1, len(sound) // 60)):
        images = [smooth_picture(9, 9), sound[:stop]]
        written = write(tmp_path / "a.beton", images, HEADER, on_bad="skip", overwrite=True)
        assert written.skipped == 1, stop


def test_wrong_bits_inside_are_named_by_verify_and_by_the_loader(tmp_path, capsys):
    path = tmp_path / "a.beton"
    images = [*sound_pictures()[:2], wrong_inside(), sound_pictures()[2]]
    assert find_damage(images[2], 80, 120)
    write(path, images, HEADER)
    assert run_program(verify, [str(path)]) == 0
    assert "stored by their headers, --decode decodes them" in capsys.readouterr().out
    assert run_program(verify, [str(path), "--decode"]) == 1
    assert capsys.readouterr().out == (
        f"{path}: sample 2: its JPEG does not decode whole "
        "(Corrupt JPEG data: 230 extraneous bytes before marker 0xd9); mend the source and write it again\n"
    )
    with (
        build_loader(LoaderConfig(data=path, batch_size=4, size=64, crop="center")) as loader,
        pytest.raises(InputError, match=re.escape(f"{path}: sample 2")),
    ):
        list(loader)


def test_a_set_of_odd_jpegs_that_loaders_take_passes_verify(tmp_path):
    path = tmp_path / "a.beton"
    write(path, list(HARMLESS.values()), HEADER)
    assert run_program(verify, [str(path), "--decode"]) == 0


def test_verify_decodes_every_shard_of_a_set_and_counts_ids_through(tmp_path, capsys):
    folders = tmp_path / "source"
    for number, image in enumerate([*sound_pictures()[:2], wrong_inside(), jpeg(smooth_picture(70, 70))]):
        folder = folders / f"class{number}"
        folder.mkdir(parents=True)
        (folder / "a.JPEG").write_bytes(image)
    out = tmp_path / "set.tar"
    flags = ["--source", "folder", "--root", str(folders), "--format", "webdataset", "--shards", "2"]
    assert run_program(write_dataset, [*flags, "--out", str(out), "--check", "header"]) == 0
    capsys.readouterr()
    assert run_program(verify, [str(out), "--decode"]) == 1
    assert "set-00001-of-00002.tar: sample 2: its JPEG does not decode" in capsys.readouterr().out


def test_manifest_and_inspect_say_how_the_jpegs_were_checked(tmp_path, capsys):
    path = tmp_path / "a.beton"
    write(path, sound_pictures(), HEADER)
    assert json.loads(manifest_path(path).read_text())["options"]["check"] == "header"
    assert run_program(inspect, [str(path)]) == 0
    assert "check header" in capsys.readouterr().out
    write(path, sound_pictures(), StoreOptions(), overwrite=True)
    assert "check" not in read_manifest(path).options


@pytest.mark.parametrize("flags", [["--raw"], ["--yuv"], ["--quality", "80"]])
def test_the_flag_is_refused_where_no_jpeg_keeps_its_bytes(tmp_path, flags):
    out = ["--source", "digits", "--out", str(tmp_path / "a.beton")]
    with pytest.raises(InputError, match="--check header is for JPEGs that keep their bytes"):
        write_dataset([*out, "--check", "header", *flags])
