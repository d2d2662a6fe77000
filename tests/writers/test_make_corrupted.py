"""The command that makes corrupted sets: released layouts, equal bytes however they are made, kills and bad input."""

import fcntl
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from picture_files import jpeg, smooth_picture
from PIL import Image

from layermix.errors import InputError, run_program
from writers.corrupted.arrays import ArrayLayout
from writers.corrupted.make import make_set
from writers.corrupted.reading import read_small, shrunk
from writers.corrupted.unfinished import UnfinishedSet
from writers.corruptions import CORRUPTIONS, SEVERITIES, corrupt, perturb
from writers.make_corrupted import main
from writers.ranks import Rank
from writers.sources.digits import DigitsSource

SMALL = ["--source", "digits", "--limit", "12", "--workers", "1"]
NAMES = ["--names", "contrast", "gaussian_noise"]


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


@pytest.fixture(scope="module")
def clean_digits():
    source = DigitsSource("test")
    return np.stack([source.read(index).image for index in range(12)])


def tree(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder, by relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_cifar_c_is_severity_major_with_labels(make, tmp_path, clean_digits):
    assert make("--benchmark", "cifar-c", *SMALL, *NAMES) == 0
    folder = tmp_path / "set"
    assert sorted(path.name for path in folder.iterdir()) == [
        "contrast.npy",
        "gaussian_noise.npy",
        "labels.npy",
        "made_by.json",
    ]
    noise, labels = np.load(folder / "gaussian_noise.npy"), np.load(folder / "labels.npy")
    assert noise.dtype == labels.dtype == np.uint8
    assert noise.shape == (60, *clean_digits.shape[1:])
    for severity in SEVERITIES:
        rows = slice((severity - 1) * 12, severity * 12)
        expected = corrupt(clean_digits, "gaussian_noise", severity, 0, np.arange(12), "cifar-c")
        np.testing.assert_array_equal(noise[rows], expected)
    source = DigitsSource("test")
    np.testing.assert_array_equal(labels, [source.read(index).label for index in range(12)] * 5)


def test_all_that_the_benchmark_averages_over_is_made_if_no_names_are_given(make, tmp_path):
    assert make("--benchmark", "cifar-c", "--source", "digits", "--limit", "1", "--workers", "1") == 0
    assert {path.stem for path in (tmp_path / "set").glob("*.npy")} == {*CORRUPTIONS, "labels"}


def test_cifar_p_has_a_sequence_a_picture(make, tmp_path, clean_digits):
    assert make("--benchmark", "cifar-p", *SMALL, "--names", "translate") == 0
    frames = np.load(tmp_path / "set" / "translate.npy")
    np.testing.assert_array_equal(frames, perturb(clean_digits, "translate", 0, np.arange(12)))
    assert len(np.load(tmp_path / "set" / "labels.npy")) == 12


def test_the_record_says_regenerated_and_what_the_set_is(make, tmp_path):
    assert make("--benchmark", "cifar-cbar", *SMALL, "--names", "lines", "--seed", 7) == 0
    record = json.loads((tmp_path / "set" / "made_by.json").read_text())
    assert record["regenerated"] is True
    assert (record["benchmark"], record["names"], record["seed"]) == ("cifar-cbar", ["lines"], 7)
    assert record["source"]["taken"] == record["pictures"] == 12
    assert record["skipped"] == 0
    digest = hashlib.sha256((tmp_path / "set" / "lines.npy").read_bytes()).hexdigest()
    assert record["sha256"]["lines"] == digest


def middle(path: Path) -> np.ndarray:
    image = shrunk(np.asarray(Image.open(path).convert("RGB")))
    top, left = (round((side - 224) / 2) for side in image.shape[:2])
    return image[top : top + 224, left : left + 224]


def test_imagenet_c_is_jpegs_of_224_px_in_the_folders_of_the_released_set(make, tmp_path, class_folders):
    arguments = ("--benchmark", "imagenet-c", "--source", "folder", "--root", class_folders, "--workers", "1")
    assert make(*arguments, "--names", "contrast") == 0
    files = sorted(path.relative_to(tmp_path / "set") for path in (tmp_path / "set").rglob("*.JPEG"))
    pictures = ("n01/a.JPEG", "n01/b.JPEG", "n02/a.JPEG", "n02/c.png.JPEG")
    assert files == [Path("contrast", str(severity), name) for severity in SEVERITIES for name in pictures]
    for sample_id, name in ((0, "n01/a.JPEG"), (2, "n02/a.JPEG")):
        expected = corrupt(middle(class_folders / name)[None], "contrast", 4, 0, [sample_id], "imagenet-c")[0]
        with Image.open(tmp_path / "set" / "contrast" / "4" / name) as found:
            assert found.quantization == Image.open(quality_85()).quantization
            assert np.abs(np.asarray(found).astype(int) - expected).mean() < 1.5


def quality_85():
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG", quality=85)
    return buffer


def test_imagenet_p_is_videos_of_the_frames(make, tmp_path, class_folders):
    arguments = ("--benchmark", "imagenet-p", "--source", "folder", "--root", class_folders, "--workers", "1")
    assert make(*arguments, "--names", "translate", "--limit", 1) == 0
    (path,) = (tmp_path / "set").rglob("*.mp4")
    assert path.relative_to(tmp_path / "set") == Path("translate", "n01", "a.mp4")
    with av.open(str(path)) as container:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    image = shrunk(np.asarray(Image.open(class_folders / "n01" / "a.JPEG")))
    (expected,) = perturb([image], "translate", 0, [0], "imagenet-p")
    assert frames.shape == expected.shape == (41, 224, 224, 3)
    assert np.abs(frames.astype(int) - expected).mean() < 2


def test_bytes_do_not_depend_on_workers_or_other_names(make, tmp_path, class_folders):
    arguments = ("--benchmark", "imagenet-cbar", "--source", "folder", "--root", class_folders)
    assert make(*arguments, "--names", "sparkles", "blue_noise_sample", "--workers", "1", out="one") == 0
    assert make(*arguments, "--names", "blue_noise_sample", "--workers", "2", out="two") == 0
    one, two = tree(tmp_path / "one" / "blue_noise_sample"), tree(tmp_path / "two" / "blue_noise_sample")
    assert one == two
    assert len(one) == 20


def test_a_data_set_is_a_source_like_the_folder_it_came_from(make, tmp_path, clean_digits):
    from writers.write_dataset import main as write

    data = tmp_path / "digits.beton"
    assert write(["--source", "digits", "--split", "test", "--out", str(data)]) == 0
    arguments = ("--benchmark", "cifar-c", "--source", "dataset", "--root", data, "--limit", 12, "--workers", 1)
    assert make(*arguments, "--names", "contrast", out="stored") == 0
    assert make("--benchmark", "cifar-c", *SMALL, "--names", "contrast", out="direct") == 0
    stored, direct = tree(tmp_path / "stored"), tree(tmp_path / "direct")
    assert stored["contrast.npy"] == direct["contrast.npy"]
    assert stored["labels.npy"] == direct["labels.npy"]


@pytest.fixture
def folders_with_a_bad_picture(class_folders, tmp_path):
    root = tmp_path / "bad"
    for path in class_folders.rglob("*.*"):
        (root / path.parent.name).mkdir(parents=True, exist_ok=True)
        (root / path.parent.name / path.name).write_bytes(path.read_bytes())
    (root / "n01" / "a2.JPEG").write_bytes(jpeg(smooth_picture(300, 300))[:-900])
    return root


def test_a_bad_picture_ends_the_run_and_is_named(make, tmp_path, folders_with_a_bad_picture, capsys):
    arguments = ("--benchmark", "imagenet-c", "--source", "folder", "--root", folders_with_a_bad_picture)
    assert make(*arguments, *NAMES, "--workers", "2") == 2
    assert "a2.JPEG: cannot be decoded" in capsys.readouterr().err
    assert not (tmp_path / "set").exists()


def test_quarantine_leaves_a_bad_picture_out_of_every_severity_and_lists_it(
    make, tmp_path, folders_with_a_bad_picture, capsys
):
    arguments = ("--benchmark", "imagenet-c", "--source", "folder", "--root", folders_with_a_bad_picture)
    assert make(*arguments, "--names", "contrast", "--workers", "1", "--on-bad", "quarantine") == 0
    for severity in SEVERITIES:
        found = sorted(path.name for path in (tmp_path / "set" / "contrast" / str(severity) / "n01").iterdir())
        assert found == ["a.JPEG", "b.JPEG"]
    (line,) = (tmp_path / "set.quarantine.jsonl").read_text().splitlines()
    assert json.loads(line)["path"].endswith("a2.JPEG")
    assert json.loads((tmp_path / "set" / "made_by.json").read_text())["skipped"] == 1
    assert "1 bad pictures left out" in capsys.readouterr().out


def test_sample_ids_stay_those_of_the_source_when_a_picture_is_left_out(make, tmp_path, folders_with_a_bad_picture):
    arguments = ("--benchmark", "imagenet-c", "--source", "folder", "--root", folders_with_a_bad_picture)
    assert make(*arguments, "--names", "fog", "--workers", "1", "--on-bad", "skip") == 0
    clean = middle(folders_with_a_bad_picture / "n01" / "b.jpg")[None]
    right, wrong = (corrupt(clean, "fog", 5, 0, [sample_id], "imagenet-c")[0].astype(int) for sample_id in (2, 1))
    with Image.open(tmp_path / "set" / "fog" / "5" / "n01" / "b.JPEG") as found:
        assert np.abs(np.asarray(found) - right).mean() < 0.1 * np.abs(wrong - right).mean()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--limit", "0"], "--limit must be >= 1"),
        (["--seed", "-1"], "--seed must be in"),
        (["--names", "fgo"], "--names 'fgo' is not in cifar-c"),
        (["--resume", "--overwrite"], "give one of them"),
        (["--patience", "0"], "--patience must be > 0"),
        (["--root", "x"], "--root means nothing to --source digits"),
    ],
)
def test_mistakes_are_refused_before_anything_is_written(make, tmp_path, arguments, message, capsys):
    assert make("--benchmark", "cifar-c", "--source", "digits", *arguments) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_stands_there_is_replaced_only_on_request_and_only_if_it_was_made_here(make, tmp_path, capsys):
    arguments = ("--benchmark", "cifar-c", *SMALL, "--names", "contrast")
    assert make(*arguments) == 0
    before = tree(tmp_path / "set")
    assert make(*arguments) == 2
    assert "exists; choose another folder" in capsys.readouterr().err
    assert make(*arguments, "--overwrite", "--seed", 1, "--names", "impulse_noise") == 0
    assert "contrast.npy" not in tree(tmp_path / "set")
    assert before != tree(tmp_path / "set")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not lose")
    assert make(*arguments, "--overwrite", out="mine") == 2
    assert "was not made by this program" in capsys.readouterr().err
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_an_interrupted_run_is_continued_only_by_its_like(make, tmp_path, folders_with_a_bad_picture, capsys):
    arguments = ("--benchmark", "imagenet-c", "--source", "folder", "--root", folders_with_a_bad_picture)
    assert make(*arguments, "--names", "contrast", "--workers", 1) == 2
    assert make(*arguments, "--names", "contrast", "--workers", 1) == 2
    assert "an interrupted run; add --resume" in capsys.readouterr().err
    assert make(*arguments, "--names", "contrast", "--workers", 1, "--resume", "--seed", 3) == 2
    assert "it has seed 0, this run has 3" in capsys.readouterr().err


