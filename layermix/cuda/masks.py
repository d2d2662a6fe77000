"""Mask blends, from the same random words as `layermix.kernels.mask`.

A thread computes one Philox block and with it eight entries that lie 128 apart, so neighbouring threads read and write
neighbouring entries.
"""

import numpy as np

from layermix.cuda.device import device, philox4x32
from layermix.cuda.spatial import is_inside
from layermix.kernels.mask import BLOCKS, CHUNK


@device
def element_mask(a, b, threshold, keys, dst, size, box, lane):
    """Take each value from `a` with probability threshold / 65536, and outside the box; else from `b`."""
    entries, block = np.uint32(3 * size[0] * size[1]), lane[0]
    blocks, is_whole = _blocks(entries), _covers(box, size)
    while block < blocks:
        first = _first_entry(block)
        if first < entries:
            words = philox4x32(keys[0], keys[1], block, 0, 0, 0)
            for half in range(8):
                at = np.uint32(first + half * BLOCKS)
                if at < entries:
                    pixel = np.uint32(at // np.uint32(3))
                    keeps = _entry(words, half) < threshold or not (is_whole or _is_pixel_inside(pixel, size, box))
                    dst[at] = a[at] if keeps else b[at]
        block = np.uint32(block + lane[1])


@device
def pixel_mask(a, b, threshold, keys, dst, size, box, lane):
    """The same for whole pixels."""
    entries, block = np.uint32(size[0] * size[1]), lane[0]
    blocks, is_whole = _blocks(entries), _covers(box, size)
    while block < blocks:
        first = _first_entry(block)
        if first < entries:
            words = philox4x32(keys[0], keys[1], block, 0, 0, 0)
            for half in range(8):
                pixel = np.uint32(first + half * BLOCKS)
                if pixel < entries:
                    keeps = _entry(words, half) < threshold or not (is_whole or _is_pixel_inside(pixel, size, box))
                    for channel in range(3):
                        at = np.uint32(3 * pixel + channel)
                        dst[at] = a[at] if keeps else b[at]
        block = np.uint32(block + lane[1])


@device
def _blocks(entries):
    return np.uint32((entries + CHUNK - 1) // CHUNK * BLOCKS)


@device
def _first_entry(block):
    return np.uint32((block // np.uint32(BLOCKS)) * CHUNK + block % np.uint32(BLOCKS))


@device
def _entry(words, half):
    """Half-word `half`, 0 to 7, of a block."""
    return np.int32((np.uint32(words[half >> 1]) >> np.uint32(16 * (half & 1))) & np.uint32(0xFFFF))


@device
def _covers(box, size):
    return box[0] == 0 and box[2] == 0 and box[1] == size[0] and box[3] == size[1]


@device
def _is_pixel_inside(pixel, size, box):
    y = np.uint32(pixel // np.uint32(size[1]))
    return is_inside(np.int32(y), np.int32(pixel - y * np.uint32(size[1])), box)
