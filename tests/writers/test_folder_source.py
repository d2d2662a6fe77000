"""Class folders: their order, and what a folder must not hold."""

import os

import pytest
from picture_files import encoded, jpeg, smooth_picture

from layermix.errors import InputError
from writers.sources.folder import FolderSource

PICTURE = jpeg(smooth_picture(16, 16))


@pytest.fixture
def root(tmp_path):
    for name in ("n02/b.JPEG", "n02/a.JPEG", "n01/z.JPEG", "N03/x.JPEG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(PICTURE + name.encode())
    return tmp_path


def test_classes_and_pictures_come_in_the_order_of_their_names(root):
    source = FolderSource(root)
    assert source.classes == ("N03", "n01", "n02")
    samples = [source.read(index) for index in range(len(source))]
    assert [sample.name for sample in samples] == [
        str(root / name) for name in ("N03/x.JPEG", "n01/z.JPEG", "n02/a.JPEG", "n02/b.JPEG")
    ]
    assert [sample.label for sample in samples] == [0, 1, 2, 2]
    assert samples[2].image == PICTURE + b"n02/a.JPEG"


def test_hidden_files_and_files_beside_the_class_folders_are_left_out(root):
    (root / "README.txt").write_text("about")
    (root / ".cache").mkdir()
    (root / "n01" / ".DS_Store").write_bytes(b"x")
    source = FolderSource(root)
    assert len(source) == 4
    assert len(source.classes) == 3


def test_pictures_of_any_name_are_taken(root):
    (root / "n01" / "picture without suffix").write_bytes(encoded(smooth_picture(8, 8), "PNG"))
    assert FolderSource(root).read(1).name.endswith("picture without suffix")


@pytest.mark.parametrize("name", [b"n\xff03", b"n\n03"])
def test_a_class_name_that_is_not_text_is_refused(root, name):
    (root / os.fsdecode(name)).mkdir()
    with pytest.raises(InputError, match="is not plain UTF-8 text; rename it"):
        FolderSource(root)


def test_a_class_folder_without_pictures_is_named(root):
    (root / "n04").mkdir()
    with pytest.raises(InputError, match=r"n04: a class folder without pictures; add pictures or remove"):
        FolderSource(root)


def test_a_root_one_level_too_high_is_refused(root):
    with pytest.raises(InputError, match="a folder inside a class folder; --root must hold the class folders"):
        FolderSource(root.parent)


def test_missing_empty_and_flat_roots_are_named(tmp_path):
    with pytest.raises(InputError, match=r"^--root .*nowhere is not a folder"):
        FolderSource(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"^--root .* holds no class folders"):
        FolderSource(tmp_path)
    (tmp_path / "a.JPEG").write_bytes(PICTURE)
    with pytest.raises(InputError, match=r"^--root .* holds no class folders"):
        FolderSource(tmp_path)


def test_pipes_and_broken_links_are_refused_without_opening_them(root):
    os.mkfifo(root / "n01" / "pipe")
    with pytest.raises(InputError, match="pipe: not a regular file"):
        FolderSource(root)
    (root / "n01" / "pipe").unlink()
    (root / "n01" / "link").symlink_to(root / "nowhere")
    with pytest.raises(InputError, match="link: not a regular file"):
        FolderSource(root)
    (root / "n01" / "link").unlink()
    (root / "circle").symlink_to("circle")
    assert "circle" not in FolderSource(root).classes
    (root / "n01" / "link").symlink_to("link")
    with pytest.raises(InputError, match="link: not a regular file"):
        FolderSource(root)


def test_a_picture_that_vanishes_is_named(root):
    source = FolderSource(root)
    (root / "n01" / "z.JPEG").unlink()
    with pytest.raises(InputError, match=r"z\.JPEG: cannot be read \(No such file"):
        source.read(1)
