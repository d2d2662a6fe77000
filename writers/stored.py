"""A picture as a data file stores it."""

from dataclasses import dataclass
from typing import Literal

Form = Literal["jpg", "raw", "yuv", "png"]
"""One of `layermix.samples.FORMS`."""


@dataclass(frozen=True, kw_only=True)
class StoredPicture:
    """Bytes of one picture.

    form: "jpg", a JPEG file; "png", a PNG file; "raw", row-major uint8 pixels of shape (height, width[, channels]); or
        "yuv", planes as of `layermix.yuv`.
    """

    data: bytes
    height: int
    width: int
    channels: int
    form: Form
