"""The manifest: what it promises, and every way in which it can be wrong."""

import dataclasses
import hashlib
import json

import pytest

from layermix.errors import InputError
from layermix.manifest import (
    Manifest,
    Shard,
    SideFile,
    data_files,
    dataset_path,
    manifest_path,
    read_manifest,
    set_hash,
)

FIELDS = {
    "format": "beton",
    "kind": "images",
    "count": 5,
    "bytes": 7,
    "sha256": "0123456789abcdef" * 4,
    "classes": ("cat", "dog"),
    "class_counts": (3, 2),
    "source": {"name": "folder"},
    "options": {"mode": "raw"},
    "created_by": "layermix 0.1.0",
}
BANK = {"kind": "fractals", "classes": ("fractal",), "class_counts": (5,), "channels": 1, "short_side": 36}


def save(folder, **changes):
    """A data file of 7 bytes with a manifest in which `changes` lie; a change to None removes the key."""
    data = folder / "a.beton"
    data.write_bytes(b"content")
    fields = {"version": 1, **FIELDS, **changes}
    kept = {key: value for key, value in fields.items() if value is not None}
    checksum = hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
    manifest_path(data).write_text(json.dumps({**kept, "checksum": checksum}))
    return data


@pytest.mark.parametrize("changes", [{}, BANK])
def test_what_is_written_is_read_again(tmp_path, changes):
    manifest = Manifest(**{**FIELDS, **changes})
    data = save(tmp_path)
    manifest_path(data).write_text(manifest.to_json())
    assert read_manifest(data) == manifest


def shards(*counts):
    rows = [(n, count, sum(counts[:n])) for n, count in enumerate(counts)]
    return tuple(
        Shard(file=f"a-{n}.beton", count=count, bytes=count, sha256=f"{n}" * 64, first_id=first)
        for n, count, first in rows
    )


def save_set(folder, counts=(2, 3), **changes):
    parts = shards(*counts)
    fields = {**FIELDS, "shards": parts, "bytes": sum(counts), "sha256": set_hash(parts), **changes}
    manifest = Manifest(**fields)
    for part in parts:
        (folder / part.file).write_bytes(bytes(part.bytes))
    manifest_path(folder / "a.beton").write_text(manifest.to_json())
    return manifest


def test_a_set_is_read_by_the_name_that_it_was_written_to(tmp_path):
    manifest = save_set(tmp_path)
    assert read_manifest(tmp_path / "a.beton") == manifest
    assert data_files(tmp_path / "a.beton", manifest) == (tmp_path / "a-0.beton", tmp_path / "a-1.beton")
    assert [shard.first_id for shard in manifest.shards] == [0, 2]


def test_a_shard_that_is_missing_or_cut_is_named(tmp_path):
    save_set(tmp_path)
    (tmp_path / "a-1.beton").write_bytes(b"ab")
    with pytest.raises(InputError, match=r"a-1\.beton: has 2 bytes, its manifest says 3"):
        read_manifest(tmp_path / "a.beton")
    (tmp_path / "a-1.beton").unlink()
    with pytest.raises(InputError, match=r"a-1\.beton: no such data file"):
        read_manifest(tmp_path / "a.beton")


def test_shards_that_leave_out_ids_are_refused(tmp_path):
    with pytest.raises(InputError, match="`shards` must hold 5 samples, got 4"):
        save_set(tmp_path, (2, 2))
    first, second = shards(2, 3)
    with pytest.raises(InputError, match="`shards` must go on at id 2, got 3"):
        save_set(tmp_path, shards=(first, dataclasses.replace(second, first_id=3)))


