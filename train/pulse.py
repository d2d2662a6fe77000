"""Signs of life between the ranks of a run, so that a rank which stops or dies is named and nobody hangs.

A collective operation waits for all ranks, and cannot say which one it waits for. So each rank has a thread that
exchanges one number a round with every other rank, over connections of its own. A rank that is killed closes them; one
that is stopped, or whose network is gone, leaves them silent.
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

EXIT_CODE = 75
"""Exit code of a rank that lost another: EX_TEMPFAIL of sysexits.h, "try again"."""

_LEAVING, _ALIVE = 0, 1


class RankLostError(RuntimeError):
    """Other ranks died, were stopped or cannot be reached; the message names them."""

    def __init__(self, lost: Sequence[int], world_size: int, patience: float):
        listed = ", ".join(map(str, lost))
        super().__init__(
            f"no sign of life from rank {listed} of {world_size} (ended, or silent for {patience:g} s); its own output "
            "may say why; start the command again on all ranks and it continues from the last checkpoint"
        )


class Pulse:
    """While entered, exchanges signs of life with all other ranks; every rank must enter it.

    The main thread is told of a loss by `lost_ranks` once its own collective operation fails. Where it still hangs in
    one some rounds after the loss, the process is ended, with the error on stderr and `EXIT_CODE`.
    """

    def __init__(self, rank: int, world_size: int, patience: float):
        """`patience`: seconds of silence after which a rank counts as lost."""
        self._rank, self._world_size, self._patience = rank, world_size, patience
        self._interval = min(1.0, patience / 10)
        self._leave, self._main_knows, self._found = threading.Event(), threading.Event(), threading.Event()
        self._lost: list[int] = []
        self._group = dist.new_group(backend="gloo", timeout=timedelta(seconds=patience))
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def __enter__(self) -> "Pulse":
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, *exception: object) -> None:
        """Take leave of the others; without a word where the run failed here, so that they name this rank."""
        self._main_knows.set()
        if kind is None:
            self._leave.set()
            self._thread.join()

    def lost_ranks(self) -> list[int]:
        """The ranks lost by now or within three rounds; to be asked when an operation failed that needs them.

        It takes two rounds more where there are some, so that the others find the same ones, before this process ends
        and looks lost to them too.
        """
        self._main_knows.set()
        if self._found.wait(3 * self._interval):
            time.sleep(2 * self._interval)
        return self._lost

    def _run(self) -> None:
        peers = [rank for rank in range(self._world_size) if rank != self._rank]
        while peers and not self._lost:
            leaving = self._leave.wait(self._interval)
            peers = self._exchange(peers, _LEAVING if leaving else _ALIVE)
            if leaving:
                return
        if self._lost:
            self._found.set()
            self._end_unless_main_does()

    def _exchange(self, peers: Sequence[int], word: int) -> list[int]:
        """Say `word` to all `peers` and hear theirs; the peers that stay. `_lost` gets those that do not answer."""
        talks = {peer: _Talk(self._group, peer, word) for peer in peers}
        seconds, staying = self._patience, []
        for peer, talk in talks.items():
            answer = talk.answer(timedelta(seconds=seconds))
            if answer is None:
                self._lost.append(peer)
                seconds = self._interval
            elif answer == _ALIVE:
                staying.append(peer)
        return staying

    def _end_unless_main_does(self) -> None:
        """As `lost_ranks`, two rounds after the loss, unless the main thread has come to know of it by then."""
        if self._main_knows.wait(2 * self._interval):
            return
        error = RankLostError(self._lost, self._world_size, self._patience)
        print(f"error: {error}", file=sys.stderr, flush=True)
        os._exit(EXIT_CODE)


class _Talk:
    """One word to one rank and its word back, both under way from the start."""

    def __init__(self, group: Any, peer: int, word: int):
        self._said, self._heard = torch.tensor([word]), torch.zeros(1, dtype=torch.int64)
        self._works: list[Any] = []
        with contextlib.suppress(RuntimeError):  # the connection is closed; `answer` tells of it
            self._works = [dist.irecv(self._heard, peer, group), dist.isend(self._said, peer, group)]

    def answer(self, limit: timedelta) -> int | None:
        """What the other says; None where it cannot be reached or says nothing within `limit`."""
        try:
            for work in self._works:
                work.wait(limit)
        except RuntimeError:
            return None
        return int(self._heard.item()) if self._works else None
