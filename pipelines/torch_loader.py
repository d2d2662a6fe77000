"""The plain PyTorch loader: a folder of class folders, decoded in the worker processes of torch's DataLoader.

The loader that users know, with the crops, flips and engine of this project: from equal pixels it gives the bytes of
the FFCV graph. It needs no dataset to be written first, and is the reference that other loaders are compared with.
"""

import multiprocessing
from collections.abc import Iterator
from contextlib import suppress
from math import ceil
from multiprocessing import connection
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.data._utils import MP_STATUS_CHECK_INTERVAL

from layermix import InputError
from layermix.class_folders import list_class_folders
from layermix.manifest import Manifest
from pipelines.config import LoaderConfig
from pipelines.contract import Batch
from pipelines.epoch_loader import EpochLoader, open_bank
from pipelines.spans import add, is_recording
from pipelines.torch_folder import CroppedFolder, Pictures, Request, Result, as_it_is


class TorchLoader(EpochLoader):
    """The `pipelines.Loader` of a folder of class folders; see there for what its methods promise.

    Sample ids follow the names of classes, then of pictures, as in a dataset that `writers.write_dataset` makes of the
    folder; classes are the names of the folders. One thread is the calling one; more are that many worker processes,
    spawned for the first batch and kept for all epochs until `close`. Every batch has memory of its own.
    """

    manifest: Manifest | None = None

    def __init__(self, config: LoaderConfig) -> None:
        folders = list_class_folders(config.data, "`data`")
        self.paths = [Path(name, file) for name, files in folders.items() for file in files]
        super().__init__(config, len(self.paths))
        self.classes = tuple(folders)
        self._labels = np.repeat(np.arange(len(folders)), [len(files) for files in folders.values()])
        open_bank(config)  # a bank that does not fit is said here, not by a worker
        self._pictures, self._requests = CroppedFolder(config, self.paths), list[Request]()
        self._workers: DataLoader | None = None
        self._results: Iterator[Any] | None = None
        self._loops = 0

    def __iter__(self) -> Iterator[Batch]:
        self.end_iteration()
        loop, size = self._loops, self.config.batch_size
        starts = range(self.next_batch * size, len(self.ids), size)
        recorded = is_recording() and self.config.threads > 1  # one thread is this process, which records by itself
        self._ask_for([(self.epoch, self.ids[start : start + size], recorded) for start in starts])
        for start in starts:
            if self._loops != loop:
                raise RuntimeError(
                    "the loader was closed or moved while this loop over it was running; start a new loop"
                )
            images, reasons = self._next_result()
            self.next_batch += 1
            yield self.assemble(images, reasons, slice(start, start + size))
        self.next_batch = 0

    def _ask_for(self, requests: list[Request]) -> None:
        """Let the workers begin with these batches, a few ahead of the consumer."""
        if not requests:
            return
        if self._workers is None:
            self._workers = _data_loader(self.config, self._pictures, self._requests)
        self._requests[:] = requests
        self._results = iter(self._workers)

    def _next_result(self) -> Pictures:
        """The next batch; RuntimeError where a worker process was killed, which torch tells by errors of many types."""
        failure = ""
        try:
            result, spans = next(cast(Iterator[Result], self._results))
        except (RuntimeError, OSError, EOFError) as error:
            if self.config.threads == 1:
                raise
            failure = f"{type(error).__name__}: {error}".strip()
        except BaseException:
            self.close()
            raise
        if failure:  # out of the handler: the traceback of the error would keep the worker processes
            _wait_for_dead_worker()
            self.close()
            raise RuntimeError(
                f"{self.config.data}: a worker process of the loader ended ({failure}); look for one that was killed, "
                "as for want of memory, and start a new loop"
            )
        add(spans)
        if isinstance(result, InputError):
            raise result
        return result

    def assemble(self, images: torch.Tensor, reasons: dict[int, str], place: slice) -> Batch:
        """The batch of the samples at `place` in the epoch's order, of what a worker gives; see `Pictures`."""
        ids, valid = self.ids[place], self.valid[place]
        if reasons:
            sound = ~np.isin(ids, list(reasons))
            self._note_reasons(ids, sound, reasons)
            images, ids, valid = images[torch.from_numpy(sound)], ids[sound], valid[sound]
        images = images.to(self.config.device, non_blocking=True).movedim(-1, -3)
        labels = torch.from_numpy(self._labels[ids]).to(self.config.device, non_blocking=True)
        return Batch(images, labels, torch.from_numpy(ids.copy()), torch.from_numpy(valid.copy()))

    def _note_reasons(self, ids: np.ndarray, sound: np.ndarray, reasons: dict[int, str]) -> None:
        first = int(ids[~sound][0])
        if self.config.on_damage == "raise":
            raise InputError(
                f'{reasons[first]}, or leave such samples out with on_damage="skip" (sample {first} of '
                f"{self.config.data})"
            )
        self.note_damage(ids, sound, str(self.config.data))

    def end_iteration(self) -> None:
        self._loops += 1
        self._results = None

    def close(self) -> None:
        """End a running iteration and the worker processes; the next iteration starts new ones."""
        self.end_iteration()
        multiprocessing.active_children()  # joins a dead worker, or torch's signal handler would raise in the next line
        self._workers = None  # the last reference: torch joins its processes now


def _wait_for_dead_worker() -> None:
    """A worker may end a little later than what it failed at, and `close` should find it dead."""
    with suppress(RuntimeError):  # of torch's signal handler
        connection.wait([worker.sentinel for worker in multiprocessing.active_children()], MP_STATUS_CHECK_INTERVAL)


def _data_loader(config: LoaderConfig, pictures: CroppedFolder, requests: list[Request]) -> DataLoader:
    """torch's loader of the batches that `requests` holds when its iteration begins.

    Its generator is its own: starting an epoch draws a number, and torch's global generator belongs to the user.
    """
    count = config.threads if config.threads > 1 else 0
    processes: dict[str, Any] = (
        {
            "num_workers": count,
            "persistent_workers": True,
            "multiprocessing_context": "spawn",
            "prefetch_factor": ceil(config.batches_ahead / count),
        }
        if count
        else {}
    )
    return DataLoader(
        pictures,
        batch_size=None,
        sampler=requests,
        collate_fn=as_it_is,
        pin_memory=torch.device(config.device).type == "cuda",
        generator=torch.Generator(),
        **processes,
    )
