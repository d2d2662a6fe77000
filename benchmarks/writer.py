"""How many pictures a second are written, beside stock ffcv's writer with the same options, and beside a plain copy?

    python -m benchmarks.writer                      -> benchmarks/results/writer.json

Two sets: pictures of 32 px stored raw (CIFAR), and JPEGs of 500 px shrunk to 400 px on the longer side and encoded
anew at quality 90. Both writers work in turn on the same inputs with the same number of workers (stock ffcv's are
processes, ours threads); ours also hashes every sample, flushes to the disk and writes the manifest, stock ffcv does
not.

JPEGs that keep their bytes, in every format: each decoded once to find the bad ones, and with --check header; beside it
the same bytes copied into one file and flushed to the disk.

Memory: the greatest resident size of our process while it writes the small set twice and eight times over.
"""

import io
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast, get_args

import cv2
import tyro
from ffcv.fields import IntField, RGBImageField
from ffcv.writer import DatasetWriter
from PIL import Image

from benchmarks.measure import interleave, report
from benchmarks.pictures import photographs
from layermix.errors import run_program
from layermix.manifest import FORMATS
from pipelines.telling import tell
from writers.dataset import write_file
from writers.formats.layouts import ImageLayout
from writers.images import quiet_pillow
from writers.options import Check, StoreOptions
from writers.source import Sample


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Time the writers."""

    small: int = 20_000
    """Pictures of 32 px."""
    large: int = 200
    """Pictures of 500 px."""
    kept: int = 1000
    """JPEGs of 500 px that keep their bytes."""
    workers: int = 2
    """Threads, and processes of stock ffcv."""
    repeats: int = 5
    """Timed writes a candidate."""
    out: Path | None = None
    """File to write; benchmarks/results/writer.json if not given."""


class Pictures:
    """A source, and for stock ffcv a dataset of (picture, label), of arrays or JPEG files repeated to a length."""

    classes = ("0", "1")

    def __init__(self, images: list, count: int) -> None:
        self._images, self._count = images, count

    def __len__(self) -> int:
        return self._count

    def read(self, index: int) -> Sample:
        return Sample(image=self._images[index % len(self._images)], label=index % 2, name=f"picture {index}")

    def __getitem__(self, index: int) -> tuple:
        image = self._images[index % len(self._images)]
        return (Image.open(io.BytesIO(image)) if isinstance(image, bytes) else image), index % 2

    def describe(self) -> dict:
        return {"name": "benchmark"}


def ours(pictures: Pictures, path: Path, options: StoreOptions, workers: int) -> Callable[[], object]:
    """A write by this project."""
    layout = ImageLayout(options)
    return lambda: write_file(pictures, path, layout, options={}, threads=workers, overwrite=True)


def stock(pictures: Pictures, path: Path, field: dict, workers: int) -> Callable[[], None]:
    """A write by ffcv's DatasetWriter."""

    def write() -> None:
        fields = {"image": RGBImageField(**field), "label": IntField()}
        with redirect_stderr(io.StringIO()):
            DatasetWriter(str(path), fields, num_workers=workers).from_indexed_dataset(pictures)

    return write


def measure(arguments: Arguments, folder: Path) -> dict[str, dict[str, object]]:
    """Pictures a second of both writers on both sets, and their ratio."""
    small = Pictures(list(photographs(64, 32)), arguments.small)
    large = Pictures([cv2.imencode(".jpg", p)[1].tobytes() for p in photographs(16, 500)], arguments.large)
    jpeg = {"write_mode": "jpg", "max_resolution": 400, "jpeg_quality": 90}
    raw_options, jpeg_options = StoreOptions(mode="raw"), StoreOptions(mode="jpeg", quality=90, max_side=400)
    rows = {}
    for name, pictures, options, field in (
        ("32 px raw", small, raw_options, {"write_mode": "raw"}),
        ("500 px to JPEG 400 px", large, jpeg_options, jpeg),
    ):
        tell(f"{name}: ours and stock ffcv")
        workers = arguments.workers
        candidates = {
            "ours": ours(pictures, folder / "ours.beton", options, workers),
            "stock ffcv": stock(pictures, folder / "stock.beton", field, workers),
        }
        seconds = interleave(candidates, repeats=arguments.repeats)
        rows[name] = {
            key: {"images_per_second": round(len(pictures) / s["median"], 1), "min_s": s["min"], "max_s": s["max"]}
            for key, s in seconds.items()
        } | {"against_stock_ffcv": round(seconds["stock ffcv"]["median"] / seconds["ours"]["median"], 3)}
    return rows


def copy(pictures: Pictures, path: Path) -> Callable[[], None]:
    """The pictures' bytes one after the other, flushed to the disk."""

    def write() -> None:
        with path.open("wb") as file:
            for index in range(len(pictures)):
                file.write(cast(bytes, pictures.read(index).image))
            file.flush()
            os.fsync(file.fileno())

    return write


def measure_formats(arguments: Arguments, folder: Path) -> dict[str, dict[str, float]]:
    """MB/s of kept JPEGs a format and check, and that rate as a share of the copy's."""
    jpegs = [cv2.imencode(".jpg", p, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes() for p in photographs(16, 500)]
    pictures = Pictures(jpegs, arguments.kept)
    tell("kept JPEGs, every format and check")
    candidates: dict[str, Callable[[], object]] = {"copy": copy(pictures, folder / "copy")}
    for format, suffix in FORMATS.items():
        for check in get_args(Check):
            path, layout = folder / f"{check}{suffix}", ImageLayout(StoreOptions(check=check), format)
            write = partial(write_file, pictures, path, layout, options={}, threads=arguments.workers, overwrite=True)
            candidates[f"{format}, --check {check}"] = write
    seconds = interleave(candidates, repeats=arguments.repeats)
    megabytes = sum(len(cast(bytes, pictures.read(index).image)) for index in range(len(pictures))) / 1e6
    return {
        name: {
            "megabytes_per_second": round(megabytes / s["median"], 1),
            "against_copy": round(seconds["copy"]["median"] / s["median"], 3),
        }
        for name, s in seconds.items()
    }


def peak_memory(folder: Path, arguments: Arguments) -> dict[str, float]:
    """Greatest resident MiB of a process that writes the small set, and a set eight times as long."""
    images = list(photographs(64, 32))
    peaks = {}
    for factor in (1, 8):
        tell(f"memory of {factor * arguments.small:,} pictures")
        pictures = Pictures(images, factor * arguments.small)
        write = ours(pictures, folder / "memory.beton", StoreOptions(mode="raw"), arguments.workers)
        peaks[f"{len(pictures)} pictures"] = round(_peak_of(write) / 1024, 1)
    return peaks


def _peak_of(call: Callable[[], object]) -> int:
    """KiB resident at most in a fork of this process that makes the call."""
    child = os.fork()
    if child == 0:
        call()
        os._exit(0)
    return os.wait4(child, 0)[2].ru_maxrss


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; returns 0."""
    arguments = tyro.cli(Arguments, args=argv, prog="python -m benchmarks.writer")
    with tempfile.TemporaryDirectory() as folder, quiet_pillow():
        rows = measure(arguments, Path(folder))
        formats = measure_formats(arguments, Path(folder))
        memory = peak_memory(Path(folder), arguments)
    body = {
        "workers": arguments.workers,
        "repeats": arguments.repeats,
        "results": rows,
        "kept_jpegs": formats,
        "peak_mebibytes": memory,
    }
    report("writer", body, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
