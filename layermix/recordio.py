"""Pictures that MXNet's recordio format had to split, put together again.

A record (dmlc's recordio.h) is a mark, a length whose upper 3 bits say which part follows, and data. Where the mark
itself stands in the data, at a multiple of four, the record is split there, and who reads it puts the mark back.
"""

import struct

MARK = struct.pack("<I", 0xCED7230A)
LENGTH = struct.Struct("<I")
LENGTH_BITS = 29
WHOLE, FIRST, MIDDLE, LAST = range(4)
"""What part of a record follows: the upper 3 of the 32 bits of its length."""


def is_whole(head: bytes) -> bool:
    """Whether the record that begins with `head` is in one piece."""
    (length,) = LENGTH.unpack_from(head, len(MARK))
    return length >> LENGTH_BITS == WHOLE


def unsplit(head: bytes, stored: bytes) -> bytes:
    """The picture of a record.

    Args:
        head: what stands in the record before the picture: mark, length and MXNet's header.
        stored: the picture with what stands between its parts; returned itself where it is in one piece.

    Raises:
        ValueError: the lengths of the parts do not add up.
    """
    if is_whole(head):
        return stored
    (length,) = LENGTH.unpack_from(head, len(MARK))
    try:
        return _joined(stored, length - (len(head) - len(MARK) - LENGTH.size))
    except struct.error as error:
        raise ValueError("a part of the record is cut") from error


def _joined(stored: bytes, length: int) -> bytes:
    """`length`, kind included, is that of the first part within `stored`."""
    parts, place = [], 0
    while True:
        stop = place + (length & (1 << LENGTH_BITS) - 1)
        parts.append(stored[place:stop])
        if length >> LENGTH_BITS == LAST:
            if stop != len(stored):
                raise ValueError(f"parts of {stop} bytes in {len(stored)}")
            return MARK.join(parts)
        (length,) = LENGTH.unpack_from(stored, stop + len(MARK))
        place = stop + len(MARK) + LENGTH.size
