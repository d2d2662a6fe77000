"""The .beton container of ffcv 1.0.2, laid down by a writer core of our own.

A file is: header, field descriptions, one metadata row a sample, the pictures in sample order, and at its end
the allocation table (sample id, address, size of each picture, addresses ascending, as ffcv searches it by
bisection). Any stock ffcv reads it. ffcv's own DatasetWriter is not used: it hangs when a sample raises or
the disk fills.

Where fewer samples are stored than there was room for, the unused metadata rows are zeros between the rows and the
pictures.
"""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from ffcv.fields import BytesField, IntField, RGBImageField
from ffcv.fields.base import Field
from ffcv.fields.rgb_image import IMAGE_MODES
from ffcv.types import (
    ALLOC_TABLE_TYPE,
    CURRENT_VERSION,
    TYPE_ID_HANDLER,
    FieldDescType,
    HeaderType,
    get_metadata_type,
)

from layermix.errors import InputError
from layermix.manifest import Kind, Manifest
from layermix.samples import FORMS, SAMPLE
from layermix.yuv import MODE
from writers.formats.container import Container, Extent, Frame
from writers.options import StoreOptions
from writers.stored import StoredPicture

PAGE_SIZE = 1 << 23
"""Smallest page: 8 MiB, ffcv's default. No picture crosses a page boundary; ffcv can read a file page by page."""

MAX_PAGE_SIZE = 1 << 31
"""Largest page that the header can note down (32 bits)."""

FIELDS = {
    "images": {"image": RGBImageField(), "label": IntField()},
    "fractals": {"image": BytesField(), "height": IntField(), "width": IntField()},
}
"""ffcv's field objects of both kinds of file, in the order of the metadata row."""

MODES = {"jpg": IMAGE_MODES["jpg"], "raw": IMAGE_MODES["raw"], "yuv": MODE}


class BetonFile(Container):
    """A .beton in the making; a picture that is larger than any page is an InputError."""

    name, lossless = "beton", "raw"
    sample_parts = "picture, metadata row or allocation entry"
    other_parts = "the header, the field descriptions or the bytes between pictures"

    def __init__(self, file: io.FileIO, path: Path, kind: Kind, room: int, first_id: int = 0):
        super().__init__(file, path, kind, room, first_id)
        self._descriptions = _describe(FIELDS[kind])
        self._metadata = np.zeros(room, _row_type(kind))
        self._allocations = np.zeros(room, ALLOC_TABLE_TYPE)
        self._end = self._metadata_start + self._metadata.nbytes
        self._page_size = PAGE_SIZE

    @classmethod
    def check(cls, options: StoreOptions) -> None:
        """A .beton holds whatever the options ask for."""

    def _frame(self, sample_id: int, picture: StoredPicture, label: int) -> Frame:
        return Frame(b"", picture.data, b"")

    def _extra(self, number: int) -> bytes:
        _, _, start, size, label, height, width, form = self._rows[number].tolist()
        if self.kind == "images":
            self._metadata[number] = (MODES[FORMS[form]], width, height, start), label
        else:
            self._metadata[number] = (start, size), height, width
        self._allocations[number] = number, start, size
        return self._metadata[number].tobytes() + self._allocations[number].tobytes()

    def _finish(self) -> None:
        header = np.zeros((), HeaderType)
        header["version"] = CURRENT_VERSION
        header["num_fields"] = len(self._descriptions)
        header["page_size"] = self._page_size
        header["num_samples"] = self.stored
        header["alloc_table_ptr"] = self._end
        self._write(self._end, self._allocations[: self.stored].tobytes())
        self._metadata[self.stored :] = 0
        self._write(self._metadata_start, self._metadata.tobytes())
        self._write(0, header.tobytes() + self._descriptions.tobytes())

    @property
    def _metadata_start(self) -> int:
        return HeaderType.itemsize + self._descriptions.nbytes

    def _place(self, length: int) -> int:
        """The next address where `length` bytes fit in a page.

        A picture larger than a page doubles the page size for the whole file. Pages nest, so what was placed
        before lies inside one of the larger pages too.
        """
        while length > self._page_size:
            self._page_size *= 2
        if self._page_size > MAX_PAGE_SIZE:
            raise InputError(f"{self._path}: a picture of {length} bytes is too large to store; use --max-side")
        address = self._end
        if address // self._page_size != (address + length - 1) // self._page_size:
            address = -(-address // self._page_size) * self._page_size
        self._end = address + length
        return address

    def _state(self) -> tuple[Any, ...]:
        return *super()._state(), self._page_size

    def _set_state(self, state: tuple[Any, ...]) -> None:
        super()._set_state(state[:-1])
        self._page_size = state[-1]

    @classmethod
    def read_rows(cls, path: Path, manifest: Manifest) -> np.ndarray:
        with path.open("rb") as file:
            metadata, allocations = _read_tables(file, manifest)
        image, is_bank = metadata["f0"], manifest.kind == "fractals"
        rows = np.zeros(len(metadata), SAMPLE)
        rows["record"] = rows["start"] = allocations["ptr"]
        rows["length"] = rows["size"] = allocations["size"]
        rows["label"] = 0 if is_bank else metadata["f1"]
        rows["height"] = metadata["f1"] if is_bank else image["height"]
        rows["width"] = metadata["f2"] if is_bank else image["width"]
        rows["form"] = FORMS.index("raw") if is_bank else _form_of_mode()[image["mode"]]
        return rows

    @classmethod
    def extents(cls, path: Path, manifest: Manifest) -> Iterator[Extent]:
        with path.open("rb") as file:
            metadata, allocations = _read_tables(file, manifest)
        for row, allocation in zip(metadata, allocations):
            yield Extent(int(allocation["ptr"]), int(allocation["size"]), row.tobytes() + allocation.tobytes())


def _row_type(kind: Kind) -> np.dtype:
    return get_metadata_type(list(FIELDS[kind].values()))


def _read_tables(file: BinaryIO, manifest: Manifest) -> tuple[np.ndarray, np.ndarray]:
    """Metadata rows and allocation entries of a file, found by its manifest alone: (count,) records each."""
    row_type = _row_type(manifest.kind)
    file.seek(HeaderType.itemsize + len(FIELDS[manifest.kind]) * FieldDescType.itemsize)
    rows = np.frombuffer(file.read(manifest.count * row_type.itemsize), row_type)
    file.seek(max(0, manifest.bytes - manifest.count * ALLOC_TABLE_TYPE.itemsize))
    return rows, np.frombuffer(file.read(manifest.count * ALLOC_TABLE_TYPE.itemsize), ALLOC_TABLE_TYPE)


def _form_of_mode() -> np.ndarray:
    """Indices into FORMS by mode; any other mode is taken for raw pixels, whose size will not fit."""
    forms = np.full(256, FORMS.index("raw"))
    for form, mode in MODES.items():
        forms[mode] = FORMS.index(form)
    return forms


def _describe(fields: Mapping[str, Field]) -> np.ndarray:
    type_ids = {handler: type_id for type_id, handler in TYPE_ID_HANDLER.items()}
    descriptions = np.zeros(len(fields), FieldDescType)
    for description, (name, field) in zip(descriptions, fields.items()):
        encoded = np.frombuffer(name.encode("ascii"), np.uint8)
        description["type_id"] = type_ids[type(field)]
        description["name"][: len(encoded)] = encoded
        description["arguments"] = field.to_binary()[0]
    return descriptions
