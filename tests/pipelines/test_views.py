"""Three views a sample: the picture that the loader crops, and the two draws that `layermix.jsd_views` makes of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from layermix import FractalBank, InputError, LayerMix
from layermix.policies import IPMix
from layermix.views import jsd_views
from pipelines import LoaderConfig, build_loader


def images_of(config: LoaderConfig) -> torch.Tensor:
    with build_loader(config) as loader:
        loader.set_epoch(3)
        return torch.cat([batch.images.clone() for batch in loader])


def pixels(images: torch.Tensor) -> np.ndarray:
    """uint8 (N, H, W, 3) of (N, 3, H, W)."""
    return np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())


@pytest.mark.parametrize("policy", [LayerMix(), IPMix()])
def test_views_are_the_cropped_picture_and_two_draws_of_it(small, fractal_bank, policy):
    config = LoaderConfig(
        data=small, batch_size=8, size=32, crop="pad", flip=True, policy=policy, fractals=fractal_bank, views=3, seed=5
    )
    images = images_of(config)
    assert images.shape == (50, 3, 3, 32, 32)
    cropped = images_of(replace(config, policy=None, fractals=None, views=1))
    bank = FractalBank.open(fractal_bank)
    expected = jsd_views(pixels(cropped), policy, fractals=bank, seed=5, epoch=3)
    for view in range(3):
        assert np.array_equal(pixels(images[:, view]), expected[view]), view
    assert torch.equal(images, images_of(replace(config, threads=2, batch_size=7)))


def test_the_views_of_a_batch_are_one_channels_last_batch_without_a_copy(small, fractal_bank):
    config = LoaderConfig(data=small, batch_size=8, size=32, policy=LayerMix(), fractals=fractal_bank, views=3)
    with build_loader(config) as loader:
        images = next(iter(loader)).images
    flat = images.flatten(0, 1)
    assert flat.shape == (24, 3, 32, 32)
    assert flat.is_contiguous(memory_format=torch.channels_last)
    assert flat.data_ptr() == images.data_ptr()


@pytest.mark.parametrize(
    ("change", "message"),
    [({"views": 2}, "`views` must be one of 1, 3; got 2"), ({"policy": None}, "`views` must be 1 without a `policy`")],
)
def test_views_that_no_loss_takes_are_refused(small, fractal_bank, change, message):
    settings = {"policy": LayerMix(), "fractals": fractal_bank, "views": 3, **change}
    with pytest.raises(InputError, match=message):
        LoaderConfig(data=small, batch_size=8, size=32, **settings)
