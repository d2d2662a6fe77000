"""The header of NumPy's `.npy` files, version 1.0, before pixels that the writer has already."""

import struct

from writers.stored import StoredPicture

_MAGIC = b"\x93NUMPY\x01\x00"
_ALIGNMENT = 64


def npy_header(picture: StoredPicture, shift: int = 0) -> bytes:
    """What stands before the pixels of a raw picture to make a .npy of uint8 (height, width) or (height, width, 3).

    Its length is a multiple of 64, as the pixels' alignment, and `shift` more bytes.
    """
    shape = (picture.height, picture.width, picture.channels)[: 2 + (picture.channels > 1)]
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    front = len(_MAGIC) + 2
    length = -(-(front + len(text) + 1) // _ALIGNMENT) * _ALIGNMENT + shift - front
    return _MAGIC + struct.pack("<H", length) + (text.ljust(length - 1) + "\n").encode()
