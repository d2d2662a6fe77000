"""Passes over the values of a picture in the order of memory.

Pictures are `words` elements of uint32, four values each, or of uint8 where the values are not a multiple of four. The
loops over the values of a word have four rounds, of which uint8 skips three: only a constant number is unrolled. `lane`
is (thread, threads) of the block, uint32 as `words` is. `dst` may be a register that is read.
"""

import numpy as np

from layermix.cuda.device import ROUND, SHIFT, clip, device, least, most, to_fixed


@device
def value_of(word, number):
    """Value `number`, 0 to 3, of a word."""
    return np.int32((np.uint32(word) >> np.uint32(8 * number)) & np.uint32(255))


@device
def channel_of(first, number):
    """The channel of the value `number` places, 0 to 3, after one of the channel `first`."""
    channel = np.uint32(first + number)
    return channel if channel < 3 else np.uint32(channel - 3)


@device
def copy(a, dst, words, lane):
    """dst = a."""
    n = lane[0]
    while n < words:
        dst[n] = a[n]
        n = np.uint32(n + lane[1])


@device
def look_up(a, tables, dst, words, lane):
    """dst = tables[256 * channel + a], `tables` uint8 (768,)."""
    values, n = a.itemsize, lane[0]
    while n < words:
        word, result, first = a[n], np.uint32(0), np.uint32(np.uint32(n * values) % np.uint32(3))
        for number in range(4):
            if number < values:
                entry = np.uint32(256 * channel_of(first, number) + value_of(word, number))
                result = np.uint32(result | (np.uint32(tables[entry]) << np.uint32(8 * number)))
        dst[n] = result
        n = np.uint32(n + lane[1])


@device
def arithmetic_weights(p, q):
    """p, q and what is added to the weighted sum, (1 - p - q) / 2 of the full range and 1/2 to round, in 1/65536.

    Weights are clipped to 42 as on the processor, so that 32 bits hold the sum.
    """
    p, q = least(most(p, -42.0), 42.0), least(most(q, -42.0), 42.0)
    return np.int32(to_fixed(p)), np.int32(to_fixed(q)), np.int32(to_fixed(127.5 * (1.0 - p - q)) + ROUND)


@device
def arithmetic_value(first, second, weights):
    """clip(p first + q second + offset), see `arithmetic_weights`."""
    return clip(np.int32(np.int32(weights[0] * first + weights[1] * second + weights[2]) >> SHIFT))


@device
def arithmetic(a, b, p, q, dst, words, lane):
    """dst = clip((p u1 + q u2 + 1) / 2), u = 2x - 1."""
    values, n, weights = a.itemsize, lane[0], arithmetic_weights(p, q)
    while n < words:
        first, second, result = a[n], b[n], np.uint32(0)
        for number in range(4):
            if number < values:
                value = arithmetic_value(value_of(first, number), value_of(second, number), weights)
                result = np.uint32(result | (np.uint32(value) << np.uint32(8 * number)))
        dst[n] = result
        n = np.uint32(n + lane[1])


@device
def geometric_value(left, right):
    """The product of two powers, clipped above and rounded."""
    return np.int32(least(left * right, np.float32(255.0)) + np.float32(0.5))


@device
def geometric(a, b, left, right, dst, words, lane):
    """dst = clip((2 x1)^p (2 x2)^q / 2) by the two tables of powers, float32 (256,)."""
    values, n = a.itemsize, lane[0]
    while n < words:
        first, second, result = a[n], b[n], np.uint32(0)
        for number in range(4):
            if number < values:
                x, y = np.uint32(value_of(first, number)), np.uint32(value_of(second, number))
                value = geometric_value(left[x], right[y])
                result = np.uint32(result | (np.uint32(value) << np.uint32(8 * number)))
        dst[n] = result
        n = np.uint32(n + lane[1])


@device
def sum_start(a, weight, total, size, lane):
    """total = weight a, on the `size` values of uint8 `a` and int32 `total`."""
    scale, n = np.int32(to_fixed(weight)), lane[0]
    while n < size:
        total[n] = scale * np.int32(a[n])
        n = np.uint32(n + lane[1])


@device
def sum_add(a, weight, total, size, lane):
    """total += weight a."""
    scale, n = np.int32(to_fixed(weight)), lane[0]
    while n < size:
        total[n] += scale * np.int32(a[n])
        n = np.uint32(n + lane[1])


@device
def sum_store(total, dst, size, lane):
    """dst = total, rounded and clipped."""
    n = lane[0]
    while n < size:
        dst[n] = clip(np.int32((np.int64(total[n]) + ROUND) >> SHIFT))
        n = np.uint32(n + lane[1])
