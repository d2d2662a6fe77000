"""Resampled metrics are those of the repeated samples, and intervals hold the expected number as often as promised."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from eval.bootstrap import Resampling, percentile_interval
from eval.bootstrap.calibration import calibration_replicates, resampled_ece
from eval.bootstrap.ranked import resampled_aurra, resampled_curves
from eval.bootstrap.resampling import FITTED
from eval.bootstrap.separation import resampled_separation
from eval.bootstrap.temperature import fitted_temperature
from eval.metrics import (
    HIGHEST_TEMPERATURE,
    aupr,
    auroc,
    aurra,
    brier_score,
    expected_calibration_error,
    fit_temperature,
    fpr_at_95_tpr,
    negative_log_likelihood,
    reliability_curve,
)
from eval.predictions import Predictions
from eval.suites import Group, Shift
from eval.suites.calibration import Calibration
from eval.suites.clean import clean_shift

SUITE_OF_CLEAN = Calibration(shifts=(clean_shift(),))


def sights() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence, correctness and sample of three sights of 130 samples, many of them equally confident."""
    generator = np.random.default_rng(2)
    sample = np.tile(np.arange(130), 3)
    confidence = generator.integers(1, 200, len(sample)) / 200
    return confidence, generator.random(len(sample)) < confidence, sample


def repeated(metric, resampling: Resampling) -> np.ndarray:
    """A metric of the sights that each replicate takes, as often as it takes their sample."""
    confidence, correct, sample = sights()
    times = [taken[sample] for taken in resampling.counts(130)]
    return np.array([metric(np.repeat(confidence, often), np.repeat(correct, often)) for often in times])


def test_resampled_bins_are_those_of_the_repeated_predictions():
    confidence, correct, sample = sights()
    counts = Resampling(replicates=9).counts(130)
    curves = resampled_curves(confidence, correct, sample, counts)
    for row, taken in enumerate(counts):
        times = taken[sample]
        expected = reliability_curve(np.repeat(confidence, times), np.repeat(correct, times))
        assert curves.count.tolist() == expected.count.tolist()
        assert curves.confidence[row] == pytest.approx(expected.confidence)
        assert curves.accuracy[row] == pytest.approx(expected.accuracy)


def test_resampled_aurra_is_that_of_the_repeated_predictions():
    resampling = Resampling(replicates=70)
    found = resampled_aurra(*sights(), resampling.counts(130))
    assert found == pytest.approx(repeated(aurra, resampling), abs=1e-12)


def test_resampled_ece_is_that_of_the_repeated_predictions_around_the_measured_one():
    resampling = Resampling(replicates=70)
    expected, measured = repeated(expected_calibration_error, resampling), expected_calibration_error(*sights()[:2])
    found = resampled_ece(*sights(), resampling)
    assert found == pytest.approx(expected - expected.mean() + measured)


@pytest.mark.parametrize(
    ("metric", "measure"), [("brier_score", brier_score), ("negative_log_likelihood", negative_log_likelihood)]
)
def test_resampled_losses_are_those_of_the_repeated_samples(metric, measure, new_predictions):
    clean, resampling = new_predictions(np.random.default_rng(7), 250), Resampling(replicates=20)
    times = resampling.counts(250)
    expected = [measure(np.repeat(clean.logits, row, axis=0), np.repeat(clean.labels, row)) for row in times]
    found = dict(calibration_replicates(SUITE_OF_CLEAN, {"clean": clean}, resampling))
    assert found["calibration", "clean", metric, "strict"] == pytest.approx(np.array(expected))


@pytest.mark.parametrize(("metric", "measure"), [("auroc", auroc), ("aupr", aupr), ("fpr95", fpr_at_95_tpr)])
def test_resampled_separations_are_those_of_the_repeated_scores(metric, measure):
    generator, resampling = np.random.default_rng(3), Resampling(replicates=70)
    known, strange = generator.integers(0, 20, 40).astype(float), generator.integers(5, 25, 30).astype(float)
    expected = [
        measure(np.repeat(known, taken), np.repeat(strange, other))
        for taken, other in zip(resampling.counts(40, 0), resampling.counts(30, 1))
    ]
    assert resampled_separation(known, strange, resampling)[metric] == pytest.approx(np.array(expected))


