"""The hashes of the single samples: 8 bytes each, in a file beside the data.

A sample's hash is xxh3 (64 bits) over all that the file holds of it and over its rows in the tables (of a .beton the
metadata row and the entry of the allocation table), so that a damaged bit in any of them is traced to the sample.
"""

from pathlib import Path

import numpy as np
import xxhash

from layermix.errors import InputError
from layermix.manifest import SideFile, read_side_file

HASH_BYTES = 8


def sample_hash(*parts: bytes | memoryview) -> int:
    """The hash, 64 bits, of a sample that stands in the file as these parts in turn."""
    digest = xxhash.xxh3_64()
    for part in parts:
        digest.update(part)
    return int.from_bytes(digest.digest(), "little")


def hashes_path(data: Path) -> Path:
    """Where the hashes of the samples of `data` stand."""
    return data.with_name(data.name + ".hashes")


def read_hashes(data: Path, side: SideFile, count: int) -> np.ndarray:
    """The hashes of `count` samples, uint64 (count,). InputError: no such file, or changed since it was written."""
    content = read_side_file(data, side)
    if len(content) != HASH_BYTES * count:
        raise InputError(f"{data}: {side.file} holds no hash of each of {count} samples; write the data set again")
    return np.frombuffer(content, "<u8")
