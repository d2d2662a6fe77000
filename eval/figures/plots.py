"""Plots of lines: error against severity, and reliability diagrams."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.figures.emphasis import Emphasis
from eval.metrics import ReliabilityCurve
from eval.suites import Measurement
from eval.tables import by_key, interval_text, percent

SERIES_STYLES = 6
"""Colours with their markers, of the style sheet."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A plotting area: `left`, `top`, `width`, `height` in drawing units, and the ranges of its two axes."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    left: float = 34.0
    top: float = 10.0
    width: float = 190.0
    height: float = 130.0

    def x(self, value: float) -> float:
        """Horizontal place of a value, rounded to a hundredth of a unit."""
        low, high = self.x_range
        return round(self.left + self.width * (value - low) / (high - low), 2)

    def y(self, value: float) -> float:
        """Vertical place of a value, rounded to a hundredth of a unit; larger values lie higher."""
        low, high = self.y_range
        return round(self.top + self.height * (1 - (value - low) / (high - low)), 2)


@dataclass(frozen=True, kw_only=True)
class Point:
    """A marker at (x, y), its interval from `low` to `high` (None: none), and the words it stands for."""

    x: float
    y: float
    words: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """The points of a model; `index` counts those that are named, None is for one in the background."""

    name: str
    index: int | None
    points: Sequence[Point]

    @property
    def style(self) -> int | None:
        """Colour and marker, 0 to `SERIES_STYLES` - 1; None in the background."""
        return None if self.index is None else self.index % SERIES_STYLES

    @property
    def path(self) -> str:
        """The points joined, as the value of an SVG `points` attribute."""
        return " ".join(f"{point.x},{point.y}" for point in self.points)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One plot: its title, what it shows in words, its frame, ticks as (place, label), and lines.

    `caption` is what stands below it; "" for nothing.
    """

    title: str
    words: str
    caption: str = ""
    frame: Frame
    x_ticks: Sequence[tuple[float, str]]
    y_ticks: Sequence[tuple[float, str]]
    lines: Sequence[Line]

    @property
    def has_intervals(self) -> bool:
        """Whether any point shows its interval."""
        return any(point.low is not None for line in self.lines for point in line.points)


def severity_panels(
    measurements: Mapping[str, Sequence[Measurement]],
    corruptions: Sequence[str],
    severities: Sequence[int],
    shown: Emphasis,
    suite: str = "c",
) -> list[Panel]:
    """A plot a corruption of the suite: top-1 error against severity, 0 being the clean pictures, a line a model.

    Named models have markers and intervals, and are drawn over the others. All plots share one scale, from 0 to the
    next 20% above the largest error or interval end.
    """
    numbers = {model: by_key(found) for model, found in measurements.items()}
    rows = {
        name: {model: _severity_row(known, f"{suite}/{name}", severities) for model, known in numbers.items()}
        for name in corruptions
    }
    every = [found for row in rows.values() for line in row.values() for _, found in line]
    if not every:
        return []
    top = max(found.interval[1] if found.interval else found.value for found in every)
    highest = min(1.0, max(1, math.ceil(top * 5)) / 5)
    frame = Frame(x_range=(-0.25, max(severities) + 0.25), y_range=(0.0, highest))
    return [_severity_panel(name, row, frame, severities, shown) for name, row in rows.items()]


def _severity_row(known, corruption: str, severities: Sequence[int]) -> list[tuple[int, Measurement]]:
    suite = corruption.partition("/")[0]
    keys = {level: (suite, f"{corruption}/{level}", "top1_error", "strict") for level in severities}
    keys = {0: ("clean", "clean", "top1_error", "strict"), **keys}
    return [(level, known[key]) for level, key in keys.items() if key in known]


def _severity_panel(name: str, row, frame: Frame, severities: Sequence[int], shown: Emphasis) -> Panel:
    title = name.replace("_", " ")
    places = dict.fromkeys(shown.others) | {model: index for index, model in enumerate(shown.named)}
    lines = [
        Line(
            name=model,
            index=index,
            points=[_error_point(frame, model, level, found, index is not None) for level, found in row[model]],
        )
        for model, index in places.items()
    ]
    ends = [f"{model} {percent(line[-1][1].value)}%" for model, line in row.items() if line]
    return Panel(
        title=title,
        words=f"Top-1 error under {title}; at severity {severities[-1]}: {', '.join(ends)}.",
        frame=frame,
        x_ticks=[(frame.x(level), str(level) if level else "clean") for level in (0, *severities)],
        y_ticks=_percent_ticks(frame),
        lines=lines,
    )


def _error_point(frame: Frame, model: str, level: int, found: Measurement, whisker: bool) -> Point:
    place = f"severity {level}" if level else "clean"
    interval = f" (95% interval {interval_text(found.interval)})" if found.interval else ""
    low, high = (found.interval if whisker else None) or (None, None)
    return Point(
        x=frame.x(level),
        y=frame.y(found.value),
        words=f"{model}, {place}: {percent(found.value)}%{interval}",
        low=None if low is None else frame.y(low),
        high=None if high is None else frame.y(min(high, frame.y_range[1])),
    )


def _percent_ticks(frame: Frame) -> list[tuple[float, str]]:
    low, high = frame.y_range
    return [(frame.y(value), f"{100 * value:.0f}") for value in np.linspace(low, high, 1 + round((high - low) * 5))]


def reliability_panel(title: str, model: str, index: int, curve: ReliabilityCurve) -> Panel:
    """A reliability diagram: accuracy of the bins against their mean confidence; the diagonal is perfect."""
    frame = Frame(x_range=(0.0, 1.0), y_range=(0.0, 1.0), width=150.0, height=150.0)
    points = [
        Point(
            x=frame.x(confidence),
            y=frame.y(accuracy),
            words=f"confidence {percent(confidence)}%, accuracy {percent(accuracy)}%, {count} predictions",
        )
        for confidence, accuracy, count in zip(curve.confidence, curve.accuracy, curve.count)
    ]
    total = int(curve.count.sum())
    gap = float((curve.count * (curve.confidence - curve.accuracy)).sum()) / total
    leaning = "over" if gap > 0 else "under"
    caption = (
        f"{title}: {total:,} predictions in {len(points)} bins; "
        f"on average {percent(abs(gap))} points {leaning}confident."
    )
    return Panel(
        title=title,
        words=f"{model}, {caption}",
        caption=caption.capitalize(),
        frame=frame,
        x_ticks=[(frame.x(value), f"{100 * value:.0f}") for value in (0, 0.5, 1)],
        y_ticks=[(frame.y(value), f"{100 * value:.0f}") for value in (0, 0.5, 1)],
        lines=[Line(name=model, index=index, points=points)],
    )
