"""Blends of two pictures (LayerMix paper, Table I).

All kernels take `first`, `second` and `out`, uint8 (H, W, 3) C-contiguous; `out` may be either of the others.
"""

import numpy as np

from layermix.compilation import inlined, jit
from layermix.kernels.fixed import ROUND, SHIFT, to_fixed
from layermix.kernels.mask import CHUNK, mask_bytes
from layermix.kernels.memory import same
from layermix.kernels.power import powers

_BYTE = np.uint64(8)


@jit
def arithmetic(first, second, p, q, out):
    """out = clip((p u1 + q u2 + 1) / 2) on u = 2x - 1, which is p x1 + q x2 + (1 - p - q) / 2 on x.

    |p| and |q| are at most 42: larger weights are clipped, so that 32 bits hold the sum.
    """
    a, b, o = first.reshape(-1), second.reshape(-1), out.reshape(-1)
    p, q = min(max(p, -42.0), 42.0), min(max(q, -42.0), 42.0)
    weights = (*_split(p), *_split(q))
    offset = np.int32(np.int32(to_fixed(127.5 * (1.0 - p - q))) + ROUND)
    if same(first, out):
        _weighted_sum(o, b, weights, offset, o)
    elif same(second, out):
        _weighted_sum(a, o, weights, offset, o)
    else:
        _weighted_sum(a, b, weights, offset, o)


@jit
def _split(weight):
    """High part and low 8 bits of a weight in fixed point: products of 16-bit numbers are the fast ones."""
    fixed = to_fixed(weight)
    return np.int32(np.int16(fixed >> 8)), np.int32(np.uint8(fixed))


@inlined
def _weighted_sum(a, b, weights, offset, o):
    p_high, p_low, q_high, q_low = weights
    for n in range(o.size):
        left, right = np.int32(a[n]), np.int32(b[n])
        high = np.int32(np.int32(p_high * left) + np.int32(q_high * right))
        low = np.int32(np.int32(p_low * left) + np.int32(q_low * right))
        total = np.int32(np.int32(high << np.int32(8)) + low + offset)
        o[n] = np.uint8(min(max(np.int32(total >> SHIFT), np.int32(0)), np.int32(255)))


@jit
def geometric(first, second, p, q, out):
    """out = clip((2 x1)^p * max(2 x2, 1e-37)^q / 2), as the product of two tables."""
    left, right = _factors(p, q)
    a, b, o = first.reshape(-1), second.reshape(-1), out.reshape(-1)
    if o.size >= _ENOUGH_FOR_PAIRS:
        _look_up_pairs(a, b, _products(left, right), o)
        return
    for n in range(o.size):
        o[n] = _product(left[a[n]], right[b[n]])


_ENOUGH_FOR_PAIRS = 1 << 15
"""Values from which a table of all 65,536 products pays: one look-up a value in place of two and a multiplication."""


@inlined
def _product(left, right):
    return np.uint8(np.int32(min(left * right, np.float32(255.0)) + np.float32(0.5)))


@jit
def _products(left, right):
    """The blend of every value with every value, uint8 (65536,), that of the first in the upper 8 bits."""
    products = np.empty((256, 256), np.uint8)
    for value in range(256):
        factor, row = left[value], products[value]
        for other in range(256):
            row[other] = _product(factor, right[other])
    return products.reshape(-1)


@jit
def _look_up_pairs(a, b, products, o):
    for n in range(np.uint64(o.size)):
        o[n] = products[np.uint64(a[n]) << _BYTE | np.uint64(b[n])]


@jit
def _factors(p, q):
    """Tables of 127.5 (2 x1)^p and max(2 x2, 1e-37)^q, float32 (256,)."""
    left, right, table = np.empty(256, np.float32), np.empty(256, np.float32), np.empty(256)
    powers(p, table)
    table[0] = 0.0**p
    for value in range(256):
        left[value] = 127.5 * table[value]
    powers(q, table)
    for value in range(256):
        right[value] = min(table[value], 1e30)
    return left, right


@jit
def pixel_mask(first, second, threshold, k0, k1, out):
    """Take a whole pixel from `first` with probability threshold / 65536, else from `second`."""
    taken, tripled = np.empty(CHUNK, np.uint8), np.empty(3 * CHUNK, np.uint8)
    for chunk in range((out.size // 3 + CHUNK - 1) // CHUNK):
        mask_bytes(chunk, k0, k1, threshold, taken)
        for n in range(CHUNK):
            tripled[3 * n] = tripled[3 * n + 1] = tripled[3 * n + 2] = taken[n]
        _choose(first, second, tripled, 3 * CHUNK * chunk, out)


@jit
def element_mask(first, second, threshold, k0, k1, out):
    """Take every value by itself from `first` with probability threshold / 65536, else from `second`."""
    taken = np.empty(CHUNK, np.uint8)
    for chunk in range((out.size + CHUNK - 1) // CHUNK):
        mask_bytes(chunk, k0, k1, threshold, taken)
        _choose(first, second, taken, CHUNK * chunk, out)


@jit
def _choose(first, second, taken, start, out):
    """Take the values from `start` on, as many as `taken` has, from `first` where it is 255, from `second` where 0."""
    a, b, o = first.reshape(-1), second.reshape(-1), out.reshape(-1)
    count = min(taken.size, o.size - start)
    if same(first, out):
        _select(o, b, taken, start, count, o)
    elif same(second, out):
        _select(a, o, taken, start, count, o)
    else:
        _select(a, b, taken, start, count, o)


@inlined
def _select(a, b, taken, start, count, o):
    first = np.uint64(start)
    for n in range(np.uint64(count)):
        left, right = a[first + n], b[first + n]
        o[first + n] = right ^ ((left ^ right) & taken[n])
