"""What two runs have in common, compared bit by bit."""

import json
from pathlib import Path
from typing import Any

import torch

from models import load_checkpoint
from train.record import TIME_FIELDS


def log(folder: Path) -> list[dict]:
    """The log of a run without the times, which differ."""
    records = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in record.items() if key not in TIME_FIELDS} for record in records]


def assert_equal(left: Any, right: Any) -> None:
    """Nested values with tensors, equal to the bit."""
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right)
    elif isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            assert_equal(left[key], right[key])
    elif isinstance(left, list):
        assert len(left) == len(right)
        for a, b in zip(left, right):
            assert_equal(a, b)
    else:
        assert left == right


def assert_same_run(left: Path, right: Path) -> None:
    """Weights, optimizer, scaler, generators of every rank, position of the loader, losses, best error and log."""
    a, b = load_checkpoint(left), load_checkpoint(right)
    assert (a.step, a.epoch) == (b.step, b.epoch)
    assert_equal(a.weights, b.weights)
    assert_equal({**a.training, "log_bytes": 0}, {**b.training, "log_bytes": 0})
    assert log(left) == log(right)
