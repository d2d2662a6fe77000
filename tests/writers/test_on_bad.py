"""--on-bad is exact to the sample."""

import hashlib
import json

import numpy as np
import pytest
from ffcv.reader import Reader
from picture_files import ListSource, jpeg, png_claiming, smooth_picture

from layermix.errors import InputError
from layermix.manifest import read_manifest
from writers.bad import quarantine_path
from writers.dataset import write_file
from writers.formats.layouts import ImageLayout
from writers.hashes import hashes_path, read_hashes
from writers.options import StoreOptions

GOOD = [smooth_picture(8 + n, 9, n) for n in range(40)]
BAD = {0: b"", 7: b"no picture", 8: jpeg(smooth_picture(80, 80))[:500], 39: png_claiming(60000, 60000)}
MIXED = [BAD.get(n, image) for n, image in enumerate(GOOD)]
LEFT = [n for n in range(40) if n not in BAD]


def write(path, images, on_bad, **options):
    return write_file(ListSource(images), path, ImageLayout(StoreOptions()), options={}, on_bad=on_bad, **options)


@pytest.mark.parametrize("on_bad", ["skip", "quarantine"])
@pytest.mark.parametrize("threads", [1, 3])
def test_exactly_the_bad_pictures_are_left_out_and_ids_are_places_in_the_file(tmp_path, on_bad, threads):
    path = tmp_path / "a.beton"
    manifest = write(path, MIXED, on_bad, threads=threads)
    assert (manifest.count, manifest.skipped, manifest.options) == (36, 4, {"on_bad": on_bad})
    reader = Reader(str(path))
    assert reader.metadata["f0"]["height"].tolist() == [8 + n for n in LEFT]
    assert reader.metadata["f1"].tolist() == [n % 2 for n in LEFT]
    assert reader.alloc_table["sample_id"].tolist() == list(range(36))
    assert read_manifest(path) == manifest


def test_the_quarantine_names_each_with_its_reason(tmp_path):
    path = tmp_path / "a.beton"
    manifest = write(path, MIXED, "quarantine")
    text = quarantine_path(path).read_bytes()
    entries = [json.loads(line) for line in text.splitlines()]
    assert [entry["index"] for entry in entries] == list(BAD)
    assert [entry["path"] for entry in entries] == [f"picture {n}" for n in BAD]
    assert entries[0]["reason"].startswith("the file is empty")
    assert "decompression bomb" in entries[-1]["reason"]
    assert manifest.quarantine is not None
    assert manifest.quarantine.sha256 == hashlib.sha256(text).hexdigest()


def test_fail_names_the_first_bad_picture_in_source_order(tmp_path):
    with pytest.raises(InputError, match=r"^picture 7: not a picture of type"):
        write(tmp_path / "a.beton", [smooth_picture(8, 8), *MIXED[1:]], "fail", threads=3)


def test_a_set_without_a_good_picture_is_refused(tmp_path):
    with pytest.raises(InputError, match="not one of 2 pictures is good, first picture 0: the file is empty"):
        write(tmp_path / "a.beton", [b"", b""], "skip")
    assert not (tmp_path / "a.beton").exists()


def test_a_write_without_quarantine_removes_an_old_list(tmp_path):
    write(tmp_path / "a.beton", MIXED, "quarantine")
    write(tmp_path / "a.beton", GOOD, "fail", overwrite=True)
    assert not quarantine_path(tmp_path / "a.beton").exists()


def test_a_write_that_failed_on_a_bad_picture_goes_on_without_it(tmp_path):
    images = [smooth_picture(8, 8), *MIXED[1:]]
    whole = write(tmp_path / "whole.beton", images, "skip")
    with pytest.raises(InputError):
        write(tmp_path / "a.beton", images, "fail")
    assert write(tmp_path / "a.beton", images, "skip", resume=True).sha256 == whole.sha256


def test_resuming_does_not_forget_what_was_left_out(tmp_path):
    images = [*MIXED[1:30], RuntimeError("a defect"), *MIXED[30:]]
    with pytest.raises(RuntimeError):
        write(tmp_path / "a.beton", images, "quarantine")
    with pytest.raises(InputError, match="the interrupted write left out bad pictures, first picture 6"):
        write(tmp_path / "a.beton", images, "fail", resume=True)
    images[29] = GOOD[0]
    manifest = write(tmp_path / "a.beton", images, "quarantine", resume=True)
    lines = quarantine_path(tmp_path / "a.beton").read_text().splitlines()
    assert [json.loads(line)["index"] for line in lines] == [6, 7, 39]
    assert manifest.skipped == 3


def test_there_is_a_hash_of_every_sample(tmp_path):
    path = tmp_path / "a.beton"
    manifest = write(path, GOOD, "fail")
    assert manifest.hashes is not None
    hashes = read_hashes(path, manifest.hashes, 40)
    assert len(np.unique(hashes)) == 40
    hashes_path(path).write_bytes(bytes(320))
    with pytest.raises(InputError, match=r"a\.beton\.hashes: is not what was written"):
        read_hashes(path, manifest.hashes, 40)
