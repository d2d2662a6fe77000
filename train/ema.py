"""A moving average of the weights, which often classifies better than the weights of the last step."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor, nn

from layermix.config import to_mapping
from models import Checkpoint, Classifier, save_checkpoint
from train.config import TrainConfig

EMA_CHECKPOINT = Path("checkpoints", "ema.pt")


def make_ema(model: Classifier, decay: float) -> Classifier | None:
    """A copy of `model` for `update_ema` to make an average of; None for a decay of 0."""
    return deepcopy(model).requires_grad_(False) if decay else None


@torch.no_grad()
def update_ema(ema: nn.Module, model: nn.Module, decay: float) -> None:
    """Let `ema` keep the share `decay` and take the rest from `model`; statistics of batch norms as the weights.

    Nothing waits for the device; torch's `AveragedModel` does, as it copies its count of updates there each time.
    """
    pairs = list(zip(_tensors(ema), _tensors(model)))
    averages, values = zip(*[pair for pair in pairs if pair[0].is_floating_point()])
    torch._foreach_lerp_(averages, values, 1 - decay)
    for average, value in pairs:
        if not average.is_floating_point():
            average.copy_(value)


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    return chain(model.parameters(), model.buffers())


def save_ema(
    folder: Path, ema: Classifier, config: TrainConfig, classes: Sequence[str], *, epoch: int, step: int
) -> None:
    """Write the average to `RUN/checkpoints/ema.pt`, a checkpoint to evaluate and not to continue from."""
    checkpoint = Checkpoint(
        model=config.model,
        weights=ema.state_dict(),
        classes=tuple(classes),
        epoch=epoch,
        step=step,
        config=to_mapping(config),
    )
    save_checkpoint(folder / EMA_CHECKPOINT, checkpoint)
