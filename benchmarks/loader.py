"""How many pictures a second does a loader deliver, with LayerMix and without, beside stock FFCV and a plain folder?

    python -m benchmarks.loader                                    -> benchmarks/results/loader.json
    python -m benchmarks.loader --data in400.beton --fractals fractals256.beton --threads 1 2 --plot docs/loader.png

All candidates get the same pictures and as many threads (the folder: processes), in turn within one run: stock FFCV
(random resized crop, flip), this project's graph without mixing and with LayerMix 8m-3, the same from raw pixels and
from YUV 4:2:0, and torchvision's folder loader with the float-tensor mixing of the tests. Without --data the file is
made of crops of scikit-learn's two photographs, 400 px, JPEG quality 90.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import cv2
import torch
import tyro

from benchmarks.folder import StoredPictures, folder_loader, write_folder
from benchmarks.measure import interleave, report
from benchmarks.pictures import photographs
from layermix import LayerMix
from layermix.errors import run_program
from pipelines import LoaderConfig, build_loader
from writers.dataset import write_file
from writers.formats.layouts import ImageLayout
from writers.options import StoreOptions
from writers.write_dataset import main as write_dataset

STOCK, FOLDER = "stock ffcv, no mixing", "torchvision folder, float mixing"


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Time loaders over one file."""

    data: Path | None = None
    """A .beton of pictures; made of sample photographs if not given."""
    fractals: Path | None = None
    """A fractal bank of at least `size` pixels; made if not given."""
    size: int = 224
    """Side of the pictures that come out."""
    batch_size: int = 64
    """Pictures a batch."""
    threads: tuple[int, ...] = (1, 2)
    """Numbers of threads to measure."""
    pictures: int = 512
    """Pictures of the file that is made where none is given."""
    repeats: int = 5
    """Timed epochs a candidate."""
    folder_pictures: int = 64
    """Pictures an epoch of the folder loader, which is slow."""
    out: Path | None = None
    """File to write; benchmarks/results/loader.json if not given."""
    plot: Path | None = None
    """Picture of the result to draw, if given."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The same pictures in four forms, and the fractals."""

    data: Path
    raw: Path
    yuv: Path
    folder: Path
    bank: Path
    count: int


@contextmanager
def inputs(arguments: Arguments) -> Iterator[Inputs]:
    """The data file and the bank, given or made, and copies, in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory() as name:
        place, data, bank = Path(name), arguments.data, arguments.fractals
        if data is None:
            data = _write_photographs(place, arguments.pictures)
        if bank is None:
            bank = place / "fractals.beton"
            side = str(max(arguments.size, 36))
            _write("--source", "fractals", "--generate", "64", "--short-side", side, "--out", str(bank))
        raw, yuv, folder, pictures = place / "raw.beton", place / "yuv.beton", place / "folder", StoredPictures(data)
        for copy, options in ((raw, StoreOptions(mode="raw")), (yuv, StoreOptions(mode="yuv"))):
            write_file(pictures, copy, ImageLayout(options), options=options.describe())
        write_folder(data, folder, arguments.folder_pictures)
        yield Inputs(data=data, raw=raw, yuv=yuv, folder=folder, bank=bank, count=len(pictures))


def _write_photographs(folder: Path, count: int) -> Path:
    pictures = folder / "pictures" / "photograph"
    pictures.mkdir(parents=True)
    for n, picture in enumerate(photographs(count, 400)):
        cv2.imwrite(str(pictures / f"{n:05d}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    data = folder / "data.beton"
    _write("--source", "folder", "--root", str(pictures.parent), "--quality", "90", "--out", str(data))
    return data


def _write(*arguments: str) -> None:
    write_dataset([*arguments, "--format", "beton"])


def stock_ffcv(data: Path, arguments: Arguments, threads: int) -> Callable[[], None]:
    """An epoch of ffcv's own loader with its random resized crop and flip."""
    from ffcv.fields.rgb_image import RandomResizedCropRGBImageDecoder
    from ffcv.loader import Loader, OrderOption
    from ffcv.transforms import RandomHorizontalFlip, ToTensor, ToTorchImage

    size = (arguments.size, arguments.size)
    operations = [RandomResizedCropRGBImageDecoder(size), RandomHorizontalFlip(), ToTensor(), ToTorchImage()]
    loader = Loader(
        str(data),
        batch_size=arguments.batch_size,
        num_workers=threads,
        order=OrderOption.RANDOM,
        os_cache=True,
        drop_last=False,
        pipelines=cast(Any, {"image": operations, "label": None}),
    )
    return lambda: _drain(loader)


