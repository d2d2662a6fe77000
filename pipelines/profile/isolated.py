"""Stages by themselves, outside of any loader: the graph up to each stage, run by plain threads."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

import numpy as np

from pipelines.profile.measurements import Spread

PART = 16
"""Samples a call, so that the memory in use is that of a part of a batch, as in the loader."""

Run = Callable[[np.ndarray], object]
"""Does the work of a prefix for some sample ids, uint64 (N,), N <= PART."""


@dataclass(frozen=True)
class Prefix:
    """A graph up to and with its stage `name`. make: memory of its own for one thread, and the call that uses it.

    A loader of fewer than `least_threads` threads has no such stage.
    """

    name: str
    make: Callable[[], Run]
    least_threads: int = 1


class StageTimer:
    """Times stages with `threads` threads at a time; a context manager. Call `repeat` as often as wanted.

    Prefixes are timed in turn within each repeat; a stage is the difference of two. The first repeat is for caches and
    compilation and does not count.
    """

    def __init__(self, prefixes: Sequence[Prefix], ids: np.ndarray, threads: int) -> None:
        prefixes = [prefix for prefix in prefixes if prefix.least_threads <= threads]
        self._names = [prefix.name for prefix in prefixes]
        self._calls = [[prefix.make() for _ in range(threads)] for prefix in prefixes]
        self._shares = [ids[thread::threads] for thread in range(threads)]
        self._us = 1e6 * threads / len(ids)
        self._pool = ThreadPoolExecutor(threads)
        self._added: list[list[float]] = [[] for _ in prefixes]
        self._is_warm = False

    def __enter__(self) -> "StageTimer":
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown()

    def repeat(self) -> None:
        """Time every prefix once."""
        before = 0.0
        for runs, added in zip(self._calls, self._added):
            seconds = self._time(runs)
            if self._is_warm:
                added.append(self._us * (seconds - before))
            before = seconds
        self._is_warm = True

    def stages(self) -> dict[str, Spread]:
        """Microseconds a picture and thread that each stage adds to those before it."""
        return {name: spread(added) for name, added in zip(self._names, self._added)}

    def _time(self, runs: Sequence[Run]) -> float:
        started = time.perf_counter()
        list(self._pool.map(_run_all, runs, self._shares))
        return time.perf_counter() - started


def spread(values: Sequence[float]) -> Spread:
    """Median, least and greatest."""
    return Spread(median=median(values), least=min(values), most=max(values))


def _run_all(run: Run, ids: np.ndarray) -> None:
    for start in range(0, len(ids), PART):
        run(ids[start : start + PART])
