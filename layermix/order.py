"""The order of an epoch: a permutation that is a function of (seed, epoch) alone."""

from collections.abc import Sequence

import numpy as np

from layermix.compilation import jit
from layermix.philox import ORDER, draw_words

BLOCK = 64
"""Neighbouring samples that a quasi-random order keeps near one another."""

_SAMPLES, _BLOCKS, _SHARDS, _PLACES = range(4)  # views of the counter generator


def epoch_order(count: int, *, seed: int, epoch: int) -> np.ndarray:
    """Return the sample ids 0..count - 1 in random order, int64 (count,).

    Ids are sorted by a 64-bit Philox draw each, so the order needs no state and no other library's shuffle.
    """
    return np.argsort(_keys(0, count, np.uint64(seed), epoch, _SAMPLES), kind="stable")


def quasi_random_order(count: int, *, window: int, seed: int, epoch: int) -> np.ndarray:
    """Return the sample ids 0..count - 1 in an order for files larger than memory, int64 (count,).

    Blocks of BLOCK neighbouring samples are put into random order, then the samples of each `window` in a row (rounded
    up to whole blocks) are shuffled. So a reader comes by a block within one window and then not again in the epoch.
    """
    blocks = np.argsort(_keys(0, (count + BLOCK - 1) // BLOCK, np.uint64(seed), epoch, _BLOCKS), kind="stable")
    ids = (blocks[:, None] * BLOCK + np.arange(BLOCK)).reshape(-1)
    ids = ids[ids < count]
    keys = _keys(0, count, np.uint64(seed), epoch, _SAMPLES)[ids]
    step = (window + BLOCK - 1) // BLOCK * BLOCK
    return ids[np.lexsort((keys, np.arange(count) // step))]


def shard_order(counts: Sequence[int], *, seed: int, epoch: int) -> np.ndarray:
    """Return the sample ids as they are read where shards come in random order, each from its start to its end.

    Args:
        counts: samples of each shard; ids go on from shard to shard.

    Returns:
        int64 (sum of `counts`,).
    """
    order = np.argsort(_keys(0, len(counts), np.uint64(seed), epoch, _SHARDS), kind="stable")
    starts = np.cumsum([0, *counts]).tolist()
    return np.concatenate([np.arange(starts[shard], starts[shard + 1]) for shard in order.tolist()])


def through_buffer(read: np.ndarray, *, buffer: int, seed: int, epoch: int, first: int = 0) -> np.ndarray:
    """Return what is read in the order in which it leaves a shuffle buffer: each time a random one of those held.

    The place that becomes free is taken by the next one read, as in DALI's readers. So when n have left, n + `buffer`
    were read.

    Args:
        read: int64 (N,), what is read, in order.
        buffer: how many are held.
        first: where `read` begins in what all ranks read; their draws are different ones.
    """
    return _through_buffer(read, _keys(first, len(read), np.uint64(seed), epoch, _PLACES), min(buffer, len(read)))


@jit
def _through_buffer(read, keys, filled):
    held, out, upcoming = read[:filled].copy(), np.empty_like(read), filled
    for n in range(len(read)):
        place = np.int64(keys[n] % np.uint64(filled))
        out[n] = held[place]
        if upcoming < len(read):
            held[place] = read[upcoming]
            upcoming += 1
        else:
            filled -= 1
            held[place] = held[filled]
    return out


@jit
def _keys(first, count, seed, epoch, view):
    keys = np.empty(count, np.uint64)
    words = np.empty(2, np.uint32)
    for n in range(count):
        draw_words(seed, epoch, first + n, view, ORDER, words)
        keys[n] = (np.uint64(words[0]) << np.uint64(32)) | np.uint64(words[1])
    return keys
