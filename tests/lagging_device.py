"""A stand-in for a GPU that begins its work as late as it can: when the host waits for it, and not before."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from ffcv.loader import epoch_iterator
from ffcv.transforms import ToDevice

from pipelines import ffcv_epoch

_LOCK = threading.RLock()


class Stream:
    """Work in the order it was submitted in; `torch.cuda.Stream` as far as the loader knows it."""

    def __init__(self) -> None:
        self._work: list[Callable[[], None]] = []
        self._done = 0

    def submit(self, work: Callable[[], None]) -> None:
        """Let the device do this some time."""
        with _LOCK:
            self._work.append(work)

    def submitted(self) -> int:
        """How much work was submitted so far."""
        return len(self._work)

    def is_idle(self) -> bool:
        """Whether all of it is done."""
        return self._done == len(self._work)

    def reach(self, end: int) -> None:
        """Do the work up to a place."""
        with _LOCK:
            while self._done < end:
                self._done += 1
                self._work[self._done - 1]()

    def wait_stream(self, other: "Stream") -> None:
        end = other.submitted()
        self.submit(lambda: other.reach(end))

    def synchronize(self) -> None:
        self.reach(self.submitted())


_MAIN, _CURRENT = Stream(), threading.local()


def current_stream() -> Stream:
    return getattr(_CURRENT, "stream", _MAIN)


@contextmanager
def use(stream: Stream) -> Iterator[None]:
    before, _CURRENT.stream = current_stream(), stream
    yield
    _CURRENT.stream = before


class Event:
    """The end of what a stream was given when it was recorded."""

    def record(self, stream: Stream) -> None:
        self._stream, self._end = stream, stream.submitted()

    def wait(self) -> None:
        current_stream().submit(lambda: self._stream.reach(self._end))


class LateCopy(ToDevice):
    """ffcv's copy to the device, as work of the current stream."""

    def generate_code(self) -> Callable:
        def to_device(pictures, memory):
            current_stream().submit(lambda: memory[: len(pictures)].copy_(pictures))
            return memory[: len(pictures)]

        return to_device


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ffcv and the loader take this for the GPU."""
    for name, stand_in in {"Stream": Stream, "Event": Event, "stream": use, "current_stream": current_stream}.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    for module in (epoch_iterator, ffcv_epoch):
        monkeypatch.setattr(module, "IS_CUDA", True)
