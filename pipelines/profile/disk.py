"""What the disk and the page cache give."""

import ctypes
import mmap
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipelines.profile.measurements import Disk

_KEPT = 0.1
"""Share of the pages that stay after a drop, above which a file system is taken to keep them."""
_libc = ctypes.CDLL(None, use_errno=True)


def measure_disk(files: Sequence[Path], samples: int, reads: int) -> Disk:
    """Rates of reading pieces of a sample's size at random places of `files`, which hold `samples` in all."""
    sizes = np.array([file.stat().st_size for file in files], np.int64)
    piece = max(1, int(sizes.sum() / samples))
    cached = _cached_share(files)
    for file in files:
        _drop(file)
    cold = None if _cached_share(files) > _KEPT else _rate(files, sizes, piece, reads, seed=0)
    _rate(files, sizes, piece, reads, seed=1)
    warm = _rate(files, sizes, piece, reads, seed=1)
    return Disk(bytes_per_image=float(piece), cached_share=cached, warm=warm, cold=cold)


def _rate(files: Sequence[Path], sizes: np.ndarray, piece: int, reads: int, *, seed: int) -> float:
    """Bytes a second; opening the files is not timed."""
    generator = np.random.default_rng(seed)
    chosen = generator.choice(len(files), reads, p=sizes / sizes.sum())
    starts = (generator.random(reads) * np.maximum(sizes[chosen] - piece, 1)).astype(np.int64)
    opened = {int(number): os.open(files[number], os.O_RDONLY) for number in np.unique(chosen)}
    try:
        started, total = time.perf_counter(), 0
        for number, start in zip(chosen.tolist(), starts.tolist()):
            total += len(os.pread(opened[number], piece, start))
        return total / max(time.perf_counter() - started, 1e-9)
    finally:
        for descriptor in opened.values():
            os.close(descriptor)


def _drop(file: Path) -> None:
    """Ask the system to forget the pages of a file; those that are mapped or not yet written stay."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _cached_share(files: Sequence[Path]) -> float:
    """Share of the pages of `files` that are in the page cache, by mincore(2)."""
    cached = total = 0
    for file in files:
        with file.open("rb") as content, mmap.mmap(content.fileno(), 0, mmap.MAP_PRIVATE) as mapped:
            pages = (len(mapped) + mmap.PAGESIZE - 1) // mmap.PAGESIZE
            states = np.empty(pages, np.uint8)
            place = ctypes.c_char.from_buffer(mapped)
            try:
                answer = _libc.mincore(
                    ctypes.c_void_p(ctypes.addressof(place)), ctypes.c_size_t(len(mapped)), states.ctypes
                )
                if answer != 0:
                    raise OSError(ctypes.get_errno(), "mincore")
            finally:
                del place  # it holds the mapping open
            cached += int((states & 1).sum())
            total += pages
    return cached / total
