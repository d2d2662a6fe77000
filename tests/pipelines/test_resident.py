"""The resident loader gives the FFCV loader's batches, byte for byte, through the CPU engine and the CUDA kernel."""

import cv2
import numpy as np
import pytest
import serial_cuda
import torch

from layermix import POLICIES, InputError, LayerMix
from layermix.torch import Augment
from pipelines import LoaderConfig, build_loader
from writers.write_dataset import main as write_dataset


@pytest.fixture
def training(small, fractal_bank):
    """Settings of a CIFAR training."""
    return {
        "data": small,
        "fractals": fractal_bank,
        "batch_size": 16,
        "size": 32,
        "crop": "pad",
        "flip": True,
        "policy": LayerMix(),
        "order": "random",
        "seed": 5,
    }


def write(*arguments: object) -> None:
    assert write_dataset([str(argument) for argument in arguments]) == 0


def collect(settings, epoch=2):
    """Every batch of an epoch: images (N, 3, H, W), labels, ids, valid."""
    with build_loader(LoaderConfig(**settings)) as loader:
        loader.set_epoch(epoch)
        return [tuple(part.clone() for part in batch) for batch in loader]


def assert_same(settings, epoch=2):
    stored, resident = collect(settings, epoch), collect(settings | {"resident": True}, epoch)
    assert len(stored) == len(resident) > 0
    for expected, found in zip(stored, resident):
        assert all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(expected, found))
        assert found[0].flatten(0, -4).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_every_policy_gives_the_bytes_of_the_ffcv_loader(name, training):
    assert_same(training | {"policy": POLICIES[name]()})


@pytest.mark.parametrize(
    "change",
    [
        {"policy": None},
        {"crop": "none", "flip": False},
        {"padding": 0},
        {"padding": 9, "flip": False},
        {"order": "sequential", "pad": True, "rank": 2, "world_size": 3},
        {"drop_last": True, "rank": 1, "world_size": 2},
        {"views": 3},
    ],
)
def test_crops_orders_and_ranks_are_those_of_the_ffcv_loader(change, training):
    assert_same(training | change)


def test_the_cuda_kernel_gives_the_bytes_of_the_ffcv_loader(training, monkeypatch):
    """Compiled for the processor, in the place of the CPU engine."""
    expected, kernel = collect(training), serial_cuda.build()

    def on_device(augment, pictures, ids):
        policy, bank, (height, width) = augment.policy, augment.fractals, pictures.shape[1:3]
        programs = policy.draw(ids, seed=augment.seed, epoch=augment.epoch, height=height, width=width, bank=bank)
        out, registers = np.empty_like(pictures), policy.scratch_registers
        serial_cuda.run(kernel, programs, pictures, bank=bank, scratch_registers=registers, out=out)
        return out

    monkeypatch.setattr(Augment, "_on_processor", on_device)
    found = collect(training | {"resident": True})
    assert all(torch.equal(a[0], b[0]) for a, b in zip(expected, found, strict=True))


@pytest.mark.parametrize("stop", range(5))
def test_a_loader_restored_at_any_batch_yields_the_exact_rest(stop, training):
    settings = training | {"resident": True}
    whole = collect(settings)
    with build_loader(LoaderConfig(**settings)) as loader:
        loader.set_epoch(2)
        for _ in zip(range(stop), loader):
            pass
        state = loader.state_dict()
    assert state == {"epoch": 2, "batch": stop}
    with build_loader(LoaderConfig(**settings)) as loader:
        loader.load_state_dict(state)
        rest = list(loader)
        assert loader.state_dict() == {"epoch": 2, "batch": 0}
    assert len(rest) == len(whole) - stop
    assert all(torch.equal(a[0], b[0]) for a, b in zip(whole[stop:], rest))


def test_another_epoch_ends_the_running_one_and_starts_at_its_first_batch(training):
    with build_loader(LoaderConfig(**training | {"resident": True})) as loader:
        running = iter(loader)
        next(running)
        loader.set_epoch(2)
        assert list(running) == []
        assert all(torch.equal(a[0], b[0]) for a, b in zip(collect(training), loader, strict=True))


def test_batches_have_memory_of_their_own(training):
    with build_loader(LoaderConfig(**training | {"resident": True})) as loader:
        kept = [(batch.images, batch.images.clone()) for batch in loader]
    assert all(torch.equal(image, copy) for image, copy in kept)


@pytest.fixture
def jpegs(tmp_path):
    """20 JPEG pictures of 32 px in a .beton."""
    rng, root = np.random.default_rng(1), tmp_path / "jpegs" / "class"
    root.mkdir(parents=True)
    for n in range(20):
        cv2.imwrite(str(root / f"{n:02d}.jpg"), rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))
    path = tmp_path / "jpeg.beton"
    write("--source", "folder", "--root", root.parent, "--quality", 90, "--format", "beton", "--out", path)
    return path


def test_jpeg_pictures_are_decoded_once_and_alike(jpegs, training):
    assert_same(training | {"data": jpegs})


def test_a_sample_that_does_not_decode_is_skipped_and_listed_alike(jpegs, training):
    damage(jpegs, sample=7)
    settings = training | {"data": jpegs, "on_damage": "skip"}
    assert_same(settings)
    with build_loader(LoaderConfig(**settings | {"resident": True})) as loader:
        assert sum(len(batch.labels) for batch in loader) == 19
        assert loader.damaged == (7,)
    with pytest.raises(InputError, match="sample 7 does not decode"):
        build_loader(LoaderConfig(**settings | {"resident": True, "on_damage": "raise"}))


def damage(path, sample: int) -> None:
    """Overwrite the stored JPEG of a sample with zeros."""
    from pipelines.beton import JPEG, open_beton

    beton = open_beton(path)
    assert beton.column("image")["mode"][sample] == JPEG
    address = int(beton.column("image")["data_ptr"][sample])
    size = int(beton.sizes[np.searchsorted(beton.addresses, address)])
    with path.open("r+b") as file:
        file.seek(address)
        file.write(bytes(size))


def test_pictures_of_other_sizes_are_named(photos, training):
    with pytest.raises(InputError, match=r"needs pictures of 32 x 32, sample 0 is \d+ x \d+"):
        build_loader(LoaderConfig(**training | {"data": photos, "resident": True}))


def test_crops_that_resize_are_refused(training):
    with pytest.raises(InputError, match="`resident` goes with crop 'pad' or 'none', got 'center'"):
        LoaderConfig(**training | {"resident": True, "crop": "center"})


def test_other_formats_are_refused(small_folder, training):
    with pytest.raises(InputError, match=r"`resident` needs `data` to be a \.beton file"):
        build_loader(LoaderConfig(**training | {"data": small_folder, "resident": True}))


def test_a_set_larger_than_the_gpu_is_refused(training, monkeypatch):
    from pipelines import resident

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 2000))
    config = LoaderConfig(**training | {"resident": True, "device": "cuda"})
    with pytest.raises(InputError, match=r"`resident` needs 0\.0 GB on cuda, 0\.0 GB are free; set resident=False"):
        resident._check_room(config, (50, 40, 40, 3))
