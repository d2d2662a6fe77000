"""What a plan reckons with: bytes that can be counted by hand, and numbers of steps and tests."""

from dataclasses import replace

import pytest
import torch

from pipelines import Batch
from train.plan import Plan, activation_bytes
from train.state import initial_state
from train.step import TrainStep


def a_plan(**changes) -> Plan:
    settings = {
        "steps_per_epoch": 100,
        "epochs": 9,
        "batch_size": 128,
        "ranks": 2,
        "test_images": 1000,
        "tests": 3,
        "state_bytes": 2**30,
        "activation_bytes": 2**30,
        "batch_bytes": 2**20,
        "peak_bytes": None,
        "seconds_per_step": 4.0,
        "wait_share": 0.25,
        "size_factor": 1.0,
        "seconds_per_test": 60.0,
    }
    return Plan(**{**settings, **changes})


def test_a_plan_is_told_in_figures_that_add_up():
    lines = a_plan().describe().splitlines()
    assert lines[0] == "steps    900: 9 epochs of 100"
    assert "115,200 training pictures in batches of 128 over 2 rank(s); 3 tests of 1,000" in lines[1]
    assert "2.00 GiB a rank, estimated: state 1.00 GiB, activations 1.00 GiB, batches ahead 1.0 MiB" in lines[2]
    assert "32.0 img/s at the full size, measured here on 5 steps; 25% of it waiting" in lines[3]
    assert "1 h 3 min at that rate: training 1 h 0 min, tests 3 min" in lines[4]


def test_smaller_pictures_and_a_measured_peak_change_the_plan():
    text = a_plan(size_factor=0.5, peak_bytes=3 * 2**30).describe()
    assert "training 30 min" in text
    assert "torch's peak in the timed steps: 3.00 GiB" in text


@pytest.mark.parametrize("batch", [2, 4])
def test_activations_are_counted_once_each_and_grow_with_the_batch(tiny_config, batch):
    state = initial_state(replace(tiny_config(), model=replace(tiny_config().model, dropout=0.0)))
    state.model.network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 5), torch.nn.ReLU())
    state.forward = state.model
    pixels, labels = torch.zeros(batch, 3, 4, 4, dtype=torch.uint8), torch.zeros(batch, dtype=torch.int64)
    step = TrainStep(tiny_config(), lambda step: 0.1)
    counted = activation_bytes(state, step, Batch(pixels, labels, labels, labels == 0))
    # Input of the layer (48 float32), output of ReLU and log-probabilities (5 each), label and one weight of the mean.
    assert counted == batch * 4 * (48 + 5 + 5) + batch * 8 + 4
