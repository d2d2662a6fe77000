"""The order "shards": DALI's own readers, shard after shard through a buffer, with the guarantees of every order."""

import re
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("nvidia.dali")

from format_readers import by_dali
from nvidia.dali import fn
from nvidia.dali.pipeline import Pipeline

from layermix import InputError, LayerMix
from layermix.manifest import data_files, read_manifest
from layermix.policies import POLICIES
from pipelines import LoaderConfig, build_loader, dali_shards
from pipelines.dali_shards import ShardStream
from pipelines.records import Records
from pipelines.shares import rank_reads, rank_share

FORMATS = ("webdataset", "tfrecord", "recordio")


@pytest.fixture
def training(dali_photos, fractal_bank) -> LoaderConfig:
    """40 photographs in three shards through a buffer of 9."""
    return LoaderConfig(
        data=dali_photos, fractals=fractal_bank, batch_size=8, size=48, crop="random_resized", flip=True,
        policy=LayerMix(), order="shards", window=9, seed=5,
    )  # fmt: skip


def batches(config: LoaderConfig, epoch: int = 2) -> list[tuple[torch.Tensor, ...]]:
    with build_loader(config) as loader:
        loader.set_epoch(epoch)
        return [tuple(part.clone() for part in batch) for batch in loader]


def equal(first, second) -> bool:
    return len(first) == len(second) and all(torch.equal(a, b) for x, y in zip(first, second) for a, b in zip(x, y))


def by_id(parts) -> list[tuple[torch.Tensor, ...]]:
    columns = [torch.cat(column) for column in zip(*parts)]
    return [tuple(column[columns[2].argsort()] for column in columns)]


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_gives_each_sample_the_bytes_of_the_random_order(policy, training):
    config = replace(training, policy=POLICIES[policy]())
    assert equal(by_id(batches(config)), by_id(batches(replace(config, order="random"))))


@pytest.mark.parametrize("container", FORMATS[1:])
def test_every_format_gives_the_batches_of_webdataset(container, training, dali_sets):
    assert equal(batches(replace(training, data=dali_sets[container])), batches(training))


@pytest.mark.parametrize(
    "change", [{"views": 3}, {"crop": "pad"}, {"threads": 3}, {"os_cache": False}, {"window": 1000}]
)
def test_every_setting_gives_each_sample_the_bytes_of_the_random_order(change, training):
    config = replace(training, **change)
    assert equal(by_id(batches(config)), by_id(batches(replace(config, order="random"))))


def test_an_epoch_is_read_by_dali_alone(training, monkeypatch):
    """Nothing is fetched by its address where an epoch runs from its start."""
    monkeypatch.setattr(Records, "stored", None)
    ids = torch.cat([batch[2] for batch in batches(training)])
    assert sorted(ids.tolist()) == list(range(40))


@pytest.mark.parametrize("container", FORMATS)
@pytest.mark.parametrize("stop", range(6))
def test_a_loader_restored_at_any_batch_yields_the_exact_rest(stop, container, training, dali_sets, monkeypatch):
    config, fetched = replace(training, data=dali_sets[container]), []
    with build_loader(config) as loader:
        loader.set_epoch(2)
        whole = list(loader)
        iterator = iter(loader)
        for _ in range(stop):
            next(iterator)
        state = loader.state_dict()
    assert state == {"epoch": 2, "batch": stop, "world_size": 1}
    stored = Records.stored
    monkeypatch.setattr(Records, "stored", lambda self, n: fetched.append(n) or stored(self, n))
    with build_loader(config) as loader:
        loader.load_state_dict(state)
        assert equal(list(loader), whole[stop:])
        assert loader.state_dict()["batch"] == 0
    assert len(fetched) == (min(config.window, 40 - 8 * stop) if stop else 0), "more than the buffer held"


def test_the_order_is_a_function_of_seed_and_epoch(training):
    def order(**change):
        with build_loader(replace(training, policy=None, **change.pop("settings", {}))) as loader:
            loader.set_epoch(change["epoch"])
            return loader.ids.tolist()

    first = order(epoch=0)
    assert first == order(epoch=0, settings={"threads": 2, "batch_size": 5})
    assert first != order(epoch=1) != order(epoch=0, settings={"seed": 6}) != first


def test_shards_are_read_one_after_the_other_from_start_to_end(training):
    read = rank_reads(training, [13, 13, 14], epoch=0)
    shards = np.split(read, np.flatnonzero(np.diff(read) != 1) + 1)
    assert sorted(map(tuple, shards)) == [tuple(range(13)), tuple(range(13, 26)), tuple(range(26, 40))]


