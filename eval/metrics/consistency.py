"""Consistency over the frames of a sequence, the metrics of CIFAR-P and ImageNet-P (Hendrycks & Dietterich 2019).

Sequences of a temporal perturbation compare neighbouring frames; those of noise compare every frame with the
first, because their frames are independent draws.
"""

import numpy as np

from layermix.errors import InputError

TOP = 5
"""Classes that the top-5 distance looks at."""


def flips(predictions: np.ndarray, temporal: bool) -> np.ndarray:
    """Whether the prediction differs: bool (N, T - 1) from integer (N, T), a row a sequence.

    Between neighbouring frames where `temporal`, else between the first frame and each later one.
    """
    if predictions.ndim != 2 or len(predictions) < 1 or predictions.shape[1] < 2:
        raise InputError(
            f"predictions must be (N, T) with N ≥ 1 and T ≥ 2, got {predictions.shape}; pass a row a sequence"
        )
    return predictions[:, 1:] != (predictions[:, :-1] if temporal else predictions[:, :1])


def flip_probability(predictions: np.ndarray, temporal: bool) -> float:
    """Mean over sequences of the share of compared frames whose prediction differs; see `flips`."""
    found = flips(predictions, temporal)
    return int(found.sum()) / found.size


def top_order(logits: np.ndarray, count: int = TOP) -> np.ndarray:
    """The `count` classes of highest logits, falling: int64 (..., count); of equal ones the lower class comes first."""
    if not 1 <= count <= logits.shape[-1]:
        raise InputError(f"count must be in 1 to {logits.shape[-1]} (the classes), got {count}; choose fewer")
    return np.argsort(-logits, axis=-1, kind="stable")[..., :count]


def top5_distance(logits_a: np.ndarray, logits_b: np.ndarray) -> np.ndarray:
    """T5D between the class rankings of two frames: int64 (N,), 0 to 15, from two float (N, C), C ≥ 5.

    Σ over i = 1..5 of |(i - 1) - min(r_i - 1, 5)|, with r_i the rank in b of the i-th class of a; ties are broken
    as in `top_order`. Not symmetric. Only the five first classes of either frame take part: see `order_distance`.
    """
    if logits_a.shape != logits_b.shape or logits_a.ndim != 2 or logits_a.shape[1] < TOP:
        raise InputError(
            f"logits of both frames must be (N, C) with C ≥ {TOP}, got {logits_a.shape} and {logits_b.shape}; "
            "the top-5 distance needs five classes"
        )
    return order_distance(top_order(logits_a), top_order(logits_b))


def order_distance(order_a: np.ndarray, order_b: np.ndarray) -> np.ndarray:
    """`top5_distance` from the five first classes of each frame, integer (..., 5) as of `top_order`: int64 (...)."""
    if order_a.shape[-1] != TOP or order_b.shape[-1] != TOP:
        raise InputError(f"orders must hold {TOP} classes, got {order_a.shape[-1]} and {order_b.shape[-1]}")
    same = order_a[..., :, None] == order_b[..., None, :]
    rank = np.where(same.any(axis=-1), same.argmax(axis=-1), TOP)
    return np.abs(np.arange(TOP) - rank).sum(axis=-1)
