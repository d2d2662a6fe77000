"""libturbojpeg, which ffcv's extension is linked to, called by address.

Numba does not keep a function that holds a ctypes pointer on disk. Here the pointers are arguments: callers take
`FUNCTIONS`, int64 (6,), and hand it on. Everything used is in every libturbojpeg from 2.0 on.
"""

import ctypes
from typing import Any

import numpy as np
from ffcv.libffcv import lib
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from layermix.compilation import jit
from pipelines.addresses import uint8_at

_NAMES = (
    "tjInitDecompress",
    "tjDestroy",
    "tjDecompressHeader3",
    "tjDecompress2",
    "tjDecompressToYUVPlanes",
    "tjGetErrorStr2",
)
FUNCTIONS = np.array([ctypes.cast(getattr(lib, name), ctypes.c_void_p).value for name in _NAMES], np.int64)
"""Addresses of the functions in this process; found through ffcv's extension, whose own library this is."""

_OPEN, _CLOSE, _HEADER, _TO_RGB, _TO_PLANES, _ERROR = range(len(_NAMES))
_LONG, _INT = ir.IntType(64), ir.IntType(32)

S444, S422, S420, GRAY, S440, S411 = range(6)
"""How chroma is stored, as `header` tells it."""
YCC_OR_GRAY = (1, 2)
"""Colour spaces of which `decode_planes` gives Y, Cb, Cr; others are RGB and CMYK."""


def _function(result, *takes):
    """An intrinsic that calls a C function: (its address, a tuple of integers) to int64."""
    kind = ir.FunctionType(result, takes)

    def call(typing_context, address, arguments):
        def generate(context, builder, signature, values):
            function = builder.inttoptr(values[0], kind.as_pointer())
            given = []
            for n, (take, type_) in enumerate(zip(takes, arguments.types)):
                part = context.cast(builder, builder.extract_value(values[1], n), type_, types.int64)
                given.append(part if take == _LONG else builder.trunc(part, take))
            answer = builder.call(function, given)
            return answer if result == _LONG else builder.sext(answer, _LONG)

        return types.int64(types.int64, arguments), generate

    return intrinsic(call)


# The typing context is Numba's to pass.
_header: Any = _function(_INT, *[_LONG] * 7)
_to_rgb: Any = _function(_INT, _LONG, _LONG, _LONG, _LONG, _INT, _INT, _INT, _INT, _INT)
_to_planes: Any = _function(_INT, _LONG, _LONG, _LONG, _LONG, _INT, _LONG, _INT, _INT)
_with_handle: Any = _function(_LONG, _LONG)


@intrinsic
def _call_without_arguments(typing_context, address):
    def generate(context, builder, signature, values):
        return builder.call(builder.inttoptr(values[0], ir.FunctionType(_LONG, []).as_pointer()), [])

    return types.int64(types.int64), generate


_call: Any = _call_without_arguments


@jit
def open_decoder(functions):
    """A decoder for one thread, to be given to `close_decoder`; 0 where memory is short."""
    return _call(functions[_OPEN])


@jit
def close_decoder(functions, decoder):
    """Free a decoder."""
    _with_handle(functions[_CLOSE], (decoder,))


@jit
def header(functions, decoder, data):
    """Read the header of the JPEG `data`, uint8 (bytes,): (height, width, chroma storage, colour space).

    Height is 0 where it is no JPEG, and the storage of chroma -1 where libturbojpeg has no name for it. Remarks
    on the header do not matter: they are made again when the picture is decoded.
    """
    found = np.zeros(4, np.int32)
    at = found.ctypes.data
    given = (decoder, data.ctypes.data, data.size, at, at + 4, at + 8, at + 12)
    _header(functions[_HEADER], given)
    return np.int64(found[1]), np.int64(found[0]), np.int64(found[2]), np.int64(found[3])


@jit
def decode_rgb(functions, decoder, data, picture):
    """Decode a JPEG to `picture`, uint8 (H, W, 3) of the size in its header. True if there was no fault."""
    height, width = picture.shape[0], picture.shape[1]
    given = (decoder, data.ctypes.data, data.size, picture.ctypes.data, width, 3 * width, height, 0, 0)
    return _to_rgb(functions[_TO_RGB], given) == 0


@jit
def decode_planes(functions, decoder, data, places, strides, height, width):
    """Decode a JPEG to planes Y, Cb, Cr, as they are stored or shrunk in the transformed domain.

    Args:
        data: uint8 (bytes,).
        places: int64 (3,): addresses of the planes.
        strides: int32 (3,): bytes a row of each.
        height, width: the size of the whole picture in its header, or ceil of its half, quarter or eighth.

    Returns:
        True if there was no fault.
    """
    given = (decoder, data.ctypes.data, data.size, places.ctypes.data, width, strides.ctypes.data, height, 0)
    return _to_planes(functions[_TO_PLANES], given) == 0


@jit
def is_only_rest_ignored(functions, decoder, ending):
    """Whether all that the last call found was data after the last row that it was told of.

    libjpeg keeps the text of the first warning of a picture. `ending`, uint8, is the end of that text.
    """
    text = uint8_at(_with_handle(functions[_ERROR], (decoder,)), (200,))
    length = 0
    while length < text.size and text[length] != 0:
        length += 1
    return length >= ending.size and np.array_equal(text[length - ending.size : length], ending)


REST_IGNORED = np.frombuffer(b"extraneous bytes before marker 0xd9", np.uint8).copy()
"""What libjpeg says of data between the last row and the end of the picture; for `is_only_rest_ignored`."""
