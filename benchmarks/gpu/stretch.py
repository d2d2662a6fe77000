"""Stretches of training from several sources of batches, in turn: rate, what the device waited, what the host did."""

import os
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import count, islice, pairwise
from statistics import median
from typing import Any

import numpy as np
import torch

from pipelines import Batch, Loader
from train.config import TrainConfig
from train.state import TrainState, initial_state
from train.step import TrainStep


@dataclass(frozen=True)
class Stretch:
    """What one stretch measured. waits: seconds that the device stood still ahead of each step but the first."""

    images_per_second: float
    waits: tuple[float, ...]
    host_share: float
    """Processor time of this process, of that of all cores meanwhile."""


class Trainee:
    """The network, optimizer and step of a training configuration, for stretches of steps."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.state: TrainState = initial_state(config)
        self._step = TrainStep(config, lambda step: config.optimizer.lr)

    def warm_up(self, batch: Batch, steps: int = 3) -> None:
        """Compile, and let cuDNN choose its algorithms."""
        for _ in range(steps):
            self._step(self.state, batch)
        self._wait()

    def train(self, batches: Iterator[Batch], steps: int, lead: int = 0) -> Stretch:
        """Take `lead` steps untimed, so that batches made ahead do not count, and then `steps` timed ones."""
        for batch in islice(batches, lead):
            self._step(self.state, batch)
        self._wait()
        started, cpu, images = time.perf_counter(), time.process_time(), 0
        marks = []
        for batch in islice(batches, steps):
            begin = self._mark()
            self._step(self.state, batch)
            marks.append((begin, self._mark()))
            images += len(batch.labels)
        self._wait()
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        waits = tuple(_seconds(done, begin) for (_, done), (begin, _) in pairwise(marks))
        return Stretch(images / seconds, waits, cpu / seconds / len(os.sched_getaffinity(0)))

    def _mark(self) -> Any:
        """Now, on the device's stream."""
        if self.state.precision.device.type == "cpu":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def _wait(self) -> None:
        if self.state.precision.device.type == "cuda":
            torch.cuda.synchronize()


def _seconds(first: Any, last: Any) -> float:
    return last - first if isinstance(first, float) else first.elapsed_time(last) / 1000


def endless(loader: Loader) -> Generator[Batch]:
    """The batches of epoch 0, 1, 2, ..."""
    for epoch in count():
        loader.set_epoch(epoch)
        yield from loader


def resident_batch(loader: Loader) -> Batch:
    """The first batch of a loader, in memory of its own."""
    with closing(endless(loader)) as batches:
        batch = next(batches)
        return batch._replace(images=batch.images.clone(), labels=batch.labels.clone())


def summarise(rounds: Mapping[str, list[Stretch]], against: str) -> dict[str, dict[str, float]]:
    """Of each candidate's rounds: median and range of its rate, ratio to that of `against`, waits, host's share."""
    rates = {name: [stretch.images_per_second for stretch in found] for name, found in rounds.items()}
    return {
        name: {
            "images_per_second": round(median(rates[name]), 1),
            "images_per_second_min": round(min(rates[name]), 1),
            "images_per_second_max": round(max(rates[name]), 1),
            f"against_{against.replace(' ', '_')}": round(median(rates[name]) / median(rates[against]), 4),
            "wait_ms_p50": _percentile(found, 50),
            "wait_ms_p99": _percentile(found, 99),
            "host_cpu_share": round(median(stretch.host_share for stretch in found), 4),
        }
        for name, found in rounds.items()
    }


def _percentile(found: list[Stretch], percent: float) -> float:
    waits = [wait for stretch in found for wait in stretch.waits]
    return round(1e3 * float(np.percentile(waits, percent)), 4)
