"""The optimizer of a run."""

from torch import nn
from torch.optim import SGD, Optimizer

from train.config import OptimizerConfig


def make_optimizer(config: OptimizerConfig, model: nn.Module, *, fused: bool = False) -> Optimizer:
    """SGD over all parameters of `model`; as in the paper's program, biases and batch norms decay too.

    `fused` updates all parameters in one kernel, which pays on a GPU.
    """
    return SGD(
        model.parameters(),
        lr=config.lr,
        momentum=config.momentum,
        nesterov=config.nesterov,
        weight_decay=config.weight_decay,
        fused=fused,
    )
