"""Fractals for a bank: a folder of pictures, or iterated function systems of our own."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import cv2
import numpy as np

from layermix.errors import InputError
from layermix.fractals import MAX_SIZE, MIN_SIZE, generate_fractal
from writers.fingerprint import file_fingerprint
from writers.images import decode_image
from writers.options import MAX_SIDE
from writers.source import Sample
from writers.sources.folder import read_file


class FractalFolder:
    """Every picture below a folder, in the order of the paths (code points), gray or in colour.

    Each is resized to `short_side` exactly and keeps its aspect ratio: shrunk by pixel area, enlarged by
    bicubic interpolation. Gray is ITU-R 601 luma. Names that start with a dot are left out; every other file
    has to be a picture, of whatever name. InputError with the path: a missing root, no picture, something
    that is not a regular file, and from `read` a file that cannot be decoded.
    """

    classes = ("fractal",)

    def __init__(self, root: Path, short_side: int, color: bool) -> None:
        if not 1 <= short_side <= MAX_SIDE:
            raise InputError(f"--short-side must be from 1 to {MAX_SIDE}, got {short_side}; 256 is usual")
        self._root, self._short_side, self._color = root, short_side, color
        self._paths = _pictures_below(root)
        found = file_fingerprint(root, self._paths)
        self._origin = {"name": "fractals", "root": str(root), "color": color, "fingerprint": found}

    def __len__(self) -> int:
        return len(self._paths)

    def read(self, index: int) -> Sample:
        path = self._root / self._paths[index]
        image = decode_image(read_file(path), str(path))
        if not self._color:
            image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        return Sample(image=_resized(image, self._short_side, str(path)), label=0, name=str(path))

    def describe(self) -> Mapping[str, Any]:
        return self._origin


class GeneratedFractals:
    """The fractals 0 to count - 1 of a seed, `size` pixels square, gray (H, W) or RGB (H, W, 3).

    See `layermix.fractals.generate_fractal`. InputError: a count, seed or size out of range.
    """

    classes = ("fractal",)

    def __init__(self, count: int, seed: int = 0, size: int = 256, color: bool = False) -> None:
        _require_in_range("--generate", count, 1, 2**63 - 1)
        _require_in_range("--seed", seed, 0, 2**64 - 1)
        _require_in_range("--short-side of generated fractals", size, MIN_SIZE, MAX_SIZE)
        self._count, self._seed, self._size, self._color = count, seed, size, color

    def __len__(self) -> int:
        return self._count

    def read(self, index: int) -> Sample:
        image = generate_fractal(self._seed, index, self._size, self._color)
        return Sample(image=image, label=0, name=f"fractal {index} of seed {self._seed}")

    def describe(self) -> Mapping[str, Any]:
        drawn = {"generate": self._count, "seed": self._seed, "size": self._size}
        return {"name": "fractals", **drawn, "color": self._color}


def _pictures_below(root: Path) -> list[str]:
    """Paths relative to the root, sorted."""
    if not root.is_dir():
        raise InputError(f"--root {root} is not a folder; give the folder that holds the fractals")
    paths = []
    for folder, folders, names in os.walk(root, onerror=_refuse_folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found = [Path(folder, name) for name in names if not name.startswith(".")]
        for path in (*found, *(Path(folder, name) for name in folders)):
            _require_plain(path)
        paths += found
    if not paths:
        raise InputError(f"--root {root} holds no pictures; give the folder that holds the fractals")
    return sorted(path.relative_to(root).as_posix() for path in paths)


def _require_plain(path: Path) -> None:
    """A linked folder may lead round in a circle; a pipe or a device never ends."""
    if path.is_dir() and path.is_symlink():
        raise InputError(f"{path}: a link to a folder; put the folder itself there or remove the link")
    if not path.is_dir() and not path.is_file():
        raise InputError(f"{path}: not a regular file (a broken link, a pipe or a device); remove it")


def _refuse_folder(error: OSError) -> NoReturn:
    raise InputError(f"{error.filename}: cannot be listed: {error.strerror}; check its permissions")


def _resized(image: np.ndarray, short_side: int, name: str) -> np.ndarray:
    """The picture, uint8 (H, W) or (H, W, 3), at exactly this short side."""
    found = min(image.shape[:2])
    height, width = (round(side * short_side / found) for side in image.shape[:2])
    if max(height, width) > MAX_SIDE:
        shape = f"{image.shape[0]} x {image.shape[1]}"
        raise InputError(f"{name}: {shape} is too narrow for short side {short_side}; crop or remove it")
    if found == short_side:
        return image
    method = cv2.INTER_AREA if found > short_side else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=method)


def _require_in_range(flag: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InputError(f"{flag} must be from {least} to {most}, got {value}; choose another")
