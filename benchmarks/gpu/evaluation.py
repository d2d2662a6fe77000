"""How fast is an evaluation, and what share of the GPU's own rate is that?

Pictures through `eval.runner`, as `python -m eval` shows them: decoded, centre-cropped, answered, stored. Beside it the
forward pass of one batch that stays on the device, in the same arithmetic.

    python -m benchmarks.gpu.run --sections evaluation
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import tyro

from benchmarks.gpu.form import Arguments
from benchmarks.gpu.inputs import CLASSES, Inputs, Repeated
from benchmarks.measure import interleave
from eval.network import Arithmetic
from eval.runner import Run, collect_predictions
from eval.sets.loader import LoaderPictures
from eval.subjects import Subject
from eval.suites import Cell
from layermix.errors import run_program
from models import ModelConfig, build_model
from pipelines import LoaderConfig

_BATCH = 250
_PASSES = 10
"""Forward passes a timed call."""


def measure(arguments: Arguments) -> None:
    """The large and the small network, each kept as soon as it is measured."""
    form, inputs, threads = arguments.sizes, Inputs(arguments.inputs), arguments.threads
    size = form.size
    large = LoaderConfig(data=inputs.jpegs, batch_size=_BATCH, size=size, crop="center", threads=threads)
    small = LoaderConfig(data=inputs.small, batch_size=_BATCH, size=32, threads=threads)
    results = {}
    for network, config in ((form.network, large), (form.small_network, small)):
        for precision in ("float32", "bfloat16"):
            arithmetic = Arithmetic(device=torch.device(arguments.device), precision=precision)
            results[f"{network}, {config.size} px, {precision}"] = rates(network, config, arithmetic, form.repeats)
            arguments.keep("evaluation", {"batch_size": _BATCH, "threads": threads, "results": results})


def rates(network: str, config: LoaderConfig, arithmetic: Arithmetic, repeats: int) -> dict[str, float]:
    """Pictures a second of an evaluation and of the forward pass alone, medians of rounds in turn."""
    classifier = build_model(ModelConfig(name=network, num_classes=CLASSES)).to(arithmetic.device).eval()
    classifier = classifier.to(memory_format=torch.channels_last)
    subject = Subject(name=network, classifier=classifier, classes=Repeated.classes)
    with LoaderPictures(config) as pictures:
        calls = {
            "evaluation": _evaluation(subject, pictures, arithmetic),
            "forward": _forward(subject, config, arithmetic),
        }
        seconds = interleave(calls, repeats=repeats)
    counts = {"evaluation": pictures.count, "forward": _PASSES * config.batch_size}
    found = {name: counts[name] / times["median"] for name, times in seconds.items()}
    return {
        "images_per_second": round(found["evaluation"], 1),
        "forward_images_per_second": round(found["forward"], 1),
        "share_of_forward": round(found["evaluation"] / found["forward"], 4),
    }


def _evaluation(subject: Subject, pictures: LoaderPictures, arithmetic: Arithmetic) -> Callable[[], None]:
    def run() -> None:
        with tempfile.TemporaryDirectory() as store:
            cells = [Cell(pictures=pictures)]
            _, problems = collect_predictions([subject], cells, Run(store=Path(store), arithmetic=arithmetic))
        if problems:
            raise RuntimeError(f"pictures that cannot be read: {problems}")

    return run


def _forward(subject: Subject, config: LoaderConfig, arithmetic: Arithmetic) -> Callable[[], None]:
    shape = (config.batch_size, 3, config.size, config.size)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, device=arithmetic.device)
    images = images.contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def run() -> None:
        with arithmetic.active():
            for _ in range(_PASSES):
                logits = subject.classifier(images)
        logits.float().cpu()

    return run


def main(argv: list[str] | None = None) -> int:
    """Run the section; returns 0."""
    measure(tyro.cli(Arguments, args=argv, prog="python -m benchmarks.gpu.evaluation", description=__doc__))
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
