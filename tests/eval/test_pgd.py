"""The PGD suite: within the budget after every step, around the clean picture, seeded by sample."""

import zlib

import numpy as np
import pytest
import torch
from torch import nn
from waiting import NoWaiting

from eval.predictions import Predictions
from eval.suites import SuiteOptions
from eval.suites.pgd import ROUNDING, Pgd, PgdAttack, PgdCell
from eval.suites.planning import Context
from layermix.errors import InputError

BUDGET = 2 / 255


class Recorder(nn.Module):
    """A linear classifier that keeps every picture it is shown."""

    def __init__(self, weights: torch.Tensor):
        super().__init__()
        self.weights = nn.Parameter(weights)
        self.shown: list[torch.Tensor] = []

    def forward(self, images):
        self.shown.append(images.detach().clone())
        return images.flatten(1) @ self.weights


@pytest.fixture
def linear() -> Recorder:
    torch.manual_seed(0)
    return Recorder(torch.randn(3 * 8 * 8, 4))


@pytest.fixture
def clean() -> torch.Tensor:
    """Pictures in [0, 1] with many values at both ends."""
    torch.manual_seed(1)
    return (torch.rand(6, 3, 8, 8) * 1.6 - 0.3).clamp(0, 1)


LABELS, IDS = torch.tensor([0, 1, 2, 3, 0, 1]), torch.arange(6)


def test_every_step_stays_within_the_budget_of_the_clean_picture(linear, clean):
    shown = [*(PgdAttack()(linear, clean, LABELS, IDS),), *linear.shown]
    assert len(linear.shown) == 20
    for attacked in shown:
        assert float((attacked.double() - clean.double()).abs().max()) <= BUDGET + ROUNDING
        assert 0 <= float(attacked.min()) <= float(attacked.max()) <= 1


def test_a_linear_model_is_driven_to_the_corner_of_the_budget(linear, clean):
    """The best attack on two linear classes is known: the budget along the sign of the weights' difference."""
    two = Recorder(linear.weights.detach()[:, :2].clone())
    labels = torch.tensor([0, 1, 0, 1, 0, 1])
    attacked = PgdAttack()(two, clean, labels, IDS)
    towards = (two.weights[:, 1] - two.weights[:, 0]).sign().view(3, 8, 8)
    direction = torch.where(labels.view(-1, 1, 1, 1) == 0, towards, -towards)
    torch.testing.assert_close(attacked, (clean + BUDGET * direction).clamp(0, 1), atol=1e-6, rtol=0)


def test_the_loss_grows(linear, clean):
    loss = nn.CrossEntropyLoss()
    attacked = PgdAttack()(linear, clean, LABELS, IDS)
    assert loss(linear(attacked), LABELS) > loss(linear(clean), LABELS)


def test_the_start_is_uniform_in_the_budget_and_keyed_by_seed_and_sample(linear):
    gray = torch.full((2, 3, 8, 8), 0.5)

    def start(ids, seed=0):
        attack = PgdAttack(steps=0, seed=seed)
        return attack(linear, gray[: len(ids)], LABELS[: len(ids)], torch.tensor(ids)) - 0.5

    both = start([3, 4])
    torch.testing.assert_close(start([4])[0], both[1], rtol=0, atol=0)
    assert (both[0] != both[1]).any()
    assert (start([3], seed=1)[0] != both[0]).any()
    assert both.abs().max() <= BUDGET + ROUNDING
    assert both.std() == pytest.approx(BUDGET / np.sqrt(3), rel=0.1)


def test_the_start_is_numpys_noise_to_the_last_bit(linear, clean):
    """So predictions that are stored already stay those of this attack."""
    attacked = PgdAttack(steps=0, protocol="paper", seed=3, restart=2)(linear, clean, LABELS, IDS)
    key = np.array([3, zlib.crc32(b"pgd")], dtype=np.uint64)
    for picture, found, sample_id in zip(clean, attacked, IDS.tolist()):
        counter = np.array([0, sample_id, 2, 0], dtype=np.uint64)
        noise = np.random.Generator(np.random.Philox(counter=counter, key=key)).uniform(-BUDGET, BUDGET, (3, 8, 8))
        expected = torch.clamp(picture + torch.from_numpy(noise.astype(np.float32)), 0, 1)
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_no_step_fetches_a_value_from_the_device(linear, clean):
    with NoWaiting():
        PgdAttack()(linear, clean, LABELS, IDS)


def test_the_attack_does_not_depend_on_the_batch(linear, clean):
    whole = PgdAttack()(linear, clean, LABELS, IDS)
    part = PgdAttack()(linear, clean[2:4], LABELS[2:4], IDS[2:4])
    torch.testing.assert_close(part, whole[2:4])


