"""Error on the test set while training."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from train.precision import Precision


def evaluate(
    model: nn.Module, loader: Iterable, precision: Precision, stop: Callable[[], bool]
) -> dict[str, float] | None:
    """Top-1 error (a share), mean cross-entropy and number of the pictures of `loader`.

    The model computes in evaluation mode and returns to its former mode. None if `stop()` became true.
    """
    was_training = model.training
    model.eval()
    try:
        sums = _sums(model, loader, precision, stop)
    finally:
        model.train(was_training)
    if sums is None:
        return None
    wrong, loss, images = sums.tolist()
    return {"error": wrong / images, "loss": loss / images, "images": int(images)}


@torch.inference_mode()
def _sums(model: nn.Module, loader: Iterable, precision: Precision, stop: Callable[[], bool]) -> Tensor | None:
    """Wrong answers, summed loss and number of pictures: float64 (3,) on the device, fetched at once."""
    sums = torch.zeros(3, dtype=torch.float64, device=precision.device)
    for batch in loader:
        if stop():
            return None
        with precision.autocast():
            logits = model(batch.images)
        sums[0] += (logits.argmax(dim=1) != batch.labels).sum()
        sums[1] += F.cross_entropy(logits.float(), batch.labels, reduction="sum")
        sums[2] += len(batch.labels)
    return sums
