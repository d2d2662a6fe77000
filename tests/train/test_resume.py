"""A run that is stopped anywhere and continued is the run that was not stopped."""

import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from run_comparison import assert_same_run, log

from layermix.errors import InputError
from models import ModelConfig, load_checkpoint
from pipelines import Batch
from train import Outcome
from train.checkpointing import Checkpointer, Position
from train.precision import Precision
from train.run import train_model
from train.state import initial_state
from train.step import TrainStep

STEPS = range(1, 7)


@pytest.fixture
def whole(train, tmp_path) -> Path:
    """The run folder of a run that nothing stopped."""
    folder = tmp_path / "whole"
    assert train(folder) is Outcome.FINISHED
    return folder


@pytest.mark.parametrize("step", STEPS)
def test_a_run_paused_by_max_steps_continues_bit_identically(train, whole, tmp_path, step):
    folder = tmp_path / "paused"
    outcome = train(folder, max_steps=step)
    assert outcome is (Outcome.FINISHED if step == max(STEPS) else Outcome.MAX_STEPS)
    assert load_checkpoint(folder).step == step
    assert train(folder) is Outcome.FINISHED
    assert_same_run(folder, whole)


@pytest.mark.parametrize("step", STEPS)
def test_a_run_stopped_by_a_request_continues_bit_identically(train, whole, tmp_path, step):
    folder, steps = tmp_path / "stopped", []
    outcome = train(folder, before_batch=steps.append, stop_requested=lambda: len(steps) >= step)
    assert outcome is Outcome.STOPPED
    assert load_checkpoint(folder).step == step
    assert train(folder) is Outcome.FINISHED
    assert_same_run(folder, whole)


@pytest.mark.parametrize("test_batch", [1, 2, 3, 4])
def test_a_run_stopped_while_it_evaluates_continues_bit_identically(train, whole, tmp_path, test_batch):
    folder, batches = tmp_path / "stopped", []
    outcome = train(folder, before_test_batch=batches.append, stop_requested=lambda: len(batches) >= test_batch)
    assert outcome is Outcome.STOPPED
    assert train(folder) is Outcome.FINISHED
    assert_same_run(folder, whole)


@pytest.mark.parametrize("minutes", [10.0, 1e-9])
@pytest.mark.parametrize("batch", STEPS)
def test_a_run_that_crashed_continues_bit_identically_from_its_last_checkpoint(train, whole, tmp_path, batch, minutes):
    def crash(number):
        if number == batch:
            raise RuntimeError("power cut")

    folder = tmp_path / "crashed"
    with pytest.raises(RuntimeError, match="power cut"):
        train(folder, before_batch=crash, checkpoint_minutes=minutes)
    assert train(folder) is Outcome.FINISHED
    assert_same_run(folder, whole)


def test_a_run_continued_after_every_step_is_the_same_run(train, whole, tmp_path):
    for step in STEPS:
        train(tmp_path / "steps", max_steps=step)
    assert_same_run(tmp_path / "steps", whole)


def test_timed_checkpoints_change_nothing(train, whole, tmp_path):
    train(tmp_path / "timed", checkpoint_minutes=1e-9)
    assert_same_run(tmp_path / "timed", whole)


def test_a_finished_run_is_left_as_it_is(train, whole):
    before = log(whole)
    assert train(whole) is Outcome.FINISHED
    assert log(whole) == before


def test_resume_never_refuses_a_folder_with_a_checkpoint_and_says_what_to_do(train, whole):
    with pytest.raises(
        InputError, match=r"`resume` is never, but .*step-00000006.pt exists; continue it with --resume auto"
    ):
        train(whole, resume="never")


def test_resume_never_starts_in_a_folder_without_a_checkpoint(train, tmp_path):
    assert train(tmp_path, resume="never") is Outcome.FINISHED


def test_a_changed_setting_is_refused_and_the_folder_left_alone(train, whole):
    before = (whole / "config.yaml").read_bytes()
    with pytest.raises(
        InputError, match=r"`optimizer.lr` must stay 0.1 to continue .*step-00000006.pt, got 0.2; take back"
    ):
        train(whole, lr=0.2)
    with pytest.raises(InputError, match=r"`run.epochs` must stay 2"):
        train(whole, epochs=3)
    assert (whole / "config.yaml").read_bytes() == before


def test_a_checkpoint_without_a_setting_had_its_default(train, tmp_path):
    """A setting that is newer than the run."""
    assert train(tmp_path, max_steps=2) is Outcome.MAX_STEPS
    path = next((tmp_path / "checkpoints").glob("epoch-*.pt"))
    content = torch.load(path, weights_only=True)
    assert content["config"]["optimizer"].pop("ema_decay") == 0
    torch.save(content, path)
    path.with_name(f"{path.name}.sha256").write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    assert train(tmp_path) is Outcome.FINISHED


def test_a_checkpoint_of_another_model_is_refused(whole, tiny_config, fake_loader):
    config = replace(tiny_config(), model=ModelConfig(name="wrn_16_1", num_classes=3))
    with pytest.raises(InputError, match="another model: name wrn_10_1 in the checkpoint, wrn_16_1 here"):
        train_model(config, fake_loader(batches=3), fake_loader(batches=2), folder=whole)


def test_a_log_that_lost_lines_is_refused(train, whole):
    (whole / "log.jsonl").write_text("")
    with pytest.raises(
        InputError, match=r"log.jsonl: the log must have the \d+ bytes that the checkpoint knows, got 0"
    ):
        train(whole)


def test_a_run_continues_only_on_the_datasets_it_began_with(whole, tiny_config, fake_loader, tmp_path):
    def call(digest):
        manifests: Any = {"train": SimpleNamespace(sha256=digest * 64, count=12)}
        loaders = fake_loader(batches=3), fake_loader(batches=2)
        train_model(tiny_config(), *loaders, folder=tmp_path / "run", manifests=manifests)

    call("a")
    call("a")
    with pytest.raises(
        InputError, match=r"`data.train` must be the file that .* was trained with, sha256 aaaaaaaaaaaa"
    ):
        call("b")


def test_the_loss_scale_of_float16_survives_a_checkpoint(tiny_config, tmp_path):
    config = tiny_config()
    state = initial_state(config)
    state.scaler = Precision(torch.device("cpu"), torch.float16).grad_scaler()
    pixels, labels = torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64)
    TrainStep(config, lambda step: 0.1)(state, Batch(pixels, labels, labels, labels == 0))
    state.scaler.update(512.0)
    with Checkpointer(config, tmp_path, ("a", "b", "c"), {}) as checkpointer:
        checkpointer.save(state, Position(), is_best=False)

    continued = initial_state(config)
    continued.scaler = Precision(torch.device("cpu"), torch.float16).grad_scaler()
    checkpointer.restore(continued, pytest.fail)
    assert continued.scaler.get_scale() == 512.0
    assert continued.step == 1
