"""What a profile holds: plain numbers, ready for JSON, from which forecast, diagnosis and plots are computed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Worker = Literal["threads", "caller", "device"]
"""Who does a stage: the loader's threads, the thread that takes the batches, or the GPU. The three work at a time."""

REST = "waits, rest"
"""What the threads spend beside their stages: waiting for each other at the end of a batch, Python between stages."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Median, least and greatest of several measurements."""

    median: float
    least: float
    most: float


@dataclass(frozen=True, kw_only=True)
class InPlace:
    """The whole loader at one number of threads.

    images_per_second: of an epoch.  cpu_ms: processor milliseconds a picture, of all threads and worker processes.
    minor_faults, major_faults: page faults of the measured epochs; major ones waited for the disk.  memory: bytes
    resident at the end.
    """

    images_per_second: Spread
    cpu_ms: Spread
    minor_faults: int
    major_faults: int
    memory: int


@dataclass(frozen=True, kw_only=True)
class Disk:
    """Reading the stored bytes of the samples in random order, by one thread.

    cached_share: share of the file that was in the page cache when the profile began.  warm, cold: bytes a second with
    the file in the cache, and after it was dropped; cold is None where the file system keeps its pages.
    """

    bytes_per_image: float
    cached_share: float
    warm: float
    cold: float | None


@dataclass(frozen=True, kw_only=True)
class Device:
    """The GPU's part, microseconds a picture; None where there is no GPU or no model was asked for.

    step: a training step of `model` on one resident batch.
    """

    name: str
    model: str | None = None
    copy_us: float | None = None
    normalise_us: float | None = None
    step_us: float | None = None


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Everything that was measured.

    cores: that this process may use.
    stages: by number of threads, microseconds of each stage in isolation, in order: a picture and thread, with all
        threads at it, or a picture where others than the threads do it. What is left of the threads' time is REST.
    done_by: by stage, who does it.
    in_place: by number of threads.
    operations: by instruction of the policy's programs, how many a picture has in the mean, and microseconds of each.
    short_side: median of the pictures in pixels; None where the files do not tell it.
    """

    data: str
    backend: str
    size: int
    samples: int
    cores: int
    short_side: int | None
    stages: Mapping[int, Mapping[str, Spread]]
    done_by: Mapping[str, Worker] = field(default_factory=dict)
    in_place: Mapping[int, InPlace]
    operations: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    disk: Disk | None = None
    device: Device
    gpu_rate: float
    gpu_rate_source: str
