"""Pictures that hold the mark of a record, and fractals that must not."""

import struct

import numpy as np
import pytest
from format_readers import by_dali, by_recordio
from picture_files import ListSource, jpeg, smooth_picture

from layermix import FractalBank
from layermix.errors import InputError
from layermix.samples import read_samples
from writers.contents import read_contents
from writers.dataset import write_file
from writers.formats.layouts import FractalLayout, ImageLayout
from writers.images import decode_image
from writers.options import StoreOptions
from writers.verify import verify

MARK = struct.pack("<I", 0xCED7230A)


def write(path, images):
    return write_file(ListSource(images), path, ImageLayout(StoreOptions(), "recordio"), options={})


def write_fractals(path, fractals):
    layout = FractalLayout(StoreOptions(mode="raw"), 1, "recordio")
    return write_file(ListSource(fractals, ("fractal",)), path, layout, options={})


def marked(*places):
    """A JPEG with a comment that holds marks from these bytes of it on, four or more apart."""
    comment = bytearray(b"." * (max(places) + 8))
    for place in places:
        comment[place : place + 4] = MARK
    return jpeg(smooth_picture(70, 80, sum(places)), comment=bytes(comment))


@pytest.fixture
def marked_pictures():
    """Marks at every alignment, alone, side by side, and several in one picture."""
    return [marked(n) for n in range(8)] + [
        marked(*range(0, 40, 4)),
        marked(*range(1, 99, 4)),
        marked(*range(3, 99, 5)),
    ]


def test_the_marks_in_pictures_are_read_back_by_others_and_by_us(tmp_path, marked_pictures):
    path = tmp_path / "a.rec"
    manifest = write(path, marked_pictures)
    split = read_samples(path, manifest)["size"] > [len(picture) for picture in marked_pictures]
    assert 3 <= split.sum() < len(marked_pictures)
    assert [data for *_, data in by_recordio(path)] == marked_pictures
    assert [data for *_, data in by_dali(path)] == marked_pictures
    contents = read_contents(path, {path: manifest}, manifest)
    for number, picture in enumerate(marked_pictures):
        assert np.array_equal(contents.pixels(number), decode_image(picture, "x"))


def test_a_damaged_split_record_is_an_error_that_names_the_file(tmp_path, marked_pictures):
    path = tmp_path / "a.rec"
    manifest = write(path, marked_pictures)
    rows, content = read_samples(path, manifest), bytearray(path.read_bytes())
    split = int(np.argmax(rows["size"] > [len(picture) for picture in marked_pictures]))
    content[content.index(MARK, int(rows["start"][split])) + 6] ^= 0x80
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"^{path}"):
        read_contents(path, {path: manifest}, manifest).pixels(split)
    assert verify(path) == [f"{path}: sample {split}: its record or its row of the table is damaged"]


@pytest.mark.parametrize("place", range(4))
def test_a_fractal_with_the_mark_stays_in_one_piece(tmp_path, place):
    path, fractal = tmp_path / "bank.rec", np.zeros((40, 37), np.uint8)
    fractal.reshape(-1)[place : place + 4] = np.frombuffer(MARK, np.uint8)
    write_fractals(path, [fractal, fractal.T])
    assert np.array_equal(FractalBank.open(path).picture(0), fractal)
    assert np.array_equal(FractalBank.open(path).picture(1), fractal.T)
    assert by_dali(path) == list(by_recordio(path))


def test_the_end_of_the_header_and_the_first_pixels_make_no_mark(tmp_path):
    path, fractal = tmp_path / "bank.rec", np.full((40, 37), 9, np.uint8)
    # At three of four alignments a mark keeps the header from standing; at the last its newline would begin one.
    for place in (4, 10, 17):
        fractal.reshape(-1)[place : place + 4] = np.frombuffer(MARK, np.uint8)
    fractal[0, :3] = np.frombuffer(MARK, np.uint8)[1:]
    with pytest.raises(InputError, match=r"bank\.rec: a fractal holds the mark of a \.rec at every alignment"):
        write_fractals(path, [fractal])
    fractal[0, 0] = 0
    write_fractals(path, [fractal])
    assert np.array_equal(FractalBank.open(path).picture(0), fractal)
    assert len(list(by_recordio(path))) == 1
