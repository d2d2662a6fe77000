"""The rate of an evaluation beside that of the forward pass alone."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn

from benchmarks.measure import interleave
from eval.network import Arithmetic
from eval.runner import Run, collect_predictions
from eval.subjects import Subject
from eval.suites import Cell
from models import ModelConfig, build_model

BATCH = 250
"""Pictures of a forward pass: the default of `python -m eval`."""
_PASSES = 10
"""Forward passes a timed call."""


def new_subject(network: str, classes: tuple[str, ...], device: torch.device) -> Subject:
    """An untrained network on the device, as `python -m eval` puts one there."""
    classifier = build_model(ModelConfig(name=network, num_classes=len(classes))).to(device).eval()
    return Subject(
        name=network, classifier=classifier.to(memory_format=torch.channels_last), classes=classes, path=network
    )


def rates(
    subject: Subject, cells: Sequence[Cell], size: int, arithmetic: Arithmetic, repeats: int, batch_size: int = BATCH
) -> dict[str, float]:
    """Pictures a second of an evaluation of the cells and of the forward pass alone, medians of rounds in turn."""
    calls = {
        "evaluation": _evaluation(subject, cells, arithmetic, batch_size),
        "forward": _forward(subject.classifier, (batch_size, 3, size, size), arithmetic),
    }
    counts = {"evaluation": sum(cell.count * (cell.frames or 1) for cell in cells), "forward": _PASSES * batch_size}
    seconds = interleave(calls, repeats=repeats)
    found = {name: counts[name] / times["median"] for name, times in seconds.items()}
    return {
        "images_per_second": round(found["evaluation"], 1),
        "forward_images_per_second": round(found["forward"], 1),
        "share_of_forward": round(found["evaluation"] / found["forward"], 4),
    }


def _evaluation(subject: Subject, cells: Sequence[Cell], arithmetic: Arithmetic, batch_size: int) -> Callable[[], None]:
    def run() -> None:
        with tempfile.TemporaryDirectory() as store:
            wanted = Run(store=Path(store), arithmetic=arithmetic, batch_size=batch_size)
            _, problems = collect_predictions([subject], cells, wanted)
        if problems:
            raise RuntimeError(f"pictures that cannot be read: {problems}")

    return run


def planar_rate(network: nn.Module, size: int, arithmetic: Arithmetic, repeats: int) -> float:
    """Pictures a second of the forward pass alone with a channel after the other in memory; changes the network."""
    network.to(memory_format=torch.contiguous_format)
    call = _forward(network, (BATCH, 3, size, size), arithmetic, torch.contiguous_format)
    return round(_PASSES * BATCH / interleave({"forward": call}, repeats=repeats)["forward"]["median"], 1)


def _forward(
    network: nn.Module,
    shape: tuple[int, ...],
    arithmetic: Arithmetic,
    memory_format: torch.memory_format = torch.channels_last,
) -> Callable[[], None]:
    images = torch.randint(0, 256, shape, dtype=torch.uint8, device=arithmetic.device)
    images = images.contiguous(memory_format=memory_format)

    @torch.no_grad()
    def run() -> None:
        with arithmetic.active():
            for _ in range(_PASSES):
                logits = network(images)
        logits.float().cpu()

    return run
