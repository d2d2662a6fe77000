"""Drawing of LayerMix's augmentations T (the paper, Table II): which exist, how strong, and the record they become."""

import numpy as np

from layermix import program
from layermix.compilation import jit
from layermix.philox import uniform
from layermix.policies.records import set_operation

EQUALIZE, AUTOCONTRAST, GRAYSCALE, ROTATE, SHEAR_X, SHEAR_Y, TRANSLATE_X, TRANSLATE_Y = range(8)
BRIGHTNESS, COLOR, CONTRAST, SHARPNESS = range(8, 12)
POSTERIZE_FEWER, POSTERIZE_TO, SOLARIZE_BELOW, SOLARIZE_FROM, SOLARIZE_INCREASING = range(12, 17)

_BOTH = {
    "equalize": EQUALIZE,
    "autocontrast": AUTOCONTRAST,
    "grayscale": GRAYSCALE,
    "rotate": ROTATE,
    "shear_x": SHEAR_X,
    "shear_y": SHEAR_Y,
    "translate_x": TRANSLATE_X,
    "translate_y": TRANSLATE_Y,
}

PAPER = {**_BOTH, "brightness": BRIGHTNESS, "posterize": POSTERIZE_FEWER, "solarize": SOLARIZE_BELOW}
"""The 11 operations of the paper's Table II, by name."""

RELEASED = {
    **_BOTH,
    "posterize": POSTERIZE_TO,
    "posterize_increasing": POSTERIZE_FEWER,
    "solarize": SOLARIZE_FROM,
    "solarize_increasing": SOLARIZE_INCREASING,
}
"""The 12 operations of the released program, by name."""

VARIANTS = {"paper": PAPER, "released": RELEASED}

ENHANCEMENTS = {"brightness": BRIGHTNESS, "color": COLOR, "contrast": CONTRAST, "sharpness": SHARPNESS}
"""Operations that overlap with ImageNet-C; those a variant lacks are drawn where asked for."""

LEAST_LEVEL = {"paper": 0.0, "released": 0.1}
"""Lower end of the levels, in each operation's own unit: a level is U(least, maximum * magnitude / 10)."""

_OPS = np.array(
    [program.EQUALIZE, program.AUTOCONTRAST, program.GRAYSCALE]
    + [program.ROTATE, program.SHEAR_X, program.SHEAR_Y, program.TRANSLATE_X, program.TRANSLATE_Y]
    + [program.BRIGHTNESS, program.COLOR, program.CONTRAST, program.SHARPNESS]
    + [program.POSTERIZE] * 2
    + [program.SOLARIZE] * 3
)
_MAXIMA = np.array([0.0, 0.0, 0.0, 30.0, 0.3, 0.3, 0.33, 0.33, 0.9, 0.9, 0.9, 0.9, 4.0, 4.0, 1.0, 1.0, 1.0])


@jit
def write_operation(record, kind, magnitude, least, height, width, level_word, sign_word):
    """Fill op and parameters of one record for an operation with a freshly drawn strength."""
    maximum = _MAXIMA[kind]
    if kind == TRANSLATE_X:
        maximum *= width
    elif kind == TRANSLATE_Y:
        maximum *= height
    if kind == SOLARIZE_INCREASING:
        magnitude = 1.0 - magnitude
    level = least + (maximum * magnitude / 10.0 - least) * uniform(level_word)
    sign = 1.0 if sign_word & np.uint32(1) else -1.0
    set_operation(record, _OPS[kind], _strength(kind, level, sign))


@jit
def is_strengthless(kind):
    """True for equalize, autocontrast and grayscale: done twice to one picture they give the same twice."""
    return kind <= GRAYSCALE


@jit
def _strength(kind, level, sign):
    if is_strengthless(kind):
        return 0.0
    if kind <= TRANSLATE_Y:
        return sign * level
    if kind <= SHARPNESS:
        return 1.0 + sign * level
    if kind == POSTERIZE_FEWER:
        return 4.0 - np.floor(level)
    if kind == POSTERIZE_TO:
        return np.floor(level)
    return 255.0 * (1.0 - level if kind == SOLARIZE_BELOW else level)
