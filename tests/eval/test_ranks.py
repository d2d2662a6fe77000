"""Ranks over gloo: equal to the last digit at any world size, each sample once, and after any kill."""

import os
import signal
import socket
from dataclasses import replace

import forked
import numpy as np
import pytest
import torch

from eval import shards
from eval.network import Arithmetic
from eval.ranks import Ranks, joined_ranks
from eval.record import measure
from eval.runner import Run, collect_predictions
from eval.store import StoredPredictions
from eval.suites.clean import Clean
from eval.suites.corruptions import CorruptedCell, Corruptions
from eval.suites.protocol import Cell
from layermix.errors import InputError

from .conftest import BrightnessClassifier, FakePictures, make_subject

COUNT, BATCH = 53, 4
SUITES = (Clean(), Corruptions(benchmark="cifar-c", corruptions=("contrast",)))


def cells() -> list[Cell]:
    pictures = FakePictures(COUNT)
    contrast = {"benchmark": "cifar-c", "corruption": "contrast", "seed": 0}
    corrupted = [
        CorruptedCell(key=f"c/contrast/{level}", severity=level, pictures=pictures, **contrast) for level in range(1, 6)
    ]
    return [Cell(pictures=pictures), *corrupted]


class Dying(BrightnessClassifier):
    """A classifier whose process is killed in a forward pass."""

    def __init__(self, after: int):
        super().__init__()
        self.left = after

    def forward(self, images):
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(images)


def evaluate(store, ranks: Ranks = Ranks(), classifier=None) -> dict[str, StoredPredictions]:  # noqa: B008
    run = Run(store=store, arithmetic=Arithmetic(device=torch.device("cpu")), batch_size=BATCH, threads=1, ranks=ranks)
    found, problems = collect_predictions([make_subject(classifier=classifier)], cells(), run)
    assert not problems
    return found


def run_ranks(world_size: int, store) -> list[int]:
    """Exit codes of an evaluation by `world_size` forked processes that share a store."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def rank(number: int) -> None:
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": world_size, "RANK": number}
        os.environ.update({name: str(value) for name, value in place.items()})
        torch.set_num_threads(1)
        with joined_ranks() as ranks:
            assert ranks.size == world_size
            evaluate(store, ranks)

    children = [forked.start(lambda number=number: rank(number)) for number in range(world_size)]
    return [forked.wait(child, 120) for child in children]


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> StoredPredictions:
    """The predictions of one process."""
    return evaluate(tmp_path_factory.mktemp("alone"))["model"]


def assert_equal_to_the_last_bit(store, alone: StoredPredictions) -> None:
    found = evaluate(store)["model"]
    assert list(found) == list(alone)
    for key in alone:
        np.testing.assert_array_equal(found[key].logits, alone[key].logits)
        np.testing.assert_array_equal(found[key].labels, alone[key].labels)
    assert measure(SUITES, found) == measure(SUITES, alone)


@pytest.mark.parametrize("world_size", [2, 3])
def test_logits_and_numbers_are_equal_to_the_last_bit_at_any_world_size(world_size, tmp_path, alone):
    assert run_ranks(world_size, tmp_path) == [0] * world_size
    shards_of = [path.name for path in next(tmp_path.glob("*/*/")).glob("*.npz")]
    assert len(shards_of) == world_size
    assert_equal_to_the_last_bit(tmp_path, alone)


@pytest.mark.parametrize("after", [0, 9, 40, 83])
def test_a_killed_run_continues_to_the_same_numbers_and_loses_at_most_a_shard(after, tmp_path, alone, monkeypatch):
    monkeypatch.setattr(shards, "ROWS", 2 * BATCH)  # every second batch is a shard
    batches = len(cells()) * -(-COUNT // BATCH)

    def killed() -> None:
        torch.set_num_threads(1)
        evaluate(tmp_path, classifier=Dying(after))

    assert forked.wait(forked.start(killed)) == -signal.SIGKILL
    again = BrightnessClassifier()
    evaluate(tmp_path, classifier=again)
    assert len(again.shown) <= batches - after + 3  # a shard of two batches, and the one that was on its way
    assert_equal_to_the_last_bit(tmp_path, alone)


@pytest.mark.parametrize("after", [0, 1, 40])
def test_of_a_cell_whose_batches_take_long_a_kill_loses_only_the_batch_at_work(after, tmp_path, alone, monkeypatch):
    monkeypatch.setattr(shards, "SECONDS", 0.0)

    def killed() -> None:
        torch.set_num_threads(1)
        evaluate(tmp_path, classifier=Dying(after))

    assert forked.wait(forked.start(killed)) == -signal.SIGKILL
    again = BrightnessClassifier()
    evaluate(tmp_path, classifier=again)
    assert len(again.shown) == len(cells()) * -(-COUNT // BATCH) - after
    assert_equal_to_the_last_bit(tmp_path, alone)


@pytest.mark.parametrize("world_size", range(1, 9))
def test_every_batch_has_one_rank_and_shares_differ_by_one_at_most(world_size):
    numbers = [3, 4, 7, 8, 9, 20, 21, 22, 23, 30, 31]
    parts = [Ranks(number=rank, size=world_size).share(numbers) for rank in range(world_size)]
    assert [number for part in parts for number in part] == numbers
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


class Differing(Ranks):
    """Two ranks, of which the other one sees other pictures."""

    def gather(self, value):
        return [value, dict.fromkeys(value, "0" * 64)]


def test_ranks_that_see_other_pictures_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"rank 1 sees another \(.*\); give all ranks the same files and flags"):
        evaluate(tmp_path, Differing())


def test_without_torchrun_there_is_one_process(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined_ranks() as ranks:
        assert ranks == replace(Ranks(), number=0, size=1)