class Interrupted:
    """A layout that notes the units it is asked to make, and raises at one of them."""

    def __init__(self, layout: ArrayLayout, at: int | None) -> None:
        self._layout, self._at = layout, at
        self.asked: list[int] = []

    def __getattr__(self, name: str):
        return getattr(self._layout, name)

    def make(self, folder: Path, unit: int):
        if unit == self._at:
            raise InputError("the plug is pulled")
        self.asked.append(unit)
        return self._layout.make(folder, unit)


def test_units_that_are_done_are_not_made_again_and_a_torn_line_of_the_journal_counts_for_nothing(tmp_path):
    pictures = read_small(DigitsSource("test"), 12, 1, "fail")
    layout = ArrayLayout(benchmark="cifar-c", names=("fog", "contrast"), seed=0, pictures=pictures)

    def run(out: str, at: int | None, resume: bool) -> list[int]:
        interrupted = Interrupted(layout, at)
        with UnfinishedSet(tmp_path / out, 0, {"seed": 0}, resume=resume, overwrite=False) as unfinished:
            make_set(
                interrupted, unfinished, Rank(), workers=1, patience=1, quarantine=False, advance=lambda count: None
            )
        return interrupted.asked

    assert run("whole", None, resume=False) == list(range(10))
    with pytest.raises(InputError, match="the plug is pulled"):
        run("set", 6, resume=False)
    with (tmp_path / "set.partial" / ".journal-00000").open("ab") as journal:
        journal.write(b"[8, 12")
    assert run("set", None, resume=True) == [6, 7, 8, 9]
    assert tree(tmp_path / "set") == tree(tmp_path / "whole")


