"""What people can rely on: memory, threads, ranks, damage, and where the bytes come from."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from layermix import InputError
from layermix.order import BLOCK, quasi_random_order
from pipelines import LoaderConfig, build_loader
from pipelines.beton import open_beton
from pipelines.shares import rank_share


@pytest.fixture
def settings(photos):
    return {"data": photos, "batch_size": 8, "size": 32, "crop": "random_resized", "flip": True, "order": "random"}


def epoch(settings):
    with build_loader(LoaderConfig(**settings)) as loader:
        return [tuple(part.clone() for part in batch) for batch in loader]


def equal(first, second):
    return len(first) == len(second) and all(torch.equal(a, b) for x, y in zip(first, second) for a, b in zip(x, y))


def damage(photos, folder, ids):
    """A copy of the file in which the pictures `ids` are overwritten, with the manifest beside it."""
    beton, damaged = open_beton(photos), folder / "damaged.beton"
    contents = bytearray(photos.read_bytes())
    for address in beton.column("image")["data_ptr"][ids].tolist():
        contents[address : address + 200] = bytes(200)
    damaged.write_bytes(contents)
    name = photos.name + ".manifest.json"
    damaged.with_name("damaged.beton.manifest.json").write_bytes(photos.with_name(name).read_bytes())
    return damaged


def test_batches_with_memory_of_their_own_stay_valid_for_ever(settings):
    with build_loader(LoaderConfig(**settings, copy=True, batches_ahead=1)) as loader:
        batches = list(loader)
        assert equal(batches, epoch(settings))
        assert batches[0].images.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("threads", [1, 2])
def test_reading_gives_the_bytes_of_mapping(threads, settings, small):
    assert equal(epoch(settings), epoch(settings | {"os_cache": False, "threads": threads}))
    raw = {"data": small, "batch_size": 7, "size": 32, "order": "quasi_random"}
    assert equal(epoch(raw), epoch(raw | {"os_cache": False, "threads": threads}))


@pytest.mark.parametrize("os_cache", [True, False])
def test_a_set_of_shards_is_read_as_the_one_file(os_cache, settings, shards):
    assert not shards.exists()
    assert equal(epoch(settings), epoch(settings | {"data": shards, "os_cache": os_cache}))


def test_a_set_with_a_missing_or_cut_shard_is_refused(settings, shards, tmp_path):
    for change in (lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-24])):
        copies = [tmp_path / path.name for path in shards.parent.iterdir()]
        for copy in copies:
            copy.write_bytes((shards.parent / copy.name).read_bytes())
        change(min(copy for copy in copies if copy.suffix == ".beton"))
        with pytest.raises(InputError, match=r"\.beton: "):
            build_loader(LoaderConfig(**settings | {"data": tmp_path / shards.name}))


def test_damaged_samples_are_left_out_and_listed(settings, photos, tmp_path):
    damaged = damage(photos, tmp_path, [7, 30])
    with build_loader(LoaderConfig(**settings | {"data": damaged, "on_damage": "skip"})) as loader:
        assert loader.damaged == ()
        found = [tuple(part.clone() for part in batch) for batch in loader]
        assert loader.damaged == (7, 30)
        assert len(found) == len(loader)
    for whole, rest in zip(epoch(settings), found):
        kept = ~torch.isin(whole[2], torch.tensor([7, 30]))
        assert all(torch.equal(a[kept], b) for a, b in zip(whole, rest))


def test_a_batch_with_nothing_left_raises(settings, photos, tmp_path):
    damaged = damage(photos, tmp_path, list(range(8)))
    changes = {"data": damaged, "on_damage": "skip", "order": "sequential"}
    with (
        build_loader(LoaderConfig(**settings | changes)) as loader,
        pytest.raises(InputError, match="all 8 samples of a batch, 0 among them"),
    ):
        next(iter(loader))


def test_a_damaged_sample_raises_at_its_own_batch(settings, photos, tmp_path):
    damaged = damage(photos, tmp_path, [39])
    taken = []
    with (
        build_loader(LoaderConfig(**settings | {"data": damaged, "order": "sequential"})) as loader,
        pytest.raises(InputError, match=r"damaged.beton: sample 39 does not decode"),
    ):
        taken.extend(batch.sample_ids for batch in loader)
    assert torch.equal(torch.cat(taken), torch.arange(32))


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_a_hundred_early_exits_leak_no_thread_and_no_memory(settings):
    with build_loader(LoaderConfig(**settings | {"batch_size": 4, "size": 96, "threads": 2})) as loader:
        for _ in range(20):
            loader.set_epoch(0)
            next(iter(loader))
        threads, memory = threading.active_count(), resident_bytes()
        for number in range(100):
            loader.set_epoch(number)
            for _batch in loader:
                break
        loader.close()
        assert threading.active_count() <= threads
        assert resident_bytes() - memory < 20e6


@pytest.mark.parametrize("world_size", range(1, 9))
def test_padding_gives_ranks_equal_steps_and_counts_every_sample_once(world_size, photos):
    shares = [
        rank_share(LoaderConfig(data=photos, batch_size=3, size=32, pad=True, rank=r, world_size=world_size), 41, 0)
        for r in range(world_size)
    ]
    assert len({len(ids) for ids, _ in shares}) == 1
    counted = np.concatenate([ids[valid] for ids, valid in shares])
    assert np.array_equal(np.sort(counted), np.arange(41))


def test_padded_samples_are_marked_in_their_batch(settings):
    changes = {"pad": True, "world_size": 3, "order": "sequential"}
    ranks = [epoch(settings | changes | {"rank": rank}) for rank in range(3)]
    assert [len(batches) for batches in ranks] == [2, 2, 2]
    assert [batches[-1][3].tolist() for batches in ranks] == [[True] * 6, [True] * 5 + [False], [True] * 5 + [False]]
    assert all(valid.all() for *_, valid in ranks[0])


def test_the_ranks_batches_together_are_the_same_samples_at_every_world_size(photos):
    def global_batches(world_size):
        common = {"data": photos, "size": 32, "order": "random", "batch_size": 12 // world_size, "drop_last": True}
        shares = [
            rank_share(LoaderConfig(**common, rank=r, world_size=world_size), 100, 3)[0] for r in range(world_size)
        ]
        size = 12 // world_size
        return [set(np.concatenate([s[k : k + size] for s in shares])) for k in range(0, len(shares[0]), size)]

    assert global_batches(1) == global_batches(2) == global_batches(3) == global_batches(4)


def test_ranks_come_from_torch_distributed_where_it_is_initialised(settings, monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    given = epoch(settings | {"rank": 1, "world_size": 2})
    assert equal(epoch(settings), given)
    assert sum(len(ids) for _, _, ids, _ in given) == 20


@pytest.mark.parametrize("count", [1, 63, 64, 1000, 5000])
def test_a_quasi_random_order_is_a_permutation_of_seed_and_epoch(count):
    def order(**key):
        return quasi_random_order(count, window=256, **({"seed": 0, "epoch": 0} | key))

    assert np.array_equal(np.sort(order()), np.arange(count))
    assert np.array_equal(order(), order())
    if count > 1:
        assert not np.array_equal(order(), order(epoch=1))
        assert not np.array_equal(order(), order(seed=1))


def test_a_quasi_random_order_needs_a_block_within_one_window_only():
    order = quasi_random_order(64 * BLOCK, window=4 * BLOCK, seed=0, epoch=0)
    windows = (order // BLOCK).reshape(16, 4 * BLOCK)
    assert all(len(set(window)) == 4 for window in windows)
    places = np.argsort(order)
    assert np.abs(np.diff(places[: 4 * BLOCK])).max() > BLOCK


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"order": "shuffled"}, r"`order` must be one of sequential, random, quasi_random, shards; got 'shuffled'"),
        ({"on_damage": "ignore"}, r"`on_damage` must be one of raise, skip"),
        ({"window": 0}, r"`window` must be a whole number in 1..281474976710656, got 0"),
        ({"rank": 1}, r"`rank` and `world_size` go together, got 1 and None"),
        ({"rank": 0, "world_size": 0}, r"`world_size` must be at least 1"),
        ({"pad": True, "drop_last": True}, r"`pad` adds samples and `drop_last` leaves some out"),
    ],
)
def test_settings_outside_their_range_are_named(change, message, settings):
    with pytest.raises(InputError, match=message):
        LoaderConfig(**settings | change)
