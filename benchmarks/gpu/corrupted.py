"""How long do CIFAR-C, C-bar and P take, and what share of the GPU's own rate is that?

Files of random pixels in the layouts of CIFAR-C (five severities of 10,000 pictures) and of CIFAR-P (sequences of 31
frames) through `eval.runner`, as `python -m eval` shows them, beside the forward pass of one batch that stays on the
device. `whole_minutes` is what all 25 corruptions and 10 perturbations take at these rates. Batches of 1,000 show
whether those of 250, the default, are held up by the host, which launches each layer; a forward pass in planar memory,
whether channels-last memory pays in float32, where no tensor core computes. Needs no FFCV.

    python -m benchmarks.gpu.run --sections corrupted
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import tyro

from benchmarks.gpu.form import Arguments
from benchmarks.gpu.rates import BATCH, new_subject, planar_rate, rates
from eval.network import Arithmetic, PrecisionName
from eval.sets import NO_LABEL
from eval.sets.arrays import ArrayPictures, open_array
from eval.suites import Cell
from layermix.errors import run_program
from writers.corruptions import corruption_names, perturbation_names
from writers.corruptions.tables import sequence_of

CLASSES = tuple(map(str, range(10)))
SIDE, FRAMES, SEVERITIES, TEST_SET = 32, 31, 5, 10_000


def whole() -> dict[str, int]:
    """Pictures of CIFAR-C and C-bar, and frames of CIFAR-P."""
    corruptions = len(corruption_names("cifar-c")) + len(corruption_names("cifar-cbar"))
    frames = sum(sequence_of("cifar-p", name).frames for name in perturbation_names("cifar-p"))
    return {"C": TEST_SET * SEVERITIES * corruptions, "P": TEST_SET * frames}


def make_cells(folder: Path, pictures: int) -> dict[str, list[Cell]]:
    """Cells of each layout, of about `pictures` pictures or frames in all."""
    each, sequences = pictures // SEVERITIES, max(1, pictures // FRAMES)
    shapes = {"C": (SEVERITIES * each, SIDE, SIDE, 3), "P": (sequences, FRAMES, SIDE, SIDE, 3)}
    generator, arrays = np.random.default_rng(0), {}
    for name, shape in shapes.items():
        np.save(folder / f"{name}.npy", generator.integers(0, 256, shape, np.uint8))
        arrays[name] = open_array(folder / f"{name}.npy", shape)
    labels = np.arange(each) % len(CLASSES)
    parts = [range(part * each, (part + 1) * each) for part in range(SEVERITIES)]
    corrupted = [ArrayPictures(arrays["C"], labels, folder / "C.npy", part) for part in parts]
    perturbed = ArrayPictures(arrays["P"], np.full(sequences, NO_LABEL), folder / "P.npy")
    return {
        "C": [Cell(key=f"c/{severity}", pictures=part) for severity, part in enumerate(corrupted, 1)],
        "P": [Cell(key="p", pictures=perturbed)],
    }


def measure(arguments: Arguments) -> None:
    """Every precision and size of batch, each kept as soon as it is measured."""
    form, device, results = arguments.sizes, torch.device(arguments.device), {}
    body = {"network": form.small_network, "whole": whole(), "results": results}
    wanted = _ON_GPU if arguments.device == "cuda" else _ON_CPU
    subject = new_subject(form.small_network, CLASSES, device)
    with TemporaryDirectory() as folder:
        cells = make_cells(Path(folder), form.small_pictures // 2)
        for precision, batch_size in wanted:
            arithmetic, seconds, name = (
                Arithmetic(device=device, precision=precision),
                0.0,
                f"{precision}, {batch_size}",
            )
            for layout, count in whole().items():
                found = rates(subject, cells[layout], SIDE, arithmetic, form.repeats, batch_size)
                seconds += count / found["images_per_second"]
                results[f"{layout}, {name}"] = found
            results[f"all, {name}"] = {"whole_minutes": round(seconds / 60, 3)}
            arguments.keep("corrupted", body)
    rate = planar_rate(subject.classifier, SIDE, Arithmetic(device=device), form.repeats)
    results["planar memory, float32"] = {"forward_images_per_second": rate}
    arguments.keep("corrupted", body)


_ON_GPU: tuple[tuple[PrecisionName, int], ...] = (
    ("bfloat16", BATCH), ("bfloat16", 1000), ("tf32", BATCH), ("float32", BATCH),
)  # fmt: skip
_ON_CPU: tuple[tuple[PrecisionName, int], ...] = (("bfloat16", BATCH), ("float32", BATCH))
"""Precision and pictures of a forward pass."""


def main(argv: list[str] | None = None) -> int:
    """Run the section; returns 0."""
    measure(tyro.cli(Arguments, args=argv, prog="python -m benchmarks.gpu.corrupted", description=__doc__))
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
