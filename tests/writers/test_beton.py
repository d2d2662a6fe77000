"""The .beton files of our own writer, read by a stock ffcv."""

import hashlib
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ffcv.reader import Reader
from picture_files import ListSource, jpeg, smooth_picture

from layermix import FractalBank
from layermix.errors import InputError
from layermix.manifest import read_manifest
from writers.dataset import write_file
from writers.formats import beton
from writers.formats.beton import BetonFile
from writers.formats.layouts import FractalLayout, ImageLayout
from writers.images import decode_image
from writers.options import StoreOptions
from writers.stored import StoredPicture


def write_images(path, images, *, threads=1, **options):
    return write_file(ListSource(images), path, ImageLayout(StoreOptions(**options)), options=options, threads=threads)


def write_fractals(path, images, channels=1, **options):
    layout = FractalLayout(StoreOptions(mode="raw"), channels)
    return write_file(ListSource(images, ("fractal",)), path, layout, options=options)


STOCK_LOADER = """
import sys
import numpy as np
from ffcv.fields.basics import IntDecoder
from ffcv.fields.bytes import BytesDecoder
from ffcv.fields.rgb_image import SimpleRGBImageDecoder
from ffcv.loader import Loader, OrderOption

path, out, os_cache, *fields = sys.argv[1:]
pipelines = {name: [globals()[decoder]()] for name, decoder in (field.split("=") for field in fields)}
loader = Loader(path, batch_size=2, num_workers=1, os_cache=os_cache == "True", order=OrderOption.SEQUENTIAL,
                drop_last=False, pipelines=pipelines)
batches = [tuple(np.array(field) for field in batch) for batch in loader]
np.savez(out, *[np.concatenate(field) for field in zip(*batches)])
"""


def read_by_stock_ffcv(path, *fields, os_cache):
    """What a stock ffcv loader yields for the whole file, an array a field, given as "name=decoder".

    In a process of its own: it changes Numba's array types for the whole process.
    """
    out = path.with_name("stock.npz")
    command = [sys.executable, "-c", STOCK_LOADER, str(path), str(out), str(os_cache), *fields]
    subprocess.run(command, check=True, timeout=240)
    with np.load(out) as arrays:
        return list(arrays.values())


@pytest.mark.parametrize("os_cache", [True, False])
def test_a_stock_ffcv_loads_an_image_file(tmp_path, os_cache):
    path = tmp_path / "a.beton"
    images = [smooth_picture(72, 80, seed) for seed in range(5)]
    as_file = jpeg(images[3])
    write_images(path, [*images[:3], as_file, images[4]], quality=95)
    found, labels = read_by_stock_ffcv(path, "image=SimpleRGBImageDecoder", "label=IntDecoder", os_cache=os_cache)
    images[3] = decode_image(as_file, "x")
    assert np.abs(found.astype(int) - np.stack(images)).mean(axis=(1, 2, 3)).max() < 4
    assert labels.ravel().tolist() == [0, 1, 0, 1, 0]


def test_raw_and_jpeg_pictures_may_stand_in_one_file(tmp_path):
    path = tmp_path / "a.beton"
    write_images(path, [smooth_picture(64, 64), smooth_picture(64, 80)])
    metadata = Reader(str(path)).metadata
    assert metadata["f0"]["mode"].tolist() == [1, 0]
    assert metadata["f0"]["width"].tolist() == [64, 80]
    assert metadata["f0"]["height"].tolist() == [64, 64]


@pytest.mark.parametrize("os_cache", [True, False])
def test_a_stock_ffcv_loads_a_fractal_bank(tmp_path, os_cache):
    path = tmp_path / "bank.beton"
    images = [smooth_picture(40, 36, seed)[..., 0] for seed in range(3)]
    write_fractals(path, images)
    fields = "image=BytesDecoder", "height=IntDecoder", "width=IntDecoder"
    found, heights, widths = read_by_stock_ffcv(path, *fields, os_cache=os_cache)
    assert all(np.array_equal(row.reshape(40, 36), image) for row, image in zip(found, images, strict=True))
    assert [heights.ravel().tolist(), widths.ravel().tolist()] == [[40] * 3, [36] * 3]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_bank_opens_what_was_written(tmp_path, channels):
    path = tmp_path / "bank.beton"
    images = [smooth_picture(40, 36 + seed, seed) for seed in range(3)]
    images = [image[..., 0] for image in images] if channels == 1 else images
    manifest = write_fractals(path, images, channels)
    assert (manifest.kind, manifest.channels, manifest.short_side) == ("fractals", channels, 36)
    bank = FractalBank.open(path)
    assert len(bank) == 3
    assert bank.channels == channels
    assert all(np.array_equal(bank.picture(number), image) for number, image in enumerate(images))


