"""The plain PyTorch loader over a folder: the pixels of the FFCV graph, and the same promises."""

import multiprocessing
import os
import shutil
import signal
import threading

import pytest
import torch

from layermix import InputError, LayerMix
from pipelines import LoaderConfig, build_loader


@pytest.fixture
def training(photo_folder, fractal_bank):
    return {
        "data": photo_folder, "batch_size": 8, "size": 48, "crop": "random_resized", "flip": True, "order": "random",
        "policy": LayerMix(), "fractals": fractal_bank, "seed": 5,
    }  # fmt: skip


def epoch(settings, number=0):
    with build_loader(LoaderConfig(**settings)) as loader:
        loader.set_epoch(number)
        return [tuple(part.clone() for part in batch) for batch in loader]


def equal(first, second):
    return len(first) == len(second) and all(torch.equal(a, b) for x, y in zip(first, second) for a, b in zip(x, y))


@pytest.mark.parametrize("crop", ["random_resized", "pad", "center", "none"])
def test_stored_pixels_give_the_bytes_of_the_ffcv_graph(crop, small, small_folder, fractal_bank):
    """Order, labels, crops, flips and mixing: all but the decoder of JPEGs is the same."""
    settings = {
        "batch_size": 16, "size": 32, "crop": crop, "flip": True, "order": "random", "policy": LayerMix(),
        "fractals": fractal_bank, "seed": 3,
    }  # fmt: skip
    assert equal(epoch(settings | {"data": small}, 2), epoch(settings | {"data": small_folder}, 2))


def test_the_views_of_the_jensen_shannon_loss_are_those_of_the_ffcv_graph(small, small_folder, fractal_bank):
    settings = {"batch_size": 50, "size": 32, "crop": "pad", "policy": LayerMix(), "fractals": fractal_bank, "views": 3}
    (ours,), (theirs,) = epoch(settings | {"data": small_folder}), epoch(settings | {"data": small})
    assert ours[0].shape == (50, 3, 3, 32, 32)
    assert torch.equal(ours[0], theirs[0])


@pytest.mark.parametrize("crop", ["random_resized", "center"])
def test_jpegs_differ_from_the_ffcv_graph_by_the_decoder_alone(crop, photos, photo_folder):
    """libjpeg enlarges the chroma before the crop is resized; ours resizes it once: below 2 / 255 in the mean."""
    settings = {"batch_size": 40, "size": 48, "crop": crop, "flip": True, "seed": 3}
    (ours,), (theirs,) = epoch(settings | {"data": photos}), epoch(settings | {"data": photo_folder})
    assert all(torch.equal(a, b) for a, b in zip(ours[1:], theirs[1:]))
    difference = (ours[0].int() - theirs[0].int()).abs().float().mean((1, 2, 3))
    assert difference.max() < 2


def test_worker_processes_give_the_bytes_of_none_in_every_epoch(training):
    with build_loader(LoaderConfig(**training | {"threads": 2})) as loader:
        for number in (1, 0):
            loader.set_epoch(number)
            assert equal(list(loader), epoch(training, number))
        for _batch in loader:
            break
        assert equal(list(loader), epoch(training)[1:])
        assert len(multiprocessing.active_children()) == 2
    assert multiprocessing.active_children() == []


WORKER_ENDED = r"a worker process of the loader ended|killed by signal"
"""torch raises the second where the main thread happens to be when the signal of the child's end arrives."""


def kill_and_go_on(worker, batches):
    os.kill(worker.pid, signal.SIGKILL)
    for _ in batches:
        pass


def test_a_worker_that_dies_is_an_error_and_the_next_loop_starts_others(training):
    with build_loader(LoaderConfig(**training | {"threads": 2, "batch_size": 2})) as loader:
        batches = iter(loader)
        next(batches)
        with pytest.raises(RuntimeError, match=WORKER_ENDED):
            kill_and_go_on(multiprocessing.active_children()[0], batches)
        loader.set_epoch(0)
        assert len(list(loader)) == 20
    assert multiprocessing.active_children() == []


def broken_pipe(worker):
    """What torch may say of a worker that is ending, before it has ended."""
    os.kill(worker.pid, signal.SIGSTOP)
    threading.Timer(0.3, os.kill, [worker.pid, signal.SIGKILL]).start()
    yield from []
    raise ConnectionResetError("broken pipe")


