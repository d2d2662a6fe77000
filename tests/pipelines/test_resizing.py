"""A loader that changes its size opens one loader a size and is each of them in its epochs."""

from dataclasses import replace

import pytest
import torch

from pipelines import LoaderConfig, build_loader
from pipelines.resizing import ResizingLoader

SIZES = (16, 16, 24, 32)


@pytest.fixture
def config(photos):
    return LoaderConfig(data=photos, batch_size=16, size=32, crop="random_resized", flip=True, order="random", seed=3)


def batches_of(loader) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(batch.images.clone(), batch.sample_ids.clone()) for batch in loader]


def assert_equal(left, right) -> None:
    assert len(left) == len(right)
    for a, b in zip(left, right):
        assert torch.equal(a[0], b[0])
        assert torch.equal(a[1], b[1])


def test_each_epoch_is_that_of_a_loader_of_its_size(config):
    opened = []

    def build(settings):
        opened.append(settings.size)
        return build_loader(settings)

    with ResizingLoader(config, SIZES.__getitem__, build) as loader:
        for epoch, size in enumerate(SIZES):
            loader.set_epoch(epoch)
            with build_loader(replace(config, size=size)) as expected:
                expected.set_epoch(epoch)
                assert_equal(batches_of(loader), batches_of(expected))
                assert (len(loader), loader.classes) == (len(expected), expected.classes)
            assert loader.config.size == size
    assert opened == [16, 24, 32]


@pytest.mark.parametrize("batch", range(3))
def test_it_continues_at_any_batch_of_an_epoch_of_another_size(config, batch):
    with ResizingLoader(config, SIZES.__getitem__, build_loader) as loader:
        loader.set_epoch(2)
        iterator = iter(loader)
        for _ in range(batch):
            next(iterator)
        state, rest = loader.state_dict(), batches_of(iterator)
    with ResizingLoader(config, SIZES.__getitem__, build_loader) as loader:
        loader.load_state_dict(state)
        assert loader.state_dict() == state
        assert_equal(batches_of(loader), rest)
