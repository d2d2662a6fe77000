"""The learning rate of each step."""

import math
from collections.abc import Callable

from torch.optim import Optimizer

from train.config import TrainConfig


def make_schedule(config: TrainConfig, total_steps: int) -> Callable[[int], float]:
    """Learning rate by the number of finished steps, for a run of `total_steps`."""
    optimizer = config.optimizer
    factor = config.data.batch_size / optimizer.lr_batch_size if optimizer.lr_batch_size else 1

    def learning_rate(step: int) -> float:
        return factor * cosine(step, total_steps, optimizer.lr, config.schedule.final_lr)

    return learning_rate


def training_size(config: TrainConfig, epoch: int) -> int:
    """Side in pixels of the training pictures of an epoch, counted from 0.

    It grows in proportion from `schedule.start_size` to `data.size`, rounded down to a multiple of `size_step`.
    """
    schedule, last = config.schedule, config.data.size
    if schedule.start_size is None:
        return last
    begin, end = schedule.grow_from * config.run.epochs, schedule.grow_to * config.run.epochs
    if epoch < begin:
        return schedule.start_size
    if epoch >= end:
        return last
    grown = schedule.start_size + (last - schedule.start_size) * (epoch - begin) / (end - begin)
    return max(schedule.start_size, int(grown) // schedule.size_step * schedule.size_step)


def cosine(step: int, total_steps: int, lr: float, final_lr: float) -> float:
    """Half a cosine from `lr` at step 0 to `final_lr` at `total_steps`, as the paper's program anneals."""
    return final_lr + (lr - final_lr) * 0.5 * (1 + math.cos(math.pi * step / total_steps))


def set_learning_rate(optimizer: Optimizer, lr: float) -> None:
    """Give every parameter group the learning rate `lr`."""
    for group in optimizer.param_groups:
        group["lr"] = lr
