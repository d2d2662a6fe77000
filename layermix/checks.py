"""What the settings of policies may be; each check raises InputError with name, rule and value."""

import sys
from collections.abc import Sequence
from numbers import Real

import numpy as np

from layermix.errors import InputError


def check_range(name: str, value: float, low: float, high: float) -> None:
    """A number in low..high, ends included; not NaN."""
    if not isinstance(value, Real) or not low <= value <= high:
        raise InputError(f"`{name}` must be in {low:g}..{high:g}, got {value!r}; change it")


def check_whole(name: str, value: object, low: int, high: int) -> None:
    """A whole number in low..high, ends included."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise InputError(f"`{name}` must be a whole number in {low}..{high}, got {value!r}; change it")


def check_positive(name: str, value: float, advice: str = "change it") -> None:
    """A number above 0 that a float64 holds."""
    if not isinstance(value, Real) or not 0 < value <= sys.float_info.max:
        raise InputError(f"`{name}` must be > 0 and finite, got {value!r:.40}; {advice}")


def check_flag(name: str, value: object) -> None:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"`{name}` must be True or False, got {value!r}; change it")


def check_pair(name: str, pair: tuple[float, ...], low: float, high: float) -> None:
    """A pair (least, most) in low..high."""
    is_pair = isinstance(pair, Sequence) and len(pair) == 2 and all(isinstance(end, Real) for end in pair)
    if not is_pair or not low <= pair[0] <= pair[1] <= high:
        raise InputError(f"`{name}` must be (least, most) in {low:g}..{high:g}, got {pair}; change it")


def check_sides(name: str, sides: Sequence[int]) -> None:
    """Sides of squares in pixels: some, whole, at least 2, ascending."""
    whole = isinstance(sides, Sequence) and all(isinstance(side, int | np.integer) for side in sides)
    if not whole or not sides or sides[0] < 2 or list(sides) != sorted(set(sides)):
        raise InputError(f"`{name}` must be ascending whole numbers from 2, got {sides}; for example (4, 8, 16, 32)")
