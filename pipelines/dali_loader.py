"""The DALI loader: webdataset, tfrecord and recordio sets through DALI's graph, mixed by the same programs.

Pictures come in the order of all loaders of this package, from anywhere in the shards: what local disks are good at.
Or, in the order "shards", as DALI's own readers give them, shard after shard through a shuffle buffer:
`pipelines.dali_shards`. Either order is known beforehand, a function of (seed, epoch), and whatever is drawn is keyed
by the sample id. So epoch and batch number say all about where an iteration stands, and it may be started at any batch.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from nvidia.dali.pipeline import Pipeline

from layermix import InputError
from layermix.manifest import Manifest
from layermix.program import INSTRUCTION
from layermix.torch import Augment
from pipelines.config import LoaderConfig
from pipelines.contract import Batch
from pipelines.crops import resizes
from pipelines.dali_draw import draw_places, flips_and_begins, windows
from pipelines.dali_graph import Last, cpu_graph, gpu_graph
from pipelines.dali_run import GraphError, Run
from pipelines.dali_shards import ShardStream
from pipelines.dali_stage import OTHER_SIZE, RECEIPT, MixingStage, run_stage
from pipelines.epoch_loader import EpochLoader, open_bank
from pipelines.records import Records
from pipelines.shares import rank_reads
from pipelines.spans import Span, add, is_recording, span


class StoredPictures(Protocol):
    """Where the graph's input comes from."""

    def stored(self, sample_id: int) -> np.ndarray:
        """The picture file of a sample, uint8 (bytes,)."""
        ...


