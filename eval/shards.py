"""Collects the answers of one model to one cell, checks them, and writes them as shards."""

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from torch import nn

from eval.network import Answer, check_frozen, statistics
from eval.predictions import check_logits
from eval.sets import NO_LABEL, PictureBatch
from eval.store import Columns, StoredCell, encode_pictures, encode_sequences
from layermix.errors import InputError

ROWS, SECONDS = 8192, 30.0
"""A shard is written when it holds so many samples or its first was begun so long ago: no more is lost."""


class ShardDisk:
    """Writes shards in a thread of its own, so that models need not wait for the disk; a context manager.

    One shard at a time is on its way to the disk. What goes wrong in writing is raised by the next call.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shards")
        self._write: Future[None] | None = None

    def add(self, cell: StoredCell, start: int, columns: Columns) -> None:
        """Have the columns published as the predictions of the samples from `start` on, once the last are."""
        self.wait()
        self._write = self._thread.submit(cell.add, start, columns)

    def wait(self) -> None:
        """Return when every shard is on the disk."""
        if self._write is not None:
            self._write.result()

    def __enter__(self) -> "ShardDisk":
        return self

    def __exit__(self, *exception: object) -> None:
        self._thread.shutdown()


class ShardWriter:
    """Takes answers in rising order of their samples; nothing is written before the model is known to be honest.

    That is: logits, not probabilities, all finite, a label for each that is one of their classes, and batch-norm
    statistics as they were at the start. `where` names model and cell in errors.
    """

    def __init__(self, cell: StoredCell, classifier: nn.Module, where: str, disk: ShardDisk) -> None:
        self._cell, self._classifier, self._where, self._disk = cell, classifier, where, disk
        self._statistics = statistics(classifier)
        self._arriving: deque[tuple[Answer, PictureBatch]] = deque()
        self._parts: list[Columns] = []
        self._start = self._stop = 0
        self._opened = time.monotonic()

    def add(self, answer: Answer, batch: PictureBatch) -> None:
        """Take an answer; it is looked at when the next one comes, so that the device need not wait.

        At the age of a shard it is looked at and on the disk before this returns: of answers that take minutes none
        is lost but the one that is being computed.
        """
        self._arriving.append((answer, batch))
        is_old = time.monotonic() - self._opened >= SECONDS
        while len(self._arriving) > (0 if is_old else 1):
            self._take(*self._arriving.popleft())
        if is_old or self._stop - self._start >= ROWS:
            self._publish()
        if is_old:
            self._disk.wait()

    def finish(self) -> None:
        """Have what is left written."""
        while self._arriving:
            self._take(*self._arriving.popleft())
        self._publish()

    def _take(self, answer: Answer, batch: PictureBatch) -> None:
        start, count = int(batch.sample_ids[0]), len(batch.labels)
        if not np.array_equal(batch.sample_ids, np.arange(start, start + count)):
            raise InputError(f"{self._where}: every sample must come once and in order; check the data set")
        if start != self._stop:
            self._publish()
        if not self._parts:
            self._disk.wait()  # an interruption shall lose one shard, not one that fills and one on its way
            self._start = start
        self._parts.append(self._columns(answer, batch))
        self._stop = start + count

    def _columns(self, answer: Answer, batch: PictureBatch) -> Columns:
        logits, order = answer.arrays()
        check_logits(logits, self._where)
        labelled = batch.labels[batch.labels != NO_LABEL]
        if len(labelled) and not 0 <= labelled.min() <= labelled.max() < logits.shape[1]:
            raise InputError(
                f"{self._where}: labels must be in 0 to {logits.shape[1] - 1}, the classes of the model, got "
                f"{labelled.min()} to {labelled.max()}; give the set that belongs to the model"
            )
        if order is not None and batch.images.ndim == 5:
            return encode_sequences(order.reshape(*batch.images.shape[:2], -1), batch.labels)
        return encode_pictures(logits, order, batch.labels)

    def _publish(self) -> None:
        if self._parts:
            check_frozen(self._classifier, self._statistics, self._where)
            columns = {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}
            self._disk.add(self._cell, self._start, columns)
        self._parts, self._start, self._opened = [], self._stop, time.monotonic()
