"""The suites: what they measure from predictions that are known by heart."""

import numpy as np
import pytest

from eval.plan import SUITES, check_names, describe_suite, make_plan, read_suite
from eval.predictions import Predictions
from eval.suites import Group, Shift, SuiteOptions
from eval.suites.calibration import Calibration
from eval.suites.clean import Clean, clean_shift, in_whole_batches
from eval.suites.corruptions import Corruptions
from eval.suites.planning import Context
from layermix.errors import InputError


def predictions(wrong: int, count: int = 200, classes: int = 4, sharpness: float = 3.0) -> Predictions:
    """Of `count` samples the first `wrong` are mistaken, each with the same confidence."""
    labels = np.arange(count) % classes
    predicted = np.where(np.arange(count) < wrong, (labels + 1) % classes, labels)
    logits = np.zeros((count, classes), np.float32)
    logits[np.arange(count), predicted] = sharpness
    return Predictions(logits=logits, labels=labels, sample_ids=np.arange(count))


def cells_of(name: str, wrong: list[int], **more) -> dict[str, Predictions]:
    return {f"c/{name}/{level}": predictions(errors, **more) for level, errors in enumerate(wrong, 1)}


def by_cell(measurements) -> dict:
    return {(m.cell, m.metric, m.protocol): m for m in measurements}


class TestClean:
    def test_counts_each_mistake_once(self):
        (top1,) = Clean().measure({"clean": predictions(30)})
        assert (top1.metric, top1.value, top1.count) == ("top1_error", 0.15, 200)
        assert top1.interval is not None
        assert top1.interval[0] < 0.15 < top1.interval[1]

    def test_top5_comes_with_more_than_five_classes(self):
        found = Clean().measure({"clean": predictions(30, classes=10)})
        assert [m.metric for m in found] == ["top1_error", "top5_error"]

    def test_by_the_papers_protocol_a_last_batch_that_is_not_full_is_left_out(self):
        found = by_cell(Clean(whole_batches=32).measure({"clean": predictions(30, classes=10)}))
        for metric in ("top1_error", "top5_error"):
            strict, paper = (found["clean", metric, protocol] for protocol in ("strict", "paper"))
            assert (strict.count, paper.count, paper.detail) == (200, 192, "192 of 200 pictures")
            assert paper.value * 192 == pytest.approx(strict.value * 200)  # those left out are right

    def test_batches_are_filled_in_the_order_of_the_classes_whatever_that_of_the_file(self):
        labels = np.array([2, 0, 1, 2, 0, 1, 2])
        assert np.flatnonzero(in_whole_batches(labels, 3)).tolist() == [0, 1, 2, 3, 4, 5]
        assert np.flatnonzero(in_whole_batches(labels[::-1], 5)).tolist() == [0, 1, 2, 4, 5]

    def test_where_batches_are_full_both_protocols_agree_and_below_one_batch_the_papers_is_left_out(self):
        cells = {"clean": predictions(30)}
        strict, paper = Clean(whole_batches=100).measure(cells)
        assert (paper.value, paper.count, paper.interval) == (strict.value, strict.count, strict.interval)
        assert [m.protocol for m in Clean(whole_batches=201).measure(cells)] == ["strict"]

    @pytest.mark.parametrize(
        ("size", "options", "batch"), [(8, {}, None), (224, {}, 32), (224, {"protocols": ("strict",)}, None)]
    )
    def test_only_imagenets_published_program_left_pictures_out(self, pictures, size, options, batch):
        context = Context(pictures=pictures, classes=pictures.classes, size=size, options=SuiteOptions(**options))
        assert Clean.plan(context).suite == Clean(whole_batches=batch)


