"""Crops, flips and orders are torchvision's in distribution, and pure functions of their key."""

import numpy as np
import torch
from scipy import stats
from torchvision.transforms import RandomResizedCrop

from layermix import geometry
from layermix.order import epoch_order

SCALE, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)


def test_random_resized_crops_are_distributed_as_torchvisions():
    torch.manual_seed(0)
    picture = torch.zeros(3, 300, 400)
    theirs = np.array([RandomResizedCrop.get_params(picture, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(6000)])
    ours = np.array([geometry.random_resized_crop(1, 0, n, 0, 300, 400, SCALE, RATIO) for n in range(6000)])
    for column in range(4):
        assert stats.ks_2samp(ours[:, column], theirs[:, column]).pvalue > 1e-3


def test_random_resized_crops_lie_inside_pictures_of_any_shape():
    for height, width in ((1, 1), (1, 500), (500, 1), (3, 2), (224, 224), (65535, 7)):
        for n in range(200):
            top, left, high, wide = geometry.random_resized_crop(2, 0, n, 0, height, width, SCALE, RATIO)
            assert 0 <= top <= top + high <= height
            assert 0 <= left <= left + wide <= width
            assert high > 0
            assert wide > 0


def test_flips_have_even_odds_and_change_with_the_epoch():
    flips = np.array([[geometry.random_flip(3, epoch, n, 0) for n in range(4000)] for epoch in (0, 1)])
    assert abs(flips.mean() - 0.5) < 0.02
    assert abs((flips[0] == flips[1]).mean() - 0.5) < 0.03


def test_pad_crop_equals_padding_and_slicing():
    rng = np.random.default_rng(0)
    picture = rng.integers(1, 256, (32, 32, 3), dtype=np.uint8)
    padded = np.pad(picture, ((4, 4), (4, 4), (0, 0)))
    offsets = {geometry.random_offset(5, 0, n, 0, 8) for n in range(800)}
    assert offsets == {(v, h) for v in range(9) for h in range(9)}
    for vertical, horizontal in ((0, 0), (8, 8), (0, 8), (4, 4), (3, 7), (8, 1)):
        out = np.full((32, 32, 3), 9, np.uint8)
        geometry.pad_crop(picture, 4, vertical, horizontal, out)
        assert np.array_equal(out, padded[vertical : vertical + 32, horizontal : horizontal + 32])


def test_pad_crop_takes_pictures_of_other_sizes_and_padding_wider_than_they_are():
    rng = np.random.default_rng(0)
    for height, width, padding in ((5, 9, 20), (40, 3, 1), (9, 40, 0)):
        picture = rng.integers(1, 256, (height, width, 3), dtype=np.uint8)
        padded = np.pad(picture, ((padding, 60), (padding, 60), (0, 0)))
        for vertical, horizontal in ((0, 0), (2 * padding, 1), (padding, 2 * padding)):
            out = np.full((11, 7, 3), 9, np.uint8)
            geometry.pad_crop(picture, padding, vertical, horizontal, out)
            assert np.array_equal(out, padded[vertical : vertical + 11, horizontal : horizontal + 7])


def test_flip_mirrors_even_and_odd_widths():
    for width in (1, 2, 7, 32):
        picture = np.random.default_rng(width).integers(0, 256, (5, width, 3), dtype=np.uint8)
        flipped = picture.copy()
        geometry.flip_left_right(flipped)
        assert np.array_equal(flipped, picture[:, ::-1])


def test_center_crop_is_central():
    assert geometry.center_crop(256, 300, 224 / 256) == (16, 38, 224, 224)
    assert geometry.center_crop(1, 1, 0.5) == (0, 0, 1, 1)


def test_an_epochs_order_is_a_permutation_that_changes_with_seed_and_epoch():
    orders = [epoch_order(1000, seed=s, epoch=e) for s, e in ((0, 0), (0, 1), (1, 0), (2**63, 0))]
    for order in orders:
        assert np.array_equal(np.sort(order), np.arange(1000))
    assert len({order.tobytes() for order in orders}) == 4
    assert np.array_equal(orders[0], epoch_order(1000, seed=0, epoch=0))
    assert abs(stats.spearmanr(orders[0], np.arange(1000)).statistic) < 0.1
