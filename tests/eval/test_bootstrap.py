"""`eval.bootstrap`: intervals cover what they promise, and belong to the very numbers that were measured."""

from dataclasses import replace

import numpy as np
import pytest

from eval.bootstrap import Resampling, compare, replicate, with_intervals
from eval.bootstrap.scores import sample_scores
from eval.predictions import Predictions, SequencePredictions
from eval.suites import Group, Measurement, Shift
from eval.suites.autoattack import AutoAttack
from eval.suites.calibration import Calibration
from eval.suites.clean import Clean, clean_shift
from eval.suites.corruptions import SEVERITIES, Corruptions, OtherCorruptions
from eval.suites.detection import ImageNetO, OutOfDistribution
from eval.suites.fourier import Fourier
from eval.suites.natural import Renditions, Sketch
from eval.suites.perturbations import Perturbations
from eval.suites.pgd import Pgd
from layermix.errors import InputError
from writers.corruptions import corruption_names

COUNT, CLASSES = 250, 8


class Whole(Resampling):
    """The test set as it is: one resampling that takes every sample once."""

    def counts(self, samples: int, stream: int = 0) -> np.ndarray:
        return np.ones((1, samples), np.uint8)


def sequences(generator: np.random.Generator, frames: int = 9) -> SequencePredictions:
    order = np.argsort(generator.normal(size=(COUNT, frames, CLASSES)))[..., :5]
    return SequencePredictions(order=order, labels=np.zeros(COUNT, np.int64), sample_ids=np.arange(COUNT))


C, CBAR = corruption_names("imagenet-c"), corruption_names("imagenet-cbar")
FRAMED = ("gaussian_noise", "tilt", "snow")
SHIFTS = (
    clean_shift(whole_batches=32),
    Shift(name="c", groups=tuple(Group(name=f"c/{n}", cells=tuple(f"c/{n}/{s}" for s in SEVERITIES)) for n in C[:2])),
)
SUITES = {
    "clean": Clean(whole_batches=32),
    "c": Corruptions(benchmark="imagenet-c", corruptions=C, protocols=("paper", "strict")),
    "cbar": OtherCorruptions(benchmark="imagenet-cbar", corruptions=CBAR),
    "p": Perturbations(
        benchmark="imagenet-p",
        perturbations=FRAMED[:2],
        extras=FRAMED[2:],
        flip_rates=(("gaussian_noise", 0.5), ("tilt", 0.25)),
    ),
    "fourier": Fourier(grid=3, norm=1.0, samples=COUNT),
    "r": Renditions(kept=(1, 3, 4, 5, 6, 7)),
    "sketch": Sketch(),
    "pgd": Pgd(restarts=2),
    "autoattack": AutoAttack(budget=8.0),
    "calibration": Calibration(shifts=SHIFTS),
    "o": ImageNetO(kept=(0, 2, 4)),
    "ood": OutOfDistribution(sets=("noise",)),
}


@pytest.fixture(scope="module")
def predictions(new_predictions) -> dict:
    generator = np.random.default_rng(1)

    def pictures_of(count: int = COUNT) -> Predictions:
        return new_predictions(generator, count, CLASSES)

    keys = ["clean", "sketch", "autoattack", "ood/noise", "o"]
    keys += [f"pgd/2/{restart}{at}" for restart in (0, 1) for at in ("", "@paper")]
    keys += [f"c/{name}/{level}{at}" for name in C for level in SEVERITIES for at in ("", "@paper")]
    keys += [f"cbar/{name}/{level}" for name in CBAR for level in SEVERITIES]
    found: dict = {key: pictures_of() for key in keys} | {f"p/{name}": sequences(generator) for name in FRAMED}
    found |= {f"fourier/3/{row}": sequences(generator, frames) for row, frames in enumerate((2, 3))}
    renditions = pictures_of(90)
    return found | {
        "r": Predictions(logits=renditions.logits[:, :6], labels=renditions.labels % 6, sample_ids=np.arange(90))
    }


@pytest.mark.parametrize("name", SUITES)
def test_the_samples_as_they_are_give_the_measured_numbers(name, predictions):
    suite = SUITES[name]
    measured = {found.key: found.value for found in suite.measure(predictions)}
    found = replicate([suite], predictions, Whole())
    assert found
    assert {key: value[0] for key, value in found.items()} == pytest.approx({key: measured[key] for key in found})


def test_every_mean_over_samples_has_a_score_a_sample(predictions):
    for name in ("clean", "c", "cbar", "p", "r", "sketch", "pgd", "autoattack"):
        scores = sample_scores(SUITES[name], predictions)
        measured = {found.key: found.value for found in SUITES[name].measure(predictions)}
        assert {key: row.mean() for key, row in scores.items()} == pytest.approx(measured)


