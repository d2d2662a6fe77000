"""Digital corruptions of CIFAR-C and ImageNet-C: brightness, contrast, saturate, elastic transform, pixelate, JPEG."""

from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from layermix.compilation import jit
from writers.corruptions.sampling import REFLECT, read_points, smooth


def brightness(image: np.ndarray, _generator: np.random.Generator, *, rise: float) -> np.ndarray:
    """Add `rise` to the value of HSV, from 0 to 1."""
    out = np.empty(image.shape, np.float32)
    raise_value(image.reshape(-1, 3), rise, out.reshape(-1, 3))
    return out


@jit
def raise_value(pixels, rise, out):
    """Add `rise` to the value of HSV of uint8 (n, 3) pixels, into float32 `out`, [0, 255].

    Hue and saturation stay, so the channels scale with the value.
    """
    for n in range(pixels.shape[0]):
        value = max(pixels[n, 0], pixels[n, 1], pixels[n, 2])
        raised = min(max(value + 255 * rise, 0.0), 255.0)
        for c in range(3):
            out[n, c] = raised * (pixels[n, c] / value) if value else raised


def contrast(image: np.ndarray, _generator: np.random.Generator, *, factor: float) -> np.ndarray:
    """Draw the values of each channel towards their mean, to `factor` of their distance."""
    means = np.array(cv2.mean(image)[:3])
    table = np.clip((np.arange(256)[:, None] - means) * factor + means, 0, 255).astype(np.uint8)
    return cv2.LUT(image, table[:, None])


def saturate(image: np.ndarray, _generator: np.random.Generator, *, factor: float, rise: float) -> np.ndarray:
    """Multiply the saturation of HSV by `factor` and add `rise`."""
    out = np.empty(image.shape, np.float32)
    _saturate(image.reshape(-1, 3), factor, rise, out.reshape(-1, 3))
    return out


@jit
def _saturate(pixels, factor, rise, out):
    """With the value and hue fixed, each channel's distance from the value is in proportion to the saturation."""
    for n in range(pixels.shape[0]):
        value = np.float64(max(pixels[n, 0], pixels[n, 1], pixels[n, 2]))
        spread = value - min(pixels[n, 0], pixels[n, 1], pixels[n, 2])
        saturation = spread / value if value else 0.0
        saturation = min(max(saturation * factor + rise, 0.0), 1.0)
        for c in range(3):
            # Gray has no hue; HSV takes red for it.
            distance = (value - pixels[n, c]) / spread if spread else np.float64(c > 0)
            out[n, c] = value * (1 - saturation * distance)


def elastic_transform(
    image: np.ndarray, generator: np.random.Generator, *, alpha: float, sigma: float, affine: float
) -> np.ndarray:
    """An affine warp that moves three points by up to `affine` pixels, then a random field of displacements.

    The field is uniform noise in [-1, 1] under a Gaussian of `sigma` pixels, times `alpha`.
    """
    height, width = image.shape[:2]
    warped = _random_affine(image.astype(np.float32), generator, affine)
    noise = generator.uniform(-1, 1, size=(2, height, width)).astype(np.float32)
    across, down = (smooth(field, sigma, truncate=3.0, border=cv2.BORDER_REFLECT) * alpha for field in noise)
    rows, columns = np.mgrid[:height, :width]
    out = np.empty_like(warped)
    read_points(warped, rows + down, columns + across, REFLECT, out)
    return np.clip(out, 0, 255)


def _random_affine(image: np.ndarray, generator: np.random.Generator, reach: float) -> np.ndarray:
    size = np.array(image.shape[:2], np.float32)
    centre, square = size // 2, min(image.shape[:2]) // 3
    corners = np.array([[1, 1], [1, -1], [-1, -1]], np.float32)
    points = centre + square * corners
    moved = points + generator.uniform(-reach, reach, size=points.shape).astype(np.float32)
    matrix = cv2.getAffineTransform(points, moved)
    return cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REFLECT_101)


def pixelate(image: np.ndarray, _generator: np.random.Generator, *, scale: float) -> np.ndarray:
    """Shrink to `scale` and enlarge again, both with a box filter."""
    height, width = image.shape[:2]
    size = (max(1, int(width * scale)), max(1, int(height * scale)))
    small = Image.fromarray(image).resize(size, Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.BOX))


def jpeg_compression(image: np.ndarray, _generator: np.random.Generator, *, quality: int) -> np.ndarray:
    """Encode as JPEG and decode again."""
    encoded = BytesIO()
    Image.fromarray(image).save(encoded, "JPEG", quality=quality)
    return np.asarray(Image.open(encoded))
