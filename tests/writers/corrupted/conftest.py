"""The program that makes corrupted sets, and class folders to make them of."""

import pytest
from picture_files import jpeg, smooth_picture
from PIL import Image

from layermix.errors import run_program
from writers.make_corrupted import main


@pytest.fixture
def make(tmp_path):
    """Runs the program with --out added; gives the exit code."""

    def run(*arguments, out="set"):
        return run_program(main, [*map(str, arguments), "--out", str(tmp_path / out)])

    return run


@pytest.fixture(scope="module")
def class_folders(tmp_path_factory):
    """Two classes of two pictures, a PNG among them, of several sizes."""
    root = tmp_path_factory.mktemp("val")
    for seed, (name, size) in enumerate(
        {"n01/a.JPEG": (300, 400), "n01/b.jpg": (260, 256), "n02/a.JPEG": (500, 230), "n02/c.png": (240, 240)}.items()
    ):
        (root / name).parent.mkdir(exist_ok=True)
        picture = smooth_picture(*size, seed=seed)
        if name.endswith("png"):
            Image.fromarray(picture).save(root / name)
        else:
            (root / name).write_bytes(jpeg(picture))
    return root


@pytest.fixture
def folders_with_a_bad_picture(class_folders, tmp_path):
    root = tmp_path / "bad"
    for path in class_folders.rglob("*.*"):
        (root / path.parent.name).mkdir(parents=True, exist_ok=True)
        (root / path.parent.name / path.name).write_bytes(path.read_bytes())
    (root / "n01" / "a2.JPEG").write_bytes(jpeg(smooth_picture(300, 300))[:-900])
    return root
