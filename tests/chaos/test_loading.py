"""Loading under abuse: loops left at any batch, pictures overwritten, worker processes killed."""

import multiprocessing
import os
import signal
import threading
import time

import numpy as np
import pytest
import torch
from picture_files import ListSource, jpeg, smooth_picture

from layermix.errors import InputError
from pipelines import LoaderConfig, build_loader
from writers.dataset import write_file
from writers.formats.layouts import ImageLayout
from writers.options import StoreOptions

COUNT = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """JPEGs in two class folders."""
    root = tmp_path_factory.mktemp("pictures")
    for n in range(COUNT):
        path = root / "ab"[n % 2] / f"{n:02d}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(jpeg(smooth_picture(70 + n, 80, n)))
    return root


def write(path):
    pictures = [jpeg(smooth_picture(70 + n, 80, n)) for n in range(COUNT)]
    return write_file(ListSource(pictures), path, ImageLayout(StoreOptions()), options={})


def config(data, **changes):
    settings = {"data": data, "batch_size": 3, "size": 32, "crop": "random_resized", "order": "random"}
    return LoaderConfig(**settings | changes)


@pytest.mark.parametrize("backend", ["beton", "folder"])
@pytest.mark.parametrize("trials", [10, pytest.param(200, marks=pytest.mark.chaos)])
def test_a_loop_left_at_any_batch_leaves_nothing_behind(backend, trials, folder, tmp_path, count):
    if backend == "beton":
        write(tmp_path / "x.beton")
    random, before = np.random.default_rng(0), threading.active_count()
    with build_loader(config(tmp_path / "x.beton" if backend == "beton" else folder)) as loader:
        for trial in range(trials):
            loader.set_epoch(trial)
            stop = int(random.integers(len(loader)))
            for number, batch in enumerate(loader):
                assert len(batch.images) == 3
                if number == stop:
                    break
            assert loader.state_dict() == {"epoch": trial, "batch": stop + 1}
            count(f"loops left, {backend}", "nothing left behind")
    assert threading.active_count() == before


@pytest.mark.parametrize("trials", [3, pytest.param(40, marks=pytest.mark.chaos)])
def test_overwritten_pictures_are_named_and_left_out_to_the_sample(trials, tmp_path, count):
    """A third of the pictures, each with a stretch of zeros or noise in its data."""
    path, random = tmp_path / "x.beton", np.random.default_rng(1)
    write(path)
    whole = path.read_bytes()
    from pipelines.beton import open_beton

    places = open_beton(path).column("image")["data_ptr"].astype(int)
    for trial in range(trials):
        content, victims = bytearray(whole), np.sort(random.choice(COUNT, COUNT // 3, replace=False))
        for number, start in enumerate(places[victims].tolist()):
            content[start : start + 300] = bytes(300) if number % 2 else random.bytes(300)
        path.write_bytes(content)
        with build_loader(config(path, on_damage="skip", batch_size=COUNT, seed=trial)) as loader:
            (batch,) = loader
            assert loader.damaged == tuple(victims.tolist())
        assert torch.equal(batch.sample_ids.sort().values, torch.from_numpy(np.setdiff1d(np.arange(COUNT), victims)))
        with build_loader(config(path, order="sequential")) as loader, pytest.raises(InputError) as error:
            list(loader)
        assert f"x.beton: sample {victims[0]} does not decode" in str(error.value)
        count("overwritten pictures", "named, and left out to the sample")


def kill_and_go_on(worker, batches):
    os.kill(worker.pid, signal.SIGKILL)
    for _ in batches:
        pass


@pytest.mark.chaos
@pytest.mark.timeout(1800)
def test_a_killed_worker_process_is_an_error_within_a_minute(folder, count):
    random = np.random.default_rng(2)
    for trial in range(10):
        with build_loader(config(folder, threads=2, seed=trial)) as loader:
            batches = iter(loader)
            for _ in range(int(random.integers(1, 10))):
                next(batches)
            victim = multiprocessing.active_children()[trial % 2]
            start = time.monotonic()
            # torch raises where the main thread happens to be when the signal of the child's end arrives.
            with pytest.raises(RuntimeError, match=r"a worker process of the loader ended|killed by signal"):
                kill_and_go_on(victim, batches)
            assert time.monotonic() - start < 60
        assert multiprocessing.active_children() == []
        count("SIGKILL loader worker", "error in time, nothing left behind")
