"""JPEGs of one picture: sound, damaged so that a decoder makes up pixels, and with what is odd and touches no pixel."""

import numpy as np
from picture_files import jpeg, smooth_picture


def noisy_picture() -> np.ndarray:
    noise = np.random.default_rng(0).integers(-20, 20, (80, 120, 3))
    return (smooth_picture(80, 120) + noise).clip(0, 255).astype(np.uint8)


def scan_of(data: bytes) -> int:
    """Where the coded data of the last scan begins."""
    return data.rindex(b"\xff\xda") + 14


def no_code_inside(data: bytes) -> bytes:
    """All ones are no code, of which libjpeg-turbo warns at the end alone; 255 is followed by 0 in coded data."""
    start = scan_of(data)
    return data[:start] + b"\xff\x00" * 100 + data[start + 200 :]


def restarts_out_of_order(data: bytes) -> bytes:
    first = data.index(b"\xff\xd0", scan_of(data))
    return data[:first] + b"\xff\xd4" + data[first + 2 :]


def stray_before(marker: bytes, data: bytes, length: int = 5) -> bytes:
    place = data.rindex(marker)
    return data[:place] + bytes(length) + data[place:]


NOISY = noisy_picture()
SOUND = jpeg(NOISY)
RESTARTS = jpeg(NOISY, restart_marker_rows=1)
DAMAGED = {
    "extraneous bytes before marker 0xd9": no_code_inside(SOUND),
    "bad Huffman code": SOUND[:-60] + b"\xff\x00" * 29 + SOUND[-2:],
    "premature end of data segment": SOUND[: len(SOUND) // 2] + SOUND[-2:],
    "Premature end of JPEG file": SOUND[:-40],
    "Premature end of JPEG file, its mark alone": SOUND[:-2],
    "extraneous bytes before marker 0xd9, progressive": stray_before(b"\xff\xd9", jpeg(NOISY, progressive=True), 12),
    "instead of RST0": restarts_out_of_order(RESTARTS),
    "extraneous bytes before marker 0xd0": stray_before(b"\xff\xd0", jpeg(NOISY, restart_marker_rows=4)),
    "premature end of data segment, progressive": (lambda d: d[: len(d) // 2] + d[-2:])(jpeg(NOISY, progressive=True)),
}
ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x07"
HARMLESS = {
    "stray bytes before the end": stray_before(b"\xff\xd9", SOUND),
    "1,483 stray bytes before the end": stray_before(b"\xff\xd9", SOUND, 1483),
    "stray bytes before the end, progressive": stray_before(b"\xff\xd9", jpeg(NOISY, progressive=True)),
    "stray bytes in the header": stray_before(b"\xff\xda", SOUND),
    "a stray 255 in the header": SOUND[:20] + b"\xff\x00" + SOUND[20:],
    "unknown revision of JFIF": SOUND.replace(b"JFIF\x00\x01", b"JFIF\x00\x07", 1),
    "unknown colour code of Adobe": SOUND[:2] + ADOBE + SOUND[20:],
}
