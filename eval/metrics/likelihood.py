"""Proper scores of the predicted probabilities, and the temperature that makes them best."""

import numpy as np

from eval.metrics.protocol import check_logits
from eval.metrics.rows import by_blocks

LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.01, 100.0
"""Bounds of the fit; a model without a mistake would be best at temperature 0."""

_HALVINGS = 40


def negative_log_likelihood(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean of minus the log of the label's softmax probability (nats): from float (N, C) and integer (N,)."""
    return float(log_losses(logits, labels).mean())


def log_losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What each sample adds to `negative_log_likelihood`: float64 (N,)."""
    return confidence_and_losses(logits, labels)[1]


def confidence_and_losses(
    logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Of the softmax of logits / temperature the largest probability and minus the log of the label's: float64 (N,)."""
    check_logits(logits, labels)

    def measure(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        below = _below_largest(logits / temperature)
        total = np.exp(below).sum(axis=1)
        return 1.0 / total, -(_own(below, labels) - np.log(total))

    confidence, losses = by_blocks(measure, logits, labels)
    return confidence, losses


def brier_score(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean over samples of the squared distance between softmax probabilities and the label, 0 to 2 (Brier 1950)."""
    return float(squared_distances(logits, labels).mean())


def squared_distances(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What each sample adds to `brier_score`: float64 (N,)."""
    check_logits(logits, labels)

    def measure(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray]:
        below = _below_largest(logits)
        probabilities = np.exp(below - np.log(np.exp(below).sum(axis=1, keepdims=True)))
        return ((probabilities**2).sum(axis=1) - 2 * _own(probabilities, labels) + 1,)

    return by_blocks(measure, logits, labels)[0]


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature T that minimises the negative log-likelihood of logits / T (Guo et al. 2017).

    The likelihood is convex in 1 / T, so its slope is bisected. The result is between 0.01 and 100; it belongs to
    samples other than those that it is judged on.
    """
    check_logits(logits, labels)
    own = _own(logits, labels).astype(np.float64) - logits.max(axis=1)
    low, high = LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        # Too sharp where the label's score lies below the expected one.
        low, high = (middle, high) if own.mean() < _moments(logits, 1 / middle)[0].mean() else (low, middle)
    return (low * high) ** 0.5


def likelihood_slopes(logits: np.ndarray, labels: np.ndarray, inverse: float) -> tuple[np.ndarray, np.ndarray]:
    """First and minus the second derivative of each sample's log-likelihood of b * logits by b, at `inverse`.

    Two float64 (N,). The mean of the first falls with b and is 0 where 1 / b is `fit_temperature`; the second is the
    variance of the logits under their softmax.
    """
    check_logits(logits, labels)
    own = _own(logits, labels).astype(np.float64) - logits.max(axis=1)
    expected, expected_square = _moments(logits, inverse, powers=(1, 2))
    return own - expected, expected_square - expected**2


def _moments(logits: np.ndarray, inverse: float, powers: tuple[int, ...] = (1,)) -> list[np.ndarray]:
    """Means of powers of each row's logits less its largest, under the softmax of inverse * logits: float64 (N,)."""

    def measure(logits: np.ndarray) -> tuple[np.ndarray, ...]:
        below = _below_largest(logits)
        weights = np.exp(inverse * below)
        total = weights.sum(axis=1)
        return tuple((weights * below**power).sum(axis=1) / total for power in powers)

    return by_blocks(measure, logits)


def _below_largest(logits: np.ndarray) -> np.ndarray:
    return logits.astype(np.float64) - logits.max(axis=1, keepdims=True)


def _own(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What each row, (N, C), has for its label."""
    return rows[np.arange(len(labels)), labels]
