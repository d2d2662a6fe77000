"""The losses are their formulas, computed anew in NumPy and float64."""

import numpy as np
import pytest
import torch

from train.config import LossConfig
from train.losses import jensen_shannon, make_loss


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def divergence(views: np.ndarray) -> float:
    """Mean over samples of mean_v sum_c p_vc (log p_vc - log M_c), for logits (3, N, classes)."""
    probabilities = np.stack([softmax(view) for view in views])
    mean = np.clip(probabilities.mean(0), 1e-7, 1)
    terms = np.where(probabilities > 0, probabilities * (np.log(np.maximum(probabilities, 1e-300)) - np.log(mean)), 0)
    return terms.sum(2).mean()


def cross_entropy(logits: np.ndarray, targets: np.ndarray, smoothing: float = 0.0) -> float:
    """For targets (N, classes) of probabilities."""
    targets = targets * (1 - smoothing) + smoothing / targets.shape[1]
    return -(targets * np.log(softmax(logits))).sum(1).mean()


@pytest.mark.parametrize("scale", [0.01, 1, 10, 100])
def test_the_jensen_shannon_divergence_is_its_formula_in_float64(scale):
    views = np.random.default_rng(0).normal(0, scale, (3, 16, 10))
    computed = jensen_shannon(*(torch.from_numpy(view) for view in views))
    assert computed.dtype == torch.float64
    assert computed.item() == pytest.approx(divergence(views), rel=1e-10, abs=1e-12)


def test_the_divergence_of_equal_views_is_zero_and_of_disjoint_ones_log_3():
    logits = torch.randn(4, 5)
    assert jensen_shannon(logits, logits, logits).item() == pytest.approx(0, abs=1e-6)
    apart = [torch.full((1, 3), -1e4) for _ in range(3)]
    for place, view in enumerate(apart):
        view[0, place] = 1e4
    assert jensen_shannon(*apart).item() == pytest.approx(np.log(3), rel=1e-6)


def test_the_divergence_does_not_depend_on_the_order_of_the_views():
    views = [torch.randn(6, 4, dtype=torch.float64) for _ in range(3)]
    expected = jensen_shannon(*views).item()
    assert jensen_shannon(views[2], views[0], views[1]).item() == pytest.approx(expected, rel=1e-12)


def test_the_divergence_has_the_gradient_of_its_formula():
    views = [torch.randn(3, 4, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    assert torch.autograd.gradcheck(jensen_shannon, views)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_jsd_loss_takes_clean_cross_entropy_and_twelve_divergences(smoothing):
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(0, 2, (8, 3, 5)), rng.integers(0, 5, 8)
    loss = make_loss(LossConfig(name="jsd", label_smoothing=smoothing))
    computed = loss(torch.from_numpy(logits).flatten(0, 1), torch.from_numpy(labels)).item()
    clean = cross_entropy(logits[:, 0], np.eye(5)[labels], smoothing)
    assert computed == pytest.approx(clean + 12 * divergence(logits.transpose(1, 0, 2)), rel=1e-5)


def test_the_jsd_loss_in_bfloat16_is_computed_in_float32():
    logits = torch.randn(6, 5).bfloat16()
    labels = torch.tensor([0, 3])
    loss = make_loss(LossConfig(name="jsd"))
    assert loss(logits, labels).dtype == torch.float32
    assert torch.equal(loss(logits, labels), loss(logits.float(), labels))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_takes_labels_and_mixed_labels(smoothing):
    rng = np.random.default_rng(2)
    logits, labels = rng.normal(0, 2, (8, 5)), rng.integers(0, 5, 8)
    mixed = softmax(rng.normal(0, 1, (8, 5)))
    loss = make_loss(LossConfig(label_smoothing=smoothing))
    pixels = torch.from_numpy(logits)
    assert loss(pixels, torch.from_numpy(labels)).item() == pytest.approx(
        cross_entropy(logits, np.eye(5)[labels], smoothing), rel=1e-5
    )
    assert loss(pixels, torch.from_numpy(mixed).float()).item() == pytest.approx(
        cross_entropy(logits, mixed, smoothing), rel=1e-5
    )
