"""The learning rate is the one that the paper's program computes."""

import math
from dataclasses import replace

import pytest
import torch

from train.config import DataConfig, ScheduleConfig
from train.schedule import cosine, make_schedule, set_learning_rate, training_size

LR, FINAL, TOTAL = 0.1, 1e-6, 391 * 100


def published_factor(step: int) -> float:
    """What the released programs multiply the learning rate by (their LambdaLR)."""
    lowest = 1e-6 / LR
    return lowest + (1 - lowest) * 0.5 * (1 + math.cos(step / TOTAL * math.pi))


@pytest.mark.parametrize("step", [0, 1, 390, 391, TOTAL // 2, TOTAL - 1, TOTAL])
def test_each_step_has_the_published_learning_rate(step):
    assert cosine(step, TOTAL, LR, FINAL) == pytest.approx(LR * published_factor(step), rel=1e-12)


def test_the_schedule_starts_at_lr_and_ends_at_final_lr_without_warm_up(tiny_config):
    schedule = make_schedule(tiny_config(), total_steps=10)
    assert schedule(0) == 0.1
    assert schedule(5) == pytest.approx((0.1 + 1e-6) / 2)
    assert schedule(10) == pytest.approx(1e-6)
    rates = [schedule(step) for step in range(11)]
    assert rates == sorted(rates, reverse=True)


def test_the_learning_rate_reaches_every_parameter_group():
    groups = [{"params": [torch.zeros(1, requires_grad=True)]} for _ in range(2)]
    optimizer = torch.optim.SGD(groups, lr=1.0)
    set_learning_rate(optimizer, 0.25)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]


@pytest.mark.parametrize(("batch_size", "factor"), [(128, 0.5), (256, 1), (1024, 4)])
def test_the_linear_rule_scales_every_learning_rate_by_the_batch_and_is_off_by_default(tiny_config, batch_size, factor):
    config = tiny_config()
    config = replace(config, data=replace(config.data, batch_size=batch_size))
    scaled = replace(config, optimizer=replace(config.optimizer, lr_batch_size=256))
    for step in range(11):
        published = cosine(step, 10, 0.1, 1e-6)
        assert make_schedule(config, 10)(step) == published
        assert make_schedule(scaled, 10)(step) == pytest.approx(factor * published, rel=1e-12)


def progressive(tiny_config, **schedule):
    return replace(
        tiny_config(epochs=88),
        data=DataConfig(size=192, crop="random_resized"),
        schedule=ScheduleConfig(start_size=128, **schedule),
    )


def test_pictures_grow_between_two_shares_of_the_epochs_in_steps(tiny_config):
    config = progressive(tiny_config, grow_from=0.25, grow_to=0.75)
    sizes = [training_size(config, epoch) for epoch in range(88)]
    assert sizes[:22] == [128] * 22
    assert sizes[66:] == [192] * 22
    assert sizes == sorted(sizes)
    assert set(sizes) == {128, 160, 192}
    assert sizes.index(160) == 44, "half way"


@pytest.mark.parametrize("at", [0.0, 0.5, 1.0])
def test_pictures_may_change_at_once(tiny_config, at):
    config = progressive(tiny_config, grow_from=at, grow_to=at)
    sizes = [training_size(config, epoch) for epoch in range(88)]
    assert sizes == [128] * round(88 * at) + [192] * round(88 * (1 - at))


def test_without_a_first_size_pictures_keep_theirs(tiny_config):
    assert {training_size(tiny_config(), epoch) for epoch in range(2)} == {8}
