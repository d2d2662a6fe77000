"""Units of a layout made by worker processes: most corruptions of small pictures hold the interpreter lock."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from pathlib import Path

import cv2

from layermix.errors import InputError
from writers.corrupted.layout import Done, Layout
from writers.images import quiet_pillow

_AHEAD = 2
"""Units handed out, a worker: the one it makes and the next."""


def make_units(
    layout: Layout, folder: Path, units: Sequence[int], workers: int
) -> Generator[tuple[int, Done], None, None]:
    """Make units and yield each with what came of it, as they are done. One worker works in this process.

    Close the generator (contextlib.closing) to leave early: units under way are waited for. InputError: what
    `layout.make` raises, and a worker that died.
    """
    if workers == 1:
        yield from ((unit, layout.make(folder, unit)) for unit in units)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _begin_worker, (layout, folder)) as pool:
        try:
            yield from _as_they_come(pool, units, workers)
        except BrokenProcessPool as error:
            raise InputError(
                f"{folder}: a worker process died, perhaps for want of memory; give fewer --workers and --resume"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _as_they_come(pool: ProcessPoolExecutor, units: Sequence[int], workers: int) -> Iterator[tuple[int, Done]]:
    rest, pending = iter(units), dict[Future[Done], int]()
    while True:
        while len(pending) < _AHEAD * workers and (unit := next(rest, None)) is not None:
            pending[pool.submit(_make, unit)] = unit
        if not pending:
            return
        for future in wait(pending, return_when=FIRST_COMPLETED).done:
            yield pending.pop(future), future.result()


_work: tuple[Layout, Path]


def _begin_worker(layout: Layout, folder: Path) -> None:
    global _work
    _work = layout, folder
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent closes no pipe that its workers hold open themselves."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _make(unit: int) -> Done:
    layout, folder = _work
    with quiet_pillow():
        return layout.make(folder, unit)
