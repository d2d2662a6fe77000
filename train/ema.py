"""A moving average of the weights, which often classifies better than the weights of the last step."""

from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from models import Classifier


def make_ema(model: Classifier, decay: float) -> AveragedModel | None:
    """An average of which each update keeps the share `decay`; None for a decay of 0.

    The first update takes the weights as they are. Statistics of batch norms are averaged as the weights are.
    """
    if not decay:
        return None
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