@pytest.mark.parametrize(
    ("world_size", "rest"),
    [(size, rest) for size in (1, 2, 3, 7) for rest in ({"pad": True}, {"drop_last": True}, {})]
    + [(60, {"pad": True})],
)
def test_ranks_together_take_every_sample_once(world_size, rest, training):
    """In equal shares where `pad` or `drop_last` asks for it, of shards of any sizes."""
    config = replace(training, batch_size=3, world_size=world_size, **rest, rank=0)
    shards = [1, 20, 7, 11, 3]
    shares = [rank_share(replace(config, rank=rank), 42, 4, shards) for rank in range(world_size)]
    counts = [len(ids) for ids, _ in shares]
    taken = np.concatenate([ids[valid] for ids, valid in shares])
    whole = 42 // (3 * world_size) * 3 * world_size if "drop_last" in rest else 42
    assert (len(taken), len(set(taken.tolist()))) == (whole, whole)
    assert max(counts) - min(counts) <= (0 if rest else 1)
    for rank, (ids, valid) in enumerate(shares):
        assert sorted(ids[valid]) == sorted(rank_reads(replace(config, rank=rank), shards, 4))


@pytest.mark.parametrize("container", FORMATS)
def test_ranks_read_the_samples_and_pixels_of_one_process(container, training, dali_sets):
    config = replace(training, data=dali_sets[container], pad=True)
    ranks = [batches(replace(config, rank=rank, world_size=3)) for rank in range(3)]
    assert [len(rank) for rank in ranks] == [2, 2, 2]
    assert [int((~batch[3]).sum()) for rank in ranks for batch in rank] == [0, 1, 0, 1, 0, 0]
    taken = [tuple(part[batch[3]] for part in batch) for rank in ranks for batch in rank]
    assert equal(by_id(taken), by_id(batches(config)))


@pytest.mark.parametrize("files", [1, 2, 32])
@pytest.mark.parametrize("container", FORMATS)
@pytest.mark.parametrize("first", [0, 1, 12])
def test_a_sweep_that_begins_at_any_record_gives_what_dalis_readers_give(
    first, container, files, dali_sets, monkeypatch
):
    """However many files one reader reads, in any order of the files."""
    monkeypatch.setattr(dali_shards, "_FILES", files)
    data, found = dali_sets[container], {}
    with Records.open(data, os_cache=True) as records:
        ids = np.array([*range(26, 40), *range(13), *range(13, 20)])[first:]
        for part in dali_shards._read_parts(records, ids):
            found |= part
    assert list(found) == ids.tolist()
    expected = {sample_id: picture for sample_id, _, picture in by_dali(data)}
    assert {sample_id: picture.tobytes() for sample_id, picture in found.items()} == {i: expected[i] for i in ids}


def test_dalis_checkpoint_holds_no_more_than_the_number_of_records_read(dali_photos):
    """So the number of the batch, which is in the loader's state, replaces it."""

    def reader(**checkpoint):
        pipeline = Pipeline(batch_size=3, num_threads=1, device_id=None, enable_checkpointing=True, **checkpoint)
        with pipeline:
            paths, settings = [str(path) for path in sorted(dali_photos.parent.glob("*.tar"))], {"ext": ["jpg", "id"]}
            indices = [f"{path}.idx" for path in paths]
            pipeline.set_outputs(*fn.readers.webdataset(paths=paths, index_paths=indices, **settings))
        pipeline.build()
        return pipeline

    def ids(pipeline, steps):
        return [int(np.array(text).tobytes()) for _ in range(steps) for text in pipeline.run()[1]]

    whole = reader()
    assert ids(whole, 4) == list(range(12))
    assert ids(reader(checkpoint=whole.checkpoint()), 5) == ids(whole, 5) == list(range(12, 27))


def test_the_stream_holds_no_more_than_the_buffer_and_one_reading(training):
    with Records.open(training.data, os_cache=True) as records:
        ids, _ = rank_share(training, 40, 3, records.counts)
        stream, most = ShardStream(records, rank_reads(training, records.counts, 3)), 0
        for sample_id in ids.tolist():
            stream.stored(sample_id)
            most = max(most, len(stream))
        stream.close()
    assert 9 <= most < 9 + 32
    assert len(stream) == 0


def test_a_stream_that_was_closed_says_so(training):
    with Records.open(training.data, os_cache=True) as records:
        stream = ShardStream(records, np.arange(40))
        stream.close()
        with pytest.raises(RuntimeError, match="sample 3 is asked of a stream that was closed"):
            stream.stored(3)


def test_an_epoch_goes_on_with_its_number_of_ranks_only(training):
    with build_loader(training) as loader, build_loader(replace(training, rank=1, world_size=2)) as other:
        state = loader.state_dict()
        other.load_state_dict(state)
        with pytest.raises(InputError, match=r"`world_size` must stay 1 within an epoch of order 'shards', .* got 2"):
            other.load_state_dict({**state, "batch": 1})


