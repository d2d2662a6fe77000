"""The sets that the GPU suite trains on, made of sample photographs: a few distinct pictures, over and over."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.gpu.form import Form
from benchmarks.pictures import photographs
from writers.dataset import write_file
from writers.formats.layouts import ImageLayout
from writers.images import encode_jpeg
from writers.options import StoreOptions
from writers.source import Sample
from writers.write_dataset import main as write_dataset

CLASSES = 10
DISTINCT = 256
"""Distinct pictures of a set."""


@dataclass(frozen=True)
class Inputs:
    """Paths below a folder."""

    folder: Path

    @property
    def jpegs(self) -> Path:
        """A .beton of JPEGs."""
        return self.folder / "jpegs.beton"

    @property
    def tar(self) -> Path:
        """The same as webdataset."""
        return self.folder / "jpegs.tar"

    @property
    def small(self) -> Path:
        """A .beton of raw pictures of 32 px."""
        return self.folder / "small.beton"

    @property
    def bank(self) -> Path:
        """Fractals for the JPEGs."""
        return self.folder / "fractals.beton"

    @property
    def small_bank(self) -> Path:
        """Fractals for the pictures of 32 px."""
        return self.folder / "fractals_36.beton"


class Repeated:
    """`count` samples, the given pictures in turn, as a source of a writer; labels in turn."""

    classes = tuple(f"class {n}" for n in range(CLASSES))

    def __init__(self, pictures: Sequence[np.ndarray | bytes], count: int) -> None:
        self._pictures, self._count = pictures, count

    def __len__(self) -> int:
        return self._count

    def read(self, index: int) -> Sample:
        image = self._pictures[index % len(self._pictures)]
        return Sample(image=image, label=index % CLASSES, name=f"sample {index}")

    def describe(self) -> dict[str, int]:
        return {"distinct": len(self._pictures), "count": self._count}


def make_inputs(folder: Path, form: Form) -> Inputs:
    """Write all sets of a form."""
    inputs, options = Inputs(folder), StoreOptions()
    jpegs = [encode_jpeg(picture, 90) for picture in photographs(min(DISTINCT, form.pictures), form.stored)]
    small = list(photographs(min(DISTINCT, form.small_pictures), 32))
    for path, kind, pictures, count in (
        (inputs.jpegs, "beton", jpegs, form.pictures),
        (inputs.tar, "webdataset", jpegs, form.pictures),
        (inputs.small, "beton", small, form.small_pictures),
    ):
        layout, threads = ImageLayout(options, kind), len(os.sched_getaffinity(0))
        write_file(Repeated(pictures, count), path, layout, options=options.describe(), threads=threads)
    for path, side in ((inputs.bank, max(form.size, 36)), (inputs.small_bank, 36)):
        flags = ["--generate", "64", "--short-side", str(side), "--format", "beton"]
        write_dataset(["--source", "fractals", *flags, "--out", str(path)])
    return inputs
