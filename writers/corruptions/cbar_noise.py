"""Noise of CIFAR-C̄ and ImageNet-C̄: waves, plasma, Perlin, blue and brown noise.

As in all of C̄, `amount` runs from 0 to 10, and lengths are parts of the picture's shorter side.
"""

import numpy as np

from layermix.compilation import jit


def single_frequency_greyscale(image: np.ndarray, generator: np.random.Generator, *, amount: float) -> np.ndarray:
    """A plane wave of random direction and frequency, up to half a cycle a pixel, added to all channels."""
    first = generator.uniform(-np.pi, np.pi)
    pair = np.array([first, generator.uniform(-abs(first), abs(first))])[generator.permutation(2)]
    phase = generator.uniform(0, 2 * np.pi)
    return add_gray(image, 19.6 * amount * plane_wave(image.shape, pair[0], pair[1], phase))


def plane_wave(shape: tuple[int, ...], across: float, down: float, phase: float) -> np.ndarray:
    """sin(x across + y down + phase), float64 (H, W)."""
    rows = down * np.arange(shape[0])[:, None] + phase
    columns = across * np.arange(shape[1])
    return np.sin(rows) * np.cos(columns) + np.cos(rows) * np.sin(columns)


def cocentric_sine_waves(image: np.ndarray, generator: np.random.Generator, *, amount: float) -> np.ndarray:
    """Rings with a sawtooth profile about a random point, their radius waving with the angle."""
    size = min(image.shape[:2])
    x, y = generator.uniform(0, size, 2)
    frequency = generator.uniform(0, 10)
    swing, width = generator.uniform(0, size / 10, 2)
    noise = np.empty(image.shape[:2], np.float64)
    rings(x, y, frequency, swing, width, noise)
    return add_gray(image, 12.8 * amount * noise)


@jit
def rings(x, y, frequency, swing, width, out):
    """Fill `out`, float64 (H, W), with values in [-1/2, 1/2)."""
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            angle = np.arctan2(column - x, row - y) * frequency
            distance = np.sqrt((column - x) ** 2 + (row - y) ** 2) + np.sin(angle) * swing
            out[row, column] = (distance % width) / width - 0.5


def plasma_noise(image: np.ndarray, generator: np.random.Generator, *, amount: float) -> np.ndarray:
    """Blend with coloured, folded sine waves."""
    time = generator.uniform(0, 6 * np.pi)
    rounds = int(generator.integers(4, 7))
    sharpness = generator.uniform(0.5, 1)
    scale = generator.uniform(0.075, 0.2) * min(image.shape[:2])
    noise = np.empty(image.shape, np.float64)
    plasma(time, rounds, sharpness, scale, noise)
    intensity = 6.4 * amount
    return np.clip((1 - intensity / 255) * image + intensity * noise, 0, 255)


@jit
def plasma(time, rounds, sharpness, scale, out):
    """Fill `out`, float64 (H, W, 3), with values in [-1, 1]."""
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            x, y = column / scale, row / scale
            frequency, slowness, weight = 1.0, 1.0, 1.0
            for _ in range(rounds):
                first = np.cos(y * frequency + time / slowness) / weight
                second = np.sin(x * frequency + time / slowness) / weight
                x += first - 0.3 * second
                y += second + 0.3 * first
                frequency, slowness, weight = frequency * 1.93, slowness * 1.15, weight * (2.25 - sharpness)
            out[row, column, 0] = np.sin(x - time)
            out[row, column, 1] = np.sin((x + y + np.sin(time)) * 0.5)
            out[row, column, 2] = np.sin(y + time)


def perlin_noise(image: np.ndarray, generator: np.random.Generator, *, amount: float) -> np.ndarray:
    """Blend with gray Perlin turbulence of five octaves, the coarsest with 7 cells across the picture."""
    cells = 7 / min(image.shape[:2])
    gradients = generator.uniform(-1, 1, (256, 2))
    gradients /= np.linalg.norm(gradients, axis=1, keepdims=True)
    noise = np.zeros(image.shape[:2], np.float64)
    turbulence(cells, generator.permutation(256), gradients, noise)
    alpha = 0.05 * amount
    return np.clip((1 - alpha) * image + 255 * alpha * np.clip(0.5 * noise + 0.5, 0, 1)[..., None], 0, 255)


@jit
def turbulence(cells, order, gradients, out):
    """Add to `out`, float64 (H, W), the absolute Perlin noise at 1, 2, ... 16 times `cells` a pixel, over that factor.

    order: a permutation of 0 to 255.  gradients: unit vectors (256, 2).
    """
    factor = 1
    while factor <= 16:
        step = factor * cells
        for row in range(out.shape[0]):
            for column in range(out.shape[1]):
                out[row, column] += abs(_perlin(step * row, step * column, order, gradients)) / factor
        factor *= 2


@jit
def _perlin(x, y, order, gradients):
    left, top = int(x), int(y)
    across, down = x - left, y - top
    first, second = order[left % 256], order[(left + 1) % 256]
    ease_x, ease_y = across * across * (3 - 2 * across), down * down * (3 - 2 * down)
    upper = _slope(order, gradients, first, top, across, down)
    upper += ease_x * (_slope(order, gradients, second, top, across - 1, down) - upper)
    lower = _slope(order, gradients, first, top + 1, across, down - 1)
    lower += ease_x * (_slope(order, gradients, second, top + 1, across - 1, down - 1) - lower)
    return 1.5 * (upper + ease_y * (lower - upper))


@jit
def _slope(order, gradients, start, step, across, down):
    gradient = gradients[order[(start + step) % 256]]
    return across * gradient[0] + down * gradient[1]


def blue_noise_sample(image: np.ndarray, generator: np.random.Generator, *, amount: float) -> np.ndarray:
    """Black wherever blue noise is at most a threshold."""
    height, width = image.shape[:2]
    kept = spectral_noise(_distances(height, width), generator) > 0.3 * amount - 2.5
    return image * kept[..., None]


def brownish_noise(image: np.ndarray, generator: np.random.Generator, *, amount: float) -> np.ndarray:
    """Add noise of amplitudes 1 / (f² + 1), a channel at a time."""
    height, width = image.shape[:2]
    amplitudes = 1 / (_distances(height, width) ** 2 + 1)
    noise = np.stack([spectral_noise(amplitudes, generator) for _ in range(3)], axis=2)
    return np.clip(image + 6.4 * amount * noise, 0, 255)


def spectral_noise(amplitudes: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Noise with a spectrum, standard deviation 1: float64 (H, W).

    amplitudes: (H, W), zero frequency in the middle. The phases of two opposite frequencies are equal, as published,
    not opposite.
    """
    turns = np.empty(amplitudes.size, np.complex128)
    half = turns.size // 2
    turns[: turns.size - half] = np.exp(1j * generator.uniform(0, 2 * np.pi, turns.size - half))
    turns[turns.size - half :] = turns[:half][::-1]
    spectrum = np.fft.ifftshift(amplitudes * turns.reshape(amplitudes.shape))
    noise = np.fft.ifft2(spectrum).real
    return noise / noise.std()


def _distances(height: int, width: int) -> np.ndarray:
    return np.hypot(np.arange(height)[:, None] - height / 2, np.arange(width) - width / 2)


def add_gray(image: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Add noise, (H, W), to every channel."""
    return np.clip(image + noise[..., None], 0, 255)
