"""AutoAttack inside the runner: the package on a linear model, a stand-in for it where kills and seeds are tested."""

import os
import signal
import sys
from types import ModuleType, SimpleNamespace

import forked
import numpy as np
import pytest
import torch
from torch import nn

from eval import shards
from eval.runner import collect_predictions
from eval.suites.autoattack import AutoAttack, AutoAttackCell
from eval.suites.planning import Context, SuiteOptions
from layermix.errors import InputError

from .conftest import BrightnessClassifier, make_subject


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3 * 8 * 8, 4)

    def forward(self, images):
        pixels = images / 255 if images.dtype == torch.uint8 else images
        return self.layer(pixels.flatten(1))


def test_it_stays_in_its_budget_and_does_not_depend_on_torchs_generator(pictures):
    pytest.importorskip("pyautoattack", reason="the extra autoattack is not installed")
    torch.manual_seed(0)
    classifier = Linear()
    images = torch.from_numpy(pictures.images[:4]).permute(0, 3, 1, 2)
    labels = classifier(images).argmax(dim=1)
    cell = AutoAttackCell(key="autoattack", pictures=pictures, budget=8, seed=0, batch_size=4, attacks=("apgd-ce",))
    first = cell.challenge(classifier, images, labels, torch.arange(4))
    torch.manual_seed(1)
    second = cell.challenge(classifier, images, labels, torch.arange(4))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert float((first - images / 255).abs().max()) <= 8 / 255 + 1e-6
    assert (classifier(first).argmax(dim=1) != labels).any()


class RandomAttack:
    """In place of the package: moves pictures by the budget, up or down as torch's generator says."""

    def __init__(self, model, eps, seed, **other):
        self.eps, self.seed = eps, seed
        self.apgd_targeted, self.fab = SimpleNamespace(), SimpleNamespace()

    def run_standard_evaluation(self, images, labels, batch_size):
        torch.manual_seed(self.seed)
        moved = images + self.eps * torch.randn(len(images), 1, 1, 1).sign()
        return moved.clamp(0, 1), labels


@pytest.fixture
def stand_in(monkeypatch):
    module = ModuleType("pyautoattack")
    module.AutoAttack = RandomAttack
    module.__spec__ = SimpleNamespace(name="pyautoattack")
    monkeypatch.setitem(sys.modules, "pyautoattack", module)


class Dying(BrightnessClassifier):
    """A classifier whose process is killed when it is shown the fifth batch of attacked pictures."""

    def forward(self, images):
        if len(images) > 1 and len([True for shown in self.shown if len(shown) > 1]) == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(images)


def attacked(pictures, batch_size=5) -> AutoAttackCell:
    return AutoAttackCell(key="autoattack", pictures=pictures, budget=40, seed=0, batch_size=batch_size)


def test_killed_and_continued_it_gives_the_same_numbers_and_loses_only_the_batch_at_work(
    stand_in, pictures, new_run, tmp_path, monkeypatch
):
    monkeypatch.setattr(shards, "SECONDS", 0.0)  # as where every batch takes longer
    whole, _ = collect_predictions([make_subject()], [attacked(pictures)], new_run(batch_size=5))

    def run(classifier):
        return collect_predictions(
            [make_subject(classifier=classifier)], [attacked(pictures)], new_run(batch_size=5, store=tmp_path / "other")
        )

    def die():
        torch.set_num_threads(1)  # those of OpenMP are not there in a fork, which would wait for them
        run(Dying())

    assert forked.wait(forked.start(die)) == -signal.SIGKILL
    again = BrightnessClassifier()
    found, _ = run(again)
    assert len([True for shown in again.shown if len(shown) > 1]) == 2  # of six
    logits = [predictions["model"]["autoattack"].logits for predictions in (whole, found)]
    np.testing.assert_array_equal(*logits)


def test_a_run_with_another_batch_size_does_not_go_on_with_what_another_seed_attacked(pictures):
    assert attacked(pictures, 5).preparation() != attacked(pictures, 6).preparation()


def test_budgets_are_robustbenchs_and_three_classes_are_too_few(stand_in, pictures):
    context = Context(pictures=pictures, classes=("a", "b", "c", "d"), size=8, options=SuiteOptions(pgd_limit=9))
    planned = AutoAttack.plan(context)
    assert planned.suite == AutoAttack(budget=8.0, limit=9)
    assert planned.cells[0].count == 9
    with pytest.raises(InputError, match="autoattack needs 4 classes, got 3; use pgd"):
        AutoAttack.plan(Context(pictures=pictures, classes=("a", "b", "c"), size=8, options=SuiteOptions()))
