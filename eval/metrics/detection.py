"""Out-of-distribution detection: scores that are higher the stranger a picture is, and how well they separate.

Scores: negative maximum softmax probability (Hendrycks & Gimpel 2017) and free energy (Liu et al. 2020).
"""

import math

import numpy as np

from layermix.errors import InputError


def softmax_score(logits: np.ndarray) -> np.ndarray:
    """Minus the largest softmax probability: float64 (N,) from (N, C)."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return -1.0 / np.exp(shifted).sum(axis=1)


def energy_score(logits: np.ndarray) -> np.ndarray:
    """Free energy at temperature 1, minus the log of the summed exponentials: float64 (N,) from (N, C)."""
    largest = logits.max(axis=1).astype(np.float64)
    return -(largest + np.log(np.exp(logits.astype(np.float64) - largest[:, None]).sum(axis=1)))


def auroc(known: np.ndarray, strange: np.ndarray) -> float:
    """Chance that a strange picture scores above a known one, ties counting one half: from scores (N,) and (M,)."""
    known, strange = _sorted(known, strange)
    below = int(np.searchsorted(known, strange, side="left").sum())
    not_above = int(np.searchsorted(known, strange, side="right").sum())
    return (below + not_above) / (2 * len(known) * len(strange))


def aupr(known: np.ndarray, strange: np.ndarray) -> float:
    """Average precision of finding the strange pictures by high scores; equal scores are found together."""
    known, strange = _sorted(known, strange)
    thresholds = np.unique(strange)[::-1]
    found = len(strange) - np.searchsorted(strange, thresholds, side="left")
    alarms = len(known) - np.searchsorted(known, thresholds, side="left")
    recall_steps = np.diff(found, prepend=0) / len(strange)
    return float((recall_steps * found / (found + alarms)).sum())


def fpr_at_95_tpr(known: np.ndarray, strange: np.ndarray) -> float:
    """Share of the strange pictures taken for known at the threshold that keeps 95% of the known ones (FPR95)."""
    known, strange = _sorted(known, strange)
    threshold = known[math.ceil(0.95 * len(known)) - 1]
    return int(np.searchsorted(strange, threshold, side="right")) / len(strange)


def _sorted(known: np.ndarray, strange: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    for name, scores in (("known", known), ("strange", strange)):
        if scores.ndim != 1 or not len(scores) or np.isnan(scores).any():
            raise InputError(f"scores of {name} pictures must be (N,) with N ≥ 1 and no NaN, got {scores.shape}")
    return np.sort(known), np.sort(strange)
