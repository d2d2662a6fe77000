"""Weather and dirt: snow, frost, fog and spatter of CIFAR-C and ImageNet-C."""

import cv2
import numpy as np

from layermix.compilation import jit
from writers.corruptions.frost import TEXTURES, frost_texture
from writers.corruptions.sampling import add_grid, clipped_zoom, motion_blur_bytes, smooth

_WATER = np.array([175, 238, 238], np.float32)
_MUD = np.array([63, 42, 20], np.float32)
_EMBOSS = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])


def snow(
    image: np.ndarray,
    generator: np.random.Generator,
    *,
    mean: float,
    deviation: float,
    zoom: float,
    threshold: float,
    radius: int,
    sigma: float,
    keep: float,
) -> np.ndarray:
    """Flakes of motion-blurred noise, and the same turned by half a circle, over a whitened picture."""
    flakes = snow_flakes(image.shape[:2], generator, mean, deviation, zoom, threshold)
    layer = motion_blur_bytes(flakes, radius, sigma, generator.uniform(-135, -45))
    return cover_with_snow(whitened(image, keep), layer)


def snow_flakes(
    shape: tuple[int, int], generator: np.random.Generator, mean: float, deviation: float, zoom: float, threshold: float
) -> np.ndarray:
    """Normal noise, enlarged by `zoom`, black below `threshold`: uint8 (H, W, 1)."""
    noise = (mean + deviation * generator.standard_normal((*shape, 1), dtype=np.float32)).astype(np.float32)
    layer = np.zeros_like(noise)
    add_grid(noise, *clipped_zoom(noise, zoom), layer)
    layer[layer < threshold] = 0
    return (np.clip(layer, 0, 1) * 255).astype(np.uint8)


def whitened(image: np.ndarray, keep: float) -> np.ndarray:
    """`keep` of the picture and the rest of a bright, gray copy: float32, [0, 255] and above."""
    unit = image.astype(np.float32)
    gray = cv2.cvtColor(unit, cv2.COLOR_RGB2GRAY)[..., None]
    return keep * unit + (1 - keep) * np.maximum(unit, gray * 1.5 + 127.5)


def cover_with_snow(whitened_image: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """Add the uint8 (H, W, 1) layer and the same turned by half a circle."""
    flakes = layer.astype(np.float32)
    return np.clip(whitened_image + flakes + flakes[::-1, ::-1], 0, 255)


def frost(
    image: np.ndarray,
    generator: np.random.Generator,
    *,
    picture_weight: float,
    frost_weight: float,
    texture_scale: float,
) -> np.ndarray:
    """A random crop of a random frost texture (`writers.corruptions.frost`), added by the two weights."""
    height, width = image.shape[:2]
    texture = frost_texture(int(generator.integers(TEXTURES)), texture_scale, height, width)
    top, left = (int(generator.integers(limit + 1)) for limit in (texture.shape[0] - height, texture.shape[1] - width))
    crop = texture[top : top + height, left : left + width]
    return cv2.addWeighted(image, picture_weight, crop, frost_weight, 0, dtype=cv2.CV_32F).clip(0, 255)


def fog(image: np.ndarray, generator: np.random.Generator, *, weight: float, decay: float) -> np.ndarray:
    """Add `weight` times a plasma fractal in [0, 1], and scale back by the brightest value."""
    height, width = image.shape[:2]
    side = 1 << (max(height, width) - 1).bit_length()
    plasma = plasma_fractal(generator.random((side, side)), decay)[:height, :width, None]
    brightest = image.max() / 255
    scale = brightest / (brightest + weight)
    return np.clip((image.astype(np.float32) + np.float32(255 * weight) * plasma) * np.float32(scale), 0, 255)


def plasma_fractal(draws: np.ndarray, decay: float) -> np.ndarray:
    """Diamond-square heights in [0, 1], float32 (n, n), from draws in [0, 1) of that shape, n a power of two, wrapping.

    The range of the random part falls by `decay` squared at each halving of the step.
    """
    heights = np.zeros(draws.shape, np.float64)
    _diamond_square(draws, decay, heights)
    heights -= heights.min()
    return (heights / max(heights.max(), np.finfo(float).tiny)).astype(np.float32)


@jit
def _diamond_square(draws, decay, heights):
    size = heights.shape[0]
    step, wobble = size, 100.0
    while step >= 2:
        half, reach = step // 2, wobble * wobble
        for row in range(0, size, step):
            for column in range(0, size, step):
                below, right = (row + step) % size, (column + step) % size
                total = heights[row, column] + heights[below, column] + heights[row, right] + heights[below, right]
                place = row + half, column + half
                heights[place] = total / 4 + reach * (2 * draws[place] - 1)
        for row in range(0, size, half):
            for column in range((row + half) % step, size, step):
                total = heights[(row - half) % size, column] + heights[(row + half) % size, column]
                total += heights[row, (column - half) % size] + heights[row, (column + half) % size]
                heights[row, column] = total / 4 + reach * (2 * draws[row, column] - 1)
        step, wobble = half, wobble / decay


def spatter(
    image: np.ndarray,
    generator: np.random.Generator,
    *,
    mean: float,
    deviation: float,
    sigma: float,
    threshold: float,
    amount: float,
    liquid: str,
) -> np.ndarray:
    """Drops where smoothed noise exceeds `threshold`: of water, with lit edges, or of mud."""
    layer = spatter_layer(image.shape[:2], generator, mean, deviation, sigma, threshold)
    if liquid == "water":
        return splash_water(image, layer, amount)
    drops = smooth((layer > threshold).astype(np.float32), amount)
    drops[drops < 0.8] = 0
    return np.clip(image * (1 - drops[..., None]) + drops[..., None] * _MUD, 0, 255)


def spatter_layer(
    shape: tuple[int, int],
    generator: np.random.Generator,
    mean: float,
    deviation: float,
    sigma: float,
    threshold: float,
) -> np.ndarray:
    """Normal noise under a Gaussian of `sigma`, zero below `threshold`: float32 (H, W)."""
    noise = (mean + deviation * generator.standard_normal(shape, dtype=np.float32)).astype(np.float32)
    layer = smooth(noise, sigma)
    layer[layer < threshold] = 0
    return layer


def splash_water(image: np.ndarray, layer: np.ndarray, amount: float) -> np.ndarray:
    """Water of the float32 (H, W) `layer` on the picture, brightest by `amount`; unchanged where there is none."""
    drops = (layer * 255).astype(np.uint8)
    distance = cv2.distanceTransform(255 - cv2.Canny(drops, 50, 150), cv2.DIST_L2, 5)
    edges = cv2.equalizeHist(cv2.blur(np.minimum(distance, 20), (3, 3)).astype(np.uint8))
    shine = cv2.blur(cv2.filter2D(edges, cv2.CV_8U, _EMBOSS), (3, 3)).astype(np.float32) * drops
    brightest = shine.max()
    if brightest > 0:
        shine *= amount / brightest
    return np.clip(image + shine[..., None] * _WATER, 0, 255)
