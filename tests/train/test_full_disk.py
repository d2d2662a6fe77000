"""A disk that fills up ends a run by name, keeps its last checkpoint, and the run goes on once there is room."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from run_comparison import assert_same_run

from layermix.errors import InputError
from models import load_checkpoint
from train import Outcome


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """As a full disk does it, the write beyond fails: with EFBIG in place of ENOSPC."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [10_000, 100_000])
def test_a_checkpoint_without_room_is_named_and_the_one_before_it_continues(train, tmp_path, size):
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert train(whole) is Outcome.FINISHED
    train(folder, max_steps=2)
    with (
        no_file_longer_than(size),
        pytest.raises(InputError, match=r"(step-\d+\.pt|log\.jsonl).*: cannot be written \(File too large\)"),
    ):
        train(folder, checkpoint_minutes=1e-9)
    assert load_checkpoint(folder).step == 2
    assert not list(folder.rglob("*.partial"))
    assert train(folder) is Outcome.FINISHED
    assert_same_run(folder, whole)


def test_a_log_without_room_is_named_and_what_was_written_of_a_record_is_cut(train, tmp_path):
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert train(whole) is Outcome.FINISHED
    train(folder, max_steps=3)
    log = folder / "log.jsonl"

    def fill_up(batch: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 10, resource.RLIM_INFINITY))

    with (
        no_file_longer_than(2**30),
        pytest.raises(InputError, match=r"log\.jsonl: cannot be written \(File too large\); free space"),
    ):
        train(folder, before_batch=fill_up)
    assert not log.read_bytes().endswith(b"\n")
    assert train(folder) is Outcome.FINISHED
    assert_same_run(folder, whole)
