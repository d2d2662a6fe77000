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
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

from layermix.errors import InputError
from layermix.manifest import Manifest
from writers.formats.container import Frame
from writers.formats.npy import npy_header
from writers.formats.records import RecordFile
from writers.stored import StoredPicture

_MARK = struct.pack("<I", 0xCED7230A)
_LENGTH = struct.Struct("<I")
_HEADER = struct.Struct("<IfQQ3f")
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)
"""What part of a record follows: the upper 3 of the 32 bits of its length."""

_LENGTH_BITS = 29


class RecordIOFile(RecordFile):
    """A .rec in the making; a record of 512 MiB or more is an InputError."""

    name = "recordio"

    def _frame(self, sample_id: int, picture: StoredPicture, label: int) -> Frame:
        data = picture.data
        front = self._npy_header(picture) if picture.form == "raw" else b""
        header = _HEADER.pack(3, 0.0, sample_id, 0, label, sample_id >> 24, sample_id & 0xFFFFFF) + front
        size = len(header) + len(data)
        if size >> _LENGTH_BITS:
            raise InputError(f"{self._path}: a picture of {size} bytes is too large for a .rec; use --max-side")
        marks = [] if front else list(_marks(data))
        if not marks:
            return Frame(_MARK + _part(_WHOLE, size) + header, data, bytes(-size % 4))
        head = _MARK + _part(_FIRST, len(header) + marks[0]) + header
        return Frame(head, _split(data, marks), bytes(-size % 4))

    def _npy_header(self, picture: StoredPicture) -> bytes:
        for shift in range(4):
            header = npy_header(picture, shift)
            if not list(_marks(header + picture.data)):
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
        file.seek(int(row["record"]) + len(_MARK))
        (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
        stored = super().picture(file, row)
        before = int(row["start"] - row["record"]) - len(_MARK) - _LENGTH.size
        if length >> _LENGTH_BITS == _WHOLE:
            return stored
        try:
            return _joined(stored, length - before)
        except (struct.error, ValueError) as error:
            raise InputError(f"{file.name}: a record is damaged; run python -m writers.verify {file.name}") from error


def _index(addresses: np.ndarray, first_id: int) -> bytes:
    return "".join(f"{number}\t{address}\n" for number, address in enumerate(addresses.tolist(), first_id)).encode()


def _marks(data: bytes) -> Iterator[int]:
    """Where the mark stands in `data` at a multiple of four."""
    place = data.find(_MARK)
    while place >= 0:
        if place % 4 == 0:
            yield place
        place = data.find(_MARK, place + 1)


def _part(kind: int, size: int) -> bytes:
    return _LENGTH.pack(kind << _LENGTH_BITS | size)


def _split(data: bytes, marks: list[int]) -> bytes:
    """`data` with what each mark in it begins: after the mark, kind and length of the part up to the next."""
    parts = [data[: marks[0]]]
    for mark, stop in pairwise([*marks, len(data)]):
        kind = _LAST if stop == len(data) else _MIDDLE
        start = mark + len(_MARK)
        parts += [_MARK, _part(kind, stop - start), data[start:stop]]
    return b"".join(parts)


def _joined(stored: bytes, length: int) -> bytes:
    """The data that `_split` made `stored` of; `length`, kind included, is that of the first part within it.

    ValueError or struct.error: the lengths do not add up.
    """
    parts, place = [], 0
    while True:
        stop = place + (length & (1 << _LENGTH_BITS) - 1)
        parts.append(stored[place:stop])
        if length >> _LENGTH_BITS == _LAST:
            if stop != len(stored):
                raise ValueError(f"parts of {stop} bytes in {len(stored)}")
            return _MARK.join(parts)
        (length,) = _LENGTH.unpack_from(stored, stop + len(_MARK))
        place = stop + len(_MARK) + _LENGTH.size
