"""The prediction store: a folder of what models said, to continue from and to score again without a picture.

    STORE/<weights>/<cell>/cell.json                      what the cell is: weights, pictures, preparation, counts
    STORE/<weights>/<cell>/000000000-000004096.npz        samples 0 to 4,095, and so on

Folders are named by hashes, so a cell of other weights, pictures or preparation is another folder. Shards are only
ever added, each whole or not at all; those of one cell may come from any number of processes. An interruption loses
of each model no more than a shard.

Up to 256 classes logits are stored as float32. Beyond, where they would fill terabytes, as float16 below the largest
of the row, which stays float32, so the precise ones are those that matter to a probability (confidences move by less
than 0.001); the first five classes are stored beside them, because float16 ties would change top-5 errors.
Of sequences the first five classes of each frame are all that is kept.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from eval.predictions import FIRST_CLASSES, CellPredictions, Predictions, SequencePredictions
from layermix.errors import InputError
from layermix.files import atomic_file

FLOAT32_CLASSES = 256
"""Most classes whose logits are stored as float32."""

Columns = dict[str, np.ndarray]
"""Rows of a shard by column: `logits`, `largest`, `order` and `labels`, as many rows in each."""


@dataclass(frozen=True, kw_only=True)
class CellKey:
    """Everything that predictions depend on.

    weights: hash of the model's weights and normalisation.  data: hash of the pictures and labels.  cell: its key in
    results.  preparation: what is done to the pictures, precision included; plain values.  count: samples.
    frames: of a sequence; None for pictures.
    """

    weights: str
    data: str
    cell: str
    preparation: Mapping[str, Any]
    count: int
    frames: int | None = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all of it, in hexadecimal."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


class StoredCell:
    """One cell of one model in the store."""

    def __init__(self, store: Path, key: CellKey) -> None:
        self.key = key
        self.folder = store / key.weights[:16] / key.digest[:16]

    @classmethod
    def open(cls, store: Path, folder: str) -> "StoredCell":
        """The cell in `folder`, relative to the store; InputError where there is none."""
        path = store / folder / "cell.json"
        try:
            return cls(store, CellKey(**json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{path}: is not a cell of a store ({error}); run the evaluation again") from error

    def prepare(self) -> None:
        """Make the folder and say in it what the cell is; by one process, before any adds shards."""
        description = self.folder / "cell.json"
        if not description.exists():
            with atomic_file(description) as file:
                file.write(json.dumps(asdict(self.key), indent=1, sort_keys=True).encode())

    def missing(self) -> list[range]:
        """The samples that no shard holds, as rising ranges; empty for a finished cell."""
        found, start = [], 0
        for part, _ in self._shards():
            if part.start > start:
                found.append(range(start, part.start))
            start = max(start, part.stop)
        if start < self.key.count:
            found.append(range(start, self.key.count))
        return found

    def add(self, start: int, columns: Columns) -> None:
        """Publish the predictions of the samples from `start` on."""
        stop = start + len(columns["labels"])
        with atomic_file(self.folder / f"{start:09d}-{stop:09d}.npz") as file:
            np.savez(file, allow_pickle=False, **columns)

    def load(self) -> Predictions | SequencePredictions:
        """All predictions; InputError where samples are missing or a shard is damaged."""
        return decode(self.read())

    def read(self, names: Sequence[str] = ()) -> Columns:
        """The columns of these names that the cell has, the first at least; all if none is named; errors as `load`."""
        missing = self.missing()
        if missing:
            count = sum(len(part) for part in missing)
            raise InputError(f"{self.folder}: {count} of {self.key.count} samples are missing; run the evaluation on")
        parts = list(self._rows(names))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _rows(self, names: Sequence[str]) -> Iterator[Columns]:
        """The columns of each shard in order, less the rows that an earlier shard holds too."""
        start = 0
        for part, path in self._shards():
            if part.stop > start:
                columns = _read(path, len(part), names)
                yield {name: rows[max(0, start - part.start) :] for name, rows in columns.items()}
                start = part.stop

    def _shards(self) -> list[tuple[range, Path]]:
        """Sample ranges and paths of the shards, rising."""
        paths = sorted(self.folder.glob("*.npz"))
        bounds = [path.stem.split("-") for path in paths]
        return [(range(int(start), int(stop)), path) for (start, stop), path in zip(bounds, paths)]


class StoredPictures(Predictions):
    """Pictures of a finished cell: logits are read when they are asked for, and what was made of them is kept.

    Many metrics need what is a number a sample; logits, of ImageNet 200 MB a cell, are kept of the last cell alone.
    """

    _cell: StoredCell

    def __init__(self, cell: StoredCell) -> None:
        columns = cell.read(("labels", "order"))
        labels = columns["labels"].astype(np.int64)
        vars(self).update(labels=labels, sample_ids=np.arange(len(labels)), order=columns.get("order"), _cell=cell)

    @property
    def logits(self) -> np.ndarray:  # pyright: ignore[reportIncompatibleVariableOverride]
        """See `Predictions`."""
        return _logits(self._cell)

    @cached_property
    def _confidence_and_losses(self) -> tuple[np.ndarray, np.ndarray]:
        return super().confidence_and_losses()

    @cached_property
    def _squared_distances(self) -> np.ndarray:
        return super().squared_distances()

    def confidence_and_losses(self, temperature: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """See `Predictions`; kept for the temperature 1."""
        return self._confidence_and_losses if temperature == 1 else super().confidence_and_losses(temperature)

    def squared_distances(self) -> np.ndarray:
        """See `Predictions`."""
        return self._squared_distances


class StoredPredictions(CellPredictions):
    """One model's finished cells, read when they are asked for."""

    def __init__(self, cells: Mapping[str, StoredCell]) -> None:
        self._cells = {key: cell for key, cell in cells.items() if not cell.missing()}
        self._pictures: dict[str, StoredPictures] = {}

    def __getitem__(self, key: str) -> Predictions | SequencePredictions:
        cell = self._cells[key]
        if cell.key.frames is not None:
            return cell.load()
        if key not in self._pictures:
            self._pictures[key] = StoredPictures(cell)
        return self._pictures[key]

    def __contains__(self, key: object) -> bool:
        return key in self._cells  # Mapping's own would read the cell

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)