def test_a_worker_that_ends_after_its_error_is_told_of_once(training):
    with build_loader(LoaderConfig(**training | {"threads": 2, "batch_size": 2})) as loader:
        batches = iter(loader)
        next(batches)
        workers = loader._results
        loader._results = broken_pipe(multiprocessing.active_children()[0])
        with pytest.raises(RuntimeError, match=WORKER_ENDED):
            next(batches)
        del workers
    assert multiprocessing.active_children() == []


def test_a_folder_needs_no_manifest_and_its_folders_are_the_classes(photo_folder):
    with build_loader(LoaderConfig(data=photo_folder, batch_size=40, size=32, crop="center")) as loader:
        assert loader.manifest is None
        assert loader.classes == ("class_0", "class_1", "class_2", "class_3")
        (batch,) = loader
    assert torch.equal(batch.labels, torch.arange(4).repeat_interleave(10))
    assert torch.equal(batch.sample_ids, torch.arange(40))
    assert batch.images.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("stop", range(6))
def test_a_loader_restored_at_any_batch_yields_the_exact_rest(stop, training):
    whole = epoch(training, 2)
    with build_loader(LoaderConfig(**training)) as loader:
        loader.set_epoch(2)
        batches = iter(loader)
        for _ in range(stop):
            next(batches)
        state = loader.state_dict()
    with build_loader(LoaderConfig(**training)) as loader:
        loader.load_state_dict(state)
        assert equal(list(loader), whole[stop:])


def test_ranks_share_the_samples(training):
    ranks = [epoch(training | {"pad": True, "rank": rank, "world_size": 3}) for rank in range(3)]
    assert len({len(batches) for batches in ranks}) == 1
    counted = torch.cat([ids[valid] for batches in ranks for _, _, ids, valid in batches])
    assert torch.equal(counted.sort().values, torch.arange(40))


@pytest.mark.parametrize("move", [lambda loader: loader.close(), lambda loader: loader.set_epoch(1)])
def test_a_loop_over_a_loader_that_was_moved_raises(move, training):
    with build_loader(LoaderConfig(**training)) as loader:
        batches = iter(loader)
        next(batches)
        move(loader)
        with pytest.raises(RuntimeError, match="start a new loop"):
            next(batches)


def test_loading_leaves_torchs_generator_alone(training):
    before = torch.get_rng_state()
    epoch(training)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.fixture
def damaged(photo_folder, tmp_path):
    """The folder with a JPEG cut short, sample 12."""
    shutil.copytree(photo_folder, tmp_path / "photos")
    victim = sorted((tmp_path / "photos" / "class_1").iterdir())[2]
    victim.write_bytes(victim.read_bytes()[:-400])
    return victim


@pytest.mark.parametrize("threads", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_damaged_picture_raises_in_one_line_with_its_path_and_id(threads, damaged, training):
    settings = training | {"data": damaged.parents[1], "threads": threads}
    with build_loader(LoaderConfig(**settings)) as loader, pytest.raises(InputError) as error:
        list(loader)
    assert str(error.value).startswith(f"{damaged}: cannot be decoded whole (")
    assert str(error.value).endswith(f"(sample 12 of {damaged.parents[1]})")
    assert "\n" not in str(error.value)


def test_damaged_pictures_are_left_out_and_listed(damaged, training):
    settings = training | {"data": damaged.parents[1], "on_damage": "skip"}
    with build_loader(LoaderConfig(**settings)) as loader:
        found = list(loader)
        assert loader.damaged == (12,)
    whole = [tuple(part[batch[2] != 12] for part in batch) for batch in epoch(training)]
    assert equal(found, whole)


def test_a_folder_that_does_not_fit_is_named(training, photo_folder, tmp_path):
    (tmp_path / "empty").mkdir()
    cases = [
        ({"data": tmp_path / "empty"}, r"`data` .*empty holds no class folders"),
        ({"data": photo_folder / "class_0"}, r"`data` .*class_0 holds no class folders"),
        ({"size": 65}, r"the smallest picture is 64 x 64, smaller than `size` 65"),
        ({"batch_size": 41, "drop_last": True}, r"must be at most the 40 samples"),
        ({"crop": "none", "on_damage": "skip"}, r"`crop` 'none' needs pictures of 48 x 48, got \d+ x \d+"),
    ]
    for change, message in cases:
        with pytest.raises(InputError, match=message), build_loader(LoaderConfig(**training | change)) as loader:
            list(loader)
