"""AutoAttack inside the runner, on a linear model whose best attack is known."""

import pytest
import torch
from torch import nn

from eval.suites.autoattack import AutoAttack, AutoAttackCell
from eval.suites.planning import Context, SuiteOptions
from layermix.errors import InputError

pytest.importorskip("pyautoattack", reason="the extra autoattack is not installed")


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3 * 8 * 8, 4)

    def forward(self, images):
        pixels = images / 255 if images.dtype == torch.uint8 else images
        return self.layer(pixels.flatten(1))


def test_it_stays_in_its_budget_and_does_not_depend_on_torchs_generator(pictures):
    torch.manual_seed(0)
    classifier = Linear()
    images = torch.from_numpy(pictures.images[:4]).permute(0, 3, 1, 2)
    labels = classifier(images).argmax(dim=1)
    cell = AutoAttackCell(key="autoattack", pictures=pictures, budget=8, seed=0, attacks=("apgd-ce",))
    first = cell.challenge(classifier, images, labels, torch.arange(4))
    torch.manual_seed(1)
    second = cell.challenge(classifier, images, labels, torch.arange(4))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert float((first - images / 255).abs().max()) <= 8 / 255 + 1e-6
    assert (classifier(first).argmax(dim=1) != labels).any()


def test_budgets_are_robustbenchs_and_three_classes_are_too_few(pictures):
    context = Context(pictures=pictures, classes=("a", "b", "c", "d"), size=8, options=SuiteOptions(pgd_limit=9))
    planned = AutoAttack.plan(context)
    assert planned.suite == AutoAttack(budget=8.0, limit=9)
    assert planned.cells[0].count == 9
    with pytest.raises(InputError, match="autoattack needs 4 classes, got 3; use pgd"):
        AutoAttack.plan(Context(pictures=pictures, classes=("a", "b", "c"), size=8, options=SuiteOptions()))
