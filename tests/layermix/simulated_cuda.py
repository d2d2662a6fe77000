"""The CUDA engine in Numba's simulator; run by test_cuda.py in a process with NUMBA_ENABLE_CUDASIM=1."""

import sys

import cuda_programs
import numpy as np
import pytest
from numba import cuda
from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

from layermix import POLICIES, InputError, LayerMix, augment
from layermix.cuda import Engine, engine, launch

SIZES = [(4, 4), (3, 5)]
"""A picture made of whole 32-bit words, and one that is not."""


def on_device(programs, images, fractals, registers=1):
    out = cuda.to_device(np.zeros_like(images))
    Engine(fractals).run(programs, cuda.to_device(images), out, scratch_registers=registers, needs_total=True, stream=0)
    return out.copy_to_host()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", cuda_programs.OPERATIONS)
def test_every_operation_gives_the_bytes_of_the_cpu_engine(name, size):
    images, fractals = cuda_programs.pictures(3, *size), cuda_programs.bank(max(size))
    programs = cuda_programs.programs_of(cuda_programs.OPERATIONS[name], 3, *size)
    expected = cuda_programs.on_processor(programs, images, fractals)
    assert np.array_equal(on_device(programs, images, fractals), expected)


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_every_policy_gives_the_bytes_of_augment(name):
    images, fractals, policy = cuda_programs.pictures(3, 4, 4), cuda_programs.bank(4), POLICIES[name]()
    ids = np.arange(3) + 2**40
    expected = augment(images, policy, fractals=fractals, seed=3, epoch=2, sample_ids=ids, view=1)
    device = Engine(fractals).augment(cuda.to_device(images), policy, seed=3, epoch=2, sample_ids=ids, view=1)
    assert np.array_equal(device.copy_to_host(), expected)


def test_colour_fractals_give_the_bytes_of_augment():
    images, fractals = cuda_programs.pictures(2, 4, 4), cuda_programs.bank(4, color=True)
    expected = augment(images, LayerMix(step=3), fractals=fractals, seed=3)
    device = Engine(fractals).augment(cuda.to_device(images), LayerMix(step=3), seed=3)
    assert np.array_equal(device.copy_to_host(), expected)


@pytest.mark.parametrize("threads", [1, 33])
def test_bytes_do_not_depend_on_the_number_of_threads_or_how_they_take_turns(threads, monkeypatch):
    monkeypatch.setattr(launch, "_SIMULATED_SHAPE", (1, threads))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for name in ("EQUALIZE", "CONTRAST", "GEOMETRIC", "ROTATE"):
            test_every_operation_gives_the_bytes_of_the_cpu_engine(name, (2, 4))
    finally:
        sys.setswitchinterval(interval)


def test_an_engine_takes_batches_of_any_size_one_after_the_other():
    fractals, device = cuda_programs.bank(5), Engine(cuda_programs.bank(5))
    for count, side in ((2, 4), (1, 2), (3, 3), (0, 4), (2, 5)):
        images = cuda_programs.pictures(max(count, 1), side, side)[:count]
        expected = augment(images, LayerMix(), fractals=fractals, seed=1)
        assert np.array_equal(device.augment(cuda.to_device(images), LayerMix(), seed=1).copy_to_host(), expected)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 4, 4, 3), np.uint8), r"`images` must lie on the GPU .*, got ndarray"),
        (cuda.to_device(np.zeros((2, 4, 4, 3))), r"`images` must be uint8, got float64"),
        (cuda.to_device(np.zeros((2, 3, 4, 4), np.uint8)), r"`images` must have shape \(N, H, W, 3\)"),
        (cuda.to_device(np.zeros((2, 4, 8, 3), np.uint8))[:, :, ::2], r"`images` must be C-contiguous"),
        (cuda.to_device(np.zeros((1, 1, 8193, 3), np.uint8)), r"`images` must have sides up to 8192, got \(1, 8193\)"),
    ],
)
def test_bad_pictures_are_named_with_rule_and_value(images, message):
    with pytest.raises(InputError, match=message):
        Engine(cuda_programs.bank(4)).augment(images, LayerMix(), seed=0)


def test_bad_arguments_are_named_with_rule_and_value():
    images = cuda.to_device(cuda_programs.pictures(2, 4, 4))
    with pytest.raises(InputError, match=r"`sample_ids` must have one id a picture, shape \(2,\), got \(3,\)"):
        Engine(cuda_programs.bank(4)).augment(images, LayerMix(), seed=0, sample_ids=[1, 2, 3])
    with pytest.raises(InputError, match=r"`out` must have the shape of `images`"):
        Engine(cuda_programs.bank(4)).augment(
            images, LayerMix(), seed=0, out=cuda.to_device(np.zeros((1, 4, 4, 3), "u1"))
        )
    with pytest.raises(InputError, match=r"`out` must not overlap `images`"):
        Engine(cuda_programs.bank(4)).augment(images, LayerMix(), seed=0, out=images)
    with pytest.raises(InputError, match=r"`fractals` must be given"):
        Engine().augment(images, LayerMix(), seed=0)
    with pytest.raises(InputError, match=r"`device` must be in 0..0, got 1"):
        Engine(device=1)
    with pytest.raises(InputError, match=r"`policy` must be a policy such as LayerMix\(\), got the class LayerMix"):
        Engine(cuda_programs.bank(4)).augment(images, LayerMix, seed=0)


def test_programs_are_copied_on_a_stream_so_that_the_host_does_not_wait(monkeypatch):
    """Numba copies in step with the host where it is given the number 0 for a stream, torch's default one too."""
    images, streams, copy = cuda.to_device(cuda_programs.pictures(2, 4, 4)), [], FakeCUDAArray.copy_to_device

    def recorded(array, source, stream=0):
        streams.append(stream)
        copy(array, source, stream)

    monkeypatch.setattr(FakeCUDAArray, "copy_to_device", recorded)
    Engine(cuda_programs.bank(4)).augment(images, LayerMix(), seed=0)
    assert len(streams) == 1
    assert all(streams)


def test_a_machine_without_a_gpu_is_told_so(monkeypatch):
    monkeypatch.setattr(engine.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"`device` must be a GPU that Numba can use, got none"):
        Engine()
