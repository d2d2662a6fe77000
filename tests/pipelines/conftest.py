"""A dataset of 40 photographs of many sizes, one of 32 px pictures, and a fractal bank, written by the real writers."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from layermix.manifest import dataset_path
from writers.write_dataset import main as write_dataset


@pytest.fixture(scope="session")
def on_the_processor() -> type:
    """The DALI loader of decode "gpu", with its graph built without a GPU."""
    pytest.importorskip("nvidia.dali")
    from pipelines.dali_loader import DALILoader

    class OnTheProcessor(DALILoader):
        decoder = "cpu"

        def __init__(self, config) -> None:
            super().__init__(config)
            self.stage = None

    return OnTheProcessor


def write(*arguments: object) -> None:
    assert write_dataset([str(argument) for argument in arguments]) == 0


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory) -> Path:
    """40 JPEG crops of scikit-learn's photographs in four class folders, 60 to 260 px a side."""
    from sklearn.datasets import load_sample_images

    root, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for n in range(40):
        photograph = load_sample_images().images[n % 2]
        height, width = rng.integers(60, 260, 2)
        top, left = rng.integers(0, 160), rng.integers(0, 300)
        picture = photograph[top : top + height, left : left + width]
        folder = root / f"class_{n % 4}"
        folder.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f"{n:02d}.jpg"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return root


@pytest.fixture(scope="session")
def photos(photo_folder, tmp_path_factory) -> Path:
    """The photographs as a .beton of JPEGs."""
    out = tmp_path_factory.mktemp("photos_beton") / "photos.beton"
    write("--source", "folder", "--root", photo_folder, "--format", "beton", "--out", out)
    return out


@pytest.fixture(scope="session")
def shards(photo_folder, tmp_path_factory) -> Path:
    """The photographs as a set of three shards."""
    out = tmp_path_factory.mktemp("photos_shards") / "photos.beton"
    write("--source", "folder", "--root", photo_folder, "--format", "beton", "--shards", 3, "--out", out)
    return out


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory, photo_folder) -> Path:
    """50 PNG pictures of 32 px in two class folders."""
    root = tmp_path_factory.mktemp("small")
    rng = np.random.default_rng(3)
    for n in range(50):
        folder = root / f"class_{n % 2}"
        folder.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f"{n:02d}.png"), rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))
    return root


@pytest.fixture(scope="session")
def small(small_folder, tmp_path_factory) -> Path:
    """The 32 px pictures as a raw .beton."""
    out = tmp_path_factory.mktemp("small_beton") / "small.beton"
    write("--source", "folder", "--root", small_folder, "--format", "beton", "--out", out)
    return out


@pytest.fixture(scope="session")
def fractal_bank(tmp_path_factory) -> Path:
    """20 gray fractals, short side 64."""
    out = tmp_path_factory.mktemp("bank") / "fractals.beton"
    write("--source", "fractals", "--generate", 20, "--short-side", 64, "--format", "beton", "--out", out)
    return out


def written(folder: Path, root: Path, *arguments: object) -> Path:
    """The pictures below `root` in one of DALI's formats, `arguments` the flags from --format on."""
    write("--source", "folder", "--root", root, "--out", folder, "--format", *arguments)
    return dataset_path(folder)


@pytest.fixture
def write_set(tmp_path) -> Callable[..., Path]:
    """`written` into a folder of the test's own."""
    return partial(written, tmp_path / "set")


@pytest.fixture(scope="session")
def dali_photos(photo_folder, tmp_path_factory) -> Path:
    """The photographs as three tars of JPEGs."""
    return written(tmp_path_factory.mktemp("dali") / "photos", photo_folder, "webdataset", "--shards", 3)


@pytest.fixture(scope="session")
def dali_small(small_folder, tmp_path_factory) -> Path:
    """The 32 px pictures as one tar of PNGs."""
    return written(tmp_path_factory.mktemp("dali") / "small", small_folder, "webdataset")


@pytest.fixture(scope="session")
def dali_sets(photo_folder, dali_photos, tmp_path_factory) -> dict[str, Path]:
    """The photographs in three shards of each of DALI's formats."""
    root, others = tmp_path_factory.mktemp("formats"), ("tfrecord", "recordio")
    return {"webdataset": dali_photos} | {n: written(root / n, photo_folder, n, "--shards", 3) for n in others}
