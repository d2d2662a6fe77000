"""Grad-CAM on a network whose map is known by heart."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from eval.illustrations.grad_cam import explained, grad_cam, overlay
from layermix.errors import InputError


class Colours(nn.Module):
    """Says by 2 by 2 places whether a picture is red (0), green (1) or blue (2): two pixels a place, no bias."""

    def __init__(self):
        super().__init__()
        self.places = nn.AvgPool2d(2)
        self.head = nn.Linear(3, 3, bias=False)
        self.head.weight = nn.Parameter(torch.tensor([[1.0, -1, -1], [-1, 1, -1], [-1, -1, 1]]))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.places(images).mean(dim=(2, 3)))


@pytest.fixture
def picture() -> np.ndarray:
    """Red at the upper left, half as red beside it, green below, and a grey corner: uint8 (8, 8, 3)."""
    found = np.zeros((8, 8, 3), np.uint8)
    found[:4, :4, 0], found[:4, 4:, 0], found[4:, :4, 1], found[4:, 4:] = 200, 100, 200, 90
    return found


def tensor(*pictures: np.ndarray) -> Tensor:
    return torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2).copy())


def quarters(upper_left: float, upper_right: float, lower_left: float, lower_right: float) -> np.ndarray:
    return np.kron([[upper_left, upper_right], [lower_left, lower_right]], np.ones((2, 2)))


class TestMap:
    def test_it_is_bright_where_the_class_is_and_dark_where_others_are(self, picture):
        red, green, blue = grad_cam(Colours(), tensor(picture, picture, picture), torch.tensor([0, 1, 2])).numpy()
        np.testing.assert_allclose(red, quarters(1, 0.5, 0, 0), atol=1e-6)
        np.testing.assert_allclose(green, quarters(0, 0, 1, 0), atol=1e-6)
        np.testing.assert_array_equal(blue, np.zeros((4, 4)))  # nothing speaks for blue

    def test_a_picture_has_the_same_map_in_any_batch(self, picture):
        others = [np.roll(picture, shift, axis=1) for shift in range(4)]
        together = grad_cam(Colours(), tensor(*others), torch.tensor([0, 0, 1, 0]))
        alone = grad_cam(Colours(), tensor(others[2]), torch.tensor([1]))
        assert torch.equal(together[2:3], alone)

    def test_weights_gather_no_gradients_and_frozen_ones_do_not_matter(self, picture):
        network = Colours()
        free = grad_cam(network, tensor(picture), torch.tensor([0]))
        assert network.head.weight.grad is None
        with torch.no_grad():
            assert torch.equal(grad_cam(network.requires_grad_(False), tensor(picture), torch.tensor([0])), free)

    def test_a_network_without_feature_maps_is_named(self, picture):
        network = nn.Sequential(nn.Flatten(), nn.Linear(192, 3))
        with pytest.raises(InputError, match="Sequential: must have a feature map for each picture, got none"):
            grad_cam(network, tensor(picture), torch.tensor([0]))


class TestOverlay:
    def test_the_bright_end_is_bright_and_the_dark_end_dims_the_picture(self):
        shown = overlay(np.full((128, 128, 3), 100, np.uint8), np.array([[0, 1]], np.float32))
        assert shown.shape == (128, 128, 3)
        assert shown[:, 0].max() <= 60
        assert shown[:, -1].min() >= 100

    def test_small_pictures_are_enlarged_by_whole_numbers_and_large_ones_kept(self):
        for side, expected in ((8, 128), (32, 128), (50, 100), (128, 128), (224, 224)):
            assert (
                overlay(np.zeros((side, side, 3), np.uint8), np.zeros((2, 2), np.float32)).shape[:2] == (expected,) * 2
            )

    def test_more_pictures_than_a_pass_holds_come_in_order(self, picture):
        pictures = np.stack([np.roll(picture, shift, axis=0) for shift in range(20)])
        classes = np.arange(20) % 2
        for place, found in enumerate(explained(Colours(), pictures, classes)):
            (alone,) = explained(Colours(), pictures[place : place + 1], classes[place : place + 1])
            np.testing.assert_array_equal(found, alone)

    def test_no_picture_gives_none(self):
        assert explained(Colours(), np.empty((0,), np.uint8), np.empty(0, np.int64)) == []
