"""Containers of records that hold label and id, written from front to back; the table of them all stands beside."""

import hashlib
import io
from functools import partial
from pathlib import Path
from typing import Any

from layermix.manifest import Kind
from writers.background import Background
from writers.formats.container import Container


class RecordFile(Container):
    """A file of records in the making.

    Its hash is taken while it grows: the last block written is hashed by a thread of its own beside the next.
    """

    lossless, has_records = "png", True

    def __init__(self, file: io.FileIO, path: Path, kind: Kind, room: int, first_id: int = 0):
        super().__init__(file, path, kind, room, first_id)
        self._sha256, self._hashing = hashlib.sha256(), Background()

    def content_hash(self) -> str:
        self._hashing.wait()
        return self._sha256.hexdigest()

    def _write(self, address: int, data: bytes) -> None:
        super()._write(address, data)
        self._hash(data)

    def close(self) -> None:
        super().close()
        self._hashing.close()

    def _holds(self, number: int) -> bytes | None:
        data = super()._holds(number)
        if data is not None:
            self._hash(data)
        return data

    def _hash(self, data: bytes) -> None:
        self._hashing.start(partial(self._sha256.update, data))

    def _state(self) -> tuple[Any, ...]:
        self._hashing.wait()
        return *super()._state(), self._sha256.copy()

    def _set_state(self, state: tuple[Any, ...]) -> None:
        self._hashing.wait()
        *rest, self._sha256 = state
        super()._set_state(tuple(rest))
