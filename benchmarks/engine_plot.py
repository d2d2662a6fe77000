"""The plot of `benchmarks.engine`: a panel a size, a row an operation, a dot a library, microseconds on a log scale."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from layermix.files import atomic_file

CANDIDATES = {
    "engine": ("this engine, uint8", "#0b6e4f", "o", 64),
    "kernel": ("its kernels alone, in cache", "#8fc9b0", "o", 26),
    "torchvision": ("torchvision v2, uint8", "#c1440e", "s", 34),
    "albumentations": ("albumentations, uint8", "#7a3e9d", "D", 30),
    "kornia": ("kornia, float32", "#2f6db5", "^", 40),
    "oracle": ("float-tensor oracle, float32", "#555555", "x", 40),
}
"""Label, colour, marker and area."""


def plot(results: Mapping[str, Mapping[str, Mapping[str, Any]]], path: Path) -> None:
    """Draw the rows of each size and write a PNG; bars reach from the least to the greatest time."""
    tallest = max(len(rows) for rows in results.values())
    figure = Figure(figsize=(6.2 * len(results) + 1.4, 0.32 * tallest + 1.7), dpi=150, layout="constrained")
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    for panel, (size, rows) in zip(panels, results.items()):
        _draw_rows(panel, rows)
        panel.set_title(f"{size.replace(' px', '')} x {size}", fontsize=11)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=9.5)
    with atomic_file(path) as file:
        FigureCanvasAgg(figure).print_png(file)


def _draw_rows(panel, rows: Mapping[str, Mapping[str, Any]]) -> None:
    places = list(range(len(rows), 0, -1))
    for key, (label, colour, marker, area) in CANDIDATES.items():
        shown = [(row, place) for row, place in zip(rows.values(), places) if f"{key}_us" in row]
        if not shown:
            continue
        heights = [place for _, place in shown]
        spread = [[row[f"{key}_us_{end}"] for row, _ in shown] for end in ("min", "max")]
        panel.hlines(heights, *spread, color=colour, linewidth=1.2, alpha=0.6)
        medians = [row[f"{key}_us"] for row, _ in shown]
        panel.scatter(medians, heights, s=area, color=colour, marker=marker, label=label, zorder=3)
    for row, place in zip(rows.values(), places):
        panel.annotate(
            _times(row["times_faster"]),
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8.5,
            color="#555555",
            annotation_clip=False,
        )
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter("{x:g}")
    panel.set_yticks(places, list(rows), fontsize=9.5)
    panel.set_ylim(0.3, len(rows) + 0.7)
    panel.set_xlabel("microseconds a picture, one core (right: times faster than the oracle)", fontsize=9)
    panel.grid(axis="x", which="major", color="#dddddd")
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def _times(ratio: float) -> str:
    return f"{ratio:.0f}x" if ratio >= 10 else f"{ratio:.1f}x"
