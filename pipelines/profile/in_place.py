"""The whole loader, as training would use it."""

import multiprocessing
import os
import resource
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import cast

from pipelines import LoaderConfig, build_loader
from pipelines.profile.isolated import spread
from pipelines.profile.measurements import InPlace

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def untimed_batches(config: LoaderConfig) -> int:
    """The first batches of an epoch: those prepared ahead, and two until the steady state."""
    return config.batches_ahead + 2


class LoaderTimer:
    """Times a loader at a number of threads; a context manager. Call `repeat` as often as wanted.

    Each repeat takes `samples` pictures of another epoch in the steady state: its first batches, which find the ring of
    buffers empty, are not timed. The first repeat is for caches and compilation and does not count.
    """

    def __init__(self, config: LoaderConfig, threads: int, samples: int) -> None:
        self._config, self._samples = replace(config, threads=threads), samples
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
        self._loader.set_epoch(self._repeats)
        with closing(cast(Generator, iter(self._loader))) as batches:
            rate, cost = _steady(batches, self._config, self._samples)
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


def _steady(batches: Iterator, config: LoaderConfig, samples: int) -> tuple[float, float]:
    """Pictures a second and processor milliseconds a picture, after the batches that were prepared ahead."""
    for _ in islice(batches, untimed_batches(config)):
        pass
    started, cpu, count = time.perf_counter(), _cpu_seconds(), 0
    for batch in batches:
        count += len(batch.labels)
        if count >= samples:
            break
    seconds = time.perf_counter() - started
    return count / seconds, 1e3 * (_cpu_seconds() - cpu) / max(count, 1)


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
