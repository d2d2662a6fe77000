"""Opening a `.beton` of pictures that may be damaged, cut, or made to do harm.

ffcv's own reader sizes its buffers by what the header says. Here every number is checked against the file before
anything is sized or reached by it: header, field descriptions, one metadata row a sample, the allocation table. What
passes has each picture inside the file; whether its bytes decode is found when it is decoded.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from ffcv.fields import BytesField, FloatField, IntField, JSONField, NDArrayField, RGBImageField, TorchTensorField
from ffcv.fields.base import Field
from ffcv.types import ALLOC_TABLE_TYPE, CURRENT_VERSION, FieldDescType, HeaderType, get_metadata_type

from layermix import InputError
from layermix.pictures import MAX_PIXELS
from layermix.yuv import MODE, yuv_bytes

JPEG, RAW, YUV = 0, 1, MODE
"""Modes of a stored picture; YUV, see `layermix.yuv`, is none of ffcv's."""

MAX_FIELDS = 64

FILE_STEP = 1 << 16
"""Files that are mapped side by side start at multiples of this: the largest page of memory in use."""

# Of arrays only the place in the file matters here; their shapes, in the fields' arguments, are not looked at.
_FIELDS: dict[int, Any] = {
    0: FloatField,
    1: IntField,
    2: RGBImageField,
    3: BytesField,
    4: lambda: NDArrayField(np.dtype("u1"), (1,)),
    5: JSONField,
    6: lambda: TorchTensorField(torch.uint8, (1,)),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Beton:
    """The checked tables of one file, or of several as if they lay one after the other in memory."""

    path: Path
    files: tuple[Path, ...]
    starts: tuple[int, ...]
    """Where each file starts among the addresses, a multiple of FILE_STEP; one file starts at 0."""
    end: int
    """Where the last file ends."""
    metadata: np.ndarray
    """A row a sample, one column f0, f1, ... a field, as ffcv's graph takes it; read-only."""
    field_names: tuple[str, ...]
    handlers: dict[str, Field]
    """ffcv's field objects by name."""
    addresses: np.ndarray
    """uint64 (M,): where data are stored in the file, ascending."""
    sizes: np.ndarray
    """uint64 (M,): how many bytes stand there."""

    def column(self, field: str) -> np.ndarray:
        """The metadata of one field, a row a sample."""
        return self.metadata[f"f{self.field_names.index(field)}"]

    def __len__(self) -> int:
        return len(self.metadata)

    def stored(self, sample_id: int) -> bytes:
        """The bytes of a sample's picture, read from its file."""
        address = self.column("image")["data_ptr"][sample_id]
        size = int(self.sizes[np.searchsorted(self.addresses, address)])
        number = int(np.searchsorted(self.starts, int(address), side="right")) - 1
        with self.files[number].open("rb") as file:
            file.seek(int(address) - self.starts[number])
            return file.read(size)


def open_beton(path: Path) -> Beton:
    """Read and check the tables of the file at `path`; the pictures are not touched.

    Raises:
        InputError: not a `.beton` of pictures with the fields `image` and `label`, cut, or damaged; names the rule.
    """
    try:
        if path.stat().st_size < HeaderType.itemsize:
            _refuse(path, "it is shorter than a header")
        return read_beton(np.memmap(path, np.uint8, mode="r").view(np.ndarray), path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check path and permissions") from error


def read_beton(file: np.ndarray, path: Path) -> Beton:
    """The tables of a whole file in memory, uint8 (at least a header,); `path` is its name in errors."""
    header = file[: HeaderType.itemsize].view(HeaderType)[0]
    version, num_fields, _, count, table_start = header.tolist()
    if version != CURRENT_VERSION:
        _refuse(path, f"its version must be {CURRENT_VERSION}, got {version}")
    if not 1 <= num_fields <= MAX_FIELDS:
        _refuse(path, f"its number of fields must be in 1..{MAX_FIELDS}, got {num_fields}")
    start = HeaderType.itemsize + num_fields * FieldDescType.itemsize
    if start > file.size:
        _refuse(path, "it ends within the field descriptions")
    names, handlers = _fields(file[HeaderType.itemsize : start].view(FieldDescType), path)
    row = get_metadata_type(list(handlers.values()))
    if not 1 <= count <= (file.size - start) // row.itemsize:
        _refuse(path, f"its number of samples, {count}, does not fit into the file")
    end = start + count * row.itemsize
    if not end <= table_start <= file.size or (file.size - table_start) % ALLOC_TABLE_TYPE.itemsize:
        _refuse(path, f"its allocation table cannot stand at {table_start}")
    metadata = np.frombuffer(file[start:end].tobytes(), row)
    addresses, sizes = _allocations(file[table_start:], end, table_start, path)
    beton = Beton(
        path=path, files=(path,), starts=(0,), end=file.size, metadata=metadata, field_names=names, handlers=handlers,
        addresses=addresses, sizes=sizes,
    )  # fmt: skip
    _check_pictures(beton)
    return beton


def open_betons(path: Path, files: tuple[Path, ...]) -> Beton:
    """The tables of the set `path` that is stored in `files`, as one; InputError as of `open_beton`, or if the files
    differ in their fields."""
    parts = [open_beton(file) for file in files]
    if len(parts) == 1:
        return parts[0]
    starts, end = [], 0
    for part in parts:
        if part.metadata.dtype != parts[0].metadata.dtype or part.field_names != parts[0].field_names:
            raise InputError(f"{part.path}: has other fields than {parts[0].path}; write the set again")
        starts.append(-(-end // FILE_STEP) * FILE_STEP)
        end = starts[-1] + part.end
    metadata = np.concatenate([part.metadata for part in parts])
    column = f"f{parts[0].field_names.index('image')}"
    metadata[column]["data_ptr"] += np.repeat(np.array(starts, np.uint64), [len(part) for part in parts])
    return Beton(
        path=path, files=files, starts=tuple(starts), end=end, metadata=metadata,
        field_names=parts[0].field_names, handlers=parts[0].handlers,
        addresses=np.concatenate([part.addresses + np.uint64(start) for part, start in zip(parts, starts)]),
        sizes=np.concatenate([part.sizes for part in parts]),
    )  # fmt: skip


def _fields(descriptions: np.ndarray, path: Path) -> tuple[tuple[str, ...], dict[str, Field]]:
    names = tuple(bytes(name).split(b"\0")[0].decode("ascii", "replace") for name in descriptions["name"])
    if len(set(names)) < len(names):
        _refuse(path, "two of its fields have one name")
    handlers = {}
    for name, type_id in zip(names, descriptions["type_id"].tolist()):
        if type_id in _FIELDS:
            handlers[name] = _FIELDS[type_id]()
        else:
            _refuse(path, f"its field {name!r} has the unknown type {type_id}")
    for name, kind in (("image", RGBImageField), ("label", IntField)):
        if type(handlers.get(name)) is not kind:
            _refuse(path, f"it has no field {name!r} of type {kind.__name__}")
    return names, handlers


def _allocations(table: np.ndarray, start: int, end: int, path: Path) -> tuple[np.ndarray, np.ndarray]:
    entries = np.frombuffer(table.tobytes(), ALLOC_TABLE_TYPE)
    order = np.argsort(entries["ptr"], kind="stable")
    addresses, sizes = entries["ptr"][order], entries["size"][order]
    inside = (addresses >= start) & (addresses <= end) & (sizes <= np.uint64(end) - addresses)
    if not inside.all():
        _refuse(path, f"entry {int(order[np.argmin(inside)])} of its allocation table points outside the data")
    return addresses, sizes


def _check_pictures(beton: Beton) -> None:
    pictures = beton.column("image")
    places = np.searchsorted(beton.addresses, pictures["data_ptr"])
    if not len(beton.addresses):
        _refuse(beton.path, "its allocation table is empty")
    at = np.minimum(places, len(beton.addresses) - 1)
    heights, widths, mode = pictures["height"].astype(np.int64), pictures["width"].astype(np.int64), pictures["mode"]
    area, stored = heights * widths, beton.sizes[at].astype(np.int64)
    rules = {
        "is stored where the allocation table has nothing": beton.addresses[at] == pictures["data_ptr"],
        "has a height or width of 0": area > 0,
        "is neither JPEG, raw nor YUV": np.isin(mode, (JPEG, RAW, YUV)),
        "does not have height x width x 3 bytes": (mode != RAW) | (stored == 3 * area),
        "does not have the bytes of a YUV picture": (mode != YUV) | (stored == yuv_bytes(heights, widths)),
        f"has more than {MAX_PIXELS} pixels": (mode != JPEG) | (area <= MAX_PIXELS),
    }
    for rule, holds in rules.items():
        if not holds.all():
            _refuse(beton.path, f"sample {int(np.argmin(holds))} {rule}")


def _refuse(path: Path, reason: str) -> NoReturn:
    raise InputError(f"{path}: cannot be loaded, {reason}; it is damaged, cut or no .beton: copy or write it again")
