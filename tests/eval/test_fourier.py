"""The suite `fourier`: waves as Yin et al. define them, the same however they are computed, and where errors stand."""

import math
import zlib

import numpy as np
import pytest

from eval.bootstrap.scores import sample_scores
from eval.plan import default_names, describe_suite, make_plan, read_suite
from eval.predictions import SequencePredictions
from eval.sets.spread import SpreadPictures
from eval.suites import SuiteOptions
from eval.suites.fourier import Fourier, FourierCell, wave
from eval.suites.planning import Context
from layermix.errors import InputError


def all_frequencies(side: int) -> list[tuple[int, int]]:
    highest = (side - 1) // 2
    return [(row, column) for row in range(highest + 1) for column in range(-highest, highest + 1)]


class TestWave:
    @pytest.mark.parametrize("side", [7, 8, 32])
    def test_its_transform_is_real_and_zero_but_at_the_frequency_and_its_opposite(self, side):
        for row, column in all_frequencies(side):
            spectrum = np.fft.fft2(wave(row, column, side))
            places = {(row % side, column % side), (-row % side, -column % side)}
            there = {tuple(place) for place in np.argwhere(np.abs(spectrum) > 1e-9).tolist()}
            assert there == places
            assert np.abs(spectrum.imag).max() < 1e-9

    @pytest.mark.parametrize("side", [7, 8, 32])
    def test_it_has_unit_norm_and_is_that_of_the_opposite_frequency(self, side):
        for row, column in all_frequencies(side):
            assert np.linalg.norm(wave(row, column, side)) == pytest.approx(1)
            np.testing.assert_allclose(wave(row, column, side), wave(-row, -column, side), atol=1e-12)

    def test_waves_of_different_frequencies_are_orthogonal(self):
        suite = Fourier(grid=7, norm=1, samples=1)
        waves = [wave(row, column, 8).ravel() for row in range(4) for column in suite.columns(row)]
        np.testing.assert_allclose(np.array(waves) @ np.array(waves).T, np.eye(25), atol=1e-12)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)


def cell(pictures, **settings) -> FourierCell:
    return FourierCell(**({"pictures": pictures, "row": 1, "columns": (-2, 0, 3), "norm": 1.0, "seed": 4} | settings))


def added_by_loops(image: np.ndarray, row: int, column: int, norm: float, signs: np.ndarray) -> np.ndarray:
    """One picture with one wave, pixel by pixel."""
    side = len(image)
    values = [[math.cos(2 * math.pi * (row * y + column * x) / side) for x in range(side)] for y in range(side)]
    length = math.sqrt(sum(value**2 for line in values for value in line))
    out = np.empty_like(image)
    for y in range(side):
        for x in range(side):
            for channel in range(3):
                pixel = image[y, x, channel] / 255 + signs[channel] * norm * values[y][x] / length
                out[y, x, channel] = round(255 * min(1.0, max(0.0, pixel)))
    return out


class TestCell:
    def test_frames_are_what_a_direct_loop_makes(self, pictures, images):
        shown = cell(pictures, norm=2.0).prepare(images, np.array([5, 0, 2**33]))
        assert shown.shape == (3, 3, 8, 8, 3)
        for image, frames, sample_id in zip(images, shown, (5, 0, 2**33)):
            key = np.array([4, zlib.crc32(b"fourier")], np.uint64)
            counter = np.array([0, sample_id, 1, 0], np.uint64)
            bits = np.random.Generator(np.random.Philox(counter=counter, key=key)).integers(0, 2, (8, 3))
            for frame, column in zip(frames, (-2, 0, 3)):
                expected = added_by_loops(image, 1, column, 2.0, 2 * bits[column % 8] - 1)
                assert np.abs(frame.astype(int) - expected).max() <= 1  # where a value lies between two levels

    def test_a_frame_depends_on_its_sample_and_frequency_alone(self, pictures, images):
        whole = cell(pictures).prepare(images, np.array([7, 8, 9]))
        alone = cell(pictures, columns=(3,)).prepare(images[1:2], np.array([8]))
        np.testing.assert_array_equal(alone[0, 0], whole[1, 2])
        other = cell(pictures, seed=5).prepare(images, np.array([7, 8, 9]))
        assert (other != whole).any()

    def test_the_noise_has_the_stated_norm_in_every_channel_and_signs_of_both_kinds(self, pictures):
        grey = np.full((40, 32, 32, 3), 128, np.uint8)
        shown = cell(pictures, norm=4.0, columns=(1,)).prepare(grey, np.arange(40))[:, 0]
        noise = (shown.astype(float) - 128) / 255
        np.testing.assert_allclose(np.linalg.norm(noise, axis=(1, 2)), 4, rtol=0.01)
        signs = {tuple(row) for row in np.sign(noise[:, 0, 0]).tolist()}
        assert len(signs) == 8  # every combination of the three channels

    def test_signs_of_opposite_columns_are_independent(self, pictures):
        found = cell(pictures, columns=(-3, 3))
        signs = np.stack([found._signs(sample_id, 8) for sample_id in range(64)])
        assert 0.3 < (signs[:, 0] == signs[:, 1]).mean() < 0.7


def sequences(wrong: np.ndarray) -> SequencePredictions:
    """Whose label is 1, and whose first class is not where `wrong`, bool (N, T)."""
    order = np.where(wrong[..., None], [0, 1], [1, 0])
    return SequencePredictions(order=order, labels=np.ones(len(wrong), int), sample_ids=np.arange(len(wrong)))


