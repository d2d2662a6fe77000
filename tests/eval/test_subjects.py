"""`eval.subjects` and `eval.pictures`: the right checkpoints on the right data."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from eval.pictures import common_preprocessing, recorded_path
from eval.subjects import check_classes, load_subjects, unique_names
from layermix.errors import InputError
from models import ModelConfig, build_model, save_checkpoint
from models.checkpoint import Checkpoint

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run folder with a checkpoint of a small network."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    config = ModelConfig(name="wrn_10_1", num_classes=3)
    checkpoint = Checkpoint(
        model=config,
        weights=build_model(config).state_dict(),
        classes=("dark", "middle", "bright"),
        epoch=1,
        step=7,
        config={"data": {"size": 8, "test": "test.beton"}},
    )
    save_checkpoint(folder / "checkpoints" / "last.pt", checkpoint)
    return folder


def test_a_run_is_known_by_its_folder_and_its_checkpoints_hash(run):
    (subject,) = load_subjects((run,), CPU)
    assert subject.name == "first"
    assert subject.classes == ("dark", "middle", "bright")
    assert (subject.about["epoch"], subject.about["step"]) == (1, 7)
    assert len(subject.sha256) == 64
    assert not subject.classifier.training
    assert subject.parameters > 10_000


def test_a_folder_and_its_checkpoint_file_are_the_same_run(run):
    (subject,) = load_subjects((run / "checkpoints" / "last.pt",), CPU)
    assert subject.name == "first"


def test_a_run_given_twice_is_refused(run):
    with pytest.raises(InputError, match="must come once, got it 2 times"):
        load_subjects((run, run / "checkpoints" / "last.pt"), CPU)


def test_a_missing_run_is_named(tmp_path):
    with pytest.raises(InputError, match=f"{tmp_path}/none: no such checkpoint"):
        load_subjects((tmp_path / "none",), CPU)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/x/a/checkpoints/last.pt", "/x/b/checkpoints/last.pt"], ["a", "b"]),
        (["/x/a/checkpoints/last.pt", "/y/a/checkpoints/last.pt"], ["x/a", "y/a"]),
        (["/x/a/checkpoints/last.pt", "/x/a/checkpoints/epoch_9.pt"], ["a", "epoch_9"]),
        (["/x/best.pt"], ["best"]),
    ],
)
def test_names_are_the_shortest_that_tell_runs_apart(paths, names):
    assert unique_names([Path(path) for path in paths]) == names


def test_a_run_is_named_after_its_folder_where_last_is_a_link_to_a_checkpoint_of_an_epoch(tmp_path):
    folder = tmp_path / "layermix" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "epoch-0006-step-00000132.pt").touch()
    (folder / "last.pt").symlink_to("epoch-0006-step-00000132.pt")
    assert unique_names([folder / "last.pt"]) == ["layermix"]


def test_classes_must_be_those_of_the_data_in_the_same_order(new_subject):
    subject, data = new_subject("run"), Path("test.beton")
    check_classes([subject], ("dark", "middle", "bright"), data)
    with pytest.raises(InputError, match=r"run: .* test\.beton, got 'dark' for 'middle' as class 0"):
        check_classes([subject], ("middle", "dark", "bright"), data)
    with pytest.raises(InputError, match="got 3 classes for 2"):
        check_classes([subject], ("dark", "bright"), data)


def with_data(subject, **data):
    return replace(subject, about={**subject.about, "config": {"data": data}})


def test_models_of_another_preprocessing_are_refused_together(new_subject):
    small, large = with_data(new_subject("a"), size=32), with_data(new_subject("b"), size=224, test_crop="center")
    assert common_preprocessing([small]).size == 32
    assert common_preprocessing([large]).crop == "center"
    with pytest.raises(InputError, match=r"b: pictures must be prepared as for a .* in separate calls"):
        common_preprocessing([small, large])


def test_a_checkpoint_without_preprocessing_is_refused(new_subject):
    with pytest.raises(InputError, match=r"run: the checkpoint must record data\.size"):
        common_preprocessing([with_data(new_subject("run"))])


def test_the_test_set_is_the_one_that_the_checkpoints_agree_on(new_subject):
    first, second = with_data(new_subject("a"), test="x.beton"), with_data(new_subject("b"))
    assert recorded_path([first, second], "test") == Path("x.beton")
    assert recorded_path([second], "test") is None
    with pytest.raises(InputError, match=r"different files as data\.test: .* choose one with --data"):
        recorded_path([first, with_data(new_subject("b"), test="y.beton")], "test")
