"""LayerMix in a PyTorch program: a transform of single pictures and a module of whole batches.

    from layermix.torch import Augment, AugmentedDataset
    augment = Augment(layermix.LayerMix(), layermix.FractalBank.open("fractals.beton"), seed=0)
    folder = torchvision.datasets.ImageFolder("train", v2.RandomResizedCrop(224))  # no larger than the fractals
    data = AugmentedDataset(folder, augment, then=v2.ToImage())                    # in the workers of a DataLoader
    mixed = augment(images, sample_ids)                                            # or on a batch, on the GPU

Either way the bytes of a picture are those of `layermix.augment` for the same (seed, epoch, sample id, view). Imported
on request only: `import layermix` needs no torch.
"""

from typing import Any

import numpy as np
import PIL.Image
import torch

from layermix.augmentation import augment
from layermix.bank import FractalBank
from layermix.errors import InputError
from layermix.philox import MAX_SAMPLE_ID
from layermix.planes import to_pixels, to_planes
from layermix.policies import Policy
from layermix.policies.base import check_key, check_policy, require_fractals


class Augment(torch.nn.Module):
    """A policy as a transform, for pictures in a dataset and for batches on any device.

    Args:
        policy: what to do, for example `LayerMix()`.
        fractals: uint8 (M, h, w) or (M, h, w, 3), or a `FractalBank`; None for policies that use none.
        seed: 0 to 2^64 - 1.
        view: 0 to 65535; views of one sample are drawn independently.

    Raises:
        InputError: an argument outside its range, or a policy that lacks its fractals.
    """

    def __init__(self, policy: Policy, fractals=None, seed: int = 0, *, view: int = 0) -> None:
        super().__init__()
        check_policy(policy)
        check_key(seed, 0, view)
        if policy.uses_fractals:
            require_fractals(policy, fractals)
        self.policy, self.seed, self.view = policy, seed, view
        if fractals is not None and not isinstance(fractals, FractalBank):
            fractals = FractalBank.from_array(fractals)
        self.fractals: FractalBank | None = fractals
        # In shared memory, so that `set_epoch` reaches the workers of a DataLoader, persistent ones too.
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()
        self._engines: dict[int, Any] = {}

    @property
    def epoch(self) -> int:
        """The epoch that draws are counted by, 0 at first."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Go to another epoch, 0 to 2^32 - 1; call it before the loop over the loader, in the main process."""
        check_key(0, epoch, 0)
        self._epoch.fill_(epoch)

    def forward(self, images, sample_ids=None):
        """Augment a picture or a batch.

        Args:
            images: a PIL picture (converted to RGB), a uint8 tensor (3, H, W), or a uint8 batch (N, 3, H, W). A batch
                in `channels_last` memory is read without a copy. On a CUDA device `layermix.cuda` runs on torch's
                current stream, elsewhere the CPU engine.
            sample_ids: an integer for a picture, integers (N,) for a batch, 0 to 2^48 - 1: what the random numbers
                are keyed by, usually the index in the dataset. A batch must have them. A picture without one, as in
                `torchvision.transforms.v2.Compose`, gets one from torch's global generator, as torchvision's own
                transforms draw theirs: reproducible by `torch.manual_seed`, but dependent on order and workers.

        Returns:
            The same kind of object, of the same size and device; a batch in `channels_last` memory.

        Raises:
            InputError: an argument of the wrong type, shape or range.
        """
        if isinstance(images, PIL.Image.Image):
            picture = np.array(images if images.mode == "RGB" else images.convert("RGB"))[None]
            return PIL.Image.fromarray(self._on_processor(picture, self._id(sample_ids))[0])
        if not isinstance(images, torch.Tensor) or images.dtype != torch.uint8:
            found = images.dtype if isinstance(images, torch.Tensor) else type(images).__name__
            raise InputError(f"`images` must be a PIL picture or a uint8 tensor, got {found}; convert it first")
        if images.ndim not in (3, 4) or images.shape[-3] != 3:
            raise InputError(f"`images` must have shape (3, H, W) or (N, 3, H, W), got {tuple(images.shape)}")
        if images.ndim == 3:
            mixed = _planes(self._batch(images[None], self._id(sample_ids)))[0]
        elif sample_ids is None:
            raise InputError("`sample_ids` must be given with a batch, got None; pass the indices of the samples")
        else:
            mixed = self._batch(images, torch.as_tensor(sample_ids).cpu().numpy())
        return mixed.as_subclass(type(images))  # a tv_tensors.Image stays one

    def _id(self, sample_id) -> np.ndarray:
        if sample_id is None:
            return torch.randint(MAX_SAMPLE_ID + 1, (1,)).numpy()
        ids = np.asarray(sample_id)
        if ids.size != 1:
            raise InputError(f"`sample_ids` must be one integer for one picture, got {sample_id}; pass its index alone")
        return ids.reshape(1)

    def _batch(self, images: torch.Tensor, sample_ids: np.ndarray) -> torch.Tensor:
        if images.device.type == "cuda":
            return self._on_device(images.permute(0, 2, 3, 1).contiguous(), sample_ids).permute(0, 3, 1, 2)
        mixed = torch.from_numpy(self._on_processor(_pixels(images.cpu()), sample_ids))
        return mixed.to(images.device).permute(0, 3, 1, 2)

    def _on_processor(self, pictures: np.ndarray, sample_ids: np.ndarray) -> np.ndarray:
        return augment(
            pictures, self.policy, fractals=self.fractals, seed=self.seed, epoch=self.epoch, sample_ids=sample_ids,
            view=self.view,
        )  # fmt: skip

    def _on_device(self, pictures: torch.Tensor, sample_ids: np.ndarray) -> torch.Tensor:
        number, mixed = pictures.device.index, torch.empty_like(pictures)
        self._engine(number).augment(
            pictures, self.policy, seed=self.seed, epoch=self.epoch, sample_ids=sample_ids, view=self.view, out=mixed,
            stream=torch.cuda.current_stream(number).cuda_stream,
        )  # fmt: skip
        return mixed

    def _engine(self, number: int):
        if number not in self._engines:
            from layermix.cuda import Engine

            self._engines[number] = Engine(self.fractals, device=number)
        return self._engines[number]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_engines": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._epoch.share_memory_()  # which a deep copy is not, nor what was pickled to a file

    def extra_repr(self) -> str:
        """What `print(augment)` shows."""
        return f"{self.policy}, seed={self.seed}, view={self.view}"


