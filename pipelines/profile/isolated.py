"""Stages by themselves, outside of any loader: the work of each worker, run as the loader would run it."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from statistics import median

import numpy as np

from pipelines.profile.measurements import REST, Spread, Worker
from pipelines.spans import Span

Call = Callable[[np.ndarray], object]
"""Does some work for sample ids, uint64 (N,), and returns when it is done."""

Run = Callable[[np.ndarray], Mapping[str, float]]
"""Does all stages of one worker for sample ids, uint64 (N,): seconds of each, of all threads together."""


@dataclass(frozen=True)
class Stages:
    """The stages of one worker, which it does one after the other.

    Args:
        by: the worker.
        open: from a number of threads to what does the work with them; threads and processes end when it is left.
    """

    by: Worker
    open: Callable[[int], AbstractContextManager[Run]]


def by_caller(calls: Mapping[str, Call]) -> Stages:
    """Stages of the thread that takes the batches, whatever the number of threads; each call is one of them."""

    def run(ids: np.ndarray) -> dict[str, float]:
        return {name: seconds_of(call, ids) for name, call in calls.items()}

    return Stages("caller", lambda threads: nullcontext(run))


def in_batches(call: Call, batch_size: int) -> Call:
    """The same work, called for one batch after the other."""

    def call_all(ids: np.ndarray) -> None:
        for batch in batches_of(ids, batch_size):
            call(batch)

    return call_all


def batches_of(ids: np.ndarray, size: int) -> list[np.ndarray]:
    """Parts of `size`, the last one smaller."""
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def seconds_of(call: Call, ids: np.ndarray) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    call(ids)
    return time.perf_counter() - started


def seconds_by_name(spans: Iterable[Span], names: Sequence[str]) -> dict[str, float]:
    """Seconds of the spans of these names together; names without a span are left out."""
    total: defaultdict[str, int] = defaultdict(int)
    for span in spans:
        total[span.name] += span.stop - span.start
    return {name: total[name] / 1e9 for name in names if name in total}


def with_rest(stages: Mapping[str, float], seconds: float) -> dict[str, float]:
    """Stages, and what else the threads spent of their `seconds`: waiting for each other, and Python between them."""
    return {**stages, REST: max(0.0, seconds - sum(stages.values()))}


class StageTimer:
    """Times stages with `threads` threads at a time; a context manager. Call `repeat` as often as wanted.

    Every stage is timed where it is done, so none can be negative. The first repeat is for caches and compilation and
    does not count.
    """

    def __init__(self, stages: Sequence[Stages], ids: np.ndarray, threads: int) -> None:
        self._ids = ids
        self._found: defaultdict[str, list[float]] = defaultdict(list)
        self.done_by: dict[str, Worker] = {}
        self._is_warm = False
        with ExitStack() as opened:
            self._runs: list[tuple[Worker, Run]] = [
                (part.by, opened.enter_context(part.open(threads))) for part in stages
            ]
            self._opened = opened.pop_all()

    def __enter__(self) -> "StageTimer":
        return self

    def __exit__(self, *exception: object) -> None:
        self._opened.close()

    def repeat(self) -> None:
        """Time every stage once."""
        for worker, run in self._runs:
            for name, seconds in run(self._ids).items():
                self.done_by[name] = worker
                if self._is_warm:
                    self._found[name].append(1e6 * seconds / len(self._ids))
        self._is_warm = True

    def stages(self) -> dict[str, Spread]:
        """Microseconds a picture and thread, or a picture of other workers."""
        return {name: spread(found) for name, found in self._found.items()}


def spread(values: Sequence[float]) -> Spread:
    """Median, least and greatest."""
    return Spread(median=median(values), least=min(values), most=max(values))
