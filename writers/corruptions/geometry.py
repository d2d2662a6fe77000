"""Perturbations that move the picture: translate, rotate, scale, shear, tilt, and the zoom blur made of scales.

Each takes a uint8 (h, w, 3) picture and fills frames, (T, H, W, 3), with the middle of its moved copies; black comes
in where the picture ends. Interpolation is Pillow's, bilinear, as in the published programs (tilt: OpenCV's).
"""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image


def middle(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle `height` by `width` pixels, a view."""
    top, left = _corner(image, height, width)
    return image[top : top + height, left : left + width]


def translate(image: np.ndarray, out: np.ndarray, *, shift: Sequence[float]) -> None:
    """To the right by whole pixels."""
    for frame, pixels in zip(out, shift):
        frame[:] = _moved(image, frame, [[1, 0], [0, 1]], pixels)


def rotate(image: np.ndarray, out: np.ndarray, *, angle: Sequence[float]) -> None:
    """Clockwise about the middle, in degrees."""
    for frame, radians in zip(out, np.deg2rad(angle)):
        cos, sin = np.cos(radians), np.sin(radians)
        frame[:] = _moved(image, frame, [[cos, -sin], [sin, cos]])


def scale(image: np.ndarray, out: np.ndarray, *, scale: Sequence[float]) -> None:
    """Enlarged about the middle."""
    for frame, factor in zip(out, scale):
        frame[:] = _moved(image, frame, [[factor, 0], [0, factor]])


def shear(image: np.ndarray, out: np.ndarray, *, angle: Sequence[float]) -> None:
    """Sheared along the rows, by the matrix of the torchvision of the published programs."""
    for frame, radians in zip(out, np.deg2rad(angle)):
        frame[:] = _moved(image, frame, [[1, -np.sin(radians)], [0, np.cos(radians)]])


def zoom_blur(image: np.ndarray, out: np.ndarray, *, scale: Sequence[float]) -> None:
    """Frame t is the mean of the pictures enlarged by the first t + 1 scales, rounded down."""
    total = np.zeros(out.shape[1:], np.uint32)
    for count, (frame, factor) in enumerate(zip(out, scale), start=1):
        total += _moved(image, frame, [[factor, 0], [0, factor]])
        frame[:] = total // count


def tilt(image: np.ndarray, out: np.ndarray, *, angle: Sequence[float]) -> None:
    """Turned about the horizontal and the vertical axis alike, in degrees, and seen from a diagonal's distance."""
    height, width = out.shape[1:3]
    top, left = _corner(image, height, width)
    window = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]], np.float64)
    for frame, radians in zip(out, np.deg2rad(angle)):
        frame[:] = cv2.warpPerspective(image, window @ _tilted(image, radians), (width, height))


def _tilted(image: np.ndarray, radians: float) -> np.ndarray:
    """The 3 by 3 projection of a picture turned about both axes of its plane."""
    height, width = image.shape[:2]
    distance, cos, sin = np.hypot(width, height), np.cos(radians), np.sin(radians)
    to_space = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1], [0, 0, 1]])
    about_x = np.array([[1, 0, 0, 0], [0, cos, -sin, 0], [0, sin, cos, 0], [0, 0, 0, 1]])
    about_y = np.array([[cos, 0, -sin, 0], [0, 1, 0, 0], [sin, 0, cos, 0], [0, 0, 0, 1]])
    away = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, distance], [0, 0, 0, 1]])
    to_plane = np.array([[distance, 0, width / 2, 0], [0, distance, height / 2, 0], [0, 0, 1, 0]])
    return to_plane @ away @ about_x @ about_y @ to_space


def _moved(image: np.ndarray, frame: np.ndarray, matrix: Sequence[Sequence[float]], shift: float = 0) -> np.ndarray:
    """The middle, of the frame's size, of the picture moved about its middle by `matrix` and right by `shift`."""
    height, width = frame.shape[:2]
    corner = np.array(_corner(image, height, width)[::-1])
    centre = np.array(image.shape[1::-1]) / 2
    inverse = np.linalg.inv(np.array(matrix, np.float64))
    offset = centre + inverse @ (corner - centre - [shift, 0])
    coefficients = [*inverse[0], offset[0], *inverse[1], offset[1]]
    moved = Image.fromarray(image).transform(
        (width, height), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    )
    return np.asarray(moved)


def _corner(image: np.ndarray, height: int, width: int) -> tuple[int, int]:
    """Top and left of the middle, as torchvision's CenterCrop has them."""
    return round((image.shape[0] - height) / 2), round((image.shape[1] - width) / 2)


MOVES = {
    "translate": translate,
    "rotate": rotate,
    "scale": scale,
    "shear": shear,
    "zoom_blur": zoom_blur,
    "tilt": tilt,
}
