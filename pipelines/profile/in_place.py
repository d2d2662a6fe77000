"""The whole loader, as training would use it."""

import multiprocessing
import os
import resource
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

from pipelines import LoaderConfig, build_loader
from pipelines.profile.isolated import spread
from pipelines.profile.measurements import InPlace

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def measure_in_place(config: LoaderConfig, threads: int, samples: int, repeats: int) -> InPlace:
    """Rate, processor time, page faults and memory of a loader at `threads` threads.

    Each repeat takes `samples` pictures of an epoch in the steady state: its first batches, which find the ring of
    buffers empty, are not timed. The first repeat is for compilation and caches, and does not count.
    """
    config = replace(config, threads=threads)
    rates, costs = [], []
    with build_loader(config) as loader:
        before = resource.getrusage(resource.RUSAGE_SELF)
        for repeat in range(repeats + 1):
            if repeat == 1:
                before = resource.getrusage(resource.RUSAGE_SELF)
            loader.set_epoch(repeat)
            with closing(iter(loader)) as batches:
                rate, cost = _steady(batches, config, samples)
            if repeat:
                rates.append(rate)
                costs.append(cost)
        after = resource.getrusage(resource.RUSAGE_SELF)
        memory = _resident()
    return InPlace(
        images_per_second=spread(rates),
        cpu_ms=spread(costs),
        minor_faults=after.ru_minflt - before.ru_minflt,
        major_faults=after.ru_majflt - before.ru_majflt,
        memory=memory,
    )


def _steady(batches: Iterator, config: LoaderConfig, samples: int) -> tuple[float, float]:
    """Pictures a second and processor milliseconds a picture, after the batches that were prepared ahead."""
    for _ in islice(batches, config.batches_ahead + 2):
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
