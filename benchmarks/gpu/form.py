"""How much a run of the GPU suite measures, and what every section of it is told."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from benchmarks.measure import report
from layermix import InputError
from train.config import RunConfig

FormName = Literal["tiny", "short", "full"]


@dataclass(frozen=True, kw_only=True)
class Form:
    """Sizes of the sets, networks and stretches of one form of the suite.

    `network`, `size`, `pictures`, `batch_size`: of the training from JPEGs, `steps` a round; those that begin with
    `small`: of CIFAR's, in whole epochs; `rounds`: of all candidates in turn.
    """

    network: str = "resnet50"
    size: int = 224
    stored: int = 400
    pictures: int = 16_384
    batch_size: int = 256
    steps: int = 40
    rounds: int = 3
    small_network: str = "wrn_40_4"
    small_pictures: int = 50_000
    small_batch_size: int = 128
    compile: Literal["none", "default"] = "default"
    repeats: int = 3


FORMS: dict[str, Form] = {
    "tiny": Form(
        network="wrn_10_1", size=32, stored=40, pictures=64, batch_size=8, steps=2, rounds=1, small_network="wrn_16_1",
        small_pictures=48, small_batch_size=16, compile="none", repeats=1,
    ),
    "short": Form(),
    "full": Form(pictures=65_536, steps=200, rounds=7, repeats=7),
}  # fmt: skip
"""`tiny` shows that everything runs, on a CPU too; its numbers mean nothing."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Run one section of `python -m benchmarks.gpu.run`."""

    inputs: Path
    """Folder with the sets of `benchmarks.gpu.inputs`."""
    out: Path
    """File to write, anew after each measurement."""
    form: FormName = "short"
    """How much to measure."""
    device: Literal["cpu", "cuda"] = "cuda"
    """Where to compute."""
    threads: int = max(1, len(os.sched_getaffinity(0)) - 1)
    """Threads of the loaders."""

    def __post_init__(self) -> None:
        if self.device == "cuda" and not torch.cuda.is_available():
            raise InputError("--device cuda needs a GPU that torch finds, got none; give --device cpu --form tiny")

    @property
    def sizes(self) -> Form:
        """The form of that name."""
        return FORMS[self.form]

    @property
    def run_config(self) -> RunConfig:
        """Threads, device, arithmetic and compilation of training; those of recipes/means/gpu.yaml on a GPU."""
        if self.device == "cpu":
            return RunConfig(threads=self.threads, device="cpu")
        return RunConfig(threads=self.threads, device="cuda", precision="bfloat16", compile=self.sizes.compile)

    def keep(self, name: str, body: dict[str, Any]) -> None:
        """Write what section `name` has measured so far."""
        report(f"gpu_{name}", {"form": self.form, "device": self.device, **body}, self.out)
