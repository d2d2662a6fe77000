"""What is seen of an evaluation while it runs: the cells, and the batches of the one at work.

A bar for each on a terminal; elsewhere a line a finished cell, and within a long one a line now and then.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

SECONDS_BETWEEN_LINES = 10.0

SECONDS_OF_RATE = 3600.0
"""How far back a bar's rate looks: batches of an attack may take minutes."""


class Progress:
    """Shows nothing; the base of those that do."""

    def begin(self, key: str, batches: int) -> None:
        """A cell begins, in which models are shown so many batches, each model's counted."""

    def advance(self, batches: int = 1) -> None:
        """So many are done."""

    def finish(self, key: str) -> None:
        """A cell is done."""


class PlainProgress(Progress):
    """Lines on standard error, for `cells` cells in all."""

    def __init__(self, cells: int) -> None:
        self._cells, self._finished, self._started = cells, 0, time.monotonic()
        self._key, self._batches = "", 0

    def begin(self, key: str, batches: int) -> None:
        self._key, self._batches, self._done = key, batches, 0
        self._begun = self._last = time.monotonic()

    def advance(self, batches: int = 1) -> None:
        self._done += batches
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES and self._done < self._batches:
            self._last = now
            left = timedelta(seconds=round((now - self._begun) / self._done * (self._batches - self._done)))
            self._print(1, f"{self._key}: {self._done} of {self._batches} batches, {left} left")

    def finish(self, key: str) -> None:
        self._finished += 1
        self._print(0, f"{key} ({time.monotonic() - self._started:.1f} s)")

    def _print(self, ahead: int, text: str) -> None:
        print(f"[{self._finished + ahead}/{self._cells}] {text}", file=sys.stderr, flush=True)


class BarProgress(Progress):
    """Two lines of a terminal in `bar`: the cells, `cells` in all, and the batches of the one at work."""

    def __init__(self, bar: Bar, cells: int) -> None:
        self._bar = bar
        self._all, self._own = bar.add_task("cells", total=cells), bar.add_task("", total=None, visible=False)

    def begin(self, key: str, batches: int) -> None:
        self._bar.reset(self._own, description=key, total=batches, visible=True)

    def advance(self, batches: int = 1) -> None:
        self._bar.advance(self._own, batches)

    def finish(self, key: str) -> None:
        self._bar.update(self._all, advance=1, description=f"done {key}")
        self._bar.update(self._own, visible=False)


@contextmanager
def show_progress(cells: int, shown: bool = True) -> Iterator[Progress]:
    """Progress of so many cells on standard error; silent unless `shown`."""
    if not shown:
        yield Progress()
    elif not sys.stderr.isatty():
        yield PlainProgress(cells)
    else:
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        with Bar(
            TextColumn("{task.description}"), *columns, console=console, speed_estimate_period=SECONDS_OF_RATE
        ) as bar:
            yield BarProgress(bar, cells)
