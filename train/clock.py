"""Where the time of training goes: waiting for the loader, copying to the device, computing."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

T = TypeVar("T")


class StepClock:
    """Splits the time since `restart` into shares; nothing in it waits for the device before `shares`.

    On the CPU a step is computed when it returns. On a GPU it is only submitted then, so events on the device's stream
    tell how long steps took there, and how long the stream stood between them: that time, less what the program waited
    for the loader, is the part of the copy that was not hidden behind the step before.
    """

    def __init__(self, device: torch.device, make_event: Callable[[], Any] = lambda: torch.cuda.Event(True)):
        self._on_device, self._make_event = device.type != "cpu", make_event
        self._events: list[tuple[Any, Any]] = []
        self.restart()

    def restart(self) -> None:
        """Count from now."""
        self._started, self._waited, self._computed, self._steps = time.perf_counter(), 0.0, 0.0, 0

    def timed(self, batches: Iterable[T]) -> Iterator[T]:
        """The batches of a loader, with the time spent blocked on it counted."""
        iterator = iter(batches)
        while True:
            asked = time.perf_counter()
            batch = next(iterator, None)
            self._waited += time.perf_counter() - asked
            if batch is None:
                return
            yield batch

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Count the block as a step."""
        if not self._on_device:
            asked = time.perf_counter()
            yield
            self._computed += time.perf_counter() - asked
            return
        if self._steps == len(self._events):
            self._events.append((self._make_event(), self._make_event()))
        begin, end = self._events[self._steps]
        begin.record()
        yield
        end.record()
        self._steps += 1

    @property
    def seconds(self) -> float:
        """Time since `restart`, more than 0."""
        return max(time.perf_counter() - self._started, 1e-9)

    def shares(self) -> dict[str, float]:
        """Shares of all time: `wait`, blocked on the loader; `copy`; `compute`, in steps. The rest is log and tests.

        Waits for the last step on a GPU.
        """
        seconds = self.seconds
        computed, between = (self._computed, 0.0) if not self._on_device else self._measured()
        copied = max(0.0, between - self._waited)
        parts = {"wait": self._waited, "copy": copied, "compute": computed}
        return {name: min(1.0, part / seconds) for name, part in parts.items()}

    def _measured(self) -> tuple[float, float]:
        """Seconds that the device's stream spent in steps, and between them."""
        events = self._events[: self._steps]
        if not events:
            return 0.0, 0.0
        events[-1][1].synchronize()
        inside = sum(begin.elapsed_time(end) for begin, end in events)
        whole = events[0][0].elapsed_time(events[-1][1])
        return inside / 1000, (whole - inside) / 1000
