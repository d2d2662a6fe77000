"""C̄ read plainly: one Python call a pixel, as the public generator has it, with the draws of `writers.corruptions`.

The oracle of the tests, and what benchmarks/corruptions.py measures against. Each function takes a uint8 (H, W, 3)
picture, a generator and the amount, and returns uint8.
"""

import numpy as np
from scipy.ndimage import gaussian_filter, rotate, zoom
from skimage.draw import line_aa


def each_pixel(image, function):
    height, width = image.shape[:2]
    return np.array([[function(y, x) for x in range(width)] for y in range(height)])


def to_bytes(values):
    return np.clip(values, 0, 255).astype(np.uint8)


def bilinear(image, y, x):
    top, left = int(np.floor(y)), int(np.floor(x))
    total = np.zeros(3)
    for row in (top, top + 1):
        for column in (left, left + 1):
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                total += image[row, column] * (1 - abs(y - row)) * (1 - abs(x - column))
    return total


def single_frequency_greyscale(image, generator, amount):
    first = generator.uniform(-np.pi, np.pi)
    pair = np.array([first, generator.uniform(-abs(first), abs(first))])[generator.permutation(2)]
    phase = generator.uniform(0, 2 * np.pi)
    noise = each_pixel(image, lambda y, x: np.sin(x * pair[0] + y * pair[1] + phase))
    return to_bytes(image + amount * 196 / 10 * noise[..., None])


def cocentric_sine_waves(image, generator, amount):
    size = len(image)
    offset = generator.uniform(0, size, 2)
    frequency = generator.uniform(0, 10)
    amplitude, ring_width = generator.uniform(0, size / 10, 2)

    def ring(y, x):
        angle = np.arctan2(x - offset[0], y - offset[1]) * frequency
        distance = np.sqrt((x - offset[0]) ** 2 + (y - offset[1]) ** 2) + np.sin(angle) * amplitude
        return (distance % ring_width) / ring_width - 1 / 2

    return to_bytes(image + amount * 128 / 10 * each_pixel(image, ring)[..., None])


def plasma_noise(image, generator, amount):
    time = generator.uniform(0, 6 * np.pi)
    rounds = generator.integers(4, 7)
    sharpness = generator.uniform(0.5, 1)
    scale = generator.uniform(0.075, 0.2) * len(image)

    def colour(y, x):
        place = np.array([x, y]) / scale
        i = np.array([1.0, 1.0, 1.0, 0.0])
        for _ in range(rounds):
            r = np.array([np.cos(place[1] * i[0] - i[3] + time / i[1]), np.sin(place[0] * i[0] - i[3] + time / i[1])])
            r = r / i[2]
            place = place + r + 0.3 * np.array([-r[1], r[0]])
            i = i * np.array([1.93, 1.15, 2.25 - sharpness, time * i[1]])
        return np.sin([place[0] - time, (place.sum() + np.sin(time)) * 0.5, place[1] + time])

    intensity = amount * 64 / 10
    return to_bytes((1 - intensity / 255) * image + intensity * each_pixel(image, colour))


def star(y, x, centre, lengths, exponent):
    """The share of the star's colour at a pixel."""
    offset = np.array([y, x]) - centre
    place = (np.arctan2(offset[1], offset[0]) + np.pi) / (2 * np.pi) * len(lengths)
    ray = int(place)
    part = place - ray
    length = lengths[ray % len(lengths)]
    length = length + part * (lengths[(ray + 1) % len(lengths)] - length)
    strength = (length**2 / (np.linalg.norm(offset) ** 2 + 1e-4)) ** exponent
    return np.clip((1 - (part - 0.5) ** 2) * strength, 0, 1)


def ray_lengths(radius, generator):
    count = generator.integers(50, 200)
    return np.array([radius + 0.25 * radius * n for n in generator.standard_normal(count)])


def sparkles(image, generator, amount):
    radius = amount * 0.1 / 10 * len(image)
    values = image.astype(np.float64)
    for centre in generator.uniform(0, len(image), (5, 2)):
        lengths = [max(1, length) for length in ray_lengths(radius, generator)]
        light = each_pixel(image, lambda y, x: star(y, x, centre, lengths, 1.0))[..., None]  # noqa: B023
        values = values + light * (255 - values)
    return to_bytes(values)


