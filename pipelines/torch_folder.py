"""What a worker of the plain PyTorch loader does: whole batches of a folder's pictures, cropped and augmented."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from layermix import FractalBank, InputError, augment, jsd_views
from layermix.files import read_file
from layermix.pictures import decode_image
from layermix.resize import crop_scratch
from pipelines.config import LoaderConfig
from pipelines.crops import Crop, crop_picture
from pipelines.epoch_loader import open_bank
from pipelines.spans import Span, recording, span

Request = tuple[int, np.ndarray, bool]
"""One batch: the epoch, the sample ids, int64 (N,), and whether to record spans and send them along."""

Pictures = tuple[torch.Tensor, dict[int, str]]
"""Images, uint8 (N, size, size, 3) or (N, views, size, size, 3), and by sample id why a picture does not decode: its
image is black."""

Result = tuple[Pictures | InputError, list[Span]]
"""One batch, or the bad input that it met, and the spans that were asked for."""


class CroppedFolder(Dataset):
    """The batches of a folder; a copy in each worker process.

    Items do not raise for bad input but are the InputError: raised in a worker, torch would make a traceback of it.

    Args:
        config: crop, flip, size, seed, policy and fractals.
        paths: the pictures by sample id, below `config.data`.
    """

    def __init__(self, config: LoaderConfig, paths: list[Path]) -> None:
        self._config, self._paths, self._crop = config, paths, Crop.of(config)
        self._bank: FractalBank | None = None
        self._scratch = np.empty(0, np.uint8)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, request: Request) -> Result:
        epoch, ids, recorded = request
        with recording() if recorded else nullcontext([]) as spans:
            try:
                return self._pictures(epoch, ids), spans
            except InputError as error:
                return error, spans

    def _pictures(self, epoch: int, ids: np.ndarray) -> Pictures:
        images, reasons = np.zeros((len(ids), self._config.size, self._config.size, 3), np.uint8), {}
        for image, sample_id in zip(images, ids.tolist()):
            try:
                picture = self._decode(sample_id)
            except InputError as error:
                reasons[sample_id] = str(error)
            else:
                with span("crop, resize, flip"):
                    self._cut(picture, epoch, sample_id, image)
        return torch.from_numpy(self._mixed(images, epoch, ids)), reasons

    def _decode(self, sample_id: int) -> np.ndarray:
        path = self._config.data / self._paths[sample_id]
        with span("read"):
            content = read_file(path)
        with span("decode"):
            return decode_image(content, str(path))

    def _cut(self, picture: np.ndarray, epoch: int, sample_id: int, out: np.ndarray) -> None:
        height, width, size = *picture.shape[:2], self._config.size
        if self._config.crop == "none" and (height, width) != (size, size):
            raise InputError(
                f"{self._config.data / self._paths[sample_id]}: `crop` 'none' needs pictures of {size} x {size}, "
                f"got {height} x {width}; use crop='center'"
            )
        needed = crop_scratch(width, size)
        if self._scratch.size < needed:
            self._scratch = np.empty(needed, np.uint8)
        crop_picture(picture, self._crop, epoch, sample_id, self._scratch, out)

    def _mixed(self, images: np.ndarray, epoch: int, ids: np.ndarray) -> np.ndarray:
        config = self._config
        if config.policy is None:
            return images
        if self._bank is None:
            self._bank = open_bank(config)
        key: dict[str, Any] = {"fractals": self._bank, "seed": config.seed, "epoch": epoch, "sample_ids": ids}
        with span("mix"):
            if config.views == 1:
                return augment(images, config.policy, **key)
            return np.stack(jsd_views(images, config.policy, **key), axis=1)


def as_it_is(item: Any) -> Any:
    """A collation that changes nothing: items are batches already."""
    return item
