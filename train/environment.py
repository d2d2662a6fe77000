"""What a result rests on besides its configuration: versions, machine, code and data."""

import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from layermix.config import to_mapping
from layermix.files import atomic_file
from layermix.manifest import Manifest
from models import InitialWeights
from train.config import TrainConfig

PACKAGES = ("layermix", "torch", "torchvision", "numpy", "numba", "ffcv")


def save_config(folder: Path, config: TrainConfig) -> None:
    """Write the effective configuration to `RUN/config.yaml`, a recipe that repeats the run."""
    with atomic_file(folder / "config.yaml") as file:
        file.write(yaml.safe_dump(to_mapping(config), sort_keys=False).encode())


def save_environment(
    folder: Path,
    device: torch.device,
    manifests: Mapping[str, Manifest],
    command: Sequence[str],
    weights: InitialWeights | None = None,
    world_size: int = 1,
) -> None:
    """Add this start of the run to the list in `RUN/environment.json`, which holds one entry a start."""
    path = folder / "environment.json"
    starts = json.loads(path.read_text()) if path.exists() else []
    starts.append({**describe_environment(device, manifests, command, weights), "world_size": world_size})
    with atomic_file(path) as file:
        file.write(json.dumps(starts, indent=1).encode())


def describe_environment(
    device: torch.device,
    manifests: Mapping[str, Manifest],
    command: Sequence[str],
    weights: InitialWeights | None = None,
) -> dict[str, Any]:
    """Versions, machine, git revision (None outside a checkout), hashes of the datasets and of the initial weights.

    `weights` is what this start loaded; None for drawn weights and for a start that continued.
    """
    return {
        "command": list(command),
        "versions": {"python": platform.python_version(), **_package_versions()},
        "platform": platform.platform(),
        "cores": len(os.sched_getaffinity(0)),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu",
        "git_revision": git_revision(Path(__file__).parents[1]),
        "datasets": {role: {"sha256": m.sha256, "count": m.count} for role, m in manifests.items()},
        "weights": weights and {"path": str(weights.path), "sha256": weights.sha256, "new_head": weights.new_head},
    }


def git_revision(root: Path) -> str | None:
    """The commit checked out at `root`, with `-dirty` for changed files; None where `root` is no checkout."""
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _package_versions() -> dict[str, str | None]:
    return {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
