"""`eval.runner`: every sample once, in evaluation mode, and only honest logits."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from eval.network import STATISTICS, Arithmetic, statistics
from eval.progress import Progress
from eval.runner import collect_predictions
from eval.sets import BadPicturesError, PictureBatch
from eval.suites.corruptions import CorruptedCell
from eval.suites.protocol import Cell
from layermix.errors import InputError

from .conftest import FakePictures


class Wrapped(nn.Module):
    """Changes the logits of another classifier."""

    def __init__(self, inner: nn.Module, change):
        super().__init__()
        self.inner, self.change = inner, change

    def forward(self, images):
        return self.change(self.inner(images))


class StaysInTraining(nn.Module):
    """Leaves evaluation mode in each forward pass, as the released ImageNet-P run did."""

    def __init__(self, inner: nn.Module):
        super().__init__()
        self.inner = inner

    def forward(self, images):
        self.inner.train()
        return self.inner(images)


class Unordered(FakePictures):
    """A test set whose batches hold other samples than they should."""

    ids = np.array([0, 1, 1])

    def batches(self, size, numbers):
        yield lambda: PictureBatch(self.images[self.ids], self.labels[self.ids], self.ids)


@pytest.fixture
def collect(new_run):
    """Predictions of one model: `collect(subject, *cells, batch_size=7)`."""

    def collected(subject, *cells, **settings):
        found, problems = collect_predictions([subject], cells, new_run(**settings))
        assert not problems
        return found[subject.name]

    return collected


def noisy(pictures, **more) -> CorruptedCell:
    noise = {"benchmark": "cifar-c", "corruption": "gaussian_noise", "severity": 3, "seed": 1}
    return CorruptedCell(key="noisy", pictures=pictures, **(noise | more))


def test_every_sample_comes_once_in_the_order_of_its_id(new_subject, pictures, collect):
    found = collect(new_subject(), Cell(pictures=pictures))["clean"]
    np.testing.assert_array_equal(found.sample_ids, np.arange(30))
    np.testing.assert_array_equal(found.labels, pictures.labels)
    assert (found.logits.dtype, found.logits.shape) == (np.float32, (30, 3))


@pytest.mark.parametrize("batch_size", [1, 4, 30, 100])
def test_predictions_do_not_depend_on_the_batch_size(batch_size, new_subject, pictures, collect, tmp_path):
    cell = noisy(pictures)
    found = collect(new_subject(), cell, batch_size=batch_size)[cell.key]
    expected = collect(new_subject(), cell, store=tmp_path / "other")[cell.key]
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 4])
def test_predictions_do_not_depend_on_threads(threads, new_subject, pictures, collect, tmp_path):
    cell = noisy(pictures)
    found = collect(new_subject(), cell, threads=threads, batch_size=2)[cell.key]
    expected = collect(new_subject(), cell, store=tmp_path / "other", batch_size=2)[cell.key]
    np.testing.assert_array_equal(found.logits, expected.logits)


def test_all_models_are_shown_the_same_corrupted_pictures(new_subject, new_classifier, pictures, new_run):
    first, second = new_classifier(), new_classifier(10.0)
    subjects = [new_subject("a", first), new_subject("b", second)]
    collect_predictions(subjects, [noisy(pictures, corruption="shot_noise", severity=5)], new_run())
    assert len(first.shown) == 5
    for one, other in zip(first.shown, second.shown):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_pictures_reach_the_model_in_channels_last_memory(new_subject, new_classifier, pictures, collect):
    classifier = new_classifier()
    collect(new_subject("a", classifier), Cell(pictures=pictures))
    np.testing.assert_array_equal(classifier.shown[0].permute(0, 2, 3, 1).numpy(), pictures.images[:7])
    assert classifier.was_channels_last


def test_kept_classes_come_in_their_order(new_subject, new_pictures, collect):
    class Two(FakePictures):
        def __init__(self, count):
            super().__init__(count)
            self.labels = self.labels % 2

    kept = collect(new_subject(), Cell(key="two", pictures=Two(30), kept=(2, 0)))["two"]
    whole = collect(new_subject(), Cell(pictures=new_pictures(30)))["clean"]
    np.testing.assert_array_equal(kept.logits, whole.logits[:, [2, 0]])


class OnDevice(torch.Tensor):
    """Logits on a GPU, where an index from the host makes the host wait for all that the GPU has been given."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        indices = args[1] if func is torch.Tensor.__getitem__ else ()
        assert not any(isinstance(index, list) for index in indices), "waits for the device"
        return super().__torch_function__(func, types, args, kwargs or {})


def test_kept_classes_are_chosen_without_waiting_for_the_device(new_subject, new_classifier, new_pictures, collect):
    classifier = Wrapped(new_classifier(), lambda logits: logits.as_subclass(OnDevice))
    with pytest.raises(AssertionError, match="waits for the device"):
        classifier(torch.zeros(1, 3, 8, 8))[:, [2, 0, 1]]
    cell = Cell(key="all", pictures=new_pictures(30), kept=(2, 0, 1))
    assert collect(new_subject(classifier=classifier), cell)["all"].logits.shape == (30, 3)


