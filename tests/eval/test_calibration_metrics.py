"""`eval.metrics`: calibration against hand-computed cases, plain formulas, and properties."""

import math

import numpy as np
import pytest

from eval.metrics import (
    aurra,
    brier_score,
    confidence_and_losses,
    debiased_rms_calibration_error,
    expected_calibration_error,
    fit_temperature,
    likelihood_slopes,
    negative_log_likelihood,
    reliability_curve,
    rms_calibration_error,
    squared_distances,
)
from layermix.errors import InputError


def random_predictions(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    confidence = generator.uniform(0.1, 1.0, count)
    return confidence, generator.random(count) < confidence**2


def plain_rms(confidence, correct, leave_out_last: bool) -> float:
    """The definition, in Python loops: bins of 100 by confidence, the last takes the rest."""
    pairs = sorted(zip(confidence.tolist(), correct.tolist()), key=lambda pair: pair[0])
    bins = [pairs[k * 100 : (k + 1) * 100] for k in range(max(1, len(pairs) // 100))]
    bins[-1] = pairs[(len(bins) - 1) * 100 :]
    total = 0.0
    for members in bins[:-1] if leave_out_last else bins:
        gap = sum(c for c, _ in members) / len(members) - sum(r for _, r in members) / len(members)
        total += len(members) / len(pairs) * gap**2
    return math.sqrt(total)


class TestReliabilityCurve:
    def test_bins_are_sorted_and_the_last_takes_the_rest(self):
        confidence, correct = random_predictions(257)
        curve = reliability_curve(confidence, correct)
        np.testing.assert_array_equal(curve.count, [100, 157])
        assert (np.diff(curve.confidence) >= 0).all()

    def test_means_are_those_of_the_samples(self):
        confidence, correct = random_predictions(330)
        curve = reliability_curve(confidence, correct)
        assert (curve.count * curve.accuracy).sum() == pytest.approx(correct.sum())
        assert (curve.count * curve.confidence).sum() == pytest.approx(confidence.sum())

    def test_fewer_samples_than_a_bin_are_one_bin(self):
        curve = reliability_curve(np.array([0.4, 0.6]), np.array([True, False]))
        assert (curve.confidence[0], curve.accuracy[0], curve.count[0]) == (0.5, 0.5, 2)

    def test_bad_arguments_are_refused(self):
        with pytest.raises(InputError, match=r"must be \(N,\) with N ≥ 1"):
            reliability_curve(np.array([]), np.array([]))
        with pytest.raises(InputError, match="bin_size must be ≥ 1, got 0"):
            reliability_curve(np.array([0.5]), np.array([True]), 0)


class TestRmsCalibrationError:
    @pytest.mark.parametrize("count", [100, 199, 200, 250, 1000, 1099])
    def test_both_protocols_agree_with_the_plain_formulas(self, count):
        confidence, correct = random_predictions(count)
        strict = rms_calibration_error(confidence, correct)
        paper = rms_calibration_error(confidence, correct, protocol="paper")
        assert strict == pytest.approx(plain_rms(confidence, correct, leave_out_last=False), abs=1e-12)
        assert paper == pytest.approx(plain_rms(confidence, correct, leave_out_last=True), abs=1e-12)

    def test_hand_computed_two_bins(self):
        confidence = np.repeat([0.5, 0.9], 100)
        correct = np.concatenate([np.arange(100) < 30, np.arange(100) < 50])
        assert rms_calibration_error(confidence, correct) == pytest.approx(math.sqrt((0.2**2 + 0.4**2) / 2))
        assert rms_calibration_error(confidence, correct, "paper") == pytest.approx(math.sqrt(0.2**2 / 2))

    def test_paper_never_exceeds_strict(self):
        for seed in range(5):
            confidence, correct = random_predictions(350, seed)
            assert rms_calibration_error(confidence, correct, "paper") <= rms_calibration_error(confidence, correct)

    def test_the_order_of_the_samples_does_not_matter(self):
        confidence, correct = random_predictions(500)
        order = np.random.default_rng(3).permutation(500)
        shuffled = rms_calibration_error(confidence[order], correct[order])
        assert shuffled == pytest.approx(rms_calibration_error(confidence, correct), abs=1e-14)

    def test_full_confidence_in_right_answers_is_zero(self):
        assert rms_calibration_error(np.ones(300), np.ones(300, bool)) == 0

    def test_fewer_than_a_bin_is_one_bin_strictly_and_refused_on_paper(self):
        confidence, correct = np.array([0.8, 0.6]), np.array([True, True])
        assert rms_calibration_error(confidence, correct) == pytest.approx(0.3)
        with pytest.raises(InputError, match="'paper' needs at least 100 samples, got 2"):
            rms_calibration_error(confidence, correct, "paper")

    def test_an_unknown_protocol_is_refused(self):
        with pytest.raises(InputError, match="must be 'paper' or 'strict', got 'loose'"):
            rms_calibration_error(np.ones(2), np.ones(2, bool), "loose")  # type: ignore[arg-type]


class TestDebiased:
    def test_removes_what_chance_puts_into_a_perfect_model(self):
        generator = np.random.default_rng(5)
        confidence = generator.uniform(0.5, 1.0, 20_000)
        correct = generator.random(20_000) < confidence
        assert rms_calibration_error(confidence, correct) > 0.03
        assert debiased_rms_calibration_error(confidence, correct) < 0.015

    def test_keeps_a_real_gap(self):
        generator = np.random.default_rng(6)
        confidence = np.full(10_000, 0.9)
        correct = generator.random(10_000) < 0.6
        assert debiased_rms_calibration_error(confidence, correct) == pytest.approx(0.3, abs=0.02)

    def test_hand_computed_one_bin(self):
        correct = np.array([True, True, True, False])
        expected = math.sqrt(0.25**2 - 0.75 * 0.25 / 3)
        assert debiased_rms_calibration_error(np.ones(4), correct) == pytest.approx(expected)

    def test_never_exceeds_the_plain_value(self):
        for seed in range(5):
            confidence, correct = random_predictions(300, seed)
            debiased = debiased_rms_calibration_error(confidence, correct)
            assert 0 <= debiased <= rms_calibration_error(confidence, correct)

    def test_one_sample_is_refused(self):
        with pytest.raises(InputError, match="at least 2 samples, got 1"):
            debiased_rms_calibration_error(np.ones(1), np.ones(1, bool))


class TestAurra:
    def test_hand_computed(self):
        assert aurra(np.array([0.9, 0.8, 0.1]), np.array([True, False, True])) == pytest.approx((1 + 1 / 2 + 2 / 3) / 3)

    def test_is_1_for_a_model_without_mistakes_and_0_for_one_that_is_always_wrong(self):
        confidence, _ = random_predictions(50)
        assert aurra(confidence, np.ones(50, bool)) == 1
        assert aurra(confidence, np.zeros(50, bool)) == 0

    def test_equal_confidences_give_the_accuracy_in_whatever_order(self):
        correct = np.array([True] * 3 + [False] * 5)
        assert aurra(np.full(8, 0.4), correct) == pytest.approx(3 / 8)
        assert aurra(np.full(8, 0.4), correct[::-1]) == pytest.approx(3 / 8)


class TestLikelihood:
    GENERATOR = np.random.default_rng(23)
    LOGITS, LABELS = GENERATOR.normal(size=(400, 6)) * 4, GENERATOR.integers(0, 6, 400)

    @pytest.mark.parametrize("at_once", [1, 50, 2394])
    def test_what_a_sample_adds_does_not_depend_on_how_many_are_computed_at_once(self, at_once, monkeypatch):
        def measured() -> list[np.ndarray]:
            return [
                *confidence_and_losses(self.LOGITS, self.LABELS, 1.7),
                squared_distances(self.LOGITS, self.LABELS),
                *likelihood_slopes(self.LOGITS, self.LABELS, 0.6),
            ]

        whole = measured()
        monkeypatch.setattr("eval.metrics.rows.NUMBERS", at_once)
        for one, other in zip(whole, measured(), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_confidence_and_losses_are_those_of_the_divided_logits(self):
        probabilities = np.exp(self.LOGITS / 2) / np.exp(self.LOGITS / 2).sum(axis=1, keepdims=True)
        confidence, losses = confidence_and_losses(self.LOGITS, self.LABELS, 2)
        assert confidence == pytest.approx(probabilities.max(axis=1))
        assert losses == pytest.approx(-np.log(probabilities[np.arange(400), self.LABELS]))

    def test_huge_logits_do_not_overflow(self):
        logits = np.array([[1e4, 0.0], [0.0, 1e4]], np.float32)
        assert negative_log_likelihood(logits, np.array([0, 0])) == pytest.approx(5000)
        assert brier_score(logits, np.array([0, 0])) == pytest.approx(1)

    def test_the_temperature_is_the_best_of_a_fine_grid(self):
        labels = np.where(np.random.default_rng(24).random(400) < 0.6, self.LOGITS.argmax(axis=1), self.LABELS)
        fitted = fit_temperature(self.LOGITS, labels)
        grid = np.geomspace(0.05, 50, 400)
        best = grid[np.argmin([negative_log_likelihood(self.LOGITS / t, labels) for t in grid])]
        assert fitted == pytest.approx(best, rel=0.02)

    def test_the_temperature_undoes_a_scale(self):
        generator = np.random.default_rng(25)
        logits = generator.normal(size=(20_000, 4)) * 2
        labels = (logits + generator.gumbel(size=logits.shape)).argmax(axis=1)  # drawn from the softmax
        assert fit_temperature(logits * 3, labels) == pytest.approx(3, rel=0.05)

    def test_it_stays_in_its_bounds(self):
        assert fit_temperature(np.array([[1.0, 0.0]]), np.array([0])) == pytest.approx(0.01, rel=0.01)
        assert fit_temperature(np.array([[1.0, 0.0]]), np.array([1])) == pytest.approx(100, rel=0.01)


class TestExpectedCalibrationError:
    def test_hand_computed(self):
        assert expected_calibration_error(np.array([0.95, 0.55]), np.array([True, False])) == pytest.approx(0.3)
