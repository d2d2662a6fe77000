"""Loader graphs: pictures from disk to the device, decoded, cropped, flipped and mixed.

from pipelines import LoaderConfig, build_loader
config = LoaderConfig(data=Path("train.beton"), batch_size=256, size=224, crop="random_resized", flip=True,
                      policy=LayerMix(), fractals=Path("fractals.beton"), order="random", drop_last=True, threads=8)
with build_loader(config) as loader:
    for epoch in range(90):
        loader.set_epoch(epoch)
        for images, labels, sample_ids, valid in loader:
            ...
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from layermix import InputError
from layermix.ffcv_import import quick_ffcv_import
from pipelines.config import LoaderConfig
from pipelines.contract import Batch, Loader


def build_loader(config: LoaderConfig) -> Loader:
    """Open the loader that fits the dataset's format; its backend is imported only now.

    A `.beton` is loaded by FFCV's graph, a folder of class folders by PyTorch's DataLoader.

    Raises:
        InputError: no such dataset, an unknown format, a damaged or unfinished file, a bank that does not fit.
    """
    if config.resident and config.data.suffix != ".beton":
        raise InputError(f"`resident` needs `data` to be a .beton file, got {config.data}; set resident=False")
    if config.data.is_dir() and not any(config.data.glob("*.manifest.json")):
        from pipelines.torch_loader import TorchLoader

        return TorchLoader(config)
    if config.data.suffix != ".beton":
        raise InputError(
            f"`data` must be a .beton file or a folder of class folders, got {config.data}; write a file with "
            "writers.write_dataset"
        )
    with quick_ffcv_import(), _torch_threads_kept():
        from pipelines.ffcv_loader import FFCVLoader

        if config.resident:
            from pipelines.resident import ResidentLoader

            return ResidentLoader(config)
    return FFCVLoader(config)


@contextmanager
def _torch_threads_kept() -> Iterator[None]:
    """Importing ffcv sets torch to one thread for the whole process; set it back."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


__all__ = ["Batch", "Loader", "LoaderConfig", "build_loader"]