def test_resuming_what_is_finished_does_nothing(make, tmp_path, capsys):
    arguments = ("--benchmark", "cifar-c", *SMALL, "--names", "contrast", "--resume")
    assert make(*arguments) == 0
    stamp = (tmp_path / "set" / "contrast.npy").stat().st_mtime_ns
    assert make(*arguments) == 0
    assert "is finished already" in capsys.readouterr().out
    assert (tmp_path / "set" / "contrast.npy").stat().st_mtime_ns == stamp


def command(*arguments) -> list[str]:
    return [sys.executable, "-m", "writers.make_corrupted", *map(str, arguments)]


def test_a_killed_run_leaves_no_set_and_no_worker_and_goes_on_to_the_same_bytes(make, tmp_path, class_folders):
    common = ("--benchmark", "imagenet-cbar", "--source", "folder", "--root", class_folders)
    common += ("--names", "caustic_refraction", "sparkles")
    assert make(*common, "--workers", 1, out="whole") == 0
    run = command(*common, "--workers", 2, "--resume", "--out", tmp_path / "killed")
    process = subprocess.Popen(run, start_new_session=True, stderr=subprocess.DEVNULL)
    partial = tmp_path / "killed.partial"
    while process.poll() is None and not list(partial.rglob("*.JPEG")):
        time.sleep(0.01)
    process.kill()
    process.wait()
    while alive(process.pid):  # the workers end by themselves
        time.sleep(0.05)
    assert not (tmp_path / "killed").exists()
    assert subprocess.run(run, stderr=subprocess.DEVNULL).returncode == 0
    assert tree(tmp_path / "killed" / "sparkles") == tree(tmp_path / "whole" / "sparkles")
    assert tree(tmp_path / "killed" / "caustic_refraction") == tree(tmp_path / "whole" / "caustic_refraction")
    assert not partial.exists()


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_ranks_share_the_work_and_make_the_same_set(make, tmp_path, monkeypatch):
    common = ("--benchmark", "cifar-c", *SMALL, "--names", "contrast", "brightness", "fog")
    assert make(*common, out="alone") == 0
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, finished in (("1", False), ("0", True)):  # rank 0 would wait for rank 1, so it comes last
        monkeypatch.setenv("RANK", rank)
        assert make(*common, "--resume", out="shared") == 0
        assert (tmp_path / "shared").exists() == finished
    assert tree(tmp_path / "shared") == tree(tmp_path / "alone")


