"""Loaders under torch.distributed itself: processes with a gloo group, each taking its share of the samples."""

import os

import forked
import numpy as np
import pytest
import torch
import torch.distributed as dist

from layermix import LayerMix
from pipelines import LoaderConfig, build_loader

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


def on_ranks(world_size, folder, function):
    """Run `function(rank)` in a process a rank, in one gloo group; fails if one of them does."""

    def run(rank):
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
        store = dist.FileStore(str(folder / f"store_{world_size}"), world_size)
        dist.init_process_group("gloo", store=store, rank=rank, world_size=world_size)
        function(rank)
        dist.barrier()
        dist.destroy_process_group()

    children = [forked.start(lambda rank=rank: run(rank)) for rank in range(world_size)]
    assert [forked.wait(child) for child in children] == [0] * world_size


def epoch(settings, number):
    """(steps, ids, valid, pixels) of an epoch of this process's share."""
    with build_loader(LoaderConfig(**settings)) as loader:
        loader.set_epoch(number)
        parts = [tuple(part.clone() for part in batch) for batch in loader]
    images, _, ids, valid = (torch.cat(part).numpy() for part in zip(*parts))
    return {"steps": len(parts), "ids": ids, "valid": valid, "images": images}


@pytest.fixture(params=["file", "folder"])
def settings(request, photos, photo_folder, fractal_bank):
    """Both backends: FFCV's graph over a file, and PyTorch's loader over the folder."""
    data = {"file": photos, "folder": photo_folder}[request.param]
    return {
        "data": data, "size": 32, "crop": "random_resized", "flip": True, "order": "random", "policy": LayerMix(),
        "fractals": fractal_bank, "seed": 1,
    }  # fmt: skip


@pytest.mark.parametrize("world_size", [2, 3])
def test_ranks_take_equal_steps_and_count_every_sample_once(world_size, settings, tmp_path):
    """In evaluation: repeats fill the last batch up, and the sums over valid samples are those of one process."""
    settings |= {"batch_size": 7, "pad": True}
    whole = epoch(settings, 2)

    def take_share(rank):
        share = epoch(settings, 2)
        counted = torch.from_numpy(np.bincount(share["ids"][share["valid"]], minlength=40))
        dist.all_reduce(counted)
        steps = [torch.zeros(1, dtype=torch.int64) for _ in range(world_size)]
        dist.all_gather(steps, torch.tensor([share["steps"]]))
        assert counted.tolist() == [1] * 40
        assert len(set(map(int, steps))) == 1
        np.savez(tmp_path / f"{rank}.npz", **share)

    on_ranks(world_size, tmp_path, take_share)
    shares = [np.load(tmp_path / f"{rank}.npz") for rank in range(world_size)]
    for rank, share in enumerate(shares):
        kept = share["valid"]
        assert np.array_equal(share["ids"][kept], whole["ids"][rank::world_size])
        assert np.array_equal(share["images"][kept], whole["images"][rank::world_size])
    assert sum((~share["valid"]).sum() for share in shares) == -40 % world_size


def test_ranks_drop_the_same_rest_of_an_epoch_of_training(settings, tmp_path):
    """Three ranks of batches of 6: two steps of 18 samples each, those of one process with batches of 18."""
    settings |= {"batch_size": 6, "drop_last": True}
    whole = epoch(settings | {"batch_size": 18}, 1)["ids"].reshape(2, 18)

    def take_share(rank):
        ids = torch.from_numpy(epoch(settings, 1)["ids"].reshape(2, 6))
        gathered = [torch.zeros_like(ids) for _ in range(3)]
        dist.all_gather(gathered, ids)
        together = torch.stack(gathered, dim=2).reshape(2, 18)
        assert np.array_equal(together, whole)

    on_ranks(3, tmp_path, take_share)
