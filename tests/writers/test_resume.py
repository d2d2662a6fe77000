"""An interrupted write is continued to the same bytes."""

import shutil

import numpy as np
import pytest
from picture_files import ListSource, jpeg, smooth_picture

from layermix.errors import InputError
from layermix.manifest import manifest_path, read_manifest
from writers import unfinished
from writers.atomic import partial_path
from writers.dataset import write_file
from writers.formats.layouts import ImageLayout
from writers.journal import journal_path
from writers.options import StoreOptions

IMAGES = [smooth_picture(8 + n, 9, n) if n % 3 else jpeg(smooth_picture(70, 80, n)) for n in range(24)]


@pytest.fixture(autouse=True)
def note_every_picture(monkeypatch):
    monkeypatch.setattr(unfinished, "SECONDS_BETWEEN_BLOCKS", 0.0)


def write(path, images=IMAGES, *, options=None, **flags):
    options = options or StoreOptions()
    return write_file(ListSource(images), path, ImageLayout(options), options=options.describe(), **flags)


@pytest.fixture
def whole(tmp_path):
    return write(tmp_path / "whole.beton")


def interrupt(path, at, error=KeyboardInterrupt, **flags):
    images: list = list(IMAGES)
    images[at] = error("stop")
    with pytest.raises(error):
        write(path, images, **flags)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, InputError])
def test_a_write_broken_off_at_any_picture_is_continued_to_the_same_bytes(tmp_path, whole, error):
    for at in range(0, 24, 4 if error is not KeyboardInterrupt else 1):
        path = tmp_path / f"{at}.beton"
        interrupt(path, at, error)
        assert not path.exists()
        assert write(path, resume=True, threads=2).sha256 == whole.sha256
        assert path.read_bytes() == (tmp_path / "whole.beton").read_bytes()
        assert not journal_path(path).exists()
        assert not partial_path(path).exists()


def test_resuming_reads_only_what_is_missing(tmp_path, whole):
    interrupt(tmp_path / "a.beton", 20)
    images = [RuntimeError("read again")] * 16 + IMAGES[16:]
    assert write(tmp_path / "a.beton", images, resume=True).sha256 == whole.sha256


def test_a_write_interrupted_twice_is_continued(tmp_path, whole):
    interrupt(tmp_path / "a.beton", 5)
    interrupt(tmp_path / "a.beton", 15, resume=True)
    assert write(tmp_path / "a.beton", resume=True).sha256 == whole.sha256


@pytest.mark.parametrize("name", ["partial", "journal"])
@pytest.mark.parametrize("share", [0.0, 0.4, 0.9, 1.0])
def test_whatever_a_power_failure_took_of_the_unfinished_files_is_written_again(tmp_path, whole, name, share):
    interrupt(tmp_path / "a.beton", 20)
    path = tmp_path / f"a.beton.{name}"
    content = bytearray(path.read_bytes())
    cut = int(share * len(content))
    path.write_bytes(content[:cut] + bytes(np.random.default_rng(0).integers(0, 256, 3000, np.uint8)))
    assert write(tmp_path / "a.beton", resume=True).sha256 == whole.sha256


def test_a_write_killed_before_its_manifest_is_finished_by_resuming(tmp_path, whole, monkeypatch):
    path = tmp_path / "a.beton"

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("writers.publish.write_manifest", die)
        with pytest.raises(KeyboardInterrupt):
            write(path)
    assert path.exists()
    assert not manifest_path(path).exists()
    images = [RuntimeError("read again")] * 24
    assert write(path, images, resume=True).sha256 == whole.sha256


def test_a_stale_partial_is_an_error_that_says_so(tmp_path):
    path = tmp_path / "a.beton"
    interrupt(path, 5)
    with pytest.raises(InputError, match=r"a\.beton\.partial: left by an interrupted write; add --resume"):
        write(path)
    write(path, overwrite=True)
    assert read_manifest(path).count == 24


def test_a_changed_source_or_option_is_refused_with_the_reason(tmp_path, whole):
    path = tmp_path / "a.beton"
    interrupt(path, 5)
    with pytest.raises(InputError, match=r"had options\.quality 90, this one has 80"):
        write(path, options=StoreOptions(quality=80), resume=True)
    with pytest.raises(InputError, match=r"had pictures \[0, 24\], this one has \[0, 23\]"):
        write(path, IMAGES[1:], resume=True)
    assert write(path, resume=True).sha256 == whole.sha256


def test_resuming_a_finished_write_is_done_at_once(tmp_path):
    path = tmp_path / "a.beton"
    manifest = write(path, resume=True)
    assert write(path, [RuntimeError("read")] * 24, resume=True) == manifest
    with pytest.raises(InputError, match="exists, written from another source or with other options"):
        write(path, options=StoreOptions(quality=80), resume=True)


def test_an_interrupted_overwrite_keeps_the_old_file_and_is_continued(tmp_path, whole):
    path = tmp_path / "a.beton"
    old = write(path, IMAGES[:3])
    interrupt(path, 9, overwrite=True)
    assert read_manifest(path) == old
    assert write(path, resume=True).sha256 == whole.sha256


def test_a_partial_of_another_folder_is_continued_where_it_was_moved(tmp_path, whole):
    interrupt(tmp_path / "a.beton", 20)
    (tmp_path / "moved").mkdir()
    for path in (partial_path(tmp_path / "a.beton"), journal_path(tmp_path / "a.beton")):
        shutil.move(path, tmp_path / "moved" / path.name)
    assert write(tmp_path / "moved" / "a.beton", resume=True).sha256 == whole.sha256
