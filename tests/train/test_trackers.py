"""What a run shows to TensorBoard and wandb is its log; a missing package is named before the run begins."""

import sys

import pytest

from layermix.errors import InputError
from train.observers import Several, make_observers
from train.progress import Progress
from train.trackers import make_trackers


@pytest.fixture
def tracked(tiny_config):
    def make(*names: str):
        return tiny_config(track=names)

    return make


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_holds_the_records_and_drops_those_after_a_checkpoint(tracked, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for first, losses in ((0, [1.0, 2.0, 3.0]), (1, [4.0, 5.0])):
        (board,) = make_trackers(tracked("tensorboard"), tmp_path)
        with board:
            board.start(10, first)
            for step, loss in enumerate(losses, first + 1):
                board.show("train", {"step": step, "epoch": 1, "loss": loss})
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [(1, 1.0), (2, 4.0), (3, 5.0)]


class FakeWandb:
    """Takes what `wandb` is told."""

    def __init__(self):
        self.settings, self.logged, self.finished = [], [], 0

    def init(self, **settings):
        self.settings.append(settings)
        return self

    def define_metric(self, name, step_metric):
        assert (name, step_metric) == ("*", "step")

    def log(self, values):
        self.logged.append(values)

    def finish(self):
        self.finished += 1


def test_wandb_gets_configuration_and_records_as_one_run_a_folder(tracked, tmp_path, monkeypatch):
    wandb = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    for _ in range(2):
        (tracker,) = make_trackers(tracked("wandb"), tmp_path)
        with tracker:
            tracker.start(10, 0)
            tracker.show("evaluation", {"step": 3, "epoch": 1, "error": 0.5})
    assert wandb.settings[0]["config"]["model"]["name"] == "wrn_10_1"
    assert wandb.settings[0]["id"] == wandb.settings[1]["id"]
    assert wandb.logged == [{"evaluation/epoch": 1, "evaluation/error": 0.5, "step": 3}] * 2
    assert wandb.finished == 2


@pytest.mark.parametrize(("name", "module"), [("tensorboard", "torch.utils.tensorboard"), ("wandb", "wandb")])
def test_a_missing_package_is_named_with_its_extra(tracked, tmp_path, monkeypatch, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=f"`track` {name} needs the package {name}; .* --extra {name}"):
        make_observers(tracked(name), tmp_path)


def test_a_run_is_not_tracked_unless_asked(tiny_config, tmp_path):
    assert make_trackers(tiny_config(), tmp_path) == []


def test_several_observers_hear_all_and_are_closed_in_reverse(capsys):
    class Speaker(Progress):
        def __init__(self, name):
            self.name = name

        def start(self, total_steps, step):
            print(self.name, "start", total_steps, step)

        def advance(self):
            print(self.name, "advance")

        def show(self, kind, fields):
            print(self.name, kind, fields)

        def note(self, text):
            print(self.name, text)

        def close(self):
            print(self.name, "close")

    with Several([Speaker("a"), Speaker("b")]) as both:
        both.start(3, 1)
        both.advance()
        both.show("train", {"loss": 1})
        both.note("hello")
    told = capsys.readouterr().out.splitlines()
    each = ["start 3 1", "advance", "train {'loss': 1}", "hello"]
    assert told == [f"{name} {line}" for line in each for name in "ab"] + ["b close", "a close"]