@pytest.mark.parametrize("name", SUITES)
def test_every_number_is_resampled(name, predictions):
    wanted = {found.key for found in SUITES[name].measure(predictions)}
    assert set(replicate([SUITES[name]], predictions, Whole())) == wanted


def test_numbers_whose_cells_are_missing_are_left_out(predictions):
    some = {key: found for key, found in predictions.items() if key not in ("clean", "c/fog/3", "p/tilt", "pgd/2/1")}
    for suite in SUITES.values():
        measured = {found.key for found in suite.measure(some)}
        assert set(replicate([suite], some, Whole())) <= measured


class TestResampling:
    def test_every_replicate_takes_as_many_samples_as_there_are(self):
        counts = Resampling(replicates=7).counts(30)
        assert counts.shape == (7, 30)
        assert (counts.sum(axis=1) == 30).all()

    def test_seed_and_number_of_samples_alone_decide(self):
        one, other = Resampling(seed=3, replicates=5), Resampling(seed=3, replicates=5)
        other.counts(11)
        assert np.array_equal(one.counts(20), other.counts(20))
        assert not np.array_equal(one.counts(20), Resampling(seed=4, replicates=5).counts(20))

    def test_a_set_that_is_compared_with_another_of_its_size_is_drawn_apart(self):
        resampling = Resampling(replicates=5)
        assert not np.array_equal(resampling.counts(20, 0), resampling.counts(20, 1))

    @pytest.mark.parametrize("at_once", [5, 100, 10_000])
    def test_means_are_those_of_the_repeated_samples(self, at_once, monkeypatch):
        monkeypatch.setattr("eval.bootstrap.resampling._NUMBERS", at_once)
        resampling, scores = Resampling(replicates=130), np.random.default_rng(0).normal(size=(12, 3))
        repeated = [np.repeat(scores, row, axis=0).mean(axis=0) for row in resampling.counts(12)]
        assert resampling.means(scores) == pytest.approx(np.array(repeated))


class TestComparison:
    @staticmethod
    def measured(value: float, count: int = 200) -> Measurement:
        return Measurement(
            suite="clean", cell="clean", metric="top1_error", protocol="strict", value=value, count=count
        )

    def compared(self, wrong: dict[str, np.ndarray], **more):
        resampling = Resampling(replicates=400)
        rows = {name: [self.measured(float(row.mean()), len(row))] for name, row in wrong.items()}
        key = self.measured(0.0).key
        found = {name: {key: resampling.means(row[:, None].astype(float))[:, 0]} for name, row in wrong.items()}
        return compare(rows, found, **more), key

    def test_differences_are_paired(self):
        first = np.arange(200) % 2 == 0
        second = first | (np.arange(200) % 20 == 1)
        found, key = self.compared({"a": first, "b": second, "same": first})
        difference = found.differences["b"][key]
        assert difference.value == pytest.approx(0.05)
        low, high = difference.interval
        assert 0.015 < low < 0.05 < high < 0.085  # two unpaired errors of one half: 0.05 +- 0.1
        assert difference.is_clear
        assert found.differences["same"][key].interval == (0, 0)
        assert not found.differences["same"][key].is_clear

    def test_the_model_to_compare_against_can_be_chosen(self):
        rows = {"a": np.arange(200) % 4 == 0, "b": np.arange(200) % 2 == 0}
        found, key = self.compared(rows, against="b")
        assert set(found.differences) == {"a"}
        assert found.differences["a"][key].value == pytest.approx(-0.25)
        with pytest.raises(InputError, match="--against must be one of the models, a, b; got 'c'"):
            self.compared(rows, against="c")

    def test_numbers_over_other_samples_are_not_compared(self):
        found, _ = self.compared({"a": np.arange(200) % 4 == 0, "b": np.arange(100) % 2 == 0})
        assert found.differences["b"] == {}

    def test_a_number_that_no_resampling_changes_keeps_its_own_interval(self):
        key, resampling = self.measured(0.0).key, Resampling(replicates=400)
        for wrong, own, expected in (
            (np.zeros((200, 1)), (0.0, 0.02), (0.0, 0.02)),
            (np.arange(200)[:, None] % 4 == 0, (0.0, 1.0), (0.19, 0.31)),
        ):
            number = replace(self.measured(float(wrong.mean())), interval=own)
            (found,) = with_intervals([number], {key: resampling.means(wrong.astype(float))[:, 0]})
            assert found.interval == pytest.approx(expected, abs=0.02)
            assert found.value == number.value

    def test_a_number_without_replicates_keeps_its_own_interval(self):
        number = replace(self.measured(0.5), interval=(0.4, 0.6))
        assert with_intervals([number], {}) == [number]
