"""Warps and blurs of CIFAR-C̄ and ImageNet-C̄: caustics, twirls, ripples, circular blur, colour fringes."""

import cv2
import numpy as np

from layermix.compilation import jit
from writers.corruptions.sampling import ZERO, read_points, smooth
from writers.corruptions.splines import read_spline_grid, rotated, spline_coefficients

_REFRACTION = 4.0
"""Refractive index of the water."""


def caustic_refraction(image: np.ndarray, generator: np.random.Generator, *, amount: float) -> np.ndarray:
    """The picture seen through waves of water, and lit through them."""
    size = min(image.shape[:2])
    time = generator.uniform(0.5, 2)
    wavelength = generator.uniform(0.75, 1.25) * size
    light = np.empty(image.shape[:2], np.float64)
    caustics(time, wavelength, light)
    light = smooth(light, 1.0, border=cv2.BORDER_REFLECT)
    points, shade = np.empty((2, *light.shape)), np.empty(light.shape)
    refract(light, 0.05 * amount * size, 0.2 * amount, points, shade)
    out = np.empty(image.shape, np.float32)
    read_points(image.astype(np.float32), points[0], points[1], ZERO, out)
    return np.clip(out + 255 * shade[..., None], 0, 255)


@jit
def caustics(time, wavelength, out):
    """Fill `out`, float64 (H, W), with the brightness, in [0, 1], of light on the ground of a pool."""
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            y = row / wavelength % 1 * 6.28318530718 - 250
            x = column / wavelength % 1 * 6.28318530718 - 250
            total, moved_y, moved_x = 1.0, y, x
            for n in range(5):
                t = time * (1 - 3.5 / (n + 1))
                moved_y, moved_x = (
                    y + np.cos(t - moved_y) + np.sin(t + moved_x),
                    x + np.sin(t - moved_x) + np.cos(t + moved_y),
                )
                first, second = np.sin(moved_y + t) / 0.005, np.cos(moved_x + t) / 0.005
                total += 1 / np.sqrt((y / first) ** 2 + (x / second) ** 2)
            out[row, column] = min(abs(1.17 - (total / 5) ** 1.4) ** 8, 1.0)


@jit
def refract(light, lens, lighting, points, shade):
    """Where each pixel is seen through waves as high as `light` (H, W): `points` (2, H, W); and how bright: `shade`."""
    height, width = light.shape
    for row in range(height):
        for column in range(width):
            slope_y = (light[row + 1, column] if row + 1 < height else 0.0) - (light[row - 1, column] if row else 0.0)
            slope_x = (light[row, column + 1] if column + 1 < width else 0.0) - (
                light[row, column - 1] if column else 0.0
            )
            bend = lens * _bend(np.sqrt(slope_y * slope_y + slope_x * slope_x))
            points[0, row, column] = row + np.round(bend * slope_y, 3)
            points[1, row, column] = column + np.round(bend * slope_x, 3)
            shade[row, column] = lighting * (slope_y - slope_x)


@jit
def _bend(slope):
    """Sideways part, for a unit of slope, of a vertical ray after a surface of that slope."""
    length = np.sqrt(slope * slope + 1)
    upright, sideways = 1 / length, slope / length
    if upright >= 1 - 1e-3:
        return 0.0
    refracted = np.arcsin(sideways / _REFRACTION)
    return (np.cos(refracted) - np.sin(refracted) * upright / sideways) / length


def pinch_and_twirl(image: np.ndarray, generator: np.random.Generator, *, amount: float) -> np.ndarray:
    """Discs in a grid of 3 by 3 (above 64 px 5 by 5), each turned one way or the other and drawn to its middle."""
    squares = 3 if min(image.shape[:2]) <= 64 else 5
    signs = generator.integers(0, 2, (squares, squares)) * 2 - 1
    rows, columns = (grid.astype(np.float64) for grid in np.mgrid[: image.shape[0], : image.shape[1]])
    twirl(signs * (amount * np.pi / 20), 0.04 * amount + 0.1, rows, columns)
    return _read(image, rows, columns)


@jit
def twirl(angles, pinch, rows, columns):
    """Change the places of the pixels, float64 (H, W) each. angles: of the squares, by column and row, in radians."""
    side = min(rows.shape[0], rows.shape[1]) // angles.shape[0]
    radius = side / 2
    for y in range(side * angles.shape[0]):
        for x in range(side * angles.shape[1]):
            top, left = y // side * side + radius, x // side * side + radius
            down, across = y - top, x - left
            distance = np.sqrt(down * down + across * across)
            if distance > radius or distance < 0.0005:
                continue
            part = distance / radius
            stretch = np.sin(np.pi * 0.5 * part) ** -pinch
            turn = angles[x // side, y // side] * (1 - part) ** 2
            cos, sin = np.cos(turn) * stretch, np.sin(turn) * stretch
            rows[y, x] = top + down * cos - across * sin
            columns[y, x] = left + down * sin + across * cos


def ripple(image: np.ndarray, generator: np.random.Generator, *, amount: float) -> np.ndarray:
    """Rows and columns displaced along themselves by sine waves."""
    size = min(image.shape[:2])
    wavelengths = generator.uniform(0.1, 0.3, 2) * size
    phases = generator.uniform(0, 2 * np.pi, 2)
    axes = [
        np.arange(count) + 0.0025 * amount * size * np.sin(2 * np.pi * np.arange(count) / wavelength + phase)
        for count, wavelength, phase in zip(image.shape, wavelengths, phases)
    ]
    rows, columns = np.meshgrid(*axes, indexing="ij")
    return _read(image, rows, columns)


def _read(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    out = np.empty(image.shape, np.float32)
    read_points(image.astype(np.float32), rows, columns, ZERO, out)
    return np.clip(out, 0, 255)


def circular_motion_blur(image: np.ndarray, _generator: np.random.Generator, *, amount: float) -> np.ndarray:
    """The weighted mean of 21 copies turned by up to 1.5 `amount` degrees either way, by cubic splines."""
    steps = np.linspace(-1, 1, 21)
    weights = np.exp(-2 * steps**2)
    coefficients = spline_coefficients(image)
    total = np.zeros(image.shape, np.float64)
    for step, weight in zip(steps, weights / weights.sum()):
        rotated(coefficients, np.deg2rad(1.5 * amount * step), weight, total)
    return np.clip(total, 0, 255)


def transverse_chromatic_abberation(image: np.ndarray, generator: np.random.Generator, *, amount: float) -> np.ndarray:
    """The channels enlarged by different factors about the middle, with a cubic B-spline, which blurs a little."""
    scales = np.array([1, 1 + 0.025 * amount, 1 + 0.05 * amount])[generator.permutation(3)]
    out = np.empty(image.shape, np.float64)
    for channel, factor in enumerate(scales):
        places = [enlarged_axis(size, factor) for size in image.shape[:2]]
        read_spline_grid(image[..., channel].astype(np.float64), places[0], places[1], out[..., channel])
    return np.rint(np.clip(out, 0, 255))


def enlarged_axis(size: int, factor: float) -> np.ndarray:
    """Where SciPy's zoom reads the middle `size` of its round(size · factor) outputs, ends on ends."""
    enlarged = round(size * factor)
    return (np.arange(size) + (enlarged - size) // 2) * ((size - 1) / max(1, enlarged - 1))
