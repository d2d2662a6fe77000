"""One epoch of an ffcv graph, on threads of its own, whose failures reach the consumer."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from queue import Empty, Full
from typing import Any, cast

import numpy as np
import torch
from ffcv.loader.epoch_iterator import IS_CUDA, EpochIterator, select_buffer

from pipelines.ffcv_graph import FFCVGraph
from pipelines.ffcv_storage import StorageContext

PARTS_PER_THREAD = 2
"""Parts a batch is split into, a thread; programs differ in cost, so a thread that is done early takes another part."""


def parts_of_batch(count: int, threads: int) -> list[slice]:
    """The parts of a batch of `count` samples that `threads` threads work on, each as it is free."""
    parts = 1 if threads == 1 else min(count, PARTS_PER_THREAD * threads)
    return [slice(count * part // parts, count * (part + 1) // parts) for part in range(parts)]


class Epoch(EpochIterator):
    """ffcv's epoch thread with its faults mended.

    In ffcv 1.0.2 an exception in the thread leaves the consumer waiting for ever, a consumer that leaves early leaves
    the thread and its buffers behind, and the work is spread by Numba's parallel loops: seconds of compilation, and
    a thread pool that does not survive a fork. Here the decoding and mixing stage runs on parts of the batch in plain
    threads; its compiled functions release the interpreter lock. And where a GPU is more batches behind the program
    than there are buffers, ffcv decodes over pictures that were not copied to it yet.
    """

    closed = True
    """Until ffcv's constructor says otherwise."""

    def __init__(self, graph: FFCVGraph, order: np.ndarray, device: torch.device) -> None:
        self.failure: BaseException | None = None
        self.host = graph
        self.events: list[Any] = [None] * (graph.batches_ahead + 2)
        with torch.cuda.device(device) if device.type == "cuda" else nullcontext():  # that of the streams made there
            super().__init__(cast(Any, graph), cast(Any, order))

    def run(self) -> None:
        """Produce batches until the epoch ends, fails or is closed."""
        try:
            with ThreadPoolExecutor(self.host.num_workers, thread_name_prefix="ffcv-part") as self._pool:
                self._produce()
        except BaseException as failure:
            self.failure = failure
        self._put(None)

    def _produce(self) -> None:
        slots = len(self.events)
        for number, ids in enumerate(self.iter_ixes):
            slot = number % slots
            if not self._put((slot, self.run_pipeline(number, ids, slot, self.events[slot]))):
                return
            if IS_CUDA:
                # The consumer has taken the batch before the oldest slot's, so all its work on it is submitted.
                event = torch.cuda.Event()
                event.record(self.current_stream)
                self.events[(slot - self.host.batches_ahead - 1) % slots] = event

    def run_pipeline(self, b_ix, batch_indices, batch_slot, cuda_event) -> tuple:
        """Run all stages on one batch and return the results of the graph's outputs."""
        stages, outputs = self.host.code
        storage = cast(StorageContext, self.memory_context)
        values = self._arguments(batch_indices, batch_slot)
        if IS_CUDA:
            self.cuda_streams[batch_slot].synchronize()  # the last pictures of this slot have left the host's memory
        with torch.cuda.stream(self.cuda_streams[batch_slot]) if IS_CUDA else nullcontext():
            if cuda_event:
                cuda_event.wait()
            for number, (stage, nodes) in enumerate(stages):
                if number == 0:
                    storage.load(batch_indices)
                    self._run_in_parts(stage, values, len(batch_indices))
                    storage.release()
                    results = [values[f"memory_{node}"] for node in nodes]
                else:
                    results = stage(**values)
                values.update({f"result_{node}": result for node, result in zip(nodes, results)})
        return tuple(values[f"result_{node}"] for node in outputs)

    def _arguments(self, ids: np.ndarray, slot: int) -> dict[str, Any]:
        values: dict[str, Any] = {
            "batch_indices": ids,
            "storage_state": self.storage_state,
            "metadata": self.metadata,
        }
        for kind, prefix in (("operation", "memory"), ("shared", "shared_memory")):
            for node, buffer in self.memory_allocations[kind].items():
                values[f"{prefix}_{node}"] = select_buffer(buffer, slot, len(ids))
        return values

    def _run_in_parts(self, stage, values: dict[str, Any], count: int) -> None:
        """Run the stage of NumPy operations, which all fill the memory they declared, on parts of the batch."""
        by_sample = {
            name: value
            for name, value in values.items()
            if name.startswith("memory_") and isinstance(value, np.ndarray)
        }
        by_sample["batch_indices"] = values["batch_indices"]

        def run_part(rows: slice) -> None:
            stage(**(values | {name: value[rows] for name, value in by_sample.items()}))

        for _ in self._pool.map(run_part, parts_of_batch(count, self.host.num_workers)):
            pass

    def _put(self, item) -> bool:
        """Hand over one item; False once the epoch was closed."""
        while not self.terminate_event.is_set():
            try:
                self.output_queue.put(item, timeout=0.1)
                return True
            except Full:
                continue
        return False

    def __next__(self):
        """The next result; raises what the thread raised."""
        if self.closed:
            raise RuntimeError("the loader was closed or moved while this loop over it was running; start a new loop")
        item = self.output_queue.get()
        if item is None:
            self.close()
            if self.failure is not None:
                raise self.failure
            raise StopIteration
        slot, result = item
        if IS_CUDA:
            self.current_stream.wait_stream(self.cuda_streams[slot])
        return result

    def close(self) -> None:
        """End the thread, wait for it and drop the buffers."""
        if self.closed:
            return
        self.closed = True
        if self.ident is None:  # the constructor failed before the thread began
            return
        self.terminate_event.set()
        while not self.output_queue.empty():
            try:
                self.output_queue.get_nowait()
            except Empty:
                break
        self.join()
        for stream in filter(None, self.cuda_streams):  # none without a GPU
            stream.synchronize()  # copies of batches that nobody took, into memory that is let go of now
        self.memory_context.__exit__(None, None, None)
        self.memory_allocations.clear()
