"""The FFCV loader: a `.beton` through ffcv's graph, with the decoder, crop, flip and engine of this project."""

import warnings
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import torch
from ffcv.transforms import ToDevice, ToTensor

from layermix import InputError
from layermix.jpeg import find_damage
from layermix.manifest import Manifest, data_files, manifest_path, read_manifest
from pipelines.beton import JPEG, Beton, open_betons
from pipelines.config import LoaderConfig
from pipelines.contract import Batch
from pipelines.epoch_loader import EpochLoader, open_bank
from pipelines.ffcv_decode import CropDecoder
from pipelines.ffcv_epoch import Epoch
from pipelines.ffcv_graph import FFCVGraph
from pipelines.ffcv_mix import Mix


class FFCVLoader(EpochLoader):
    """The `pipelines.Loader` of a `.beton`; see there for what its methods promise."""

    def __init__(self, config: LoaderConfig) -> None:
        self.manifest = _read_manifest(config)
        files = (config.data,) if self.manifest is None else data_files(config.data, self.manifest)
        self._beton = beton = open_betons(config.data, files)
        super().__init__(config, len(beton))
        self._labels = beton.column("label").astype(np.int64)
        self.classes = _classes(self.manifest, self._labels, config)
        _check_sizes(beton, config)
        self._epoch, self._failures = np.zeros(1, np.int64), np.zeros(self.num_samples, np.uint8)
        self._running: Epoch | None = None
        self.graph = FFCVGraph(beton, self._operations(), config)

    def _operations(self) -> list:
        config = self.config
        operations: list = [CropDecoder(config, self._epoch, self._failures)]
        if config.policy is not None:
            bank = open_bank(config)
            operations.append(Mix(config.policy, bank, seed=config.seed, epoch=self._epoch, views=config.views))
        operations.append(ToTensor())
        if torch.device(config.device).type != "cpu":
            operations.append(ToDevice(torch.device(config.device), non_blocking=True))
        return operations

    def set_epoch(self, epoch: int) -> None:
        super().set_epoch(epoch)
        self._epoch[0] = epoch

    def __iter__(self) -> Iterator[Batch]:
        self.close()
        size, first = self.config.batch_size, self.next_batch * self.config.batch_size
        if first < len(self.ids):
            device, order = torch.device(self.config.device), self.ids[first:].astype(np.uint64)
            with closing(Epoch(self.graph, order, device)) as epoch:
                self._running = epoch
                for start, (images,) in zip(range(first, len(self.ids), size), epoch):
                    self.next_batch += 1
                    yield self.assemble(images, slice(start, start + size))
        self.next_batch = 0

    def assemble(self, images: torch.Tensor, place: slice) -> Batch:
        """The batch of the samples at `place` in the epoch's order, of their images, uint8 (N, ..., H, W, 3)."""
        ids, valid = self.ids[place], self.valid[place]
        images = images.movedim(-1, -3)
        failed = self._failures[ids] != 0
        if failed.any():
            self._failures[ids[failed]] = 0
            failed[failed] = [self._is_damaged(sample_id) for sample_id in ids[failed].tolist()]
        sound = ~failed
        if not sound.all():
            self.note_damage(ids, sound, str(self.config.data))
            images, ids, valid = images[torch.from_numpy(sound).to(images.device)], ids[sound], valid[sound]
        elif self.config.copy:
            images = images.clone(memory_format=torch.preserve_format)
        labels = torch.from_numpy(self._labels[ids]).to(self.config.device, non_blocking=True)
        return Batch(images, labels, torch.from_numpy(ids.copy()), torch.from_numpy(valid.copy()))

    def _is_damaged(self, sample_id: int) -> bool:
        """Whether a sample that failed is damaged, as writers judge it: what a decoder remarks on may be harmless."""
        row = self._beton.column("image")[sample_id]
        size = int(row["height"]), int(row["width"])
        return row["mode"] != JPEG or find_damage(self._beton.stored(sample_id), *size) != ""

    def close(self) -> None:
        if self._running is not None:
            self._running.close()
            self._running = None


def _read_manifest(config: LoaderConfig) -> Manifest | None:
    """The manifest; None, with a warning, where the file has none, as all that stock ffcv wrote."""
    if config.data.is_file() and not manifest_path(config.data).is_file():
        warnings.warn(
            f"{config.data} has no manifest: nothing vouches that it is whole, and its classes have no names",
            stacklevel=4,
        )
        return None
    manifest = read_manifest(config.data)
    if manifest.kind != "images":
        raise InputError(f"{config.data}: holds {manifest.kind}, not images; pass it as `fractals`")
    return manifest


def _classes(manifest: Manifest | None, labels: np.ndarray, config: LoaderConfig) -> tuple[str, ...]:
    """The names; InputError where a label has none, or the file has not the samples that the manifest tells of."""
    least, most = int(labels.min()), int(labels.max())
    if manifest is None:
        if not 0 <= least <= most < 1 << 20:
            raise InputError(f"{config.data}: labels must be in 0..{(1 << 20) - 1}, got {least} to {most}")
        return tuple(str(label) for label in range(most + 1))
    if manifest.count != len(labels) or not 0 <= least <= most < len(manifest.classes):
        raise InputError(
            f"{config.data}: holds {len(labels)} samples with labels {least} to {most}, its manifest tells of "
            f"{manifest.count} in {len(manifest.classes)} classes; copy or write it again"
        )
    return manifest.classes


def _check_sizes(beton: Beton, config: LoaderConfig) -> None:
    pictures, size = beton.column("image"), config.size
    wrong = np.flatnonzero((pictures["width"] != size) | (pictures["height"] != size))
    if config.crop == "none" and len(wrong):
        first = pictures[wrong[0]]
        raise InputError(
            f"{config.data}: `crop` 'none' needs pictures of {size} x {size}, sample {wrong[0]} is "
            f"{first['height']} x {first['width']}; use crop='center'"
        )
