"""One run of a DALI graph over batches of samples, from its first batch to its last or to `close`."""

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
import torch
from nvidia.dali.pipeline import Pipeline
from torch.utils.dlpack import from_dlpack

from pipelines.spans import span

Feed = Callable[[np.ndarray], tuple]
"""From sample ids, int64 (N,), to what the graph's source gives for them."""


class GraphError(Exception):
    """A stage of the graph failed on a batch: `sample_ids`, int64 (N,). Its cause is DALI's own error."""

    def __init__(self, sample_ids: np.ndarray) -> None:
        super().__init__(f"DALI failed on the samples {sample_ids.tolist()}")
        self.sample_ids = sample_ids


class Run:
    """Iterates over (sample ids, outputs of the graph) a batch; close it.

    DALI asks for input some batches ahead, and takes it without a copy: the input of a batch is kept until its output
    is there. On a GPU both are kept until `keep` more batches were taken and torch's current stream is done with them.

    Args:
        build: makes the graph around a source, see `pipelines.dali_graph`.
        feed: gives the input of a batch.
        batches: sample ids, int64 (N,) each.

    Raises:
        GraphError: a stage of the graph failed on the batch that was asked for.
    """

    def __init__(
        self, build: Callable[[Callable[[], tuple]], Pipeline], feed: Feed, batches: Iterator[np.ndarray], keep: int
    ) -> None:
        self._feed, self._batches, self._keep = feed, batches, keep
        self._waiting: deque[tuple[np.ndarray, tuple]] = deque()
        self._used: deque[tuple[torch.cuda.Event, list[torch.Tensor], tuple]] = deque()
        self._last: list[torch.Tensor] = []
        self._given: tuple = ()
        self._pipeline: Pipeline | None = build(self._source)
        self._pipeline.build()

    def _source(self) -> tuple:
        ids = next(self._batches)
        with span("read, draw"):
            given = self._feed(ids)
        self._waiting.append((ids, given))
        return given

    def __iter__(self) -> "Run":
        return self

    def __next__(self) -> tuple[np.ndarray, list[torch.Tensor]]:
        if self._pipeline is None:
            raise RuntimeError("the loader was closed or moved while this loop over it was running; start a new loop")
        self._retire(self._keep)
        try:
            with span("wait for DALI"):
                outputs = self._pipeline.run()
        except RuntimeError as error:
            raise GraphError(self._waiting[0][0]) from error
        ids, self._given = self._waiting.popleft()
        self._last = [from_dlpack(output.as_tensor()) for output in outputs]
        return ids, self._last

    def _retire(self, keep: int) -> None:
        """Mark the last output as used by all that is on the stream so far; let go of all but `keep` that are done."""
        devices = [output.device for output in self._last if output.is_cuda]
        if devices:
            event = torch.cuda.Event()
            event.record(torch.cuda.current_stream(devices[0]))
            self._used.append((event, self._last, self._given))
        while len(self._used) > keep:
            self._used[0][0].synchronize()
            self._used.popleft()
        self._last, self._given = [], ()

    def close(self) -> None:
        """End DALI's threads and free its memory; output that somebody refers to stays."""
        self._retire(0)
        self._pipeline = None
        self._waiting.clear()
