"""`python -m train ... --dry-run`: what a run would do, need and take, without a run folder."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import chain, islice

import torch
from torch import Tensor

from models import load_initial_weights
from pipelines import Batch, Loader
from train.clock import StepClock
from train.config import TrainConfig
from train.distributed import SINGLE, Ranks
from train.schedule import make_schedule, training_size
from train.state import COMPILING, TrainState, initial_state
from train.step import TrainStep
from train.validation import evaluate
from train.watch import Watch

TIMED_STEPS = 5
_WARM_UP_STEPS = 2


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run would take, on this machine at this moment.

    Attributes:
        steps_per_epoch, epochs, batch_size, ranks: the run; `batch_size` counts all ranks.
        test_images, tests: pictures of a test, and number of tests.
        state_bytes: weights, gradients, momentum and moving average, on each rank's device.
        activation_bytes: what a step of one rank keeps from the forward for the backward pass.
        batch_bytes: batches that a rank's loader holds ready.
        peak_bytes: most that torch allocated in the timed steps on a GPU; None on the CPU.
        seconds_per_step: measured at the full picture size, after warm-up.
        wait_share: share of it spent waiting for the loader.
        size_factor: mean cost of an epoch, as the epochs' shares of the full area; 1 without progressive resizing.
        seconds_per_test: measured on one test batch.
    """

    steps_per_epoch: int
    epochs: int
    batch_size: int
    ranks: int
    test_images: int
    tests: int
    state_bytes: int
    activation_bytes: int
    batch_bytes: int
    peak_bytes: int | None
    seconds_per_step: float
    wait_share: float
    size_factor: float
    seconds_per_test: float

    @property
    def training_seconds(self) -> float:
        """All steps of the run."""
        return self.steps_per_epoch * self.epochs * self.seconds_per_step * self.size_factor

    def describe(self) -> str:
        """The plan in lines for a person."""
        steps, rate = self.steps_per_epoch * self.epochs, self.batch_size / self.seconds_per_step
        testing = self.tests * self.seconds_per_test
        total = self.state_bytes + self.activation_bytes + self.batch_bytes
        peak = "" if self.peak_bytes is None else f"; torch's peak in the timed steps: {_size(self.peak_bytes)}"
        return "\n".join(
            (
                f"steps    {steps:,}: {self.epochs} epochs of {self.steps_per_epoch:,}",
                f"samples  {steps * self.batch_size:,} training pictures in batches of {self.batch_size} over "
                f"{self.ranks} rank(s); {self.tests} tests of {self.test_images:,}",
                f"memory   {_size(total)} a rank, estimated: state {_size(self.state_bytes)}, activations "
                f"{_size(self.activation_bytes)}, batches ahead {_size(self.batch_bytes)}{peak}",
                f"speed    {rate:,.1f} img/s at the full size, measured here on {TIMED_STEPS} steps; "
                f"{self.wait_share:.0%} of it waiting for the loader",
                f"time     {_duration(self.training_seconds + testing)} at that rate: training "
                f"{_duration(self.training_seconds)}, tests {_duration(testing)}",
            )
        )


def make_plan(
    config: TrainConfig,
    train_loader: Loader,
    test_loader: Loader | None,
    tell: Callable[[str], None] = lambda text: None,
    ranks: Ranks = SINGLE,
) -> Plan:
    """Take a few steps and one test batch with a state that is thrown away, and reckon from them.

    `tell` hears what takes long, before it begins.
    """
    tell(f"measuring {TIMED_STEPS} steps after {_WARM_UP_STEPS} others, and one test batch")
    if config.run.compile != "none":
        tell(COMPILING)
    state = initial_state(config, ranks)
    with ranks.together():
        load_initial_weights(state.model)
    train_loader.set_epoch(config.run.epochs - 1)
    batches = iter(train_loader)
    first = next(batches)
    activations = activation_bytes(state, TrainStep(config, lambda step: 0.0), first)
    seconds, wait_share = _time_steps(config, state, first, chain(batches, [first]), len(train_loader), ranks.watch)
    train_loader.close()
    run, epochs = config.run, range(config.run.epochs)
    full = training_size(config, run.epochs - 1)
    return Plan(
        steps_per_epoch=len(train_loader),
        epochs=run.epochs,
        batch_size=config.data.batch_size,
        ranks=ranks.world_size,
        test_images=0 if test_loader is None else test_loader.num_samples,
        tests=0
        if test_loader is None
        else len({n for n in epochs if (n + 1) % run.evaluate_every == 0} | {epochs[-1]}),
        state_bytes=_state_bytes(state),
        activation_bytes=activations,
        batch_bytes=(config.data.batches_ahead + 2) * first.images.nbytes,
        peak_bytes=torch.cuda.max_memory_allocated() if state.precision.device.type == "cuda" else None,
        seconds_per_step=seconds,
        wait_share=wait_share,
        size_factor=sum((training_size(config, epoch) / full) ** 2 for epoch in epochs) / run.epochs,
        seconds_per_test=0.0 if test_loader is None else _time_test(state, test_loader),
    )


def activation_bytes(state: TrainState, step: TrainStep, batch: Batch) -> int:
    """Bytes that the loss of `batch` keeps for the backward pass, weights not counted; each memory once.

    That of the plain model: a compiled one keeps less.
    """
    state = replace(state, forward=state.model)
    known = {parameter.untyped_storage().data_ptr() for parameter in state.model.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = step.loss(state, batch)
        total = sum(kept.values())  # while the graph lives, no memory is used twice
    del loss
    return total


def _time_steps(
    config: TrainConfig, state: TrainState, warm_up: Batch, batches: Iterable[Batch], steps_per_epoch: int, watch: Watch
) -> tuple[float, float]:
    """Seconds of a step and the share of it that waited for the loader, after steps on the batch `warm_up`."""
    step = TrainStep(config, make_schedule(config, steps_per_epoch * config.run.epochs), watch.moves)
    for _ in range(_WARM_UP_STEPS):
        step(state, warm_up)
    _synchronize(state)
    clock, done = StepClock(state.precision.device), 0
    for batch in clock.timed(islice(batches, TIMED_STEPS)):
        with clock.computing():
            step(state, batch)
        done += 1
    _synchronize(state)
    return clock.seconds / done, clock.shares()["wait"]


def _time_test(state: TrainState, loader: Loader) -> float:
    first = next(iter(loader))
    _synchronize(state)
    started = time.perf_counter()
    evaluate(state.model, [first], state.precision, lambda: False)
    seconds = time.perf_counter() - started
    loader.close()
    return seconds * len(loader)


def _synchronize(state: TrainState) -> None:
    if state.precision.device.type == "cuda":
        torch.cuda.synchronize()


def _state_bytes(state: TrainState) -> int:
    weights = sum(parameter.nbytes for parameter in state.model.parameters())
    copies = 2 + any(group["momentum"] for group in state.optimizer.param_groups) + (state.ema is not None)
    return copies * weights


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    days, hours = divmod(hours, 24)
    return (f"{days} d " if days else "") + (f"{hours} h " if hours or days else "") + f"{minutes} min"
