"""How long is an epoch of CIFAR? WRN-40-4 with LayerMix from the set in the GPU's memory, and from FFCV's graph.

Whole epochs of 50,000 pictures of 32 px in batches of 128, their start counted; the step as in the training section.

    python -m benchmarks.gpu.run --sections cifar
"""

import sys
from contextlib import ExitStack, closing
from dataclasses import replace

import tyro

from benchmarks.gpu.form import Arguments
from benchmarks.gpu.inputs import CLASSES, Inputs
from benchmarks.gpu.stretch import Stretch, Trainee, endless, resident_batch, summarise
from layermix import LayerMix
from layermix.errors import run_program
from models import ModelConfig
from pipelines import build_loader
from train.config import DataConfig, TrainConfig
from train.distributed import SINGLE
from train.loaders import train_loader_config

FFCV, RESIDENT = "ffcv", "resident set"


def train_config(arguments: Arguments) -> TrainConfig:
    """CIFAR's recipe on pictures of its size."""
    inputs, form = Inputs(arguments.inputs), arguments.sizes
    return TrainConfig(
        model=ModelConfig(name=form.small_network, num_classes=CLASSES),
        data=DataConfig(train=inputs.small, fractals=inputs.small_bank, batch_size=form.small_batch_size),
        policy=LayerMix(),
        run=arguments.run_config,
    )


def measure(arguments: Arguments) -> None:
    """An epoch of each loader in turn, kept after each round."""
    config, form = train_config(arguments), arguments.sizes
    ffcv = train_loader_config(config, arguments.device, SINGLE)
    with ExitStack() as stack:
        opened = {FFCV: ffcv, RESIDENT: replace(ffcv, resident=True)}
        loaders = {name: stack.enter_context(build_loader(wanted)) for name, wanted in opened.items()}
        batches = len(loaders[FFCV])
        trainee = Trainee(config)
        for loader in loaders.values():
            trainee.warm_up(resident_batch(loader))
        sources = {name: stack.enter_context(closing(endless(loader))) for name, loader in loaders.items()}
        rounds: dict[str, list[Stretch]] = {name: [] for name in sources}
        for _ in range(form.rounds):
            for name, source in sources.items():
                rounds[name].append(trainee.train(source, batches))
            results = summarise(rounds, against=FFCV)
            for row in results.values():
                row["epoch_seconds"] = round(batches * form.small_batch_size / row["images_per_second"], 3)
            body = {"network": form.small_network, "batch_size": form.small_batch_size, "steps_per_epoch": batches}
            arguments.keep("cifar", body | {"rounds": len(rounds[FFCV]), "results": results})


def main(argv: list[str] | None = None) -> int:
    """Run the section; returns 0."""
    measure(tyro.cli(Arguments, args=argv, prog="python -m benchmarks.gpu.cifar", description=__doc__))
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
