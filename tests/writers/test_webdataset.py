"""The tar and its index, by Python's tarfile and by DALI's own tool."""

import io
import subprocess
import sys
import tarfile

import pytest
from picture_files import ListSource, jpeg, smooth_picture

from writers.dataset import write_file
from writers.formats import webdataset
from writers.formats.layouts import ImageLayout
from writers.options import StoreOptions


@pytest.fixture
def path(tmp_path):
    images = [jpeg(smooth_picture(70, 80, n)) for n in range(3)] + [smooth_picture(9, 9)] * 9
    path, source = tmp_path / "a.tar", ListSource(images, tuple("abcdefghijkl"))
    write_file(source, path, ImageLayout(StoreOptions(), "webdataset"), options={})
    return path


def test_members_are_plain_files_without_owner_or_time(path):
    with tarfile.open(path) as tar:
        members = tar.getmembers()
    assert [member.name for member in members[-3:]] == ["000000011.png", "000000011.cls", "000000011.id"]
    assert all(member.isreg() and not member.pax_headers for member in members)
    assert {(m.mode, m.uid, m.gid, m.mtime, m.uname, m.gname) for m in members} == {(0o644, 0, 0, 0, "", "")}


def test_the_bytes_are_those_of_tarfile(path):
    again = io.BytesIO()
    with tarfile.open(path) as tar, tarfile.open(fileobj=again, mode="w", format=tarfile.USTAR_FORMAT) as copy:
        for member in tar:
            copy.addfile(member, tar.extractfile(member))
    content = path.read_bytes()
    assert len(content) % 512 == 0
    assert again.getvalue()[: len(content)] == content


def test_the_index_is_that_of_wds2idx(path, tmp_path):
    subprocess.run([sys.executable, "-m", "wds2idx", path, tmp_path / "b.idx"], check=True, capture_output=True)
    assert (tmp_path / "a.tar.idx").read_bytes() == (tmp_path / "b.idx").read_bytes()


def test_ids_longer_than_nine_digits_and_large_sizes_have_headers():
    header = webdataset._header(f"{10**12}.jpg", webdataset._LARGEST)
    info = tarfile.TarInfo.frombuf(header, "ascii", "strict")
    assert (info.name, info.size) == (f"{10**12}.jpg", 8 * 2**30 - 1)
