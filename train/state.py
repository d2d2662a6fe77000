"""What training changes: weights, optimizer, scaler, and how far it has come."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from torch.optim import Optimizer

from models import Classifier, build_model
from train.config import TrainConfig
from train.distributed import SINGLE, Ranks, parallel, synchronize_batch_norms
from train.ema import make_ema
from train.optimizer import make_optimizer
from train.precision import Precision, choose_algorithms, choose_precision

COMPILING = "compiling the network in the first step, and again for pictures of another size: minutes each"


@dataclass(kw_only=True)
class TrainState:
    """The model on its device and everything that a step updates; `epoch` and `step` count what is done.

    `forward` is what a step calls: `model` itself, or a wrapper around it (compiled, distributed). `ema` is the moving
    average of the weights, where one is kept.
    """

    model: Classifier
    forward: nn.Module
    optimizer: Optimizer
    scaler: torch.amp.GradScaler
    precision: Precision
    ema: Classifier | None = None
    epoch: int = 0
    step: int = 0


def initial_state(config: TrainConfig, ranks: Ranks = SINGLE) -> TrainState:
    """Seed torch's generators and build the model, channels last on its device, with a fresh optimizer.

    Its weights are drawn, the same on all ranks; see `models.load_initial_weights`. What is drawn afterwards (dropout)
    differs between the ranks.
    """
    precision = choose_precision(config.run.device, config.run.precision)
    choose_algorithms(precision, deterministic=config.run.deterministic)
    torch.manual_seed(config.run.seed)
    model = build_model(config.model).to(precision.device).to(memory_format=torch.channels_last).train()
    if config.run.sync_batch_norm and ranks.world_size > 1:
        synchronize_batch_norms(model, ranks)
    if ranks.rank:
        torch.manual_seed(config.run.seed + ranks.rank)
    return TrainState(
        model=model,
        forward=compiled(parallel(model, ranks, config.data.size), config.run.compile),
        optimizer=make_optimizer(config.optimizer, model, fused=precision.device.type == "cuda"),
        scaler=precision.grad_scaler(),
        precision=precision,
        ema=make_ema(model, config.optimizer.ema_decay),
    )


def compiled(model: nn.Module, mode: str) -> nn.Module:
    """`model` by torch.compile in that mode, for batches of one shape; `none` leaves it as it is.

    Weights and their names stay those of `model`.
    """
    return model if mode == "none" else cast(nn.Module, torch.compile(model, mode=mode, dynamic=False))
