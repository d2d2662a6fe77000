"""One training step: mix, forward, loss, backward, update; nothing in it waits for the device."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from pipelines import Batch
from train.config import TrainConfig
from train.ema import update_ema
from train.losses import make_loss
from train.mixing import make_batch_mixing
from train.schedule import set_learning_rate
from train.state import TrainState


class StepResult(NamedTuple):
    """What a step tells: scalars on the device, to be fetched later."""

    loss: Tensor
    skipped: Tensor
    """bool: whether the gradients overflowed float16 and the weights stayed as they were."""


class TrainStep:
    """Updates a state by one batch, by the loss and mixing of a configuration and a learning rate by step."""

    def __init__(
        self, config: TrainConfig, schedule: Callable[[int], float], before_backward: Callable[[], None] = lambda: None
    ):
        """`before_backward` is called in each step before the gradients of all ranks are exchanged."""
        self._schedule, self._before_backward = schedule, before_backward
        self._ema_decay = config.optimizer.ema_decay
        self._loss, self._mix = make_loss(config.loss), make_batch_mixing(config)

    def __call__(self, state: TrainState, batch: Batch) -> StepResult:
        """Update `state`; a batch of several views a sample, (N, views, 3, H, W), goes through the network as one."""
        set_learning_rate(state.optimizer, self._schedule(state.step))
        loss = self.loss(state, batch)
        state.optimizer.zero_grad(set_to_none=True)
        self._before_backward()
        state.scaler.scale(loss).backward()
        skipped = _update(state)
        if state.ema is not None:
            update_ema(state.ema, state.model, self._ema_decay if state.step else 0.0)
        state.step += 1
        return StepResult(loss.detach(), skipped)

    def loss(self, state: TrainState, batch: Batch) -> Tensor:
        """The mean loss of `batch`, mixed for the step that comes next."""
        images, targets = self._mix(batch, state.step)
        if images.ndim == 5:
            images = images.flatten(0, 1)
        with state.precision.autocast():
            return self._loss(state.forward(images), targets)


def _update(state: TrainState) -> Tensor:
    """Step the optimizer; whether the scaler skipped it, which shows in a scale that falls."""
    one = torch.ones((), device=state.precision.device)
    before = state.scaler.scale(one)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    return state.scaler.scale(one) < before
