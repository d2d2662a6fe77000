"""What an interrupted write has already stored: a journal beside the partial file, appended block by block.

A block is magic, length, CRC-32 and payload; the first payload is the identity of the write (JSON), each other
a `Block` of stored samples. Nothing is flushed to the disk here, and nothing needs to be: who resumes trusts a
block only if its check sum holds and every sample of it, read back, has its hash.
"""

import dataclasses
import io
import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from layermix.samples import SAMPLE
from writers.atomic import output_errors, write_all
from writers.bad import BadPicture

_HEAD = struct.Struct("<4sQI")
_MAGIC = b"LMJ2"
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, kw_only=True)
class Block:
    """Samples stored since the block before.

    stop: index in the source after the last picture dealt with.  bad: pictures left out.
    rows, hashes: one entry a stored sample, SAMPLE (n,) and uint64 (n,).
    """

    stop: int
    bad: Sequence[BadPicture]
    rows: np.ndarray
    hashes: np.ndarray


def journal_path(data: Path) -> Path:
    """Where the journal of the unfinished `data` stands."""
    return data.with_name(data.name + ".journal")


class Journal:
    """The journal of one write: a context manager. InputError where the file cannot be written."""

    def __init__(self, data: Path) -> None:
        self._path = journal_path(data)
        with output_errors(self._path):
            self._file = io.FileIO(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+")
        self._end = 0

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def begin(self, identity: Mapping[str, Any]) -> None:
        """Start anew with the identity of the write."""
        self._cut(0)
        self._append(json.dumps(identity).encode())

    def append(self, block: Block) -> None:
        """Note a block down. One that is broken off is not read again, and the next takes its place."""
        bad = [dataclasses.astuple(picture) for picture in block.bad]
        head = json.dumps({"stop": block.stop, "stored": len(block.rows), "bad": bad}).encode()
        self._append(b"".join([_LENGTH.pack(len(head)), head, block.rows.tobytes(), block.hashes.tobytes()]))

    def recover(self, keep: Callable[[Block], bool]) -> None:
        """Offer the whole blocks, oldest first; cut off the first that `keep` refuses and all after it."""
        payloads = self._payloads()
        _, end = next(payloads)
        for payload, next_end in payloads:
            if not keep(_parse(payload)):
                break
            end = next_end
        self._cut(end)

    def _payloads(self) -> Iterator[tuple[bytes, int]]:
        """Each whole payload and where it ends."""
        with output_errors(self._path):
            self._file.seek(0)
            content = self._file.read()
        end = 0
        while len(content) >= end + _HEAD.size:
            magic, length, check = _HEAD.unpack_from(content, end)
            payload = content[end + _HEAD.size : end + _HEAD.size + length]
            if magic != _MAGIC or len(payload) != length or zlib.crc32(payload) != check:
                return
            end += _HEAD.size + length
            yield payload, end

    def _append(self, payload: bytes) -> None:
        data = _HEAD.pack(_MAGIC, len(payload), zlib.crc32(payload)) + payload
        with output_errors(self._path):
            self._file.seek(self._end)
            write_all(self._file, data)
        self._end += len(data)

    def _cut(self, end: int) -> None:
        with output_errors(self._path):
            self._file.truncate(end)
        self._end = end


def read_identity(data: Path) -> dict[str, Any] | None:
    """The identity of the unfinished write of `data`; None where there is no journal or it is not whole."""
    if not journal_path(data).is_file():
        return None
    with Journal(data) as journal:
        found = next(journal._payloads(), None)
    return None if found is None else json.loads(found[0])


def _parse(payload: bytes) -> Block:
    (length,) = _LENGTH.unpack_from(payload)
    start = _LENGTH.size + length
    head = json.loads(payload[_LENGTH.size : start])
    rows = np.frombuffer(payload, SAMPLE, head["stored"], start)
    hashes = np.frombuffer(payload, "<u8", head["stored"], start + rows.nbytes)
    bad = tuple(BadPicture(index=index, path=path, reason=reason) for index, path, reason in head["bad"])
    return Block(stop=head["stop"], bad=bad, rows=rows, hashes=hashes)
