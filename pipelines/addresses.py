"""Arrays reached by address.

An ffcv operation is a closure that ffcv may compile, and Numba copies an array that compiled code captures into the
code, frozen. A fractal bank is large and shared, and the epoch changes: the closure captures their address, and reads
the memory when it runs. The owner of the memory must outlive the closure.
"""

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numba.np.numpy_support import carray

from layermix.compilation import jit


@intrinsic
def _pointer(typing_context, address, dtype):
    """An integer as a pointer to `dtype`."""
    pointer = types.CPointer(dtype.dtype)

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(pointer))

    return pointer(address, dtype), generate


_as_pointer: Any = _pointer  # the typing context is Numba's to pass


@jit
def uint8_at(address, shape):
    """The C-contiguous uint8 array of `shape`, a tuple, at an address; nothing is copied."""
    return carray(_as_pointer(address, np.uint8), shape)


@jit
def int64_at(address, shape):
    """The same for int64."""
    return carray(_as_pointer(address, np.int64), shape)


@jit
def records_at(address, shape, dtype):
    """The same for records of a structured NumPy type."""
    return carray(_as_pointer(address, dtype), shape)


def address_of(array: np.ndarray) -> int:
    """Address of the first value of a C-contiguous array."""
    return array.ctypes.data
