"""The fractal bank: many pictures in one memory, from which kernels cut crops at the cost of a copy."""

from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from layermix.arrays import as_uint8
from layermix.bank_file import RECORDS_START, map_file, picture_table, read_table
from layermix.errors import InputError
from layermix.manifest import Manifest, dataset_path, manifest_path, read_manifest


@dataclass(frozen=True, kw_only=True, eq=False)
class FractalBank:
    """Fractal pictures, all gray or all in colour, each of its own height and width.

    Made by `open` or `from_array`. A bank from a file is mapped, not read: processes that open the same file
    share its pages, and pickling one passes the path alone. The file must not change while it is open.
    """

    pixels: np.ndarray = field(repr=False)
    """uint8 (bytes,), C-contiguous: the memory the pictures lie in. To be read only, though it is marked
    writable: kernels are compiled for writable arrays alone."""
    table: np.ndarray = field(repr=False)
    """int64 (M, 3): offset of the first byte in `pixels`, height and width of each picture."""
    channels: int
    """1 for gray, 3 for RGB, interleaved."""
    path: Path | None = None
    """The file behind the bank; None for pictures in memory."""
    require_manifest: bool = True
    """Whether the manifest was asked for when the file was opened, and will be when a copy reopens it."""

    @classmethod
    def open(cls, path: str | Path, *, require_manifest: bool = True) -> "FractalBank":
        """Map a bank written by `python -m writers.write_dataset --source fractals`; takes milliseconds.

        Args:
            path: the data file, of any format, with its manifest beside it, or the folder that holds it.
            require_manifest: False takes a `.beton` without looking for its manifest; nothing then vouches that
                it is complete.

        Raises:
            InputError: no such file, no manifest, the manifest of another file, or a file that breaks the
                format. What the pixels show is not checked.
        """
        path = dataset_path(Path(path).absolute())
        manifest = read_manifest(path) if require_manifest else None
        if manifest is not None:
            _require_bank(manifest, path)
        if manifest is not None and manifest.format != "beton":
            table, channels = picture_table(path, manifest)
            return cls(pixels=map_file(path), table=table, channels=channels, path=path)
        pixels = map_file(path, at_least=RECORDS_START)
        table, channels = read_table(pixels, path)
        if manifest is not None:
            _check_manifest(manifest, path, count=len(table), channels=channels)
        return cls(pixels=pixels, table=table, channels=channels, path=path, require_manifest=require_manifest)

    @classmethod
    def from_array(cls, array: np.ndarray) -> "FractalBank":
        """A bank of pictures in memory, uint8 (M, h, w) gray or (M, h, w, 3) RGB.

        Shares the memory of an array that is C-contiguous and writable, and copies any other.

        Raises:
            InputError: another dtype or shape, or no pixel at all.
        """
        if isinstance(array, str | Path):
            raise InputError(f"`fractals` must be pictures, got the path {array}; pass FractalBank.open of it")
        array = as_uint8("fractals", array)
        if array.ndim not in (3, 4) or array.shape[3:] not in ((), (3,)):
            rule = "must have shape (M, h, w) or (M, h, w, 3)"
            raise InputError(f"`fractals` {rule}, got {array.shape}; add or drop an axis")
        if array.size == 0:
            raise InputError(f"`fractals` must hold at least one pixel, got {array.shape}; pass pictures")
        count, height, width = array.shape[:3]
        table = np.empty((count, 3), np.int64)
        table[:, 0] = np.arange(count) * (array.size // count)
        table[:, 1:] = height, width
        pixels = np.require(array, requirements=["C", "W"]).reshape(-1)
        return cls(pixels=pixels, table=table, channels=3 if array.ndim == 4 else 1)

    def __len__(self) -> int:
        return len(self.table)

    def picture(self, index: int) -> np.ndarray:
        """Picture `index`, 0 to len - 1: a read-only view, uint8 (h, w) gray or (h, w, 3) RGB.

        Raises:
            IndexError: there is no such picture.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"`index` must be in 0..{len(self) - 1}, got {index}")
        offset, height, width = (int(value) for value in self.table[index])
        shape = (height, width) if self.channels == 1 else (height, width, self.channels)
        view = self.pixels[offset : offset + height * width * self.channels].reshape(shape)
        view.flags.writeable = False
        return view

    @cached_property
    def minimum_size(self) -> tuple[int, int]:
        """Height of the lowest and width of the narrowest picture: the largest crop that fits in all."""
        height, width = self.table[:, 1:].min(axis=0)
        return int(height), int(width)

    def __reduce__(self):
        if self.path is None:
            return partial(FractalBank, pixels=self.pixels, table=self.table, channels=self.channels), ()
        return partial(FractalBank.open, self.path, require_manifest=self.require_manifest), ()


def _require_bank(manifest: Manifest, path: Path) -> None:
    if manifest.kind != "fractals":
        raise InputError(f"{path}: must be a bank of fractals, got {manifest.kind}; pass another file")
    if manifest.shards:
        raise InputError(
            f"{path}: a bank is mapped as one file, got a set of {len(manifest.shards)}; write it without --shards"
        )


def _check_manifest(manifest: Manifest, path: Path, **found: int) -> None:
    for key, value in found.items():
        told = getattr(manifest, key)
        if told != value:
            rule = f"`{key}` must be {value} as in {path.name}"
            raise InputError(f"{manifest_path(path)}: {rule}, got {told}; write the bank again")
