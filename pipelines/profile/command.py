"""Measure a loader part by part and as a whole, and say in one sentence what holds it back.

    python -m pipelines.profile --data in.beton --policy layermix --fractals fractals_256.beton --threads 1 2 4 8
    python -m pipelines.profile --data cifar10_train.beton --size 32 --crop pad --policy none --json profile.json

Every stage is measured in isolation (the graph up to it, by 1 to N threads) and the whole loader in place, on the same
pictures; the forecast from the stages stands beside the measured rate. Threads, the one that takes the batches, and a
GPU that decodes (--backend dali-gpu) work at a time, so the forecast is that of the slowest. Beside them: every
instruction of the policy, the disk with and without cache, and, where there is a GPU, the copy to it, the normalisation
and a training step on one batch that stays there. `--trace` records a stretch of training for Perfetto
(ui.perfetto.dev) or chrome://tracing.

Standard error tells what is being measured. The disk is first, and its cache is dropped for that. Without a GPU,
`--gpu-rate` says what one would eat.
"""

import json
import os
from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
import tyro
from rich.console import Console

from layermix import POLICIES, InputError, Policy
from layermix.files import atomic_file
from pipelines import Loader, LoaderConfig, build_loader
from pipelines.epoch_loader import open_bank
from pipelines.profile.backends import backend_of, files_of, samples_of, short_side_of, stages_of
from pipelines.profile.device import measure_device
from pipelines.profile.diagnosis import diagnose, thread_count
from pipelines.profile.disk import measure_disk
from pipelines.profile.in_place import LoaderTimer, timed_batches
from pipelines.profile.isolated import StageTimer
from pipelines.profile.measurements import Profile
from pipelines.profile.operations import measure_operations
from pipelines.profile.show import plot, print_profile
from pipelines.profile.trace import record_training
from pipelines.telling import tell

PUBLISHED_RATE = 2470.0
"""img/s of an A100 that trains ResNet-50 with AMP, as NVIDIA published."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Profile a loader."""

    data: Path
    """A data set that the loaders read."""
    policy: str = "layermix"
    """Augmentation by name, with its default settings; none for crop and flip alone."""
    fractals: Path | None = None
    """A fractal bank, for policies that mix with one."""
    backend: Literal["auto", "ffcv", "dali-cpu", "dali-gpu", "torch"] = "auto"
    """The loader; auto takes the one that belongs to the format, decoding on the CPU, and another must fit it."""
    hw_decoder_load: float | None = None
    """Share of the pictures that a GPU's JPEG engine decodes, 0 to 1, with --backend dali-gpu; 0.9 if not given."""
    size: int = 224
    """Side of the pictures that come out, in pixels."""
    crop: Literal["random_resized", "pad", "center", "none"] = "random_resized"
    """The crop of training."""
    batch_size: int = 64
    """Pictures a batch."""
    threads: tuple[int, ...] = (1, 2)
    """Numbers of threads to measure."""
    samples: int = 1024
    """Pictures a measurement."""
    repeats: int = 5
    """Measurements of each part."""
    model: str | None = None
    """A torchvision network, such as resnet50, whose training step is timed on the device."""
    gpu_rate: float | None = None
    """Pictures a second that all GPUs eat; measured with --model on a GPU, else a published A100's."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the batches go; auto is a GPU where there is one."""
    json: Path | None = None
    """File for all numbers."""
    plot: Path | None = None
    """Picture of stages and roofs, PNG or SVG."""
    trace: Path | None = None
    """File for a trace of a stretch of training, with --model or without."""
    trace_batches: int = 20
    """Batches in the trace."""


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    arguments = tyro.cli(Arguments, prog="python -m pipelines.profile", args=argv, description=__doc__)
    _check(arguments)
    config = loader_config(arguments)
    profile = measure(config, arguments)
    print_profile(profile, Console())
    if arguments.json is not None:
        with atomic_file(arguments.json) as file:
            file.write(json.dumps({**asdict(profile), "diagnosis": diagnose(profile)}, indent=1).encode() + b"\n")
    if arguments.plot is not None:
        plot(profile, arguments.plot)
    if arguments.trace is not None:
        tell("a stretch of training for the trace")
        count = record_training(config, arguments.model, arguments.trace_batches, arguments.trace)
        print(f"{arguments.trace}: {count:,} spans")
    return 0


def _check(arguments: Arguments) -> None:
    if not arguments.threads or min(arguments.threads) < 1:
        raise InputError(f"--threads must be one or more numbers >= 1, got {arguments.threads}; such as 1 2 4")
    for flag in ("samples", "repeats", "trace_batches"):
        if getattr(arguments, flag) < 1:
            raise InputError(f"--{flag.replace('_', '-')} must be >= 1, got {getattr(arguments, flag)}")
    if arguments.gpu_rate is not None and not arguments.gpu_rate > 0:
        raise InputError(f"--gpu-rate must be > 0, got {arguments.gpu_rate}; leave it out for a published A100's")
    if arguments.device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda needs a GPU that torch can use, got none; use --device cpu")
    if arguments.backend == "dali-gpu" and (arguments.device == "cpu" or not torch.cuda.is_available()):
        given = "--device cpu" if arguments.device == "cpu" else "none"
        raise InputError(
            f"--backend dali-gpu needs a GPU that torch can use, got {given}; python -m pipelines.doctor says what is "
            "missing, --backend dali-cpu profiles the same set on the CPU"
        )
    if arguments.hw_decoder_load is not None and arguments.backend != "dali-gpu":
        raise InputError(f"--hw-decoder-load goes with --backend dali-gpu, got {arguments.backend}; leave it out")


