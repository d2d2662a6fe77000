"""What a person sees of a run: a bar on a terminal, plain lines elsewhere."""

import math
import time
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress:
    """Shows nothing; the base of those that do. Enter it for the time of the run."""

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def start(self, total_steps: int, step: int) -> None:
        """Begin with `step` of `total_steps` done."""

    def advance(self) -> None:
        """Count one step."""

    def show(self, kind: str, fields: dict[str, Any]) -> None:
        """Show a log record."""

    def note(self, text: str) -> None:
        """Show a line."""

    def close(self) -> None:
        """End the display."""


class PlainProgress(Progress):
    """One line for each evaluation, and for a training record at most every `seconds`."""

    def __init__(self, seconds: float = 10.0):
        self._seconds, self._last = seconds, -math.inf
        self._total_steps = self._first_step = 0
        self._started: float | None = None

    def start(self, total_steps: int, step: int) -> None:
        self._total_steps, self._first_step, self._started = total_steps, step, None

    def advance(self) -> None:
        if self._started is None:  # the first step compiles, which says nothing of the others
            self._first_step, self._started = self._first_step + 1, time.monotonic()

    def show(self, kind: str, fields: dict[str, Any]) -> None:
        if kind == "train" and time.monotonic() - self._last < self._seconds:
            return
        self._last = time.monotonic()
        place = f"epoch {fields['epoch']} step {fields['step']}/{self._total_steps}"
        print(f"{place} {describe(kind, fields)} left {self._left(fields['step'])}", flush=True)

    def _left(self, step: int) -> str:
        """Time to the end of the run at its mean rate since its first step of this start."""
        done = step - self._first_step
        if self._started is None or done < 1:
            return "unknown"
        seconds = (time.monotonic() - self._started) / done * (self._total_steps - step)
        return str(timedelta(seconds=round(seconds)))

    def note(self, text: str) -> None:
        print(text, flush=True)


class RichProgress(Progress):
    """A bar with the newest record beside it; evaluations stay above it as lines."""

    def __init__(self, console: Console):
        columns = (
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[newest]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._bar = Bar(*columns, console=console)
        self._task = self._bar.add_task("train", start=False, epoch=1, newest="", total=None)

    def start(self, total_steps: int, step: int) -> None:
        self._bar.update(self._task, total=total_steps, completed=step)
        self._bar.start_task(self._task)
        self._bar.start()

    def advance(self) -> None:
        self._bar.advance(self._task)

    def show(self, kind: str, fields: dict[str, Any]) -> None:
        text = describe(kind, fields)
        if kind == "train":
            self._bar.update(self._task, epoch=fields["epoch"], newest=text)
        else:
            self.note(f"epoch {fields['epoch']}: {text}")

    def note(self, text: str) -> None:
        self._bar.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        self._bar.stop()


def make_progress() -> Progress:
    """A bar if the standard output is a terminal, plain lines otherwise."""
    console = Console()
    return RichProgress(console) if console.is_terminal else PlainProgress()


def describe(kind: str, fields: dict[str, Any]) -> str:
    """A log record in a few words."""
    if kind != "train":
        name = "clean error of the moving average" if kind == "ema_evaluation" else "clean error"
        return f"{name} {fields['error']:.2%} loss {fields['loss']:.4f}"
    rate, wait = fields["images_per_second"], fields["wait_share"]
    skipped = f" skipped steps {fields['skipped_steps']}" if fields["skipped_steps"] else ""
    return f"loss {fields['loss']:.4f} lr {fields['lr']:.2g} {rate:,.0f} img/s wait {wait:.0%}{skipped}"
