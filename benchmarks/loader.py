"""How many pictures a second does a loader deliver, with LayerMix and without, beside stock FFCV and a plain folder?

    python -m benchmarks.loader                                    -> benchmarks/results/loader.json
    python -m benchmarks.loader --data in400.beton --fractals fractals256.beton --threads 1 2 --plot docs/loader.png

The candidates of 224 px get the same pictures and as many threads (the folder: processes), in turn within one run:
stock FFCV (random resized crop, flip), this project's graph without mixing and with LayerMix 8m-3, the same from raw
pixels and from YUV 4:2:0, the DALI graph over a tar of the same pictures, in random order and read by DALI from its
start to its end, and torchvision's folder loader with the
float-tensor mixing of the tests. Without --data the file is made of crops of scikit-learn's two photographs, 400 px,
JPEG quality 90. In the same rounds: CIFAR's graph, raw pictures of 32 px with a random crop after padding, a flip and
LayerMix, and stock FFCV's with its own translation.
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
import numpy as np
import torch
import tyro

from benchmarks.folder import StoredPictures, folder_loader, write_folder
from benchmarks.measure import interleave, report
from benchmarks.pictures import photographs
from layermix import LayerMix
from layermix.errors import run_program
from pipelines import LoaderConfig, build_loader
from pipelines.telling import tell
from writers.dataset import write_file
from writers.formats.layouts import ImageLayout
from writers.options import StoreOptions
from writers.write_dataset import main as write_dataset

STOCK, FOLDER = "stock ffcv, no mixing", "torchvision folder, float mixing"
DALI, DALI_PLAIN, DALI_SHARDS = "dali: layermix", "dali, no mixing", "dali: layermix, read shard by shard"
SMALL, SMALL_STOCK = "32 px raw: layermix", "32 px raw: stock ffcv, no mixing"
SMALL_BATCH = 512


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
    small_pictures: int = 50_000
    """Pictures of 32 px."""
    folder_pictures: int = 512
    """Pictures an epoch of the folder loader; at least a batch a process, or some of those have nothing to do."""
    out: Path | None = None
    """File to write; benchmarks/results/loader.json if not given."""
    plot: Path | None = None
    """Picture of the result to draw, if given."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The same pictures in five forms, those of 32 px, and the fractals for each size."""

    data: Path
    raw: Path
    yuv: Path
    tar: Path
    folder: Path
    bank: Path
    count: int
    small: Path
    small_bank: Path


@contextmanager
def inputs(arguments: Arguments) -> Iterator[Inputs]:
    """The data file and the bank, given or made, copies and small pictures, in a folder that is removed afterwards."""
    tell("writing the sets")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        data, bank = data_and_bank(place, arguments)
        raw, yuv, folder, pictures = place / "raw.beton", place / "yuv.beton", place / "folder", StoredPictures(data)
        for copy, options in ((raw, StoreOptions(mode="raw")), (yuv, StoreOptions(mode="yuv"))):
            write_file(pictures, copy, ImageLayout(options), options=options.describe())
        tar = write_tar(pictures, place)
        write_folder(data, folder, arguments.folder_pictures)
        small, small_bank = place / "small.beton", place / "fractals36.beton"
        _write("--source", "npy", "--root", str(_save_small(place, arguments.small_pictures)), "--out", str(small))
        _write("--source", "fractals", "--generate", "64", "--short-side", "36", "--out", str(small_bank))
        yield Inputs(
            data=data, raw=raw, yuv=yuv, tar=tar, folder=folder, bank=bank, count=len(pictures), small=small,
            small_bank=small_bank,
        )  # fmt: skip


def write_tar(pictures: StoredPictures, place: Path) -> Path:
    """The pictures as webdataset, their bytes kept, in the folder `place`."""
    tar, options = place / "data.tar", StoreOptions()
    write_file(pictures, tar, ImageLayout(options, "webdataset"), options=options.describe())
    return tar


def data_and_bank(place: Path, arguments: Arguments) -> tuple[Path, Path]:
    """The data file and the fractal bank that the arguments give, or made in the folder `place`."""
    data, bank = arguments.data, arguments.fractals
    if data is None:
        data = _write_photographs(place, arguments.pictures)
    if bank is None:
        bank, side = place / "fractals.beton", str(max(arguments.size, 36))
        _write("--source", "fractals", "--generate", "64", "--short-side", side, "--out", str(bank))
    return data, bank


