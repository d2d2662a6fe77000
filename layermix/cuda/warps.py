"""Warps: bilinear about the centre, zero outside, in the fixed point of `layermix.kernels.warp`.

Pictures are uint8 (H * W * 3,), which must not overlap, of sides up to `layermix.cuda.engine.MOST_SIDE`, so that
coordinates fit in 32 bits; `size` and `place` are those of `layermix.cuda.spatial`.
"""

import math

import numpy as np

from layermix.cuda.device import ROUND, device, least, most, product, to_fixed
from layermix.cuda.spatial import index_of, neighbour


@device
def rotate(a, cosine, sine, dst, size, place):
    """Turn counter-clockwise by the angle of the given cosine and sine."""
    centre_x, centre_y = (size[1] - 1) * 0.5, (size[0] - 1) * 0.5
    step_x, step_y = np.int32(to_fixed(cosine)), np.int32(to_fixed(sine))
    y = place[0]
    while y < size[0]:
        x_at = np.int32(to_fixed(centre_x - product(cosine, centre_x) - product(sine, y - centre_y)))
        y_at = np.int32(to_fixed(centre_y - product(sine, centre_x) + product(cosine, y - centre_y)))
        x = place[2]
        while x < size[1]:
            _sample(a, np.int32(x_at + x * step_x), np.int32(y_at + x * step_y), dst, index_of(y, x, size), size)
            x = np.int32(x + place[3])
        y = np.int32(y + place[1])


@device
def _sample(a, x_fixed, y_fixed, dst, at, size):
    x, y = np.int32(x_fixed >> 16), np.int32(y_fixed >> 16)
    fx, fy = np.int32((x_fixed >> 8) & 255), np.int32((y_fixed >> 8) & 255)
    is_left, is_right = 0 <= x < size[1], -1 <= x < size[1] - 1
    is_upper, is_lower = 0 <= y < size[0], -1 <= y < size[0] - 1
    near = index_of(y, x, size)
    below = neighbour(near, 3 * size[1])
    for channel in range(3):
        upper = _mix(
            _value(a, neighbour(near, channel), is_upper and is_left),
            _value(a, neighbour(near, channel + 3), is_upper and is_right),
            fx,
        )
        lower = _mix(
            _value(a, neighbour(below, channel), is_lower and is_left),
            _value(a, neighbour(below, channel + 3), is_lower and is_right),
            fx,
        )
        dst[neighbour(at, channel)] = np.int32(_mix(upper, lower, fy) + ROUND) >> 16


@device
def _mix(near, far, fraction):
    """near + (far - near) * fraction / 256, with the 8 bits more that this takes."""
    return np.int32(near * np.int32(256 - fraction) + far * fraction)


@device
def _value(a, at, is_there):
    """The value at an index that holds where the pixel lies in the picture, else 0."""
    return np.int32(a[at]) if is_there else np.int32(0)


@device
def slide_rows(a, slope, offset, dst, size, place):
    """out(x, y) = a(x + offset + slope * (y - centre), y)."""
    centre, y = (size[0] - 1) * 0.5, place[0]
    while y < size[0]:
        whole, fraction = _split(offset + slope * (y - centre), size[1])
        x = place[2]
        while x < size[1]:
            near = np.int32(x + whole)
            are_there = 0 <= near < size[1], -1 <= near < size[1] - 1
            _mean(a, index_of(y, near, size), 3, are_there, fraction, dst, index_of(y, x, size))
            x = np.int32(x + place[3])
        y = np.int32(y + place[1])


@device
def slide_columns(a, slope, offset, dst, size, place):
    """out(x, y) = a(x, y + offset + slope * (x - centre))."""
    centre, x = (size[1] - 1) * 0.5, place[2]
    while x < size[1]:
        whole, fraction = _split(offset + slope * (x - centre), size[0])
        y = place[0]
        while y < size[0]:
            near = np.int32(y + whole)
            are_there = 0 <= near < size[0], -1 <= near < size[0] - 1
            _mean(a, index_of(near, x, size), 3 * size[1], are_there, fraction, dst, index_of(y, x, size))
            y = np.int32(y + place[1])
        x = np.int32(x + place[3])


@device
def _split(shift, side):
    """Split a shift in pixels into whole pixels, at most one more than the side, and 1/256ths, 0 to 255; int32."""
    fixed = np.int64(math.floor(shift * 256.0 + 0.5))
    return np.int32(least(most(fixed >> 8, -side - 1), side + 1)), np.int32(fixed & 255)


@device
def _mean(a, near, step, are_there, fraction, dst, at):
    """The pixel between the one at index `near` and the one `step` values on, put at index `at`."""
    far = neighbour(near, step)
    for channel in range(3):
        first = _value(a, neighbour(near, channel), are_there[0])
        second = _value(a, neighbour(far, channel), are_there[1])
        dst[neighbour(at, channel)] = np.int32(_mix(first, second, fraction) + 128) >> 8