class DALILoader(EpochLoader):
    """The `pipelines.Loader` of a set in one of DALI's formats; see there for what its methods promise.

    Batches have memory of their own, whatever `copy` says, except on a GPU.
    """

    decoder: Literal["mixed", "cpu"] = "mixed"
    """Of the graph for a GPU; see `gpu_graph`."""

    def __init__(self, config: LoaderConfig) -> None:
        self._bank = open_bank(config)
        self._augment = None if config.policy is None else Augment(config.policy, self._bank, seed=config.seed)
        self._running: Run | None = None
        self._stream: ShardStream | None = None
        with ExitStack() as opened:
            self.records = opened.enter_context(Records.open(config.data, os_cache=config.os_cache))
            super().__init__(config, len(self.records), self.records.counts, run_stage)
            _check_sizes(self.records, config)
            self.stage = MixingStage(config, self._bank) if config.decode == "cpu" else None
            self._files = opened.pop_all()
        self.manifest: Manifest | None = self.records.manifest
        self.classes = self.records.manifest.classes
        self._labels = torch.from_numpy(self.records.samples["label"].astype(np.int64))

    def __iter__(self) -> Iterator[Batch]:
        self.close()
        with closing(ShardStream(self.records, self._to_read())) as stream:
            self._stream, feed = stream, partial(self.feed, stream)
            while self.next_batch < len(self):
                with closing(Run(self.build_graph, feed, self._batches(), self.config.batches_ahead)) as run:
                    self._running = run
                    try:
                        for ids, outputs in run:
                            images = self.finish(ids, *outputs)
                            self.next_batch += 1
                            yield self.assemble(self.next_batch - 1, ids, images)
                    except GraphError as error:
                        self._find_damage(error)
        self.next_batch = 0

    def _to_read(self) -> np.ndarray:
        """What the rest of the epoch reads shard by shard: int64 (n,). What a buffer would hold now is fetched."""
        if self.config.order != "shards":
            return self.ids[:0]
        before = self.next_batch * self.config.batch_size
        held = self.config.window if before else 0
        return rank_reads(self.config, self.shards, self.epoch)[before + held :]

    def build_graph(self, source: Callable[[], tuple], threads: int | None = None, last: Last = "all") -> Pipeline:
        """The graph around a source that gives what `feed` gives.

        Args:
            threads: of DALI; those of the configuration if None.
            last: the stage it ends with.
        """
        config = replace(self.config, threads=threads or self.config.threads)
        if self.stage is None:
            return gpu_graph(config, source, self.decoder, last)
        return cpu_graph(config, self.stage, source, last)

    def _batches(self) -> Iterator[np.ndarray]:
        for number in range(self.next_batch, len(self)):
            ids, kept = self.ids[self._place(number)], self._kept(number)
            if not kept.any():
                self._note_damage(ids, kept)
            yield ids[kept]

    def _place(self, number: int) -> slice:
        return slice(number * self.config.batch_size, (number + 1) * self.config.batch_size)

    def _kept(self, number: int) -> np.ndarray:
        """Which samples of a batch are not known to be damaged: bool (n,)."""
        return ~np.isin(self.ids[self._place(number)], self.damaged)

    def feed(self, pictures: StoredPictures, ids: np.ndarray) -> tuple:
        """The input of the graph for some samples, and their draws."""
        config, stored = self.config, [pictures.stored(sample_id) for sample_id in ids.tolist()]
        places = draw_places(config, self.epoch, ids, self.records.samples[ids])
        starts, shapes = windows(places)
        if self.stage is None:
            return stored, starts, shapes, *flips_and_begins(places, resizes(config))
        settings = [self.stage.settings] * len(ids)
        return stored, starts, shapes, places.view(np.int64).reshape(len(ids), -1), self._programs(ids), settings

    def _programs(self, ids: np.ndarray) -> np.ndarray:
        """What the policy draws as bytes: uint8 (N, P, L, 36), P programs a picture; see `MixingStage`."""
        config, policy = self.config, self.config.policy
        if policy is None:
            return np.zeros((len(ids), 0, 1, INSTRUCTION.itemsize), np.uint8)
        drawn = [
            policy.draw(
                ids,
                seed=config.seed,
                epoch=self.epoch,
                view=view,
                height=config.size,
                width=config.size,
                bank=self._bank,
            )
            for view in _mixed_views(config)
        ]
        return np.stack(drawn, axis=1).view(np.uint8).reshape(len(ids), len(drawn), policy.length, -1)

    def finish(self, ids: np.ndarray, pictures: torch.Tensor, receipts: torch.Tensor | None = None) -> torch.Tensor:
        """The graph's output as the images of a batch; what was decoded on a GPU is mixed here."""
        if receipts is None:
            return self._mixed(ids, pictures.movedim(-1, -3))
        self._check_receipts(ids, receipts.numpy().view(RECEIPT)[:, 0])
        return pictures.movedim(-1, -3) if self.config.views > 1 else pictures[:, 0].movedim(-1, -3)

    def _mixed(self, ids: np.ndarray, images: torch.Tensor) -> torch.Tensor:
        """The views of clean images, uint8 (N, 3, H, W) on any device."""
        mixed, augment = [], self._augment
        if augment is not None:  # one for all views: it holds the fractals on the GPU
            augment.set_epoch(self.epoch)
            for view in _mixed_views(self.config):
                augment.view = view
                with span("start mixing"):
                    mixed.append(augment(images, ids))
        if self.config.views > 1:
            pictures = [picture.movedim(-3, -1) for picture in (images, *mixed)]
            return torch.stack(pictures, dim=1).movedim(-1, -3)
        return mixed[0] if mixed else images.clone(memory_format=torch.preserve_format) if self.config.copy else images

    def _check_receipts(self, ids: np.ndarray, receipts: np.ndarray) -> None:
        if (receipts["sample_id"] == OTHER_SIZE).any():
            raise GraphError(ids)
        failed = ids[receipts["sample_id"] != ids]
        if len(failed):
            raise RuntimeError(
                f"{self._file(failed[0])}: the mixing stage failed on sample {failed[0]}; its error was printed above"
            )
        if is_recording():
            add(_spans_of(receipts))

    def assemble(self, number: int, ids: np.ndarray, images: torch.Tensor) -> Batch:
        """The batch of a number, of the samples of it that are left, int64 (N,), and their images."""
        sample_ids, device = torch.from_numpy(ids), self.config.device
        labels = self._labels[sample_ids].to(device, non_blocking=True)
        valid = self.valid[self._place(number)][self._kept(number)]
        return Batch(images, labels, sample_ids, torch.from_numpy(valid))

    def _find_damage(self, error: GraphError) -> None:
        """Decode the pictures of a failed batch one by one: raise for the damaged ones, or remember them."""
        ids = error.sample_ids
        sound = np.array([self.records.is_sound(sample_id) for sample_id in ids.tolist()])
        if sound.all():
            raise RuntimeError(
                f"{self._file(ids[0])}: DALI failed on a batch of which each picture decodes, samples {ids.tolist()}"
            ) from error
        self._note_damage(ids, sound)

    def _note_damage(self, ids: np.ndarray, sound: np.ndarray) -> None:
        self.note_damage(ids, sound, str(self._file(ids[~sound][0])))

    def _file(self, sample_id: int) -> Path:
        return self.records.files[self.records.file_of(sample_id)]

    def close(self) -> None:
        for part in (self._running, self._stream):
            if part is not None:
                part.close()
        self._running = self._stream = None

    def __exit__(self, *exception: object) -> None:
        self.close()
        self._files.close()


def _spans_of(receipts: np.ndarray) -> list[Span]:
    """What DALI's threads did in the mixing stage, of RECEIPT (N,)."""
    return [
        Span(name, os.getpid(), thread, "dali", start, stop)
        for _, begun, fitted, done, thread in receipts.tolist()
        for name, start, stop in (("crop, resize, flip", begun, fitted), ("mix", fitted, done))
    ]


def _mixed_views(config: LoaderConfig) -> range:
    """The views that the policy draws: 0 of a single picture, 1 and 2 beside a clean one."""
    return range(1) if config.views == 1 else range(1, config.views)


def _check_sizes(records: Records, config: LoaderConfig) -> None:
    rows, size = records.samples, config.size
    wrong = np.flatnonzero((rows["width"] != size) | (rows["height"] != size))
    if config.crop == "none" and len(wrong):
        first = rows[wrong[0]]
        raise InputError(
            f"{config.data}: `crop` 'none' needs pictures of {size} x {size}, sample {wrong[0]} is "
            f"{first['height']} x {first['width']}; use crop='center'"
        )