def loader_config(arguments: Arguments) -> LoaderConfig:
    """The loader that the flags describe, at the most threads."""
    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return LoaderConfig(
        data=arguments.data,
        batch_size=arguments.batch_size,
        size=arguments.size,
        crop=arguments.crop,
        flip=arguments.crop in ("random_resized", "pad"),
        policy=_policy(arguments.policy),
        fractals=arguments.fractals,
        threads=max(arguments.threads),
        order="random",
        drop_last=True,
        device=device,
        decode="gpu" if arguments.backend == "dali-gpu" else "cpu",
        hw_decoder_load=0.9 if arguments.hw_decoder_load is None else arguments.hw_decoder_load,
    )


def _policy(name: str) -> Policy | None:
    if name == "none":
        return None
    if name not in POLICIES:
        raise InputError(f"--policy must be none or one of {', '.join(POLICIES)}; got {name!r}")
    return POLICIES[name]()


def measure(config: LoaderConfig, arguments: Arguments) -> Profile:
    """All measurements, the disk's first."""
    with build_loader(config) as loader:
        backend, count = backend_of(loader, arguments.backend), loader.num_samples
        timed = timed_batches(config, len(loader), arguments.samples)
        ids = samples_of(loader, timed)
        files, short_side = files_of(loader), short_side_of(loader)
        images = _first_images(loader)
    tell(f"the disk, and {config.data} in its cache")
    disk = measure_disk(files, count, reads=min(count, arguments.samples))
    with build_loader(config) as loader:
        stages, done_by, in_place = _measure_threads(config, loader, ids, timed, arguments)
    tell("copy, normalisation and step" if arguments.model else "copy and normalisation")
    device = measure_device(
        arguments.model,
        size=config.size,
        batch_size=config.batch_size,
        device=config.device,
        repeats=arguments.repeats,
        copies=config.decode == "cpu",
    )
    rate, source = gpu_rate(arguments.gpu_rate, device.step_us if config.device == "cuda" else None, device.name)
    return Profile(
        data=str(config.data),
        backend=backend,
        size=config.size,
        samples=len(ids),
        cores=len(os.sched_getaffinity(0)),
        short_side=short_side,
        stages=stages,
        done_by=done_by,
        in_place=in_place,
        operations=_operations(config, images, arguments.repeats),
        disk=disk,
        device=device,
        gpu_rate=rate,
        gpu_rate_source=source,
    )


def _first_images(loader: Loader) -> np.ndarray:
    """Of the first batch: uint8 (N, H, W, 3)."""
    with closing(cast(Generator, iter(loader))) as batches:
        return next(batches).images.permute(0, 2, 3, 1).cpu().numpy()


def _measure_threads(config: LoaderConfig, loader: Loader, ids: np.ndarray, timed: slice, arguments: Arguments):
    """Stages and loader by number of threads, of the same pictures, in turn: a busy machine slows both.

    Args:
        loader: open, of the configuration; its stages are timed.
        ids: uint64 (N,), of the samples in the batches `timed`.

    Returns:
        By number of threads the stages; by stage who does it; by number of threads the loader.
    """
    stages, done_by, in_place = {}, {}, {}
    parts_of_work = stages_of(loader)
    for threads in sorted(arguments.threads):
        with LoaderTimer(config, threads, timed) as whole, StageTimer(parts_of_work, ids, threads) as parts:
            for number in range(arguments.repeats + 1):
                doing = f"loader and stages, {number} of {arguments.repeats}" if number else "warm-up"
                tell(f"{thread_count(threads)}: {doing}")
                whole.repeat()  # first, as it names a picture that does not decode
                parts.repeat()
            stages[threads], in_place[threads] = parts.stages(), whole.result()
            done_by |= parts.done_by
    return stages, done_by, in_place


def gpu_rate(given: float | None, step_us: float | None, name: str) -> tuple[float, str]:
    """Pictures a second that the GPU eats, and where the number is from: a flag, a measured step, or a publication."""
    if given is not None:
        return given, "as given"
    if step_us is not None:
        return 1e6 / step_us, f"measured, {name}"
    return PUBLISHED_RATE, "a published A100"


def _operations(config: LoaderConfig, images: np.ndarray, repeats: int):
    if config.policy is None:
        return {}
    tell("the instructions of the policy")
    images = np.ascontiguousarray(images)
    return measure_operations(config.policy, open_bank(config), images, seed=config.seed, repeats=repeats)
