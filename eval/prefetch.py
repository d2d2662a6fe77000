"""Work done ahead in threads, results in order, memory bounded."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def prefetched(calls: Iterable[Callable[[], T]], threads: int) -> Iterator[T | Exception]:
    """The results of `calls` in their order, made ahead in `threads` threads; of a call that raised, the exception.

    At most `threads` + 1 results exist beside the one in use. Leaving early waits for the calls that run.
    """
    pending: deque[Future[T]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="pictures") as executor:
        try:
            for call in calls:
                pending.append(executor.submit(call))
                if len(pending) > threads:
                    yield _outcome(pending.popleft())
            while pending:
                yield _outcome(pending.popleft())
        finally:
            for future in pending:
                future.cancel()


def _outcome(future: Future[T]) -> T | Exception:
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, Exception):
        raise error
    return error
