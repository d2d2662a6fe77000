"""However far a GPU is behind the program, it gets the pictures of each batch."""

import lagging_device
import pytest
import torch

from layermix import LayerMix
from pipelines import LoaderConfig
from pipelines.ffcv_loader import FFCVLoader


class LateLoader(FFCVLoader):
    """Copies to a device that lags."""

    def _operations(self) -> list:
        return [*super()._operations(), lagging_device.LateCopy(torch.device("cpu"))]


@pytest.fixture
def config(small, fractal_bank):
    return LoaderConfig(
        data=small, batch_size=3, size=32, crop="pad", flip=True, policy=LayerMix(), fractals=fractal_bank,
        order="random", batches_ahead=2, threads=2,
    )  # fmt: skip


def test_a_device_that_is_any_number_of_batches_behind_gets_the_pictures_of_each_batch(config, monkeypatch):
    with FFCVLoader(config) as loader:
        expected = [batch.images.clone() for batch in loader]
    lagging_device.install(monkeypatch)
    seen = []
    with LateLoader(config) as loader:
        for batch in loader:  # a step on the device, of which the program does not wait for the end
            lagging_device.current_stream().submit(lambda images=batch.images: seen.append(images.clone()))
        assert len(seen) < len(expected)
        lagging_device.current_stream().synchronize()
    assert len(seen) == len(expected) == 17
    assert all(torch.equal(a, b) for a, b in zip(seen, expected))


def test_a_loop_that_is_left_waits_for_the_copies_into_memory_that_it_lets_go_of(config, monkeypatch):
    lagging_device.install(monkeypatch)
    with LateLoader(config) as loader:
        next(iter(loader))
        streams = loader._running.cuda_streams
    assert all(stream.is_idle() for stream in streams)
    assert any(stream.submitted() for stream in streams)
