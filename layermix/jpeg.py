"""JPEGs decoded by the library that ffcv's loaders decode with, libturbojpeg, and what it says of damage.

libjpeg decodes damaged data too: it warns, goes on and makes up what it cannot read. That is damage here. What it
remarks on without a pixel being wrong is let pass: stray bytes in the header, numbers there that it does not know, and
bytes before the end, as some encoders and cameras leave them. Where they are more than a few they may be codes that
found no place in the picture, after wrong ones: then the codes before them have to be whole.

Damage that is itself valid codes cannot be found. In ImageNet's files 16 of 100 single flipped bits of the coded data
are found, 93 of 100 overwritten runs of 512 bytes, 99 of 100 of 4,096.

Reading the codes is what takes the time of a check: 120 MB/s a core of ImageNet's files, at any scale and in any pixel
format. Copying them takes a tenth of that time.
"""

import ctypes
import re
from collections.abc import Callable
from functools import cache, partial
from importlib.machinery import PathFinder
from importlib.util import find_spec
from typing import Any

import numpy as np

from layermix.jpeg_codes import codes_are_whole

END_OF_IMAGE = b"\xff\xd9"
"""The marker that ends a JPEG."""

_START_OF_SCAN = 0xDA
_REMARKS = frozenset({*range(0xE0, 0xF0), 0xFE})
"""Markers of application segments and comments."""

_RGB, _CMYK = 0, 11
"""libturbojpeg's names of pixel formats."""
_BYTES = {_RGB: 3, _CMYK: 4}

# The decoder has read up to eight stray bytes before it counts them.
_AT_END = re.compile(r"Corrupt JPEG data: (\d+) extraneous bytes before marker 0xd9")
_A_FEW = 4
_IN_HEADER = re.compile(
    r"Corrupt JPEG data: (\d+ extraneous bytes before marker 0x(?!d[0-79])..|bad ICC marker)"
    r"|Warning: unknown JFIF revision number .*|Unknown Adobe color transform code .*"
)
"""Warnings that touch no pixel. libjpeg keeps the text of the first alone: only at the end can it hide no other."""


def _load_library() -> ctypes.CDLL:
    """ffcv's extension, which is linked to libturbojpeg, without importing ffcv: seconds in every process."""
    package = find_spec("ffcv")
    extension = PathFinder.find_spec("_libffcv", package and package.submodule_search_locations)
    if extension is None or extension.origin is None:
        raise ImportError("ffcv is not installed; its extension brings the JPEG decoder")
    return ctypes.CDLL(extension.origin)


@cache
def _functions() -> tuple[Callable[..., Any], ...]:
    """New decoder, free decoder, its error, decompress; loaded by the first JPEG, for arrays need no ffcv."""
    library = _load_library()
    return (
        ctypes.CFUNCTYPE(ctypes.c_void_p)(("tjInitDecompress", library)),
        ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(("tjDestroy", library)),
        ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)(("tjGetErrorStr2", library)),
        ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_void_p, *[ctypes.c_int] * 5
        )(("tjDecompress2", library)),
    )


def decode_jpeg(jpeg: bytes, height: int, width: int) -> tuple[np.ndarray, str]:
    """A gray or RGB JPEG of this size as uint8 RGB (height, width, 3), and its damage as `find_damage` tells it."""
    pixels, found = _decode(jpeg, height, width, _RGB)
    return pixels, _pixel_damage(found, jpeg, partial(first_remark, height=height, width=width))


def find_damage(jpeg: bytes, height: int, width: int, *, is_cmyk: bool = False) -> str:
    """Why pixels of a JPEG of this size would be made up, in the decoder's words; empty if none would."""
    remark = partial(first_remark, height=height, width=width, is_cmyk=is_cmyk)
    return _pixel_damage(remark(jpeg), jpeg, remark)


def first_remark(jpeg: bytes, height: int, width: int, *, is_cmyk: bool = False) -> str:
    """What the decoder says first of a JPEG of this size, harmless or not; empty if nothing.

    It makes a picture of an eighth of the size: all bits of the file are read for that, and little is computed.
    """
    return _decode(jpeg, -(-height // 8), -(-width // 8), _CMYK if is_cmyk else _RGB)[1]


def is_complete(jpeg: bytes, height: int, width: int) -> bool:
    """Whether the JPEG, whose header is known to be good, has its end; one that does not end there has to decode.

    A file that was broken off is found, wrong bits in the middle of it are not.
    """
    return jpeg.endswith(END_OF_IMAGE) or not first_remark(jpeg, height, width)


def _decode(jpeg: bytes, height: int, width: int, pixel_format: int) -> tuple[np.ndarray, str]:
    """The picture at its own size or ceil of an eighth, uint8 (height, width, 3 or 4), and the first remark, if any."""
    pixels = np.zeros((height, width, _BYTES[pixel_format]), np.uint8)
    new, free, error, decompress = _functions()
    decoder = new()
    try:
        failed = decompress(decoder, jpeg, len(jpeg), pixels.ctypes.data, width, 0, height, pixel_format, 0)
        return pixels, error(decoder).decode("latin1") if failed else ""
    finally:
        free(decoder)


def _pixel_damage(found: str, jpeg: bytes, remark: Callable[[bytes], str]) -> str:
    """What a decoder found, or what a harmless first remark hides, as far as it concerns the pixels."""
    if _IN_HEADER.fullmatch(found):
        found = remark(_without_remarks(jpeg))
    stray = _AT_END.fullmatch(found)
    is_harmless = stray and (int(stray[1]) <= _A_FEW or codes_are_whole(_without_remarks(jpeg)))
    return "" if is_harmless else found


def _without_remarks(jpeg: bytes) -> bytes:
    """The JPEG without stray bytes, comments and application segments before its first scan."""
    kept, place = [jpeg[:2]], 2
    while (place := jpeg.find(b"\xff", place)) >= 0 and place + 4 <= len(jpeg):
        marker = jpeg[place + 1]
        if marker == _START_OF_SCAN:
            return b"".join([*kept, jpeg[place:]])
        if marker in (0x00, 0xFF):  # a stray byte, or one that fills
            place += 1
            continue
        end = place + 2 + int.from_bytes(jpeg[place + 2 : place + 4])
        if marker not in _REMARKS:
            kept.append(jpeg[place:end])
        place = end
    return jpeg
