"""What a step minimises: cross-entropy, with smoothed or mixed labels, and the Jensen-Shannon loss of three views."""

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from train.config import LossConfig

VIEWS: Final = 3
"""Views of a picture that the Jensen-Shannon loss compares: clean, and two augmented."""

Loss = Callable[[Tensor, Tensor], Tensor]
"""Mean loss, a scalar, from logits (N, classes) and labels (N,) or their probabilities (N, classes)."""


def make_loss(config: LossConfig) -> Loss:
    """The loss of a configuration; that of `jsd` takes the logits of N samples x 3 views, a sample's in a row."""

    def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(logits.float(), targets, label_smoothing=config.label_smoothing)

    def jsd(logits: Tensor, targets: Tensor) -> Tensor:
        clean, first, second = logits.unflatten(0, (-1, VIEWS)).unbind(1)
        return cross_entropy(clean, targets) + config.jsd_weight * jensen_shannon(clean, first, second)

    return jsd if config.name == "jsd" else cross_entropy


def jensen_shannon(clean: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Mean over the batch of the divergence (KL(p_1 | M) + KL(p_2 | M) + KL(p_3 | M)) / 3 of three views.

    The views are logits (N, classes); M is the mean of their probabilities, clamped to [1e-7, 1] (AugMix, equation 1
    and its released program).
    """
    views = [F.softmax(_at_least_float32(logits), dim=1) for logits in (clean, first, second)]
    log_mean = torch.stack(views).mean(0).clamp(1e-7, 1).log()
    return torch.stack([F.kl_div(log_mean, view, reduction="batchmean") for view in views]).mean()


def _at_least_float32(values: Tensor) -> Tensor:
    return values if values.dtype == torch.float64 else values.float()
