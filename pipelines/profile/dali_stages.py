"""The stages of the DALI CPU graph in isolation: one small graph a thread, of one thread and without queues."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
from nvidia.dali import fn, types
from nvidia.dali.pipeline import Pipeline

from pipelines.dali_graph import WINDOW_AXES
from pipelines.dali_loader import DALILoader
from pipelines.profile.isolated import PART, Prefix, Run


class DALIStages:
    """Prefixes of the CPU graph of a loader."""

    def __init__(self, loader: DALILoader) -> None:
        self._config, self._loader = loader.config, loader

    def prefixes(self) -> list[Prefix]:
        """Read; decode; crop, resize and flip; mix, where there is a policy."""
        found = [
            Prefix("read", lambda: self._read),
            Prefix("decode", lambda: self._graph(self._loader, "decode")),
            Prefix("crop, resize, flip", lambda: self._graph(self._without_policy(), "all")),
        ]
        return (
            found if self._config.policy is None else [*found, Prefix("mix", lambda: self._graph(self._loader, "all"))]
        )

    def _without_policy(self) -> DALILoader:
        return DALILoader(replace(self._config, policy=None, fractals=None))

    def _read(self, ids: np.ndarray) -> None:
        for sample_id in ids.tolist():
            self._loader.records.stored(sample_id).copy()

    def _graph(self, loader: DALILoader, last: Literal["decode", "all"]) -> Run:
        """A graph up to a stage, run at once for the ids that it is given."""
        asked: list[np.ndarray] = []
        inputs = _DECODER_INPUTS if last == "decode" else _INPUTS
        pipeline = _build(loader, inputs, lambda: loader.feed(loader.records, asked.pop())[:inputs])

        def run(ids: np.ndarray) -> None:
            asked.append(ids.astype(np.int64))
            pipeline.run()

        return run


_DECODER_INPUTS, _INPUTS = 3, 6
"""Inputs of a graph that only decodes (encoded pictures, starts and shapes of windows), and of the whole one."""


def _build(loader: DALILoader, inputs: int, source: Callable[[], tuple]) -> Pipeline:
    pipeline = Pipeline(
        batch_size=PART, num_threads=1, device_id=None, prefetch_queue_depth=1, exec_async=False, exec_pipelined=False
    )
    with pipeline:
        encoded, starts, shapes, *drawn = fn.external_source(source=source, num_outputs=inputs, batch=True)
        window = fn.decoders.image_slice(encoded, starts, shapes, axes=WINDOW_AXES, output_type=types.DALIImageType.RGB)
        if inputs == _DECODER_INPUTS:
            pipeline.set_outputs(window)
        else:
            assert loader.stage is not None  # for the type checker: the profiler opens CPU graphs alone
            pipeline.set_outputs(*loader.stage(window, *drawn))
    pipeline.build()
    return pipeline
