"""The GPU graph: all but the device runs here, with the decoder on the CPU; the rest where there is a GPU."""

from dataclasses import replace

import pytest
import torch
from numba import cuda

pytest.importorskip("nvidia.dali")

from layermix import LayerMix
from pipelines import LoaderConfig, build_loader

HAS_GPU = torch.cuda.is_available() and cuda.is_available()


@pytest.fixture
def training(dali_photos, fractal_bank) -> LoaderConfig:
    return LoaderConfig(
        data=dali_photos, fractals=fractal_bank, batch_size=8, size=48, crop="random_resized", flip=True,
        policy=LayerMix(), order="random", seed=5,
    )  # fmt: skip


def batches(loader, epoch: int = 2) -> list[tuple[torch.Tensor, ...]]:
    with loader:
        loader.set_epoch(epoch)
        return [tuple(part.clone().cpu() for part in batch) for batch in loader]


def differences(first, second) -> torch.Tensor:
    assert all(torch.equal(a, b) for x, y in zip(first, second) for a, b in zip(x[1:], y[1:]))
    return torch.cat([(a[0].float() - b[0].float()).abs().mean(dim=(1, 2, 3)) for a, b in zip(first, second)])


@pytest.mark.parametrize("crop", ["random_resized", "center"])
def test_the_gpu_graph_cuts_the_windows_and_flips_of_the_cpu_graph(crop, training, on_the_processor):
    """DALI's own filter resizes here: a triangle as ours, in float; under 1 / 255 in the mean."""
    config = replace(training, crop=crop, policy=None, fractals=None)
    found = differences(batches(on_the_processor(config)), batches(build_loader(config)))
    assert found.max() < 1


@pytest.mark.parametrize(
    "change", [{"crop": "pad", "order": "shards"}, {"crop": "none", "flip": False}, {"crop": "pad", "views": 3}]
)
def test_from_equal_pixels_the_gpu_graph_gives_the_bytes_of_the_cpu_graph(
    change, training, dali_small, on_the_processor
):
    config = replace(training, data=dali_small, size=32, **change)
    ours, theirs = batches(on_the_processor(config)), batches(build_loader(config))
    assert len(ours) == len(theirs) == 7
    assert all(torch.equal(a, b) for x, y in zip(ours, theirs) for a, b in zip(x, y))


def test_images_of_the_gpu_graph_are_channels_last(training, on_the_processor):
    for views in (1, 3):
        with on_the_processor(replace(training, views=views)) as loader:
            images = next(iter(loader)).images
        assert images.flatten(0, -4).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_GPU, reason="needs a CUDA GPU that torch, Numba and DALI can use")
@pytest.mark.parametrize("decode", ["cpu", "gpu"])
def test_on_a_gpu_pictures_are_those_of_the_cpu_graph_up_to_the_decoder(decode, training):
    config = replace(training, policy=None, fractals=None)
    found = batches(build_loader(replace(config, device="cuda", decode=decode)))
    assert differences(found, batches(build_loader(config))).max() < (0.01 if decode == "cpu" else 2)


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_GPU, reason="needs a CUDA GPU that torch, Numba and DALI can use")
def test_on_a_gpu_the_policy_gives_the_bytes_of_the_engine_on_the_processor(training, dali_small):
    config = replace(training, data=dali_small, size=32, crop="pad")
    found, expected = batches(build_loader(replace(config, device="cuda", decode="gpu"))), batches(build_loader(config))
    assert all(torch.equal(a, b) for x, y in zip(found, expected) for a, b in zip(x, y))


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_GPU, reason="needs a CUDA GPU that torch, Numba and DALI can use")
def test_a_batch_on_a_gpu_stays_while_batches_ahead_more_are_taken(training):
    with build_loader(replace(training, device="cuda", decode="gpu", batch_size=2)) as loader:
        iterator = iter(loader)
        first = next(iterator).images
        copy = first.clone()
        for _ in range(3):
            next(iterator)
        assert torch.equal(first, copy)
