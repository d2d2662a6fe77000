"""Operations that go by row and column: each warp takes rows, its threads take neighbouring pixels.

Pictures are uint8 (H * W * 3,). `size` is (height, width), `place` is (first row, row step, first column, column step)
of the thread, `box` is a rectangle (top, bottom, left, right) inside the picture, ends exclusive; all are int32.
"""

import numpy as np

from layermix.cuda.device import ROUND, SHIFT, clip, device, least, luma, most, to_fixed
from layermix.cuda.flat import arithmetic_value, arithmetic_weights, geometric_value


@device
def index_of(y, x, size):
    """Where the pixel begins, uint32."""
    return np.uint32(3 * (y * size[1] + x))


@device
def neighbour(index, values):
    """The index some values further on or, where `values` is negative, back."""
    return np.uint32(np.int64(index) + values)


@device
def grayscale(a, dst, pixels, lane):
    """Replace the channels by their luma; `pixels` and `lane`, (thread, threads), are uint32."""
    n = lane[0]
    while n < pixels:
        at = np.uint32(3 * n)
        gray = _luma_at(a, at)
        for channel in range(3):
            dst[neighbour(at, channel)] = gray
        n = np.uint32(n + lane[1])


@device
def _luma_at(a, at):
    return luma(np.int32(a[at]), np.int32(a[neighbour(at, 1)]), np.int32(a[neighbour(at, 2)]))


@device
def color(a, factor, dst, pixels, lane):
    """Enhance against the luma of the pixel."""
    scale, n = np.int32(to_fixed(least(factor, 64.0))), lane[0]
    while n < pixels:
        at = np.uint32(3 * n)
        dull = np.int32((65536 - scale) * _luma_at(a, at) + ROUND)
        for channel in range(3):
            to = neighbour(at, channel)
            dst[to] = clip(np.int32(np.int32(scale * np.int32(a[to]) + dull) >> SHIFT))
        n = np.uint32(n + lane[1])


@device
def sum_luma(a, pixels, lane):
    """The sum of the luma of this thread's pixels, int64."""
    total, n = np.int64(0), lane[0]
    while n < pixels:
        total += np.int64(_luma_at(a, np.uint32(3 * n)))
        n = np.uint32(n + lane[1])
    return total


@device
def sharpness(a, factor, dst, size, place):
    """Enhance against the picture smoothed by 3 x 3 neighbours; the border stays."""
    scale, y = np.int32(to_fixed(least(factor, 64.0))), place[0]
    while y < size[0]:
        x = place[2]
        while x < size[1]:
            at = index_of(y, x, size)
            is_inside_border = 0 < y < size[0] - 1 and 0 < x < size[1] - 1
            for channel in range(3):
                to = neighbour(at, channel)
                dst[to] = _sharper(a, to, scale, size) if is_inside_border else np.int32(a[to])
            x = np.int32(x + place[3])
        y = np.int32(y + place[1])


@device
def _sharper(a, at, scale, size):
    row, middle = np.int32(3 * size[1]), np.int32(a[at])
    total = _three(a, neighbour(at, -row)) + _three(a, at) + _three(a, neighbour(at, row)) + 4 * middle
    smooth = np.int32(np.uint32(total + 6) // np.uint32(13))
    return clip(np.int32(np.int32(scale * middle + (65536 - scale) * smooth + ROUND) >> SHIFT))


@device
def _three(a, at):
    return np.int32(np.int32(a[neighbour(at, -3)]) + np.int32(a[at]) + np.int32(a[neighbour(at, 3)]))


@device
def mirror(a, dst, size, place):
    """Exchange left and right."""
    y = place[0]
    while y < size[0]:
        x = place[2]
        while x < size[1]:
            source, target = index_of(y, size[1] - 1 - x, size), index_of(y, x, size)
            for channel in range(3):
                dst[neighbour(target, channel)] = a[neighbour(source, channel)]
            x = np.int32(x + place[3])
        y = np.int32(y + place[1])


@device
def box_of(top, left, height, width, size):
    """The part of a rectangle inside the picture."""
    first_y, first_x = least(most(top, 0), size[0]), least(most(left, 0), size[1])
    last_y = least(most(top + height, first_y), size[0])
    last_x = least(most(left + width, first_x), size[1])
    return np.int32(first_y), np.int32(last_y), np.int32(first_x), np.int32(last_x)


@device
def is_inside(y, x, box):
    """Whether a pixel lies in the box."""
    return box[0] <= y < box[1] and box[2] <= x < box[3]


@device
def erase(a, value, dst, size, box, place):
    """Fill the box with `value`."""
    y = place[0]
    while y < size[0]:
        x = place[2]
        while x < size[1]:
            at, is_erased = index_of(y, x, size), is_inside(y, x, box)
            for channel in range(3):
                to = neighbour(at, channel)
                dst[to] = value if is_erased else np.int32(a[to])
            x = np.int32(x + place[3])
        y = np.int32(y + place[1])


@device
def patch_arithmetic(a, b, p, q, dst, size, box, place):
    """The arithmetic blend inside the box, `a` outside."""
    weights, y = arithmetic_weights(p, q), place[0]
    while y < size[0]:
        x = place[2]
        while x < size[1]:
            at, is_blended = index_of(y, x, size), is_inside(y, x, box)
            for channel in range(3):
                to = neighbour(at, channel)
                value = np.int32(a[to])
                dst[to] = arithmetic_value(value, np.int32(b[to]), weights) if is_blended else value
            x = np.int32(x + place[3])
        y = np.int32(y + place[1])


@device
def patch_geometric(a, b, left, right, dst, size, box, place):
    """The geometric blend inside the box, `a` outside."""
    y = place[0]
    while y < size[0]:
        x = place[2]
        while x < size[1]:
            at, is_blended = index_of(y, x, size), is_inside(y, x, box)
            for channel in range(3):
                to = neighbour(at, channel)
                value, other = np.uint32(a[to]), np.uint32(b[to])
                dst[to] = geometric_value(left[value], right[other]) if is_blended else np.int32(value)
            x = np.int32(x + place[3])
        y = np.int32(y + place[1])


@device
def load_fractal(pixels, table, channels, crop, dst, size, place):
    """Copy the crop (picture, top, left, flips) of the bank, gray to all channels; the bank may be over 4 GiB."""
    picture, top, left, flips = crop
    offset, stride, step = table[picture, 0], table[picture, 2], np.uint64(channels // 3)
    y = place[0]
    while y < size[0]:
        row = top + (size[0] - 1 - y if flips & 2 else y)
        start, x = offset + (row * stride + left) * channels, place[2]
        while x < size[1]:
            column = size[1] - 1 - x if flips & 1 else x
            source, target = np.uint64(start + column * channels), index_of(y, x, size)
            for channel in range(3):
                dst[neighbour(target, channel)] = pixels[source + step * np.uint64(channel)]
            x = np.int32(x + place[3])
        y = np.int32(y + place[1])