def inverse_sparkles(image, generator, amount):
    centre = generator.uniform(0.25, 0.75, 2) * len(image)
    lengths = ray_lengths(0.25 * len(image), generator)
    kept = each_pixel(image, lambda y, x: star(y, x, centre, lengths, amount * 65 / 10 / 50))[..., None]
    return to_bytes(255 + kept * (image - 255.0))


def perlin_noise(image, generator, amount):
    gradients = generator.uniform(-1, 1, (256, 2))
    gradients = gradients / np.linalg.norm(gradients, axis=1, keepdims=True)
    order = generator.permutation(256)

    def noise(y, x):
        (j, dy), (i, dx) = divmod(x, 1), divmod(y, 1)

        def slope(a, b):
            gradient = gradients[order[(order[int(i + a) % 256] + int(j + b)) % 256]]
            return (dx - a) * gradient[0] + (dy - b) * gradient[1]

        ease_x, ease_y = 3 * dx**2 - 2 * dx**3, 3 * dy**2 - 2 * dy**3
        upper = slope(0, 0) + ease_x * (slope(1, 0) - slope(0, 0))
        lower = slope(0, 1) + ease_x * (slope(1, 1) - slope(0, 1))
        return 1.5 * (upper + ease_y * (lower - upper))

    unit = len(image) * 32 / 224
    turbulence = each_pixel(
        image, lambda y, x: sum(abs(noise(f * y / unit, f * x / unit)) / f for f in (1, 2, 4, 8, 16))
    )
    alpha = amount * 0.5 / 10
    return to_bytes((1 - alpha) * image + 255 * alpha * np.clip(0.5 * turbulence + 0.5, 0, 1)[..., None])


