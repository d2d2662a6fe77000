"""Every loss, mixing, average and size of pictures: a run that is restored at every step is the run that was not."""

from dataclasses import replace
from pathlib import Path

import pytest
from run_comparison import assert_same_run, log

from models import load_checkpoint, load_classifier
from pipelines import LoaderConfig
from pipelines.resizing import ResizingLoader
from train import Outcome, TrainConfig
from train.config import LossConfig, ScheduleConfig
from train.ema import EMA_CHECKPOINT
from train.precision import choose_precision
from train.run import train_model
from train.schedule import training_size
from train.validation import evaluate

EMA, JSD = {"optimizer": {"ema_decay": 0.5}}, {"loss": LossConfig(name="jsd", label_smoothing=0.1)}
PROGRESSIVE = {"schedule": ScheduleConfig(start_size=4, grow_from=0.5, grow_to=0.5, size_step=4)}
OPTIONS = {
    "mixup": {"loss": LossConfig(mixing="mixup")},
    "cutmix": {"loss": LossConfig(mixing="cutmix", label_smoothing=0.1)},
    "jsd": JSD,
    "ema": EMA,
    "progressive": PROGRESSIVE,
    "all": {**EMA, **JSD, **PROGRESSIVE},
}


@pytest.fixture
def run(tiny_config, fake_loader):
    """Trains two epochs of three steps in a folder with the options of that name, up to `max_steps`."""

    def call(folder, options: dict, max_steps: int | None = None) -> Outcome:
        config: TrainConfig = tiny_config(max_steps=max_steps)
        optimizer = replace(config.optimizer, **options.get("optimizer", {}))
        config = replace(config, data=replace(config.data, crop="random_resized"), optimizer=optimizer)
        config = replace(config, **{key: value for key, value in options.items() if key != "optimizer"})
        views = 3 if config.loss.name == "jsd" else 1

        def build(settings):
            return fake_loader(batches=3, size=settings.size, views=views)

        loader = ResizingLoader(
            LoaderConfig(data=Path("train.beton"), batch_size=4, size=8),
            lambda epoch: training_size(config, epoch),
            build,
        )
        return train_model(config, loader, fake_loader(batches=2), folder=folder)

    return call


@pytest.mark.parametrize("name", OPTIONS)
def test_a_run_restored_at_every_step_is_the_same_run(run, tmp_path, name):
    whole, paused = tmp_path / "whole", tmp_path / "paused"
    assert run(whole, OPTIONS[name]) is Outcome.FINISHED
    for step in range(1, 7):
        run(paused, OPTIONS[name], step)
        assert load_checkpoint(paused).step == step
    assert run(paused, OPTIONS[name]) is Outcome.FINISHED
    assert_same_run(paused, whole)


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_changes_what_is_learned_or_measured(run, tmp_path, name):
    run(tmp_path / "plain", {})
    run(tmp_path / name, OPTIONS[name])
    assert log(tmp_path / name) != log(tmp_path / "plain")


def test_the_moving_average_is_tested_on_its_own(run, tmp_path):
    run(tmp_path, EMA)
    kinds = [record["kind"] for record in log(tmp_path) if record["kind"] != "train"]
    assert kinds == ["evaluation", "ema_evaluation"] * 2
    losses = {record["kind"]: record["loss"] for record in log(tmp_path)}
    assert losses["evaluation"] != losses["ema_evaluation"]


def test_a_finished_run_leaves_its_moving_average_as_a_checkpoint_that_tests_as_logged(run, tmp_path, fake_loader):
    run(tmp_path, EMA, 5)
    assert not (tmp_path / EMA_CHECKPOINT).exists()
    run(tmp_path, EMA)
    classifier, about = load_classifier(tmp_path / EMA_CHECKPOINT)
    result = evaluate(classifier, fake_loader(batches=2), choose_precision("cpu", "float32"), lambda: False)
    assert result is not None
    last = log(tmp_path)[-1]
    assert last["kind"] == "ema_evaluation"
    assert result["loss"] == pytest.approx(last["loss"], rel=1e-6)
    assert (about["epoch"], about["step"]) == (2, 6)
