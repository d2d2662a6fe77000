"""Progress of a long write: a bar on a terminal, a plain line now and then elsewhere."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

SECONDS_BETWEEN_LINES = 10.0


@contextlib.contextmanager
def show_progress(total: int, unit: str = "pictures") -> Iterator[Callable[..., None]]:
    """Give a function to call with the number of pictures (or of another unit) just done.

    Shows count, rate and time to go on standard error.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _PlainLines(total, console, unit)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(unit), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=total)
        throttled = _Throttled(lambda pictures: progress.advance(task, pictures))
        yield throttled
        throttled.show_rest()


class _Throttled:
    """Passes counts on at most ten times a second: a bar costs more than a small picture."""

    def __init__(self, show: Callable[[int], None]) -> None:
        self._show, self._kept, self._last = show, 0, time.monotonic()

    def __call__(self, pictures: int = 1) -> None:
        self._kept += pictures
        if time.monotonic() - self._last >= 0.1:
            self.show_rest()

    def show_rest(self) -> None:
        """Pass on what was kept back."""
        self._show(self._kept)
        self._kept, self._last = 0, time.monotonic()


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f}/s")


class _PlainLines:
    def __init__(self, total: int, console: Console, unit: str) -> None:
        self._total, self._unit = total, unit
        self._console = console
        self._done = 0
        self._start = self._last = time.monotonic()

    def __call__(self, pictures: int = 1) -> None:
        self._done += pictures
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last = now
        rate = self._done / (now - self._start)
        rest = f"{rate:,.0f}/s, {(self._total - self._done) / rate:,.0f} s to go" if self._done > 1 else "at work"
        self._console.print(f"{self._done:,} of {self._total:,} {self._unit}, {rest}", highlight=False)
