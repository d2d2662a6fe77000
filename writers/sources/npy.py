"""Sets in NumPy files, the layouts of CIFAR-C, CIFAR-C̄ and CIFAR-P: <corruption>.npy with labels.npy beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from layermix.errors import InputError
from writers.fingerprint import file_fingerprint
from writers.source import Sample

SEVERITIES = 5


class NpySource:
    """The pictures of one corruption or perturbation, uint8 RGB, in file order.

    `root` is the .npy, read as it is needed; labels.npy, (N,), stands beside it. Classes are "0", "1", ... up to the
    largest label. InputError: a missing or damaged file, other shapes or types, pickled objects.

    (N, H, W, 3) is a corrupted set: severity 1 first, each in the order of the test set; `severity`, 1 to 5, takes that
    fifth of the file. (N, T, H, W, 3) is a set of sequences of `frames` = T pictures: those of one test picture after
    one another, each with its label. CIFAR-P comes without labels.npy: all is then of one class, "unlabelled".
    """

    frames: int | None = None

    def __init__(self, root: Path, severity: int | None = None) -> None:
        if root.is_dir():
            raise InputError(f"--root {root} is a folder; give one of its files, such as {root / 'fog.npy'}")
        self._path, pictures = root, _load(root)
        shape = pictures.shape
        if pictures.dtype != np.uint8 or len(shape) not in (4, 5) or shape[-1] != 3 or 0 in shape:
            rule = "must be uint8 (N, H, W, 3), or (N, T, H, W, 3) for sequences"
            raise InputError(f"{root}: {rule}, got {pictures.dtype} {shape}; give a file of CIFAR-C or CIFAR-P")
        if not pictures.flags.c_contiguous:
            raise InputError(f"{root}: must be stored in C order, got Fortran order; save np.ascontiguousarray of it")
        if len(shape) == 5:
            self.frames = shape[1]
        self._pictures = pictures.reshape(-1, *shape[-3:])
        self.labels, self.classes = self._read_labels(shape[0])
        self._start, self._stop = self._rows(severity)
        beside = [name for name in (root.name, "labels.npy") if root.with_name(name).is_file()]
        found = file_fingerprint(root.parent, beside)
        self._origin = {"name": "npy", "root": str(root), "corruption": root.stem, "fingerprint": found}
        self._origin |= {} if severity is None else {"severity": severity}

    def _read_labels(self, count: int) -> tuple[np.ndarray, tuple[str, ...]]:
        """A label a picture of the file, and the classes."""
        path, each = self._path.with_name("labels.npy"), self.frames or 1
        if self.frames is not None and not path.exists():
            return np.zeros(count * each, np.int64), ("unlabelled",)
        labels = _load(path)
        if labels.shape != (count,) or labels.dtype.kind not in "iu":
            what = "pictures" if self.frames is None else "sequences"
            rule = f"must be {count} integers as {self._path.name} has {what}, got {labels.dtype} {labels.shape}"
            raise InputError(f"{path}: {rule}; take it from the same set")
        if labels.min() < 0 or labels.max() >= 100_000:
            raise InputError(f"{path}: labels must be from 0 to 99999; take it from the same set")
        classes = tuple(str(label) for label in range(int(labels.max()) + 1))
        return np.repeat(labels.astype(np.int64), each), classes

    def _rows(self, severity: int | None) -> tuple[int, int]:
        count = len(self._pictures)
        if severity is None:
            return 0, count
        if self.frames is not None:
            raise InputError(f"--severity means nothing to the sequences of {self._path}; leave it out")
        if not 1 <= severity <= SEVERITIES:
            rule = f"must be from 1 to {SEVERITIES}, got {severity}"
            raise InputError(f"--severity {rule}; leave it out for the whole file")
        if count % SEVERITIES:
            raise InputError(f"--severity needs five equal parts, and the file has {count} pictures; leave it out")
        part = count // SEVERITIES
        return (severity - 1) * part, severity * part

    def __len__(self) -> int:
        return self._stop - self._start

    def read(self, index: int) -> Sample:
        row = self._start + index
        place = f"row {row}"
        if self.frames is not None:
            place = "row {} frame {}".format(*divmod(row, self.frames))
        return Sample(image=np.array(self._pictures[row]), label=int(self.labels[row]), name=f"{self._path} {place}")

    def describe(self) -> Mapping[str, Any]:
        return self._origin


def _load(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header raises almost anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: cannot be read as a .npy ({reason:.200}); download it again") from error
