"""A moving average of the weights, which often classifies better than the weights of the last step."""

from collections.abc import Sequence
from pathlib import Path

from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from layermix.config import to_mapping
from models import Checkpoint, Classifier, save_checkpoint
from train.config import TrainConfig

EMA_CHECKPOINT = Path("checkpoints", "ema.pt")


def make_ema(model: Classifier, decay: float) -> AveragedModel | None:
    """An average of which each update keeps the share `decay`; None for a decay of 0.

    The first update takes the weights as they are. Statistics of batch norms are averaged as the weights are.
    """
    if not decay:
        return None
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)


def save_ema(
    folder: Path, ema: AveragedModel, config: TrainConfig, classes: Sequence[str], *, epoch: int, step: int
) -> None:
    """Write the average to `RUN/checkpoints/ema.pt`, a checkpoint to evaluate and not to continue from."""
    checkpoint = Checkpoint(
        model=config.model,
        weights=ema.module.state_dict(),
        classes=tuple(classes),
        epoch=epoch,
        step=step,
        config=to_mapping(config),
    )
    save_checkpoint(folder / EMA_CHECKPOINT, checkpoint)
