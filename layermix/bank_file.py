"""The file of a fractal bank: raw pictures in a `.beton` or another container, read with NumPy alone and trusted in
nothing.

A `.beton` is ffcv's format, version 2: a header, a descriptor a field, one metadata record a sample, the
data, and the allocation table up to the end of the file. A bank has the fields `image` (bytes: height *
width * channels, row by row), `height` and `width`. Of other containers the table of samples, see `layermix.samples`,
says where the pictures stand. Every number is checked against the size of the file
before anything is sized by it.
"""

from pathlib import Path

import numpy as np

from layermix.errors import InputError
from layermix.manifest import Manifest
from layermix.samples import FORMS, read_samples

HEADER = np.dtype(
    [
        ("version", "<u2"),
        ("num_fields", "<u2"),
        ("page_size", "<u4"),
        ("num_samples", "<u8"),
        ("alloc_table_ptr", "<u8"),
    ]
)
FIELD = np.dtype([("type_id", "u1"), ("name", "S16"), ("arguments", "V1024")])
RECORD = np.dtype([("ptr", "<u8"), ("size", "<u8"), ("height", "<i8"), ("width", "<i8")])

VERSION = 2
INT_FIELD, BYTES_FIELD = 1, 3
FIELDS = [(BYTES_FIELD, b"image"), (INT_FIELD, b"height"), (INT_FIELD, b"width")]
RECORDS_START = HEADER.itemsize + len(FIELDS) * FIELD.itemsize
MAX_SIDE = 65535
"""Longest side of a picture in pixels: the 16 bits in which ffcv keeps sides."""

_NEXT_STEP = "write the bank again with `python -m writers.write_dataset --source fractals`"


def map_file(path: Path, at_least: int = 1) -> np.ndarray:
    """Map the whole file into memory: uint8 (bytes,), of `at_least` so many bytes.

    The map is copy-on-write: until somebody writes, all processes share the pages of the file, and kernels
    see the same writable array type as for pictures in memory.

    Raises:
        InputError: no such file, no permission, or a file too short to be a bank.
    """
    _require(path.is_file(), path, "must be a fractal bank", "no such file")
    try:
        size = path.stat().st_size
        _require(size >= at_least, path, f"must have at least {at_least} bytes", size)
        return np.memmap(path, np.uint8, mode="c").view(np.ndarray)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; check its permissions") from error


def read_table(file: np.ndarray, path: Path) -> tuple[np.ndarray, int]:
    """Find the pictures in a mapped bank.

    Args:
        file: uint8 (bytes,), the whole file, from `map_file`.
        path: its name in errors.

    Returns:
        int64 (M, 3), M >= 1: byte offset, height and width of each picture; and the channels of all, 1 or 3.

    Raises:
        InputError: the file breaks the format; names path, rule and value.
    """
    count, data_end = _read_header(file, path)
    records = np.frombuffer(file, RECORD, count, RECORDS_START)
    data_start = RECORDS_START + records.nbytes
    offset, size = records["ptr"], records["size"]
    lies_inside = (offset >= data_start) & (offset <= data_end) & (size <= np.uint64(data_end) - offset)
    rule = f"(`ptr`, `size`) must lie in bytes {data_start} to {data_end}"
    _require_all(lies_inside, path, rule, records[["ptr", "size"]])
    for side in ("height", "width"):
        fits = (records[side] >= 1) & (records[side] <= MAX_SIDE)
        _require_all(fits, path, f"`{side}` must be in 1..{MAX_SIDE}", records[side])
    area = (records["height"] * records["width"]).astype(np.uint64)
    channels = 3 if size[0] == 3 * area[0] else 1
    _require_all(size == channels * area, path, f"`image` must have height * width * {channels} bytes", size)
    return np.stack([offset.astype(np.int64), records["height"], records["width"]], axis=1), channels


def picture_table(path: Path, manifest: Manifest) -> tuple[np.ndarray, int]:
    """Find the pictures in a bank that is no `.beton`; returns and raises as `read_table`."""
    rows, channels = read_samples(path, manifest), manifest.channels or 1
    for side in ("height", "width"):
        fits = (rows[side] >= 1) & (rows[side] <= MAX_SIDE)
        _require_all(fits, path, f"`{side}` must be in 1..{MAX_SIDE}", rows[side])
    area = rows["height"].astype(np.uint64) * rows["width"]
    _require_all(rows["form"] == FORMS.index("raw"), path, "`form` must be that of raw pixels", rows["form"])
    rule = f"`size` must be height * width * {channels} bytes"
    _require_all(rows["size"] == channels * area, path, rule, rows["size"])
    return np.stack([rows[name].astype(np.int64) for name in ("start", "height", "width")], axis=1), channels


def _read_header(file: np.ndarray, path: Path) -> tuple[int, int]:
    """Check header and field descriptors; return the number of pictures and where their data end."""
    header = np.frombuffer(file, HEADER, 1)[0]
    version, num_fields, _, count, data_end = header.tolist()
    _require(version == VERSION, path, f"`version` of the .beton must be {VERSION}", version)
    _require(num_fields == len(FIELDS), path, f"`num_fields` of a bank must be {len(FIELDS)}", num_fields)
    fields = np.frombuffer(file, FIELD, len(FIELDS), HEADER.itemsize)
    found = [(int(field["type_id"]), bytes(field["name"])) for field in fields]
    _require(found == FIELDS, path, f"fields of a bank must be {FIELDS} (type, name)", found)
    most = (file.size - RECORDS_START) // RECORD.itemsize
    _require(1 <= count <= most, path, f"`num_samples` must be in 1..{most}, the room in the file", count)
    data_start = RECORDS_START + count * RECORD.itemsize
    is_table_inside = data_start <= data_end <= file.size
    _require(is_table_inside, path, f"`alloc_table_ptr` must be in {data_start}..{file.size}", data_end)
    return count, data_end


def _require(holds: bool, path: Path, rule: str, value: object) -> None:
    if not holds:
        raise InputError(f"{path}: {rule}, got {value}; {_NEXT_STEP}")


def _require_all(holds: np.ndarray, path: Path, rule: str, values: np.ndarray) -> None:
    if not holds.all():
        first = int(np.argmin(holds))
        raise InputError(f"{path}: picture {first}: {rule}, got {values[first]}; {_NEXT_STEP}")