def test_weights_and_their_gradients_are_left_alone(linear, clean):
    before = linear.weights.detach().clone()
    PgdAttack()(linear, clean, LABELS, IDS)
    torch.testing.assert_close(linear.weights.detach(), before, rtol=0, atol=0)
    assert linear.weights.grad is None


def test_sure_predictions_are_attacked_in_float16_too(clean):
    """In float16 the gradient of a picture whose other classes have less than 6e-8 in all would be 0."""
    torch.manual_seed(0)
    sure = Recorder(torch.randn(3 * 8 * 8, 4) / 4 + torch.tensor([1.0, 0.0, 0.0, 0.0]))
    labels = torch.zeros(6, dtype=torch.int64)
    assert (sure(clean).softmax(1)[:, 1:].sum(1) < 1e-8).any()
    with torch.autocast("cpu", dtype=torch.float16):
        attacked = PgdAttack()(sure, clean, labels, IDS)
    torch.testing.assert_close(attacked, PgdAttack()(sure, clean, labels, IDS))


def test_a_gradient_that_is_not_finite_is_refused(clean):
    broken = Recorder(torch.full((3 * 8 * 8, 4), float("nan")))
    with pytest.raises(InputError, match="gradients of the model must be finite, got NaN"):
        PgdAttack()(broken, clean, LABELS, IDS)


def test_the_paper_s_centre_is_the_noisy_start_so_that_it_goes_up_to_twice_the_budget(linear, clean):
    gray = torch.full_like(clean, 0.5)
    attacked = PgdAttack(protocol="paper")(linear, gray, LABELS, IDS)
    start = PgdAttack(protocol="paper", steps=0)(linear, gray, LABELS, IDS)
    assert BUDGET < float((attacked - gray).abs().max()) <= 2 * BUDGET + ROUNDING
    assert float((attacked - start).abs().max()) <= BUDGET + ROUNDING


def test_restarts_start_elsewhere(linear, clean):
    first, second = (PgdAttack(steps=0, restart=restart)(linear, clean, LABELS, IDS) for restart in (0, 1))
    assert (first != second).any()


def test_the_suite_attacks_inside_the_runner_and_states_how_many(new_subject, pictures, evaluated):
    options = SuiteOptions(pgd_limit=9, seed=2, pgd_budgets=(2, 8), protocols=("strict",))
    plan, found = evaluated([new_subject()], pictures, ("pgd",), options)
    mild, strong = plan.suites[0].measure(found["model"])
    assert (mild.count, mild.cell, mild.detail) == (9, "pgd/2", "9 pictures spread over the set, budget 2/255")
    assert (mild.metric, mild.protocol, mild.regenerated) == ("top1_error", "strict", False)
    assert strong.value >= mild.value


def test_of_a_set_that_is_sorted_by_class_every_class_is_attacked(new_pictures):
    pictures = new_pictures(30)
    pictures.labels.sort()
    context = Context(pictures=pictures, classes=pictures.classes, size=8, options=SuiteOptions(pgd_limit=6))
    for cell in Pgd.plan(context).cells:
        (batch,) = (read() for read in cell.pictures.batches(6, [0]))
        assert set(batch.labels.tolist()) == set(pictures.labels.tolist())


def test_with_restarts_a_picture_is_wrong_where_any_start_succeeds():
    def predicted(*classes):
        logits = np.eye(3, dtype=np.float32)[list(classes)]
        return Predictions(logits=logits, labels=np.zeros(len(classes), np.int64), sample_ids=np.arange(len(classes)))

    cells = {"pgd/2/0": predicted(0, 1, 0), "pgd/2/1": predicted(0, 0, 2)}
    (measured,) = Pgd(restarts=2, protocols=("strict",)).measure(cells)
    assert measured.value == 2 / 3
    assert Pgd(restarts=3, protocols=("strict",)).measure(cells) == []


def test_all_pictures_are_attacked_without_a_limit_by_the_published_budget(pictures):
    context = Context(pictures=pictures, classes=pictures.classes, size=8, options=SuiteOptions())
    paper, strict = Pgd.plan(context).cells
    assert isinstance(strict, PgdCell)
    assert strict.count == 30
    assert strict.attack == PgdAttack(budget=2 / 255, step_size=0.5 / 255, steps=20, seed=0)
    assert paper.attack.protocol == "paper"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"pgd_limit": 0}, "--pgd-limit must be ≥ 1, got 0"),
        ({"pgd_restarts": 0}, "--pgd-restarts must be ≥ 1, got 0"),
        ({"pgd_budgets": (0.0,)}, "--pgd-budgets must be > 0"),
    ],
)
def test_settings_outside_their_range_are_refused(flags, message):
    with pytest.raises(InputError, match=message):
        SuiteOptions(**flags)
