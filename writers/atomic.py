"""Files that are whole or absent: written under a temporary name, flushed to the disk, renamed."""

import contextlib
import ctypes
import fcntl
import io
import os
from collections.abc import Iterator
from pathlib import Path

from layermix.errors import InputError
from layermix.files import sync_folder

_sync_file_range = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)(
    ("sync_file_range", ctypes.CDLL(None))
)
_SYNC_FILE_RANGE_WRITE = 2


@contextlib.contextmanager
def atomic_output(path: Path) -> Iterator[io.FileIO]:
    """An empty file to write and read that takes the name `path`, replacing what stands there, if the block ends well.

    Until then it is `<path>.partial`, locked against a second writer; if the block raises, it is removed.
    What a killed process left under that name is overwritten. InputError: no permission, no space, another
    writer at work.
    """
    partial = partial_path(path)
    with contextlib.closing(open_locked(path)) as file:
        try:
            with output_errors(path):
                file.truncate(0)
            yield file
            publish(file, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of the block (full disk, no permission) into an InputError that names `path` and the reason."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"{path}: cannot be written ({reason}); mend that or choose another --out") from error


def write_all(file: io.FileIO, data: bytes | bytearray | memoryview) -> None:
    """Write every byte of `data` to an unbuffered file, which by itself may take fewer."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def write_at(file: io.FileIO, address: int, data: bytes) -> None:
    """Write every byte of `data` from byte `address` of the file on, wherever the file's position is."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file.fileno(), rest, address)
        rest, address = rest[written:], address + written


def begin_flush(file: io.FileIO, address: int, length: int) -> None:
    """Have the system write bytes of the file to the disk from now on, without waiting for it.

    A hint: what it comes to is said by the flush that ends the file, which has less to do then.
    """
    _sync_file_range(file.fileno(), address, length, _SYNC_FILE_RANGE_WRITE)


def partial_path(path: Path) -> Path:
    """The name under which `path` is written."""
    return path.with_name(path.name + ".partial")


def publish(file: io.FileIO, path: Path) -> None:
    """Flush the open `<path>.partial` to the disk and give it its name."""
    with output_errors(path):
        os.fsync(file.fileno())
        partial_path(path).replace(path)
        sync_folder(path.parent)


def open_locked(path: Path) -> io.FileIO:
    """`<path>.partial`, opened with what it holds or made, and locked; InputError: another writer has it."""
    partial = partial_path(path)
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Opened without truncation: until it is locked the file may be another writer's.
        file = io.FileIO(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A writer that ended between the two calls has renamed the file that is now locked.
        is_ours = os.path.samestat(os.fstat(file.fileno()), partial.stat())
    except (BlockingIOError, FileNotFoundError):
        is_ours = False
    if not is_ours:
        file.close()
        raise InputError(f"{partial}: another process is writing it; wait for it or choose another --out")
    return file
