"""Addresses: whether two pictures are one, eight bytes from anywhere, a picture fetched into the cache."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from layermix.compilation import inlined, jit


@inlined
def same(first, second):
    """True if both arrays start at the same byte: loops over `out` are written for either case, see `inlined`."""
    return first.ctypes.data == second.ctypes.data


@intrinsic
def _load_word(typing_context, address):
    def generate(context, builder, signature, arguments):
        return builder.load(builder.inttoptr(arguments[0], ir.IntType(64).as_pointer()), align=1)

    return types.uint64(types.int64), generate


load_word: Any = _load_word  # the typing context is Numba's to pass
"""The eight bytes from an address on, which need not be a multiple of eight, the first one lowest."""


@jit
def fetch(picture):
    """Read a picture, uint8 (H, W, 3) C-contiguous, once from start to end, and nothing else.

    Processors fetch ahead along straight lines. A kernel that goes through a picture of 224 px in another order takes
    twice as long (shear_y) where that is not in the cache; this takes 3 us.
    """
    values, greatest = picture.reshape(-1), np.uint8(0)
    for n in range(values.size):
        greatest = max(greatest, values[n])
    _need(greatest)


@intrinsic
def _need_value(typing_context, value):
    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.VoidType(), [arguments[0].type])
        builder.asm(kind, "", "r", arguments, True, name="")
        return context.get_dummy_value()

    return types.void(types.uint8), generate


_need: Any = _need_value
"""Nothing, but LLVM cannot know and computes the value: what `fetch` reads."""
