"""Loader graphs: pictures from disk to the device, decoded, cropped, flipped and mixed.

from pipelines import LoaderConfig, build_loader
config = LoaderConfig(data=Path("train.beton"), batch_size=256, size=224, crop="random_resized", flip=True,
                      policy=LayerMix(), fractals=Path("fractals.beton"), order="random", drop_last=True, threads=8)
with build_loader(config) as loader:
    for epoch in range(90):
        loader.set_epoch(epoch)
        for images, labels, sample_ids, valid in loader:
            ...

Torch is imported by the first `build_loader`: `python -m pipelines.doctor` runs where it is broken.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from layermix import InputError
from layermix.ffcv_import import quick_ffcv_import
from layermix.manifest import dataset_path, holds_dataset, read_manifest
from pipelines.config import LoaderConfig
from pipelines.contract import Batch, Loader

DALI_FORMATS = ("webdataset", "tfrecord", "recordio")
"""What the DALI loader opens, as the manifest calls it."""


def build_loader(config: LoaderConfig) -> Loader:
    """Open the loader that fits the dataset's format; its backend is imported only now.

    A `.beton` is loaded by FFCV's graph, webdataset, tfrecord and recordio by DALI's, and a folder of class folders by
    PyTorch's DataLoader.

    Raises:
        InputError: no such dataset or device, an unknown format, a damaged or unfinished file, a bank that does not
            fit.
    """
    is_folder = config.data.is_dir() and not holds_dataset(config.data)
    if not is_folder:
        config = replace(config, data=dataset_path(config.data))
    if config.resident and config.data.suffix != ".beton":
        raise InputError(f"`resident` needs `data` to be a .beton file, got {config.data}; set resident=False")
    is_dali = not is_folder and config.data.suffix != ".beton" and read_manifest(config.data).format in DALI_FORMATS
    if config.decode == "gpu" and not is_dali:
        raise InputError(
            f"`decode` 'gpu' needs a set in one of DALI's formats, got {config.data}; write it with "
            "writers.write_dataset --format webdataset, or give decode='cpu'"
        )
    _require_device(config.device)
    if is_dali:
        return _dali_loader(config)
    if is_folder:
        from pipelines.torch_loader import TorchLoader

        return TorchLoader(config)
    if config.data.suffix != ".beton":
        raise InputError(
            f"`data` must be a file of writers.write_dataset or a folder of class folders, got {config.data}; write a "
            "file with writers.write_dataset"
        )
    with quick_ffcv_import(), _torch_threads_kept():
        from pipelines.ffcv_loader import FFCVLoader

        if config.resident:
            from pipelines.resident import ResidentLoader

            return ResidentLoader(config)
    return FFCVLoader(config)


def _require_device(device: str) -> None:
    if device == "cpu":
        return
    import torch

    found = torch.cuda.device_count()
    if (torch.device(device).index or 0) >= found:
        raise InputError(f"`device` is {device!r}, and torch finds {found} GPUs; run python -m pipelines.doctor")


def _dali_loader(config: LoaderConfig) -> Loader:
    try:
        from pipelines.dali_loader import DALILoader
    except ModuleNotFoundError as error:
        raise InputError(
            f"{config.data}: this format needs DALI, which is not installed ({error}); "
            "install layermix[cuda13] or layermix[cuda12], or write the set with --format beton"
        ) from error
    return DALILoader(config)


@contextmanager
def _torch_threads_kept() -> Iterator[None]:
    """Importing ffcv sets torch to one thread for the whole process; set it back."""
    import torch

    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


__all__ = ["Batch", "Loader", "LoaderConfig", "build_loader"]
