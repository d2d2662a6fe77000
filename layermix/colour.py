"""Colours as JPEG stores them: Y, Cb, Cr of ITU-T T.871 (JFIF), full range."""

import numpy as np

from layermix.compilation import inlined, jit

_GRAY, _HALF, _SHIFT = np.int16(128), np.int16(64), np.int16(7)
_RED, _GREEN_BLUE, _GREEN_RED, _BLUE = np.int16(179), np.int16(44), np.int16(91), np.int16(227)
"""1.402, 0.344136, 0.714136 and 1.772 in 1/128: all products fit into 16 bits; no colour is off by more than one."""


@jit
def ycc_to_rgb(luma, blue, red, r, g, b):
    """Convert Y, Cb, Cr to R, G, B, all uint8 (n,); nothing may overlap.

    NumPy's functions keep 16 bits where Numba's operators go to 64: four times as many values in a vector register.
    """
    for n in range(luma.size):
        y, u, v = np.int16(luma[n]), np.subtract(np.int16(blue[n]), _GRAY), np.subtract(np.int16(red[n]), _GRAY)
        r[n] = _clip(np.add(y, _rounded(np.multiply(_RED, v))))
        g[n] = _clip(np.subtract(y, _rounded(np.add(np.multiply(_GREEN_BLUE, u), np.multiply(_GREEN_RED, v)))))
        b[n] = _clip(np.add(y, _rounded(np.multiply(_BLUE, u))))


@inlined
def _rounded(value):
    return np.right_shift(np.add(value, _HALF), _SHIFT)


@jit
def _clip(value):
    return np.uint8(min(max(value, np.int16(0)), np.int16(255)))