def _save_small(folder: Path, count: int) -> Path:
    """`count` pictures of 32 px, crops of the photographs over and over, as CIFAR-C's .npy."""
    path, crops = folder / "small.npy", photographs(64, 32)
    np.save(path, np.resize(crops, (count, 32, 32, 3)))
    np.save(folder / "labels.npy", np.zeros(count, np.int64))
    return path


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
    from ffcv.transforms import RandomHorizontalFlip

    operations = [RandomResizedCropRGBImageDecoder((arguments.size, arguments.size)), RandomHorizontalFlip()]
    return _stock_loader(data, operations, arguments.batch_size, threads)


def stock_ffcv_small(data: Path, threads: int) -> Callable[[], None]:
    """An epoch of ffcv's own loader over raw pictures of 32 px, as for CIFAR: flip, translation by up to 4."""
    from ffcv.fields.rgb_image import SimpleRGBImageDecoder
    from ffcv.transforms import RandomHorizontalFlip, RandomTranslate

    operations = [SimpleRGBImageDecoder(), RandomHorizontalFlip(), RandomTranslate(padding=4)]
    return _stock_loader(data, operations, SMALL_BATCH, threads)


def _stock_loader(data: Path, operations: list, batch_size: int, threads: int) -> Callable[[], None]:
    from ffcv.loader import Loader, OrderOption
    from ffcv.transforms import ToTensor, ToTorchImage

    loader = Loader(
        str(data),
        batch_size=batch_size,
        num_workers=threads,
        order=OrderOption.RANDOM,
        os_cache=True,
        drop_last=False,
        pipelines=cast(Any, {"image": [*operations, ToTensor(), ToTorchImage()], "label": None}),
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
        DALI: {"data": given.tar} | mixing,
        DALI_PLAIN: {"data": given.tar},
        DALI_SHARDS: {"data": given.tar, "order": "shards", "window": arguments.batch_size} | mixing,
        SMALL: {"data": given.small, "policy": LayerMix(), "fractals": given.small_bank, "crop": "pad", "size": 32}
        | {"batch_size": SMALL_BATCH},
    }
    with ExitStack() as stack:
        tell(f"{threads} threads: opening the loaders, warm-up")
        loaders = {name: stack.enter_context(build_loader(LoaderConfig(**common | s))) for name, s in settings.items()}
        candidates: dict[str, Callable[[], None]] = {name: partial(_drain, loader) for name, loader in loaders.items()}
        plain = folder_loader(given.folder, given.bank, arguments.size, arguments.batch_size, threads)
        candidates[FOLDER] = partial(_drain, plain)
        # ffcv's loader last: opening it changes Numba's array types for the process, see pipelines/ffcv_graph.py.
        for call in candidates.values():
            call()
        candidates[STOCK] = stock_ffcv(given.data, arguments, threads)
        candidates[SMALL_STOCK] = stock_ffcv_small(given.small, threads)
        seconds = interleave(candidates, repeats=arguments.repeats)
    small = dict.fromkeys((SMALL, SMALL_STOCK), arguments.small_pictures)
    counts = dict.fromkeys(candidates, given.count) | {FOLDER: len(cast(Any, plain.dataset))} | small
    each = {name: seconds[name]["median"] / counts[name] for name in (STOCK, SMALL_STOCK)}
    stock = {name: each[SMALL_STOCK if name in small else STOCK] for name in candidates}
    return {name: _row(s, counts[name], threads, stock[name]) for name, s in seconds.items()}


def _row(seconds: dict[str, float], count: int, threads: int, stock: float) -> dict[str, float]:
    return {
        "images_per_second": round(count / seconds["median"], 1),
        "images_per_second_min": round(count / seconds["max"], 1),
        "images_per_second_max": round(count / seconds["min"], 1),
        "core_ms_per_image": round(threads * seconds["median"] / count * 1e3, 4),
        "against_stock_ffcv": round(stock / (seconds["median"] / count), 3),
    }


def draw(results: dict[str, dict[str, dict[str, float]]], path: Path) -> None:
    """Bars of times stock FFCV's rate, a group a number of threads, each with its pictures a second."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1 + len(results) * 2.2), layout="constrained")
    axes = figure.subplots()
    for place, (threads, rows) in enumerate(results.items()):
        for number, (name, row) in enumerate(sorted(rows.items())):
            height, ratio = 0.8 / len(rows), row["against_stock_ffcv"]
            at = place + number * height
            axes.barh(at, ratio, height * 0.9, color=f"C{number}")
            axes.text(ratio, at, f" {name}, {threads}: {row['images_per_second']:,.0f} img/s", va="center")
    axes.axvline(1, color="black", linewidth=0.5)
    axes.set(xlabel="times stock FFCV without mixing, on the same pictures", yticks=[])
    axes.margins(x=0.75)
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
            "pictures_32_px": arguments.small_pictures,
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
