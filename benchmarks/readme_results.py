"""Rows of the README's table of results, from the result files."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Results = Mapping[str, Any]
Row = tuple[str, str, str]

OURS, DALI = "layermix", "dali: layermix"
SMALL, SMALL_STOCK = "32 px raw: layermix", "32 px raw: stock ffcv, no mixing"
"""Rows of loader.json."""

COMMANDS = {
    "loader": "`python -m benchmarks.loader`",
    "engine": "`python -m benchmarks.engine`",
    "writer": "`python -m benchmarks.writer`",
    "corruptions": "`python -m benchmarks.corruptions`",
    "evaluation_rate": "`python -m benchmarks.evaluation_rate`",
    "start": "`python -m benchmarks.start`",
    "profiles": "`python -m benchmarks.profiles`",
    "demo": "`make demo`, `python -m benchmarks.evaluations demo`",
    "cifar10": "`python -m benchmarks.evaluations cifar10`",
    "gpu_run": "`python -m benchmarks.gpu.run`",
    "chaos": "`pytest -m chaos`",
}
"""What makes each result file."""


def result_rows(results: Mapping[str, Results]) -> list[Row]:
    """What was measured, the figure, the command; of the files that are there."""
    return [
        (what, figure, COMMANDS[name])
        for name, rows in _ROWS.items()
        if name in results
        for what, figure in rows(results[name])
    ]


def _loader(found: Results) -> Iterator[tuple[str, str]]:
    for threads, measured in found["results"].items():
        count = threads.replace("1 threads", "1 thread")
        large = (OURS, "layermix, yuv", "layermix, raw pixels")
        what = (
            f"loader **with** LayerMix, {found['size']} px, against stock FFCV **without**: JPEG / YUV / raw, {count}"
        )
        yield what, _times(measured[name]["against_stock_ffcv"] for name in large)
        if SMALL in measured:
            yield f"the same, raw pictures of 32 px, {count}", _times([_ratio(measured, SMALL, SMALL_STOCK)])
        if DALI in measured:
            yield f"DALI's graph with LayerMix against this FFCV graph, {count}", _times([_ratio(measured, DALI, OURS)])


def _ratio(measured: Results, name: str, other: str) -> float:
    return measured[name]["images_per_second"] / measured[other]["images_per_second"]


def _engine(found: Results) -> Iterator[tuple[str, str]]:
    parts = []
    for size in ("224 px", "32 px"):
        row = found["results"][size]["layermix 8m-3"]
        parts.append(f"{row['times_faster']:.0f} times at {size} ({row['engine_us']:.0f} µs)")
    yield "LayerMix 8m-3 on one core against float tensors", ", ".join(parts)


def _writer(found: Results) -> Iterator[tuple[str, str]]:
    ratios = {name: row["against_stock_ffcv"] for name, row in found["results"].items()}
    yield f"writing against ffcv's writer, same options: {' / '.join(ratios)}", _times(ratios.values())


def _corruptions(found: Results) -> Iterator[tuple[str, str]]:
    ratios = (found[name]["ratio"] for name in ("c_large", "c_32_px"))
    yield f"corrupted pictures against imagecorruptions, one core: {found['side']} px / 32 px", _times(ratios)


def _start(found: Results) -> Iterator[tuple[str, str]]:
    programs = ("first batch, layermix", "first batch, stock ffcv, no mixing")
    seconds = " / ".join(f"{found['results'][name]['core_seconds']:.1f}" for name in programs)
    yield "first batch of a fresh process, with LayerMix / stock FFCV without", f"{seconds} core-seconds"


def _profiles(found: Results) -> Iterator[tuple[str, str]]:
    errors = [
        " and ".join(f"{100 * error:+.1f}%" for error in row["forecast_error"].values())
        for row in found["results"].values()
    ]
    backends = " / ".join(found["results"])
    threads = " and ".join(next(iter(found["results"].values()))["forecast_error"])
    what = f"the profiler's forecast against the measured rate, {threads} threads: {backends}"
    yield f"{what}, {found['pictures']:,} pictures", " / ".join(errors)


def _evaluation_rate(found: Results) -> Iterator[tuple[str, str]]:
    what = "evaluation of CIFAR-C's files against the forward passes alone"
    yield f"{what}, {found['network']}, {found['device']}", f"{found['results']['share_of_forward']:.1%}"


def _demo(found: Results) -> Iterator[tuple[str, str]]:
    clean, attacked = _both(found, "clean_error"), _both(found, "pgd_error")
    what = f"error on corrupted digits, baseline / LayerMix (clean {clean}, PGD {attacked})"
    yield what, _both(found, "corruption_error")


def _cifar10(found: Results) -> Iterator[tuple[str, str]]:
    count = found["results"]["clean_error"]["baseline"]["pictures"]
    of_p = found["results"]["flip_probability"]["baseline"]["pictures"]
    names = {
        "clean_error": "clean error",
        "corruption_error": "mCE on C",
        "corruption_error_cbar": "on C\N{COMBINING MACRON}",
        "flip_probability": "mFP on P" if of_p == count else f"mFP on P (of {of_p:,} pictures)",
        "pgd_error": "error under PGD 2/255",
        "rms_calibration_error_c": "RMS calibration error on C",
    }
    what = f"CIFAR-10, WRN-16-1 trained for 12 epochs on the CPU, {count:,} test pictures, baseline / LayerMix"
    yield f"{what}: {', '.join(names.values())}", "; ".join(_both(found, name) for name in names)


def _both(found: Results, name: str) -> str:
    return " / ".join(f"{found['results'][name][model]['value']:.1%}" for model in ("baseline", "layermix"))


def _gpu_run(found: Results) -> Iterator[tuple[str, str]]:
    gpu, sections = found["gpu"], found["sections"]
    training = sections.get("training", {}).get("results", {})
    for name in ("ffcv", "dali, decode gpu"):
        if name in training:
            row = training[name]
            what = f"ResNet-50 fed by {name} with LayerMix, of its rate from one resident batch, {gpu}"
            yield what, f"{row['against_resident_batch']:.1%} ({row['images_per_second']:,.0f} img/s)"
    if "layermix_share_of_step" in found:
        yield f"LayerMix on the GPU, of a training step of ResNet-50, {gpu}", f"{found['layermix_share_of_step']:.2%}"
    epochs = {name: row["epoch_seconds"] for name, row in sections.get("cifar", {}).get("results", {}).items()}
    if epochs:
        figures = " / ".join(f"{seconds:.1f}" for seconds in epochs.values())
        yield f"an epoch of CIFAR, WRN-40-4 with LayerMix, {' / '.join(epochs)}, {gpu}", f"{figures} s"


def _times(ratios: Iterable[float]) -> str:
    return f"{' / '.join(f'{ratio:.2f}' for ratio in ratios)} times"


_ROWS: dict[str, Callable[[Results], Iterator[tuple[str, str]]]] = {
    "loader": _loader,
    "engine": _engine,
    "writer": _writer,
    "corruptions": _corruptions,
    "evaluation_rate": _evaluation_rate,
    "start": _start,
    "profiles": _profiles,
    "demo": _demo,
    "cifar10": _cifar10,
    "gpu_run": _gpu_run,
}
"""What was measured and the figure, by result file."""
