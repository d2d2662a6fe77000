"""`curves.png`: the log of a run as a picture."""

import json
import time
from pathlib import Path
from typing import Any

from layermix.files import atomic_file
from train.progress import Progress

CURVES = "curves.png"
_NAMES = {"evaluation": "test", "ema_evaluation": "test, moving average", "train": "training"}


class Curves(Progress):
    """Draws `RUN/curves.png` from the log `RUN/log.jsonl` after tests, at most every `seconds`, and at the end."""

    def __init__(self, log: Path, seconds: float = 60.0):
        self._log, self._seconds, self._last = log, seconds, time.monotonic()

    def show(self, kind: str, fields: dict[str, Any]) -> None:
        if kind != "train" and time.monotonic() - self._last >= self._seconds:
            draw_curves(self._log)
            self._last = time.monotonic()

    def close(self) -> None:
        draw_curves(self._log)


def draw_curves(log: Path) -> None:
    """Draw losses, test error, learning rate, and speed against epochs beside the log; nothing for an empty log."""
    lines = log.read_text().splitlines() if log.exists() else []
    records = [json.loads(line) for line in lines]
    if not records:
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # 1 s to import, and a run has hours
    from matplotlib.figure import Figure

    per_epoch = _steps_per_epoch(records)
    figure = Figure(figsize=(11, 7), dpi=120, layout="constrained")
    losses, errors, rates, speed = figure.subplots(2, 2).flat
    for kind, name in _NAMES.items():
        chosen = [record for record in records if record["kind"] == kind]
        _draw(losses, chosen, "loss", name, per_epoch)
        _draw(errors, chosen, "error", name, per_epoch, factor=100)
    training = [record for record in records if record["kind"] == "train"]
    _draw(rates, training, "lr", "learning rate", per_epoch)
    _draw(speed, training, "images_per_second", "img/s", per_epoch)
    for axes, title in zip((losses, errors, rates, speed), ("loss", "test error, %", "learning rate", "img/s")):
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.set_ylim(bottom=0)
    for axes in (losses, errors):
        if axes.lines:
            axes.legend()
    _draw_shares(speed.twinx(), training, per_epoch)
    with atomic_file(log.with_name(CURVES)) as file:
        FigureCanvasAgg(figure).print_png(file)


def _draw(axes, records: list[dict[str, Any]], field: str, name: str, per_epoch: float, factor: float = 1) -> None:
    chosen = [record for record in records if field in record]
    if chosen:
        epochs = [record["step"] / per_epoch for record in chosen]
        marker = "o" if len(chosen) < 30 else None
        axes.plot(epochs, [factor * record[field] for record in chosen], label=name, marker=marker, markersize=3)


def _draw_shares(axes, training: list[dict[str, Any]], per_epoch: float) -> None:
    """Time blocked on the loader, beside the speed it costs."""
    _draw(axes, training, "wait_share", "waiting for the loader", per_epoch, factor=100)
    for line in axes.lines:
        line.set_color("tab:red")
    axes.set_ylim(0, 100)
    axes.set_ylabel("waiting for the loader, % of time", color="tab:red")


def _steps_per_epoch(records: list[dict[str, Any]]) -> float:
    """Of a finished epoch where there is one; else such that the newest record is in its epoch's middle."""
    finished = [record["step"] / record["epoch"] for record in records if record["kind"] != "train"]
    last = records[-1]
    return finished[0] if finished else last["step"] / (last["epoch"] - 0.5)
