"""A picture as a data file stores it."""

from dataclasses import dataclass

from layermix.samples import Form


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
