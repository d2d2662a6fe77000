"""Compiled code on disk is used again, and never outlives the sources it was built from."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CALLER = """
from layermix.compilation import jit
from rooms.kernels import kernel

@jit
def run(x):
    return kernel(x) + 1
"""
KERNEL = """
from layermix.compilation import jit

@jit
def kernel(x):
    return x * {factor}
"""
PROGRAM = """
from layermix.compilation import is_compiled
from rooms.engine import run

before = is_compiled(run)
print(run(10), sum(run.stats.cache_hits.values()), before, is_compiled(run))
"""


def test_a_changed_callee_in_another_file_is_compiled_into_its_callers(tmp_path):
    package = tmp_path / "rooms"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "engine.py").write_text(CALLER)

    def run(factor: int) -> str:
        (package / "kernels.py").write_text(KERNEL.format(factor=factor))
        environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert run(2) == "21 0 False True"
    assert run(2) == "21 1 True True"
    assert run(3) == "31 0 False True"


def test_a_function_of_a_script_is_compiled_and_follows_its_file(tmp_path):
    script = tmp_path / "script.py"

    def run(factor: int) -> str:
        script.write_text(KERNEL.format(factor=factor) + "\nprint(kernel(10), sum(kernel.stats.cache_hits.values()))")
        environment = {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert run(2) == "20 0"
    assert run(2) == "20 1"
    assert run(3) == "30 0"


def test_a_cache_that_names_a_class_which_has_moved_is_compiled_anew(tmp_path):
    package = tmp_path / "moving"
    package.mkdir()
    (package / "__init__.py").touch()
    point = "from typing import NamedTuple\n\nclass Point(NamedTuple):\n    x: int\n"
    kernel = "from layermix.compilation import jit\n\n@jit\ndef run(point):\n    return point.x\n"
    (package / "kernel.py").write_text(kernel)

    def run(module: str) -> str:
        (package / f"{module}.py").write_text(point)
        program = f"from moving.kernel import run; from moving.{module} import Point; print(run(Point(7)))"
        environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
        return done.stdout.strip() or done.stderr

    assert run("first") == "7"
    (package / "first.py").unlink()
    assert run("second") == "7"


AUGMENT = """
import numpy as np, layermix
from layermix.engine import run_programs
images, fractals = np.zeros((2, 32, 32, 3), np.uint8), np.zeros((1, 36, 36), np.uint8)
policy = layermix.LayerMix()
layermix.augment(images, policy, fractals=fractals, seed=0)
print([(sum(f.stats.cache_hits.values()), sum(f.stats.cache_misses.values())) for f in (run_programs, policy.drawer())])
"""


def test_a_second_process_compiles_nothing():
    """Kernels and draws come from the disk: what a start costs then is Numba's import."""

    def start() -> str:
        done = subprocess.run([sys.executable, "-c", AUGMENT], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    start()
    assert start() == "[(1, 0), (1, 0)]"
