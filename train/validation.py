"""Error on the test set while training."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from train.distributed import SINGLE, Ranks
from train.precision import Precision


def evaluate(
    model: nn.Module, loader: Iterable, precision: Precision, stop: Callable[[], bool], ranks: Ranks = SINGLE
) -> dict[str, float] | None:
    """Top-1 error (a share), mean cross-entropy and number of the pictures of the `loader`s of all ranks.

    The model computes in evaluation mode and returns to its former mode. None if `stop()` became true. The counts are
    exact: each picture once, whatever the number of ranks.
    """
    was_training = model.training
    model.eval()
    try:
        sums = _sums(model, loader, precision, stop)
    finally:
        model.train(was_training)
    if sums is None:
        return None
    wrong, loss, images = ranks.total(sums.tolist())
    return {"error": wrong / images, "loss": loss / images, "images": int(images)}


@torch.inference_mode()
def _sums(model: nn.Module, loader: Iterable, precision: Precision, stop: Callable[[], bool]) -> Tensor | None:
    """Wrong answers, summed loss and number of pictures: float64 (3,) on the device, fetched at once."""
    sums = torch.zeros(3, dtype=torch.float64, device=precision.device)
    for batch in loader:
        if stop():
            return None
        valid = batch.valid.to(precision.device, non_blocking=True)
        with precision.autocast():
            logits = model(batch.images)
        sums[0] += ((logits.argmax(dim=1) != batch.labels) & valid).sum()
        sums[1] += (F.cross_entropy(logits.float(), batch.labels, reduction="none") * valid).sum()
        sums[2] += valid.sum()
    return sums
