"""The stages of DALI's graphs in isolation: by DALI's own threads or the GPU, on whole batches, as in the loader.

DALI does one operation after the other, each on a whole batch, so a thread that is done early waits for the last one:
with 8 threads and batches of 64 photographs for a fifth of the time. That is in the stages, as they are run that way.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from functools import cache

import numpy as np
import torch

from pipelines.dali_graph import Last
from pipelines.dali_loader import DALILoader
from pipelines.dali_run import Run as GraphRun
from pipelines.profile.device import wait_for
from pipelines.profile.isolated import (
    Call,
    Run,
    Stages,
    batches_of,
    by_caller,
    in_batches,
    seconds_by_name,
    seconds_of,
    with_rest,
)
from pipelines.spans import recording

_DECODE, _RESIZE, _MIX = "decode", "crop, resize, flip", "mix"


class DALIStages:
    """What a graph does, and the thread that takes the batches: it gives the graph its input.

    Reading finds where a picture stands; where the file is mapped into memory, the disk is waited for by the decoder.
    """

    def __init__(self, loader: DALILoader) -> None:
        self._config, self._loader = loader.config, loader

    def stages(self) -> list[Stages]:
        """Read; draw; decode; crop, resize and flip; mix, where there is a policy; batch assembly."""
        graph = Stages("threads", self._on_threads) if self._loader.stage else Stages("device", self._on_device)
        draw, assemble = self._in_batches(self._draw), self._in_batches(self._assembler())
        return [by_caller({"read": self._read, "draw": draw}), graph, by_caller({"batch assembly": assemble})]

    def _in_batches(self, call: Call) -> Call:
        return in_batches(call, self._config.batch_size)

    def _read(self, ids: np.ndarray) -> None:
        for sample_id in ids.tolist():
            self._loader.records.stored(sample_id)

    def _draw(self, ids: np.ndarray) -> None:
        """All of the graph's input but the pictures."""
        self._loader.feed(_NothingStored(), ids.astype(np.int64))

    def _assembler(self) -> Call:
        """The images of a batch, which are there, with all that comes along with them."""
        config = self._config
        images = torch.zeros((config.batch_size, 3, config.size, config.size), dtype=torch.uint8, device=config.device)
        return lambda ids: self._loader.assemble(0, ids.astype(np.int64), images[: len(ids)])

    def _on_threads(self, threads: int) -> AbstractContextManager[Run]:
        """The mixing stage tells when it did what; decoding takes what the graph takes that ends there.

        No more, though, than the whole graph leaves to it: noise between the two is not to be waiting less than none.
        """
        decode, whole = self._graph(self._loader, "decode", threads), self._graph(self._loader, "all", threads)
        names = (_RESIZE,) if self._config.policy is None else (_RESIZE, _MIX)

        def run(ids: np.ndarray) -> dict[str, float]:
            decoding = threads * seconds_of(decode, ids)
            with recording() as spans:
                seconds = threads * seconds_of(whole, ids)
            told = seconds_by_name(spans, names)
            return with_rest({_DECODE: min(decoding, seconds - sum(told.values())), **told}, seconds)

        return nullcontext(run)

    def _on_device(self, threads: int) -> AbstractContextManager[Run]:
        """Graphs that end with each stage: a stage is what its graph takes more, none less than the one before."""
        clean = type(self._loader)(replace(self._config, policy=None, fractals=None))
        graphs = {_DECODE: self._graph(clean, "decode", threads), _RESIZE: self._graph(clean, "all", threads)}
        if self._config.policy is not None:
            graphs[_MIX] = self._graph(self._loader, "all", threads)

        def run(ids: np.ndarray) -> dict[str, float]:
            found, before = dict[str, float](), 0.0
            for name, graph in graphs.items():
                seconds = max(before, seconds_of(graph, ids))
                found[name], before = seconds - before, seconds
            return found

        return nullcontext(run)

    def _graph(self, loader: DALILoader, last: Last, threads: int) -> Call:
        """A graph up to a stage, whose input lies ready; a call ends when the device has done all."""
        size, ahead, place = self._config.batch_size, self._config.batches_ahead, torch.device(self._config.device)
        sources: list[Callable[[], tuple]] = []
        pipeline = loader.build_graph(lambda: sources[-1](), threads=threads, last=last)
        pipeline.build()

        def restart(source: Callable[[], tuple]):
            sources[:] = [source]
            pipeline.reset()
            return pipeline

        @cache
        def ready(*ids: int) -> tuple:
            return loader.feed(loader.records, np.array(ids))

        def call(ids: np.ndarray) -> None:
            parts = iter(batches_of(ids.astype(np.int64), size))
            with closing(GraphRun(restart, lambda part: ready(*part.tolist()), parts, ahead)) as batches:
                for part, outputs in batches:
                    if last == "all":
                        loader.finish(part, *outputs)
            wait_for(place)

        return call


class _NothingStored:
    """Stands for the pictures where only what is drawn for them counts."""

    def stored(self, sample_id: int) -> np.ndarray:
        """Of a sample: nothing."""
        return _EMPTY


_EMPTY = np.zeros(0, np.uint8)
