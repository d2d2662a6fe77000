"""The prefixes of DALI's graphs do the loader's work, can be run again, and say who does it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numba import cuda

pytest.importorskip("nvidia.dali")

from layermix import InputError, LayerMix
from pipelines import LoaderConfig
from pipelines.dali_loader import DALILoader
from pipelines.profile import command
from pipelines.profile.dali_stages import DALIStages


@pytest.fixture
def training(dali_photos, fractal_bank) -> LoaderConfig:
    return LoaderConfig(
        data=dali_photos, fractals=fractal_bank, batch_size=8, size=48, crop="random_resized", flip=True,
        policy=LayerMix(), order="random", seed=5,
    )  # fmt: skip


@pytest.mark.parametrize("graph", ["cpu", "gpu"])
@pytest.mark.parametrize("stage", ["crop, resize, flip", "mix"])
def test_a_prefix_makes_the_pictures_of_the_loader_that_ends_there(graph, stage, training, on_the_processor):
    base, made = on_the_processor if graph == "gpu" else DALILoader, {}

    class Kept(base):
        def finish(self, ids, *outputs):
            images = super().finish(ids, *outputs)
            made.update(zip(ids.tolist(), images.clone()))
            return images

    ending = replace(training, policy=None, fractals=None) if stage != "mix" else training
    with Kept(training) as loader, base(ending) as expected:
        pictures = {n: image.clone() for batch in expected for n, image in zip(batch.sample_ids.tolist(), batch.images)}
        prefix = next(prefix for prefix in DALIStages(loader).prefixes() if prefix.name == stage)
        run = prefix.start(2)
        for _ in range(2):
            made.clear()
            run(loader.ids.astype(np.uint64))
            assert made.keys() == pictures.keys()
            assert all(torch.equal(made[n], pictures[n]) for n in pictures)


@pytest.mark.parametrize(("graph", "worker"), [("cpu", "threads"), ("gpu", "device")])
def test_pictures_are_made_by_the_threads_or_the_gpu_and_fed_by_the_caller(graph, worker, training, on_the_processor):
    with (on_the_processor if graph == "gpu" else DALILoader)(training) as loader:
        found = {prefix.name: prefix.by for prefix in DALIStages(loader).prefixes()}
        for prefix in DALIStages(loader).prefixes():
            prefix.start(1)(loader.ids.astype(np.uint64))
    caller = dict.fromkeys(("read", "draw", "batch assembly"), "caller")
    assert found == caller | dict.fromkeys(("decode", "crop, resize, flip", "mix"), worker)


@pytest.mark.parametrize("flags", [["--device", "cpu"], []])
def test_the_gpu_graph_without_a_gpu_is_refused_with_the_next_step(flags, dali_photos, monkeypatch):
    monkeypatch.setattr(command.torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"--backend dali-gpu needs a GPU .* pipelines.doctor .* --backend dali-cpu"):
        command.main(["--data", str(dali_photos), "--backend", "dali-gpu", *flags])


def test_a_share_of_the_jpeg_engine_without_the_gpu_graph_is_refused(dali_photos):
    with pytest.raises(InputError, match="--hw-decoder-load goes with --backend dali-gpu, got auto"):
        command.main(["--data", str(dali_photos), "--hw-decoder-load", "0.5"])


@pytest.mark.gpu
@pytest.mark.skipif(
    not (torch.cuda.is_available() and cuda.is_available()),
    reason="needs a CUDA GPU that torch, Numba and DALI can use",
)
def test_on_a_gpu_its_graph_is_profiled(dali_photos, fractal_bank):
    given = command.Arguments(
        data=dali_photos, fractals=fractal_bank, backend="dali-gpu", size=48, batch_size=4, threads=(2,), samples=8,
        repeats=2, device="cuda", hw_decoder_load=0.0,
    )  # fmt: skip
    profile = command.measure(command.loader_config(given), given)
    assert profile.backend == "dali-gpu"
    assert profile.device.copy_us is None
    assert set(profile.done_by.values()) == {"caller", "device"}
    assert profile.in_place[2].images_per_second.median > 0
