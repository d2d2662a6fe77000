"""Calls that go on in a thread of their own beside their caller's work."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

_AHEAD = 2
"""Calls begun and not yet over: while one runs the next stands ready, so that the thread need not wait for it."""


class Background:
    """Calls made one after the other. After one that raised, every `wait` raises it too, and soon every `start`."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._calls: deque[Future[object]] = deque()

    def start(self, call: Callable[[], object]) -> None:
        """Have the call made after those before; if they are several, wait for the first."""
        if len(self._calls) == _AHEAD:
            self._calls[0].result()
            self._calls.popleft()
        self._calls.append(self._thread.submit(call))

    def wait(self) -> None:
        """Return when all calls are over."""
        for call in self._calls:
            call.result()

    def close(self) -> None:
        """End the thread, once all calls are over."""
        self._thread.shutdown()
