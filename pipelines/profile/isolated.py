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

Run = Callable[[np.ndarray], None]
"""Does the work of a prefix for some sample ids, uint64 (N,), N <= PART."""


@dataclass(frozen=True)
class Prefix:
    """A graph up to and with its stage `name`. make: memory of its own for one thread, and the call that uses it."""

    name: str
    make: Callable[[], Run]


def measure_stages(prefixes: Sequence[Prefix], ids: np.ndarray, threads: int, repeats: int) -> dict[str, Spread]:
    """Microseconds a picture and thread that each stage adds to those before it, with `threads` threads at a time.

    Prefixes are timed in turn within each repeat, after one call to warm up; a stage is the difference of two.
    """
    calls = [[prefix.make() for _ in range(threads)] for prefix in prefixes]
    shares = [ids[thread::threads] for thread in range(threads)]
    added: list[list[float]] = [[] for _ in prefixes]
    with ThreadPoolExecutor(threads) as pool:
        for repeat in range(repeats + 1):
            before = 0.0
            for number, runs in enumerate(calls):
                seconds = _time(pool, runs, shares)
                if repeat:
                    added[number].append(1e6 * threads * (seconds - before) / len(ids))
                before = seconds
    return {prefix.name: spread(found) for prefix, found in zip(prefixes, added)}


def spread(values: Sequence[float]) -> Spread:
    """Median, least and greatest."""
    return Spread(median=median(values), least=min(values), most=max(values))


def _time(pool: ThreadPoolExecutor, runs: Sequence[Run], shares: Sequence[np.ndarray]) -> float:
    started = time.perf_counter()
    list(pool.map(_run_all, runs, shares))
    return time.perf_counter() - started


def _run_all(run: Run, ids: np.ndarray) -> None:
    for start in range(0, len(ids), PART):
        run(ids[start : start + PART])
