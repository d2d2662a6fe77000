"""Containers of records that hold label and id, written from front to back; the table of them all stands beside."""

import hashlib
import io
import threading
from pathlib import Path
from typing import Any

from layermix.manifest import Kind
from writers.formats.container import Container


class RecordFile(Container):
    """A file of records in the making.

    Its hash is taken while it grows: the last block written is hashed by a thread of its own beside the next.
    """

    lossless, has_records = "png", True

    def __init__(self, file: io.FileIO, path: Path, kind: Kind, room: int, first_id: int = 0):
        super().__init__(file, path, kind, room, first_id)
        self._sha256, self._hashed = hashlib.sha256(), 0
        self._hashing = threading.Thread()

    def content_hash(self) -> str:
        self._wait()
        return self._sha256.hexdigest()

    def _write(self, address: int, data: bytes | bytearray) -> None:
        super()._write(address, data)
        # A block that is written again after an interruption has been hashed.
        if data and address == self._hashed:
            self._hash(data)

    def _holds(self, number: int) -> bytes | None:
        data = super()._holds(number)
        if data is not None:
            self._hash(data)
        return data

    def _hash(self, data: bytes | bytearray) -> None:
        self._wait()
        self._hashing = threading.Thread(target=self._sha256.update, args=(data,))
        self._hashing.start()
        self._hashed += len(data)

    def _wait(self) -> None:
        if self._hashing.ident is not None:
            self._hashing.join()

    def _state(self) -> tuple[Any, ...]:
        self._wait()
        return *super()._state(), self._sha256.copy(), self._hashed

    def _set_state(self, state: tuple[Any, ...]) -> None:
        self._wait()
        *rest, self._sha256, self._hashed = state
        super()._set_state(tuple(rest))
