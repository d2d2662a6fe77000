"""Reading pictures between their pixels, and the two blurs that several corruptions share."""

import cv2
import numpy as np

from layermix.compilation import jit

ZERO, REFLECT = 0, 1
"""Pixels beyond the border: black, or mirrored (c b a | a b c | c b a)."""


def smooth(image: np.ndarray, sigma: float, *, truncate: float = 4.0, border: int = cv2.BORDER_REPLICATE) -> np.ndarray:
    """Gaussian blur, cut off at `truncate` standard deviations as scikit-image does; a float32 image in and out."""
    radius = int(truncate * sigma + 0.5)
    if radius == 0:
        return image
    return cv2.GaussianBlur(image, (2 * radius + 1, 2 * radius + 1), sigma, borderType=border)


def motion_taps(radius: int, sigma: float, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights, float32 (n,), and offsets (rows, columns), int64 (n, 2), of ImageMagick's motion blur.

    Half a Gaussian of n = 2 radius + 1 pixels from the pixel itself along `angle`, in degrees clockwise from the right.
    """
    steps = np.arange(2 * radius + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    direction = np.array([np.sin(np.deg2rad(angle)), np.cos(np.deg2rad(angle))])
    offsets = np.ceil(steps[:, None] * direction - 0.5).astype(np.int64)
    return (weights / weights.sum()).astype(np.float32), offsets


def motion_blur_bytes(image: np.ndarray, radius: int, sigma: float, angle: float) -> np.ndarray:
    """ImageMagick's motion blur of uint8 (H, W, C), rounded to uint8; borders are repeated outwards."""
    weights, offsets = motion_taps(radius, sigma, angle)
    reach = int(np.abs(offsets).max())
    padded = cv2.copyMakeBorder(image, reach, reach, reach, reach, cv2.BORDER_REPLICATE).reshape(
        image.shape[0] + 2 * reach, -1
    )
    out = np.zeros((image.shape[0], image.shape[1] * image.shape[2]), np.float32)
    starts = (offsets + reach) * np.array([1, image.shape[2]])
    _add_shifted(padded, weights, starts, out)
    return np.rint(out).astype(np.uint8).reshape(image.shape)


def clipped_zoom(image: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns, float64, at which `add_grid` reads the middle of `image`, enlarged by `factor`, at its size."""
    return _zoomed_axis(image.shape[0], factor), _zoomed_axis(image.shape[1], factor)


def _zoomed_axis(size: int, factor: float) -> np.ndarray:
    """SciPy's zoom of the middle ceil(size / factor) pixels, ends on ends, cut to its middle `size`."""
    kept = int(np.ceil(size / factor))
    zoomed = round(kept * factor)
    first, trim = (size - kept) // 2, (zoomed - size) // 2
    return first + (np.arange(size) + trim) * ((kept - 1) / max(1, zoomed - 1))


@jit
def _add_shifted(padded, weights, starts, out):
    """Add weights[n] times the window of uint8 `padded` that starts at starts[n], for each n, to float32 `out`."""
    for row in range(out.shape[0]):
        for tap in range(weights.shape[0]):
            line = padded[row + starts[tap, 0], starts[tap, 1] : starts[tap, 1] + out.shape[1]]
            for column in range(out.shape[1]):
                out[row, column] += weights[tap] * np.float32(line[column])


@jit
def add_grid(image, rows, columns, out):
    """Add float32 `image` (h, w, C), read bilinearly at every (rows[i], columns[j]), to float32 `out` (H, W, C)."""
    channels = image.shape[2]
    line = np.empty(image.shape[1] * channels, np.float32)
    left, right, across = _neighbours(columns, image.shape[1])
    top, bottom, down = _neighbours(rows, image.shape[0])
    for i in range(out.shape[0]):
        upper, lower = image[top[i]].ravel(), image[bottom[i]].ravel()
        for n in range(line.size):
            line[n] = upper[n] + down[i] * (lower[n] - upper[n])
        for j in range(out.shape[1]):
            first, second = left[j] * channels, right[j] * channels
            for c in range(channels):
                out[i, j, c] += line[first + c] + across[j] * (line[second + c] - line[first + c])


@jit
def _neighbours(places, size):
    """Of each place the pixels before and after, int64, within `size`, and the part of the way between them."""
    before = np.minimum(places.astype(np.int64), size - 1)
    return before, np.minimum(before + 1, size - 1), (places - before).astype(np.float32)


@jit
def read_points(image, rows, columns, border, out):
    """Float32 `image` (h, w, C), read bilinearly at float64 rows[i, j], columns[i, j], into float32 `out` (H, W, C)."""
    height, width = image.shape[0], image.shape[1]
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            top, left = int(np.floor(rows[i, j])), int(np.floor(columns[i, j]))
            down, across = rows[i, j] - top, columns[i, j] - left
            weights = ((1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across)
            for c in range(out.shape[2]):
                out[i, j, c] = 0
            for corner in range(4):
                row, column = top + corner // 2, left + corner % 2
                if border == REFLECT:
                    row, column = _mirrored(row, height), _mirrored(column, width)
                elif row < 0 or row >= height or column < 0 or column >= width:
                    continue
                for c in range(out.shape[2]):
                    out[i, j, c] += weights[corner] * image[row, column, c]


@jit
def _mirrored(index, size):
    index %= 2 * size
    return index if index < size else 2 * size - 1 - index
