"""The whole set and the fractals in the device's memory: crop, flip and policy there, nothing to wait for.

Made for sets of small pictures on a GPU: CIFAR's 50,000 take 240 MB with 4 pixels of padding. The set is read once by
the FFCV loader, so it may be stored in any way; samples, order, programs and pixels are those of that loader. Each rank
holds the whole set. On the CPU it runs too, on one thread: for tests, and without a gain.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from layermix import InputError, geometry
from layermix.compilation import jit
from layermix.torch import Augment
from pipelines.config import LoaderConfig
from pipelines.contract import Batch
from pipelines.crops import PAD, Crop, is_mirrored
from pipelines.epoch_loader import EpochLoader, open_bank
from pipelines.ffcv_loader import FFCVLoader

_READ_AT_A_TIME = 512


class ResidentLoader(EpochLoader):
    """The `pipelines.Loader` of a `.beton` of pictures of one size; see there for what its methods promise.

    Every batch has memory of its own. All work is put on torch's current stream; the host does not wait for it.

    Raises:
        InputError: pictures of another size than `size`, or more of them than the GPU has room for.
    """

    def __init__(self, config: LoaderConfig) -> None:
        margin = config.padding if config.crop == "pad" else 0
        with FFCVLoader(_reading(config)) as stored:
            super().__init__(config, stored.num_samples)
            self.manifest, self.classes = stored.manifest, stored.classes
            shape = (stored.num_samples, *[config.size + 2 * margin] * 2, 3)
            _check_room(config, shape)
            pictures, labels, self._sound = _read(stored, shape, margin)
        self._pictures, self._labels = pictures.to(config.device), labels.to(config.device)
        self._side = torch.arange(config.size, device=config.device)
        policy = config.policy
        self._augment = None if policy is None else Augment(policy, open_bank(config), config.seed)
        self._running: object = None

    def __iter__(self) -> Iterator[Batch]:
        run = self._running = object()
        size = self.config.batch_size
        while self._running is run and self.next_batch < len(self):
            start = self.next_batch * size
            self.next_batch += 1
            yield self._batch(slice(start, start + size))
        if self._running is run:
            self.next_batch = 0

    def _batch(self, place: slice) -> Batch:
        ids, valid = self.ids[place], self.valid[place]
        sound = self._sound[ids]
        if not sound.all():
            self.note_damage(ids, sound, str(self.config.data))
            ids, valid = ids[sound], valid[sound]
        windows = np.empty((4, len(ids)), np.int64)
        draw_windows(Crop.of(self.config), self.epoch, ids, windows)
        at, top, left, flipped = torch.from_numpy(windows).to(self.config.device, non_blocking=True)
        images = self._views(self._crops(at, top, left, flipped), ids).movedim(-1, -3)
        return Batch(images, self._labels[at], torch.from_numpy(ids.copy()), torch.from_numpy(valid.copy()))

    def _crops(self, at, top, left, flipped) -> torch.Tensor:
        """The windows of the pictures `at`, uint8 (N, size, size, 3); all arguments int64 (N,) on the device."""
        last = self.config.size - 1
        columns = torch.where(flipped[:, None] == 1, last - self._side, self._side) + left[:, None]
        rows = self._side + top[:, None]
        return self._pictures[at[:, None, None], rows[:, :, None], columns[:, None, :]]

    def _views(self, pictures: torch.Tensor, ids: np.ndarray) -> torch.Tensor:
        """The policy on uint8 (N, size, size, 3): the same shape, or (N, views, size, size, 3), the first one clean."""
        if self.config.views == 1:
            return self._mixed(pictures, ids, 0)
        mixed = [self._mixed(pictures, ids, view) for view in range(1, self.config.views)]
        return torch.stack([pictures, *mixed], 1)

    def _mixed(self, pictures: torch.Tensor, ids: np.ndarray, view: int) -> torch.Tensor:
        if self._augment is None:
            return pictures
        self._augment.set_epoch(self.epoch)
        self._augment.view = view
        return self._augment(pictures.movedim(-1, -3), ids).movedim(-3, -1)

    def close(self) -> None:
        self._running = None


@jit
def draw_windows(crop, epoch, ids, windows):
    """Fill `windows`, int64 (4, N), with id, top and left in the padded picture, and 1 if flipped."""
    most = 2 * crop.padding if crop.kind == PAD else 0
    for n in range(ids.shape[0]):
        windows[0, n] = ids[n]
        windows[1, n], windows[2, n] = geometry.random_offset(crop.seed, epoch, ids[n], 0, most)
        windows[3, n] = is_mirrored(crop, epoch, ids[n])


def _reading(config: LoaderConfig) -> LoaderConfig:
    """Every stored picture once, as it is, on the CPU."""
    return replace(
        config, resident=False, crop="none", flip=False, policy=None, fractals=None, order="sequential", views=1,
        drop_last=False, pad=False, device="cpu", rank=0, world_size=1, batch_size=_READ_AT_A_TIME,
    )  # fmt: skip


def _check_room(config: LoaderConfig, shape: tuple[int, ...]) -> None:
    device = torch.device(config.device)
    if device.type != "cuda":
        return
    needed, (free, _) = int(np.prod(shape, dtype=np.int64)), torch.cuda.mem_get_info(device)
    if needed > free:
        raise InputError(
            f"{config.data}: `resident` needs {needed / 1e9:.1f} GB on {config.device}, {free / 1e9:.1f} GB are free; "
            "set resident=False"
        )


def _read(stored: FFCVLoader, shape: tuple[int, ...], margin: int) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Pictures, uint8 `shape`, with a black margin; labels, int64 (M,); and which samples decoded, bool (M,)."""
    pictures, labels = torch.zeros(shape, dtype=torch.uint8), torch.zeros(shape[0], dtype=torch.int64)
    sound, inner = np.zeros(shape[0], bool), slice(margin, shape[1] - margin)
    for batch in stored:
        pictures[batch.sample_ids, inner, inner] = batch.images.permute(0, 2, 3, 1)
        labels[batch.sample_ids] = batch.labels
        sound[batch.sample_ids.numpy()] = True
    return pictures, labels, sound
