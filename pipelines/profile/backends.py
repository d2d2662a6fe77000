"""What a profile asks of each loader: its name, its files, its stages. A backend is imported when it is asked for."""

from pathlib import Path
from typing import Any

import numpy as np

from layermix import InputError
from layermix.manifest import data_files
from pipelines import Loader
from pipelines.profile.isolated import Stages

_NAMES = {"FFCVLoader": "ffcv", "TorchLoader": "torch"}


def backend_of(loader: Loader, wanted: str) -> str:
    """Name of the backend of an open loader; InputError where another is wanted."""
    name = _NAMES.get(type(loader).__name__) or f"dali-{loader.config.decode}"
    if wanted not in ("auto", name):
        raise InputError(
            f"--backend {wanted} does not read {loader.config.data}, {name} does: FFCV reads .beton, DALI webdataset, "
            "tfrecord and recordio, PyTorch a folder of class folders; see --format of writers.write_dataset"
        )
    return name


def stages_of(loader: Loader) -> list[Stages]:
    """What each worker of an open loader does."""
    opened: Any = loader
    match backend_of(loader, "auto"):
        case "ffcv":
            from pipelines.profile.ffcv_stages import FFCVStages

            return FFCVStages(opened).stages()
        case "torch":
            from pipelines.profile.torch_stages import TorchStages

            return TorchStages(opened).stages()
    from pipelines.profile.dali_stages import DALIStages

    return DALIStages(opened).stages()


def files_of(loader: Loader) -> tuple[Path, ...]:
    """The files that hold the samples."""
    opened: Any = loader
    if backend_of(loader, "auto") == "torch":
        return tuple(loader.config.data / path for path in opened.paths)
    return (loader.config.data,) if loader.manifest is None else data_files(loader.config.data, loader.manifest)


def samples_of(loader: Loader, batches: slice) -> np.ndarray:
    """Ids of the samples in some batches of the epoch, uint64 (N,)."""
    opened: Any = loader
    size = loader.config.batch_size
    return opened.ids[batches.start * size : batches.stop * size].astype(np.uint64)


def short_side_of(loader: Loader) -> int | None:
    """Median of the shorter sides of the stored pictures in pixels; None for a folder, which does not tell them."""
    opened: Any = loader
    match backend_of(loader, "auto"):
        case "ffcv":
            pictures = opened.graph.reader.column("image")
        case "torch":
            return None
        case _:
            pictures = opened.records.samples
    return int(np.median(np.minimum(pictures["height"], pictures["width"])))
