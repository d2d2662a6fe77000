"""The command `python -m train`: a recipe, flags over it, two loaders, one run.

    python -m train --config demo_layermix --data.train train.beton --data.test test.beton \
        --data.fractals fractals.beton --out runs/demo_layermix

The same command continues a run that was stopped. Several GPUs, on one machine or more:

    launch/torchrun.sh --nproc-per-node 8 -- --config NAME ...
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

from layermix.errors import InputError
from layermix.manifest import Manifest, dataset_path, read_manifest
from models.checkpoint import LAST_CHECKPOINT
from pipelines import Loader, LoaderConfig, build_loader
from pipelines.resizing import ResizingLoader
from train.config import TrainConfig
from train.distributed import Ranks, join_ranks
from train.interrupt import StopRequest
from train.loaders import test_loader_config, train_loader_config
from train.loop import Outcome
from train.observers import make_observers
from train.plan import make_plan
from train.precision import choose_precision, limit_network_threads
from train.progress import Progress
from train.pulse import EXIT_CODE, RankLostError
from train.recipe import RECIPES, find_recipe, load_recipe
from train.run import train_model
from train.schedule import training_size

HELP_RECIPE = RECIPES / "cifar10_wrn40_4_layermix.yaml"

_ENDINGS = {
    Outcome.FINISHED: "finished",
    Outcome.MAX_STEPS: "paused at --max-steps, the same command with a higher one continues",
    Outcome.STOPPED: "stopped by a signal, the same command continues",
}


@dataclass(frozen=True, kw_only=True)
class Command:
    """Train a classifier by a recipe. Flags override the recipe; the defaults shown are the recipe's.

    Attributes:
        config: the recipe, by its name in train/recipes or as a YAML file, and any further ones to lay over it.
        dry_run: show steps, samples, memory and time of the run, by a few steps that are thrown away; write nothing.
        train: everything that the recipe sets.
    """

    config: tuple[Path, ...]
    dry_run: bool = False
    train: Annotated[TrainConfig, tyro.conf.arg(name="")]


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0: finished, or paused at `--max-steps`. 128 + n: signal n arrived (SIGINT 130, SIGUSR1 138, SIGTERM 143);
    the step was finished and the run saved, on all ranks. 75: a rank was lost, or stood still. Bad input raises
    `InputError`, 2 for the shell.
    """
    argv = sys.argv[1:] if argv is None else argv
    command, folder = parse(argv)
    config = command.train
    device = choose_precision(config.run.device, config.run.precision).device.type
    try:
        with join_ranks(device, config.run.rank_timeout, config.run.stall_timeout) as ranks, StopRequest() as stop:
            return _run(command, folder, argv, device, stop, ranks)
    except RankLostError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        os._exit(EXIT_CODE)  # an orderly end would wait for the lost rank


def _run(command: Command, folder: Path, argv: Sequence[str], device: str, stop: StopRequest, ranks: Ranks) -> int:
    config = command.train
    if device == "cpu":
        limit_network_threads(config.run.threads, ranks.local_world_size)
    with ExitStack() as stack:
        with ranks.together():
            place = f"cuda:{ranks.local_rank}" if device == "cuda" else device
            train_config, test_config = (
                train_loader_config(config, place, ranks),
                test_loader_config(config, place, ranks),
            )
            manifests = _manifests(train_config, test_config)
            train_loader = stack.enter_context(_train_loader(config, train_config))
            test_loader = None if test_config is None else stack.enter_context(build_loader(test_config))
        if command.dry_run:
            tell = partial(print, flush=True) if ranks.is_main else lambda text: None
            tell(make_plan(config, train_loader, test_loader, tell, ranks).describe())
            return 0
        with ranks.together():
            observers = make_observers(config, folder) if ranks.is_main else Progress()
        outcome = train_model(
            config,
            train_loader,
            test_loader,
            folder=folder,
            manifests=manifests,
            command=argv,
            progress=observers,
            stop_requested=lambda: stop.signal is not None,
            ranks=ranks,
        )
    if ranks.is_main:
        print(f"{_ENDINGS[outcome]}: {folder / LAST_CHECKPOINT}", flush=True)
    (signal,) = ranks.maximum(stop.signal or 0)
    return 128 + int(signal) if outcome is Outcome.STOPPED else 0


def _train_loader(config: TrainConfig, loader_config: LoaderConfig) -> Loader:
    """The training loader, one whose pictures grow where the schedule says so."""
    if config.schedule.start_size is None:
        return build_loader(loader_config)
    return ResizingLoader(loader_config, partial(training_size, config), build_loader)


def parse(argv: Sequence[str]) -> tuple[Command, Path]:
    """The recipes named by `--config` with the flags over them, and the run folder; runs/RECIPE where none is given."""
    recipes = _recipe_paths(argv)
    default = Command(config=recipes, train=load_recipe(*recipes))
    command = tyro.cli(Command, prog="python -m train", args=argv, default=default)
    run = command.train.run
    folder = run.out or Path("runs", "_".join(recipe.stem for recipe in recipes))
    return replace(command, train=replace(command.train, run=replace(run, out=folder))), folder


def _recipe_paths(argv: Sequence[str]) -> tuple[Path, ...]:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config", type=Path, nargs="+")
    recipes = parser.parse_known_args(argv)[0].config
    if recipes:
        return tuple(find_recipe(recipe) for recipe in recipes)
    if {"-h", "--help"}.intersection(argv):
        return (HELP_RECIPE,)
    known = ", ".join(sorted(path.stem for path in RECIPES.glob("*.yaml")))
    raise InputError(f"`config` is missing; give --config NAME, a file or one of {known}")


def _manifests(train: LoaderConfig, test: LoaderConfig | None) -> dict[str, Manifest]:
    paths = {"train": train.data, "test": test and test.data, "fractals": train.fractals}
    return {role: read_manifest(dataset_path(path)) for role, path in paths.items() if path is not None}
