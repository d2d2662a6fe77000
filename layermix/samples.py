"""The table of a data file's samples: where each stands, and what it is.

Containers that are read from front to back have no table of their own. It stands beside them as `<file>.table`, one
SAMPLE row after the other in the order of the ids, and the manifest vouches for it.
"""

from pathlib import Path
from typing import Literal, get_args

import numpy as np

from layermix.errors import InputError
from layermix.manifest import Manifest, read_side_file

SAMPLE = np.dtype(
    [
        ("record", "<u8"),
        ("length", "<u8"),
        ("start", "<u8"),
        ("size", "<u8"),
        ("label", "<i8"),
        ("height", "<u4"),
        ("width", "<u4"),
        ("form", "<u8"),
    ]
)
"""record, length: first byte and number of bytes of everything that the file holds of the sample.
start, size: the same of the stored picture, which lies within.  label: index into the classes, 0 in a fractal bank.
height, width: of the upright picture, in pixels.  form: index into FORMS."""

Form = Literal["jpg", "raw", "yuv", "png"]

FORMS: tuple[Form, ...] = get_args(Form)
"""How a picture is stored: a JPEG file, row-major uint8 pixels, planes as of `layermix.yuv`, a PNG file."""


def table_path(data: Path) -> Path:
    """Where the table of the samples of `data` stands."""
    return data.with_name(data.name + ".table")


def read_samples(data: Path, manifest: Manifest) -> np.ndarray:
    """The table beside the file `data`, checked against its manifest: SAMPLE (count,), read-only.

    Raises:
        InputError: no such file, changed since it was written, or a sample that lies outside the data file.
    """
    if manifest.table is None:
        raise InputError(f"{data}: its manifest names no table of samples; write the data set again")
    path, content = data.with_name(manifest.table.file), read_side_file(data, manifest.table)
    if len(content) != manifest.count * SAMPLE.itemsize:
        raise InputError(f"{path}: holds no row for each of {manifest.count} samples; write the data set again")
    rows = np.frombuffer(content, SAMPLE)
    for first, length in (("record", "length"), ("start", "size")):
        inside = (rows[first] <= manifest.bytes) & (rows[length] <= manifest.bytes - rows[first])
        if not inside.all():
            raise InputError(f"{path}: sample {int(np.argmin(inside))} lies outside {data.name}; write it again")
    return rows
