"""`eval.metrics`: errors, corruptions and consistency against hand-computed cases, plain formulas, and properties."""

import math
from itertools import pairwise

import numpy as np
import pytest

from eval.metrics import (
    ALEXNET_CLEAN_ERROR,
    ALEXNET_ERRORS,
    confidence_and_correct,
    flip_probability,
    mean_corruption_error,
    mean_flip_rate,
    order_distance,
    pooled_interval,
    top5_distance,
    top_k_error,
    top_k_mistakes,
    top_order,
    wilson_interval,
)
from layermix.errors import InputError


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
