"""Are pixels and weights the same every time, and the pixels those of the CPU?

Batches of each loader on the device against those of FFCV's graph on the CPU, byte for byte; and the weights after a
few steps of `--deterministic` training, not compiled, twice from the same seed. The section fails if any two differ.

    python -m benchmarks.gpu.run --sections determinism
"""

import sys
from dataclasses import replace
from hashlib import sha256
from itertools import islice

import tyro

from benchmarks.gpu import cifar, training
from benchmarks.gpu.form import Arguments
from benchmarks.gpu.stretch import Trainee
from layermix.errors import run_program
from pipelines import LoaderConfig, build_loader
from train.config import TrainConfig
from train.distributed import SINGLE
from train.loaders import train_loader_config

BATCHES = 4


def pixels_of(config: LoaderConfig) -> str:
    """SHA-256 of the pixels, labels and ids of the first batches of epoch 3."""
    digest = sha256()
    with build_loader(config) as loader:
        loader.set_epoch(3)
        for batch in islice(loader, BATCHES):
            for part in (batch.images.permute(0, 2, 3, 1), batch.labels, batch.sample_ids):
                digest.update(part.contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()


def weights_of(config: TrainConfig, device: str) -> str:
    """SHA-256 of all weights and statistics after the first steps."""
    trainee, digest = Trainee(config), sha256()
    with build_loader(train_loader_config(config, device, SINGLE)) as loader:
        trainee.train(iter(loader), BATCHES)
    for value in trainee.state.model.state_dict().values():
        digest.update(value.detach().contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()


def measure(arguments: Arguments) -> bool:
    """Every comparison, kept as soon as it is made; whether all were equal."""
    equal: dict[str, bool] = {}

    def keep(name: str, is_equal: bool) -> None:
        equal[name] = is_equal
        arguments.keep("determinism", {"batches": BATCHES, "equal": equal})

    small, large = cifar.train_config(arguments), training.train_config(arguments)
    for name, config in (("32 px", small), ("JPEG", large)):
        on_device = train_loader_config(config, arguments.device, SINGLE)
        on_cpu = pixels_of(replace(on_device, device="cpu", threads=1))
        keep(f"{name}: ffcv on the device, one thread on the CPU", pixels_of(on_device) == on_cpu)
        if config is small:
            keep(f"{name}: resident set, ffcv on the CPU", pixels_of(replace(on_device, resident=True)) == on_cpu)
    for name, config in (("32 px", small), ("JPEG", large)):
        config = replace(config, run=replace(config.run, deterministic=True, compile="none"))
        first, second = (weights_of(config, arguments.device) for _ in range(2))
        keep(f"{name}: weights of two runs", first == second)
    return all(equal.values())


def main(argv: list[str] | None = None) -> int:
    """Run the section; 1 where something differed."""
    arguments = tyro.cli(Arguments, args=argv, prog="python -m benchmarks.gpu.determinism", description=__doc__)
    return 0 if measure(arguments) else 1


if __name__ == "__main__":
    sys.exit(run_program(main))