def test_rank_0_names_a_rank_that_gives_no_sign(make, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    assert make("--benchmark", "cifar-c", *SMALL, *NAMES, "--patience", "0.3") == 2
    assert "rank 1 gave no sign for 0.3 s" in capsys.readouterr().err


def test_a_second_run_on_one_folder_is_refused(make, tmp_path, capsys):
    partial = tmp_path / "set.partial"
    partial.mkdir()
    with (partial / ".journal-00000").open("ab") as journal:
        fcntl.flock(journal, fcntl.LOCK_EX)
        for flag in ("--resume", "--overwrite"):
            assert make("--benchmark", "cifar-c", *SMALL, *NAMES, flag) == 2
            assert "another process is making it" in capsys.readouterr().err
            assert partial.exists()


@pytest.mark.chaos
def test_ctrl_c_ends_the_run_and_its_workers(tmp_path, class_folders):
    common = ("--benchmark", "imagenet-cbar", "--source", "folder", "--root", class_folders)
    run = command(*common, "--workers", 2, "--out", tmp_path / "set")
    process = subprocess.Popen(run, start_new_session=True, stderr=subprocess.PIPE)
    while process.poll() is None and not list((tmp_path / "set.partial").rglob("*.JPEG")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in errors
    while alive(process.pid):
        time.sleep(0.05)
