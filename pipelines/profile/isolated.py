"""Stages by themselves, outside of any loader: the graph up to each stage, run as the loader would run it."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

import numpy as np

from pipelines.profile.measurements import Spread, Worker

PART = 16
"""Samples a call of one thread, so that the memory in use is that of a part of a batch, as in the loader."""

Run = Callable[[np.ndarray], object]
"""Does the work of a prefix for some sample ids, uint64 (N,)."""


@dataclass(frozen=True)
class Prefix:
    """A graph up to and with its stage `name`.

    Args:
        name: of the stage.
        start: from a number of threads to the call that does the work of all samples with them, and returns when it is
            done.
        least_threads: a loader of fewer threads has no such stage.
        by: who does the stage in the loader; its prefixes are those before it by the same.
    """

    name: str
    start: Callable[[int], Run]
    least_threads: int = 1
    by: Worker = "threads"


def on_threads(make: Callable[[], Run]) -> Callable[[int], Run]:
    """What starts `threads` plain threads that share the samples, PART a call.

    Args:
        make: memory of its own for one thread, and the call that uses it.
    """

    def start(threads: int) -> Run:
        runs = [in_batches(make(), PART) for _ in range(threads)]

        def run(ids: np.ndarray) -> None:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(_call, runs, [ids[thread::threads] for thread in range(threads)]))

        return run

    return start


def alone(run: Run) -> Callable[[int], Run]:
    """What does the work by the calling thread, whatever the number of threads."""
    return lambda threads: run


def in_batches(run: Run, batch_size: int) -> Run:
    """The same work, called for one batch after the other."""

    def run_all(ids: np.ndarray) -> None:
        for start in range(0, len(ids), batch_size):
            run(ids[start : start + batch_size])

    return run_all


class StageTimer:
    """Times stages with `threads` threads at a time. Call `repeat` as often as wanted.

    Prefixes are timed in turn within each repeat; a stage is the difference of two by the same worker. The first repeat
    is for caches and compilation and does not count.
    """

    def __init__(self, prefixes: Sequence[Prefix], ids: np.ndarray, threads: int) -> None:
        self._prefixes = [prefix for prefix in prefixes if prefix.least_threads <= threads]
        self._runs = [prefix.start(threads) for prefix in self._prefixes]
        self._ids, self._threads = ids, threads
        self._added: dict[str, list[float]] = {prefix.name: [] for prefix in self._prefixes}
        self._is_warm = False

    def repeat(self) -> None:
        """Time every prefix once."""
        before: dict[Worker, float] = {}
        for prefix, run in zip(self._prefixes, self._runs):
            seconds = self._time(run)
            if self._is_warm:
                added = seconds - before.get(prefix.by, 0.0)
                self._added[prefix.name].append(1e6 * added * self._at_a_time(prefix) / len(self._ids))
            before[prefix.by] = seconds
        self._is_warm = True

    def stages(self) -> dict[str, Spread]:
        """What each stage adds to those before it: microseconds a picture and thread, or a picture of other workers."""
        return {name: spread(added) for name, added in self._added.items()}

    def _at_a_time(self, prefix: Prefix) -> int:
        return self._threads if prefix.by == "threads" else 1

    def _time(self, run: Run) -> float:
        started = time.perf_counter()
        run(self._ids)
        return time.perf_counter() - started


def spread(values: Sequence[float]) -> Spread:
    """Median, least and greatest."""
    return Spread(median=median(values), least=min(values), most=max(values))


def _call(run: Run, ids: np.ndarray) -> None:
    run(ids)
