"""Warps: bilinear about the centre of the picture, zero outside, in fixed point. Rotation here, the rest in `slide`.

All kernels take `source` and `out`, uint8 (H, W, 3) C-contiguous, which must not overlap. Weights have 8 fractional
bits, coordinates 16. Directions are torchvision's.
"""

import numpy as np

from layermix.compilation import inlined, jit
from layermix.kernels.fixed import ONE, to_fixed
from layermix.kernels.memory import fetch, load_word
from layermix.kernels.slide import shear_x, shear_y, translate_x, translate_y

__all__ = ["rotate", "shear_x", "shear_y", "translate_x", "translate_y"]

_8, _16, _ROUND = np.uint32(8), np.uint32(16), np.uint32(1 << 15)
_LOW, _HALF, _ODD, _LOW_OF_UPPER = np.uint32(0xFF), np.uint32(0xFFFF), np.uint32(0xFF00FF), np.uint32(0xFF0000)
_WORD_16, _WORD_24, _WORD_40 = np.uint64(16), np.uint64(24), np.uint64(40)


@jit
def rotate(source, degrees, out):
    """Turn the picture counter-clockwise by `degrees`.

    Each row is split into stretches: all four neighbours inside the picture, some of them, none (black).
    """
    height, width = source.shape[0], source.shape[1]
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    centre_x, centre_y = (width - 1) * 0.5, (height - 1) * 0.5
    step_x, step_y = to_fixed(cosine), to_fixed(sine)
    row, flat = np.empty(width, np.uint32), out.reshape(-1)
    above, below = np.empty(width, np.uint64), np.empty(width, np.uint64)
    fetch(source)
    for y in range(height):
        x_at = to_fixed(centre_x - cosine * centre_x - sine * (y - centre_y))
        y_at = to_fixed(centre_y - sine * centre_x + cosine * (y - centre_y))
        start, stop = _stretch(x_at, step_x, y_at, step_y, -ONE, width * ONE, height * ONE, width)
        first, last = _stretch(x_at, step_x, y_at, step_y, 0, (width - 1) * ONE, (height - 1) * ONE, width)
        if first == last:
            first = last = start
        _blacken(row, 0, start)
        _sample_border(source, x_at, y_at, step_x, step_y, start, first, row)
        _sample_interior(source, x_at, y_at, step_x, step_y, first, last, above, below, row)
        _sample_border(source, x_at, y_at, step_x, step_y, last, stop, row)
        _blacken(row, stop, width)
        _unpack(row, flat, 3 * width * y)


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
def _blacken(row, first, last):
    for n in range(np.uint64(first), np.uint64(last)):
        row[n] = 0


@jit
def _stretch(x_at, step_x, y_at, step_y, low, high_x, high_y, count):
    """The n in 0..count - 1, [first, last), whose point lies in [low, high_x) x [low, high_y); fixed point."""
    first_x, last_x = _stretch_1d(x_at, step_x, low, high_x, count)
    first_y, last_y = _stretch_1d(y_at, step_y, low, high_y, count)
    first = max(first_x, first_y)
    return first, max(min(last_x, last_y), first)


@jit
def _stretch_1d(at, step, low, high, count):
    if step == 0:
        return 0, (count if low <= at < high else 0)
    if step > 0:
        first, last = -((at - low) // step), -((at - high) // step)
    else:
        first, last = (at - high) // -step + 1, (at - low) // -step + 1
    return min(max(first, 0), count), min(max(last, 0), count)


@jit
def _sample_interior(source, x_at, y_at, step_x, step_y, first, last, above, below, row):
    """First fetch the words that begin with two neighbours of a row, then compute on vectors.

    A word has two bytes more than two pixels: in the upper row those behind, in the lower row those before.
    """
    # Coordinates inside the picture fit 32 bits without a sign, whatever the sums on the way.
    x_at, y_at, step_x, step_y = np.uint32(x_at), np.uint32(y_at), np.uint32(step_x), np.uint32(step_y)
    place, line = source.ctypes.data, 3 * source.shape[1]
    for n in range(np.uint64(first), np.uint64(last)):
        x, y = np.uint32(x_at + np.uint32(np.uint32(n) * step_x)), np.uint32(y_at + np.uint32(np.uint32(n) * step_y))
        at = place + np.int64(y >> _16) * line + np.int64(x >> _16) * 3
        above[n], below[n] = load_word(at), load_word(at + line - 2)
    for n in range(np.uint64(first), np.uint64(last)):
        x, y = np.uint32(x_at + np.uint32(np.uint32(n) * step_x)), np.uint32(y_at + np.uint32(np.uint32(n) * step_y))
        fx, fy = np.uint32(np.uint32(x >> _8) & _LOW), np.uint32(np.uint32(y >> _8) & _LOW)
        upper, lower = above[n], below[n]
        a, b = np.uint32(upper), np.uint32(upper >> _WORD_24)
        c, d = np.uint32(lower >> _WORD_16), np.uint32(lower >> _WORD_40)
        row[n] = _bilinear(a, b, c, d, fx, fy)


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


@jit
def _sample_border(source, x_at, y_at, step_x, step_y, first, last, row):
    for n in range(first, last):
        x, y = x_at + n * step_x, y_at + n * step_y
        left, above = x >> 16, y >> 16
        a, b = _pixel(source, left, above), _pixel(source, left + 1, above)
        c, d = _pixel(source, left, above + 1), _pixel(source, left + 1, above + 1)
        row[n] = _bilinear(a, b, c, d, np.uint32((x >> 8) & 255), np.uint32((y >> 8) & 255))


@jit
def _pixel(source, x, y):
    if not (0 <= x < source.shape[1] and 0 <= y < source.shape[0]):
        return np.uint32(0)
    red, green, blue = source[y, x]
    return np.uint32(red) | np.uint32(green) << _8 | np.uint32(blue) << _16
