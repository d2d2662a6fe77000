"""Calibration: whether confidences say how often predictions are right."""

from dataclasses import dataclass

import numpy as np

from eval.metrics.errors import top_k_mistakes
from eval.metrics.likelihood import confidence_and_losses
from eval.metrics.protocol import Protocol, check_confidence, check_protocol
from layermix.errors import InputError

BIN_SIZE = 100
"""Samples in an adaptive calibration bin, as in the published programs."""

UNIFORM_BINS = 15
"""Bins of equal width of the expected calibration error (Guo et al. 2017)."""


def confidence_and_correct(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Softmax probability of the predicted class, float64 (N,), and whether it is the label, bool (N,)."""
    confidence, _ = confidence_and_losses(logits, labels)
    return confidence, ~top_k_mistakes(logits, labels)


@dataclass(frozen=True, kw_only=True)
class ReliabilityCurve:
    """Bins of rising confidence: mean confidence and accuracy, float64 (B,), and samples, int64 (B,).

    Means may be (..., B), of several curves whose bins hold as many samples each.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray


def reliability_curve(confidence: np.ndarray, correct: np.ndarray, bin_size: int = BIN_SIZE) -> ReliabilityCurve:
    """Adaptive bins (Nguyen & O'Connor 2015): samples sorted by confidence, `bin_size` in each.

    Equal confidences keep the order they came in. The last bin takes the rest, so it holds `bin_size` to
    `2 * bin_size - 1` samples; fewer than `bin_size` samples are one bin.
    """
    check_confidence(confidence, correct)
    if bin_size < 1:
        raise InputError(f"bin_size must be ≥ 1, got {bin_size}; the published bins hold {BIN_SIZE}")
    order = np.argsort(confidence, kind="stable")
    count = bin_counts(len(order), bin_size)
    starts = np.cumsum(count) - count
    return ReliabilityCurve(
        confidence=np.add.reduceat(confidence[order].astype(np.float64), starts) / count,
        accuracy=np.add.reduceat(correct[order].astype(np.int64), starts) / count,
        count=count,
    )


def bin_counts(samples: int, bin_size: int = BIN_SIZE) -> np.ndarray:
    """Samples in each adaptive bin: int64 (B,)."""
    count = np.full(max(1, samples // bin_size), bin_size)
    count[-1] = samples - bin_size * (len(count) - 1)
    return count


def rms_calibration_error(confidence: np.ndarray, correct: np.ndarray, protocol: Protocol = "strict") -> float:
    """Root mean square gap between confidence and accuracy over adaptive bins of 100, weighted by their size.

    `strict` takes every bin. `paper` leaves out the last, most confident one from the sum but not from the
    total, as the published programs do; like them it needs 100 samples, and with fewer than 200 it is 0.
    """
    check_protocol(protocol)
    if protocol == "paper" and len(confidence) < BIN_SIZE:
        raise InputError(f"protocol 'paper' needs at least {BIN_SIZE} samples, got {len(confidence)}; use 'strict'")
    return float(rms_of_curve(reliability_curve(confidence, correct), protocol))


def rms_of_curve(curve: ReliabilityCurve, protocol: Protocol = "strict") -> np.ndarray:
    """`rms_calibration_error` from its bins; of curves (..., B) as many values, float64 (...)."""
    squares = curve.count * (curve.confidence - curve.accuracy) ** 2
    kept = squares[..., :-1] if protocol == "paper" else squares
    return np.sqrt(kept.sum(axis=-1) / curve.count.sum())


def debiased_rms_calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    """The strict RMS calibration error less what chance alone puts into it (Kumar et al. 2019, section 4).

    The accuracy of a bin of n samples scatters about its true value with variance a (1 - a) / (n - 1), which
    the plain value counts as miscalibration: about 2.7% for a perfect model and 10,000 samples. Where the
    difference is negative the result is 0. Needs two samples.
    """
    curve = reliability_curve(confidence, correct)
    if curve.count.min() < 2:
        raise InputError(f"the debiased value needs at least 2 samples, got {len(confidence)}; add samples")
    return float(debiased_rms_of_curve(curve))


def debiased_rms_of_curve(curve: ReliabilityCurve) -> np.ndarray:
    """`debiased_rms_calibration_error` from its bins; of curves (..., B) as many values, float64 (...)."""
    chance = curve.accuracy * (1 - curve.accuracy) / (curve.count - 1)
    squares = curve.count * ((curve.confidence - curve.accuracy) ** 2 - chance)
    return np.sqrt(np.maximum(0.0, squares.sum(axis=-1) / curve.count.sum()))


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = UNIFORM_BINS) -> float:
    """ECE: mean gap between confidence and accuracy over `bins` of equal width, weighted by their size.

    A bin holds its upper end, (k / bins, (k + 1) / bins].
    """
    check_confidence(confidence, correct)
    gaps = np.bincount(uniform_bins(confidence, bins), weights=confidence - correct, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def uniform_bins(confidence: np.ndarray, bins: int = UNIFORM_BINS) -> np.ndarray:
    """The bin of equal width that each confidence falls into: int64 (N,), 0 to `bins` - 1."""
    return np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)


def aurra(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Area under the response rate accuracy curve: the mean over k of the accuracy of the k most confident.

    Within a group of equal confidences every order is as good as another: each counts the group's mean.
    """
    check_confidence(confidence, correct)
    order = np.argsort(-confidence, kind="stable")
    starts = np.flatnonzero(np.diff(confidence[order], prepend=np.inf))
    sizes = np.diff(np.append(starts, len(order)))
    means = np.add.reduceat(correct[order].astype(np.float64), starts) / sizes
    right = np.cumsum(np.repeat(means, sizes))
    return float((right / np.arange(1, len(order) + 1)).mean())