class TestTemperature:
    def test_it_is_that_of_a_fit_to_the_repeated_samples_to_a_small_part_of_the_spread(self, new_predictions):
        clean, resampling = new_predictions(np.random.default_rng(8), 2000), Resampling(replicates=30)
        fitted = fitted_temperature({"clean": clean}, resampling)
        assert fitted is not None
        logits, labels = clean.logits[::2], clean.labels[::2]
        times = resampling.counts(1000, FITTED)
        expected = [fit_temperature(np.repeat(logits, row, axis=0), np.repeat(labels, row)) for row in times]
        assert fitted.value == pytest.approx(fit_temperature(logits, labels))
        assert np.sqrt(np.mean((fitted.replicates - expected) ** 2)) < 0.05 * np.std(expected)

    def test_of_a_model_that_knows_nothing_it_varies_below_the_highest_as_its_fits_do(self):
        generator, resampling = np.random.default_rng(0), Resampling(replicates=60)
        logits, labels = generator.normal(size=(600, 4)).astype(np.float32), generator.integers(0, 4, 600)
        clean = Predictions(logits=logits, labels=labels, sample_ids=np.arange(600))
        fitted = fitted_temperature({"clean": clean}, resampling)
        assert fitted is not None
        times = resampling.counts(300, FITTED)
        expected = [fit_temperature(np.repeat(logits[::2], row, axis=0), np.repeat(labels[::2], row)) for row in times]
        assert fitted.value == pytest.approx(HIGHEST_TEMPERATURE)
        assert min(expected) < 0.2 * HIGHEST_TEMPERATURE
        assert 1 / fitted.replicates == pytest.approx(1 / np.array(expected), abs=0.05 * np.std(1 / np.array(expected)))

    def test_what_it_makes_of_a_shifted_set_varies_with_it_and_with_the_samples(self, new_predictions):
        generator = np.random.default_rng(9)
        clean, shifted = new_predictions(generator, 2000), new_predictions(generator, 2000)
        shifted = replace(shifted, logits=3 * shifted.logits)
        shift = Shift(name="c", groups=(Group(name="c", cells=("c",)),), paired=True)
        found = dict(
            calibration_replicates(
                Calibration(shifts=(shift,)), {"clean": clean, "c": shifted}, Resampling(replicates=200)
            )
        )
        values = found["calibration", "c", "scaled_negative_log_likelihood", "strict"]
        temperatures = found["calibration", "c", "temperature", "strict"]
        rise = np.polyfit(temperatures, values, 1)[0]
        logits, labels = shifted.logits[1::2], shifted.labels[1::2]
        low, high = (negative_log_likelihood(logits / (temperatures.mean() + step), labels) for step in (-0.01, 0.01))
        assert rise == pytest.approx((high - low) / 0.02, rel=0.3)

    def test_a_model_without_a_mistake_has_the_lowest_in_every_resampling(self):
        labels = np.arange(100) % 4
        clean = Predictions(logits=9 * np.eye(4, dtype=np.float32)[labels], labels=labels, sample_ids=np.arange(100))
        fitted = fitted_temperature({"clean": clean}, Resampling(replicates=5))
        assert fitted is not None
        assert fitted.replicates == pytest.approx(np.full(5, fitted.value))


class TestCoverage:
    """Of test sets drawn anew from a known model, the share whose interval holds the number of the middle one."""

    REPEATS, COUNT = 250, 600

    def coverage(self, slope: float) -> float:
        """For a model that is right with probability 0.5 + slope (confidence - 0.5)."""
        return self.coverages(slope, self.REPEATS)["rms_calibration_error"]

    def coverages(self, slope: float, repeats: int) -> dict[str, float]:
        """Of every metric by the strict protocol."""
        generator, suite, resampling = np.random.default_rng(5), SUITE_OF_CLEAN, Resampling(replicates=200)
        values, intervals = defaultdict(list), defaultdict(list)
        for found in (self.draw(generator, slope) for _ in range(repeats)):
            for number in suite.measure({"clean": found}):
                values[number.key].append(number.value)
            for key, rows in calibration_replicates(suite, {"clean": found}, resampling):
                intervals[key].append(percentile_interval(rows))
        return {
            key[2]: float(np.mean([low <= np.median(values[key]) <= high for low, high in found]))
            for key, found in intervals.items()
            if key[3] == "strict"
        }

    def draw(self, generator: np.random.Generator, slope: float) -> Predictions:
        confidence = generator.uniform(0.5, 1.0, self.COUNT)
        right = generator.random(self.COUNT) < 0.5 + slope * (confidence - 0.5)
        logits = np.stack([np.log(confidence / (1 - confidence)), np.zeros(self.COUNT)], axis=1)
        return Predictions(
            logits=logits.astype(np.float32), labels=(~right).astype(np.int64), sample_ids=np.arange(self.COUNT)
        )

    @pytest.mark.parametrize("slope", [1.0, 0.2])
    def test_the_interval_of_the_rms_error_holds_the_expected_one(self, slope):
        assert 0.92 <= self.coverage(slope) <= 0.995

    @pytest.mark.slow
    @pytest.mark.parametrize("slope", [1.0, 0.2])
    def test_the_interval_of_every_calibration_number_holds_the_expected_one(self, slope):
        found = self.coverages(slope, 400)
        assert len(found) == 10
        assert all(0.91 <= share <= 0.998 for share in found.values()), found

    def test_the_interval_of_an_error_holds_the_true_one(self):
        generator, resampling = np.random.default_rng(6), Resampling(replicates=300)
        wrong = generator.random((self.COUNT, self.REPEATS)) < 0.3
        low, high = np.percentile(resampling.means(wrong.astype(float)), (2.5, 97.5), axis=0)
        assert 0.91 <= np.mean((low <= 0.3) & (high >= 0.3)) <= 0.99
