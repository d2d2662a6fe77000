"""Weighted sums of pictures with 16 fractional bits.

`total` is int32 (H, W, 3), `source` and `out` are uint8 (H, W, 3), all C-contiguous; weights are 0 to 1.
"""

import numpy as np

from layermix.compilation import jit
from layermix.kernels.fixed import ROUND, SHIFT, to_fixed


@jit
def start(source, weight, total):
    """total = weight * source."""
    a, t = source.reshape(-1), total.reshape(-1)
    scale = np.int32(to_fixed(weight))
    for n in range(a.size):
        t[n] = np.multiply(scale, np.int32(a[n]))


@jit
def add(source, weight, total):
    """total += weight * source."""
    a, t = source.reshape(-1), total.reshape(-1)
    scale = np.int32(to_fixed(weight))
    for n in range(a.size):
        t[n] += scale * np.int32(a[n])


@jit
def store(total, out):
    """out = total, rounded and clipped."""
    t, o = total.reshape(-1), out.reshape(-1)
    for n in range(t.size):
        o[n] = np.uint8(min(max(np.int32(np.int32(t[n] + ROUND) >> SHIFT), np.int32(0)), np.int32(255)))
