"""The recordio container of MXNet: an image record a sample, laid down without MXNet.

A record (dmlc's recordio.h) is a mark, its length, and data up to the next multiple of four. The data is MXNet's
header (flag, label, id, second id), `flag` = 3 labels in float32, and the picture. The labels are the label, the id
divided by 2^24 and its rest, both exact in float32: DALI's reader gives labels, not ids. Where the mark
stands in the data, at a multiple of four, the record is split there into parts, and its reader puts the mark back.

A fractal is a .npy file whose header is stretched until no mark stands so: its pixels stand in one piece. The
index is that of MXNet's im2rec, id and address of each record; a set has one of its own, as DALI wants it.

    fn.readers.mxnet(path="train.rec", index_path="train.rec.idx")
"""

import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

from layermix.errors import InputError
from layermix.manifest import Manifest
from layermix.recordio import FIRST, LAST, LENGTH, LENGTH_BITS, MARK, MIDDLE, WHOLE, unsplit
from writers.formats.container import Frame
from writers.formats.npy import npy_header
from writers.formats.records import RecordFile
from writers.stored import StoredPicture

_HEADER = struct.Struct("<IfQQ3f")


class RecordIOFile(RecordFile):
    """A .rec in the making; a record of 512 MiB or more is an InputError."""

    name = "recordio"

    def _frame(self, sample_id: int, picture: StoredPicture, label: int) -> Frame:
        data = picture.data
        front = self._npy_header(picture) if picture.form == "raw" else b""
        header = _HEADER.pack(3, 0.0, sample_id, 0, label, sample_id >> 24, sample_id & 0xFFFFFF) + front
        size = len(header) + len(data)
        if size >> LENGTH_BITS:
            raise InputError(f"{self._path}: a picture of {size} bytes is too large for a .rec; use --max-side")
        marks = [] if front else _marks(data)
        if not marks:
            return Frame(MARK + _part(WHOLE, size) + header, data, bytes(-size % 4))
        head = MARK + _part(FIRST, len(header) + marks[0]) + header
        return Frame(head, _split(data, marks), bytes(-size % 4))

    def _npy_header(self, picture: StoredPicture) -> bytes:
        for shift in range(4):
            header = npy_header(picture, shift)
            if not _marks(header + picture.data):
                return header
        raise InputError(
            f"{self._path}: a fractal holds the mark of a .rec at every alignment, so its pixels cannot stand in one "
            "piece; use another --format"
        )

    def _finish(self) -> None:
        """A .rec ends with its last record."""

    def index(self) -> bytes:
        return _index(self.rows["record"], self.first_id)

    @classmethod
    def set_index(cls, shards: Sequence[tuple[Path, Manifest]]) -> bytes:
        """DALI takes one index for several files, in which addresses go on from file to file."""
        starts = np.cumsum([0] + [manifest.bytes for _, manifest in shards]).astype(np.uint64)
        addresses = [cls.read_rows(*shard)["record"] + start for shard, start in zip(shards, starts)]
        return _index(np.concatenate(addresses), 0)

    @classmethod
    def picture(cls, file: BinaryIO, row: np.void) -> bytes:
        file.seek(int(row["record"]))
        head = file.read(int(row["start"] - row["record"]))
        try:
            return unsplit(head, super().picture(file, row))
        except ValueError as error:
            raise InputError(f"{file.name}: a record is damaged; run python -m writers.verify {file.name}") from error


def _index(addresses: np.ndarray, first_id: int) -> bytes:
    return "".join(f"{number}\t{address}\n" for number, address in enumerate(addresses.tolist(), first_id)).encode()


def _marks(data: bytes) -> list[int]:
    """Where the mark stands in `data` at a multiple of four."""
    words = np.frombuffer(data, "<u4", len(data) // 4)
    return (4 * np.flatnonzero(words == int.from_bytes(MARK, "little"))).tolist()


def _part(kind: int, size: int) -> bytes:
    return LENGTH.pack(kind << LENGTH_BITS | size)


def _split(data: bytes, marks: list[int]) -> bytes:
    """`data` with what each mark in it begins: after the mark, kind and length of the part up to the next."""
    parts = [data[: marks[0]]]
    for mark, stop in pairwise([*marks, len(data)]):
        kind = LAST if stop == len(data) else MIDDLE
        start = mark + len(MARK)
        parts += [MARK, _part(kind, stop - start), data[start:stop]]
    return b"".join(parts)
