"""`eval.metrics` against hand-computed cases, plain formulas, and properties."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from eval.metrics import (
    ALEXNET_CLEAN_ERROR,
    ALEXNET_ERRORS,
    aupr,
    auroc,
    aurra,
    brier_score,
    confidence_and_correct,
    debiased_rms_calibration_error,
    energy_score,
    expected_calibration_error,
    fit_temperature,
    flip_probability,
    fpr_at_95_tpr,
    mean_corruption_error,
    mean_flip_rate,
    negative_log_likelihood,
    order_distance,
    pooled_interval,
    reliability_curve,
    rms_calibration_error,
    softmax_score,
    top5_distance,
    top_k_error,
    top_k_mistakes,
    top_order,
    wilson_interval,
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


class TestTopK:
    LOGITS = np.array([[3.0, 2.0, 1.0], [1.0, 3.0, 2.0], [1.0, 2.0, 3.0], [3.0, 1.0, 2.0]])
    LABELS = np.array([0, 2, 0, 1])

    def test_hand_computed_errors(self):
        assert [top_k_error(self.LOGITS, self.LABELS, k) for k in (1, 2, 3)] == [0.75, 0.5, 0.0]

    def test_agrees_with_sorting(self):
        generator = np.random.default_rng(1)
        logits, labels = generator.normal(size=(200, 12)), generator.integers(0, 12, 200)
        for k in (1, 3, 5):
            best = np.argsort(-logits, axis=1)[:, :k]
            assert top_k_error(logits, labels, k) == np.mean([y not in row for y, row in zip(labels, best)])

    def test_a_constant_output_gets_credit_for_one_class_only(self):
        wrong = top_k_mistakes(np.zeros((4, 4)), np.arange(4))
        np.testing.assert_array_equal(wrong, [False, True, True, True])

    def test_more_candidates_never_raise_the_error(self):
        generator = np.random.default_rng(2)
        logits, labels = generator.normal(size=(50, 7)), generator.integers(0, 7, 50)
        errors = [top_k_error(logits, labels, k) for k in range(1, 8)]
        assert errors == sorted(errors, reverse=True)
        assert errors[-1] == 0

    def test_bad_arguments_are_refused(self):
        with pytest.raises(InputError, match=r"k must be in 1 to 3"):
            top_k_error(self.LOGITS, self.LABELS, 4)
        with pytest.raises(InputError, match=r"labels must be in 0 to 2, got 0 to 7"):
            top_k_error(self.LOGITS, np.array([0, 7, 1, 1]))
        with pytest.raises(InputError, match=r"got \(4, 3\) and \(2,\)"):
            top_k_error(self.LOGITS, self.LABELS[:2])


class TestConfidence:
    def test_hand_computed_softmax(self):
        logits = np.log(np.array([[1.0, 3.0], [4.0, 1.0]])).astype(np.float32)
        confidence, correct = confidence_and_correct(logits, np.array([1, 1]))
        np.testing.assert_allclose(confidence, [0.75, 0.8], rtol=1e-7)
        np.testing.assert_array_equal(correct, [True, False])

    def test_huge_logits_do_not_overflow(self):
        confidence, _ = confidence_and_correct(np.array([[1e4, 0.0], [-1e4, -1e4]]), np.array([0, 0]))
        np.testing.assert_allclose(confidence, [1.0, 0.5])


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


class TestMeanCorruptionError:
    def test_hand_computed_mean(self):
        assert mean_corruption_error({"fog": [0.1, 0.2, 0.3], "snow": [0.4, 0.5, 0.6]}) == pytest.approx(0.35)

    @pytest.mark.parametrize("protocol", ["paper", "strict"])
    def test_is_the_mean_of_the_corruptions_errors(self, protocol):
        errors = {name: np.random.default_rng(8).random(5) for name in "abcdefgh"}
        plain = np.mean([row.mean() for row in errors.values()])
        assert mean_corruption_error(errors, protocol) == pytest.approx(plain, abs=1e-15)

    def test_alexnet_has_one(self):
        errors = {name: [error] * 5 for name, error in ALEXNET_ERRORS.items()}
        assert mean_corruption_error(errors, "alexnet") == pytest.approx(1)

    def test_relative_to_alexnet_every_corruption_weighs_the_same(self):
        errors = {"brightness": [ALEXNET_ERRORS["brightness"]], "snow": [0.0]}
        assert mean_corruption_error(errors, "alexnet") == pytest.approx(0.5)

    def test_the_table_is_the_published_one(self):
        assert len(ALEXNET_ERRORS) == 19
        published = list(ALEXNET_ERRORS.values())[:15]
        assert np.mean(published) == pytest.approx(0.788, abs=0.001)  # AlexNet's unnormalised mCE, 78.8%
        assert ALEXNET_CLEAN_ERROR == 0.435

    def test_bad_tables_are_refused(self):
        with pytest.raises(InputError, match=r"same number of severities .* got \[1, 2\]"):
            mean_corruption_error({"fog": [0.1, 0.2], "snow": [0.3]})
        with pytest.raises(InputError, match="same number of severities"):
            mean_corruption_error({})
        with pytest.raises(InputError, match=r"fractions in \[0, 1\], got 12 for fog"):
            mean_corruption_error({"fog": [12]})
        with pytest.raises(InputError, match="there is none for 'lines'"):
            mean_corruption_error({"lines": [0.5]}, "alexnet")

    def test_flip_rates_are_relative_to_a_table_that_covers_all(self):
        assert mean_flip_rate({"tilt": 0.1, "scale": 0.3}, {"tilt": 0.2, "scale": 0.2, "more": 1.0}) == pytest.approx(1)
        with pytest.raises(InputError, match="it is not for tilt"):
            mean_flip_rate({"tilt": 0.1}, {"scale": 0.2})


def flips_in_words(sequence: list[int], temporal: bool) -> float:
    pairs = pairwise(sequence) if temporal else ((sequence[0], later) for later in sequence[1:])
    return sum(one != other for one, other in pairs) / (len(sequence) - 1)


def distance_in_words(logits_a: np.ndarray, logits_b: np.ndarray) -> int:
    """The definition: ranks from 1 by falling logits, of equal ones the lower class first."""
    order_a = sorted(range(len(logits_a)), key=lambda c: (-logits_a[c], c))
    rank_b = {c: place for place, c in enumerate(sorted(range(len(logits_b)), key=lambda c: (-logits_b[c], c)), 1)}
    return sum(abs((i - 1) - min(rank_b[order_a[i - 1]] - 1, 5)) for i in range(1, 6))


class TestConsistency:
    @pytest.mark.parametrize("temporal", [True, False])
    def test_flips_agree_with_the_definition(self, temporal):
        sequences = np.random.default_rng(20).integers(0, 3, (50, 31))
        expected = np.mean([flips_in_words(row.tolist(), temporal) for row in sequences])
        assert flip_probability(sequences, temporal) == pytest.approx(expected, abs=1e-15)

    def test_noise_compares_with_the_first_frame_alone(self):
        sequence = np.array([[0, 1, 1, 1, 0]])
        assert flip_probability(sequence, temporal=True) == 0.5
        assert flip_probability(sequence, temporal=False) == 0.75

    def test_a_constant_model_never_flips(self):
        assert flip_probability(np.full((4, 9), 7), temporal=True) == 0

    def test_the_top_5_distance_agrees_with_the_definition_ties_included(self):
        generator = np.random.default_rng(21)
        a, b = generator.integers(0, 6, (2, 200, 12)).astype(np.float32)  # few values, many ties
        expected = [distance_in_words(*pair) for pair in zip(a, b)]
        np.testing.assert_array_equal(top5_distance(a, b), expected)
        np.testing.assert_array_equal(order_distance(top_order(a), top_order(b)), expected)

    def test_equal_frames_have_distance_0_and_disjoint_ones_15(self):
        a = np.arange(10, dtype=np.float32)[None]
        assert top5_distance(a, a) == 0
        assert top5_distance(a, -a) == 15

    def test_two_neighbours_that_swap_cost_2(self):
        a = np.array([[5.0, 4.0, 3.0, 2.0, 1.0, 0.0]])
        assert top5_distance(a, a[:, [1, 0, 2, 3, 4, 5]]) == 2

    def test_bad_arguments_are_refused(self):
        with pytest.raises(InputError, match=r"must be \(N, T\) with N ≥ 1 and T ≥ 2, got \(3, 1\)"):
            flip_probability(np.zeros((3, 1)), temporal=True)
        with pytest.raises(InputError, match="the top-5 distance needs five classes"):
            top5_distance(np.zeros((2, 4)), np.zeros((2, 4)))
        with pytest.raises(InputError, match="orders must hold 5 classes"):
            order_distance(np.zeros((2, 4)), np.zeros((2, 4)))


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


class TestDetection:
    GENERATOR = np.random.default_rng(26)
    KNOWN, STRANGE = GENERATOR.normal(0, 1, 400).round(1), GENERATOR.normal(1.5, 1, 300).round(1)  # with ties

    def test_agree_with_scikit_learn(self):
        from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

        truth = np.repeat([0, 1], [400, 300])
        scores = np.concatenate([self.KNOWN, self.STRANGE])
        assert auroc(self.KNOWN, self.STRANGE) == pytest.approx(roc_auc_score(truth, scores))
        assert aupr(self.KNOWN, self.STRANGE) == pytest.approx(average_precision_score(truth, scores))
        false, true, _ = roc_curve(1 - truth, -scores, drop_intermediate=False)
        assert fpr_at_95_tpr(self.KNOWN, self.STRANGE) == pytest.approx(false[np.argmax(true >= 0.95)])

    def test_perfect_chance_and_reversed_scores(self):
        low, high = np.arange(10.0), np.arange(10.0) + 100
        assert (auroc(low, high), aupr(low, high), fpr_at_95_tpr(low, high)) == (1, 1, 0)
        assert (auroc(low, low), auroc(high, low)) == (0.5, 0)
        assert aupr(np.zeros(6), np.zeros(2)) == 0.25
        assert fpr_at_95_tpr(high, low) == 1

    def test_scores_are_the_softmax_s_and_the_energy(self):
        logits = self.GENERATOR.normal(size=(20, 7)) * 100
        tensor = torch.from_numpy(logits)
        np.testing.assert_allclose(softmax_score(logits), -tensor.softmax(dim=1).amax(dim=1))
        np.testing.assert_allclose(energy_score(logits), -tensor.logsumexp(dim=1))

    def test_bad_arguments_are_refused(self):
        with pytest.raises(InputError, match="scores of strange pictures must be"):
            auroc(np.zeros(3), np.array([np.nan]))


class TestIntervals:
    def test_wilson_agrees_with_the_published_example(self):
        low, high = wilson_interval(81, 263)  # Newcombe 1998, table I: 0.2553 to 0.3662
        assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)

    def test_wilson_stays_inside_the_unit_interval(self):
        assert wilson_interval(0, 20)[0] == 0
        assert wilson_interval(20, 20)[1] == 1
        assert 0 < wilson_interval(0, 20)[1] < 0.2

    def test_wilson_covers_the_truth_in_about_95_of_100_draws(self):
        draws = np.random.default_rng(9).binomial(200, 0.3, 2000)
        bounds = [wilson_interval(int(wrong), 200) for wrong in draws]
        assert 0.93 < np.mean([low <= 0.3 <= high for low, high in bounds]) < 0.97

    def test_repeated_sights_of_a_picture_do_not_narrow_the_interval(self):
        wrong = np.random.default_rng(10).random((400, 1)) < 0.3
        once, forty_times = pooled_interval(wrong), pooled_interval(np.repeat(wrong, 40, axis=1))
        assert forty_times == pytest.approx(once)

    def test_independent_sights_narrow_the_interval(self):
        wrong = np.random.default_rng(11).random((400, 40)) < 0.3
        low, high = pooled_interval(wrong)
        assert high - low == pytest.approx(2 * 1.96 * math.sqrt(0.21 / 16_000), rel=0.15)

    def test_pictures_that_are_all_right_count_once_each(self):
        assert pooled_interval(np.zeros((50, 40), bool)) == wilson_interval(0, 50)
        assert pooled_interval(np.ones((50, 40), bool)) == wilson_interval(50, 50)

    def test_one_picture_says_next_to_nothing(self):
        low, high = pooled_interval(np.arange(40)[None] < 20)
        assert high - low > 0.7

    def test_covers_the_truth_in_about_95_of_100_draws_of_alike_sights(self):
        generator = np.random.default_rng(12)
        hardness = generator.random((1000, 100, 1))
        bounds = [pooled_interval(wrong) for wrong in generator.random((1000, 100, 8)) < hardness]
        assert 0.93 < np.mean([low <= 0.5 <= high for low, high in bounds]) < 0.97

    def test_bad_arguments_are_refused(self):
        with pytest.raises(InputError, match="got 5 of 4"):
            wilson_interval(5, 4)
        with pytest.raises(InputError, match=r"got \(3,\)"):
            pooled_interval(np.ones(3, bool))
