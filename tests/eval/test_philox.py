"""Random numbers of many samples are NumPy's, wherever they are drawn."""

import numpy as np
import pytest
import torch

from eval.philox import uniforms


@pytest.mark.parametrize("count", [1, 4, 3071])
@pytest.mark.parametrize("key", [(0, 0), (7, 3217829345), (2**64 - 1, 2**63)])
def test_numbers_are_numpys_to_the_last_bit(key, count):
    ids = [0, 5, 2**32 + 1, 2**47]
    found = uniforms(key, torch.tensor(ids), 3, count).numpy()
    assert found.dtype == np.float64
    for row, sample_id in zip(found, ids):
        counter = np.array([0, sample_id, 3, 0], np.uint64)
        expected = np.random.Generator(np.random.Philox(counter=counter, key=np.array(key, np.uint64))).random(count)
        np.testing.assert_array_equal(row, expected)
