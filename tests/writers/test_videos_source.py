"""ImageNet-P's videos: every frame a picture, a bad video left out whole."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from video_files import moving_picture, mp4

from layermix.errors import InputError, run_program
from layermix.manifest import read_manifest
from pipelines import LoaderConfig, build_loader
from writers.sources import videos
from writers.sources.folder import FolderSource
from writers.sources.videos import VideoSource
from writers.write_dataset import main

FRAMES = 5
SEQUENCES = [moving_picture(FRAMES, 32, 48, n) for n in range(6)]
FILES = [mp4(sequence) for sequence in SEQUENCES]


@pytest.fixture
def tilt(tmp_path):
    """Six videos in two class folders."""
    root = tmp_path / "tilt"
    for n, content in enumerate(FILES):
        path = root / f"n0{n // 3}" / f"{n}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def open_videos(root):
    return VideoSource(FolderSource(root))


def test_frames_are_read_video_by_video(tilt):
    source = open_videos(tilt)
    assert (source.frames, len(source), source.classes) == (5, 30, ("n00", "n01"))
    for index in range(30):
        sample = source.read(index)
        shown = SEQUENCES[index // 5][index % 5]
        assert np.abs(sample.image.astype(int) - shown).mean() < 3
        assert (sample.label, sample.name) == (
            index // 15,
            f"{tilt}/n0{index // 15}/{index // 5}.mp4 frame {index % 5}",
        )


def test_threads_that_read_in_any_order_get_the_same_frames_and_decode_a_video_once(tilt, monkeypatch):
    source, decoded, lock, decode = open_videos(tilt), [], threading.Lock(), videos.decode_video

    def counted(video):
        with lock:
            decoded.append(video.name)
        return decode(video)

    expected = [source.read(index).image for index in range(30)]
    source = open_videos(tilt)
    monkeypatch.setattr(videos, "decode_video", counted)
    order = np.random.default_rng(0).permutation(30).tolist()
    with ThreadPoolExecutor(4) as pool:
        found = dict(zip(order, pool.map(source.read, order)))
    assert all(np.array_equal(found[index].image, expected[index]) for index in range(30))
    assert sorted(decoded) == sorted({sample.name.split(" frame")[0] for sample in found.values()})


def test_they_are_written_with_their_number_of_frames_and_loaded(tilt, tmp_path):
    out = tmp_path / "tilt.beton"
    assert run_program(main, ["--source", "videos", "--root", str(tilt), "--raw", "--out", str(out)]) == 0
    manifest = read_manifest(out)
    assert (manifest.count, manifest.options["frames"], manifest.source["name"]) == (30, 5, "videos")
    with build_loader(LoaderConfig(data=out, batch_size=5, size=32, crop="center")) as loader:
        batches = [batch.images.clone() for batch in loader]
    source = open_videos(tilt)
    assert all(
        np.array_equal(batch[frame].permute(1, 2, 0), source.read(5 * n + frame).image[:, 8:40])
        for n, batch in enumerate(batches)
        for frame in range(5)
    )


def broken(kind):
    """A file in place of the third video, n00/2.mp4."""
    content = FILES[2]
    flipped = bytearray(content)
    for at in range(content.index(b"mdat") + 200, content.index(b"moov"), 97):
        flipped[at] ^= 255
    return {
        "cut": content[: len(content) // 2],
        "empty": b"",
        "text": b"no video",
        "damaged": bytes(flipped),
        "short": mp4(SEQUENCES[2][:3]),
        "long": mp4(moving_picture(6, 32, 48)),
    }[kind]


@pytest.mark.parametrize("kind", ["cut", "empty", "text", "damaged", "short", "long"])
def test_a_bad_video_is_named_and_left_out_whole(kind, tilt, tmp_path, capsys):
    victim, out = tilt / "n00" / "2.mp4", tmp_path / "tilt.beton"
    victim.write_bytes(broken(kind))
    flags = ["--source", "videos", "--root", str(tilt), "--raw", "--out", str(out)]
    assert run_program(main, flags) == 2
    error = capsys.readouterr().err
    assert f"{victim}: " in error
    assert error.count("\n") == 1
    assert run_program(main, [*flags, "--overwrite", "--on-bad", "skip"]) == 0
    manifest = read_manifest(out)
    assert (manifest.count, manifest.skipped, manifest.class_counts) == (25, 5, (10, 15))


def test_a_folder_without_a_sound_video_is_refused(tilt):
    for path in tilt.rglob("*.mp4"):
        path.write_bytes(b"no video")
    with pytest.raises(InputError, match=r"0\.mp4: cannot be decoded as a video|4\.mp4: cannot be decoded as a video"):
        open_videos(tilt)


def test_a_video_of_too_many_pixels_is_refused(tilt, monkeypatch):
    monkeypatch.setattr(videos, "MAX_PIXELS", 3 * 32 * 48)
    with pytest.raises(InputError, match=r"frame 3 more than 4608 pixels"):
        open_videos(tilt)
