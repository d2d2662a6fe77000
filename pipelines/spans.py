"""Named stretches of time by thread, kept while somebody records and costing next to nothing otherwise."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

_kept: "list[Span] | None" = None


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch: what was done, by which thread of which process, and from when to when in nanoseconds of
    `time.perf_counter_ns`, whose zero all processes of a Linux machine share."""

    name: str
    process: int
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


def is_recording() -> bool:
    """Whether somebody records in this process."""
    return _kept is not None


def add(spans: Sequence[Span]) -> None:
    """Keep spans that another process recorded, while somebody records here."""
    if _kept is not None:
        _kept.extend(spans)


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
        stop = time.perf_counter_ns()
        spans.append(Span(name, os.getpid(), threading.get_native_id(), thread.name, start, stop))