class TestCorruptions:
    SUITE = Corruptions(benchmark="cifar-c", corruptions=("contrast", "pixelate"))
    CELLS = cells_of("contrast", [10, 20, 30, 40, 50]) | cells_of("pixelate", [0, 0, 0, 0, 100])

    def test_needs_a_cell_a_corruption_and_severity(self, pictures):
        options = SuiteOptions(corruptions=("contrast", "pixelate"), regenerate=True)
        planned = Corruptions.plan(Context(pictures=pictures, classes=pictures.classes, size=8, options=options))
        assert planned.suite == self.SUITE
        assert [cell.key for cell in planned.cells] == list(self.CELLS)
        assert all(cell.regenerated for cell in planned.cells)

    def test_with_a_cell_missing_there_is_neither_that_corruption_nor_a_mean(self):
        found = by_cell(self.SUITE.measure({key: self.CELLS[key] for key in self.CELLS if key != "c/pixelate/2"}))
        assert {cell for cell, _, _ in found} == {"c/contrast", *(f"c/contrast/{level}" for level in range(1, 6))}

    def test_errors_by_severity_by_corruption_and_their_mean(self):
        found = by_cell(self.SUITE.measure(self.CELLS))
        assert found["c/contrast/3", "top1_error", "strict"].value == 30 / 200
        assert found["c/contrast", "top1_error", "strict"].value == 150 / 1000
        assert found["c/pixelate", "top1_error", "strict"].value == 100 / 1000
        assert found["c", "mce", "strict"].value == 250 / 2000
        assert found["c", "mce", "strict"].count == 2000

    def test_every_number_is_marked_as_regenerated_and_states_what_it_covers(self):
        found = self.SUITE.measure(self.CELLS)
        assert all(m.regenerated for m in found)
        assert found[-1].detail == "2 of CIFAR-C's 15 corruptions, 5 severities"

    def test_the_interval_of_a_pooled_error_counts_pictures_not_sights(self):
        same = cells_of("contrast", [40] * 5) | cells_of("pixelate", [40] * 5)
        low, high = by_cell(self.SUITE.measure(same))["c", "mce", "strict"].interval
        assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.2 * 0.8 / 199), rel=0.02)


class TestCalibration:
    SUITE = Calibration(
        shifts=(
            Shift(name="clean", groups=(Group(name="clean", cells=("clean",)),), paired=True),
            Shift(
                name="c",
                groups=tuple(
                    Group(name=f"c/{name}", cells=tuple(f"c/{name}/{level}" for level in range(1, 6)))
                    for name in ("contrast", "pixelate")
                ),
                paired=True,
                regenerated=True,
            ),
        )
    )
    CONFIDENCE = float(np.exp(3) / (np.exp(3) + 3))

    def measure(self, count: int = 200) -> dict:
        cells = {"clean": predictions(0, count=count)}
        cells |= cells_of("contrast", [0] * 5, count=count)
        cells |= cells_of("pixelate", [count] * 5, count=count)
        return by_cell(self.SUITE.measure(cells))

    def test_the_gap_of_one_confidence_is_the_error(self):
        found = self.measure()
        strict = {cell: m.value for (cell, metric, p), m in found.items() if (metric[:3], p) == ("rms", "strict")}
        gap = 1 - self.CONFIDENCE
        assert strict["clean"] == pytest.approx(gap)
        assert strict["c/contrast"] == pytest.approx(gap)
        assert strict["c/pixelate"] == pytest.approx(self.CONFIDENCE)
        assert strict["c"] == pytest.approx((gap + self.CONFIDENCE) / 2)

    def test_paper_leaves_out_one_of_the_two_clean_bins(self):
        found = self.measure()
        strict, paper = (found["clean", "rms_calibration_error", p].value for p in ("strict", "paper"))
        assert paper == pytest.approx(strict / np.sqrt(2))

    def test_where_the_paper_left_clean_pictures_out_its_clean_value_is_without_them(self):
        clean = predictions(0, count=250)
        clean.logits[clean.labels == 3] *= -1  # the class of the last batch: wrong, and least confident
        suite = Calibration(shifts=(clean_shift(whole_batches=32),))
        found = by_cell(suite.measure({"clean": clean}))
        first = by_cell(
            Calibration(shifts=(clean_shift(),)).measure({"clean": clean.rows(in_whole_batches(clean.labels, 32))})
        )
        for protocol, count in (("strict", 250), ("paper", 224)):
            assert found["clean", "rms_calibration_error", protocol].count == count
        paper = found["clean", "rms_calibration_error", "paper"].value
        assert paper == first["clean", "rms_calibration_error", "paper"].value
        short = by_cell(suite.measure({"clean": predictions(0, count=223)}))
        assert ("clean", "rms_calibration_error", "paper") not in short  # of 192 pictures

    def test_a_corruption_is_pooled_over_its_severities(self):
        found = self.measure()
        assert found["c/contrast", "rms_calibration_error", "paper"].count == 1000
        assert found["c", "rms_calibration_error", "paper"].count == 2000

    def test_corrupted_numbers_are_marked_as_regenerated_and_clean_ones_are_not(self):
        for (cell, _, _), measured in self.measure().items():
            assert measured.regenerated == (cell != "clean")

    def test_below_two_bins_the_paper_value_is_left_out(self):
        found = self.measure(count=199)
        assert ("clean", "rms_calibration_error", "strict") in found
        assert ("clean", "rms_calibration_error", "paper") not in found
        assert ("c/contrast", "rms_calibration_error", "paper") in found

    def test_the_temperature_is_fitted_on_even_ids_and_judged_on_odd_ones(self):
        even, odd = np.arange(200) % 2 == 0, np.arange(200) % 2 == 1
        clean = predictions(0)
        clean.logits[even] = np.roll(clean.logits[even], 1, axis=1)  # always wrong, so the highest is best
        found = by_cell(self.SUITE.measure({"clean": clean}))
        assert found["clean", "temperature", "strict"].value == pytest.approx(100)
        sure = 1 / (1 + 3 * np.exp(-3 / 100))
        assert found["clean", "scaled_rms_calibration_error", "strict"].value == pytest.approx(1 - sure)
        assert odd.sum() == 100

    def test_a_shift_of_other_pictures_is_judged_whole(self):
        shift = Shift(name="r", groups=(Group(name="r", cells=("r",)),))
        cells = {"clean": predictions(20), "r": predictions(0)}
        found = by_cell(Calibration(shifts=(shift,)).measure(cells))
        temperature = found["r", "temperature", "strict"].value
        expected = np.log(1 + 3 * np.exp(-3 / temperature))
        assert found["r", "scaled_negative_log_likelihood", "strict"].value == pytest.approx(expected)

    def test_with_a_cell_missing_there_is_no_mean(self):
        cells = {"clean": predictions(0), **cells_of("contrast", [0] * 5), **cells_of("pixelate", [0] * 4)}
        found = by_cell(self.SUITE.measure(cells))
        assert ("c/contrast", "aurra", "strict") in found
        assert not any(cell in ("c", "c/pixelate") for cell, _, _ in found)