def test_a_file_of_a_set_may_be_opened_by_itself(training, dali_sets):
    for container in FORMATS:
        data = data_files(dali_sets[container], read_manifest(dali_sets[container]))[1]
        config = replace(training, data=data)
        assert equal(by_id(batches(config)), by_id(batches(replace(config, order="random"))))


@pytest.fixture
def change_record(dali_sets, tmp_path):
    """Gives a copy of a set of which some bytes of the record of sample 20 were changed."""

    def change(container, old, new):
        folder = shutil.copytree(dali_sets[container].parent, tmp_path / "changed")
        with Records.open(folder / dali_sets[container].name, os_cache=False) as records:
            path, row = records.files[records.file_of(20)], records.samples[20]
        content = bytearray(path.read_bytes())
        place = content.index(old, row["record"], row["record"] + row["length"])
        content[place : place + len(old)] = new
        path.write_bytes(content)
        return folder

    return change


def test_a_damaged_picture_raises_at_its_own_batch_with_file_and_id(training, change_record):
    config = replace(training, data=change_record("webdataset", b"\xff\xd8\xff", bytes(3)))
    taken = []
    with build_loader(config) as loader:
        place = late_epoch(loader)
        with pytest.raises(InputError, match=r"data-00001-of-00003\.tar: sample 20 does not decode"):
            taken.extend(batch.sample_ids for batch in loader)
        assert torch.cat(taken).tolist() == loader.ids[: place // 8 * 8].tolist()


def late_epoch(loader) -> int:
    """Choose the first epoch in which sample 20 does not come early; gives its place."""
    for epoch in range(100):
        loader.set_epoch(epoch)
        place = loader.ids.tolist().index(20)
        if place >= 24:
            return place
    raise AssertionError("sample 20 comes early in every epoch")


def test_damaged_samples_are_left_out_and_reading_goes_on_where_it_was(training, change_record, monkeypatch):
    data = change_record("recordio", b"\xff\xd8\xff", bytes(3))
    fetched, stored = [], Records.stored
    monkeypatch.setattr(Records, "stored", lambda self, n: fetched.append(n) or stored(self, n))
    with build_loader(replace(training, data=data, on_damage="skip", batches_ahead=1)) as loader:
        late_epoch(loader)
        for _ in range(2):
            ids = torch.cat([batch.sample_ids for batch in loader])
            assert ids.tolist() == [sample_id for sample_id in loader.ids if sample_id != 20]
        assert loader.damaged == (20,)
    assert len(fetched) <= 8 + 8 * 2, "more than the looking for the damaged one and the batches under way"


@pytest.mark.parametrize(
    ("container", "old", "new", "message"),
    [
        ("webdataset", b"\x00000000020\x00", b"\x00000000021\x00", "id 20, stands one of id 21"),
        ("webdataset", b"\x00000000020\x00", b"\x00000000x20\x00", "id 20, stands one of id b'000000x20'"),
        (
            "tfrecord",
            b"image/id\x12\x05\x1a\x03\x0a\x01\x14",
            b"image/id\x12\x05\x1a\x03\x0a\x01\x15",
            "id 20, stands one of id 21",
        ),
        ("tfrecord", b"image/id", b"image/iq", "DALI's reader fails on sample"),
        ("tfrecord", b"\x0a", b"\xff", "DALI's reader fails on sample"),
        ("recordio", struct.pack("<f", 20), struct.pack("<f", np.nan), "id 20, stands one of id nan"),
        ("recordio", b"\x0a\x23\xd7\xce", b"\x0a\x23\xd7\xcf", "DALI's reader fails on sample"),
    ],
)
def test_a_damaged_record_is_named_with_its_file(container, old, new, message, training, change_record):
    data = change_record(container, old, new)
    with (
        build_loader(replace(training, data=data)) as loader,
        pytest.raises(InputError, match=rf"data-00001-of-00003\.\w+: .*{re.escape(message)}"),
    ):
        list(loader)


def test_early_exits_leak_no_thread(training):
    with build_loader(replace(training, policy=None)) as loader:
        next(iter(loader))
        loader.close()
        before = count_threads()
        for epoch in range(5):
            loader.set_epoch(epoch)
            next(iter(loader))
        loader.close()
        assert count_threads() <= before


def count_threads() -> int:
    """Threads of the process, DALI's among them, that Python does not know of."""
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.mark.parametrize("data", ["photos", "photo_folder", "small"])
def test_what_is_not_read_shard_by_shard_refuses_the_order(data, training, request):
    data = request.getfixturevalue(data)
    config = replace(training, data=data, policy=None, crop="none", size=32, resident="small" in str(data))
    with pytest.raises(InputError, match=r"`order` 'shards' needs `data` in one of DALI's formats, got .*quasi_random"):
        build_loader(config)