def encode_pictures(logits: np.ndarray, order: np.ndarray | None, labels: np.ndarray) -> Columns:
    """Columns of pictures from float32 (N, C), labels (N,) and, beyond FLOAT32_CLASSES, the first classes (N, K)."""
    if order is None or logits.shape[1] <= FLOAT32_CLASSES:
        return {"logits": logits.astype(np.float32), "labels": labels.astype(np.int32)}
    largest = logits.max(axis=1)
    below = np.maximum(logits - largest[:, None], np.finfo(np.float16).min)
    return {
        "logits": below.astype(np.float16),
        "largest": largest.astype(np.float32),
        **encode_sequences(order, labels),
    }


def encode_sequences(order: np.ndarray, labels: np.ndarray) -> Columns:
    """Columns of the first classes, (N, ..., K), and labels (N,)."""
    return {"order": order[..., :FIRST_CLASSES].astype(np.uint16), "labels": labels.astype(np.int32)}


def decode(columns: Columns) -> Predictions | SequencePredictions:
    """The predictions that the columns of a whole cell hold."""
    labels = columns["labels"].astype(np.int64)
    ids = np.arange(len(labels))
    if "logits" not in columns:
        return SequencePredictions(order=columns["order"].astype(np.int64), labels=labels, sample_ids=ids)
    return Predictions(logits=decode_logits(columns), labels=labels, sample_ids=ids, order=columns.get("order"))


def decode_logits(columns: Columns) -> np.ndarray:
    """float32 (N, C) from the columns `logits` and, where there is one, `largest`."""
    logits = columns["logits"].astype(np.float32)
    if "largest" in columns:
        logits += columns["largest"][:, None]
    return logits


@lru_cache(maxsize=1)
def _logits(cell: StoredCell) -> np.ndarray:
    return decode_logits(cell.read(("logits", "largest")))


def _read(path: Path, count: int, names: Sequence[str]) -> Columns:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            columns = {name: archive[name] for name in archive.files if not names or name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: the shard is damaged ({error}); remove it and run the evaluation on") from error
    first = names[0] if names else "labels"
    if first not in columns or {len(rows) for rows in columns.values()} != {count}:
        raise InputError(f"{path}: must hold {count} rows in every column; remove it and run the evaluation on")
    return columns
