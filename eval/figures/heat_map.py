"""Heat maps: a row a model, a column a corruption, the error written into its cell and shaded."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eval.suites import Key, Measurement
from eval.tables import by_key, interval_text, percent

COLUMN, ROW = 38.0, 22.0
"""Width and height of a cell, in drawing units."""

LETTER = 6.0
"""Width of a letter of the labels, on the large side."""

LEAN = 0.71
"""Height and width of a label of width 1 that leans by 45 degrees."""

LONGEST = 40
"""Letters of a model's name; longer ones lose their middle."""

LAST_DARK_INK = 0.775
"""Share of the scale up to which the ink of the page reads best on the shade, in the light and the dark style."""


@dataclass(frozen=True, kw_only=True)
class HeatScale:
    """From `low`, the shade of the page, to `high`, the full colour: fractions, at multiples of a tenth."""

    low: float
    high: float

    @classmethod
    def around(cls, values: Sequence[float]) -> "HeatScale":
        """The narrowest scale that holds all `values`."""
        low, high = min(9, math.floor(min(values) * 10)), math.ceil(max(values) * 10)
        return cls(low=low / 10, high=max(high, low + 1) / 10)

    def share(self, value: float) -> float:
        """Where `value` lies, 0 at `low` and 1 at `high`, in hundredths."""
        return round((value - self.low) / (self.high - self.low), 2)

    def steps(self, count: int = 11) -> list[tuple[float, str]]:
        """Shares for a legend, evenly spaced, with their percent."""
        shares = [step / (count - 1) for step in range(count)]
        return [(round(share, 2), percent(self.low + share * (self.high - self.low))) for share in shares]


@dataclass(frozen=True, kw_only=True)
class HeatCell:
    """A cell with its upper left corner at (x, y): share of the scale, the number, and the words it stands for."""

    x: float
    y: float
    share: float
    text: str
    words: str

    @property
    def is_strong(self) -> bool:
        """Whether the shade is so strong that the number is written in the ink of the other style."""
        return self.share > LAST_DARK_INK


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """One map: cells, labels as (place, text) above the columns and left of the rows, and all in words."""

    title: str
    words: str
    left: float
    top: float
    columns: Sequence[tuple[float, str]]
    rows: Sequence[tuple[float, str]]
    cells: Sequence[HeatCell]

    @property
    def width(self) -> float:
        """Of the drawing, with the labels that lean over the last column."""
        ends = [place + max(COLUMN / 2 + 1, 8 + LEAN * LETTER * len(label)) for place, label in self.columns]
        return round(max(ends), 2)

    @property
    def height(self) -> float:
        """Of the drawing."""
        return round(self.top + ROW * len(self.rows) + 1, 2)


def corruption_maps(
    measurements: Mapping[str, Sequence[Measurement]], titles: Mapping[str, str]
) -> tuple[list[HeatMap], HeatScale | None]:
    """A map for each suite of `titles` that was measured, and the scale that they share.

    Values are top-1 errors by the strict protocol, pooled over severities, in the order of the benchmark; the last
    column is their mean, where every corruption is there.
    """
    known = {model: by_key(found) for model, found in measurements.items()}
    grids = {suite: _pooled(measurements, suite) for suite in titles}
    values = [
        known[model][key].value for keys in grids.values() for key in keys for model in known if key in known[model]
    ]
    if not values:
        return [], None
    scale = HeatScale.around(values)
    return [_map(titles[suite], keys, known, scale) for suite, keys in grids.items() if keys], scale


def measured_corruptions(measurements: Mapping[str, Sequence[Measurement]], suite: str) -> list[str]:
    """The corruptions of a suite that any model was measured on, in the order of the benchmark."""
    cells = [m.cell for found in measurements.values() for m in found if m.suite == suite and m.metric == "top1_error"]
    return list(dict.fromkeys(cell.partition("/")[2] for cell in cells if cell.count("/") == 1))


def _pooled(measurements: Mapping[str, Sequence[Measurement]], suite: str) -> list[Key]:
    """Keys of the columns: every corruption, and the mean where any model has it."""
    keys = [(suite, f"{suite}/{name}", "top1_error", "strict") for name in measured_corruptions(measurements, suite)]
    mean = (suite, suite, "mce", "strict")
    return [*keys, *([mean] if any(m.key == mean for found in measurements.values() for m in found) else [])]


def _map(title: str, keys, known, scale: HeatScale) -> HeatMap:
    names = ["mean (mCE)" if key[2] == "mce" else key[1].partition("/")[2].replace("_", " ") for key in keys]
    labels = [shortened(model, LONGEST) for model in known]
    left = 6 + LETTER * max(len(label) for label in labels)
    top = 14 + LEAN * LETTER * max(len(name) for name in names)
    cells = [
        _cell(left + column * COLUMN, top + row * ROW, f"{model}, {name}", known[model][key], scale)
        for row, model in enumerate(known)
        for column, (name, key) in enumerate(zip(names, keys))
        if key in known[model]
    ]
    return HeatMap(
        title=title,
        words=f"Top-1 error pooled over severities. {'; '.join(_rows_in_words(names, keys, known))}.",
        left=round(left, 2),
        top=round(top, 2),
        columns=[(round(left + (column + 0.5) * COLUMN, 2), name) for column, name in enumerate(names)],
        rows=[(round(top + (row + 0.5) * ROW, 2), label) for row, label in enumerate(labels)],
        cells=cells,
    )


def _cell(x: float, y: float, what: str, found: Measurement, scale: HeatScale) -> HeatCell:
    interval = f" (95% interval {interval_text(found.interval)})" if found.interval else ""
    return HeatCell(
        x=round(x, 2),
        y=round(y, 2),
        share=scale.share(found.value),
        text=percent(found.value),
        words=f"{what}: {percent(found.value)}%{interval}",
    )


def _rows_in_words(names: Sequence[str], keys, known) -> Iterator[str]:
    for model, numbers in known.items():
        there = [f"{name} {percent(numbers[key].value)}%" for name, key in zip(names, keys) if key in numbers]
        yield f"{model}: {', '.join(there) or 'not measured'}"


def shortened(name: str, longest: int) -> str:
    """`name`, without its middle where it has more than `longest` letters."""
    if len(name) <= longest:
        return name
    head = (longest - 1) // 2
    return f"{name[:head]}…{name[len(name) - (longest - 1 - head) :]}"
