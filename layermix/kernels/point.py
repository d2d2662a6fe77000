"""Point operations: every output value depends on the input value at the same place.

All kernels take `source` and `out`, uint8 (H, W, 3) C-contiguous, which may be the same array.
"""

import numpy as np

from layermix.compilation import inlined, jit
from layermix.kernels.fixed import ONE, ROUND, SHIFT, to_fixed
from layermix.kernels.memory import same

_EIGHT, _HALF, _MOST = np.uint16(8), np.uint16(128), np.uint16(255)


@jit
def copy(source, out):
    """out = source."""
    a, o = source.reshape(-1), out.reshape(-1)
    for n in range(o.size):
        o[n] = a[n]


@jit
def brightness(source, factor, out):
    """out = clip(factor * source), factor >= 0 (16 fractional bits)."""
    a, o = source.reshape(-1), out.reshape(-1)
    scale = to_fixed(min(factor, 255.9))  # from there on the values are 0 and 255
    parts = np.uint16(scale >> 16), np.uint16((scale >> 8) & 255), np.uint16(scale & 255)
    if same(source, out):
        _scale(o, parts, o)
    else:
        _scale(a, parts, o)


@inlined
def _scale(a, parts, o):
    """Multiply by whole + high / 256 + low / 65536, rounded.

    Floors of floors are the floor of the whole, and every sum fits 16 bits. NumPy's functions keep them where Numba's
    operators go to 64: four times as many values in a vector register.
    """
    whole, high, low = parts
    for n in range(o.size):
        value = np.uint16(a[n])
        part = np.right_shift(np.multiply(value, low), _EIGHT)
        part = np.add(np.add(np.multiply(value, high), part), _HALF)
        o[n] = np.minimum(np.add(np.multiply(value, whole), np.right_shift(part, _EIGHT)), _MOST)


@jit
def posterize(source, bits, out):
    """Keep the `bits` highest bits, 0 to 8, of every value."""
    a, o = source.reshape(-1), out.reshape(-1)
    mask = np.uint8(0xFF & (0xFF << (8 - bits)))
    if same(source, out):
        _and(o, mask, o)
    else:
        _and(a, mask, o)


@inlined
def _and(a, mask, o):
    for n in range(o.size):
        o[n] = a[n] & mask


@jit
def solarize(source, threshold, out):
    """Invert the values at or above `threshold`, 0 (all) to 256 (none)."""
    a, o = source.reshape(-1), out.reshape(-1)
    limit = np.int16(threshold)
    if same(source, out):
        _invert_from(o, limit, o)
    else:
        _invert_from(a, limit, o)


@inlined
def _invert_from(a, limit, o):
    for n in range(o.size):
        value = np.int16(a[n])
        o[n] = 255 - value if value >= limit else value


@jit
def grayscale(source, out):
    """Replace the channels by the ITU-R 601 luma 0.299 R + 0.587 G + 0.114 B."""
    a, o = source.reshape(-1), out.reshape(-1)
    if same(source, out):
        _luma(o, o)
    else:
        _luma(a, o)


@inlined
def _luma(a, o):
    for n in range(o.size // 3):
        gray = np.uint8(luma(np.int32(a[3 * n]), np.int32(a[3 * n + 1]), np.int32(a[3 * n + 2])))
        o[3 * n] = gray
        o[3 * n + 1] = gray
        o[3 * n + 2] = gray


_RED, _GREEN = np.int32(0.299 * ONE + 0.5), np.int32(0.587 * ONE + 0.5)
_BLUE = np.int32(ONE - _RED - _GREEN)


@inlined
def luma(red, green, blue):
    """ITU-R 601 luma in 8 bits; all int32."""
    weighted = np.add(np.add(np.multiply(_RED, red), np.multiply(_GREEN, green)), np.multiply(_BLUE, blue))
    return np.right_shift(np.add(weighted, ROUND), SHIFT)
