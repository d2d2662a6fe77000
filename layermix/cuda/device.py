"""How functions become device functions, and the few scalars that all of them use.

In Numba's simulator (`NUMBA_ENABLE_CUDASIM=1`) a device function is the plain Python function: the simulator swaps the
module `cuda` in the file of the kernel alone, so only that file may name it.

Kernels count in 32 bits, in `while` loops, and index by uint32. Numba's `range` counts in 64 bits and divides to know
how often, sums of 32-bit numbers are 64 bits wide until they are cast, and an index with a sign is checked for counting
from the end: without all that a kernel has a half to a fifth of the instructions.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import config, cuda

from layermix.philox import philox4x32 as _philox4x32

SIMULATED = bool(config.ENABLE_CUDASIM)  # pyright: ignore[reportAttributeAccessIssue]
"""Whether kernels run in Numba's simulator, in Python threads on the processor."""

ONE, SHIFT, ROUND = 65536, 16, 32768


def device(function: Callable[..., Any]) -> Any:
    """Compile a function that kernels call."""
    return function if SIMULATED else cuda.jit(device=True)(function)


if SIMULATED:

    @device
    def product(a, b):
        """a * b."""
        return a * b

else:
    from numba.cuda import libdevice

    @device
    def product(a, b):
        """a * b in float64, rounded by itself: `*` may be fused with a sum, which the processor does not do."""
        return libdevice.dmul_rn(a, b)


philox4x32 = device(_philox4x32.py_func)
"""The block function of `layermix.philox`, compiled for the device."""


@device
def to_fixed(value):
    """Round a float to the nearest multiple of 1/65536, as `layermix.kernels.fixed` does."""
    return np.int64(math.floor(value * 65536.0 + 0.5))


@device
def least(a, b):
    """The smaller number; Numba's CUDA target of 0.68 does not compile `min`."""
    return a if a < b else b


@device
def most(a, b):
    """The greater number."""
    return a if a > b else b


@device
def clip(value):
    """Clip to 0..255; int32, as `value` is."""
    return least(most(value, np.int32(0)), np.int32(255))


@device
def luma(red, green, blue):
    """ITU-R 601 luma in 8 bits."""
    return np.int32(np.int32(19595 * red + 38470 * green + 7471 * blue + ROUND) >> 16)
