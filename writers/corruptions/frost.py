"""Frost on a window pane, drawn instead of photographed: the published frost pictures cannot be shipped.

Each texture is a fixed picture, the same for every seed: fern-like ice crystals (a spine with needles at about 60
degrees, as ice grows) over a cloudy sheet of ice, lit from one side. Colours and contrast are matched to the five
pictures from which the published programs draw; their shapes are our own. Results made with them differ from the
released files in frost more than in any other corruption.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

_HEIGHT, _WIDTH = 480, 720
_SEED = 20190328
_SUBPIXEL = 4
"""Fraction bits of the coordinates that lines are drawn at."""


@dataclass(frozen=True, kw_only=True)
class _Look:
    """Mean colour (RGB) and standard deviation, 0 to 255; number and length in pixels of the crystals."""

    mean: tuple[int, int, int]
    deviation: float
    crystals: int
    length: tuple[float, float]
    cloud: float


_LOOKS = (
    _Look(mean=(78, 149, 166), deviation=40, crystals=260, length=(20, 90), cloud=2.0),
    _Look(mean=(201, 205, 214), deviation=23, crystals=420, length=(30, 120), cloud=0.5),
    _Look(mean=(197, 203, 213), deviation=23, crystals=420, length=(30, 120), cloud=0.5),
    _Look(mean=(138, 153, 165), deviation=31, crystals=1800, length=(8, 40), cloud=0.5),
    _Look(mean=(112, 123, 135), deviation=44, crystals=800, length=(16, 80), cloud=0.6),
)
TEXTURES = len(_LOOKS)


@lru_cache(maxsize=16)
def frost_texture(index: int, scale: float, height: int, width: int) -> np.ndarray:
    """Texture `index` at `scale` of its full size, enlarged where a crop of `height` by `width` needs it: uint8 RGB."""
    texture = _drawn_texture(index)
    scale = max(scale, height / texture.shape[0], width / texture.shape[1])
    if scale == 1:
        return texture
    size = (max(width, round(texture.shape[1] * scale)), max(height, round(texture.shape[0] * scale)))
    return cv2.resize(texture, size, interpolation=cv2.INTER_LINEAR)


@lru_cache(maxsize=TEXTURES)
def _drawn_texture(index: int) -> np.ndarray:
    look, generator = _LOOKS[index], np.random.Generator(np.random.Philox(key=[_SEED, index]))
    ice = _crystals(look, generator) + look.cloud * _cloud(generator, octaves=5)
    tint = _cloud(generator, octaves=3)[..., None] * np.array([12, 2, -10], np.float32)
    relief = (ice - ice.mean()) / ice.std()
    return np.clip(np.array(look.mean) + look.deviation * relief[..., None] + tint, 0, 255).astype(np.uint8)


def _crystals(look: _Look, generator: np.random.Generator) -> np.ndarray:
    """Crystals drawn one over the other and lit from the upper left: float32, about [-1, 1]."""
    sheet = np.full((_HEIGHT, _WIDTH), 60, np.uint8)
    for _ in range(look.crystals):
        root = generator.uniform((0, 0), (_WIDTH, _HEIGHT))
        length = np.exp(generator.uniform(*np.log(look.length)))
        _draw_fern(sheet, root, generator.uniform(0, 2 * np.pi), length, generator)
    heights = sheet.astype(np.float32) / 255
    light = heights - np.roll(cv2.GaussianBlur(heights, (0, 0), 1.2), (1, 1), (0, 1))
    return heights + 1.5 * light - 0.5


def _draw_fern(
    sheet: np.ndarray, root: np.ndarray, angle: float, length: float, generator: np.random.Generator
) -> None:
    """A spine from `root` with needles on both sides that shorten to the tip, over a dim body."""
    bend, spread = generator.uniform(-0.3, 0.3), generator.uniform(0.85, 1.15)
    along = np.arange(0, 1, 3 / length)[:, None]
    angles = angle + bend * along
    spine = root + length * along * _direction(angles)
    reach = length * generator.uniform(0.2, 0.4) * (1 - along) * generator.uniform(0.6, 1, size=along.shape)
    sides = [spine + reach * _direction(angles + turn) for turn in (-spread, spread)]
    bright = int(generator.uniform(110, 255))
    outline = np.concatenate([sides[0], spine[-1:], sides[1][::-1]])
    cv2.fillPoly(sheet, [_fixed(outline)], int(bright * 0.55), cv2.LINE_AA, _SUBPIXEL)
    for side in sides:
        needles = np.stack([_fixed(spine), _fixed(side)], axis=1)
        cv2.polylines(sheet, list(needles), False, bright, 1, cv2.LINE_AA, _SUBPIXEL)
    cv2.polylines(sheet, [_fixed(spine)], False, min(255, bright + 30), 1, cv2.LINE_AA, _SUBPIXEL)


def _direction(angles: np.ndarray) -> np.ndarray:
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.rint(points * (1 << _SUBPIXEL)).astype(np.int32)


def _cloud(generator: np.random.Generator, octaves: int) -> np.ndarray:
    """Smooth noise of several octaves, each half as strong: float32 (_HEIGHT, _WIDTH), about [-1, 1]."""
    total = np.zeros((_HEIGHT, _WIDTH), np.float32)
    for octave in range(octaves):
        grid = generator.uniform(-1, 1, size=(2 * 2**octave, 3 * 2**octave)).astype(np.float32)
        total += cv2.resize(grid, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC) / 2**octave
    return total
