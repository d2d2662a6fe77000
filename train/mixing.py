"""MixUp and CutMix, torchvision's, as functions of (seed, step, batch): nothing to save, nothing that shifts others."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from pipelines import Batch
from train.config import TrainConfig

BatchMixing = Callable[[Batch, int], tuple[Tensor, Tensor]]
"""Pictures and labels to train on, from a batch and the number of finished steps."""


def make_batch_mixing(config: TrainConfig) -> BatchMixing:
    """The mixing of a configuration; `none` gives the batch as it is.

    MixUp gives pictures float32 in [0, 1], CutMix uint8 as they came; labels of both are probabilities (N, classes).
    """
    if config.loss.mixing == "none":
        return lambda batch, step: (batch.images, batch.labels)
    from torchvision.transforms import v2  # seconds to import, and only this loss needs it

    kind = v2.MixUp if config.loss.mixing == "mixup" else v2.CutMix
    transform = kind(alpha=config.loss.alpha, num_classes=config.model.num_classes)
    has_shares = config.loss.mixing == "mixup"

    def mix(batch: Batch, step: int) -> tuple[Tensor, Tensor]:
        images = batch.images.float() / 255 if has_shares else batch.images
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(_key(config.run.seed, step, int(batch.sample_ids[0])))
            images, labels = transform(images, batch.labels)
        return images.contiguous(memory_format=torch.channels_last), labels

    return mix


def _key(seed: int, step: int, sample_id: int) -> int:
    """A seed of 64 bits; the first sample of a batch tells the ranks of one step apart."""
    return int(np.random.SeedSequence([seed, step, sample_id]).generate_state(1, np.uint64)[0])
