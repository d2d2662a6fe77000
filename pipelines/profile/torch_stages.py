"""The stages of the plain PyTorch loader in isolation: its own code, in as many processes as it has workers.

Not in threads: those would wait for the interpreter lock and for the lock of the memory they share, as workers do not.
"""

import pickle
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.reduction import ForkingPickler

import numpy as np
import torch

from layermix import InputError
from pipelines.profile.isolated import Run, Stages, batches_of, by_caller, in_batches, seconds_by_name, with_rest
from pipelines.spans import recording, span
from pipelines.torch_folder import CroppedFolder
from pipelines.torch_loader import TorchLoader

_STAGES = ("read", "decode", "crop, resize, flip", "mix", "hand over")


class TorchStages:
    """What workers and the calling thread do for a folder's pictures."""

    def __init__(self, loader: TorchLoader) -> None:
        self._config, self._loader = loader.config, loader
        shape = loader.config.batch_size, loader.config.size, loader.config.size, 3
        self._images = torch.zeros(shape, dtype=torch.uint8).share_memory_()

    def stages(self) -> list[Stages]:
        """Read, decode, crop with resize and flip, mix with a policy, hand over from processes; batch assembly."""
        assembly = {"batch assembly": in_batches(self._assemble, self._config.batch_size)}
        return [Stages("threads", self._workers), by_caller(assembly)]

    @contextmanager
    def _workers(self, threads: int) -> Iterator[Run]:
        """The calling thread, or processes that take every so-manieth batch each, always the same ones."""
        folder, size = CroppedFolder(self._config, self._loader.paths), self._config.batch_size
        if threads == 1:
            yield lambda ids: _work(folder, batches_of(ids, size), is_process=False)
            return
        with ExitStack() as opened:
            begin = partial(ProcessPoolExecutor, 1, get_context("spawn"), _begin, (folder,))
            workers = [opened.enter_context(begin()) for _ in range(threads)]

            def run(ids: np.ndarray) -> dict[str, float]:
                batches = batches_of(ids, size)
                shares = [batches[number::threads] for number in range(threads)]
                doing = [worker.submit(_work_of_process, share) for worker, share in zip(workers, shares)]
                found = [work.result() for work in doing]
                return {name: sum(seconds.get(name, 0.0) for seconds in found) for name in found[0]}

            yield run

    def _assemble(self, ids: np.ndarray) -> None:
        """The images of a batch, which are there, with all that comes along; from processes they come in a message."""
        images = self._images
        if self._config.threads > 1:
            images = pickle.loads(ForkingPickler.dumps(images))
        self._loader.assemble(images[: len(ids)], {}, slice(len(ids)))


_process_folder: CroppedFolder
"""Of a worker process."""


def _begin(folder: CroppedFolder) -> None:
    """As torch begins a worker: one thread an operation."""
    global _process_folder
    torch.set_num_threads(1)
    _process_folder = folder


def _work_of_process(batches: Sequence[np.ndarray]) -> dict[str, float]:
    return _work(_process_folder, batches, is_process=True)


def _work(folder: CroppedFolder, batches: Sequence[np.ndarray], *, is_process: bool) -> dict[str, float]:
    """Make batches of epoch 0; seconds by stage."""
    started = time.perf_counter()
    with recording() as spans:
        for ids in batches:
            result, _ = folder[(0, ids.astype(np.int64), False)]
            if isinstance(result, InputError):
                raise result
            if is_process:
                with span("hand over"):
                    result[0].share_memory_()
    return with_rest(seconds_by_name(spans, _STAGES), time.perf_counter() - started)
