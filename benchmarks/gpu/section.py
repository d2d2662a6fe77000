"""The sections of the GPU suite, and how one is run: a program of its own, with a limit of time."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from numba import cuda

from benchmarks.gpu.form import FORMS

ROOT = Path(__file__).parents[2]
_LINES = 12
"""Last lines of a failed section's output that are kept."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What sections are run with."""

    inputs: Path
    form: str
    device: str


@dataclass(frozen=True, kw_only=True)
class Section:
    """A program of the suite.

    Args:
        module: to run with `python -m`.
        seconds: what the short form keeps for it.
        needs_gpu: whether it does nothing on a CPU.
        packages: importable names that it cannot do without.
        flags: of its command line, from the setting; --out comes in addition.
    """

    module: str
    seconds: float
    needs_gpu: bool = False
    packages: tuple[str, ...] = ()
    flags: Callable[[Setting], list[str]]

    def lacks(self, device: str) -> str | None:
        """Why it cannot run here, if so."""
        if self.needs_gpu and device != "cuda":
            return "needs a GPU"
        if self.needs_gpu and not cuda.is_available():
            return "numba.cuda finds no GPU"
        missing = [name for name in self.packages if find_spec(name) is None]
        return f"not installed: {', '.join(missing)}" if missing else None

    def run(self, setting: Setting, out: Path, limit: float) -> dict[str, Any]:
        """What it measured, and how it ended: done, failed, or stopped at `limit` seconds."""
        command = [sys.executable, "-m", self.module, *self.flags(setting), "--out", str(out)]
        started = time.perf_counter()
        with out.with_suffix(".log").open("w+") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
            try:
                code = process.wait(limit)
                ended: dict[str, Any] = (
                    {"status": "done"} if code == 0 else {"status": "failed", "reason": f"exit code {code}"}
                )
            except subprocess.TimeoutExpired:
                ended = {"status": "stopped", "reason": f"not done after {limit:.0f} s"}
            finally:
                _end(process)
            if ended["status"] == "failed":
                log.seek(0)
                ended["output"] = log.read().splitlines()[-_LINES:]
        measured = json.loads(out.read_text()) if out.is_file() else {}
        kept = {name: value for name, value in measured.items() if name not in ("benchmark", "machine")}
        return {**ended, "seconds": round(time.perf_counter() - started, 1), **kept}


def _end(process: subprocess.Popen) -> None:
    """Kill the process and all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _common(setting: Setting) -> list[str]:
    return ["--inputs", str(setting.inputs), "--form", setting.form, "--device", setting.device]


def _engine(setting: Setting) -> list[str]:
    return ["--repeats", str(FORMS[setting.form].repeats)]


SECTIONS = {
    "engine": Section(module="benchmarks.gpu.engine", seconds=70, needs_gpu=True, flags=_engine),
    "training": Section(module="benchmarks.gpu.training", seconds=130, packages=("ffcv", "torchvision"), flags=_common),
    "cifar": Section(module="benchmarks.gpu.cifar", seconds=70, packages=("ffcv",), flags=_common),
    "corrupted": Section(module="benchmarks.gpu.corrupted", seconds=40, flags=_common),
    "evaluation": Section(
        module="benchmarks.gpu.evaluation", seconds=60, packages=("ffcv", "torchvision"), flags=_common
    ),
    "determinism": Section(module="benchmarks.gpu.determinism", seconds=40, packages=("ffcv",), flags=_common),
    "tests": Section(module="benchmarks.gpu.marked_tests", seconds=70, packages=("pytest",), flags=_common),
    "profile": Section(module="benchmarks.gpu.profile", seconds=40, packages=("ffcv",), flags=_common),
}
"""By name, in the order in which they run: 520 s in all. Those that need ffcv read the sets of `inputs`."""


def allowance(name: str, later: Sequence[str], left: float) -> float:
    """Seconds that a section of the short form may take of the `left` ones: its own, and what the ones before it left.

    `later` are the sections that still come and keep theirs.
    """
    spare = left - sum(SECTIONS[other].seconds for other in later)
    return max(1.0, min(left, max(SECTIONS[name].seconds, spare)))
