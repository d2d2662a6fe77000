"""The installed packages: do they load, work, and fit each other?"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pipelines.doctor.finding import Finding, judge
from pipelines.telling import tell

Facts = Mapping[str, Any]

SECONDS = 120
"""A probe that takes longer hangs."""
_PROBES = Path(__file__).with_name("probes.py")
_SAFE_TORCH = (2, 10)
"""The first torch whose `weights_only` loading runs no code of a hostile file."""
_DRIVERS = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg")


def software_findings() -> list[Finding]:
    """One or more findings for each package that the loaders, training and evaluation rest on."""
    tell(f"trying {', '.join(_CHECKS)}, each in a process of its own")
    with ThreadPoolExecutor() as pool:
        facts = list(pool.map(_facts, _CHECKS))
    return [finding for check, found in zip(_CHECKS.items(), facts) for finding in _findings(*check, found)]


def _findings(name: str, check: Callable[[Facts], list[Finding]], found: Facts | str) -> list[Finding]:
    if not isinstance(found, str):
        return check(found)
    fix = f"install {name} anew, see README, and read the message"
    if "threading layer" in found:
        fix = "unset NUMBA_THREADING_LAYER, or set it to omp or workqueue"
    return [Finding(name, "error", found, fix)]


def _facts(name: str) -> Facts | str:
    """What the probe says; its last line of complaint where it fails."""
    command, started = [sys.executable, "-P", str(_PROBES), name], time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS} s"
    finally:
        tell(f"{name} tried in {time.monotonic() - started:.1f} s")
    if done.returncode == 0 and done.stdout:
        return json.loads(done.stdout)
    complaint = done.stderr.strip().splitlines()
    return complaint[-1] if complaint else f"ended with code {done.returncode} and said nothing"


def _torch(facts: Facts) -> list[Finding]:
    numbers = tuple(int(part) for part in facts["torch"].split("+")[0].split(".")[:2])
    said = f"torch {facts['torch']}, torchvision {facts['torchvision']}, CUDA {facts['cuda'] or 'none'}"
    fix = "update to torch 2.10 or later: older ones can run code from a checkpoint"
    backends = [name for name in ("nccl", "gloo") if facts[name]]
    talk = judge(
        "torch.distributed",
        bool(backends),
        ", ".join(backends) or "no backend",
        "install a torch built with distributed; without it there is one process",
    )
    return [judge("torch", numbers >= _SAFE_TORCH, said, fix, "error"), _gpu(facts), talk]


def _gpu(facts: Facts) -> Finding:
    if facts["gpus"]:
        is_new = tuple(facts["capability"]) >= (8, 0)
        fix = "bfloat16 is slow before compute capability 8.0; train with --precision float16"
        return judge("GPU", is_new, "; ".join(facts["gpus"]), fix)
    if not any(Path(path).exists() for path in _DRIVERS):
        return Finding("GPU", "warning", "none, and no driver", "train on a machine with one; here all runs on the CPU")
    return Finding(
        "GPU",
        "error",
        "a driver is there, but torch finds no GPU",
        f"update the driver to one for CUDA {facts['cuda']}, or check CUDA_VISIBLE_DEVICES; nvidia-smi shows both",
    )


def _ffcv(facts: Facts) -> list[Finding]:
    fix = "reinstall libturbojpeg and OpenCV (scripts/setup.sh names the packages), then ffcv with --no-cache"
    said = f"ffcv {facts['ffcv']}, decodes JPEG" if facts["decodes"] else f"ffcv {facts['ffcv']} decodes wrongly"
    return [judge("ffcv", facts["decodes"], said, fix, "error")]


def _numba(facts: Facts) -> list[Finding]:
    layer = judge(
        "threading layer",
        facts["layer"] != "tbb",
        f"{facts['layer']}, {facts['threads']} threads",
        "TBB breaks in forked processes: set NUMBA_THREADING_LAYER=omp",
    )
    cache = judge(
        "compiled code",
        facts["keeps"],
        f"numba {facts['numba']}, kept in {facts['cache'] or '__pycache__'}",
        f"make {facts['cache']} a writable folder (NUMBA_CACHE_DIR), or every start compiles for a minute",
    )
    return [layer, cache]


def _dali(facts: Facts) -> list[Finding]:
    fix = "install the extra that fits the driver: cuda13 or cuda12"
    said = f"DALI {facts['dali']}, {'a pipeline runs' if facts['runs'] else 'a pipeline gives wrong numbers'}"
    return [judge("DALI", facts["runs"], said, fix, "error")]


def _numba_cuda(facts: Facts) -> list[Finding]:
    has_driver = any(Path(path).exists() for path in _DRIVERS)
    said = f"numba-cuda {facts['numba_cuda']}, {'finds a GPU' if facts['available'] else 'no GPU'}"
    if not facts["compiles"]:
        fix = "install the compiler NVVM: numba-cuda[cu13] or numba-cuda[cu12], as the driver's CUDA"
        return [Finding("numba-cuda", "error" if has_driver else "warning", f"{said}, finds no compiler", fix)]
    fix = "update the driver: torch and numba-cuda must both find it to mix on the GPU"
    return [judge("numba-cuda", facts["available"] or not has_driver, f"{said}, compiles", fix, "error")]


_CHECKS: dict[str, Callable[[Facts], list[Finding]]] = {
    "torch": _torch,
    "ffcv": _ffcv,
    "numba": _numba,
    "dali": _dali,
    "numba_cuda": _numba_cuda,
}
