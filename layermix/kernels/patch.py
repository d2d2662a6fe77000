"""Operations on a rectangle: erasing, and the four blends inside it.

A rectangle is (top, left, height, width), may be empty and may lie partly or wholly outside the picture. Pictures are
uint8 (H, W, 3) C-contiguous; `out` may be `source`.
"""

import numpy as np

from layermix.compilation import jit
from layermix.kernels.mask import CHUNK, mask_words
from layermix.kernels.point import copy


@jit
def inside(top, left, height, width, picture):
    """The part of a rectangle in the picture: (top, bottom, left, right), the ends exclusive and never before."""
    first_y, first_x = min(max(top, 0), picture.shape[0]), min(max(left, 0), picture.shape[1])
    last_y, last_x = (
        min(max(top + height, first_y), picture.shape[0]),
        min(max(left + width, first_x), picture.shape[1]),
    )
    return first_y, last_y, first_x, last_x


@jit
def erase(source, top, left, height, width, value, out):
    """Fill the rectangle with `value`, 0 to 255; the rest is `source`."""
    top, bottom, left, right = inside(top, left, height, width, source)
    copy(source, out)
    for y in range(top, bottom):
        out[y, left:right] = value


@jit
def pixel_mask(first, second, columns, top, left, threshold, k0, k1):
    """Put the pixels of `second` into `first` where the mask of the whole picture takes not from `first`.

    `first` and `second` are crops, uint8 (h, w, 3), cut at (top, left) of a picture `columns` wide.
    """
    words, chunk = np.empty(CHUNK, np.uint16), -1
    for y in range(first.shape[0]):
        for x in range(first.shape[1]):
            entry = (top + y) * columns + left + x
            if entry // CHUNK != chunk:
                chunk = entry // CHUNK
                mask_words(chunk, k0, k1, words)
            if words[entry % CHUNK] >= threshold:
                first[y, x, 0] = second[y, x, 0]
                first[y, x, 1] = second[y, x, 1]
                first[y, x, 2] = second[y, x, 2]


@jit
def element_mask(first, second, columns, top, left, threshold, k0, k1):
    """The same as `pixel_mask`, value by value."""
    words, chunk = np.empty(CHUNK, np.uint16), -1
    for y in range(first.shape[0]):
        a, b = first[y].reshape(-1), second[y].reshape(-1)
        start = 3 * ((top + y) * columns + left)
        for n in range(a.size):
            entry = start + n
            if entry // CHUNK != chunk:
                chunk = entry // CHUNK
                mask_words(chunk, k0, k1, words)
            if words[entry % CHUNK] >= threshold:
                a[n] = b[n]
