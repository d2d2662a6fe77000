"""No loader takes pixels that a JPEG decoder made up, where it is told so; what touches no pixel is loaded."""

import numpy as np
import pytest
from damaged_jpegs import DAMAGED, HARMLESS, NOISY, SOUND
from picture_files import ListSource, jpeg

from layermix import InputError
from pipelines import LoaderConfig, build_loader
from writers.dataset import write_file
from writers.formats.layouts import ImageLayout
from writers.options import StoreOptions

WITH_END = [data for data in DAMAGED.values() if data.endswith(b"\xff\xd9")]
"""What a set can hold that was written by headers alone."""
ODD = [data for kind, data in HARMLESS.items() if "progressive" not in kind]


@pytest.fixture
def loader_of(tmp_path):
    """Gives a loader of JPEGs that lie as they are in a .beton, or in the one folder of a class."""

    def build(images, kind, **settings):
        if kind == "folder":
            (tmp_path / "folder" / "a").mkdir(parents=True)
            for number, image in enumerate(images):
                (tmp_path / "folder" / "a" / f"{number:02d}.jpg").write_bytes(image)
            data = tmp_path / "folder"
        else:
            data = tmp_path / "a.beton"
            write_file(ListSource(images), data, ImageLayout(StoreOptions(check="header")), options={})
        common = {"batch_size": len(images), "size": 64, "crop": "center", "order": "sequential", "threads": 1}
        return build_loader(LoaderConfig(data=data, **common | settings))

    return build


@pytest.mark.parametrize("kind", ["beton", "folder"])
def test_every_jpeg_of_which_pixels_would_be_made_up_is_left_out(kind, loader_of):
    with loader_of([SOUND, *WITH_END, jpeg(NOISY)], kind, on_damage="skip") as loader:
        (batch,) = loader
        assert batch.sample_ids.tolist() == [0, len(WITH_END) + 1]
        assert loader.damaged == tuple(range(1, len(WITH_END) + 1))


@pytest.mark.parametrize("kind", ["beton", "folder"])
def test_a_damaged_jpeg_is_named(kind, loader_of):
    with loader_of([SOUND, WITH_END[0]], kind) as loader, pytest.raises(InputError, match="sample 1 "):
        next(iter(loader))


@pytest.mark.parametrize("os_cache", [True, False])
def test_what_touches_no_pixel_is_loaded_from_a_beton(os_cache, loader_of):
    assert_all_are_the_first(loader_of([SOUND, *ODD], "beton", os_cache=os_cache))


def test_what_touches_no_pixel_is_loaded_from_a_folder(loader_of):
    assert_all_are_the_first(loader_of([SOUND, *ODD], "folder"))


def test_odd_headers_are_loaded_where_rows_below_the_crop_are_not_decoded(loader_of):
    settings = {"crop": "random_resized", "scale": (0.05, 0.1), "flip": False, "seed": 1}
    with loader_of([SOUND, *ODD], "beton", **settings) as loader:
        (batch,) = loader
        assert len(batch.images) == 1 + len(ODD)


def assert_all_are_the_first(loader) -> None:
    with loader:
        (batch,) = loader
        images = batch.images.numpy()
        assert len(images) == 1 + len(ODD)
        assert all(np.array_equal(image, images[0]) for image in images)
