"""Work spread over threads, results in order, memory flat."""

import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Result = TypeVar("Result")

_AHEAD = 4
"""Tasks under way or waiting to be taken, a thread: enough to even out slow pictures."""

_SECONDS = 0.25e-3
"""Processor time of a task of several calls: ten times what handing it over takes."""


@dataclass(frozen=True)
class _Done(Generic[Result]):
    """What a task has come to: the results of its calls up to the one that raised, and a call's processor time."""

    results: list[Result]
    error: BaseException | None
    seconds: float


def map_ordered(
    function: Callable[[int], Result], count: int, threads: int, *, start: int = 0, most: int = 1
) -> Generator[Result, None, None]:
    """Yield function(start), ..., function(count - 1), computed by `threads` threads a little ahead.

    Calls that take little time are handed over together, up to `most` of them. The first exception in index order is
    raised at its place. Close the generator (contextlib.closing) to leave early: tasks not yet started are dropped
    and the running ones are waited for.
    """
    pending: deque[Future[_Done[Result]]] = deque()
    together = 1
    with ThreadPoolExecutor(threads) as pool:
        try:
            while start < count or pending:
                while start < count and len(pending) < _AHEAD * threads:
                    stop = min(count, start + together)
                    pending.append(pool.submit(_call_each, function, range(start, stop)))
                    start = stop
                done = pending.popleft().result()
                yield from done.results
                if done.error is not None:
                    raise done.error
                together = max(1, int(_SECONDS / max(done.seconds, _SECONDS / most)))
        finally:
            for future in pending:
                future.cancel()


def _call_each(function: Callable[[int], Result], indices: range) -> _Done[Result]:
    results: list[Result] = []
    start = time.thread_time()
    try:
        for index in indices:
            results.append(function(index))
    except BaseException as error:  # raised where the results are taken, after those before it
        return _Done(results, error, 0.0)
    return _Done(results, None, (time.thread_time() - start) / len(indices))
