"""Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).

A draw is a pure function of what it is for. The key is the 64-bit seed; the 128-bit counter is laid out as

    word 0   domain << 24 | block      what is drawn, and which four words of it
    word 1   sample id, low 32 bits
    word 2   sample id, high 16 bits | view << 16
    word 3   epoch

so no draw depends on threads, workers, ranks, batch size, loader or where a run was resumed.
"""

import numpy as np

from layermix.compilation import inlined, jit

POLICY, GEOMETRY, ORDER = 0, 1, 2
"""Domains: disjoint streams of one (seed, epoch, sample id, view)."""

MAX_SAMPLE_ID = 2**48 - 1
MAX_VIEW = 2**16 - 1
MAX_EPOCH = 2**32 - 1

_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


@jit
def philox4x32(k0, k1, c0, c1, c2, c3):
    """Return the four uint32 words of one block for the key (k0, k1) and the counter (c0, c1, c2, c3)."""
    k0, k1 = np.uint32(k0), np.uint32(k1)
    c0, c1, c2, c3 = np.uint32(c0), np.uint32(c1), np.uint32(c2), np.uint32(c3)
    for _ in range(10):
        product_0 = np.uint64(c0) * _MULTIPLIER_0
        product_1 = np.uint64(c2) * _MULTIPLIER_1
        c0 = np.uint32(np.uint32(product_1 >> _HALF) ^ c1 ^ k0)
        c2 = np.uint32(np.uint32(product_0 >> _HALF) ^ c3 ^ k1)
        c1, c3 = np.uint32(product_1), np.uint32(product_0)
        k0, k1 = np.uint32(k0 + _WEYL_0), np.uint32(k1 + _WEYL_1)
    return c0, c1, c2, c3


@inlined
def philox_lanes(k0, k1, c0, c1, c2, c3):
    """`philox4x32` on the low halves of uint64: no lane changes its width, so a loop over blocks vectorises whole."""
    weyl_0, weyl_1 = np.uint64(_WEYL_0), np.uint64(_WEYL_1)
    for _ in range(10):
        product_0 = (c0 & _LOW) * _MULTIPLIER_0
        product_1 = (c2 & _LOW) * _MULTIPLIER_1
        c0 = (product_1 >> _HALF) ^ (c1 & _LOW) ^ (k0 & _LOW)
        c2 = (product_0 >> _HALF) ^ (c3 & _LOW) ^ (k1 & _LOW)
        c1, c3 = product_1, product_0
        k0, k1 = k0 + weyl_0, k1 + weyl_1
    return c0, c1 & _LOW, c2, c3 & _LOW


@jit
def draw_words(seed, epoch, sample_id, view, domain, words):
    """Fill `words`, uint32 (n,), with the first n draws of one (seed, epoch, sample id, view, domain)."""
    seed, sample_id = np.uint64(seed), np.uint64(sample_id)
    k0, k1 = seed & _LOW, seed >> _HALF
    c1, c2, c3 = sample_id & _LOW, (sample_id >> _HALF) | (np.uint64(view) << np.uint64(16)), np.uint64(epoch)
    first, whole = np.uint64(domain << 24), words.shape[0] // 4
    for block in range(np.uint64(whole)):
        at = np.uint64(4) * block
        w0, w1, w2, w3 = philox_lanes(k0, k1, first | block, c1, c2, c3)
        words[at], words[at + np.uint64(1)] = np.uint32(w0), np.uint32(w1)
        words[at + np.uint64(2)], words[at + np.uint64(3)] = np.uint32(w2), np.uint32(w3)
    rest = words.shape[0] - 4 * whole
    if rest:
        last = philox4x32(k0, k1, first | np.uint64(whole), c1, c2, c3)
        for lane in range(rest):
            words[4 * whole + lane] = last[lane]


@jit
def uniform(word):
    """Map a uint32 word to a float64 in the open interval (0, 1): the middle of one of 2^32 cells."""
    return (np.float64(word) + 0.5) * 2.0**-32


@jit
def below(word, n):
    """Map a uint32 word to an integer in [0, n); bias below n / 2^32."""
    return np.int64((np.uint64(word) * np.uint64(n)) >> _HALF)
