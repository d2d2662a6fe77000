"""95% intervals of error rates."""

import math

import numpy as np

from layermix.errors import InputError

NORMAL_975 = 1.959963984540054
"""97.5% point of the normal distribution: half the width of a 95% interval in standard errors."""


def wilson_interval(mistakes: int, count: int) -> tuple[float, float]:
    """95% interval of an error rate from `mistakes` among `count` independent samples (Wilson 1927)."""
    if not 0 <= mistakes <= count or count < 1:
        raise InputError(f"mistakes must be in 0 to count and count ≥ 1, got {mistakes} of {count}; correct them")
    return _wilson(mistakes / count, count)


def pooled_interval(mistakes: np.ndarray) -> tuple[float, float]:
    """95% interval of an error pooled over several sights of the same pictures: bool (N, K) from N pictures.

    The K results of one picture are not independent. Wilson's interval is taken at the effective number of
    samples, that which would give the variance seen between the pictures' own error rates (Dean & Pagano
    2015): about N where the sights of a picture agree, up to N·K where they are independent.
    """
    if mistakes.ndim != 2 or mistakes.size == 0:
        raise InputError(f"mistakes must be (pictures, sights), not empty, got {mistakes.shape}; stack them")
    pictures, rate = len(mistakes), float(mistakes.mean())
    if rate in (0, 1) or pictures == 1:
        return _wilson(rate, pictures)
    variance = float(mistakes.mean(axis=1).var(ddof=1)) / pictures
    independent = rate * (1 - rate) / mistakes.size
    return _wilson(rate, rate * (1 - rate) / max(variance, independent))


def _wilson(rate: float, count: float) -> tuple[float, float]:
    square = NORMAL_975**2
    centre = rate + square / (2 * count)
    half = NORMAL_975 * math.sqrt(rate * (1 - rate) / count + square / (4 * count**2))
    scale = 1 + square / count
    low = 0.0 if rate == 0 else (centre - half) / scale
    high = 1.0 if rate == 1 else (centre + half) / scale
    return low, high
