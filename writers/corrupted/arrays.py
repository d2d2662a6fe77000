"""The layout of CIFAR-C, C̄ and P: one .npy a corruption or perturbation, with labels.npy beside them."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from layermix.files import atomic_file
from writers.atomic import output_errors
from writers.bad import BadPicture
from writers.corrupted.layout import Done
from writers.corrupted.reading import SmallPictures
from writers.corruptions import PERTURBATION_BENCHMARKS, SEVERITIES, corrupt, perturb
from writers.corruptions.tables import sequence_of

_BLOCK = 500
"""Pictures a unit."""


@dataclass(frozen=True, kw_only=True)
class ArrayLayout:
    """One file a name: uint8 (5 N, H, W, 3), severity 1 first; of sequences (N, T, H, W, 3). Labels are uint8."""

    benchmark: str
    names: tuple[str, ...]
    seed: int
    pictures: SmallPictures

    @property
    def units(self) -> int:
        return len(self.names) * self._units_a_name

    @property
    def total(self) -> int:
        return len(self.names) * self._parts * self._count

    def owner(self, unit: int, ranks: int) -> int:
        """Whole files go to one rank: not every shared file system lets two machines write one file."""
        return unit // self._units_a_name % ranks

    def begin(self, folder: Path, units: Sequence[int]) -> None:
        """Make room for the files, so that a full disk is known at the start."""
        for number in sorted({unit // self._units_a_name for unit in units}):
            path = folder / f"{self.names[number]}.npy"
            if not path.exists():
                _make_room(path, self._shape(self.names[number]))

    def make(self, folder: Path, unit: int) -> Done:
        number, rest = divmod(unit, self._units_a_name)
        part, block = divmod(rest, self._blocks)
        name, rows = self.names[number], slice(block * _BLOCK, (block + 1) * _BLOCK)
        made = self._made(name, part, self.pictures.images[rows], self.pictures.sample_ids[rows])
        path = folder / f"{name}.npy"
        with output_errors(path), path.open("r+b") as file:
            pixels = os.fstat(file.fileno()).st_size - int(np.prod(self._shape(name)))
            file.seek(pixels + (part * self._count + rows.start) * made[0].size)
            file.write(made.tobytes())
        # The bad pictures were found when the set was read: they are noted down once.
        return Done(written=len(made), bad=self.pictures.bad if unit == 0 else ())

    def finish(self, folder: Path, bad: Sequence[BadPicture]) -> Mapping[str, Any]:
        """The labels, and the SHA-256 of every file."""
        with atomic_file(folder / "labels.npy") as file:
            np.save(file, np.tile(self.pictures.labels.astype(np.uint8), self._parts))
        names = [*self.names, "labels"]
        return {"pictures": self._count, "sha256": {name: _file_hash(folder / f"{name}.npy") for name in names}}

    def _made(self, name: str, part: int, images: np.ndarray, ids: np.ndarray) -> np.ndarray:
        if self._is_sequence:
            return perturb(images, name, self.seed, ids, self.benchmark)
        return corrupt(images, name, SEVERITIES[part], self.seed, ids, self.benchmark)

    @property
    def _count(self) -> int:
        return len(self.pictures.images)

    @property
    def _is_sequence(self) -> bool:
        return self.benchmark in PERTURBATION_BENCHMARKS

    @property
    def _parts(self) -> int:
        return 1 if self._is_sequence else len(SEVERITIES)

    @property
    def _blocks(self) -> int:
        return -(-self._count // _BLOCK)

    @property
    def _units_a_name(self) -> int:
        return self._parts * self._blocks

    def _shape(self, name: str) -> tuple[int, ...]:
        picture = self.pictures.images.shape[1:]
        frames = (sequence_of(self.benchmark, name).frames,) if self._is_sequence else ()
        return (self._parts * self._count, *frames, *picture)


def _make_room(path: Path, shape: tuple[int, ...]) -> None:
    """An .npy file of uint8 with room for all of it on the disk."""
    with atomic_file(path) as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        file.flush()
        os.posix_fallocate(file.fileno(), 0, file.tell() + int(np.prod(shape)))


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
