"""Does the loader keep the GPU full? ResNet-50 from FFCV's graph and from DALI's, against one batch that stays there.

The step is that of `python -m train` with `means/gpu.yaml`: bfloat16, channels_last, torch.compile, fused SGD; the
loaders run LayerMix 8m-3 at 224 px. A wait is the time that the GPU's stream stood still between two steps.

    python -m benchmarks.gpu.run --sections training
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import repeat

import tyro

from benchmarks.gpu.form import Arguments
from benchmarks.gpu.inputs import CLASSES, Inputs
from benchmarks.gpu.stretch import Stretch, Trainee, endless, resident_batch, summarise
from layermix import InputError, LayerMix
from layermix.errors import run_program
from models import ModelConfig
from pipelines import Batch, LoaderConfig, build_loader
from train.config import DataConfig, TrainConfig
from train.distributed import SINGLE
from train.loaders import train_loader_config

RESIDENT = "resident batch"


def train_config(arguments: Arguments) -> TrainConfig:
    """Training from the JPEGs, with LayerMix."""
    inputs, form = Inputs(arguments.inputs), arguments.sizes
    return TrainConfig(
        model=ModelConfig(name=form.network, num_classes=CLASSES),
        data=DataConfig(
            train=inputs.jpegs,
            fractals=inputs.bank,
            size=form.size,
            crop="random_resized",
            batch_size=form.batch_size,
        ),
        policy=LayerMix(),
        run=arguments.run_config,
    )


def loader_configs(config: TrainConfig, arguments: Arguments) -> dict[str, LoaderConfig]:
    """By name, the loaders to compare: all at the same size, batch and policy."""
    ffcv = train_loader_config(config, arguments.device, SINGLE)
    dali = replace(ffcv, data=Inputs(arguments.inputs).tar)
    if arguments.device == "cpu":
        return {"ffcv": ffcv, "dali, decode cpu": dali}
    return {"ffcv": ffcv, "dali, decode gpu": replace(dali, decode="gpu"), "dali, decode cpu": dali}


def measure(arguments: Arguments) -> None:
    """Rounds of all candidates in turn, each kept as soon as it is over."""
    config, form = train_config(arguments), arguments.sizes
    skipped: dict[str, str] = {}
    with ExitStack() as stack:
        loaders = {}
        for name, wanted in loader_configs(config, arguments).items():
            try:
                loaders[name] = stack.enter_context(build_loader(wanted))
            except InputError as error:
                skipped[name] = str(error)
        batch = resident_batch(next(iter(loaders.values())))
        sources: dict[str, Iterator[Batch]] = {RESIDENT: repeat(batch)}
        sources |= {name: stack.enter_context(closing(endless(loader))) for name, loader in loaders.items()}
        trainee = Trainee(config)
        trainee.warm_up(batch)
        rounds: dict[str, list[Stretch]] = {name: [] for name in sources}
        for _ in range(form.rounds):
            for name, source in sources.items():
                lead = loaders[name].config.batches_ahead + 2 if name in loaders else 0
                rounds[name].append(trainee.train(source, form.steps, lead))
            body = {"network": form.network, "size": form.size, "batch_size": form.batch_size, "steps": form.steps}
            body |= {"threads": arguments.threads, "rounds": len(rounds[RESIDENT]), "skipped": skipped}
            arguments.keep("training", body | {"results": summarise(rounds, against=RESIDENT)})


def main(argv: list[str] | None = None) -> int:
    """Run the section; returns 0."""
    measure(tyro.cli(Arguments, args=argv, prog="python -m benchmarks.gpu.training", description=__doc__))
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