class TestSuite:
    SUITE = Fourier(grid=5, norm=1.0, samples=4)

    @pytest.fixture
    def predictions(self) -> dict[str, SequencePredictions]:
        generator = np.random.default_rng(0)
        return {
            key: sequences(generator.random((4, len(self.SUITE.columns(row)))) < 0.5)
            for row, key in enumerate(self.SUITE.keys())
        }

    def test_the_map_is_symmetric_with_the_error_of_each_frequency_in_its_place(self, predictions):
        errors = self.SUITE.sensitivity(predictions)
        np.testing.assert_array_equal(errors, errors[::-1, ::-1])
        for row, key in enumerate(self.SUITE.keys()):
            for place, column in enumerate(self.SUITE.columns(row)):
                wrong = predictions[key].order[:, place, 0] != 1
                assert errors[2 + row, 2 + column] == wrong.mean()

    def test_every_frequency_of_the_square_is_shown_once(self):
        shown = [(row, column) for row in range(3) for column in self.SUITE.columns(row)]
        opposites = [(-row, -column) for row, column in shown]
        assert len(set(shown)) == len(shown) == 13
        assert {*shown, *opposites} == {(row, column) for row in range(-2, 3) for column in range(-2, 3)}

    def test_mean_and_largest_error_count_a_frequency_once(self, predictions):
        wrong = np.concatenate([found.order[:, :, 0] != 1 for found in predictions.values()], axis=1)
        mean, largest = self.SUITE.measure(predictions)
        assert (mean.metric, mean.value, mean.count) == ("mean_error", wrong.mean(), 52)
        assert (largest.metric, largest.value, largest.count) == ("largest_error", wrong.mean(axis=0).max(), 4)
        assert mean.detail == "5 by 5 frequencies on 4 pictures, waves of norm 1"
        (scores,) = sample_scores(self.SUITE, predictions).values()
        assert scores.mean() == pytest.approx(mean.value)

    def test_with_a_row_missing_there_is_no_number(self, predictions):
        del predictions["fourier/5/1"]
        assert self.SUITE.measure(predictions) == []

    def test_cells_of_another_square_are_not_taken_for_its_own(self, predictions):
        assert Fourier(grid=3, norm=1.0, samples=4).measure(predictions) == []

    def test_it_reads_back_from_its_description(self):
        assert read_suite(describe_suite(self.SUITE), "here") == self.SUITE


class TestPlan:
    def plan(self, pictures, **options):
        context = Context(pictures=pictures, classes=pictures.classes, size=8, options=SuiteOptions(**options))
        return make_plan(("fourier",), context)

    def test_it_runs_only_where_it_is_named(self):
        assert "fourier" not in default_names("cifar")

    def test_it_covers_all_frequencies_below_one_period_in_two_pixels(self, pictures):
        plan = self.plan(pictures, fourier_samples=10)
        assert [(cell.key, cell.frames, cell.count) for cell in plan.cells] == [
            ("fourier/7/0", 4, 10),
            ("fourier/7/1", 7, 10),
            ("fourier/7/2", 7, 10),
            ("fourier/7/3", 7, 10),
        ]
        assert plan.suites == (Fourier(grid=7, norm=1.0, samples=10),)  # the published 4 at 32 px, a quarter at 8

    def test_a_grid_with_frequencies_that_do_not_exist_is_a_problem(self, pictures):
        (problem,) = self.plan(pictures, fourier_grid=9).problems
        assert problem.reason.startswith("--fourier-grid must be ≤ 7 for pictures of 8 px, got 9")

    @pytest.mark.parametrize("grid", [1, 4, -3])
    def test_a_grid_without_a_middle_is_refused(self, grid):
        with pytest.raises(InputError, match=f"--fourier-grid must be odd and ≥ 3, got {grid}"):
            SuiteOptions(fourier_grid=grid)

    def test_the_runner_shows_every_picture_with_every_wave(self, new_subject, new_classifier, pictures, evaluated):
        classifier = new_classifier()
        plan, found = evaluated(
            [new_subject(classifier=classifier)], pictures, ("fourier",), SuiteOptions(fourier_samples=10)
        )
        assert sum(len(shown) for shown in classifier.shown) == 10 * (4 + 3 * 7)
        assert [measured.metric for measured in plan.suites[0].measure(found["model"])] == [
            "mean_error",
            "largest_error",
        ]
        flat = found["model"]["fourier/7/0"].order[:, 0, 0]  # the wave of frequency 0 is a change of brightness
        assert flat.shape == (10,)


class TestSpreadPictures:
    def read(self, pictures, size, numbers) -> tuple[np.ndarray, ...]:
        batches = [read() for read in pictures.batches(size, numbers)]
        return tuple(np.concatenate(columns) for columns in zip(*batches))

    def test_they_are_spread_over_a_set_that_is_sorted_by_class(self, pictures):
        spread = SpreadPictures(pictures, 6)
        images, labels, ids = self.read(spread, 4, [0, 1])
        assert spread.places.tolist() == [0, 5, 10, 15, 20, 25]
        np.testing.assert_array_equal(images, pictures.images[spread.places])
        np.testing.assert_array_equal(labels, pictures.labels[spread.places])
        assert ids.tolist() == list(range(6))

    @pytest.mark.parametrize("count", [30, 31, 1000])
    def test_of_a_small_set_they_are_all(self, pictures, count):
        spread = SpreadPictures(pictures, count)
        assert spread.count == 30
        np.testing.assert_array_equal(self.read(spread, 30, [0])[0], pictures.images)

    def test_they_are_read_once(self, pictures, monkeypatch):
        spread = SpreadPictures(pictures, 5)
        self.read(spread, 2, [1])
        monkeypatch.setattr(type(pictures), "batches", None)
        assert self.read(spread, 2, [2])[2].tolist() == [4]

    def test_other_numbers_of_pictures_are_other_data(self, pictures):
        assert SpreadPictures(pictures, 5).data_hash != SpreadPictures(pictures, 6).data_hash != pictures.data_hash
