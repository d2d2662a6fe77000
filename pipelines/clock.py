"""What compiled code needs to note spans: the clock of `pipelines.spans`, and which thread is running."""

from typing import Any

import numpy as np
from numba import types

from layermix.compilation import jit

_clock_gettime: Any = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.uintp))
_pthread_self: Any = types.ExternalFunction("pthread_self", types.uintp())
_MONOTONIC = 1


@jit
def nanoseconds():
    """`time.perf_counter_ns` on Linux, int64."""
    time = np.empty(2, np.int64)  # struct timespec: seconds, nanoseconds
    _clock_gettime(_MONOTONIC, time.ctypes.data)
    return time[0] * 1_000_000_000 + time[1]


@jit
def thread_number():
    """A number of this thread, int64 of 31 bits as viewers of traces want it: the page of its descriptor in memory."""
    return np.int64((_pthread_self() >> 12) & 0x7FFFFFFF)
