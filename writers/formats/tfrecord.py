"""The tfrecord container: a `tf.train.Example` a sample, laid down without TensorFlow.

A record is its length, a checksum of that, the Example, and a checksum of it (masked CRC-32C). The Example is a
map from names to lists of one value, in protocol buffer wire format; the picture comes last, so that its bytes stand
between two short parts. `image/format` is "jpeg", "png" or, for fractals, "raw": row-major uint8 pixels of shape
(image/height, image/width[, image/channels]). The index is that of DALI's tfrecord2idx: address and length of each
record.

    tf.data.TFRecordDataset("train.tfrecord")
"""

import functools
import struct

from crc32c import crc32c

from layermix.errors import InputError
from writers.formats.container import Frame
from writers.formats.records import RecordFile
from writers.stored import StoredPicture

_LARGEST = (1 << 31) - (1 << 16)
"""Bytes of a picture: protocol buffers end at 2 GiB, names and numbers included."""

_FORMATS = {"jpg": b"jpeg", "png": b"png", "raw": b"raw"}
_LENGTH, _CHECKSUM = struct.Struct("<Q"), struct.Struct("<I")

_FIRST, _SECOND, _THIRD = b"\x0a", b"\x12", b"\x1a"
"""Tags of the fields 1, 2 and 3 where these are messages, strings, bytes or packed numbers: their length follows."""


class TFRecordFile(RecordFile):
    """A .tfrecord in the making; a picture of 2 GiB or more is an InputError."""

    name = "tfrecord"

    def _frame(self, sample_id: int, picture: StoredPicture, label: int) -> Frame:
        size = len(picture.data)
        if size > _LARGEST:
            raise InputError(f"{self._path}: a picture of {size} bytes is too large for an Example; use --max-side")
        example = _example_before(picture, sample_id, label)
        length = _LENGTH.pack(len(example) + size)
        head = length + _CHECKSUM.pack(_masked(crc32c(length))) + example
        return Frame(head, picture.data, _CHECKSUM.pack(_masked(crc32c(picture.data, crc32c(example)))))

    def _finish(self) -> None:
        """A .tfrecord ends with its last record."""

    def index(self) -> bytes:
        lines = (f"{record} {length}\n" for record, length in self.rows[["record", "length"]].tolist())
        return "".join(lines).encode()


def _example_before(picture: StoredPicture, sample_id: int, label: int) -> bytes:
    """All of an Example that stands before the bytes of its picture, with which it ends."""
    numbers = {
        b"image/class/label": label,
        b"image/id": sample_id,
        b"image/height": picture.height,
        b"image/width": picture.width,
        b"image/channels": picture.channels,
    }
    features = [_number(name, number) for name, number in numbers.items()]
    features.append(_entry(b"image/format", _FIRST, _delimited(_FIRST, _FORMATS[picture.form])))
    # From the inside to the outside: bytes value, list of bytes, Feature, entry of the map, Features.
    inner, size = _FIRST + _varint(len(picture.data)), len(picture.data)
    for tag, before in ((_FIRST, b""), (_SECOND, _delimited(_FIRST, b"image/encoded")), (_FIRST, b"".join(features))):
        inner = before + tag + _varint(len(inner) + size) + inner
    return _FIRST + _varint(len(inner) + size) + inner


@functools.lru_cache(maxsize=1 << 12)  # labels and sizes come again and again
def _number(name: bytes, number: int) -> bytes:
    return _entry(name, _THIRD, _delimited(_FIRST, _varint(number)))


def _entry(name: bytes, kind: bytes, values: bytes) -> bytes:
    """An entry of the map: a name and a Feature with a list of values of a kind (bytes: 1, int64: 3)."""
    return _delimited(_FIRST, _delimited(_FIRST, name) + _delimited(_SECOND, _delimited(kind, values)))


def _delimited(tag: bytes, content: bytes) -> bytes:
    return tag + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """A number >= 0, seven bits a byte, lowest first; the top bit says that more follow."""
    if number < 128:
        return bytes((number,))
    digits = bytearray()
    while number >= 128:
        digits.append(number & 127 | 128)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def _masked(checksum: int) -> int:
    """TensorFlow's mask, for checksums that stand in checked data: rotated right by 15 bits, plus a constant."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