def _pixels(images: torch.Tensor) -> np.ndarray:
    """A batch in the processor's memory, uint8 (N, 3, H, W), as uint8 (N, H, W, 3); a view where its memory is that."""
    pixels = images.permute(0, 2, 3, 1)
    if pixels.is_contiguous():
        return pixels.numpy()
    copied = np.empty(pixels.shape, np.uint8)
    to_pixels(images.contiguous().numpy(), copied)
    return copied


def _planes(images: torch.Tensor) -> torch.Tensor:
    """A batch, uint8 (N, 3, H, W), in contiguous memory."""
    if images.device.type != "cpu" or images.is_contiguous():
        return images.contiguous()
    copied = torch.empty(images.shape, dtype=torch.uint8)
    to_planes(images.permute(0, 2, 3, 1).numpy(), copied.numpy())
    return copied


class AugmentedDataset(torch.utils.data.Dataset):
    """A map-style dataset whose pictures are augmented, each keyed by its index.

    Args:
        data: a dataset whose samples are `(picture, label, ...)`; what stands behind the picture is passed on.
        augment: the transform.
        then: what to do with the augmented picture, for example `v2.ToImage()`; None for nothing.
    """

    def __init__(self, data, augment: Augment, then=None) -> None:
        self.data, self.augment, self.then = data, augment, then

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple:
        sample_id = range(len(self))[index]  # counted from the end, too
        picture, *rest = self.data[sample_id]
        mixed = self.augment(picture, sample_id)
        return (mixed if self.then is None else self.then(mixed), *rest)
