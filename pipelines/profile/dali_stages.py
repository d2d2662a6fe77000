"""The stages of DALI's graphs in isolation: by DALI's own threads or the GPU, on whole batches, as in the loader.

DALI does one operation after the other, each on a whole batch, so a thread that is done early waits for the last one:
with 8 threads and batches of 64 photographs for a fifth of the time. That is in the stages, as they are run that way.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import cache

import numpy as np
import torch

from pipelines.dali_graph import Last
from pipelines.dali_loader import DALILoader
from pipelines.dali_run import Run as GraphRun
from pipelines.profile.device import wait_for
from pipelines.profile.isolated import Prefix, Run, alone, in_batches
from pipelines.profile.measurements import Worker


class DALIStages:
    """Prefixes of a loader's graph, and of what the thread does that takes the batches: it gives the graph its input.

    Reading finds where a picture stands; where the file is mapped into memory, the disk is waited for by the decoder.
    """

    def __init__(self, loader: DALILoader) -> None:
        self._config, self._loader = loader.config, loader

    def prefixes(self) -> list[Prefix]:
        """Read; draw; decode; crop, resize and flip; mix, where there is a policy; batch assembly."""
        by: Worker = "device" if self._loader.stage is None else "threads"
        clean = type(self._loader)(replace(self._config, policy=None, fractals=None))
        found = [
            Prefix("read", alone(self._read), by="caller"),
            Prefix("draw", alone(self._in_batches(self._draw)), by="caller"),
            Prefix("decode", self._graph(clean, "decode"), by=by),
            Prefix("crop, resize, flip", self._graph(clean, "all"), by=by),
        ]
        if self._config.policy is not None:
            found.append(Prefix("mix", self._graph(self._loader, "all"), by=by))
        return [*found, Prefix("batch assembly", alone(self._in_batches(self._assembler())), by="caller")]

    def _in_batches(self, run: Run) -> Run:
        return in_batches(run, self._config.batch_size)

    def _read(self, ids: np.ndarray) -> None:
        for sample_id in ids.tolist():
            self._loader.records.stored(sample_id)

    def _draw(self, ids: np.ndarray) -> None:
        self._loader.feed(self._loader.records, ids.astype(np.int64))

    def _assembler(self) -> Run:
        """Input as before, and the images of a batch, which are there, with all that comes along with them."""
        config = self._config
        images = torch.zeros((config.batch_size, 3, config.size, config.size), dtype=torch.uint8, device=config.device)

        def run(ids: np.ndarray) -> None:
            self._draw(ids)
            self._loader.assemble(0, ids.astype(np.int64), images[: len(ids)])

        return run

    def _graph(self, loader: DALILoader, last: Last) -> Callable[[int], Run]:
        """A graph up to a stage, whose input lies ready; a call ends when the device has done all."""
        size, ahead, place = self._config.batch_size, self._config.batches_ahead, torch.device(self._config.device)

        def start(threads: int) -> Run:
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

            def run(ids: np.ndarray) -> None:
                parts = (ids[first : first + size].astype(np.int64) for first in range(0, len(ids), size))
                with closing(GraphRun(restart, lambda part: ready(*part.tolist()), parts, ahead)) as batches:
                    for part, outputs in batches:
                        if last == "all":
                            loader.finish(part, *outputs)
                wait_for(place)

            return run

        return start
