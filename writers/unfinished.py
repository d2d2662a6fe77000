"""A data file in the making: `<out>.partial` and `<out>.journal`, from which an interrupted write goes on."""

import contextlib
import io
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from layermix.errors import InputError
from layermix.manifest import Manifest, manifest_path, read_manifest
from writers.atomic import open_locked, output_errors, partial_path
from writers.bad import BadPicture
from writers.formats.container import Container
from writers.formats.layouts import Layout
from writers.identity import Part, is_manifest_of, require_same
from writers.journal import Block, Journal, journal_path, read_identity
from writers.stored import StoredPicture

SECONDS_BETWEEN_BLOCKS = 2.0
"""How much work a killed process loses at most."""


class UnfinishedFile:
    """The file that a write is filling: `store` or `leave_out` each picture from `next_index` on.

    contents: what the file holds.  bad: the pictures left out.  next_index: index in the source of the next picture.
    """

    def __init__(self, file: io.FileIO, out: Path, journal: Journal, contents: Container, part: Part) -> None:
        self.file, self.out, self.part = file, out, part
        self.contents = contents
        self.bad: list[BadPicture] = []
        self.next_index = part.start
        self._journal = journal
        self._noted_samples, self._noted_bad = 0, 0
        self._last_note = time.monotonic()

    def store(self, picture: StoredPicture, label: int) -> None:
        """The next picture, good."""
        self.contents.append(picture, label)
        self._next()

    def leave_out(self, bad: BadPicture) -> None:
        """The next picture, bad."""
        self.bad.append(bad)
        self._next()

    def note(self) -> None:
        """Write to the journal what was done since the last note, once its pictures are in the file."""
        self.contents.flush()
        new, stored = slice(self._noted_samples, None), self.contents.stored
        if self.next_index == self.part.start:
            return
        block = Block(
            stop=self.part.start + stored + len(self.bad),
            bad=tuple(self.bad[self._noted_bad :]),
            rows=self.contents.rows[new],
            hashes=self.contents.hashes[new],
        )
        self._journal.append(block)
        self._noted_samples, self._noted_bad = stored, len(self.bad)
        self._last_note = time.monotonic()

    def recover(self, keep_stored: bool) -> None:
        """Take over what the journal says and the file proves; none of it unless `keep_stored`."""
        if keep_stored:
            self._journal.recover(self._take_over)
        self._noted_samples, self._noted_bad = self.contents.stored, len(self.bad)
        self.contents.cut()

    def forget(self) -> None:
        """Remove the journal: the file is published."""
        with output_errors(self.out):
            journal_path(self.out).unlink(missing_ok=True)

    def _next(self) -> None:
        self.next_index += 1
        if time.monotonic() - self._last_note >= SECONDS_BETWEEN_BLOCKS:
            self.note()

    def _take_over(self, block: Block) -> bool:
        if not self.contents.restore(block.rows, block.hashes):
            return False
        self.bad += block.bad
        self.next_index = block.stop
        return True


def finished_manifest(out: Path, identity: Mapping[str, Any], *, overwrite: bool, resume: bool) -> Manifest | None:
    """The manifest of `out` where it is finished already and `resume` is content with that, else None.

    InputError where something stands in the way of a write.
    """
    if out.is_dir():
        raise InputError(f"--out {out} is a folder; give the name of a file")
    partial = partial_path(out)
    if partial.exists():
        open_locked(out).close()
    if overwrite or (resume and partial.exists()):
        return None
    if resume and manifest_path(out).is_file():
        return _finished(out, identity)
    if partial.exists():
        raise InputError(
            f"{partial}: left by an interrupted write; add --resume to continue it or --overwrite to start over"
        )
    if resume and journal_path(out).is_file():
        return None
    if out.exists() or manifest_path(out).is_file():
        state = "exists" if manifest_path(out).is_file() else "exists without a manifest, so it is incomplete"
        raise InputError(f"--out {out} {state}; add --overwrite to replace it or choose another --out")
    return None


def _finished(out: Path, identity: Mapping[str, Any]) -> Manifest:
    manifest = read_manifest(out)
    if not is_manifest_of(manifest, identity):
        raise InputError(f"--out {out} exists, written from another source or with other options; add --overwrite")
    with output_errors(out):
        journal_path(out).unlink(missing_ok=True)
    return manifest


@contextlib.contextmanager
def begin_or_resume(
    out: Path, layout: Layout, part: Part, identity: Mapping[str, Any], *, resume: bool
) -> Iterator[UnfinishedFile]:
    """The file to fill, locked against a second writer; a block that raises leaves it to be continued.

    InputError: another writer is at it, or the interrupted write was of another identity.
    """
    if resume:
        _take_back(out)
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(contextlib.closing(open_locked(out)))
        journal = opened.enter_context(Journal(out))
        interrupted = read_identity(out) if resume else None
        if interrupted is not None:
            require_same(interrupted, identity, str(partial_path(out)))
        else:
            journal.begin(identity)
        contents = opened.enter_context(
            contextlib.closing(layout.format(file, out, layout.kind, part.stop - part.start, part.start))
        )
        unfinished = UnfinishedFile(file, out, journal, contents, part)
        unfinished.recover(keep_stored=interrupted is not None)
        try:
            yield unfinished
        except BaseException:
            # Where the disk is full, what was noted before still counts.
            with contextlib.suppress(InputError):
                unfinished.note()
            if unfinished.next_index == part.start:
                partial_path(out).unlink(missing_ok=True)
                unfinished.forget()
            raise


def _take_back(out: Path) -> None:
    """A write killed between naming the file and its manifest: give the file its unfinished name again."""
    stands = out.is_file() and not manifest_path(out).is_file()
    if stands and journal_path(out).is_file() and not partial_path(out).exists():
        with output_errors(out):
            out.rename(partial_path(out))
