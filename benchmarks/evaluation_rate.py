"""What does an evaluation cost beside the forward passes of the network?

    python -m benchmarks.evaluation_rate

A corruption file of CIFAR-C's layout through `eval.runner`, as `python -m eval` shows it: read, sent, answered,
checked, stored. In turn with it, in one process, the same network on the same batches, resident on the device. The
share says how near the evaluation comes to the network's own rate. On a GPU, where that is a hundred times higher, what
the host does weighs as much more: its own rate is that of a network that computes nothing.
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Literal

import numpy as np
import torch
import tyro
from torch import Tensor, nn

from benchmarks.measure import report
from eval.network import Arithmetic
from eval.runner import Run, collect_predictions
from eval.sets.arrays import ArrayPictures, open_array
from eval.subjects import Subject
from eval.suites import Cell
from layermix.errors import run_program
from models import ModelConfig, build_model
from pipelines.telling import tell

CLASSES = tuple(map(str, range(10)))
CELLS = 5


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Compare an evaluation with the forward passes alone."""

    network: str = "wrn_16_1"
    """The network."""
    pictures: int = 2000
    """Pictures of a severity."""
    batch_size: int = 250
    """Pictures of a forward pass."""
    rounds: int = 7
    """Times that both are timed, in turn."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the network computes; on the CPU in one thread."""
    out: Path | None = None
    """File to write; benchmarks/results/evaluation_rate.json if not given."""


class Nothing(nn.Module):
    """The logits of every picture are some of its pixels."""

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 10)."""
        return images[:, 0, 0, : len(CLASSES)].float()


def measure(arguments: Arguments, folder: Path) -> dict[str, object]:
    """Shares and rates, medians over the rounds."""
    torch.set_num_threads(1)
    arithmetic = Arithmetic(device=torch.device(arguments.device))
    cells, batches = _cells(arguments, folder), []
    for read in cells[0].pictures.batches(arguments.batch_size, range(-(-arguments.pictures // arguments.batch_size))):
        batches.append(arithmetic.send(read().images))
    network = build_model(ModelConfig(name=arguments.network, num_classes=len(CLASSES))).to(arithmetic.device).eval()
    network = network.to(memory_format=torch.channels_last)
    calls = {
        "forward": _forward(network, batches, arithmetic),
        "evaluation": _evaluation(network, cells, arithmetic, arguments.batch_size),
        "host alone": _evaluation(Nothing(), cells, arithmetic, arguments.batch_size),
    }
    tell("warm-up")
    for call in calls.values():
        call()
    rounds = []
    for number in range(arguments.rounds):
        tell(f"round {number + 1} of {arguments.rounds}: {', '.join(calls)}")
        rounds.append({name: _seconds(call) for name, call in calls.items()})
    count = CELLS * arguments.pictures
    return {
        "share_of_forward": round(median(times["forward"] / times["evaluation"] for times in rounds), 4),
        "images_per_second": {name: round(count / median(times[name] for times in rounds), 1) for name in calls},
    }


def _cells(arguments: Arguments, folder: Path) -> list[Cell]:
    path, generator = folder / "contrast.npy", np.random.default_rng(0)
    np.save(path, generator.integers(0, 256, (CELLS * arguments.pictures, 32, 32, 3), np.uint8))
    images, labels = open_array(path, (None, 32, 32, 3)), np.arange(arguments.pictures) % len(CLASSES)
    parts = [range(cell * arguments.pictures, (cell + 1) * arguments.pictures) for cell in range(CELLS)]
    return [
        Cell(key=f"c/contrast/{severity}", pictures=ArrayPictures(images, labels, path, part))
        for severity, part in enumerate(parts, 1)
    ]


def _forward(network: nn.Module, batches: list[Tensor], arithmetic: Arithmetic) -> Callable[[], None]:
    @torch.no_grad()
    def run() -> None:
        with arithmetic.active():
            for _ in range(CELLS):
                for images in batches:
                    logits = network(images)
        logits.float().cpu()

    return run


def _evaluation(network: nn.Module, cells: list[Cell], arithmetic: Arithmetic, batch_size: int) -> Callable[[], None]:
    subject = Subject(name="network", classifier=network, classes=CLASSES)

    def run() -> None:
        with tempfile.TemporaryDirectory() as store:
            run = Run(store=Path(store), arithmetic=arithmetic, batch_size=batch_size, threads=1)
            collect_predictions([subject], cells, run)

    return run


def _seconds(call: Callable[[], None]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def main(argv: list[str] | None = None) -> int:
    """Measure and write the file."""
    arguments = tyro.cli(Arguments, prog="python -m benchmarks.evaluation_rate", args=argv, description=__doc__)
    with tempfile.TemporaryDirectory() as folder:
        results = measure(arguments, Path(folder))
    settings = {
        "network": arguments.network,
        "device": torch.cuda.get_device_name() if arguments.device == "cuda" else "cpu, 1 thread",
        "pictures": CELLS * arguments.pictures,
        "batch_size": arguments.batch_size,
    }
    report("evaluation_rate", {**settings, "results": results}, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
