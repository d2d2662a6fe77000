"""A stretch of training as a trace that Perfetto and Chrome's tracing page show: threads, stages, waits, steps."""

import json
import os
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import torch

from layermix.files import atomic_file
from pipelines import LoaderConfig, build_loader
from pipelines.profile.device import normalise, training_step, wait_for
from pipelines.spans import Span, recording, span


def record_training(config: LoaderConfig, model: str | None, batches: int, out: Path) -> int:
    """Train on `batches` batches of a loader and write the trace; returns the number of its spans.

    On a GPU each span of the training thread ends when the device has done the work, so a traced step is slower than
    an untraced one. Of DALI's own operators, such as its decoder, only Nsight Systems can tell: they leave no spans.

    Args:
        model: name of a torchvision network; None only takes and normalises the batches.
    """
    place = torch.device(config.device)
    with build_loader(config) as loader, closing(cast(Generator, iter(loader))) as iterator, recording() as spans:
        step = None if model is None else training_step(model, place, len(loader.classes))
        for _ in range(batches):
            with span("wait for the loader"):
                batch = next(iterator, None)
            if batch is None:
                break
            with span("normalise"):
                images = normalise(batch.images)
                wait_for(place)
            if step is not None:
                with span("step"):
                    step(images, batch.labels)
                    wait_for(place)
    write_trace(out, spans)
    return len(spans)


def write_trace(out: Path, spans: Sequence[Span]) -> None:
    """Write spans in the trace event format, times in microseconds from the first."""
    with atomic_file(out) as file:
        file.write(json.dumps({"traceEvents": events(spans), "displayTimeUnit": "ms"}).encode())


def events(spans: Sequence[Span]) -> list[dict[str, Any]]:
    """One complete event a span, in order of time, and names of threads and of processes other than this one."""
    first = min((s.start for s in spans), default=0)
    threads = {(s.process, s.thread): s.thread_name for s in spans}
    workers = sorted({s.process for s in spans} - {os.getpid()})
    named = [_name("process_name", process, process, f"worker {n}") for n, process in enumerate(workers)]
    named += [_name("thread_name", *place, name) for place, name in threads.items()]
    complete = [
        {
            "ph": "X",
            "name": s.name,
            "cat": "loader" if s.thread_name.startswith(("ffcv", "dali")) or s.process in workers else "training",
            "pid": s.process,
            "tid": s.thread,
            "ts": (s.start - first) / 1e3,
            "dur": (s.stop - s.start) / 1e3,
        }
        for s in sorted(spans, key=lambda s: s.start)
    ]
    return named + complete


def _name(kind: str, process: int, thread: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": kind, "pid": process, "tid": thread, "args": {"name": name}}