def spectral(power, generator):
    height, width = power.shape
    half = generator.uniform(0, 2 * np.pi, power.size - power.size // 2)
    phases = np.concatenate([half, half[: power.size // 2][::-1]]).reshape(height, width)
    spectrum = power * (np.cos(phases) + 1j * np.sin(phases))
    spectrum = np.roll(np.roll(spectrum, height // 2, axis=0), width // 2, axis=1)
    noise = np.real(np.fft.ifft2(spectrum))
    return noise / np.std(noise)


def distance_to_middle(image):
    return each_pixel(image, lambda y, x: np.linalg.norm(np.array([x, y]) - len(image) / 2))


def blue_noise_sample(image, generator, amount):
    noise = spectral(distance_to_middle(image), generator)
    return image * (noise > amount * 3 / 10 - 2.5)[..., None]


def brownish_noise(image, generator, amount):
    power = 1 / (distance_to_middle(image) ** 2 + 1)
    noise = np.stack([spectral(power, generator) for _ in range(3)], axis=2)
    return to_bytes(image + amount * 64 / 10 * noise)


def checkerboard_cutout(image, generator, amount):
    angle = generator.uniform(0, 2 * np.pi)
    scale = max(1.0, generator.uniform(0.1, 0.25) * len(image))
    grid = generator.random((int(4 * len(image) // scale),) * 2) < amount / 10

    def value(y, x):
        u = (np.cos(angle) * y + np.sin(angle) * x) / scale
        v = (-np.sin(angle) * y + np.cos(angle) * x) / scale
        kept = int(u % 2) != int(v % 2) or not grid[int(u), int(v)]
        return image[y, x] if kept else np.array([128] * 3)

    return to_bytes(each_pixel(image, value))


def lines(image, generator, amount):
    size = len(image)
    angle, variation = generator.uniform(0, 2 * np.pi), generator.uniform(0.1, 1)
    count = int(amount / 10 * size)
    middles, parts = size * generator.random((count, 2)), generator.random(count)
    out = image.copy()
    for (x, y), part in zip(middles, parts):
        a = angle + 2 * np.pi * variation * (part - 0.5)
        s, c = np.sin(a) * size, np.cos(a) * size
        rows, columns, opacity = line_aa(int(x - c), int(y - s), int(x + c), int(y + s))
        inside = (rows >= 0) & (columns >= 0) & (rows < size) & (columns < size)
        rows, columns, opacity = rows[inside], columns[inside], opacity[inside, None]
        out[rows, columns] = (1 - opacity) * out[rows, columns] + opacity * 128
    return out


def caustic_refraction(image, generator, amount):
    size = len(image)
    time, scale = generator.uniform(0.5, 2), generator.uniform(0.75, 1.25) * size

    def caustic(y, x):
        p = np.array([y, x]) / scale % 1 * 6.28318530718 - 250
        i, c = p, 1.0
        for n in range(5):
            t = time * (1 - 3.5 / (n + 1))
            i = p + np.array([np.cos(t - i[0]) + np.sin(t + i[1]), np.sin(t - i[1]) + np.cos(t + i[0])])
            c += 1 / np.linalg.norm([p[0] / (np.sin(i[0] + t) / 0.005), p[1] / (np.cos(i[1] + t) / 0.005)])
        return np.clip(abs(1.17 - (c / 5) ** 1.4) ** 8, 0, 1)

    light = np.pad(gaussian_filter(each_pixel(image, caustic), 1), 1)

    def seen(y, x):
        north, south, west, east = light[y + 1, x], light[y + 1, x + 2], light[y, x + 1], light[y + 2, x + 1]
        normal = np.array([east - west, south - north, 1.0])
        normal /= np.linalg.norm(normal)
        vector = refracted(normal, 4.0) * amount * 0.5 * size / 10
        shade = (north - south + east - west) * amount * 2 / 10
        return np.clip(bilinear(image / 255, y + round(vector[0], 3), x + round(vector[1], 3)) + shade, 0, 1)

    return to_bytes(each_pixel(image, seen) * 255)


def refracted(normal, index):
    """A ray along z after a surface."""
    incident = np.array([0.0, 0.0, 1.0])
    if abs(incident @ normal) >= 1 - 1e-3:
        return incident
    angle = np.arcsin(np.sin(np.arccos(incident @ normal)) / index)
    across = np.cross(incident, normal)
    across /= np.linalg.norm(across)
    basis = np.stack([normal, np.cross(normal, across), across])
    return np.linalg.inv(basis) @ np.array([np.cos(angle), np.sin(angle), 0])


def pinch_and_twirl(image, generator, amount):
    squares = 3 if len(image) <= 64 else 5
    angles = (generator.integers(0, 2, (squares, squares)) * 2 - 1) * amount * (np.pi / 2) / 10
    side = len(image) // squares
    out = image.astype(np.float64)
    for i in range(squares):
        for j in range(squares):
            centre = np.array([j, i]) * side + side / 2
            block = [
                [bilinear(out, *twirled(np.array([y, x]), centre, side / 2, amount * 0.04 + 0.1, angles[i, j]))
                 for x in range(i * side, (i + 1) * side)]
                for y in range(j * side, (j + 1) * side)
            ]  # fmt: skip
            out[j * side : (j + 1) * side, i * side : (i + 1) * side] = block
    return to_bytes(out)


def twirled(point, centre, radius, amount, angle):
    offset = point - centre
    distance = np.linalg.norm(offset)
    if distance > radius or round(distance, 3) == 0:
        return point
    offset = offset * np.sin(np.pi * 0.5 * distance / radius) ** -amount
    a = angle * (1 - distance / radius) ** 2
    return centre + np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) @ offset


def ripple(image, generator, amount):
    size = len(image)
    wavelengths, phases = generator.uniform(0.1, 0.3, 2) * size, generator.uniform(0, 2 * np.pi, 2)

    def moved(y, x):
        point = np.array([y, x])
        return bilinear(image, *(point + amount * 0.025 / 10 * size * np.sin(2 * np.pi * point / wavelengths + phases)))

    return to_bytes(each_pixel(image, moved))


def circular_motion_blur(image, _generator, amount):
    total, weights = np.zeros(image.shape), 0.0
    for i in range(21):
        t = 2 * i / 20 - 1
        total += np.exp(-2 * t**2) * rotate(image.astype(np.float64), t * amount * 15 / 10, reshape=False)
        weights += np.exp(-2 * t**2)
    return to_bytes(total / weights)


def transverse_chromatic_abberation(image, generator, amount):
    scale, out = amount * 0.5 / 10, image.copy()
    for channel, factor in enumerate(np.array([1, 1 + scale / 2, 1 + scale])[generator.permutation(3)]):
        enlarged = zoom(image[..., channel], factor, prefilter=False)
        edge = (len(enlarged) - len(image)) // 2
        out[..., channel] = enlarged[edge : edge + len(image), edge : edge + len(image)]
    return out
