"""The webdataset container: a tar of three plain members a sample, `<id>.jpg` (or .png), `<id>.cls` and `<id>.id`.

The id has nine digits or more. `.cls` is the label and `.id` the sample id, in ASCII decimal, the latter as long as in
the names. A fractal is `<id>.npy`, whose pixels stand in one piece. Headers are USTAR, owner and time 0. The index
is that of DALI's wds2idx, version 1.2: a line a sample with extension, address, size and name of each member.

    import webdataset
    webdataset.WebDataset("train.tar", shardshuffle=False).decode("rgb8")
"""

import io

from layermix.errors import InputError
from layermix.samples import FORMS
from writers.formats.container import Frame
from writers.formats.npy import npy_header
from writers.formats.records import RecordFile
from writers.stored import StoredPicture

_BLOCK = 512
_LARGEST = (1 << 33) - 1
"""Bytes of a member: the eleven octal digits of its header."""

_REST = b"0" + bytes(100) + b"ustar\x0000" + bytes(247)
"""A header after its checksum: a plain file, USTAR, no names of owners, no device, no prefix."""

_REST_SUM = sum(_REST) + 8 * ord(" ")
"""Its part of the checksum, in which the checksum itself counts as spaces."""

_EXTENSIONS = {"jpg": "jpg", "png": "png", "raw": "npy"}


class WebDatasetFile(RecordFile):
    """A tar in the making; a picture of 8 GiB or more is an InputError."""

    name = "webdataset"

    def _frame(self, sample_id: int, picture: StoredPicture, label: int) -> Frame:
        key, extension = _key(sample_id), _EXTENSIONS[picture.form]
        front = npy_header(picture) if extension == "npy" else b""
        size = len(front) + len(picture.data)
        if size > _LARGEST:
            raise InputError(f"{self._path}: a picture of {size} bytes is too large for a tar; use --max-side")
        head = _header(f"{key}.{extension}", size) + front
        tail = bytes(-size % _BLOCK) + _member(f"{key}.cls", str(label)) + _member(f"{key}.id", key)
        return Frame(head, picture.data, tail)

    def _finish(self) -> None:
        self._write(self._end, bytes(2 * _BLOCK))

    def index(self) -> bytes:
        lines = io.StringIO()
        lines.write(f"v1.2 {self.stored}\n")
        for sample_id, row in enumerate(self.rows.tolist(), self.first_id):
            lines.write(_index_line(sample_id, *row))
        return lines.getvalue().encode()


def _index_line(
    sample_id: int, record: int, length: int, start: int, size: int, label: int, height: int, width: int, form: int
) -> str:
    """The line of one SAMPLE row: the picture's member begins the record, the two of one block each end it."""
    key, extension, first, end = _key(sample_id), _EXTENSIONS[FORMS[form]], record + _BLOCK, record + length
    members = (
        (extension, first, start + size - first),
        ("cls", end - 3 * _BLOCK, len(str(label))),
        ("id", end - _BLOCK, len(key)),
    )
    return " ".join(f"{kind} {address} {size} {key}.{kind}" for kind, address, size in members) + "\n"


def _key(sample_id: int) -> str:
    return f"{sample_id:09d}"


def _member(name: str, text: str) -> bytes:
    """A whole member of at most one block."""
    return _header(name, len(text)) + text.encode().ljust(_BLOCK, b"\0")


def _header(name: str, size: int) -> bytes:
    """The USTAR header of a plain file: mode 644, owner 0, time 0."""
    front = name.encode().ljust(100, b"\0") + b"0000644\0" + 2 * b"0000000\0" + b"%011o\0" % size + b"00000000000\0"
    return front + b"%06o\0 " % (sum(front) + _REST_SUM) + _REST
