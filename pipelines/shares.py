"""Which samples of an epoch one rank takes, in which order."""

from collections.abc import Sequence

import numpy as np
import torch.distributed

from layermix import InputError
from layermix.order import epoch_order, quasi_random_order, shard_order, through_buffer
from pipelines.config import LoaderConfig


def rank_and_world_size(config: LoaderConfig) -> tuple[int, int]:
    """As the configuration says, else as torch.distributed says where it is initialised, else (0, 1)."""
    if config.rank is not None and config.world_size is not None:
        return config.rank, config.world_size
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def rank_share(
    config: LoaderConfig, count: int, epoch: int, shards: Sequence[int] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """The samples of one rank.

    Sample n of the epoch's order goes to rank n modulo world size, so the ranks' k-th batches together are the same
    samples at every world size that has the same global batch. In the order "shards" a rank reads a stretch of its own
    instead, see `rank_reads`, and shuffles that.

    Args:
        count: samples of the dataset.
        shards: samples of each of its files, for the order "shards".

    Returns:
        Sample ids, int64 (n,), and bool (n,), False for the repeats that `pad` adds at the end.

    Raises:
        InputError: `drop_last` would leave nothing, or the dataset is not read shard by shard.
    """
    if config.order == "shards":
        return _shard_share(config, shards, epoch)
    rank, world_size = rank_and_world_size(config)
    order = _order(config, count, epoch)
    valid = np.ones(count, bool)
    if config.drop_last:
        order = order[: _whole(config, count, world_size)]
    elif config.pad:
        missing = -count % world_size
        order, valid = np.append(order, np.resize(order, missing)), np.append(valid, np.zeros(missing, bool))
    mine = slice(rank, len(order), world_size)
    return np.ascontiguousarray(order[mine]), valid[mine].copy()


def rank_reads(config: LoaderConfig, shards: Sequence[int], epoch: int) -> np.ndarray:
    """The samples that one rank reads in the order "shards", as they come from the files: int64 (n,).

    All shards, in their random order, are one row of samples, cut into a stretch a rank; stretches differ by one sample
    at most.
    """
    order = shard_order(shards, seed=config.seed, epoch=epoch)
    return order[slice(*_stretch(config, len(order)))]


def _shard_share(config: LoaderConfig, shards: Sequence[int], epoch: int) -> tuple[np.ndarray, np.ndarray]:
    if not shards:
        raise InputError(
            f"`order` 'shards' needs `data` in one of DALI's formats, got {config.data}; take order 'quasi_random', or "
            "write it with writers.write_dataset --format webdataset --shards N"
        )
    order = shard_order(shards, seed=config.seed, epoch=epoch)
    start, stop = _stretch(config, len(order))
    ids = through_buffer(order[start:stop], buffer=config.window, seed=config.seed, epoch=epoch, first=start)
    _, world_size = rank_and_world_size(config)
    repeats = order[: -(-len(order) // world_size) - len(ids)] if config.pad else order[:0]
    return np.append(ids, repeats), np.arange(len(ids) + len(repeats)) < len(ids)


def _stretch(config: LoaderConfig, count: int) -> tuple[int, int]:
    """Where a rank's stretch of `count` samples starts and stops."""
    rank, world_size = rank_and_world_size(config)
    if config.drop_last:
        count = _whole(config, count, world_size)
    return count * rank // world_size, count * (rank + 1) // world_size


def _whole(config: LoaderConfig, count: int, world_size: int) -> int:
    """How many samples whole global batches hold."""
    whole = config.batch_size * world_size
    if count < whole:
        raise InputError(
            f"`batch_size` x `world_size` = {whole} must be at most the {count} samples of {config.data}; take a "
            "smaller batch or set drop_last=False"
        )
    return count // whole * whole


def _order(config: LoaderConfig, count: int, epoch: int) -> np.ndarray:
    if config.order == "random":
        return epoch_order(count, seed=config.seed, epoch=epoch)
    if config.order == "quasi_random":
        return quasi_random_order(count, window=config.window, seed=config.seed, epoch=epoch)
    return np.arange(count)
