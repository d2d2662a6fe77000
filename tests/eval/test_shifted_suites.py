"""P, the natural shifts, detection and AutoAttack: planned from folders, measured from known predictions."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from eval.metrics import mean_corruption_error, top5_distance
from eval.plan import default_names, describe_suite, make_plan, read_suite
from eval.predictions import Predictions, SequencePredictions
from eval.sets import LoaderPictures
from eval.suites import SuiteOptions
from eval.suites.corruptions import OtherCorruptions
from eval.suites.detection import ImageNetO, OutOfDistribution
from eval.suites.natural import Renditions, kept_classes
from eval.suites.perturbations import Perturbations, PerturbedCell, read_flip_rates
from eval.suites.planning import Context
from layermix.errors import InputError
from pipelines import LoaderConfig
from writers.corruptions import corruption_names, perturbation_names
from writers.wnids import imagenet_wnids
from writers.write_dataset import main as write_dataset

IMAGENET = imagenet_wnids("imagenet-1k")
RENDITIONS = imagenet_wnids("imagenet-200")


def pictures_of(labels, logits) -> Predictions:
    labels = np.asarray(labels)
    return Predictions(logits=np.asarray(logits, np.float32), labels=labels, sample_ids=np.arange(len(labels)))


def sequences(logits) -> SequencePredictions:
    """Of float (N, T, C)."""
    order = np.argsort(-np.asarray(logits), axis=-1, kind="stable")[..., :5]
    return SequencePredictions(order=order, labels=np.full(len(order), -1), sample_ids=np.arange(len(order)))


def by_cell(measurements) -> dict:
    return {(m.cell, m.metric, m.protocol): m for m in measurements}


@pytest.fixture
def imagenet(pictures):
    """Makes the context of a model of `classes` on pictures of 224 px: `imagenet(classes, root=...)`."""

    def make(classes, **options) -> Context:
        pictures.config = SimpleNamespace(data="val.beton", size=224, center_ratio=0.875)
        return Context(pictures=pictures, classes=classes, size=224, options=SuiteOptions(**options))

    return make


NAMES = ("gaussian_noise", "tilt")


@pytest.fixture(scope="module")
def logits() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {name: generator.normal(size=(20, 31, 7)) for name in NAMES}


@pytest.fixture(scope="module")
def measured(logits) -> dict:
    return by_cell(TestPerturbations.SUITE.measure({f"p/{name}": sequences(values) for name, values in logits.items()}))


class TestPerturbations:
    SUITE = Perturbations(benchmark="cifar-p", perturbations=NAMES)

    def test_noise_is_compared_with_its_first_frame_and_others_with_their_neighbour(self, logits, measured):
        noise, tilt = (logits[name].argmax(axis=-1) for name in NAMES)
        expected = {"p/gaussian_noise": (noise[:, 1:] != noise[:, :1]), "p/tilt": (tilt[:, 1:] != tilt[:, :-1])}
        for cell, changed in expected.items():
            found = measured[cell, "flip_probability", "strict"]
            assert found.value == pytest.approx(changed.mean())
            assert found.count == 20 * 30

    def test_distances_go_from_the_earlier_frame_to_the_later(self, logits, measured):
        noise, tilt = (logits[name] for name in NAMES)
        pairs = {
            "p/gaussian_noise": [(noise[:, 0], noise[:, t]) for t in range(1, 31)],
            "p/tilt": [(tilt[:, t - 1], tilt[:, t]) for t in range(1, 31)],
        }
        for cell, frames in pairs.items():
            expected = np.mean([top5_distance(earlier, later) for earlier, later in frames])
            assert measured[cell, "top5_distance", "strict"].value == pytest.approx(expected)

    def test_means_are_over_perturbations(self, measured):
        for mean, metric in (("mfp", "flip_probability"), ("mt5d", "top5_distance")):
            parts = [measured[f"p/{name}", metric, "strict"].value for name in NAMES]
            assert measured["p", mean, "strict"].value == pytest.approx(np.mean(parts))

    def test_with_a_perturbation_missing_there_is_no_mean(self, logits):
        found = by_cell(self.SUITE.measure({"p/tilt": sequences(logits["tilt"])}))
        assert {cell for cell, _, _ in found} == {"p/tilt"}

    def test_the_flip_rate_needs_alexnets_and_divides_by_them(self, logits, tmp_path):
        path = tmp_path / "rates.json"
        path.write_text(json.dumps({"gaussian_noise": 0.5, "tilt": 0.25}))
        rates = tuple(read_flip_rates(path).items())
        suite = Perturbations(benchmark="cifar-p", perturbations=NAMES, flip_rates=rates)
        found = by_cell(suite.measure({f"p/{name}": sequences(values) for name, values in logits.items()}))
        noise, tilt = (found[f"p/{name}", "flip_probability", "strict"].value for name in NAMES)
        assert found["p", "mfr", "strict"].value == pytest.approx((noise / 0.5 + tilt / 0.25) / 2)

    @pytest.mark.parametrize("content", ["[1]", "{}", '{"tilt": 0.0}', '{"tilt": "x"}', "{"])
    def test_a_file_that_holds_no_rates_is_refused(self, content, tmp_path):
        (tmp_path / "rates.json").write_text(content)
        with pytest.raises(InputError, match=r"--flip-rates .*rates\.json"):
            read_flip_rates(tmp_path / "rates.json")

    def test_the_papers_mean_over_imagenet_p_has_fourteen_perturbations(self):
        names = perturbation_names("imagenet-p")
        extras = tuple(name for name in perturbation_names("imagenet-p", extra=True)[:14] if name not in names)
        suite = Perturbations(benchmark="imagenet-p", perturbations=names, extras=extras)
        still = sequences(np.tile(np.arange(5.0), (3, 4, 1)))
        moving = sequences(np.stack([np.eye(5), np.eye(5)[::-1]]))
        cells = {f"p/{name}": moving if name in extras else still for name in (*names, *extras)}
        found = by_cell(suite.measure(cells))
        flipping = found[f"p/{extras[0]}", "flip_probability", "strict"].value
        assert found["p", "mfp", "strict"].value == 0
        assert found["p", "mfp", "paper"].value == pytest.approx(4 * flipping / 14)

    def test_sequences_made_on_the_fly_are_shown_frame_by_frame(self, new_subject, new_classifier, pictures, evaluated):
        classifier = new_classifier()
        plan, found = evaluated([new_subject(classifier=classifier)], pictures, ("p",))
        assert all(isinstance(cell, PerturbedCell) for cell in plan.cells)
        assert found["model"]["p/translate"].order.shape == (30, 16, 3)
        assert sum(len(shown) for shown in classifier.shown) == 30 * (8 * 31 + 21 + 16)
        mfp = by_cell(plan.suites[0].measure(found["model"]))["p", "mfp", "strict"]
        assert mfp.regenerated

    def test_released_arrays_of_other_lengths_are_problems_and_the_rest_is_planned(self, pictures, tmp_path):
        folder = tmp_path / "CIFAR-3-P"
        folder.mkdir()
        np.save(folder / "translate.npy", np.zeros((30, 16, 8, 8, 3), np.uint8))
        np.save(folder / "tilt.npy", np.zeros((30, 30, 8, 8, 3), np.uint8))
        options = SuiteOptions(root=tmp_path)
        plan = make_plan(("p",), Context(pictures=pictures, classes=pictures.classes, size=8, options=options))
        assert [cell.key for cell in plan.cells] == ["p/translate"]
        assert len(plan.problems) == 9
        assert any("tilt.npy: must be uint8 (30, 31, 8, 8, 3), got uint8 (30, 30" in p.reason for p in plan.problems)


def test_c_and_cbar_together_weigh_every_corruption_the_same():
    names = {"c": corruption_names("cifar-c"), "cbar": corruption_names("cifar-cbar")}
    keys = [f"{suite}/{name}/{level}" for suite in names for name in names[suite] for level in range(1, 6)]
    generator = np.random.default_rng(1)
    cells = {key: pictures_of(np.zeros(8, int), generator.normal(size=(8, 2))) for key in keys}
    suite = OtherCorruptions(benchmark="cifar-cbar", corruptions=names["cbar"])
    value = by_cell(suite.measure(cells))["c+cbar", "mce_c_and_cbar", "strict"].value
    means = {
        kind: mean_corruption_error({n: [cells[f"{kind}/{n}/{s}"].mistakes().mean() for s in range(1, 6)] for n in of})
        for kind, of in names.items()
    }
    assert value == pytest.approx((15 * means["c"] + 10 * means["cbar"]) / 25)
    del cells["c/fog/1"]
    assert "mce_c_and_cbar" not in {m.metric for m in suite.measure(cells)}


class TestNaturalShifts:
    def write(self, folder, classes):
        for name in classes:
            (folder / name).mkdir(parents=True)
            Image.new("RGB", (8, 8)).save(folder / name / "0.jpg")

    def test_of_a_model_of_all_classes_the_200_logits_are_kept(self, imagenet, tmp_path):
        self.write(tmp_path / "imagenet-r", RENDITIONS)
        planned = Renditions.plan(imagenet(IMAGENET, root=tmp_path))
        assert [cell.key for cell in planned.cells] == ["clean", "r"]
        assert [IMAGENET[place] for place in planned.cells[1].kept] == list(RENDITIONS)
        assert planned.cells[1].count == 200
        assert planned.cells[1].preparation()["center_ratio"] == 0.875

    def test_a_model_of_the_200_classes_keeps_all(self, imagenet, tmp_path):
        self.write(tmp_path / "imagenet-r", RENDITIONS)
        (cell,) = Renditions.plan(imagenet(RENDITIONS, root=tmp_path)).cells
        assert cell.kept is None

    def test_class_folders_too_few_are_a_problem(self, imagenet, tmp_path):
        self.write(tmp_path / "imagenet-r", RENDITIONS[:-2])
        plan = make_plan(("r",), imagenet(IMAGENET, root=tmp_path))
        (problem,) = plan.problems
        assert not problem.missing
        assert f"each of the 200 classes and none of others, got 2 missing ({RENDITIONS[-2]}, " in problem.reason

    def test_a_model_that_lacks_classes_is_refused(self):
        with pytest.raises(InputError, match="ImageNet-R: the model must know its 200 classes, 199 are missing"):
            kept_classes(RENDITIONS[:1], RENDITIONS, "imagenet-r")

    def test_the_clean_error_on_the_same_classes_stands_beside(self):
        suite = Renditions(kept=(3, 1))
        logits = np.zeros((3, 5))
        logits[:, 4] = 9  # the class that every picture would be taken for, if it were kept
        logits[[0, 1], [3, 3]] = 1
        found = by_cell(suite.measure({"clean": pictures_of([3, 1, 0], logits), "r": pictures_of([0], [[1.0, 0.0]])}))
        assert found["r", "top1_error", "strict"].value == 0
        clean = found["r-clean", "top1_error", "strict"]
        assert (clean.value, clean.count) == (0.5, 2)

    def test_benchmarks_of_the_other_kind_of_pictures_are_left_out(self):
        assert "r" in default_names("imagenet")
        assert {"r", "a", "o", "autoattack"}.isdisjoint(default_names("cifar"))

    def test_a_benchmark_of_the_other_kind_of_pictures_is_refused(self, pictures):
        context = Context(pictures=pictures, classes=pictures.classes, size=8, options=SuiteOptions())
        reason = "the classes are not ImageNet's and the pictures are of 8 px"
        message = f"^--suite must name benchmarks of CIFAR, as {reason}; leave out r, a$"
        with pytest.raises(InputError, match=message):
            make_plan(("clean", "r", "a"), context)


@pytest.mark.parametrize("suite", [Renditions(kept=(3, 1)), Renditions(), ImageNetO(kept=(0, 1))])
def test_a_suite_of_imagenet_is_read_back_as_it_was_described(suite):
    assert read_suite(describe_suite(suite), "record.json") == suite


class TestDetection:
    def test_imagenet_o_counts_the_logits_and_pictures_of_its_classes_alone(self):
        suite = ImageNetO(kept=(0, 1))
        known = np.array([[9.0, 0, 0], [0, 9, 0], [0, 0, 9]])
        cells = {"clean": pictures_of([0, 1, 2], known), "o": pictures_of([-1, -1], [[1.0, 1.0], [0.5, 0.6]])}
        found = by_cell(suite.measure(cells))
        assert found["o", "softmax_auroc", "strict"].value == 1
        assert found["o", "energy_fpr95", "strict"].value == 0
        assert found["o", "softmax_aupr", "strict"].count == 4

    def test_sets_of_the_users_own_are_found_by_kind(self, pictures, tmp_path):
        (tmp_path / "ood").mkdir()
        np.save(tmp_path / "ood" / "noise.npy", np.zeros((5, 8, 8, 3), np.uint8))
        np.save(tmp_path / "ood" / "wrong.npy", np.zeros((5, 9, 9, 3), np.uint8))
        options = SuiteOptions(root=tmp_path)
        planned = OutOfDistribution.plan(Context(pictures=pictures, classes=pictures.classes, size=8, options=options))
        assert [cell.key for cell in planned.cells] == ["clean", "ood/noise"]
        assert "wrong.npy: pictures must be of 8 px, as the models take them, got 9 px" in planned.problems[0]

    @pytest.mark.parametrize("name", ["strange", "strange.tar"])
    def test_a_written_set_of_the_users_own_may_be_of_any_format(self, name, tmp_path):
        (tmp_path / "ood").mkdir()
        strange = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
        np.save(tmp_path / "pictures.npy", strange)
        np.save(tmp_path / "labels.npy", np.zeros(3, np.int64))
        out, container = tmp_path / "ood" / name, ["--format", "webdataset"]
        assert (
            write_dataset(["--source", "npy", "--root", str(tmp_path / "pictures.npy"), "--out", str(out), *container])
            == 0
        )
        with LoaderPictures(LoaderConfig(data=out, batch_size=2, size=8)) as clean:
            options = SuiteOptions(root=tmp_path)
            planned = OutOfDistribution.plan(Context(pictures=clean, classes=clean.classes, size=8, options=options))
            assert [cell.key for cell in planned.cells] == ["clean", "ood/strange"]
            (first, second) = (read() for read in planned.cells[1].pictures.batches(2, [0, 1]))
        assert np.array_equal(np.concatenate([first.images, second.images]), strange)

    def test_unlabelled_pictures_go_through_the_runner(self, new_subject, pictures, evaluated, tmp_path):
        (tmp_path / "ood").mkdir()
        strange = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3)).astype(np.uint8)
        np.save(tmp_path / "ood" / "noise.npy", strange)
        plan, found = evaluated([new_subject()], pictures, ("ood",), SuiteOptions(root=tmp_path))
        (auroc,) = [m for m in plan.suites[0].measure(found["model"]) if m.metric == "softmax_auroc"]
        assert auroc.count == 39
        assert 0 <= auroc.value <= 1
