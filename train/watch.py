"""What the main thread of a rank is at and since when, so that a run that stands still in a live process is found.

The main thread says so whenever it begins something else, and at every exchange between the ranks; the thread of
`train.pulse` looks once a second. As all ranks go through the same course, the one that said least is the one that the
others wait for.
"""

import enum
import faulthandler
import sys
from collections.abc import Mapping
from dataclasses import dataclass

_SLOW_FACTOR = 4
"""So many times as long has what is slow by its nature, and what holds up all ranks at once (a file server, say)."""

_STDERR = 2


class Phase(enum.IntEnum):
    """What a main thread is at."""

    START = 0
    BATCH = 1
    STEP = 2
    LOG = 3
    TEST = 4
    SAVE = 5
    END = 6

    def describe(self) -> str:
        """In words."""
        return _WORDS[self]


_WORDS = {
    Phase.START: "starting",
    Phase.BATCH: "waiting for its loader",
    Phase.STEP: "in a step",
    Phase.LOG: "writing the log",
    Phase.TEST: "testing",
    Phase.SAVE: "saving",
    Phase.END: "ending",
}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a main thread is.

    Attributes:
        moves: how often it has said that it moved; equal on all ranks at the same place of their course.
        phase: what it is at.
        slow: whether this may take long by its nature: a first batch, a first step that compiles, a save.
        step: finished steps of the run.
        seconds: for how long it has been there.
    """

    moves: int
    phase: Phase
    slow: bool
    step: int
    seconds: float

    def is_late(self, limit: float, *, all_stand: bool = False) -> bool:
        """Whether it has been there for `limit` seconds; several times that where slow, or where all ranks stand."""
        return self.seconds >= limit * (_SLOW_FACTOR if self.slow or all_stand else 1)

    def describe(self) -> str:
        """Since when and where, in words."""
        return f"the main thread has not moved for {self.seconds:.0f} s, {self.phase.describe()} after step {self.step}"


class Watch:
    """What the main thread is at, told by itself and looked at by one other thread."""

    def __init__(self):
        self._now: tuple[int, Phase, bool, int] = (0, Phase.START, True, 0)
        """Moves, phase, slow, step; replaced as a whole, so that the other thread never sees a part."""
        self._seen, self._still = -1, 0.0

    def begins(self, phase: Phase, step: int, *, slow: bool = True) -> None:
        """Say that the main thread begins `phase`, after `step` finished steps."""
        self._now = (self._now[0] + 1, phase, slow, step)

    def moves(self) -> None:
        """Say that the main thread goes on with what it is at."""
        moves, phase, slow, step = self._now
        self._now = (moves + 1, phase, slow, step)

    def look(self, seconds: float) -> Standing:
        """Where it is; `seconds` are those since the last look that count where it has not moved meanwhile."""
        moves, phase, slow, step = self._now
        self._still = self._still + seconds if moves == self._seen else 0.0
        self._seen = moves
        return Standing(moves=moves, phase=phase, slow=slow, step=step, seconds=self._still)


def furthest_behind(standings: Mapping[int, Standing]) -> list[int]:
    """The ranks that all others wait for; all ranks where none is ahead. In order."""
    least = min(standing.moves for standing in standings.values())
    return sorted(rank for rank, standing in standings.items() if standing.moves == least)


def warn_of_standstill(rank: int, standing: Standing) -> None:
    """Say on stderr that this rank stands still, and where each of its threads is."""
    print(f"warning: rank {rank}: {standing.describe()}; its threads:", file=sys.stderr, flush=True)
    faulthandler.dump_traceback(_STDERR)
