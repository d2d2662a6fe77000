"""Planes and pixels hold the same values in another order, whatever the size."""

import numpy as np
import pytest

from layermix.planes import to_pixels, to_planes


@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (1, 3, 1, 1), (2, 3, 1, 7), (3, 3, 33, 17), (1, 3, 64, 64)])
def test_values_go_to_their_places_and_back(shape):
    planes = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected = planes.transpose(0, 2, 3, 1)
    pixels, back = np.empty(expected.shape, np.uint8), np.empty_like(planes)
    to_pixels(planes, pixels)
    assert np.array_equal(pixels, expected)
    to_planes(pixels, back)
    assert np.array_equal(back, planes)
