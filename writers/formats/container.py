"""What every container has in common: samples laid down one after the other, and taken over again after a kill.

A new container is one module with a subclass, mostly of `RecordFile`: `_frame` says what stands around a picture,
`_finish` what closes the file, `index` what its readers want beside it.
"""

import contextlib
import hashlib
import io
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Literal, NamedTuple

import numpy as np

from layermix.errors import InputError
from layermix.manifest import Kind, Manifest
from layermix.samples import FORMS, SAMPLE, read_samples
from writers.atomic import begin_flush, output_errors, write_at
from writers.background import Background
from writers.hashes import sample_hash
from writers.options import StoreOptions
from writers.stored import StoredPicture

BLOCK = 1 << 22
"""Bytes of samples that are written at once, by a thread beside the one that lays down the next."""


class Frame(NamedTuple):
    """What stands in the file for one sample: the picture's bytes, and what comes before and after them."""

    head: bytes
    picture: bytes
    tail: bytes


class Extent(NamedTuple):
    """The bytes that a sample's hash covers: `length` bytes of the file from `record` on, and `extra`."""

    record: int
    length: int
    extra: bytes


class Container(ABC):
    """A data file in the making: `append` up to `room` samples, then `finish`.

    The file is a pure function of the samples: nothing depends on time, threads or the machine.
    """

    name: ClassVar[str]
    """As `--format` and the manifest say it."""
    lossless: ClassVar[Literal["raw", "png"]]
    """How a picture is stored without loss."""
    has_records: ClassVar[bool] = False
    """Whether samples are records that hold label and id, with the table of them all beside the file."""

    sample_parts: ClassVar[str] = "its record or its row of the table"
    """What of a sample its hash covers, in words."""
    other_parts: ClassVar[str] = "the bytes outside the samples"
    """What of a file stands outside its samples, in words."""

    def __init__(self, file: io.FileIO, path: Path, kind: Kind, room: int, first_id: int = 0):
        """`file` is open for reading and writing, `path` its name in errors; `first_id` that of the first sample."""
        self.kind, self.first_id, self.stored = kind, first_id, 0
        self._file, self._path = file, path
        self._rows = np.zeros(room, SAMPLE)
        self._hashes = np.zeros(room, "<u8")
        self._end = 0
        self._block: list[bytes] = []
        self._block_start = self._block_end = 0
        self._writing = Background()

    @property
    def rows(self) -> np.ndarray:
        """The samples stored so far: SAMPLE (n,)."""
        return self._rows[: self.stored]

    @property
    def hashes(self) -> np.ndarray:
        """The hashes of the samples stored so far, see writers/hashes.py: uint64 (n,)."""
        return self._hashes[: self.stored]

    def append(self, picture: StoredPicture, label: int) -> None:
        """Store one sample. InputError: a picture that the container cannot hold."""
        number = self.stored
        frame = self._frame(self.first_id + number, picture, label)
        head, size = len(frame.head), len(frame.picture)
        length = head + size + len(frame.tail)
        record = self._place(length)
        form = FORMS.index(picture.form)
        self._rows[number] = record, length, record + head, size, label, picture.height, picture.width, form
        self._hashes[number] = sample_hash(*frame, self._extra(number))
        self._gather(record, length, frame)
        self.stored += 1

    def restore(self, rows: np.ndarray, hashes: np.ndarray) -> bool:
        """Take over samples that an interrupted write has stored: all of them, or none if one is not whole."""
        before = self._state()
        for row, known in zip(rows, hashes):
            self._rows[self.stored], self._hashes[self.stored] = row, known
            if self._holds(self.stored) is None:
                self._set_state(before)
                return False
            self.stored += 1
        return True

    def cut(self) -> None:
        """Cut off what the file holds after the last sample; `append` goes on from there."""
        with output_errors(self._path):
            self._file.truncate(self._end)
        self._block_start = self._block_end = self._end

    def flush(self) -> None:
        """Return when all samples are in the file. InputError: it cannot be written, now or before."""
        self._hand_over()
        self._writing.wait()

    def finish(self) -> None:
        """Write what closes the file. The caller still has to flush the file to the disk."""
        self.flush()
        self._finish()

    def close(self) -> None:
        """Wait for what goes on in the background and end it. The file is the caller's."""
        self._writing.close()

    def content_hash(self) -> str:
        """SHA-256 of the whole finished file, 64 hexadecimal digits."""
        digest = hashlib.sha256()
        with output_errors(self._path), contextlib.closing(Background()) as hashing:
            self._file.seek(0)
            while block := self._file.read(BLOCK):
                hashing.start(partial(digest.update, block))
            hashing.wait()
        return digest.hexdigest()

    def index(self) -> bytes | None:
        """The index that this container's readers want beside the file; None where they want none."""
        return None

    @classmethod
    def set_index(cls, shards: Sequence[tuple[Path, Manifest]]) -> bytes | None:
        """The index of a set of these files; None where those of the files serve."""
        return None

    @classmethod
    def check(cls, options: StoreOptions) -> None:
        """InputError: pictures cannot be stored so in this container."""
        if options.mode == "yuv":
            raise InputError(
                f"--yuv stores planes that no reader of {cls.name} decodes; use --format beton, or leave --yuv out"
            )

    @abstractmethod
    def _frame(self, sample_id: int, picture: StoredPicture, label: int) -> Frame:
        """The bytes to store for a sample."""

    @abstractmethod
    def _finish(self) -> None:
        """Write what stands outside the samples."""

    @classmethod
    def read_rows(cls, path: Path, manifest: Manifest) -> np.ndarray:
        """The samples of a finished file: SAMPLE (count,). InputError: a damaged table."""
        return read_samples(path, manifest)

    @classmethod
    def extents(cls, path: Path, manifest: Manifest) -> Iterator[Extent]:
        """What the hash of each sample of a finished file covers, found without believing the file itself."""
        for row in cls.read_rows(path, manifest):
            yield Extent(int(row["record"]), int(row["length"]), row.tobytes())

    @classmethod
    def picture(cls, file: BinaryIO, row: np.void) -> bytes:
        """The stored picture of a sample of a finished file."""
        file.seek(int(row["start"]))
        return file.read(int(row["size"]))

    def _extra(self, number: int) -> bytes:
        """What the hash of a sample covers beside its bytes in the file's order."""
        return self._rows[number].tobytes()

    def _place(self, length: int) -> int:
        """The address of the next `length` bytes."""
        address, self._end = self._end, self._end + length
        return address

    def _holds(self, number: int) -> bytes | None:
        """The bytes of a sample as they stand in the file; None where they are not what its hash says."""
        record, length = (int(self._rows[number][key]) for key in ("record", "length"))
        if record != self._place(length):
            return None
        with output_errors(self._path):
            self._file.seek(record)
            data = self._file.read(length)
        return data if sample_hash(data, self._extra(number)) == self._hashes[number] else None

    def _state(self) -> tuple[Any, ...]:
        return self.stored, self._end

    def _set_state(self, state: tuple[Any, ...]) -> None:
        self.stored, self._end = state

    def _gather(self, address: int, length: int, frame: Frame) -> None:
        if address != self._block_end or address - self._block_start >= BLOCK:
            self._hand_over()
            self._block_start = address
        self._block.extend(frame)
        self._block_end = address + length

    def _hand_over(self) -> None:
        """Have the gathered samples written, once those before are."""
        if self._block:
            self._writing.start(partial(self._write, self._block_start, b"".join(self._block)))
        self._block, self._block_start = [], self._block_end

    def _write(self, address: int, data: bytes) -> None:
        """Write bytes that belong at `address`; one call at a time, in the order of the samples."""
        with output_errors(self._path):
            write_at(self._file, address, data)
        begin_flush(self._file, address, len(data))
