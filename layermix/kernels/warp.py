"""Warps: bilinear about the centre of the picture, zero outside, in fixed point. Rotation here, the rest in `slide`.

All kernels take `source` and `out`, uint8 (H, W, 3) C-contiguous, which must not overlap. Weights have 8 fractional
bits, coordinates 16. Directions are torchvision's.
"""

import numpy as np

from layermix.compilation import inlined, jit
from layermix.kernels.fixed import to_fixed
from layermix.kernels.memory import load_word
from layermix.kernels.slide import shear_x, shear_y, translate_x, translate_y

__all__ = ["rotate", "shear_x", "shear_y", "translate_x", "translate_y"]

_8, _16, _24, _ROUND = np.uint32(8), np.uint32(16), np.uint32(24), np.uint32(1 << 15)
_LOW, _HALF, _ODD, _LOW_OF_UPPER = np.uint32(0xFF), np.uint32(0xFFFF), np.uint32(0xFF00FF), np.uint32(0xFF0000)

_FRAME = 2
"""Black pixels around a picture: a point beyond has none but black neighbours."""


@jit
def rotate(source, degrees, out):
    """Turn the picture counter-clockwise by `degrees`."""
    height, width = source.shape[0], source.shape[1]
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    centre_x, centre_y = (width - 1) * 0.5, (height - 1) * 0.5
    step_x, step_y = to_fixed(cosine), to_fixed(sine)
    framed, flat = _frame(source), out.reshape(-1)
    places, row = np.empty(width, np.int64), np.empty(width, np.uint32)
    upper, lower = np.empty(width, np.uint64), np.empty(width, np.uint64)
    for y in range(height):
        x_at = to_fixed(centre_x - cosine * centre_x - sine * (y - centre_y))
        y_at = to_fixed(centre_y - sine * centre_x + cosine * (y - centre_y))
        _locate(x_at, step_x, y_at, step_y, height, width, places)
        _gather(framed, 3 * (width + 2 * _FRAME), places, upper, lower)
        _mix(x_at, step_x, y_at, step_y, upper, lower, row)
        _unpack(row, flat, 3 * width * y)


@jit
def _frame(source):
    """A copy of the picture in a black frame, uint8 (bytes,), and some bytes more: every neighbour is there to read.

    Making it reads the picture in straight order, which alone brings it into the cache fast.
    """
    height, width = source.shape[0], source.shape[1]
    line = 3 * (width + 2 * _FRAME)
    framed, a = np.zeros((height + 2 * _FRAME) * line + 8, np.uint8), source.reshape(-1)
    for y in range(height):
        start, to = np.uint64(3 * width * y), np.uint64((y + _FRAME) * line + 3 * _FRAME)
        for n in range(np.uint64(3 * width)):
            framed[to + n] = a[start + n]
    return framed


@jit
def _locate(x_at, step_x, y_at, step_y, height, width, places):
    """Fill in where in the frame the left upper neighbour of each pixel of a row lies; far outside is on the frame."""
    line = np.int64(np.uint32(3 * (width + 2 * _FRAME)))
    for n in range(places.size):
        x, y = min(max(x_at >> 16, -_FRAME), width), min(max(y_at >> 16, -_FRAME), height)
        # Of numbers that are known to have 32 bits the product is one instruction, of any others several slow ones.
        places[n] = np.int64(np.uint32(y + _FRAME)) * line + 3 * (x + _FRAME)
        x_at, y_at = x_at + step_x, y_at + step_y


@jit
def _gather(framed, line, places, upper, lower):
    """Fetch words that begin with two neighbours of a row."""
    start = framed.ctypes.data
    for n in range(np.uint64(places.size)):
        at = start + places[n]
        upper[n], lower[n] = load_word(at), load_word(at + line)


@jit
def _mix(x_at, step_x, y_at, step_y, upper, lower, row):
    """Blend the four neighbours of each pixel of a row, from the words of two, into one word a pixel, red lowest."""
    # Only bits 8 to 15 of a coordinate count, whatever is lost above.
    x, y, step_x, step_y = np.uint32(x_at), np.uint32(y_at), np.uint32(step_x), np.uint32(step_y)
    # Read as halves: of a word of 64 bits all that follows would be computed in 64.
    uppers, lowers = upper.view(np.uint32), lower.view(np.uint32)
    for n in range(np.uint64(row.size)):
        fx, fy = np.uint32(np.uint32(x >> _8) & _LOW), np.uint32(np.uint32(y >> _8) & _LOW)
        first, second = np.uint64(2) * n, np.uint64(2) * n + np.uint64(1)
        a, b = uppers[first], _second_pixel(uppers[first], uppers[second])
        c, d = lowers[first], _second_pixel(lowers[first], lowers[second])
        row[n] = _bilinear(a, b, c, d, fx, fy)
        x, y = np.uint32(x + step_x), np.uint32(y + step_y)


@inlined
def _second_pixel(first, second):
    """Bytes 3 to 5 of a word, lowest first, from its halves."""
    return np.uint32(np.uint32(first >> _24) | np.uint32(second << _8))


@jit
def _unpack(row, out, start):
    """Write a row of one 32-bit word a pixel, red lowest."""
    to = np.uint64(start)
    for n in range(np.uint64(row.size)):
        at, value = to + np.uint64(3) * n, row[n]
        out[at] = np.uint8(value)
        out[at + np.uint64(1)] = np.uint8(value >> _8)
        out[at + np.uint64(2)] = np.uint8(value >> _16)


@inlined
def _bilinear(a, b, c, d, fx, fy):
    """Mean of the packed pixels a, b of the upper and c, d of the lower row, weights in 1/256.

    Red and blue share a word, and the greens of both rows: 16 bits each, which the first mean fills but never leaves.
    What stands above the 24 bits of a pixel is ignored.
    """
    upper = _lerp(a & _ODD, b & _ODD, fx)
    lower = _lerp(c & _ODD, d & _ODD, fx)
    greens = _lerp(
        np.uint32(np.uint32(a >> _8) & _LOW) | np.uint32(np.uint32(c << _8) & _LOW_OF_UPPER),
        np.uint32(np.uint32(b >> _8) & _LOW) | np.uint32(np.uint32(d << _8) & _LOW_OF_UPPER),
        fx,
    )
    red = _mean(upper & _HALF, lower & _HALF, fy)
    green = _mean(greens & _HALF, greens >> _16, fy)
    blue = _mean(upper >> _16, lower >> _16, fy)
    return np.uint32(red | np.uint32(green << _8) | np.uint32(blue << _16))


@inlined
def _lerp(a, b, weight):
    return np.uint32(np.uint32(np.uint32(a) << _8) + np.uint32(np.uint32(np.uint32(b) - np.uint32(a)) * weight))


@inlined
def _mean(a, b, weight):
    return np.uint32(np.uint32(_lerp(a, b, weight) + _ROUND) >> _16)
