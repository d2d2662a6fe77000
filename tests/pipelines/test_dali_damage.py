"""Damage after writing: found where it decodes to an error, and named with shard and sample."""

import shutil

import numpy as np
import pytest
import torch
from format_readers import by_dali

pytest.importorskip("nvidia.dali")

from picture_files import jpeg, smooth_picture

from layermix import InputError
from layermix.manifest import data_files, read_manifest
from layermix.recordio import MARK
from layermix.samples import read_samples
from pipelines import LoaderConfig, build_loader
from pipelines.records import Records


@pytest.fixture
def damaged(dali_small, tmp_path):
    """Give ids and what stands in their place; gives the settings of a loader over such a copy."""

    def damage(ids, content=bytes(60), **settings):
        folder = tmp_path / "damaged"
        shutil.copytree(dali_small.parent, folder)
        with Records.open(folder / dali_small.name, os_cache=True) as records:
            places = {i: (records.files[records.file_of(i)], int(records.samples["start"][i])) for i in ids}
        for path, start in places.values():
            with path.open("r+b") as file:
                file.seek(start)
                file.write(content)
        return LoaderConfig(**{"data": folder, "batch_size": 8, "size": 32, "crop": "none", **settings})

    return damage


def ids_of(loader):
    return [batch.sample_ids.tolist() for batch in loader]


def test_a_damaged_picture_raises_at_its_own_batch_with_file_and_id(damaged):
    taken = []
    with (
        build_loader(damaged([27])) as loader,
        pytest.raises(InputError, match=r"data\.tar: sample 27 does not decode"),
    ):
        taken.extend(batch.sample_ids for batch in loader)
    assert torch.equal(torch.cat(taken), torch.arange(24))


def test_damaged_samples_are_left_out_and_listed_in_every_epoch(damaged, dali_small):
    with build_loader(damaged([3, 4, 30], on_damage="skip")) as loader:
        for _ in range(2):
            found = ids_of(loader)
            assert [i for batch in found for i in batch] == [i for i in range(50) if i not in (3, 4, 30)]
            assert [len(batch) for batch in found] == [6, 8, 8, 7, 8, 8, 2]
        assert loader.damaged == (3, 4, 30)


def test_a_batch_with_nothing_left_raises(damaged):
    with (
        build_loader(damaged(range(8), on_damage="skip")) as loader,
        pytest.raises(InputError, match=r"data\.tar: all 8 samples of a batch, 0 among them"),
    ):
        next(iter(loader))


def test_a_picture_of_another_size_than_was_written_is_damage(damaged):
    import cv2

    picture = cv2.imencode(".png", np.zeros((16, 16, 3), np.uint8))[1].tobytes()
    with build_loader(damaged([5], picture)) as loader, pytest.raises(InputError, match="sample 5 does not decode"):
        next(iter(loader))


@pytest.fixture
def marked_folder(tmp_path):
    """JPEGs whose comments hold recordio's mark at each alignment, so that their records are split."""
    for n in range(4):
        comment = bytes(n) + 3 * MARK + bytes(5)
        content = jpeg(smooth_picture(80, 90, n))
        path = tmp_path / "marked" / "class" / f"{n}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + content[2:])
    return tmp_path / "marked"


@pytest.mark.parametrize("os_cache", [True, False])
@pytest.mark.parametrize("container", ["webdataset", "tfrecord", "recordio"])
def test_records_are_those_that_dalis_own_reader_finds(container, os_cache, write_set, marked_folder):
    data = write_set(marked_folder, container, "--shards", 2)
    with Records.open(data, os_cache=os_cache) as records:
        found = [(i, int(records.samples["label"][i]), records.stored(i).tobytes()) for i in range(len(records))]
    assert found == by_dali(data)
    assert len(found) == 4


def test_a_record_damaged_between_its_parts_is_found(write_set, marked_folder):
    data = write_set(marked_folder, "recordio")
    content = bytearray(data.read_bytes())
    start = int(read_samples(data, read_manifest(data))["start"][2])  # the mark in its comment is aligned
    length = content.index(MARK, start) + len(MARK)
    content[length : length + 4] = b"\xff\xff\xff\xff"
    data.write_bytes(content)
    with (
        build_loader(LoaderConfig(data=data, batch_size=4, size=32, crop="center")) as loader,
        pytest.raises(InputError, match=r"data\.rec: sample 2 does not decode"),
    ):
        next(iter(loader))


def test_records_know_the_file_of_a_sample(dali_photos):
    with Records.open(dali_photos, os_cache=True) as records:
        sizes = np.bincount([records.file_of(i) for i in range(40)])
        assert [len(read_samples(path, m)) for path, m in shards_of(dali_photos)] == sizes.tolist()


def shards_of(data):
    return [(path, read_manifest(path)) for path in data_files(data, read_manifest(data))]


def test_a_file_that_became_shorter_is_named(damaged, dali_small, tmp_path):
    config = damaged([])
    with Records.open(config.data / dali_small.name, os_cache=False) as records:
        with records.files[0].open("r+b") as file:
            file.truncate(2000)
        with pytest.raises(InputError, match=r"data\.tar: became shorter while it was read"):
            records.stored(40)
