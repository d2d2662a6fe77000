"""Named stretches of time by thread, kept while somebody records and costing next to nothing otherwise."""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

_kept: "list[Span] | None" = None


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch: what was done, by which thread, and from when to when in nanoseconds of `time.perf_counter_ns`."""

    name: str
    thread: int
    thread_name: str
    start: int
    stop: int


@contextmanager
def recording() -> Iterator[list[Span]]:
    """Keep the spans of all threads of this process in the list it gives, until it is left; one at a time."""
    global _kept
    if _kept is not None:
        raise RuntimeError("spans are recorded already; leave that recording first")
    _kept = spans = []
    try:
        yield spans
    finally:
        _kept = None


def span(name: str) -> AbstractContextManager[None]:
    """Note how long the block takes, while somebody records."""
    return nullcontext() if _kept is None else _noted(name, _kept)


@contextmanager
def _noted(name: str, spans: list[Span]) -> Iterator[None]:
    start = time.perf_counter_ns()
    try:
        yield
    finally:
        thread = threading.current_thread()
        spans.append(Span(name, threading.get_native_id(), thread.name, start, time.perf_counter_ns()))
