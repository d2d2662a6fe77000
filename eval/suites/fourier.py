"""Fourier sensitivity (Yin et al., "A Fourier perspective on model robustness in computer vision", NeurIPS 2019).

The top-1 error of pictures to which a wave of one spatial frequency and of fixed L2 norm is added, for every frequency
of a square around zero. A wave is a real matrix of unit norm whose Fourier transform is zero but at one frequency
and its opposite, so opposite frequencies are one. Each colour channel gets the wave with a sign of its own, drawn by
the sample. Pixels are clipped and rounded as pictures are.

    fourier/<grid>/<row>    a cell for each vertical frequency from 0 up; its frames are the horizontal frequencies
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from eval.metrics import pooled_interval
from eval.predictions import CellPredictions
from eval.sets.spread import SpreadPictures
from eval.suites.planning import Context, Planned
from eval.suites.protocol import Cell, Measurement
from layermix.compilation import jit
from layermix.errors import InputError

NORM_A_PIXEL = {"cifar": 4 / 32, "imagenet": 15.7 / 224}
"""L2 norm of the wave over the side of the picture, pixels in [0, 1]: 4 at 32 px and 15.7 at 224 px, as published."""

WIDEST = {"cifar": 31, "imagenet": 63}
"""Side of the square of frequencies where none is given, or the pictures have no more."""


def wave(row: int, column: int, side: int) -> np.ndarray:
    """The wave of `row` periods down and `column` across a square: float64 (side, side), of unit L2 norm."""
    place = np.arange(side)
    cosine = np.cos(2 * np.pi / side * (row * place[:, None] + column * place))
    return cosine / np.linalg.norm(cosine)


@dataclass(frozen=True, kw_only=True)
class FourierCell(Cell):
    """Pictures with the waves of one vertical frequency, `row`, a frame for each horizontal one of `columns`.

    `norm` as in `Fourier`.
    """

    row: int
    columns: tuple[int, ...]
    norm: float
    seed: int

    @property
    def frames(self) -> int:
        """Horizontal frequencies."""
        return len(self.columns)

    def prepare(self, images: np.ndarray, sample_ids: np.ndarray) -> np.ndarray:
        """uint8 (N, T, H, W, 3) from (N, H, W, 3); a picture's signs depend on seed, frequency and its id alone."""
        count, side = images.shape[:2]
        waves = _levels(self.row, self.columns, self.norm, side)
        signs = np.stack([self._signs(sample_id, side) for sample_id in sample_ids.tolist()])
        changed = np.empty((count, *waves.shape), np.uint8)
        _add_waves(images.reshape(count, side, 3 * side), waves, np.tile(signs, side), changed)
        return changed.reshape(count, self.frames, *images.shape[1:])

    def _signs(self, sample_id: int, side: int) -> np.ndarray:
        """int16 (T, 3) of -1 and 1, the same for a frequency whichever others are shown."""
        key = np.array([self.seed, zlib.crc32(b"fourier")], dtype=np.uint64)
        counter = np.array([0, sample_id, self.row, 0], dtype=np.uint64)
        bits = np.random.Generator(np.random.Philox(counter=counter, key=key)).integers(0, 2, (side, 3))
        return (2 * bits[[column % side for column in self.columns]] - 1).astype(np.int16)


@lru_cache(maxsize=2)
def _levels(row: int, columns: tuple[int, ...], norm: float, side: int) -> np.ndarray:
    """Waves of this norm in whole levels of 255, each three times for the channels: int16 (T, side, 3 * side)."""
    waves = np.stack([wave(row, column, side) for column in columns])
    return np.rint(255 * norm * waves).astype(np.int16).repeat(3, axis=2)


@jit
def _add_waves(images, waves, signs, changed):
    """Writes uint8 (N, T, H, 3 W): images (N, H, 3 W) plus signs (N, T, 3 W) times waves int16 (T, H, 3 W), clipped."""
    for number in range(len(images)):
        for frame in range(len(waves)):
            for row in range(images.shape[1]):
                pixels, move = images[number, row], waves[frame, row]
                sign, out = signs[number, frame], changed[number, frame, row]
                for place in range(len(out)):  # in 16 bits, so that it vectorises
                    level = np.int16(pixels[place]) + np.int16(sign[place] * move[place])
                    out[place] = min(np.int16(255), max(np.int16(0), np.int16(level)))


