"""Signs of life between the ranks of a run, so that a rank which stops, dies or stands still is named and nobody hangs.

A collective operation waits for all ranks, and cannot say which one it waits for. So each rank has a thread that
exchanges a word a round with every other rank, over connections of its own. A rank that is killed closes them; one
that is stopped, or whose network is gone, leaves them silent; one whose main thread hangs goes on to answer, and its
word says for how long that thread has not moved (`train.watch`). In a run of one rank the thread only warns.
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
from torch import Tensor

from train.watch import Phase, Standing, Watch, furthest_behind, warn_of_standstill

EXIT_CODE = 75
"""Exit code of a rank that lost another: EX_TEMPFAIL of sysexits.h, "try again"."""

_NEXT = "start the command again on all ranks and it continues from the last checkpoint"


class RankLostError(RuntimeError):
    """Ranks died, were stopped, cannot be reached or stand still; the message names them."""


class Pulse:
    """While entered, exchanges signs of life with all other ranks; every rank must enter it.

    The main thread is told of a loss by `failure` once its own collective operation fails. Where it still hangs some
    rounds after the loss, the process is ended, with the error on stderr and `EXIT_CODE`.
    """

    def __init__(self, rank: int, world_size: int, watch: Watch, *, patience: float, stall_timeout: float):
        """Seconds of silence after which a rank counts as lost, and seconds that its main thread may stand still."""
        self._rank, self._world_size, self._watch = rank, world_size, watch
        self._patience, self._stall_timeout = patience, stall_timeout
        self._interval = min(1.0, patience / 10)
        self._leave, self._main_knows, self._found = threading.Event(), threading.Event(), threading.Event()
        self._failure: RankLostError | None = None
        self._warned_at = -1
        limit = timedelta(seconds=patience)
        self._group = dist.new_group(backend="gloo", timeout=limit) if world_size > 1 else None
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def __enter__(self) -> "Pulse":
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, *exception: object) -> None:
        """Take leave of the others; without a word where the run failed here, so that they name this rank.

        `SystemExit` is no failure: all ranks end, and one of them may still be busy with it (`Ranks.together`).
        """
        self._main_knows.set()
        if kind in (None, SystemExit) or self._world_size == 1:
            self._leave.set()
            self._thread.join()

    def failure(self) -> RankLostError | None:
        """The loss found by now or within three rounds; to be asked when an operation failed that needs all ranks.

        It takes two rounds more where there is one, so that the others find the same one, before this process ends
        and looks lost to them too.
        """
        self._main_knows.set()
        if self._found.wait(3 * self._interval):
            time.sleep(2 * self._interval)
        return self._failure

    def _run(self) -> None:
        peers, looked = [rank for rank in range(self._world_size) if rank != self._rank], time.monotonic()
        while self._failure is None:
            leaving = self._leave.wait(self._interval)
            now = time.monotonic()
            mine = self._watch.look(min(now - looked, 2 * self._interval))  # a process that is halted does not age
            looked = now
            standings = self._exchange(peers, mine, leaving)
            if leaving:
                return
            peers = list(standings)
            self._judge({self._rank: mine, **standings})
        self._found.set()
        self._end_unless_main_does()

    def _exchange(self, peers: Sequence[int], mine: Standing, leaving: bool) -> dict[int, Standing]:
        """Tell all `peers` where this rank is and hear where they are; those that stay. Some may not answer."""
        talks = {peer: _Talk(self._group, peer, _word(mine, leaving)) for peer in peers}
        seconds, standings, lost = self._patience, {}, []
        for peer, talk in talks.items():
            answer = talk.answer(timedelta(seconds=seconds))
            if answer is None:
                lost.append(peer)
                seconds = self._interval
            elif (standing := _standing(answer)) is not None:
                standings[peer] = standing
        if lost:
            self._failure = RankLostError(
                f"no sign of life from rank {_listed(lost)} of {self._world_size} (ended, or silent for "
                f"{self._patience:g} s); its own output may say why; {_NEXT}"
            )
        return standings

    def _judge(self, standings: dict[int, Standing]) -> None:
        """Warn where this rank holds up the others for long, and fail where one does for too long."""
        behind = furthest_behind(standings)
        mine = standings[self._rank]
        if self._rank in behind and mine.is_late(self._stall_timeout) and mine.moves != self._warned_at:
            self._warned_at = mine.moves
            warn_of_standstill(self._rank, mine)
        all_stand = len(behind) == len(standings)
        late = [rank for rank in behind if standings[rank].is_late(self._stall_timeout, all_stand=all_stand)]
        if late and self._world_size > 1 and self._failure is None:
            self._failure = RankLostError(
                f"rank {_listed(behind)} of {self._world_size}: {standings[late[0]].describe()}; its own output shows "
                f"its threads; {_NEXT}, with a higher --stall-timeout than {self._stall_timeout:g} if it was only slow"
            )

    def _end_unless_main_does(self) -> None:
        """As `failure`, two rounds after the loss, unless the main thread has come to know of it by then."""
        if not self._main_knows.wait(2 * self._interval):
            print(f"error: {self._failure}", file=sys.stderr, flush=True)
            os._exit(EXIT_CODE)


class _Talk:
    """One word to one rank and its word back, both under way from the start."""

    def __init__(self, group: Any, peer: int, word: Tensor):
        self._said, self._heard = word, torch.empty_like(word)
        self._works: list[Any] = []
        with contextlib.suppress(RuntimeError):  # the connection is closed; `answer` tells of it
            self._works = [dist.irecv(self._heard, peer, group), dist.isend(self._said, peer, group)]

    def answer(self, limit: timedelta) -> Tensor | None:
        """What the other says; None where it cannot be reached or says nothing within `limit`."""
        try:
            for work in self._works:
                work.wait(limit)
        except RuntimeError:
            return None
        return self._heard if self._works else None


def _word(standing: Standing, leaving: bool) -> Tensor:
    """int64 (6,): whether the rank leaves, and where it is, its time in milliseconds."""
    milliseconds = round(1000 * standing.seconds)
    return torch.tensor([leaving, standing.moves, standing.phase, standing.slow, standing.step, milliseconds])


def _standing(word: Tensor) -> Standing | None:
    """What `_word` tells; None of a rank that leaves."""
    leaving, moves, phase, slow, step, milliseconds = word.tolist()
    if leaving:
        return None
    return Standing(moves=moves, phase=Phase(phase), slow=bool(slow), step=step, seconds=milliseconds / 1000)


def _listed(ranks: Sequence[int]) -> str:
    return ", ".join(map(str, ranks))
