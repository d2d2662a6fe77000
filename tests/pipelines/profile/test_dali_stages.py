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
from pipelines.profile.isolated import StageTimer
from pipelines.profile.measurements import REST


@pytest.fixture
def training(dali_photos, fractal_bank) -> LoaderConfig:
    return LoaderConfig(
        data=dali_photos, fractals=fractal_bank, batch_size=8, size=48, crop="random_resized", flip=True,
        policy=LayerMix(), order="random", seed=5,
    )  # fmt: skip


@pytest.mark.parametrize("graph", ["cpu", "gpu"])
def test_the_graphs_make_the_pictures_of_the_loaders_that_end_there(graph, training, on_the_processor):
    base, made = on_the_processor if graph == "gpu" else DALILoader, {True: {}, False: {}}

    class Kept(base):
        def finish(self, ids, *outputs):
            images = super().finish(ids, *outputs)
            made[self.config.policy is not None].update(zip(ids.tolist(), images.clone()))
            return images

    with Kept(training) as loader, work_of(loader).open(2) as run:
        for _ in range(2):
            for pictures in made.values():
                pictures.clear()
            found = run(loader.ids.astype(np.uint64))
            assert list(found) == ["decode", "crop, resize, flip", "mix", *([REST] if graph == "cpu" else [])]
            assert min(found.values()) >= 0
            for is_mixed in (True, False) if graph == "gpu" else (True,):
                ending = training if is_mixed else replace(training, policy=None, fractals=None)
                with base(ending) as expected:
                    for batch in expected:
                        for sample_id, image in zip(batch.sample_ids.tolist(), batch.images):
                            assert torch.equal(made[is_mixed][sample_id], image)


def work_of(loader):
    """The stages of the threads or of the GPU."""
    (work,) = [stages for stages in DALIStages(loader).stages() if stages.by != "caller"]
    return work


@pytest.mark.parametrize(("graph", "worker"), [("cpu", "threads"), ("gpu", "device")])
def test_pictures_are_made_by_the_threads_or_the_gpu_and_fed_by_the_caller(graph, worker, training, on_the_processor):
    made_by = on_the_processor if graph == "gpu" else DALILoader
    with made_by(training) as loader, StageTimer(DALIStages(loader).stages(), loader.ids[:8], threads=1) as timer:
        timer.repeat()
    caller = dict.fromkeys(("read", "draw", "batch assembly"), "caller")
    found = {name: by for name, by in timer.done_by.items() if name != REST}
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
