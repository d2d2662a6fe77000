"""What a profile asks of each loader: its name, its files, its stages."""

from pathlib import Path

import numpy as np

from layermix import InputError
from layermix.manifest import data_files
from pipelines import Loader
from pipelines.ffcv_loader import FFCVLoader
from pipelines.profile.ffcv_stages import FFCVStages
from pipelines.profile.isolated import Prefix


def backend_of(loader: Loader, wanted: str) -> str:
    """Name of the backend of an open loader; InputError where another is wanted."""
    name = "ffcv" if isinstance(loader, FFCVLoader) else type(loader).__name__
    if wanted not in ("auto", name):
        raise InputError(f"--backend {wanted} does not read {loader.config.data}, {name} does; write it with --format")
    return name


def stages_of(loader: Loader) -> list[Prefix]:
    """The graph of an open loader up to each of its stages."""
    if isinstance(loader, FFCVLoader):
        return FFCVStages(loader).prefixes()
    raise InputError(f"{loader.config.data}: the stages of this loader cannot be measured by themselves")


def data_paths(loader: Loader) -> tuple[Path, ...]:
    """The files that hold the samples."""
    data = loader.config.data
    return (data,) if loader.manifest is None else data_files(data, loader.manifest)


def short_side_of(loader: Loader) -> int:
    """Median of the shorter sides of the stored pictures, in pixels."""
    if isinstance(loader, FFCVLoader):
        pictures = loader.graph.reader.column("image")
        return int(np.median(np.minimum(pictures["height"], pictures["width"])))
    return loader.config.size