@dataclass(frozen=True, kw_only=True)
class Fourier:
    """Mean and largest top-1 error over the frequencies of the square of side `grid`, an odd number.

    `norm` is the L2 norm of the wave in a channel, pixels in [0, 1]; `samples` are the pictures, spread over the set.
    """

    name: ClassVar[str] = "fourier"
    families: ClassVar[tuple[str, ...]] = ("cifar", "imagenet")
    grid: int
    norm: float
    samples: int
    seed: int = 0

    @classmethod
    def plan(cls, context: Context) -> Planned:
        """A cell for each vertical frequency."""
        options, widest = context.options, 2 * ((context.size - 1) // 2) + 1
        grid = options.fourier_grid or min(WIDEST[context.family], widest)
        if grid > widest:
            raise InputError(
                f"--fourier-grid must be ≤ {widest} for pictures of {context.size} px, got {grid}; higher frequencies "
                "than one period in two pixels do not exist"
            )
        pictures = SpreadPictures(context.pictures, options.fourier_samples)
        suite = cls(
            grid=grid,
            norm=NORM_A_PIXEL[context.family] * context.size,
            samples=pictures.count,
            seed=options.seed,
        )
        return Planned(suite=suite, cells=tuple(suite._cells(pictures)))

    def _cells(self, pictures: SpreadPictures) -> Iterator[Cell]:
        for row, key in enumerate(self.keys()):
            yield FourierCell(
                key=key, pictures=pictures, row=row, columns=self.columns(row), norm=self.norm, seed=self.seed
            )

    @property
    def cell(self) -> str:
        """What its numbers are called: other squares have other numbers."""
        return f"{self.name}/{self.grid}"

    @property
    def highest(self) -> int:
        """The highest frequency in each direction."""
        return self.grid // 2

    def keys(self) -> list[str]:
        """Keys of the cells, by vertical frequency from 0 up."""
        return [f"{self.cell}/{row}" for row in range(self.highest + 1)]

    def columns(self, row: int) -> tuple[int, ...]:
        """Horizontal frequencies beside the vertical `row`; beside 0 those from 0 up, as the others are opposites."""
        return tuple(range(0 if row == 0 else -self.highest, self.highest + 1))

    def mistakes(self, predictions: CellPredictions) -> np.ndarray | None:
        """Wrong predictions by frequency, bool (N, F), in the order of `keys` and `columns`; None without all cells."""
        return self._mistakes(predictions) if all(key in predictions for key in self.keys()) else None

    def _mistakes(self, predictions: CellPredictions) -> np.ndarray:
        found = [predictions[key] for key in self.keys()]
        return np.concatenate([row.order[:, :, 0] != row.labels[:, None] for row in found], axis=1)

    def sensitivity(self, predictions: CellPredictions) -> np.ndarray:
        """Top-1 error by frequency: float64 (grid, grid), zero in the middle; KeyError where a cell is missing."""
        wrong = self._mistakes(predictions)
        errors, middle = np.empty((self.grid, self.grid)), self.highest
        frequencies = [(row, column) for row in range(self.highest + 1) for column in self.columns(row)]
        for (row, column), error in zip(frequencies, wrong.mean(axis=0)):
            errors[middle + row, middle + column] = errors[middle - row, middle - column] = error
        return errors

    def measure(self, predictions: CellPredictions) -> list[Measurement]:
        """`mean_error` and `largest_error` over the distinct frequencies, where every cell is there."""
        wrong = self.mistakes(predictions)
        if wrong is None:
            return []
        largest = float(wrong.mean(axis=0).max())
        return [
            self._measurement("mean_error", int(wrong.sum()) / wrong.size, wrong.size, pooled_interval(wrong)),
            self._measurement("largest_error", largest, len(wrong), None),
        ]

    def _measurement(self, metric: str, value: float, count: int, interval: tuple[float, float] | None) -> Measurement:
        return Measurement(
            suite=self.name,
            cell=self.cell,
            metric=metric,
            protocol="strict",
            value=value,
            count=count,
            interval=interval,
            detail=self.coverage,
        )

    @property
    def coverage(self) -> str:
        """What its numbers cover, in words."""
        return f"{self.grid} by {self.grid} frequencies on {self.samples:,} pictures, waves of norm {self.norm:.3g}"
