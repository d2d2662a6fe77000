"""`layermix.torch` gives the bytes of `layermix.augment`, for pictures and batches, alone and in loader workers."""

import copy
import pickle

import numpy as np
import PIL.Image
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from layermix import InputError, LayerMix, augment
from layermix.torch import Augment, AugmentedDataset

POLICY = LayerMix()


@pytest.fixture
def transform(fractals):
    return Augment(POLICY, fractals, 5)


@pytest.fixture
def expected(photographs, fractals):
    """Epochs 0 and 1 of the first eight samples, (2, 8, H, W, 3)."""
    return np.stack([augment(photographs[:8], POLICY, fractals=fractals, seed=5, epoch=epoch) for epoch in (0, 1)])


def planes(pictures) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2)


def test_pil_pictures_and_tensors_get_the_bytes_of_augment(transform, photographs, expected):
    for n in range(8):
        mixed = transform(PIL.Image.fromarray(photographs[n]), n)
        assert np.array_equal(np.asarray(mixed), expected[0, n])
        tensor = transform(planes(photographs)[n].contiguous(), sample_ids=n)
        assert torch.equal(tensor, planes(expected[0])[n])
        assert tensor.is_contiguous()


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_batches_get_the_bytes_of_augment(memory, transform, photographs, expected):
    batch = planes(photographs[:8]).contiguous(memory_format=memory)
    before = batch.clone()
    for ids in (torch.arange(8), np.arange(8), list(range(8))):
        assert torch.equal(transform(batch, ids), planes(expected[0]))
    assert torch.equal(batch, before)


def test_cropped_and_flipped_tensors_get_the_bytes_of_their_copies(transform, photographs):
    batch = planes(photographs[:8]).contiguous()[:, :, 3:30, 5:28].flip(1)
    expected = augment(np.ascontiguousarray(batch.permute(0, 2, 3, 1)), POLICY, fractals=transform.fractals, seed=5)
    assert torch.equal(transform(batch, range(8)), planes(expected))
    assert torch.equal(transform(batch[2], 2), planes(expected)[2])


def test_the_epoch_and_the_view_change_the_pixels(transform, photographs, fractals, expected):
    transform.set_epoch(1)
    assert transform.epoch == 1
    assert torch.equal(transform(planes(photographs[:8]), range(8)), planes(expected[1]))
    other = Augment(POLICY, fractals, 5, view=1)(planes(photographs[:8]), range(8))
    assert torch.equal(other, planes(augment(photographs[:8], POLICY, fractals=fractals, seed=5, view=1)))


@pytest.mark.parametrize("made", ["new", "copied", "unpickled"])
def test_persistent_workers_follow_set_epoch_and_do_not_change_the_pixels(made, transform, photographs, expected):
    if made != "new":
        transform = copy.deepcopy(transform) if made == "copied" else pickle.loads(pickle.dumps(transform))
    data = AugmentedDataset(TensorDataset(planes(photographs[:8]), torch.arange(8)), transform)
    loader = DataLoader(data, batch_size=3, num_workers=2, persistent_workers=True, multiprocessing_context="fork")
    for epoch in (0, 1):
        transform.set_epoch(epoch)
        batches = list(loader)
        assert torch.equal(torch.cat([images for images, _ in batches]), planes(expected[epoch]))
        assert torch.equal(torch.cat([labels for _, labels in batches]), torch.arange(8))


def test_a_copy_and_a_pickled_transform_give_the_same_bytes(transform, photographs, expected):
    for other in (copy.deepcopy(transform), pickle.loads(pickle.dumps(transform))):
        assert torch.equal(other(planes(photographs[:8]), range(8)), planes(expected[0]))


def test_without_a_sample_id_torchs_generator_decides(transform, photographs):
    chain = v2.Compose([v2.CenterCrop(30), transform, v2.ToImage()])
    picture = PIL.Image.fromarray(photographs[0])

    def three() -> torch.Tensor:
        torch.manual_seed(0)
        return torch.stack([torch.as_tensor(chain(picture)) for _ in range(3)])

    first = three()
    assert torch.equal(first, three())
    assert not torch.equal(first[0], first[1])


def test_gray_pil_pictures_become_rgb(transform, photographs):
    gray = PIL.Image.fromarray(photographs[0, ..., 0].copy())
    assert transform(gray, 1).mode == "RGB"


def test_a_dataset_passes_on_what_stands_behind_the_picture(transform, photographs):
    data = AugmentedDataset([(PIL.Image.fromarray(photographs[0]), 7, "name")], transform, then=v2.ToImage())
    image, label, name = data[0]
    assert (len(data), tuple(image.shape), label, name) == (1, (3, 32, 32), 7, "name")


@pytest.mark.parametrize(
    ("images", "ids", "message"),
    [
        (np.zeros((4, 4, 3), np.uint8), 0, r"`images` must be a PIL picture or a uint8 tensor, got ndarray"),
        (torch.zeros(3, 4, 4), 0, r"`images` must be a PIL picture or a uint8 tensor, got torch.float32"),
        (torch.zeros(4, 4, 3, dtype=torch.uint8), 0, r"`images` must have shape \(3, H, W\) or"),
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), None, r"`sample_ids` must be given with a batch"),
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), [1], r"`sample_ids` must have one id a picture"),
        (torch.zeros(3, 4, 4, dtype=torch.uint8), -1, r"`sample_ids` must be in 0..281474976710655, got -1"),
        (torch.zeros(3, 4, 4, dtype=torch.uint8), [1, 2], r"`sample_ids` must be one integer for one picture"),
        (torch.zeros(3, 64, 64, dtype=torch.uint8), 0, r"`fractals` must be at least as large"),
    ],
)
def test_bad_arguments_are_named_with_rule_and_value(images, ids, message, transform):
    with pytest.raises(InputError, match=message):
        transform(images, ids)


def test_a_transform_that_cannot_run_is_refused_when_it_is_made(fractals):
    with pytest.raises(InputError, match="`fractals` must be given: the policy 'layermix' mixes them in"):
        Augment(POLICY)
    with pytest.raises(InputError, match="`policy` must be a policy such as"):
        Augment("layermix", fractals)


def test_a_tensor_of_torchvisions_types_keeps_its_type(transform, photographs):
    image = tv_tensors.Image(torch.from_numpy(photographs[0]).permute(2, 0, 1))
    mixed = transform(image, 3)
    assert type(mixed) is tv_tensors.Image
    assert torch.equal(mixed.as_subclass(torch.Tensor), transform(image.as_subclass(torch.Tensor), 3))


def test_a_dataset_counts_from_its_end_and_ends(transform, photographs):
    data = AugmentedDataset([(PIL.Image.fromarray(picture), 0) for picture in photographs[:3]], transform)
    assert data[-1][0].tobytes() == data[2][0].tobytes()
    assert len(list(data)) == 3


def test_a_bad_key_is_named(fractals, transform):
    with pytest.raises(InputError, match="`seed` must be a whole number in"):
        Augment(POLICY, fractals, -1)
    with pytest.raises(InputError, match="`epoch` must be a whole number in"):
        transform.set_epoch(2**32)
