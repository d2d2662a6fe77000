"""A corrupted set in the making: the folder `<out>.partial`, and in it a journal a rank of the units that are done.

A unit counts as done once its line is in a journal, and the line is written after everything before it was flushed to
the disk. So a kill, or a power failure, costs what was made since, and nothing half made is ever believed.
"""

import fcntl
import io
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from layermix.errors import InputError
from layermix.files import sync_folder
from writers.atomic import output_errors, partial_path
from writers.bad import BadPicture
from writers.corrupted.layout import Done

RECORD = "made_by.json"
"""The file that says what a finished set is; only a finished set has it."""

_PLAN = ".plan.json"
_SECONDS_BETWEEN_FLUSHES = 10.0


class UnfinishedSet:
    """The set that becomes the folder `out`, as one rank sees it: a context manager.

    identity: everything that the pictures follow from, as JSON values; `resume` continues a set of this identity only.
    InputError: `out` or an interrupted set is there and neither `resume` nor `overwrite` is given, the interrupted
    set is another, the place cannot be written.
    """

    def __init__(self, out: Path, rank: int, identity: Mapping[str, Any], *, resume: bool, overwrite: bool) -> None:
        self.out, self.folder = out, partial_path(out)
        self._identity = _as_json(identity)
        self._waiting: list[tuple[int, Done]] = []
        self._last_flush = time.monotonic()
        if rank == 0:
            _clear_the_way(out, self.folder, resume=resume, overwrite=overwrite)
        with output_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        self._require_same()
        path = self.folder / f".journal-{rank:05d}"
        self._journal = _open_locked(path)
        with output_errors(path):
            if self._journal.tell():
                self._journal.write(b"\n")  # a line that a kill broke off ends here

    def __enter__(self) -> "UnfinishedSet":
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()

    def done(self) -> dict[int, Done]:
        """The units done so far, by this and the other ranks."""
        found: dict[int, Done] = {}
        for path in sorted(self.folder.glob(".journal-*")):
            for line in path.read_bytes().split(b"\n"):
                found |= _parse(line)
        return found

    def note(self, unit: int, done: Done) -> None:
        """Note that a unit is done; it counts from the next flush on, seconds later."""
        self._waiting.append((unit, done))
        if time.monotonic() - self._last_flush >= _SECONDS_BETWEEN_FLUSHES:
            self.flush()

    def flush(self) -> None:
        """Flush the disk, then the journal."""
        os.sync()
        lines = [[unit, done.written, [vars(picture) for picture in done.bad]] for unit, done in self._waiting]
        with output_errors(self.folder):
            self._journal.write("".join(json.dumps(line) + "\n" for line in lines).encode())
            os.fsync(self._journal.fileno())
        self._waiting.clear()
        self._last_flush = time.monotonic()

    def publish(self, facts: Mapping[str, Any]) -> None:
        """Write the record and give the folder its name; what stood there before and was to be replaced is removed."""
        record = {"regenerated": True, **self._identity, **facts}
        with output_errors(self.folder):
            for path in self.folder.glob(".journal-*"):
                path.unlink()
            (self.folder / _PLAN).unlink()
            (self.folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
            os.sync()
            if self.out.exists():
                shutil.rmtree(self.out)
            self.folder.rename(self.out)
            sync_folder(self.out.parent)

    def _require_same(self) -> None:
        path = self.folder / _PLAN
        with output_errors(path):
            if not path.exists():
                waiting = path.with_name(f"{_PLAN}.{os.getpid()}")
                waiting.write_text(json.dumps(self._identity))
                waiting.rename(path)
            found = json.loads(path.read_text())
        for key, value in self._identity.items():
            if found.get(key) != value:
                raise InputError(
                    f"{self.folder}: cannot be continued: it has {key} {found.get(key)!r:.200}, this run has "
                    f"{value!r:.200}; give the same command, or --overwrite to start over"
                )


def finished_record(out: Path, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """The record of a finished set at `out` if it is what this identity gives; None otherwise."""
    path = out / RECORD
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); make the set anew with --overwrite") from error
    return record if all(record.get(key) == value for key, value in _as_json(identity).items()) else None


def _as_json(identity: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(identity))


def _clear_the_way(out: Path, partial: Path, *, resume: bool, overwrite: bool) -> None:
    if out.exists() and not overwrite:
        raise InputError(f"--out {out} exists; choose another folder, or give --overwrite to replace it")
    if out.exists() and not (out / RECORD).is_file():
        raise InputError(f"--out {out} was not made by this program, so --overwrite leaves it alone; choose another")
    if not partial.exists() or resume:
        return
    if not overwrite:
        raise InputError(f"{partial}: an interrupted run; add --resume to continue it, or --overwrite to start over")
    if not (partial / _PLAN).is_file() and any(partial.iterdir()):
        raise InputError(f"{partial} was not made by this program, so --overwrite leaves it alone; remove it yourself")
    for journal in partial.glob(".journal-*"):
        _open_locked(journal).close()
    with output_errors(partial):
        shutil.rmtree(partial)


def _open_locked(path: Path) -> io.FileIO:
    """The journal, opened for appending and locked against a second process; InputError: one has it."""
    with output_errors(path):
        file = path.open("ab", buffering=0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        rule = "another process is making it; wait for it or choose another --out"
        raise InputError(f"{path.parent}: {rule}") from error
    return file


def _parse(line: bytes) -> dict[int, Done]:
    """The unit of a journal's line; none where a kill broke it off."""
    try:
        unit, written, bad = json.loads(line)
    except ValueError:
        return {}
    return {unit: Done(written=written, bad=tuple(BadPicture(**picture) for picture in bad))}


def bad_pictures(done: Mapping[int, Done]) -> Sequence[BadPicture]:
    """The bad pictures of all units, in the order of the source."""
    return sorted((picture for unit in done.values() for picture in unit.bad), key=lambda picture: picture.index)
