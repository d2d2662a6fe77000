"""The stages of the plain PyTorch loader in isolation: threads run what its worker processes do."""

from typing import cast

import numpy as np
import torch

from layermix import FractalBank, Policy, augment
from layermix.files import read_file
from layermix.pictures import decode_image
from layermix.resize import crop_scratch
from pipelines.crops import Crop, crop_picture
from pipelines.epoch_loader import open_bank
from pipelines.profile.isolated import PART, Prefix, Run
from pipelines.torch_loader import TorchLoader


class TorchStages:
    """Prefixes of the work on a folder's pictures."""

    def __init__(self, loader: TorchLoader) -> None:
        self._config, self._paths = loader.config, [loader.config.data / path for path in loader.paths]
        self._crop, self._bank = Crop.of(loader.config), open_bank(loader.config)

    def prefixes(self) -> list[Prefix]:
        """Read; decode; crop, resize and flip; mix, where there is a policy; hand over, where there are workers."""
        found = [
            Prefix("read", lambda: self._read),
            Prefix("decode", lambda: self._decode),
            Prefix("crop, resize, flip", lambda: self._cut),
        ]
        policy = self._config.policy
        if policy is not None:
            found.append(Prefix("mix", lambda: self._mixer(policy, self._bank)))
        make = found[-1].make
        return [*found, Prefix("hand over", lambda: _handed_over(make()), least_threads=2)]

    def _read(self, ids: np.ndarray) -> None:
        for sample_id in ids.tolist():
            read_file(self._paths[sample_id])

    def _decode(self, ids: np.ndarray) -> list[np.ndarray]:
        return [decode_image(read_file(self._paths[n]), str(self._paths[n])) for n in ids.tolist()]

    def _cut(self, ids: np.ndarray) -> np.ndarray:
        images = np.empty((len(ids), self._config.size, self._config.size, 3), np.uint8)
        for picture, sample_id, image in zip(self._decode(ids), ids.tolist(), images):
            scratch = np.empty(crop_scratch(picture.shape[1], self._config.size), np.uint8)
            crop_picture(picture, self._crop, 0, sample_id, scratch, image)
        return images

    def _mixer(self, policy: Policy, bank: FractalBank | None) -> Run:
        out = np.empty((PART, self._config.size, self._config.size, 3), np.uint8)

        def run(ids: np.ndarray) -> np.ndarray:
            images, places = self._cut(ids), ids.astype(np.int64)
            return augment(
                images, policy, fractals=bank, seed=self._config.seed, sample_ids=places, out=out[: len(ids)]
            )

        return run


def _handed_over(make_images: Run) -> Run:
    """The images copied to shared memory, in which a worker process hands them to the loader's."""

    def run(ids: np.ndarray) -> None:
        torch.from_numpy(cast(np.ndarray, make_images(ids))).share_memory_()

    return run
