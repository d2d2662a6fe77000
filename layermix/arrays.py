"""Arrays of pictures from outside."""

import numpy as np

from layermix.errors import InputError


def as_uint8(name: str, pictures) -> np.ndarray:
    """The pictures as one uint8 array, without a copy where they are one.

    Raises:
        InputError: another dtype, or pictures of several sizes; begins with the argument's `name`.
    """
    try:
        array = np.asarray(pictures)
    except ValueError as error:
        rule = "must be pictures of one size, got several sizes"
        raise InputError(f"`{name}` {rule}; resize or crop them, or pass each size by itself") from error
    if array.dtype != np.uint8:
        raise InputError(f"`{name}` must be uint8, got {array.dtype}; scale to 0..255 and convert")
    return array