class TestPlan:
    def plan(self, pictures, *names, **options):
        context = Context(pictures=pictures, classes=pictures.classes, size=8, options=SuiteOptions(**options))
        return make_plan(names, context)

    def test_suites_come_in_the_order_asked_for_and_once(self, pictures):
        assert [suite.name for suite in self.plan(pictures, "pgd", "clean", "pgd").suites] == ["pgd", "clean"]

    def test_cells_that_suites_share_are_planned_once(self, pictures):
        keys = [cell.key for cell in self.plan(pictures, "clean", "c", "calibration", regenerate=True).cells]
        assert len(keys) == len(set(keys)) == 1 + 15 * 5

    def test_calibration_covers_every_shifted_set_of_the_other_suites(self, pictures):
        *_, calibration = self.plan(pictures, "c", "cbar", "calibration", regenerate=True).suites
        assert [shift.name for shift in calibration.shifts] == ["clean", "c", "cbar"]

    @pytest.mark.parametrize("name", [name for name, suite in SUITES.items() if "cifar" in suite.families])
    def test_a_suite_is_read_back_as_it_was_described(self, name, pictures):
        for suite in self.plan(pictures, "clean", "c", name, regenerate=True).suites:
            assert read_suite(describe_suite(suite), "record.json") == suite

    def test_a_missing_set_is_named_with_its_source_and_the_command_that_makes_it(self, pictures, tmp_path):
        plan = self.plan(pictures, "clean", "c", root=tmp_path)
        (problem,) = plan.problems
        assert problem.missing
        assert problem.what == "c"
        assert f"{tmp_path}/CIFAR-3-C is not there; get it from zenodo.org" in problem.reason
        assert (
            "python -m writers.make_corrupted --benchmark cifar-c --source dataset --root test.beton" in problem.reason
        )
        assert [suite.name for suite in plan.suites] == ["clean"]

    def test_an_unknown_suite_is_refused_and_the_nearest_named(self):
        with pytest.raises(InputError, match="--suite 'calibraton' is unknown, did you mean 'calibration'"):
            check_names(("calibraton",))

    def test_unknown_or_repeated_corruptions_are_refused(self, pictures):
        with pytest.raises(InputError, match="--corruptions 'contras' is unknown, did you mean 'contrast'"):
            self.plan(pictures, "c", corruptions=("contras",))
        with pytest.raises(InputError, match="--corruptions must name each once, got contrast contrast"):
            SuiteOptions(corruptions=("contrast", "contrast"))
        with pytest.raises(InputError, match="--seed must be in"):
            SuiteOptions(seed=-1)
