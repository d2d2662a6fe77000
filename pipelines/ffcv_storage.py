"""Where the FFCV graph takes the stored bytes from: the file mapped into memory, or read batch by batch."""

import ctypes
import mmap
import os
from collections.abc import Sequence

import numba
import numpy as np
from ffcv.memory_managers.base import MemoryContext, MemoryManager

from layermix import InputError
from pipelines.beton import Beton

READ_GAP = 1 << 16
"""Stored data at most this many bytes apart are read in one call."""

READ_MOST = 1 << 23
"""Bytes of one call, the page of ffcv's writers."""


_NO_RESERVE = 0x4000
"""Linux's MAP_NORESERVE, which Python's mmap names from 3.13 on: a mapping may be larger than memory."""


_FIXED = 0x10
"""MAP_FIXED: put a mapping exactly there, in place of what was."""

_mmap = ctypes.CDLL(None, use_errno=True).mmap
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64]


class Storage(MemoryManager):
    """ffcv's memory manager over checked tables.

    Args:
        beton: the file.
        os_cache: True maps the file: the system's page cache keeps what was read and shares it between processes.
            False reads what each batch needs with ordinary reads, in order of address and neighbours in one, which is
            quicker on network and spinning disks; memory of this process is one batch's bytes.
    """

    def __init__(self, beton: Beton, *, os_cache: bool) -> None:
        self._beton, self._os_cache = beton, os_cache

    def schedule_epoch(self, batches: Sequence[Sequence[int]]) -> "StorageContext":
        """The context in which an epoch reads."""
        return (MappedContext if self._os_cache else ReadContext)(self._beton)

    def compile_reader(self):
        """`read(address, state)`, the bytes stored at an address of the file."""

        def read(address, state):
            size = state[2][np.searchsorted(state[1], address)]
            return state[0][address : address + size]

        return read

    @property
    def state_type(self) -> numba.types.Type:
        """Type of the state that `read` takes."""
        return numba.typeof(self.schedule_epoch([]).state)


class StorageContext(MemoryContext):
    """What an epoch reads from: `state` is the file's bytes, the addresses and the sizes of what is stored in it."""

    def __init__(self, beton: Beton, contents: np.ndarray) -> None:
        self._beton, self._contents = beton, contents

    @property
    def state(self) -> tuple[np.ndarray, ...]:
        return self._contents, self._beton.addresses, self._beton.sizes

    def load(self, ids: np.ndarray) -> None:
        """Make the bytes of these samples available in `state`."""

    def release(self) -> None:
        """The bytes of the last `load` are no longer needed."""

    def __enter__(self):
        return self

    def __exit__(self, *exception) -> None:
        return None


class MappedContext(StorageContext):
    """The whole files, mapped."""

    def __init__(self, beton: Beton) -> None:
        if len(beton.files) == 1:
            super().__init__(beton, np.memmap(beton.files[0], np.uint8, mode="r").view(np.ndarray))
        else:
            super().__init__(beton, np.frombuffer(_map_side_by_side(beton), np.uint8))


def _map_side_by_side(beton: Beton) -> mmap.mmap:
    """One range of addresses with each file at its start; unmapped whole when nobody refers to it."""
    memory = _reserve(beton.end)
    at = np.frombuffer(memory, np.uint8).ctypes.data
    for path, start in zip(beton.files, beton.starts):
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            found = _mmap(at + start, size, mmap.PROT_READ, mmap.MAP_SHARED | _FIXED, file.fileno(), 0)
        if found != at + start:
            raise OSError(f"{path}: cannot be mapped ({os.strerror(ctypes.get_errno())})")
    return memory


def _reserve(size: int) -> mmap.mmap:
    return mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE)


class ReadContext(StorageContext):
    """Memory as large as the files in addresses alone; a batch's bytes are read to their places and dropped again."""

    def __init__(self, beton: Beton) -> None:
        self._files = [os.open(path, os.O_RDONLY) for path in beton.files]
        self._memory = _reserve(beton.end)
        super().__init__(beton, np.frombuffer(self._memory, np.uint8))

    def load(self, ids: np.ndarray) -> None:
        starts = np.unique(self._beton.column("image")["data_ptr"][ids])
        ends = starts + self._beton.sizes[np.searchsorted(self._beton.addresses, starts)]
        files = np.searchsorted(self._beton.starts, starts.astype(np.int64), side="right") - 1
        begin, end, file = int(starts[0]), int(ends[0]), int(files[0])
        for start, stop, number in zip(starts[1:].tolist(), ends[1:].tolist(), files[1:].tolist()):
            if number != file or start - end > READ_GAP or stop - begin > READ_MOST:
                self._read(file, begin, end)
                begin, file = start, number
            end = max(end, stop)
        self._read(file, begin, end)

    def _read(self, number: int, begin: int, end: int) -> None:
        with memoryview(self._memory) as memory:
            while begin < end:
                with memory[begin:end] as part:
                    count = os.preadv(self._files[number], [part], begin - self._beton.starts[number])
                if not count:
                    path = self._beton.files[number]
                    raise InputError(f"{path}: became shorter while it was read; copy or write it again")
                begin += count

    def release(self) -> None:
        self._memory.madvise(mmap.MADV_DONTNEED)

    def __exit__(self, *exception) -> None:
        for file in self._files:
            os.close(file)
