"""YUV files: the pixels of a raw file within 2 / 255, for every size, crop and number of threads."""

import cv2
import numpy as np
import pytest
import torch
from ffcv.types import FieldDescType, HeaderType

from layermix import InputError, LayerMix
from pipelines import LoaderConfig, build_loader
from pipelines.beton import YUV, open_beton, read_beton
from pipelines.crops import Crop
from pipelines.ffcv_decode import decode_batch
from pipelines.turbojpeg import FUNCTIONS, REST_IGNORED
from writers.write_dataset import main as write_dataset

SIZES = [(1, 1), (1, 9), (9, 1), (2, 2), (3, 3), (7, 12), (12, 7), (31, 33), (64, 65)]


def write(root, out, *flags):
    assert write_dataset(["--source", "folder", "--root", str(root), *flags, "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def yuv(photo_folder, tmp_path_factory):
    return write(photo_folder, tmp_path_factory.mktemp("yuv") / "photos.beton", "--yuv")


@pytest.fixture(scope="module")
def raw(photo_folder, tmp_path_factory):
    return write(photo_folder, tmp_path_factory.mktemp("raw") / "photos.beton", "--raw")


def images(data, **settings):
    """All images of an epoch in the order of their ids: uint8 (N, 3, size, size)."""
    common = {"data": data, "batch_size": 8, "size": 48, "seed": 5} | settings
    with build_loader(LoaderConfig(**common)) as loader:
        parts = [(batch.images.clone(), batch.sample_ids.clone()) for batch in loader]
    found, ids = (torch.cat(part).numpy() for part in zip(*parts))
    return found[np.argsort(ids)]


def distance(a, b):
    """Mean difference of each picture."""
    return np.abs(a.astype(int) - b).mean((1, 2, 3))


@pytest.mark.parametrize("size", [24, 48, 160])
@pytest.mark.parametrize("crop", [{"crop": "random_resized", "flip": True}, {"crop": "center"}])
def test_crops_of_photographs_are_those_of_the_raw_file(crop, size, raw, yuv):
    assert distance(images(raw, size=size, **crop), images(yuv, size=size, **crop)).max() < 2


def test_a_yuv_file_is_half_of_a_raw_one(raw, yuv):
    assert (open_beton(yuv).column("image")["mode"] == YUV).all()
    assert yuv.stat().st_size < 0.55 * raw.stat().st_size


@pytest.mark.parametrize("threads", [2, 3])
def test_bytes_do_not_depend_on_the_thread_count(threads, yuv, fractal_bank):
    settings = {"crop": "random_resized", "flip": True, "order": "random", "policy": LayerMix()}
    settings["fractals"] = fractal_bank
    assert np.array_equal(images(yuv, **settings), images(yuv, **settings, threads=threads))


def test_reading_gives_the_bytes_of_mapping(yuv):
    assert np.array_equal(images(yuv, crop="center"), images(yuv, crop="center", os_cache=False))


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    """Pictures of one colour each, of many sizes, in file order."""
    root, rng = tmp_path_factory.mktemp("flat"), np.random.default_rng(2)
    (root / "pictures" / "a").mkdir(parents=True)
    colours = rng.integers(0, 256, (len(SIZES), 3), dtype=np.uint8)
    for n, size in enumerate(SIZES):
        cv2.imwrite(str(root / "pictures" / "a" / f"{n}.png"), np.full((*size, 3), colours[n], np.uint8))
    return write(root / "pictures", root / "flat.beton", "--yuv"), colours[:, ::-1]


@pytest.mark.parametrize("crop", ["random_resized", "center"])
@pytest.mark.parametrize("size", [1, 8, 37])
def test_odd_sizes_and_single_pixels_are_cropped(crop, size, flat):
    data, colours = flat
    found = images(data, size=size, crop=crop).astype(int)
    assert np.abs(found - colours[:, :, None, None]).max() <= 2


@pytest.mark.parametrize("side", [1, 31, 32])
def test_whole_and_padded_pictures_are_those_of_the_raw_file(side, tmp_path):
    (tmp_path / "pictures" / "a").mkdir(parents=True)
    for n in range(6):
        small = np.random.default_rng(n).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        picture = cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)
        cv2.imwrite(str(tmp_path / "pictures" / "a" / f"{n}.png"), picture)
    files = [write(tmp_path / "pictures", tmp_path / f"{flag}.beton", f"--{flag}") for flag in ("raw", "yuv")]
    for settings in ({"crop": "none"}, {"crop": "none", "flip": True}, {"crop": "pad", "padding": 3, "flip": True}):
        pixels, planes = (images(file, size=side, **settings) for file in files)
        assert distance(pixels, planes).max() < 2


@pytest.mark.parametrize(("field", "change"), [("height", 2), ("width", 5)])
def test_a_header_of_another_size_is_refused(field, change, yuv):
    file = np.frombuffer(bytearray(yuv.read_bytes()), np.uint8)
    header = file[: HeaderType.itemsize].view(HeaderType)
    start = HeaderType.itemsize + int(header["num_fields"][0]) * FieldDescType.itemsize
    row = open_beton(yuv).metadata.dtype
    metadata = file[start : start + int(header["num_samples"][0]) * row.itemsize].view(row)
    metadata["f0"][field][3] += change
    with pytest.raises(InputError, match="sample 3 does not have the bytes of a YUV picture"):
        read_beton(file, yuv)


@pytest.mark.parametrize("crop", ["center", "none"])
def test_a_picture_of_too_few_bytes_is_damage_and_not_read_beyond(crop, yuv):
    """The compiled code trusts no table either: the entry of a sample tells of one byte less."""
    beton, file = open_beton(yuv), np.fromfile(yuv, np.uint8)
    pictures, ids = beton.column("image"), np.array([3], np.uint64)
    sizes = beton.sizes.copy()
    sizes[np.searchsorted(beton.addresses, pictures["data_ptr"][3])] -= np.uint64(1)
    config = LoaderConfig(data=yuv, batch_size=1, size=16, crop=crop)
    scratch, failures = (np.empty(10**6, np.uint8), np.empty(10**6, np.uint8)), np.zeros(len(beton), np.uint8)
    storage, out = (file, beton.addresses, sizes), np.zeros((1, 16, 16, 3), np.uint8)
    decode_batch((FUNCTIONS, REST_IGNORED), ids, pictures, storage, Crop.of(config), 0, scratch, failures, out)
    assert np.flatnonzero(failures).tolist() == [3]
