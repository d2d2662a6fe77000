"""Shears and translations: rows or columns that slide, bilinear, zero outside, in fixed point.

All kernels take `source` and `out`, uint8 (H, W, 3) C-contiguous, which must not overlap. Weights have 8 fractional
bits, so a mean of two values is computed in 16 bits. Directions are torchvision's.
"""

import numpy as np

from layermix.compilation import inlined, jit
from layermix.kernels.memory import fetch
from layermix.transpose import padded, transpose

_HALF, _BITS, _WHOLE = np.uint16(128), np.uint16(8), 256


@jit
def shear_x(source, tangent, out):
    """Slide row y by tangent * (y - centre): out(x, y) = source(x + tangent * (y - centre), y)."""
    a, o = source.reshape(-1), out.reshape(-1)
    height, width = source.shape[0], source.shape[1]
    centre = (height - 1) * 0.5
    for y in range(height):
        whole, fraction = _split(tangent * (y - centre))
        _slide(a, y * width * 3, width, 3, whole, fraction, o)


@jit
def translate_x(source, pixels, out):
    """Move the picture to the right by `pixels`."""
    a, o = source.reshape(-1), out.reshape(-1)
    width = source.shape[1]
    whole, fraction = _split(-pixels)
    for y in range(source.shape[0]):
        _slide(a, y * width * 3, width, 3, whole, fraction, o)


@jit
def translate_y(source, pixels, out):
    """Move the picture down by `pixels`."""
    whole, fraction = _split(-pixels)
    _slide(source.reshape(-1), 0, source.shape[0], source.shape[1] * 3, whole, fraction, out.reshape(-1))


@jit
def _split(shift):
    """Split a shift in pixels into whole pixels and 1/256ths, 0 to 255."""
    fixed = np.int64(np.floor(shift * 256.0 + 0.5))
    return fixed >> 8, fixed & 255


@jit
def _slide(a, start, count, size, whole, fraction, o):
    """out(n) = source(n + whole + fraction / 256) for `count` items of `size` bytes (pixels, rows) from `start` on."""
    first, last = min(max(-whole, 0), count), min(max(count - 1 - whole, 0), count)
    last = max(first, last)
    begin, end = start + first * size, start + last * size
    _fill(o, start, begin)
    _mean(a, begin + whole * size, begin + (whole + 1) * size, fraction, o, begin, end - begin)
    _fill(o, end, start + count * size)
    if 0 <= -whole - 1 < count:
        _fade(a, start, fraction, o, begin - size, size)
    if 0 <= count - 1 - whole < count:
        _fade(a, start + (count - 1) * size, _WHOLE - fraction, o, start + (count - 1 - whole) * size, size)


# Offsets without a sign: no loop has to look for indices from the end.


@inlined
def _fill(o, start, stop):
    for n in range(np.uint64(start), np.uint64(stop)):
        o[n] = 0


@inlined
def _mean(a, near, far, fraction, o, to, count):
    """Write the means of `count` values from `near` on and from `far` on, the latter with weight fraction / 256."""
    near_weight, far_weight = np.uint16(_WHOLE - fraction), np.uint16(fraction)
    near, far, to = np.uint64(near), np.uint64(far), np.uint64(to)
    for n in range(np.uint64(count)):
        left, right = np.uint16(a[near + n]), np.uint16(a[far + n])
        total = np.uint16(np.uint16(left * near_weight) + np.uint16(right * far_weight) + _HALF)
        o[to + n] = np.uint8(np.uint16(total >> _BITS))


@inlined
def _fade(a, at, weight, o, to, count):
    """The same between a value and black."""
    weight, at, to = np.uint16(weight), np.uint64(at), np.uint64(to)
    for n in range(np.uint64(count)):
        o[to + n] = np.uint8(np.uint16(np.uint16(np.uint16(a[at + n]) * weight + _HALF) >> _BITS))


@jit
def shear_y(source, tangent, out):
    """Slide column x by tangent * (x - centre): out(x, y) = source(x, y + tangent * (x - centre)).

    The columns are turned into rows, channel by channel, and back.
    """
    height, values = source.shape[0], 3 * source.shape[1]
    tall, centre = padded(height), (source.shape[1] - 1) * 0.5
    turned, slid = np.empty((padded(values), tall), np.uint8), np.empty((padded(values), tall), np.uint8)
    fetch(source)
    transpose(source.reshape(height, values), turned, height, values)
    a, o = turned.reshape(-1), slid.reshape(-1)
    for n in range(values):
        whole, fraction = _split(tangent * (n // 3 - centre))
        _slide(a, n * tall, height, 1, whole, fraction, o)
    transpose(slid, out.reshape(height, values), values, height)
