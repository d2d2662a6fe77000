"""What a model said about the pictures of one cell: the only thing that metrics are computed from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.metrics import confidence_and_losses, squared_distances, top_k_mistakes
from layermix.errors import InputError

FIRST_CLASSES = 5
"""Classes whose order is kept exactly: enough for the top-5 error and the top-5 distance."""


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Of N pictures, in the order of their ids.

    `logits` float32 (N, C), `labels` int64 (N,) and `sample_ids` int64 (N,). Where the logits were stored as float16,
    which makes ties, `order` integer (N, 5) holds the first classes by the float32 logits; else it is None.
    """

    logits: np.ndarray
    labels: np.ndarray
    sample_ids: np.ndarray
    order: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, chosen: np.ndarray) -> "Predictions":
        """Those of the pictures where `chosen`, bool (N,), is true."""
        return Predictions(
            logits=self.logits[chosen],
            labels=self.labels[chosen],
            sample_ids=self.sample_ids[chosen],
            order=None if self.order is None else self.order[chosen],
        )

    def mistakes(self, k: int = 1) -> np.ndarray:
        """Whether the label misses the first `k` classes: bool (N,); see `eval.metrics.top_k_mistakes`."""
        if self.order is None or k > self.order.shape[1]:
            return top_k_mistakes(self.logits, self.labels, k)
        return (self.order[:, :k] != self.labels[:, None]).all(axis=1)

    def predicted(self) -> np.ndarray:
        """The predicted class, of equal logits the lower: int64 (N,)."""
        return self.logits.argmax(axis=1) if self.order is None else self.order[:, 0].astype(np.int64)

    def confidence_and_correct(self) -> tuple[np.ndarray, np.ndarray]:
        """Probability of the predicted class, float64 (N,), and whether it is the label, bool (N,)."""
        return self.confidence_and_losses()[0], ~self.mistakes()

    def confidence_and_losses(self, temperature: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """By logits / temperature: see `eval.metrics.confidence_and_losses`."""
        return confidence_and_losses(self.logits, self.labels, temperature)

    def squared_distances(self) -> np.ndarray:
        """See `eval.metrics.squared_distances`."""
        return squared_distances(self.logits, self.labels)


@dataclass(frozen=True, kw_only=True)
class SequencePredictions:
    """Of N sequences of T frames, in the order of their ids.

    `order` int64 (N, T, K) holds the first K = min(5, C) classes of every frame by its float32 logits, of equal ones
    the lower class first: all that flips and top-5 distances need. `labels` and `sample_ids` int64 (N,).
    """

    order: np.ndarray
    labels: np.ndarray
    sample_ids: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


CellPredictions = Mapping[str, Any]
"""One model's predictions by the key of the cell: `Predictions`, or `SequencePredictions` of a set of sequences.

`eval.store` reads them from disk when they are asked for.
"""


def check_logits(logits: np.ndarray, where: str) -> None:
    """Raise InputError unless `logits`, float32 (N, C), are finite and not already probabilities."""
    if not np.isfinite(logits).all():
        bad = int((~np.isfinite(logits).all(axis=1)).sum())
        raise InputError(
            f"{where}: logits must be finite, got NaN or infinity for {bad} of {len(logits)} samples; "
            "the training of this checkpoint diverged, choose an earlier one"
        )
    if (logits >= 0).all() and np.allclose(logits.sum(axis=1, dtype=np.float64), 1, atol=1e-4):
        raise InputError(
            f"{where}: the model must return logits, got probabilities (rows ≥ 0 that sum to 1); remove its softmax"
        )