def test_the_bytes_do_not_depend_on_the_number_of_threads(tmp_path):
    images = [jpeg(smooth_picture(40 + 7 * n, 90, n)) for n in range(20)]
    manifests = [
        write_images(tmp_path / f"{threads}.beton", images, threads=threads, short_side=66) for threads in (1, 2, 5)
    ]
    assert len({manifest.sha256 for manifest in manifests}) == 1
    assert len({(tmp_path / f"{threads}.beton").read_bytes() for threads in (1, 2, 5)}) == 1


def test_the_manifest_says_what_the_file_holds(tmp_path):
    path = tmp_path / "a.beton"
    manifest = write_images(path, [smooth_picture(8, 8)] * 5, short_side=8)
    assert read_manifest(path) == manifest
    assert manifest.count == 5
    assert manifest.classes == ("even", "odd")
    assert manifest.class_counts == (3, 2)
    assert manifest.bytes == path.stat().st_size
    assert manifest.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert manifest.source == {"name": "list"}
    assert manifest.options == {"short_side": 8}
    assert manifest.created_by.startswith("layermix ")


class Blocks:
    """A file of one-field records of the given sizes, and what a stock reader finds in it."""

    def __init__(self, path: Path, sizes) -> None:
        with io.FileIO(path, "w+") as file:
            blocks = BetonFile(file, path, "fractals", len(sizes))
            for number, size in enumerate(sizes):
                data = bytes([number + 1]) * size
                blocks.append(StoredPicture(data=data, height=1, width=size, channels=1, form="raw"), 0)
            blocks.finish()
        self.reader = Reader(str(path))
        self.content = np.fromfile(path, np.uint8)
        self.starts = self.reader.alloc_table["ptr"].astype(int)
        self.ends = self.starts + self.reader.alloc_table["size"].astype(int)


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(beton, "PAGE_SIZE", 1 << 13)


@pytest.mark.usefixtures("small_pages")
def test_pictures_are_found_at_their_addresses_in_ascending_order(tmp_path):
    sizes = [3000, 5000, 8192, 1, 700, 8191, 40]
    blocks = Blocks(tmp_path / "a.beton", sizes)
    assert (np.diff(blocks.starts) > 0).all()
    assert blocks.reader.metadata["f0"]["ptr"].tolist() == blocks.starts.tolist()
    assert blocks.reader.alloc_table["sample_id"].tolist() == list(range(7))
    for number, (start, end, size) in enumerate(zip(blocks.starts, blocks.ends, sizes)):
        assert end - start == size
        assert (blocks.content[start:end] == number + 1).all()


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("sizes", [[3000, 5000, 8192, 1, 8191], [100, 9000, 50, 8000, 40000, 8192, 30000]])
def test_no_picture_crosses_a_page_and_a_large_one_enlarges_the_pages(tmp_path, sizes):
    blocks = Blocks(tmp_path / "a.beton", sizes)
    page_size = int(blocks.reader.page_size)
    assert page_size & (page_size - 1) == 0
    assert page_size >= max(sizes)
    assert page_size < 2 * max(8192, max(sizes))
    assert (blocks.starts // page_size == (blocks.ends - 1) // page_size).all()


@pytest.mark.usefixtures("small_pages")
def test_a_picture_larger_than_any_page_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(beton, "MAX_PAGE_SIZE", 1 << 14)
    with pytest.raises(InputError, match="a picture of 16385 bytes is too large to store"):
        Blocks(tmp_path / "a.beton", [16384, 16385])
