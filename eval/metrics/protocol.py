"""The two protocols of every metric, and what all metrics ask of their arrays."""

from typing import Literal

import numpy as np

from layermix.errors import InputError

Protocol = Literal["paper", "strict"]
"""`paper` repeats the published programs, defects included; `strict` keeps to the definition."""


def check_logits(logits: np.ndarray, labels: np.ndarray) -> None:
    """Raise InputError unless logits are (N, C), labels (N,), N ≥ 1, and every label is a class."""
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or logits.size == 0:
        raise InputError(
            f"logits must be (N, C) and labels (N,) with N ≥ 1, got {logits.shape} and {labels.shape}; "
            "pass one row of logits a label"
        )
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise InputError(
            f"labels must be in 0 to {logits.shape[1] - 1}, got {labels.min()} to {labels.max()}; "
            "the data set and the model differ in their classes"
        )


def check_confidence(confidence: np.ndarray, correct: np.ndarray) -> None:
    """Raise InputError unless both are (N,) with N ≥ 1."""
    if confidence.ndim != 1 or confidence.shape != correct.shape or confidence.size == 0:
        raise InputError(
            f"confidence and correct must be (N,) with N ≥ 1, got {confidence.shape} and {correct.shape}; "
            "pass one of each a sample"
        )


def check_protocol(protocol: str, known: tuple[str, ...] = ("paper", "strict")) -> None:
    """Raise InputError for a protocol that the metric does not have."""
    if protocol not in known:
        listed = " or ".join(repr(name) for name in known)
        raise InputError(f"protocol must be {listed}, got {protocol!r}; choose one of them")
