"""Corrupted sets whose making is interrupted, killed, or shared by ranks."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from corrupted_sets import NAMES, SMALL, tree

from layermix.errors import InputError
from writers.corrupted.arrays import ArrayLayout
from writers.corrupted.make import make_set
from writers.corrupted.reading import read_small
from writers.corrupted.unfinished import UnfinishedSet
from writers.ranks import Rank
from writers.sources.digits import DigitsSource


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
