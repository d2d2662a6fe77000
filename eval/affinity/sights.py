"""What a model sees in every picture: once clean, and in each draw of each policy."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from eval.affinity.measures import FeatureComparison, Measures, accuracy, affinity, affinity_difference
from eval.affinity.policies import describe
from eval.metrics import top_k_mistakes
from eval.network import frozen_statistics
from eval.predictions import check_logits
from eval.subjects import Subject
from layermix import FractalBank, Policy, augment
from layermix.errors import InputError
from models.features import logits_and_features
from pipelines import Loader

Change = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From pictures, uint8 (N, H, W, 3), and sample ids, int64 (N,), to pictures of the same shape."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sight:
    """Every picture once, in the order of the sample ids.

    `correct` bool (N,), `features` float32 (N, D), `labels` int64 (N,).
    """

    correct: np.ndarray
    features: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Draws:
    """How pictures are augmented: epochs 0 to `epochs` - 1 of `seed`, with `fractals` where a policy mixes them in."""

    fractals: FractalBank | None
    epochs: int
    seed: int
    threads: int = 1

    def change(self, policy: Policy, epoch: int) -> Change:
        """The augmentation of one epoch; pixels depend on seed, epoch and sample id, not on the batch."""
        bank = self.fractals if policy.uses_fractals else None

        def augmented(images: np.ndarray, sample_ids: np.ndarray) -> np.ndarray:
            key = {"seed": self.seed, "epoch": epoch, "sample_ids": sample_ids}
            return augment(images, policy, fractals=bank, threads=self.threads, **key)

        return augmented


def measure_policies(
    subject: Subject,
    policies: Sequence[Policy],
    pictures: Loader,
    draws: Draws,
    device: torch.device,
    on_sight: Callable[[str], None] = lambda key: None,
) -> tuple[float, dict[str, Measures]]:
    """Clean accuracy, and the measures of each policy by its description; `1 + epochs · policies` sights.

    `on_sight` is called with the name of each finished one. Raises InputError for a model without penultimate
    features, with logits that are not finite, or that gets no clean picture right.
    """
    found = {}
    clean = see(subject, pictures, lambda images, ids: images, device, "clean")
    on_sight("clean")
    features = FeatureComparison(clean.features, clean.labels)
    for policy in policies:
        name, comparison, correct = describe(policy), features.restart(), []
        for epoch in range(draws.epochs):
            key = f"{name}, epoch {epoch}"
            sight = see(subject, pictures, draws.change(policy, epoch), device, key)
            comparison.add(sight.features)
            correct.append(sight.correct)
            on_sight(key)
        found[name] = _measures(clean.correct, np.stack(correct, axis=1), comparison)
    return float(clean.correct.mean()), found


def _measures(clean: np.ndarray, augmented: np.ndarray, comparison: FeatureComparison) -> Measures:
    return Measures(
        accuracy=accuracy(augmented),
        affinity=affinity(clean, augmented),
        difference=affinity_difference(clean, augmented),
        feature_distance=comparison.distance(),
        feature_diversity=comparison.diversity(),
    )


def see(subject: Subject, pictures: Loader, change: Change, device: torch.device, key: str) -> Sight:
    """Show every picture, changed by `change`, to the model once."""
    where = f"{subject.name}, {key}"
    # By default cuDNN convolves float32 with TF32's 10 bits, which would move features between machines.
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False), frozen_statistics(subject.classifier, where):
        parts = [*_batches(subject, pictures, change, device)]
    logits, features, labels, ids = (np.concatenate(column) for column in zip(*parts))
    check_logits(logits, where)
    order = np.argsort(ids, kind="stable")
    if not np.array_equal(ids[order], np.arange(pictures.num_samples)):
        raise InputError(f"{where}: every picture must come exactly once, got {len(ids)} rows; check the data set")
    correct = ~top_k_mistakes(logits, labels)
    return Sight(correct=correct[order], features=features[order], labels=labels[order])


@torch.no_grad()
def _batches(
    subject: Subject, pictures: Loader, change: Change, device: torch.device
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    subject.classifier.eval()
    for batch in pictures:
        ids = batch.sample_ids.cpu().numpy().copy()
        pixels = np.ascontiguousarray(batch.images.permute(0, 2, 3, 1).cpu().numpy())
        shown = torch.from_numpy(change(pixels, ids)).permute(0, 3, 1, 2).to(device)
        logits, features = logits_and_features(subject.classifier, shown)
        yield logits.float().cpu().numpy(), features.float().cpu().numpy(), batch.labels.cpu().numpy().copy(), ids
