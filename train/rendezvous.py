"""Where the ranks of a run meet before they can talk, and who does not come.

In torch's own meeting rank 0 waits in silence and only counts who came; the others then wait for the connections
between them, for as long as any operation may take.
"""

import os
import sys
import time
from collections.abc import Sequence
from datetime import timedelta

import torch.distributed as dist
from torch.distributed import Store, rendezvous  # pyright: ignore[reportPrivateImportUsage]

from layermix.errors import InputError

LIMIT = timedelta(minutes=10)
"""From the start of a rank until all are there; torchrun gives machines as long to find one another."""

_SILENCE = timedelta(seconds=20)
"""So long a start may differ between ranks without a word."""

_INTERVAL = 0.2


def meet(rank: int, world_size: int, limit: timedelta = LIMIT) -> Store:
    """The store through which the ranks connect to one another, once each of them has come to it.

    Rank 0, or torchrun for it, keeps the store at MASTER_ADDR and MASTER_PORT. Rank 0 tells on stderr for whom it waits
    long. Raises `InputError` naming the ranks that did not come within `limit`.
    """
    try:
        store, _, _ = next(rendezvous("env://", rank, 1, timeout=limit))  # of one rank: torch then waits for none
    except (dist.DistError, ValueError) as error:
        raise _failure(f"rank {rank} does not reach the place", limit, error) from error
    try:
        store.set(_key(rank), "present")
        missing = _call_roll(store, rank, world_size, limit)
    except dist.DistError as error:
        raise _failure("rank 0 left, and its own output may say why", limit, error) from error
    if missing:
        raise _failure(f"rank {_listed(missing)} of {world_size} did not come", limit)
    return store


def _call_roll(store: Store, rank: int, world_size: int, limit: timedelta) -> list[int]:
    """The ranks that have not come when `limit` is over; none as soon as all have."""
    started, missing, told = time.monotonic(), list(range(world_size)), rank != 0
    while missing := [other for other in missing if not store.check([_key(other)])]:
        waited = timedelta(seconds=time.monotonic() - started)
        if waited > limit:
            break
        if waited > _SILENCE and not told:
            told = True
            print(f"waiting for rank {_listed(missing)} of {world_size} to start", file=sys.stderr, flush=True)
        time.sleep(_INTERVAL)
    return missing


def _failure(what: str, limit: timedelta, cause: Exception | None = None) -> InputError:
    where = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
    reason = f" ({str(cause).splitlines()[0]})" if cause else ""
    return InputError(
        f"the ranks must find one another at {where} within {limit.total_seconds():.0f} s: {what}{reason}; "
        "start all of them with torchrun, and see that this address can be reached from every machine"
    )


def _key(rank: int) -> str:
    return f"layermix/{rank}"


def _listed(ranks: Sequence[int]) -> str:
    return ", ".join(map(str, ranks))