def _drain(loader) -> None:
    for _ in loader:
        pass


def measure(given: Inputs, arguments: Arguments, threads: int) -> dict[str, dict[str, float]]:
    """Pictures a second and core-milliseconds a picture of each candidate; ratios to stock FFCV."""
    common: dict[str, Any] = {"batch_size": arguments.batch_size, "size": arguments.size, "threads": threads}
    common |= {"crop": "random_resized", "flip": True, "order": "random"}
    mixing: dict[str, Any] = {"policy": LayerMix(), "fractals": given.bank}
    settings: dict[str, dict[str, Any]] = {
        "layermix": {"data": given.data} | mixing,
        "ours, no mixing": {"data": given.data},
        "layermix, raw pixels": {"data": given.raw} | mixing,
        "layermix, yuv": {"data": given.yuv} | mixing,
    }
    with ExitStack() as stack:
        loaders = {name: stack.enter_context(build_loader(LoaderConfig(**common, **s))) for name, s in settings.items()}
        candidates: dict[str, Callable[[], None]] = {name: partial(_drain, loader) for name, loader in loaders.items()}
        plain = folder_loader(given.folder, given.bank, arguments.size, arguments.batch_size, threads)
        candidates[FOLDER] = partial(_drain, plain)
        # ffcv's loader last: opening it changes Numba's array types for the process, see pipelines/ffcv_graph.py.
        for call in candidates.values():
            call()
        candidates[STOCK] = stock_ffcv(given.data, arguments, threads)
        seconds = interleave(candidates, repeats=arguments.repeats)
    counts = dict.fromkeys(candidates, given.count) | {
        "torchvision folder, float mixing": len(cast(Any, plain.dataset))
    }
    stock = seconds[STOCK]["median"] / given.count
    return {name: _row(s, counts[name], threads, stock) for name, s in seconds.items()}


def _row(seconds: dict[str, float], count: int, threads: int, stock: float) -> dict[str, float]:
    return {
        "images_per_second": round(count / seconds["median"], 1),
        "images_per_second_min": round(count / seconds["max"], 1),
        "images_per_second_max": round(count / seconds["min"], 1),
        "core_ms_per_image": round(threads * seconds["median"] / count * 1e3, 4),
        "against_stock_ffcv": round(stock / (seconds["median"] / count), 3),
    }


def draw(results: dict[str, dict[str, dict[str, float]]], path: Path) -> None:
    """Bars of pictures a second, a group a number of threads."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1 + len(results) * 1.6), layout="constrained")
    axes = figure.subplots()
    for place, (threads, rows) in enumerate(results.items()):
        for number, (name, row) in enumerate(sorted(rows.items())):
            height = 0.8 / len(rows)
            at = place + number * height
            axes.barh(at, row["images_per_second"], height * 0.9, color=f"C{number}")
            axes.text(row["images_per_second"], at, f" {name}, {threads}: {row['images_per_second']:,.0f}", va="center")
    axes.set(xlabel="pictures a second", yticks=[])
    axes.margins(x=0.6)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; returns 0."""
    arguments = tyro.cli(Arguments, args=argv, prog="python -m benchmarks.loader")
    torch.set_num_threads(1)
    with inputs(arguments) as given:
        results = {f"{n} threads": measure(given, arguments, n) for n in arguments.threads}
        body = {
            "pictures": given.count,
            "bytes": given.data.stat().st_size,
            "bytes_raw": given.raw.stat().st_size,
            "bytes_yuv": given.yuv.stat().st_size,
            "size": arguments.size,
            "batch_size": arguments.batch_size,
            "repeats": arguments.repeats,
            "results": results,
        }
    report("loader", body, arguments.out)
    if arguments.plot is not None:
        draw(results, arguments.plot)
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
