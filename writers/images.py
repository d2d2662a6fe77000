"""Shrinking pixels and encoding them; decoding untrusted files is `layermix.pictures`, whose names are here too."""

import cv2
import numpy as np

from layermix.pictures import FORMATS, MAX_PIXELS, PictureFile, decode_image, quiet_pillow

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "PictureFile",
    "decode_image",
    "encode_jpeg",
    "encode_png",
    "quiet_pillow",
    "shrink",
    "shrunk_size",
]


def shrunk_size(height: int, width: int, short_side: int | None = None, max_side: int | None = None) -> tuple[int, int]:
    """(height, width) after shrinking so that the shorter side is at most `short_side` and the longer at most
    `max_side`.

    Never enlarges and keeps the aspect ratio to the nearest pixel, with no side below 1; None sets no limit.
    """
    scale = min(
        1.0,
        short_side / min(height, width) if short_side else 1.0,
        max_side / max(height, width) if max_side else 1.0,
    )
    return max(1, round(height * scale)), max(1, round(width * scale))


def shrink(image: np.ndarray, short_side: int | None = None, max_side: int | None = None) -> np.ndarray:
    """Resize a uint8 picture, (H, W) or (H, W, 3), to its `shrunk_size` by pixel area; unchanged where it fits."""
    height, width = shrunk_size(image.shape[0], image.shape[1], short_side, max_side)
    if (height, width) == image.shape[:2]:
        return image
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """JPEG bytes (baseline, 4:2:0) of uint8 RGB (H, W, 3); `quality` from 1 to 100."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError(f"OpenCV cannot encode a picture of shape {image.shape}")
    return data.tobytes()


def encode_png(image: np.ndarray) -> bytes:
    """PNG bytes of uint8 RGB (H, W, 3), without loss."""
    done, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise RuntimeError(f"OpenCV cannot encode a picture of shape {image.shape}")
    return data.tobytes()
