"""Proper scores of the predicted probabilities, and the temperature that makes them best."""

import numpy as np

from eval.metrics.protocol import check_logits

LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.01, 100.0
"""Bounds of the fit; a model without a mistake would be best at temperature 0."""

_HALVINGS = 40


def negative_log_likelihood(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean of minus the log of the label's softmax probability (nats): from float (N, C) and integer (N,)."""
    return float(log_losses(logits, labels).mean())


def log_losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What each sample adds to `negative_log_likelihood`: float64 (N,)."""
    check_logits(logits, labels)
    return -_log_softmax(logits)[np.arange(len(labels)), labels]


def brier_score(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean over samples of the squared distance between softmax probabilities and the label, 0 to 2 (Brier 1950)."""
    return float(squared_distances(logits, labels).mean())


def squared_distances(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What each sample adds to `brier_score`: float64 (N,)."""
    check_logits(logits, labels)
    probabilities = np.exp(_log_softmax(logits))
    own = probabilities[np.arange(len(labels)), labels]
    return (probabilities**2).sum(axis=1) - 2 * own + 1


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature T that minimises the negative log-likelihood of logits / T (Guo et al. 2017).

    The likelihood is convex in 1 / T, so its slope is bisected. The result is between 0.01 and 100; it belongs to
    samples other than those that it is judged on.
    """
    check_logits(logits, labels)
    scores = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    own = scores[np.arange(len(labels)), labels]
    low, high = LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        # Too sharp where the label's score lies below the expected one.
        low, high = (middle, high) if own.mean() < _moment(scores, 1 / middle, 1).mean() else (low, middle)
    return (low * high) ** 0.5


def likelihood_slopes(logits: np.ndarray, labels: np.ndarray, inverse: float) -> tuple[np.ndarray, np.ndarray]:
    """First and minus the second derivative of each sample's log-likelihood of b * logits by b, at `inverse`.

    Two float64 (N,). The mean of the first falls with b and is 0 where 1 / b is `fit_temperature`; the second is the
    variance of the logits under their softmax.
    """
    check_logits(logits, labels)
    scores = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    expected = _moment(scores, inverse, 1)
    return scores[np.arange(len(labels)), labels] - expected, _moment(scores, inverse, 2) - expected**2


def _moment(scores: np.ndarray, inverse: float, power: int) -> np.ndarray:
    """The mean of a power of each row's scores, (N, C), under the softmax of inverse * scores: float64 (N,)."""
    weights = np.exp(inverse * scores)
    return (weights * scores**power).sum(axis=1) / weights.sum(axis=1)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
