"""What the settings of policies may be; each check raises InputError with name, rule and value."""

from collections.abc import Iterable
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


def check_positive(name: str, value: float) -> None:
    """A number above 0 and finite."""
    if not isinstance(value, Real) or not 0 < value < np.inf:
        raise InputError(f"`{name}` must be > 0 and finite, got {value!r}; change it")


def check_pair(name: str, pair: tuple[float, ...], low: float, high: float) -> None:
    """A pair (least, most) in low..high."""
    if len(pair) != 2 or not all(isinstance(end, Real) for end in pair) or not low <= pair[0] <= pair[1] <= high:
        raise InputError(f"`{name}` must be (least, most) in {low:g}..{high:g}, got {pair}; change it")


def check_sides(name: str, sides: Iterable[int]) -> None:
    """Sides of squares in pixels: some, whole, at least 2, ascending."""
    sides = tuple(sides)
    whole = all(isinstance(side, int | np.integer) for side in sides)
    if not sides or not whole or sides[0] < 2 or list(sides) != sorted(set(sides)):
        raise InputError(f"`{name}` must be ascending whole numbers from 2, got {sides}; for example (4, 8, 16, 32)")
