"""What covers the picture in CIFAR-C̄ and ImageNet-C̄: sparkles, a checkerboard, lines."""

import numpy as np

from layermix.compilation import jit


def sparkles(image: np.ndarray, generator: np.random.Generator, *, amount: float) -> np.ndarray:
    """Five white stars."""
    size = min(image.shape[:2])
    radius = 0.01 * amount * size
    centres = generator.uniform(0, size, (5, 2))
    out = image.astype(np.float64)
    for centre in centres:
        rays = np.maximum(1, _ray_lengths(radius, generator))
        shine(centre[0], centre[1], rays, 1.0, True, out)
    return np.clip(out, 0, 255)


def inverse_sparkles(image: np.ndarray, generator: np.random.Generator, *, amount: float) -> np.ndarray:
    """A star through which the picture is seen on white."""
    size = min(image.shape[:2])
    centre = generator.uniform(0.25, 0.75, 2) * size
    out = image.astype(np.float64)
    shine(centre[0], centre[1], _ray_lengths(0.25 * size, generator), 0.13 * amount, False, out)
    return np.clip(out, 0, 255)


def _ray_lengths(radius: float, generator: np.random.Generator) -> np.ndarray:
    """50 to 199 rays of a normal length with a quarter of `radius` as deviation."""
    return radius * (1 + 0.25 * generator.standard_normal(int(generator.integers(50, 200))))


@jit
def shine(row, column, rays, exponent, lights, image):
    """Blend float64 `image` (H, W, 3), in place, with white: in a star about (row, column) or around it.

    lights: whether the star is white.  Its opacity is (ray length / distance)² to the power `exponent`, weaker between
    two rays, at most 1.
    """
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            down, across = y - row, x - column
            place = (np.arctan2(across, down) + np.pi) / (2 * np.pi) * rays.size
            ray = int(place)
            part = place - ray
            length = rays[ray % rays.size] + part * (rays[(ray + 1) % rays.size] - rays[ray % rays.size])
            opacity = length * length / (down * down + across * across + 1e-4)
            if exponent != 1:
                opacity **= exponent
            opacity = min(opacity * (1 - (part - 0.5) ** 2), 1.0)
            white = opacity if lights else 1 - opacity
            for c in range(3):
                image[y, x, c] += white * (255 - image[y, x, c])


def checkerboard_cutout(image: np.ndarray, generator: np.random.Generator, *, amount: float) -> np.ndarray:
    """Gray in a share of the dark fields of a turned checkerboard."""
    size = min(image.shape[:2])
    angle = generator.uniform(0, 2 * np.pi)
    side = max(1.0, generator.uniform(0.1, 0.25) * size)
    fields = int(4 * max(image.shape[:2]) // side)
    chosen = generator.random((fields, fields)) < 0.1 * amount
    out = image.copy()
    cut_fields(angle, side, chosen, out)
    return out


@jit
def cut_fields(angle, side, chosen, image):
    """Set uint8 `image` (H, W, 3) to 128 in the `chosen` fields whose two indices are both even or both odd."""
    cos, sin = np.cos(angle), np.sin(angle)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            u, v = (cos * y + sin * x) / side, (cos * x - sin * y) / side
            if int(u % 2) == int(v % 2) and chosen[int(u) % chosen.shape[0], int(v) % chosen.shape[1]]:
                image[y, x] = 128


def lines(image: np.ndarray, generator: np.random.Generator, *, amount: float) -> np.ndarray:
    """Gray lines, one pixel wide and smooth-edged, of about one direction; their number grows with `amount`."""
    size = min(image.shape[:2])
    angle, spread = generator.uniform(0, 2 * np.pi), generator.uniform(0.1, 1)
    count = int(0.1 * amount * size)
    middles = size * generator.random((count, 2))
    angles = angle + 2 * np.pi * spread * (generator.random(count) - 0.5)
    reach = size * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    out = image.copy()
    draw_lines((middles - reach).astype(np.int64), (middles + reach).astype(np.int64), out)
    return out


@jit
def draw_lines(starts, stops, image):
    """Blend uint8 `image` (H, W, 3) with 128 along lines from pixel to pixel, int64 (n, 2) rows and columns."""
    for n in range(starts.shape[0]):
        down, across = stops[n, 0] - starts[n, 0], stops[n, 1] - starts[n, 1]
        length = np.sqrt(down * down + across * across)
        if length == 0:
            continue
        for y in range(image.shape[0]):
            for x in range(image.shape[1]):
                dy, dx = y - starts[n, 0], x - starts[n, 1]
                along = (dy * down + dx * across) / length
                opacity = 1 - abs(dy * across - dx * down) / length
                if opacity > 0 and 0 <= along <= length:
                    for c in range(3):
                        image[y, x, c] = np.uint8((1 - opacity) * image[y, x, c] + opacity * 128)
