"""How fast is an evaluation from JPEGs, and what share of the GPU's own rate is that?

Pictures through `eval.runner`, as `python -m eval` shows them: decoded, centre-cropped, answered, stored. Beside it the
forward pass of one batch that stays on the device, in the same arithmetic.

    python -m benchmarks.gpu.run --sections evaluation
"""

import sys

import torch
import tyro

from benchmarks.gpu.form import Arguments
from benchmarks.gpu.inputs import Inputs, Repeated
from benchmarks.gpu.rates import BATCH, new_subject, rates
from eval.network import Arithmetic
from eval.sets.loader import LoaderPictures
from eval.suites import Cell
from layermix.errors import run_program
from pipelines import LoaderConfig


def measure(arguments: Arguments) -> None:
    """Both precisions, each kept as soon as it is measured."""
    form, inputs, threads = arguments.sizes, Inputs(arguments.inputs), arguments.threads
    config = LoaderConfig(data=inputs.jpegs, batch_size=BATCH, size=form.size, crop="center", threads=threads)
    device, results = torch.device(arguments.device), {}
    subject = new_subject(form.network, Repeated.classes, device)
    with LoaderPictures(config) as pictures:
        for precision in ("bfloat16", "float32"):
            arithmetic = Arithmetic(device=device, precision=precision)
            found = rates(subject, [Cell(pictures=pictures)], form.size, arithmetic, form.repeats)
            results[f"{form.network}, {form.size} px, {precision}"] = found
            arguments.keep("evaluation", {"batch_size": BATCH, "threads": threads, "results": results})


def main(argv: list[str] | None = None) -> int:
    """Run the section; returns 0."""
    measure(tyro.cli(Arguments, args=argv, prog="python -m benchmarks.gpu.evaluation", description=__doc__))
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
