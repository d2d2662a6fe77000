"""SIGKILL at random moments of a write: never a partial file that is accepted, always the same bytes in the end."""

import os
import signal
import time

import forked
import numpy as np
import pytest
from picture_files import ListSource, jpeg, smooth_picture

from layermix.errors import InputError
from layermix.manifest import read_manifest
from writers import unfinished
from writers.dataset import write_file
from writers.formats.layouts import FractalLayout, ImageLayout
from writers.options import StoreOptions

PICTURES = [smooth_picture(20 + n % 9, 30, n) for n in range(120)]
FILES = [jpeg(smooth_picture(70 + n % 9, 80, n)) if n % 17 else b"bad" for n in range(40)]
GRAY = [picture[..., 0] for picture in PICTURES]
RAW = StoreOptions(mode="raw")
KINDS = {
    "raw": (PICTURES, ("a", "b"), lambda: ImageLayout(RAW), "fail"),
    "jpeg": (FILES, ("a", "b"), lambda: ImageLayout(StoreOptions()), "quarantine"),
    "bank": (GRAY, ("fractal",), lambda: FractalLayout(RAW, 1), "fail"),
    "webdataset": (FILES, ("a", "b"), lambda: ImageLayout(StoreOptions(), "webdataset"), "quarantine"),
    "tfrecord": (PICTURES, ("a", "b"), lambda: ImageLayout(StoreOptions(), "tfrecord"), "fail"),
    "recordio bank": (GRAY, ("fractal",), lambda: FractalLayout(RAW, 1, "recordio"), "fail"),
}
BESIDE = (".idx", ".table", ".hashes", ".jsonl")

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


def write(kind, path, **flags):
    images, classes, layout, on_bad = KINDS[kind]
    source = ListSource(images, classes)
    return write_file(source, path, layout(), options={}, on_bad=on_bad, threads=2, **flags)


def killed_after(seconds, kind, path, **flags):
    """Whether a write in a process of its own was killed `seconds` after it had begun."""
    child = forked.start(lambda: write(kind, path, **flags))
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return forked.wait(child) == -signal.SIGKILL


@pytest.mark.parametrize("trials", [2, pytest.param(34, marks=pytest.mark.chaos)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_write_is_never_accepted_and_resumes_to_the_same_bytes(tmp_path, kind, trials, monkeypatch, count):
    monkeypatch.setattr(unfinished, "SECONDS_BETWEEN_BLOCKS", 0.0)
    whole = tmp_path / "whole.beton"
    start = time.monotonic()
    assert forked.wait(forked.start(lambda: write(kind, whole))) == 0
    duration, random = time.monotonic() - start, np.random.default_rng(len(kind))
    expected, landed, trial = read_manifest(whole).sha256, 0, 0
    while landed < trials:
        trial += 1
        path = tmp_path / f"{trial}.beton"
        if not killed_after(random.uniform(0, duration), kind, path):
            duration *= 0.9  # the write had ended: aim earlier
            count(f"SIGKILL {kind}", "ended before the kill, not counted as a trial")
            continue
        duration, landed = duration * 1.03, landed + 1
        assert_not_accepted_unless_whole(path, expected)
        if killed_after(random.uniform(0, duration), kind, path, resume=True):
            count(f"SIGKILL {kind}", "killed again while resuming")
        assert write(kind, path, resume=True).sha256 == expected
        assert path.read_bytes() == whole.read_bytes()
        assert beside(path) == beside(whole)
        assert not [left for left in tmp_path.glob(f"{trial}.beton*") if left.suffix in (".partial", ".journal")]
        count(f"SIGKILL {kind}", "killed, then resumed to the same bytes")


def beside(path):
    """The files beside `path`, by what is added to its name."""
    found = [file for file in path.parent.glob(f"{path.name}.*") if file.suffix in BESIDE]
    return {file.name.removeprefix(path.name): file.read_bytes() for file in found}


def assert_not_accepted_unless_whole(path, expected):
    try:
        manifest = read_manifest(path)
    except InputError:
        return
    assert manifest.sha256 == expected
