"""The log of a run: one JSON object a line, the source of truth for everything that happened.

Records of kind `train` hold step, epoch, lr, loss (mean over the steps since the last one), images_per_second,
wait_share, copy_share and compute_share (of all time, see `train.clock`) and skipped_steps; records of kind
`evaluation`, and `ema_evaluation` of the moving average, hold step, epoch, error (share of the test pictures
classified wrongly), loss, images and seconds. Steps and epochs count from 1.
"""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from layermix.errors import InputError

TIME_FIELDS = ("images_per_second", "wait_share", "copy_share", "compute_share", "seconds")
"""Fields that differ between two runs of the same configuration."""


class Silence:
    """The log of the ranks that keep none."""

    def __enter__(self) -> "Silence":
        return self

    def __exit__(self, *exception) -> None:
        pass

    def write(self, kind: str, **fields: Any) -> None:
        """Nothing is written."""

    def sync(self) -> int:
        """The length of what is not there, in bytes."""
        return 0

    def cut(self, position: int) -> None:
        """Nothing is cut."""


class Record(Silence):
    """Appends to a JSONL file, which is locked while open.

    `InputError`: a second run in the same folder, or a folder that cannot be written.
    """

    def __init__(self, path: Path):
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise self._unwritable(error) from error
        self._lock()

    def __enter__(self) -> "Record":
        return self

    def __exit__(self, *exception) -> None:
        self._file.close()

    def write(self, kind: str, **fields: Any) -> None:
        """Append one record; `InputError` where there is no room. A part of it is cut when the run goes on."""
        line = json.dumps({"kind": kind, **fields}).encode() + b"\n"
        try:
            while line:
                line = line[self._file.write(line) :]
        except OSError as error:
            raise self._unwritable(error) from error

    def sync(self) -> int:
        """Flush the log to the disk and return its length in bytes; `InputError` where there is no room."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from error
        return os.fstat(self._file.fileno()).st_size

    def cut(self, position: int) -> None:
        """Drop what follows the first `position` bytes, which a run that continues from a checkpoint records again.

        `InputError`: the file is shorter than that.
        """
        size = os.fstat(self._file.fileno()).st_size
        if size < position:
            raise InputError(
                f"{self._path}: the log must have the {position} bytes that the checkpoint knows, got {size}; "
                "put the file back, or start anew in another --out folder"
            )
        self._file.truncate(position)

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(
            f"{self._path}: cannot be written ({error.strerror}); free space and start the command again, or choose "
            "another --out folder"
        )

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise InputError(f"{self._path}: another run is writing it; wait for it or choose another --out") from error
