"""The processes of one evaluation: one alone, or those that torchrun started, on one machine or several.

Each takes its part of every cell and writes it to the store, a folder that all of them see. Only plain values
travel between them, over gloo.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch.distributed as dist

from layermix.errors import InputError

MINUTES_TO_WAIT = 30
"""How long the others wait for a rank at the end of a cell."""


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """This process among `size`; `local` of `local_size` on its own machine."""

    number: int = 0
    size: int = 1
    local: int = 0
    local_size: int = 1

    def share(self, numbers: Sequence[int]) -> Sequence[int]:
        """This rank's part of `numbers`: neighbours, as many for each rank to within one."""
        start, stop = (place * len(numbers) // self.size for place in (self.number, self.number + 1))
        return numbers[start:stop]

    def broadcast(self, value: Any) -> Any:
        """The value that rank 0 has, on every rank."""
        if self.size == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def gather(self, value: Any) -> list[Any]:
        """The values of all ranks, in their order, on every rank."""
        if self.size == 1:
            return [value]
        values = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def wait(self, where: str) -> None:
        """Return when every rank is here; InputError naming `where` for one that is not within MINUTES_TO_WAIT."""
        if self.size == 1:
            return
        try:
            dist.monitored_barrier(timeout=timedelta(minutes=MINUTES_TO_WAIT))
        except RuntimeError as error:
            raise InputError(
                f"{where}: a rank did not come within {MINUTES_TO_WAIT} minutes ({str(error).splitlines()[0]}); see "
                "its output and run the same command again: what is in the store is kept"
            ) from error


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """The ranks of torchrun while the block runs; one process where WORLD_SIZE is not set."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Ranks()
        return
    dist.init_process_group("gloo", timeout=timedelta(minutes=MINUTES_TO_WAIT))
    try:
        local, local_size = (int(os.environ.get(name, default)) for name, default in _LOCAL.items())
        yield Ranks(number=dist.get_rank(), size=size, local=local, local_size=local_size)
    finally:
        dist.destroy_process_group()


_LOCAL = {"LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
"""What torchrun tells of this machine, and what it is where another launcher does not."""
