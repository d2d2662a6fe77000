"""The CUDA engine without a GPU: in Numba's simulator, and compiled for the processor."""

import os
import subprocess
import sys
from pathlib import Path

import cuda_programs
import numpy as np
import pytest
import serial_cuda

from layermix import POLICIES, FractalBank
from layermix.cuda import launch

SIMULATED = Path(__file__).with_name("simulated_cuda.py")


def test_the_cuda_engine_passes_its_tests_in_the_simulator():
    """In a process of its own: Numba decides at import whether it simulates."""
    command = [sys.executable, "-m", "pytest", "-q", "-W", "ignore:overflow encountered:RuntimeWarning", str(SIMULATED)]
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    done = subprocess.run(command, env=environment, cwd=SIMULATED.parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


@pytest.fixture(scope="module")
def kernel():
    return serial_cuda.build()


def same_bytes(kernel, name, count, size):
    images = cuda_programs.pictures(count, *size)
    fractals = FractalBank.from_array(cuda_programs.pictures(5, size[0] + 3, size[1] + 5)[..., 0].copy())
    programs = cuda_programs.programs_of(cuda_programs.OPERATIONS[name], count, *size)
    out = np.empty_like(images)
    serial_cuda.run(kernel, programs, images, bank=fractals, scratch_registers=1, out=out)
    return np.array_equal(out, cuda_programs.on_processor(programs, images, fractals))


@pytest.mark.parametrize("name", cuda_programs.OPERATIONS)
def test_every_operation_compiled_gives_the_bytes_of_the_cpu_engine(name, kernel):
    assert same_bytes(kernel, name, 24, (60, 68))


@pytest.mark.parametrize("size", [(2, 8192), (8192, 1)])
@pytest.mark.parametrize("name", ["ROTATE", "SHEAR_X", "SHEAR_Y", "TRANSLATE_X", "TRANSLATE_Y", "FRACTAL"])
def test_the_longest_sides_compiled_give_the_bytes_of_the_cpu_engine(name, size, kernel):
    assert same_bytes(kernel, name, 8, size)


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_every_policy_compiled_gives_the_bytes_of_the_cpu_engine(name, kernel):
    images, fractals, policy = cuda_programs.pictures(16, 224, 224), cuda_programs.bank(224), POLICIES[name]()
    programs = policy.draw(np.arange(16), seed=9, height=224, width=224, bank=fractals)
    out, registers = np.empty_like(images), policy.scratch_registers
    serial_cuda.run(kernel, programs, images, bank=fractals, scratch_registers=registers, out=out)
    assert np.array_equal(out, cuda_programs.on_processor(programs, images, fractals, registers))


def test_weights_far_outside_the_methods_are_clipped_as_by_the_cpu_engine(kernel):
    images, fractals = cuda_programs.pictures(8, 16, 17), cuda_programs.bank(17)
    programs = cuda_programs.programs_of(cuda_programs.OPERATIONS["ARITHMETIC"], 8, 16, 17)
    programs["p0"][:, 1], programs["p1"][:, 1] = np.linspace(-1e9, 1e9, 8), np.geomspace(1, 1e4, 8)
    out = np.empty_like(images)
    serial_cuda.run(kernel, programs, images, bank=fractals, scratch_registers=1, out=out)
    assert np.array_equal(out, cuda_programs.on_processor(programs, images, fractals))


@pytest.mark.parametrize("side", [1, 32, 224])
@pytest.mark.parametrize("multiprocessors", [1, 6, 40, 132])
def test_every_block_that_takes_a_picture_has_scratch_memory_on_small_gpus_too(multiprocessors, side, monkeypatch):
    monkeypatch.setattr(launch, "_multiprocessors", lambda: multiprocessors)
    for count in (1, 40, 127, 128, 129, 256, 10_000):
        shape = launch.launch_shape(count, 3 * side * side)
        assert min(count, shape.grid) <= shape.blocks <= count
        assert shape.grid >= 128  # Numba warns of smaller ones


@pytest.mark.slow
@pytest.mark.parametrize("size", [(31, 33), (224, 224)])
@pytest.mark.parametrize("name", sorted(POLICIES))
def test_many_programs_compiled_give_the_bytes_of_the_cpu_engine(name, size, kernel):
    images, fractals, policy = cuda_programs.pictures(400, *size), cuda_programs.bank(max(size)), POLICIES[name]()
    programs = policy.draw(np.arange(400), seed=1, height=size[0], width=size[1], bank=fractals)
    out, registers = np.empty_like(images), policy.scratch_registers
    serial_cuda.run(kernel, programs, images, bank=fractals, scratch_registers=registers, out=out)
    assert np.array_equal(out, cuda_programs.on_processor(programs, images, fractals, registers))
