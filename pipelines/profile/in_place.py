"""The whole loader, as training would use it."""

import multiprocessing
import os
import resource
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from math import ceil
from pathlib import Path
from typing import cast

import torch

from layermix import InputError
from pipelines import LoaderConfig, build_loader
from pipelines.profile.device import wait_for
from pipelines.profile.isolated import spread
from pipelines.profile.measurements import InPlace

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def timed_batches(config: LoaderConfig, batches: int, samples: int) -> slice:
    """Which of an epoch's batches are timed, to have `samples` pictures if there are enough.

    They stand before the last of the epoch, when none is prepared any more, and after `_lead` of them.

    Raises:
        InputError: there is none between them.
    """
    first, last = _lead(config), batches - config.batches_ahead
    if last <= first:
        raise InputError(
            f"--data must have at least {first + config.batches_ahead + 1} batches, as the first {first} and the last "
            f"{config.batches_ahead} are not timed, got {batches} of {config.batch_size}; lower --batch-size or take a "
            "larger set"
        )
    return slice(max(first, last - ceil(samples / config.batch_size)), last)


def _lead(config: LoaderConfig) -> int:
    """Batches until the steady state: those prepared ahead, and two."""
    return config.batches_ahead + 2


class LoaderTimer:
    """Times a loader at a number of threads; a context manager. Call `repeat` as often as wanted.

    Each repeat takes the same `timed_batches` of epoch 0 in the steady state, in which as many batches lie ready before
    as after, and goes on to the end of the epoch: worker processes of a loop that is left early would work on what they
    were asked for, in the time of what is measured next. The first repeat is for caches and compilation and does not
    count.
    """

    def __init__(self, config: LoaderConfig, threads: int, timed: slice) -> None:
        self._config, self._timed = replace(config, threads=threads), timed
        self._loader = build_loader(self._config)
        self._rates: list[float] = []
        self._costs: list[float] = []
        self._repeats = self._minor_faults = self._major_faults = 0

    def __enter__(self) -> "LoaderTimer":
        return self

    def __exit__(self, *exception: object) -> None:
        self._loader.__exit__()

    def repeat(self) -> None:
        """Time a part of an epoch."""
        before = resource.getrusage(resource.RUSAGE_SELF)
        self._loader.load_state_dict({"epoch": 0, "batch": self._timed.start - _lead(self._config)})
        with closing(cast(Generator, iter(self._loader))) as batches:
            rate, cost = _steady(batches, self._config, self._timed.stop - self._timed.start)
            for _ in batches:
                pass
        if self._repeats:
            after = resource.getrusage(resource.RUSAGE_SELF)
            self._rates.append(rate)
            self._costs.append(cost)
            self._minor_faults += after.ru_minflt - before.ru_minflt
            self._major_faults += after.ru_majflt - before.ru_majflt
        self._repeats += 1

    def result(self) -> InPlace:
        """Rate, processor time, page faults and memory."""
        return InPlace(
            images_per_second=spread(self._rates),
            cpu_ms=spread(self._costs),
            minor_faults=self._minor_faults,
            major_faults=self._major_faults,
            memory=_resident(),
        )


def _steady(batches: Iterator, config: LoaderConfig, timed: int) -> tuple[float, float]:
    """Pictures a second and processor milliseconds a picture of `timed` batches; the device is done at both ends."""
    place = torch.device(config.device)
    for _ in islice(batches, _lead(config)):
        pass
    wait_for(place)
    started, cpu = time.perf_counter(), _cpu_seconds()
    count = sum(len(batch.labels) for batch in islice(batches, timed))
    wait_for(place)
    seconds = time.perf_counter() - started
    return count / seconds, 1e3 * (_cpu_seconds() - cpu) / count


def _cpu_seconds() -> float:
    """Processor time of this process and of its worker processes."""
    total = time.process_time()
    for child in multiprocessing.active_children():
        fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / _TICKS
    return total


def _resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