class Launches(TorchDispatchMode):
    """Counts what is more than another look at the same memory."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += not func.is_view
        return func(*args, **(kwargs or {}))


def test_batch_norm_statistics_are_copied_in_three_launches_whatever_the_depth():
    network = nn.Sequential(*[nn.BatchNorm2d(n) for n in range(1, 50)])
    with Launches() as launches:
        statistics(network)
    assert launches.count == len(STATISTICS) == 3


def test_a_model_in_training_mode_is_put_into_evaluation_mode(new_subject, new_classifier, pictures, collect):
    classifier = new_classifier().train()
    collect(new_subject("a", classifier), Cell(pictures=pictures))
    assert not classifier.training
    assert int(classifier.norm.num_batches_tracked) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda logits: logits.softmax(dim=1), "model, clean: the model must return logits, got probabilities"),
        (lambda logits: logits * float("nan"), "model, clean: logits must be finite, got NaN .* 7 of 7"),
        (lambda logits: logits[:, :2], r"model, clean: .* a logit for each of its 3 classes, got \(7, 2\) for 7"),
        (lambda logits: logits[:, [0, 1, 2, 0]], r"model, clean: .* a logit for each of its 3 classes, got \(7, 4\)"),
        (lambda logits: logits[:, :, None], r"model, clean: .* a logit for each of its 3 classes, got \(7, 3, 1\)"),
    ],
)
def test_dishonest_output_is_refused_and_nothing_of_it_is_kept(
    change, message, new_subject, new_classifier, pictures, collect, tmp_path
):
    with pytest.raises(InputError, match=message):
        collect(new_subject(classifier=Wrapped(new_classifier(), change)), Cell(pictures=pictures))
    assert not list((tmp_path / "store").rglob("*.npz"))


def test_labels_beyond_the_classes_are_refused(new_subject, pictures, collect):
    pictures.labels = pictures.labels + 1
    with pytest.raises(
        InputError, match="model, clean: labels must be in 0 to 2, the classes of the model, got 1 to 3"
    ):
        collect(new_subject(), Cell(pictures=pictures))


def test_moving_batch_norm_statistics_are_refused(new_subject, new_classifier, pictures, collect, tmp_path):
    subject = new_subject("restless", StaysInTraining(new_classifier()))
    with pytest.raises(InputError, match=r"restless, clean: batch-norm statistics .* inner\.norm\.running_mean"):
        collect(subject, Cell(pictures=pictures))
    assert not list((tmp_path / "store").rglob("*.npz"))


def test_repeated_samples_are_refused(new_subject, collect):
    with pytest.raises(InputError, match="every sample must come once and in order"):
        collect(new_subject(), Cell(pictures=Unordered(3)))


class Told(Progress):
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    def begin(self, key, batches):
        self.told.append((key, batches))

    def advance(self, batches=1):
        self.told.append(batches)

    def finish(self, key):
        self.told.append(key)


def test_every_batch_of_every_model_and_every_finished_cell_is_told(new_subject, new_classifier, pictures, new_run):
    cells, progress = [Cell(key="clean", pictures=pictures), Cell(key="broken", pictures=Broken(30))], Told()
    subjects = [new_subject("a"), new_subject("b", new_classifier(5.0))]
    collect_predictions(subjects, cells, new_run(batch_size=10), progress)
    assert progress.told == [("clean", 6), *[1] * 6, "clean", ("broken", 6), 1, 1, 2, 1, 1, "broken"]


def test_what_is_in_the_store_is_not_computed_again(new_subject, new_classifier, pictures, collect):
    first, second = new_classifier(), new_classifier()
    before = collect(new_subject("a", first), Cell(pictures=pictures))["clean"]
    after = collect(new_subject("b", second), Cell(pictures=pictures))["clean"]
    assert not second.shown
    np.testing.assert_array_equal(before.logits, after.logits)


@pytest.mark.parametrize("change", ["weights", "pictures", "precision"])
def test_other_weights_pictures_or_precision_are_computed_anew(
    change, new_subject, new_classifier, new_pictures, collect
):
    collect(new_subject(), Cell(pictures=new_pictures(30)))
    classifier = new_classifier(50.0 if change == "weights" else 60.0)
    arithmetic = Arithmetic(device=torch.device("cpu"), precision="bfloat16" if change == "precision" else "float32")
    other = Cell(pictures=new_pictures(29 if change == "pictures" else 30))
    collect(new_subject("b", classifier), other, arithmetic=arithmetic)
    assert classifier.shown


class Broken(FakePictures):
    """A test set with two samples that cannot be read."""

    def batches(self, size, numbers):
        for number, read in zip(numbers, super().batches(size, numbers)):
            yield self._fail if number == 1 else read

    def _fail(self):
        raise BadPicturesError(["pictures/8.png: cannot be decoded", "pictures/9.png: cannot be decoded"])


def test_samples_that_cannot_be_read_are_counted_and_named_and_the_other_cells_are_measured(new_subject, new_run):
    cells = [Cell(key="broken", pictures=Broken(30)), Cell(key="whole", pictures=FakePictures(30))]
    found, (problem,) = collect_predictions([new_subject()], cells, new_run())
    assert list(found["model"]) == ["whole"]
    assert problem.what == "broken"
    assert problem.reason.startswith("2 of 30 samples cannot be read: pictures/8.png: cannot be decoded; pictures/9")


@dataclass(frozen=True, kw_only=True)
class AdaptedCell(Cell):
    """Shows each model its own pictures."""

    def challenge(self, classifier, images, labels, sample_ids):
        (sharpness,) = (value for name, value in classifier.named_parameters() if name == "sharpness")
        return torch.full_like(images, int(sharpness))


def test_a_challenge_is_made_for_each_model(new_subject, new_classifier, pictures, new_run):
    first, second = new_classifier(10.0), new_classifier(20.0)
    cells = [AdaptedCell(pictures=pictures)]
    collect_predictions([new_subject("a", first), new_subject("b", second)], cells, new_run())
    assert {int(shown.max()) for shown in first.shown} == {10}
    assert {int(shown.max()) for shown in second.shown} == {20}
