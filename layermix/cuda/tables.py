"""Tables of 256 entries, made by the threads of a block in shared memory: tone operations and powers."""

import numpy as np

from layermix.cuda.device import ONE, ROUND, SHIFT, clip, device, least, most, to_fixed
from layermix.program import BRIGHTNESS, CONTRAST, INVERT, POSTERIZE, SOLARIZE


@device
def tone_entry(op, value, factor, setting, mean):
    """What a tone operation makes of `value`, 0 to 255.

    `factor` is the record's p0, `setting` its i0, `mean` that of the luma in 1/65536 (of CONTRAST alone).
    """
    result = value
    if op == BRIGHTNESS:
        result = (to_fixed(least(factor, 256.0)) * value + ROUND) >> SHIFT
    elif op == CONTRAST:
        scale = to_fixed(least(factor, 64.0))
        result = (scale * value * ONE + (ONE - scale) * mean + (1 << 31)) >> 32
    elif op == POSTERIZE:
        result = value & (0xFF << (8 - setting))
    elif op == INVERT or (op == SOLARIZE and value >= setting):
        result = 255 - value
    return clip(result)


@device
def fill_tone_tables(op, factor, setting, mean, tables, lane):
    """The same table for all three channels: `tables` uint8 (768,)."""
    entry = lane[0]
    while entry < 768:
        tables[entry] = tone_entry(op, np.int64(entry & 255), factor, setting, mean)
        entry = np.uint32(entry + lane[1])


@device
def fill_power_tables(p, q, left, right, lane):
    """127.5 (2x)^p and max(2x, 1e-37)^q of the geometric blend, float32 (256,) each."""
    value = lane[0]
    while value < 256:
        doubled = value / 127.5
        left[value] = np.float32(127.5 * doubled**p)
        right[value] = np.float32(least(most(doubled, 1e-37) ** q, 1e30))
        value = np.uint32(value + lane[1])


@device
def fill_stretching_tables(below, tables, lane):
    """Autocontrast from the number of values at or below each value, `below` int32 (768,)."""
    entry = lane[0]
    while entry < 768:
        value = np.int32(entry & 255)
        first = np.int32(entry - value)
        low = _first_reaching(below, first, 1)
        high = _first_reaching(below, first, below[np.uint32(first + 255)])
        span, inside = np.int32(high - low), np.int32(least(most(value, low), high) - low)
        tables[entry] = value if span == 0 else np.int32(510 * inside + span) // np.int32(2 * span)
        entry = np.uint32(entry + lane[1])


@device
def fill_equalizing_tables(below, tables, lane):
    """Equalize from the number of values at or below each value, `below` int32 (768,)."""
    entry = lane[0]
    while entry < 768:
        value = np.int32(entry & 255)
        first = np.int32(entry - value)
        total = below[np.uint32(first + 255)]
        highest = _first_reaching(below, first, total)
        step = np.int32(0) if highest == 0 else below[np.uint32(first + highest - 1)] // np.int32(255)
        before = np.int32(0) if value == 0 else below[np.uint32(entry - 1)]
        tables[entry] = value if step == 0 else least(np.int32(step // 2 + before) // step, np.int32(255))
        entry = np.uint32(entry + lane[1])


@device
def _first_reaching(below, first, least):
    """The smallest value of one channel at or below which lie `least` or more: a binary search of eight steps."""
    low, high = np.int32(0), np.int32(255)
    while low < high:
        middle = np.int32((low + high) >> 1)
        if below[np.uint32(first + middle)] >= least:
            high = middle
        else:
            low = np.int32(middle + 1)
    return low
