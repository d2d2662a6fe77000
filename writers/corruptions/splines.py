"""Cubic B-splines through or near the pixels, with SciPy's borders: mirrored about the last pixel, zero outside."""

import numpy as np

from layermix.compilation import jit

_POLE = np.sqrt(3.0) - 2


def spline_coefficients(image: np.ndarray) -> np.ndarray:
    """Coefficients, float64, of the cubic spline through the pixels of uint8 (H, W, C)."""
    coefficients = image.astype(np.float64)
    _filter_rows(coefficients)
    across = np.ascontiguousarray(coefficients.swapaxes(0, 1))
    _filter_rows(across)
    return np.ascontiguousarray(across.swapaxes(0, 1))


@jit
def _filter_rows(values):
    """The recursive filter of Unser (1999) along the first axis of (n, m, C), where it is."""
    count = values.shape[0]
    if count == 1:
        return
    for column in range(values.shape[1]):
        for c in range(values.shape[2]):
            line = values[:, column, c]
            first, power = line[0] + _POLE ** (count - 1) * line[count - 1], _POLE
            for n in range(1, count - 1):
                first += (power + _POLE ** (2 * count - 2) / power) * line[n]
                power *= _POLE
            line[0] = 6 * first / (1 - _POLE ** (2 * count - 2))
            for n in range(1, count):
                line[n] = 6 * line[n] + _POLE * line[n - 1]
            line[count - 1] = _POLE / (_POLE * _POLE - 1) * (line[count - 1] + _POLE * line[count - 2])
            for n in range(count - 2, -1, -1):
                line[n] = _POLE * (line[n + 1] - line[n])


@jit
def rotated(coefficients, angle, weight, out):
    """Add `weight` times the spline, turned about its middle by `angle` radians, to float64 `out` (H, W, C)."""
    height, width, channels = out.shape
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    cos, sin = np.cos(angle), np.sin(angle)
    for row in range(height):
        for column in range(width):
            y = cos * (row - middle_y) + sin * (column - middle_x) + middle_y
            x = cos * (column - middle_x) - sin * (row - middle_y) + middle_x
            if y < 0 or y > height - 1 or x < 0 or x > width - 1:
                continue
            top, left = int(y), int(x)
            down, across = cubic_weights(y - top), cubic_weights(x - left)
            for i in range(4):
                for j in range(4):
                    line, place = mirrored(top + i - 1, height), mirrored(left + j - 1, width)
                    for c in range(channels):
                        out[row, column, c] += weight * down[i] * across[j] * coefficients[line, place, c]


@jit
def read_spline_grid(coefficients, rows, columns, out):
    """The spline of float64 `coefficients` (h, w) at every (rows[i], columns[j]), within the picture, into `out`."""
    for i in range(out.shape[0]):
        top = int(rows[i])
        down = cubic_weights(rows[i] - top)
        for j in range(out.shape[1]):
            left = int(columns[j])
            across, total = cubic_weights(columns[j] - left), 0.0
            for m in range(4):
                line = mirrored(top + m - 1, coefficients.shape[0])
                for n in range(4):
                    place = mirrored(left + n - 1, coefficients.shape[1])
                    total += down[m] * across[n] * coefficients[line, place]
            out[i, j] = total


@jit
def cubic_weights(part):
    """Weights of the pixels before, at, after and second after a point `part` of a pixel after one."""
    rest = 1 - part
    return (
        rest * rest * rest / 6,
        (part * part * (part - 2) * 3 + 4) / 6,
        (rest * rest * (rest - 2) * 3 + 4) / 6,
        part * part * part / 6,
    )


@jit
def mirrored(index, size):
    """The index within 0, ..., size - 1 that mirrors at the first and last pixel lead to."""
    period = max(1, 2 * size - 2)
    index %= period
    return index if index < size else period - index
