"""The quick reader of JPEG headers never says of a file what Pillow does not say of it."""

import random

import pytest
from picture_files import cmyk_jpeg, encoded, jpeg, smooth_picture, turned_jpeg
from PIL import Image

from layermix.errors import InputError
from writers.images import PictureFile
from writers.jpeg_header import plain_jpeg_size

IMAGE = smooth_picture(80, 120)
PLAIN = {
    "baseline": jpeg(IMAGE),
    "progressive": jpeg(IMAGE, progressive=True),
    "restarts": jpeg(IMAGE, restart_marker_rows=1),
    "gray": encoded(IMAGE[..., 0], "JPEG"),
    "comment and profile": jpeg(IMAGE, comment=b"by hand", icc_profile=bytes(100_000)),
    "RGB, with an Adobe segment": jpeg(IMAGE, keep_rgb=True),
}
MARKERS = [0x00, 0xC2, 0xC3, 0xD8, 0xDA, 0xDB, 0xDD, 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE, 0xFF]


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content


def with_segment(data: bytes, marker: int, content: bytes) -> bytes:
    return data[:2] + segment(marker, content) + data[2:]


def several_pictures() -> bytes:
    return encoded(Image.fromarray(IMAGE), "MPO", save_all=True, append_images=[Image.fromarray(IMAGE[::-1])])


OTHERS = {
    "turned by EXIF": turned_jpeg(IMAGE, 6),
    "turned by XMP": jpeg(IMAGE, xmp=b'<x tiff:Orientation="6"/>'),
    "several pictures": several_pictures(),
    "CMYK": cmyk_jpeg(IMAGE),
    "PNG": encoded(IMAGE, "PNG"),
    "empty": b"",
    "without a frame": with_segment(b"\xff\xd8", 0xDA, bytes(10)),
    "cut in the header": PLAIN["baseline"][:300],
    "cut in the last segment of the header": PLAIN["baseline"][: PLAIN["baseline"].index(b"\xff\xda") + 8],
    "stray bytes": PLAIN["baseline"].replace(b"\xff\xdb", b"\0\xff\xdb", 1),
    "two frames": with_segment(PLAIN["baseline"], 0xC0, bytes([8, 0, 9, 0, 9, 1, 1, 0x11, 0])),
    "12 bits": with_segment(PLAIN["baseline"], 0xC1, bytes([12, 0, 9, 0, 9, 1, 1, 0x11, 0])),
    "too many pixels": with_segment(segment(0xDA, bytes(10)), 0xC0, b"\x08" + b"\xff" * 4 + b"\x01\x01\x11\0"),
    "short JFIF segment": with_segment(PLAIN["baseline"], 0xE0, b"JFIF\0"),
    "short Adobe segment": with_segment(PLAIN["baseline"], 0xEE, b"Adobe\0"),
    "short profile": with_segment(PLAIN["baseline"], 0xE2, b"ICC_PROFILE\0"),
    "damaged Photoshop segment": with_segment(PLAIN["baseline"], 0xED, b"Photoshop 3.0\0" + b"8BIM\0\1"),
    "short quantization table": with_segment(PLAIN["baseline"], 0xDB, bytes(30)),
}


def by_pillow(data: bytes) -> tuple[int, int] | str | None:
    try:
        return PictureFile(data, "a").upright_jpeg_size()
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("data", PLAIN.values(), ids=PLAIN)
def test_of_a_plain_jpeg_the_size_is_found(data):
    assert plain_jpeg_size(data) == IMAGE.shape[:2] == by_pillow(data)


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS)
def test_whatever_is_not_plain_is_left_to_pillow(data):
    assert plain_jpeg_size(data) is None


def test_of_damaged_headers_nothing_is_said_that_pillow_does_not_say():
    generator, found = random.Random(0), 0
    for data in [*PLAIN.values(), *OTHERS.values()] * 60:
        damaged = mutated(data, generator)
        size = plain_jpeg_size(damaged)
        found += size is not None
        assert size in (None, by_pillow(damaged)), damaged[:700].hex()
    assert found > 100


def mutated(data: bytes, generator: random.Random) -> bytes:
    """The file with bytes of its header changed, removed or added, or cut in it."""
    changed = bytearray(data)
    for _ in range(generator.choice([1, 1, 3])):
        place = generator.randrange(min(len(changed), 800) + 1)
        kind = generator.choice(["value", "value", "marker", "remove", "add", "cut"])
        marker = changed.find(b"\xff", place) + 1
        if kind == "value" and place < len(changed):
            changed[place] = generator.choice([*MARKERS, 1, 3, 8, generator.randrange(256)])
        elif kind == "marker" and 0 < marker < len(changed):
            changed[marker] = generator.choice(MARKERS)
        elif kind == "remove":
            del changed[place : place + generator.randrange(1, 20)]
        elif kind == "add":
            changed[place:place] = generator.choice([b"\0", b"\xff", segment(0xED, b"x"), segment(0xE1, b"Exif\0\0")])
        elif kind == "cut" and generator.random() < 0.2:
            del changed[place:]
    return bytes(changed)
