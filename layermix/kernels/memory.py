"""Addresses: whether two pictures are one, and eight bytes at a time from anywhere in a picture."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from layermix.compilation import inlined


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
