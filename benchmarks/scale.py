"""What does a run at ImageNet's scale and beyond need: cores, memory, storage, network, hours?

    python -m benchmarks.scale    -> benchmarks/scale.md

Computed from benchmarks/results/{loader,writer}.json, whose rates are of one core of the machine named there, and from
simulations of shuffling and of stragglers. A GPU's rate is that of a published A100 until a GPU's own results stand in
benchmarks/results/gpu_run.json.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import shuffling, stragglers
from benchmarks.measure import RESULTS
from layermix.errors import run_program
from layermix.files import atomic_file

OUT = Path(__file__).with_name("scale.md")
IMAGENET, EPOCHS = 1_281_167, 90
PUBLISHED_RATE, PUBLISHED_NAME = 2470.0, "A100, ResNet-50 with AMP at 224 px, 2,470 img/s as NVIDIA published"
EVALUATION = {
    "clean": 50_000,
    "ImageNet-C": 3_750_000,
    "ImageNet-C̄": 2_500_000,
    "ImageNet-P": 16_000_000,
    "ImageNet-R": 30_000,
}
"""Pictures (frames) of each benchmark."""
FORWARD_SPEEDUP = 3.0
"""A forward pass costs about a third of a training step: one pass of three, the backward pass being two."""
GPUS_A_HOST = 8
STEP_RATE_KEY = "resident_images_per_second"


@dataclass(frozen=True)
class Store:
    """One way to store pictures. rate: pictures a second and core with LayerMix at 224 px.  size: bytes a picture."""

    name: str
    rate: float
    size: float


@dataclass(frozen=True)
class Measured:
    """The figures that everything is computed from."""

    stores: tuple[Store, ...]
    writer_rate: float
    processor: str
    gpu_rate: float
    gpu_name: str


def read_measured(results: Path = RESULTS) -> Measured:
    """From the result files in the folder `results`."""
    loader, writer = _read(results / "loader.json"), _read(results / "writer.json")
    rows, count = loader["results"]["1 threads"], loader["pictures"]
    forms = (
        ("JPEG", "layermix", "bytes"),
        ("YUV", "layermix, yuv", "bytes_yuv"),
        ("raw", "layermix, raw pixels", "bytes_raw"),
    )
    stores = tuple(Store(name, rows[row]["images_per_second"], loader[key] / count) for name, row, key in forms)
    converted = writer["results"]["500 px to JPEG 400 px"]["ours"]["images_per_second"] / writer["workers"]
    rate, name = _gpu(results / "gpu_run.json")
    processors = dict.fromkeys(found["machine"]["processor"] for found in (loader, writer))
    return Measured(stores, converted, ", conversion: ".join(processors), rate, name)


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def _gpu(path: Path) -> tuple[float, str]:
    """A GPU's training rate and name: measured where `path` holds it, published otherwise."""
    found = _read(path) if path.is_file() else {}
    if STEP_RATE_KEY not in found:
        return PUBLISHED_RATE, PUBLISHED_NAME
    return found[STEP_RATE_KEY], f"{found['gpu']}, measured at {found[STEP_RATE_KEY]:,.0f} img/s"


def training_table(measured: Measured) -> list[str]:
    """Ninety epochs of ImageNet-1K on 1, 8 and 64 GPUs, by store."""
    lines = _header("GPUs", "90 epochs take", "store", "cores a host", "storage", "read from storage, a host")
    for gpus in (1, 8, 64):
        rate = gpus * measured.gpu_rate
        for store in measured.stores:
            on_host = min(gpus, GPUS_A_HOST) * measured.gpu_rate
            cells = (
                f"{gpus}",
                duration(IMAGENET * EPOCHS / rate),
                store.name,
                f"{on_host / store.rate:.1f}",
                f"{IMAGENET * store.size / 1e9:,.0f} GB",
                f"{on_host * store.size / 1e6:,.0f} MB/s",
            )
            lines.append(_row(*cells))
    return lines


def large_sets_table(measured: Measured) -> list[str]:
    """Sets of 10 to 100 million pictures: storage, time to convert, an epoch."""
    lines = _header("pictures", "store", "storage", "to convert, 1 core / 64 ranks of 8 cores", "an epoch, 8 / 64 GPUs")
    for millions in (10, 30, 100):
        count = millions * 1e6
        for store in measured.stores:
            conversion = count / measured.writer_rate
            epochs = [count / gpus / measured.gpu_rate for gpus in (8, 64)]
            cells = (
                f"{millions} M",
                store.name,
                f"{count * store.size / 1e12:,.1f} TB",
                f"{duration(conversion)} / {duration(conversion / 512)}",
                f"{duration(epochs[0])} / {duration(epochs[1])}",
            )
            lines.append(_row(*cells))
    return lines


def evaluation_table(measured: Measured) -> list[str]:
    """Time to evaluate one ResNet-50 on each benchmark."""
    rate = FORWARD_SPEEDUP * measured.gpu_rate
    cores = rate / measured.stores[0].rate
    lines = _header("benchmark", "pictures", "1 GPU", "8 GPUs", "cores a GPU, JPEG")
    for name, count in EVALUATION.items():
        seconds = count / rate
        lines.append(_row(name, f"{count:,}", duration(seconds), duration(seconds / 8), f"{cores:.1f}"))
    return lines


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever reads best."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.0f} s"


def _header(*names: str) -> list[str]:
    return [_row(*names), _row(*["---"] * len(names))]


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def render(measured: Measured) -> str:
    """The whole page, Markdown."""
    parts = [
        "# What a long run needs",
        "Made by `python -m benchmarks.scale`; do not edit. Computed, not run: from the rates of one core "
        f"({measured.processor}, `benchmarks/results/loader.json` and `writer.json`, LayerMix on, 224 px, pictures of "
        f"short side 400) and of one GPU ({measured.gpu_name}). GPUs are taken to scale perfectly, which asks most of "
        "the loader.",
        "## ImageNet-1K, ResNet-50, 90 epochs",
        "\n".join(training_table(measured)),
        f"Up to {GPUS_A_HOST} GPUs a host. Memory a host: the storage column, for epochs that read no disk; with less "
        "of it, the last column is what disk or network must give. Cores are for the loader alone.",
        "## Larger sets",
        "\n".join(large_sets_table(measured)),
        "Converting means decoding 500 px JPEGs, shrinking to short side 400 and encoding; storing YUV or raw pixels "
        "costs less. 64 ranks of 8 cores share the shards (`torchrun -m writers.write_dataset --shards N`).",
        "## Evaluation",
        "\n".join(evaluation_table(measured)),
        f"A forward pass is taken as {FORWARD_SPEEDUP:g} times as fast as a training step.",
        "## Shuffling sets larger than memory",
        f"First epoch of {shuffling.COUNT:,} samples that lie sorted by class, batches of {shuffling.BATCH} "
        "(`python -m benchmarks.shuffling`); a set written in a shuffled order does not have the problem.",
        "\n".join(shuffling.table()),
        "## Stragglers",
        "Share of the time in which the GPUs compute when "
        f"{stragglers.SLOW_SHARE:.1%} of the batches take {stragglers.SLOWDOWN:g} times as long "
        "(`python -m benchmarks.stragglers`, a simulation). Headroom is the loader's rate over the GPU's. On one host "
        "with its own disk three batches ahead are enough; on a file server shared by many ranks set "
        "`batches_ahead` to 32: headroom does not replace it.",
        "\n".join(stragglers.table()),
    ]
    return "\n\n".join(parts) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Write the page."""
    with atomic_file(OUT) as file:
        file.write(render(read_measured()).encode())
    print(OUT)
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
