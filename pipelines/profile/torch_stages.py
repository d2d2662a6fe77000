"""The stages of the plain PyTorch loader in isolation: threads run what its worker processes do."""

from functools import partial
from typing import cast

import numpy as np
import torch

from layermix import FractalBank, Policy, augment
from layermix.files import read_file
from layermix.pictures import decode_image
from layermix.resize import crop_scratch
from pipelines.crops import Crop, crop_picture
from pipelines.epoch_loader import open_bank
from pipelines.profile.isolated import PART, Prefix, Run, alone, in_batches, on_threads
from pipelines.torch_loader import TorchLoader


class TorchStages:
    """Prefixes of the work on a folder's pictures."""

    def __init__(self, loader: TorchLoader) -> None:
        self._config, self._loader = loader.config, loader
        self._paths = [loader.config.data / path for path in loader.paths]
        shape = loader.config.batch_size, loader.config.size, loader.config.size, 3
        self._images = torch.zeros(shape, dtype=torch.uint8)
        self._crop, self._bank = Crop.of(loader.config), open_bank(loader.config)

    def prefixes(self) -> list[Prefix]:
        """Read; decode; crop, resize and flip; mix, with a policy; hand over, with worker processes; batch assembly."""
        found = [
            Prefix("read", on_threads(lambda: self._read)),
            Prefix("decode", on_threads(lambda: self._decode)),
            Prefix("crop, resize, flip", on_threads(lambda: self._cut)),
        ]
        make, policy = (lambda: self._cut), self._config.policy
        if policy is not None:
            make = partial(self._mixer, policy, self._bank)
            found.append(Prefix("mix", on_threads(make)))
        assembly = in_batches(self._assemble, self._config.batch_size)
        return [
            *found,
            Prefix("hand over", on_threads(lambda: _handed_over(make())), least_threads=2),
            Prefix("batch assembly", alone(assembly), by="caller"),
        ]

    def _read(self, ids: np.ndarray) -> None:
        for sample_id in ids.tolist():
            read_file(self._paths[sample_id])

    def _decode(self, ids: np.ndarray) -> None:
        for sample_id in ids.tolist():
            self._picture(sample_id)

    def _picture(self, sample_id: int) -> np.ndarray:
        return decode_image(read_file(self._paths[sample_id]), str(self._paths[sample_id]))

    def _assemble(self, ids: np.ndarray) -> None:
        """The images of a batch, which are there, with all that comes along with them."""
        self._loader.assemble(self._images[: len(ids)], {}, slice(len(ids)))

    def _cut(self, ids: np.ndarray) -> np.ndarray:
        images = np.empty((len(ids), self._config.size, self._config.size, 3), np.uint8)
        for sample_id, image in zip(ids.tolist(), images):
            picture = self._picture(sample_id)
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