def test_every_changed_bit_of_a_manifest_is_noticed_or_means_the_same(tmp_path):
    side = SideFile(file="a.hashes", sha256="0" * 64)
    manifest = Manifest(**FIELDS, hashes=side)
    data = save(tmp_path)
    text = manifest.to_json().encode()
    for bit in range(0, 8 * len(text), 5):
        flipped = bytearray(text)
        flipped[bit // 8] ^= 1 << bit % 8
        manifest_path(data).write_bytes(flipped)
        with pytest.raises(InputError):
            read_manifest(data)


def test_the_manifest_stands_beside_the_file(tmp_path):
    assert manifest_path(tmp_path / "a.beton") == tmp_path / "a.beton.manifest.json"


def test_a_manifest_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Manifest(**FIELDS).count = 6  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "`version` must be 1, got 2"),
        ({"format": "tar"}, "`format` must be one of beton, webdataset, tfrecord, recordio"),
        ({"kind": "words"}, '`kind` must be "images" or "fractals", got \'words\''),
        ({"count": 0}, "`count` must be an integer > 0, got 0"),
        ({"count": True}, "`count` must be an integer > 0, got True"),
        ({"bytes": 7.0}, "`bytes` must be an integer > 0, got 7.0"),
        ({"sha256": "ABC"}, "`sha256` must be 64 hexadecimal digits, got 'ABC'"),
        ({"classes": []}, "`classes` must be a list of one or more names"),
        ({"classes": "cat"}, "`classes` must be a list of one or more names"),
        ({"classes": [1, 2]}, "`classes` must be a list of one or more names"),
        ({"class_counts": [3, -1]}, "`class_counts` must be a list of integers >= 0"),
        ({"class_counts": [5]}, "`class_counts` must hold 2 numbers"),
        ({"class_counts": [3, 3]}, "`class_counts` must add up to 5, got 6"),
        ({"source": "folder"}, "`source` must be an object"),
        ({"options": []}, "`options` must be an object"),
        ({"created_by": 1}, "`created_by` must be a string"),
        ({"channels": 3}, "`channels` belongs to fractal banks only"),
        ({"short_side": 36}, "`short_side` belongs to fractal banks only"),
        ({**BANK, "channels": None}, "`channels` must be 1 or 3, got None"),
        ({**BANK, "channels": 2}, "`channels` must be 1 or 3, got 2"),
        ({**BANK, "short_side": 0}, "`short_side` must be an integer > 0, got 0"),
        ({"sha256": None}, "`sha256` is missing"),
        ({"version": None}, "`version` is missing"),
        ({"skipped": -1}, "`skipped` must be an integer >= 0"),
        ({"hashes": {"file": "h"}}, "`hashes` must have file, sha256"),
        ({"hashes": {"file": "../h", "sha256": "0" * 64}}, "`file` must be the name of a file in the same folder"),
        ({"shard": {"index": 2, "of": 2}}, "`shard` must be {index, of}"),
        ({"shards": [1]}, "`shards` must have bytes, count, file, first_id, sha256"),
        ({"colour": 1}, "`colour` is not a key of manifest version 1"),
    ],
)
def test_a_wrong_value_is_named_with_path_key_and_next_step(tmp_path, changes, message):
    with pytest.raises(InputError) as caught:
        read_manifest(save(tmp_path, **changes))
    text = str(caught.value)
    assert text.startswith(f"{tmp_path}/a.beton.manifest.json: {message}")
    assert text.endswith("; write the data set again")
    assert "\n" not in text


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"version": 1', "[" * 100_000, "\x00"])
def test_damaged_json_is_named(tmp_path, text):
    data = save(tmp_path)
    manifest_path(data).write_text(text)
    with pytest.raises(InputError, match=r"a\.beton\.manifest\.json: (cannot be read as JSON|must hold a JSON)"):
        read_manifest(data)


def test_a_file_without_a_manifest_is_incomplete(tmp_path):
    data = save(tmp_path)
    manifest_path(data).unlink()
    with pytest.raises(InputError, match=r"no such manifest, so a\.beton is incomplete"):
        read_manifest(data)


def test_a_missing_file_is_named(tmp_path):
    data = save(tmp_path)
    data.unlink()
    with pytest.raises(InputError, match=r"a\.beton: no such data file"):
        read_manifest(data)


def test_a_file_cut_short_is_noticed_without_hashing(tmp_path):
    data = save(tmp_path)
    data.write_bytes(b"conten")
    with pytest.raises(InputError, match=r"a\.beton: has 6 bytes, its manifest says 7: the file was cut"):
        read_manifest(data)


def test_a_folder_stands_for_the_one_data_set_in_it(tmp_path):
    data = tmp_path / "data.tar"
    for name in ("data.tar", "data-00000-of-00002.tar", "data-00001-of-00002.tar"):
        manifest_path(tmp_path / name).write_text("{}")
    assert dataset_path(tmp_path) == data
    assert dataset_path(data) == data
    assert dataset_path(tmp_path / "nowhere.tar") == tmp_path / "nowhere.tar"


def test_a_folder_of_no_data_set_or_of_several_is_an_error_that_names_them(tmp_path):
    manifest_path(tmp_path / "data-00000-of-00002.tar").write_text("{}")
    with pytest.raises(InputError, match=r"holds no finished data set; give the path of one"):
        dataset_path(tmp_path)
    for name in ("val.tar", "train.tar"):
        manifest_path(tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match=r"holds train\.tar, val\.tar; give the path of one"):
        dataset_path(tmp_path)
