"""The samples of a data set as a table and pixels: what inspecting needs, on files that a manifest vouches for."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from layermix.errors import InputError
from layermix.manifest import Manifest, data_files
from layermix.samples import FORMS
from layermix.yuv import yuv_bytes, yuv_to_rgb
from writers.formats.container import Container
from writers.formats.registry import find_format
from writers.images import decode_image


@dataclass(frozen=True, kw_only=True)
class Contents:
    """All samples of a file or set, in the order of their ids.

    rows: SAMPLE (count,), see `layermix.samples`.  files: number of the file of each sample in `paths`.
    """

    paths: tuple[Path, ...]
    files: np.ndarray
    rows: np.ndarray
    channels: int
    format: type[Container]

    def pixels(self, sample: int) -> np.ndarray:
        """The picture of a sample: uint8 (H, W, 3), gray fractals (H, W). InputError where it is damaged."""
        path, row = self.paths[self.files[sample]], self.rows[sample]
        with path.open("rb") as file:
            data = self.format.picture(file, row)
        form = FORMS[row["form"]]
        if form in ("jpg", "png"):
            return decode_image(data, f"{path} sample {sample}")
        shape = (int(row["height"]), int(row["width"]), self.channels)[: 2 + (self.channels > 1)]
        if len(data) != (yuv_bytes(*shape[:2]) if form == "yuv" else np.prod(shape)):
            raise InputError(f"{path}: sample {sample} is damaged; run python -m writers.verify {path}")
        if form == "raw":
            return np.frombuffer(data, np.uint8).reshape(shape)
        picture = np.empty(shape, np.uint8)
        yuv_to_rgb(np.frombuffer(data, np.uint8).copy(), picture)
        return picture


def read_contents(data: Path, manifests: dict[Path, Manifest], manifest: Manifest) -> Contents:
    """The contents of `data`; `manifests` holds that of each of its files."""
    paths, container = data_files(data, manifest), find_format(manifest.format)
    rows = np.concatenate([_rows(path, manifests[path], container) for path in paths])
    files = np.repeat(np.arange(len(paths)), [manifests[path].count for path in paths])
    return Contents(paths=paths, files=files, rows=rows, channels=manifest.channels or 3, format=container)


def _rows(path: Path, manifest: Manifest, container: type[Container]) -> np.ndarray:
    try:
        return container.read_rows(path, manifest)
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); run python -m writers.verify {path}") from error
