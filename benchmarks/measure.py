"""How a benchmark times and reports: candidates in turn within one run, medians, the machine beside the numbers."""

import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

from layermix.files import atomic_file
from pipelines.telling import tell

RESULTS = Path(__file__).parent / "results"
PACKAGES = (
    "numpy", "numba", "numba-cuda", "torch", "torchvision", "ffcv", "nvidia-dali-cuda120", "nvidia-dali-cuda130",
    "opencv-python",
)  # fmt: skip

_LONG = 2.0
"""Seconds of a round from which on each round is told."""


def machine() -> dict[str, object]:
    """Processor, cores and versions."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def interleave(candidates: Mapping[str, Callable[[], object]], *, repeats: int) -> dict[str, dict[str, float]]:
    """Time each candidate `repeats` times, in turn after one warm-up round; rounds that take seconds are told.

    Returns:
        Per candidate the median, least and greatest wall-clock seconds of a call.
    """
    started = time.perf_counter()
    for call in candidates.values():
        call()
    is_long = time.perf_counter() - started > _LONG
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(1, repeats + 1):
        if is_long:
            tell(f"round {number} of {repeats}: {', '.join(candidates)}")
        for name, call in candidates.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return {name: {"median": median(s), "min": min(s), "max": max(s)} for name, s in seconds.items()}


def report(name: str, body: dict[str, object], out: Path | None) -> None:
    """Print the result as JSON and write it to `out`, or to benchmarks/results/NAME.json."""
    text = json.dumps({"benchmark": name, "machine": machine(), **body}, indent=1)
    path = out or RESULTS / f"{name}.json"
    with atomic_file(path) as file:
        file.write(text.encode() + b"\n")
    print(text)
    if path.parent == RESULTS:
        tell("the pages made of the results follow with: python -m benchmarks.scale; python -m benchmarks.readme")
