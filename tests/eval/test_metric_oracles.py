"""`eval.metrics` against torch-uncertainty, where it has the metric."""

import numpy as np
import pytest
import torch
from torch_uncertainty.metrics import (
    AURC,
    FPR95,
    AdaptiveCalibrationError,
    BrierScore,
    CalibrationError,
    CategoricalNLL,
)

from eval.metrics import (
    aurra,
    brier_score,
    confidence_and_correct,
    expected_calibration_error,
    fpr_at_95_tpr,
    negative_log_likelihood,
    rms_calibration_error,
)

pytestmark = pytest.mark.filterwarnings("ignore:Metric `FPR95` will save all targets:UserWarning")
CLASSES = 5


@pytest.fixture(scope="module")
def logits() -> np.ndarray:
    return np.random.default_rng(22).normal(size=(1000, CLASSES)) * 2


@pytest.fixture(scope="module")
def labels(logits) -> np.ndarray:
    """Half of them are what the logits say."""
    generator = np.random.default_rng(23)
    return np.where(generator.random(1000) < 0.5, logits.argmax(axis=1), generator.integers(0, CLASSES, 1000))


@pytest.fixture
def theirs(logits, labels):
    """The value of one of their metrics on the softmax of the logits."""

    def value(metric) -> float:
        metric.update(torch.from_numpy(logits).softmax(dim=1), torch.from_numpy(labels))
        return float(metric.compute())

    return value


def test_rms_calibration_error_where_bins_are_of_equal_size(logits, labels, theirs):
    bins = {"num_bins": 10, "norm": "l2", "num_classes": CLASSES}
    expected = theirs(AdaptiveCalibrationError(task="multiclass", **bins))
    assert rms_calibration_error(*confidence_and_correct(logits, labels)) == pytest.approx(expected, abs=1e-6)


def test_expected_calibration_error(logits, labels, theirs):
    expected = theirs(CalibrationError(task="multiclass", num_bins=15, norm="l1", num_classes=CLASSES))
    assert expected_calibration_error(*confidence_and_correct(logits, labels)) == pytest.approx(expected, abs=1e-6)


def test_negative_log_likelihood(logits, labels, theirs):
    assert negative_log_likelihood(logits, labels) == pytest.approx(theirs(CategoricalNLL()), rel=1e-5)


def test_brier_score(logits, labels, theirs):
    assert brier_score(logits, labels) == pytest.approx(theirs(BrierScore(num_classes=CLASSES)), rel=1e-5)


def test_aurra_is_one_minus_the_mean_of_the_risk_coverage_curve(logits, labels):
    metric = AURC()
    metric.update(torch.from_numpy(logits).softmax(dim=1), torch.from_numpy(labels))
    risk = metric.partial_compute().numpy()
    assert 1 - aurra(*confidence_and_correct(logits, labels)) == pytest.approx(risk.mean(), abs=1e-6)


def test_false_positive_rate_at_95_percent():
    generator = np.random.default_rng(27)
    known, strange = generator.normal(0, 1, 2000), generator.normal(2, 1, 2000)
    metric = FPR95(pos_label=0)
    metric.update(torch.from_numpy(-np.concatenate([known, strange])), torch.tensor([0] * 2000 + [1] * 2000))
    assert fpr_at_95_tpr(known, strange) == pytest.approx(float(metric.compute()), abs=1e-6)
