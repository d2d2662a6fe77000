"""Examples as another implementation of protocol buffers reads them, and the index of DALI's tool."""

import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from picture_files import ListSource, jpeg, smooth_picture
from tfrecord import example_pb2
from tfrecord.reader import tfrecord_iterator

from writers.dataset import write_file
from writers.formats.layouts import FractalLayout, ImageLayout
from writers.formats.tfrecord import TFRecordFile
from writers.options import StoreOptions
from writers.stored import StoredPicture


def parsed(record) -> dict:
    """The features of an Example, each a list of one value."""
    example = example_pb2.Example()
    example.ParseFromString(bytes(record))
    return {name: getattr(f, f.WhichOneof("kind")).value[0] for name, f in example.features.feature.items()}


def examples(path):
    return [parsed(record) for record in tfrecord_iterator(str(path))]


def test_an_example_holds_every_feature(tmp_path):
    path, picture = tmp_path / "a.tfrecord", jpeg(smooth_picture(70, 200))
    write_file(ListSource([picture, smooth_picture(9, 8)]), path, ImageLayout(StoreOptions(), "tfrecord"), options={})
    large, small = examples(path)
    assert large == {
        "image/encoded": picture,
        "image/format": b"jpeg",
        "image/class/label": 0,
        "image/id": 0,
        "image/height": 70,
        "image/width": 200,
        "image/channels": 3,
    }
    assert (small["image/class/label"], small["image/id"], small["image/format"]) == (1, 1, b"png")


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**31, 2**63 - 1])
@pytest.mark.parametrize("size", [0, 1, 127, 128, 1 << 14, 1 << 21])
def test_numbers_and_lengths_of_any_size_are_read_again(tmp_path, number, size):
    picture = StoredPicture(data=bytes(size), height=9, width=8, channels=3, form="jpg")
    with (tmp_path / "a").open("wb+", buffering=0) as file:
        frame = TFRecordFile(file, tmp_path / "a", "images", 1)._frame(number, picture, number)
    example = parsed(frame.head[12:] + frame.picture)
    assert (example["image/id"], example["image/class/label"], len(example["image/encoded"])) == (number, number, size)


def test_an_example_of_a_fractal_says_its_shape(tmp_path):
    path, fractal = tmp_path / "a.tfrecord", smooth_picture(40, 36)
    layout = FractalLayout(StoreOptions(mode="raw"), 3, "tfrecord")
    write_file(ListSource([fractal], ("fractal",)), path, layout, options={})
    (example,) = examples(path)
    shape = [example[f"image/{side}"] for side in ("height", "width", "channels")]
    assert example["image/format"] == b"raw"
    assert np.array_equal(np.frombuffer(example["image/encoded"], np.uint8).reshape(shape), fractal)


def test_the_index_is_that_of_tfrecord2idx(tmp_path):
    path = tmp_path / "a.tfrecord"
    images = [jpeg(smooth_picture(70, 80, n)) for n in range(3)] + [smooth_picture(9, 9)] * 3
    write_file(ListSource(images), path, ImageLayout(StoreOptions(), "tfrecord"), options={})
    tool = Path(sysconfig.get_path("scripts")) / "tfrecord2idx"
    subprocess.run([tool, path, tmp_path / "b.idx"], check=True)
    assert (tmp_path / "a.tfrecord.idx").read_bytes() == (tmp_path / "b.idx").read_bytes()
