"""Which checkpoints a run folder keeps, and which one a run continues from when some are damaged."""

from pathlib import Path

import pytest
import torch
from run_comparison import assert_same_run

from layermix.errors import InputError
from models import Checkpoint, ModelConfig, load_checkpoint
from models.checkpoint import digest_path
from train import Outcome
from train.checkpoint_folder import CheckpointFolder
from train.progress import Progress

MODEL = ModelConfig(name="wrn_10_1", num_classes=3)


def checkpoint(step: int, epoch: int = 0) -> Checkpoint:
    return Checkpoint(
        model=MODEL, weights={"w": torch.full((2,), step)}, classes=("a", "b", "c"), epoch=epoch, step=step
    )


def names(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_the_newest_three_and_the_best_are_kept(tmp_path):
    folder = CheckpointFolder(tmp_path)
    for step in (10, 20, 30, 40, 50):
        folder.save(checkpoint(step, epoch=step // 20), is_best=step == 20)
    kept = [f"epoch-{step // 20:04d}-step-{step:08d}.pt" for step in (20, 30, 40, 50)]
    digests = [f"{name}.sha256" for name in kept]
    assert names(tmp_path) == sorted([*kept, *digests, "best.pt", "last.pt"])
    assert load_checkpoint(tmp_path).step == load_checkpoint(folder.last).step == 50
    assert load_checkpoint(folder.best).step == 20


def test_the_former_best_goes_when_it_is_old_and_surpassed(tmp_path):
    folder = CheckpointFolder(tmp_path)
    for step in (1, 2, 3, 4, 5):
        folder.save(checkpoint(step), is_best=step in (1, 5))
    assert load_checkpoint(folder.best).step == 5
    assert not any("step-00000001" in name for name in names(tmp_path))


def test_a_damaged_newest_is_set_aside_loudly_for_the_one_before(tmp_path):
    folder, warnings = CheckpointFolder(tmp_path), []
    for step in (1, 2, 3):
        path = folder.save(checkpoint(step), is_best=False)
    damage(path)
    found = folder.newest(warnings.append)
    assert found is not None
    assert found[1].step == 2
    (warning,) = warnings
    assert f"{path}: the checkpoint is damaged or cut off (its sha256 differs" in warning
    assert f"It is {path.name}.damaged now, and the one before it is tried" in warning
    assert f"{path.name}.damaged" in names(tmp_path)
    assert path.name not in names(tmp_path)


def test_a_folder_of_damaged_checkpoints_is_refused_and_not_begun_anew(tmp_path):
    folder, warnings = CheckpointFolder(tmp_path), []
    for step in (1, 2):
        damage(folder.save(checkpoint(step), is_best=False))
    for _ in range(2):  # a launcher starts a run that failed again
        with pytest.raises(InputError, match=r"checkpoints: all 2 checkpoints are damaged; put a copy back, or start"):
            folder.newest(warnings.append)
    assert len(warnings) == 2


def test_a_checkpoint_copied_alone_is_continued_from(tmp_path):
    path = CheckpointFolder(tmp_path / "a").save(checkpoint(7), is_best=False)
    copy = CheckpointFolder(tmp_path / "b")
    copy.last.parent.mkdir(parents=True)
    copy.last.write_bytes(path.read_bytes())
    found = copy.newest(pytest.fail)
    assert found is not None
    assert found[1].step == 7


def test_an_empty_folder_has_none(tmp_path):
    assert CheckpointFolder(tmp_path).newest(pytest.fail) is None


@pytest.mark.parametrize("victims", [1, 2])
def test_a_run_whose_newest_checkpoints_are_damaged_continues_to_the_same_end(train, tmp_path, victims):
    whole, run = tmp_path / "whole", tmp_path / "run"
    train(whole)
    for step in (2, 4, 5):
        assert train(run, max_steps=step) is Outcome.MAX_STEPS
    for path in sorted((run / "checkpoints").glob("epoch-*.pt"))[-victims:]:
        damage(path)
    progress = Loud()
    assert train(run, progress=progress) is Outcome.FINISHED
    assert len(progress.notes) == victims
    assert_same_run(run, whole)


def test_the_best_checkpoint_is_that_of_the_least_test_error(train, tmp_path):
    train(tmp_path, epochs=4)
    best = load_checkpoint(tmp_path / "checkpoints" / "best.pt")
    assert best.training["is_best"]
    assert best.training["best_error"] == load_checkpoint(tmp_path).training["best_error"]
    assert digest_path((tmp_path / "checkpoints" / "best.pt").resolve()).exists()


class Loud(Progress):
    """Remembers the notes."""

    def __init__(self):
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)
