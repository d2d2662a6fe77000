"""Contrast, colour, sharpness (Pillow's `ImageEnhance`), inversion and mirroring.

An enhancement with factor f takes the picture away from a duller one: out = clip(f source + (1 - f) dull), f with 16
fractional bits. All kernels take `source` and `out`, uint8 (H, W, 3) C-contiguous, which may be the same array except
for `sharpness` and `mirror`. NumPy's functions keep the width of their numbers, where Numba's operators go to 64 bits:
twice as many values in a vector register, and one instruction a product.
"""

import numpy as np

from layermix.compilation import inlined, jit
from layermix.kernels.fixed import ONE, ROUND, SHIFT, to_fixed
from layermix.kernels.memory import same
from layermix.kernels.point import copy, luma

MOST = 64.0
"""Factors above it are taken for it, so that 32 bits hold all products."""
_LEAST_VALUE, _MOST_VALUE = np.int32(0), np.int32(255)
_BLOCK = 4096


@inlined
def _enhanced(scale, value, offset):
    """clip((scale value + offset) / 65536), uint8; all int32."""
    shifted = np.right_shift(np.add(np.multiply(scale, value), offset), SHIFT)
    return np.uint8(min(max(shifted, _LEAST_VALUE), _MOST_VALUE))


@jit
def contrast(source, factor, out):
    """Enhance against the mean of the picture's luma."""
    a, o = source.reshape(-1), out.reshape(-1)
    pixels = a.size // 3
    mean = (_sum_of_luma(a) * ONE + pixels // 2) // pixels
    scale = to_fixed(min(factor, MOST))
    offset = np.int32(((ONE - scale) * mean + (1 << 31)) >> 16)
    if same(source, out):
        _enhance(o, np.int32(scale), offset, o)
    else:
        _enhance(a, np.int32(scale), offset, o)


@jit
def _sum_of_luma(a):
    """The sum of all pixels' luma; blocks of them have sums of 32 bits."""
    pixels, total = a.size // 3, 0
    for start in range(0, pixels, _BLOCK):
        part = np.uint32(0)
        for n in range(np.uint64(start), np.uint64(min(start + _BLOCK, pixels))):
            at = np.uint64(3) * n
            red, green, blue = np.int32(a[at]), np.int32(a[at + np.uint64(1)]), np.int32(a[at + np.uint64(2)])
            part = np.uint32(part + np.uint32(luma(red, green, blue)))
        total += np.int64(part)
    return total


@inlined
def _enhance(a, scale, offset, o):
    for n in range(o.size):
        o[n] = _enhanced(scale, np.int32(a[n]), offset)


@jit
def color(source, factor, out):
    """Enhance against the picture's luma: 0 is gray, 1 changes nothing."""
    a, o = source.reshape(-1), out.reshape(-1)
    scale = np.int32(to_fixed(min(factor, MOST)))
    if same(source, out):
        _color(o, scale, o)
    else:
        _color(a, scale, o)


@inlined
def _color(a, scale, o):
    rest = np.int32(ONE - scale)
    for n in range(o.size // 3):
        red, green, blue = np.int32(a[3 * n]), np.int32(a[3 * n + 1]), np.int32(a[3 * n + 2])
        offset = np.add(np.multiply(rest, luma(red, green, blue)), ROUND)
        o[3 * n] = _enhanced(scale, red, offset)
        o[3 * n + 1] = _enhanced(scale, green, offset)
        o[3 * n + 2] = _enhanced(scale, blue, offset)


@jit
def sharpness(source, factor, out):
    """Enhance against the picture smoothed by 3 x 3 neighbours, the middle weighted 5 times; the border stays."""
    last, scale = source.shape[0] - 1, np.int32(to_fixed(min(factor, MOST)))
    copy(source[0], out[0])
    copy(source[last], out[last])
    for y in range(1, last):
        above, below = source[y - 1].reshape(-1), source[y + 1].reshape(-1)
        _sharpen_row(above, source[y].reshape(-1), below, scale, out[y].reshape(-1))
        out[y, 0] = source[y, 0]
        out[y, -1] = source[y, -1]


@jit
def _sharpen_row(above, middle, below, scale, o):
    """Enhance all pixels of a row but its first and last, uint8 (W * 3,) each."""
    rest, here, right = np.int32(ONE - scale), np.uint64(3), np.uint64(6)
    for n in range(np.uint64(max(o.size - 6, 0))):
        value = np.int32(middle[n + here])
        total = np.uint32(above[n]) + np.uint32(above[n + here]) + np.uint32(above[n + right])
        total += np.uint32(middle[n]) + np.uint32(5 * value) + np.uint32(middle[n + right])
        total += np.uint32(below[n]) + np.uint32(below[n + here]) + np.uint32(below[n + right])
        smooth = np.int32(np.uint32(total + 6) // np.uint32(13))
        o[n + here] = _enhanced(scale, value, np.int32(rest * smooth + ROUND))


@jit
def invert(source, out):
    """out = 255 - source."""
    a, o = source.reshape(-1), out.reshape(-1)
    for n in range(a.size):
        o[n] = 255 - a[n]


@jit
def mirror(source, out):
    """Exchange left and right."""
    a, o, width = source.reshape(-1), out.reshape(-1), np.uint64(source.shape[1])
    for y in range(np.uint64(source.shape[0])):
        start = np.uint64(3) * width * y
        for x in range(width):
            near, far = start + np.uint64(3) * x, start + np.uint64(3) * (width - np.uint64(1) - x)
            o[near] = a[far]
            o[near + np.uint64(1)] = a[far + np.uint64(1)]
            o[near + np.uint64(2)] = a[far + np.uint64(2)]
