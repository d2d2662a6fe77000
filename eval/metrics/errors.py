"""Top-1 and top-k error."""

import numpy as np

from eval.metrics.protocol import check_logits
from layermix.errors import InputError


def top_k_mistakes(logits: np.ndarray, labels: np.ndarray, k: int = 1) -> np.ndarray:
    """Whether the label misses the `k` highest logits: bool (N,) from float (N, C) and integer (N,).

    Of equal logits the lower class comes first, as in `argmax`, so that a constant output earns no credit.
    """
    check_logits(logits, labels)
    if not 1 <= k <= logits.shape[1]:
        raise InputError(f"k must be in 1 to {logits.shape[1]} (the classes), got {k}; choose a smaller k")
    own = np.take_along_axis(logits, labels[:, None], axis=1)
    lower_class = np.arange(logits.shape[1]) < labels[:, None]
    rank = ((logits > own) | ((logits == own) & lower_class)).sum(axis=1)
    return rank >= k


def top_k_error(logits: np.ndarray, labels: np.ndarray, k: int = 1) -> float:
    """Share of samples whose label misses the `k` highest logits; ties as in `top_k_mistakes`."""
    return int(top_k_mistakes(logits, labels, k).sum()) / len(labels)
