"""`eval.figures`: heat maps hold every number, and every number can be read on its shade."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import eval as eval_package
from eval.figures import HeatScale, corruption_maps
from eval.figures.fourier import frequency_maps
from eval.figures.heat_map import COLUMN, LAST_DARK_INK, LONGEST, ROW, shortened
from eval.suites import Measurement


def number(suite: str, cell: str, value: float, metric: str = "top1_error", protocol: str = "strict") -> Measurement:
    return Measurement(suite=suite, cell=cell, metric=metric, protocol=protocol, value=value, count=9)


def of_model(shift: float) -> list[Measurement]:
    """Errors of one model on two corruptions of C with their mean, and one of C-bar without."""
    return [
        number("clean", "clean", 0.01),
        number("c", "c/fog/1", 0.9),
        number("c", "c/fog", 0.2 + shift),
        number("c", "c/fog", 0.7, protocol="paper"),
        number("c", "c/snow", 0.3 + shift),
        number("c", "c", 0.25 + shift, "mce"),
        number("cbar", "cbar/lines", 0.4 + shift),
    ]


def maps(measurements: dict[str, list[Measurement]]):
    return corruption_maps(measurements, {"c": "C", "cbar": "C-bar"})


class TestHeatMap:
    def test_a_row_a_model_and_a_column_a_corruption_with_the_pooled_strict_error(self):
        found, _ = maps({"a": of_model(0), "b": of_model(0.11)})
        assert [[label for _, label in each.columns] for each in found] == [["fog", "snow", "mean (mCE)"], ["lines"]]
        assert [[cell.text for cell in each.cells] for each in found] == [
            ["20.0", "30.0", "25.0", "31.0", "41.0", "36.0"],
            ["40.0", "51.0"],
        ]
        assert found[0].cells[4].words == "b, snow: 41.0%"
        assert "b: fog 31.0%, snow 41.0%, mean (mCE) 36.0%." in found[0].words

    def test_cells_stand_under_their_labels_and_inside_the_drawing(self):
        (first, _), _ = maps({"a": of_model(0), "a model of a long name": of_model(0.1)})
        labels = [(column, row) for row, _ in first.rows for column, _ in first.columns]
        middles = [(cell.x + COLUMN / 2, cell.y + ROW / 2) for cell in first.cells]
        np.testing.assert_allclose(middles, labels, atol=0.02)
        assert all(cell.x + COLUMN <= first.width and cell.y + ROW <= first.height for cell in first.cells)

    def test_both_maps_share_the_narrowest_scale_of_whole_tenths(self):
        _, scale = maps({"a": of_model(0), "b": of_model(0.11)})
        assert scale is not None
        assert scale == HeatScale(low=0.2, high=0.6)
        assert [scale.share(value) for value in (0.2, 0.4, 0.6)] == [0, 0.5, 1]
        assert scale.steps(3) == [(0, "20.0"), (0.5, "40.0"), (1, "60.0")]

    @pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
    def test_equal_numbers_have_a_scale_too(self, value):
        scale = HeatScale.around([value])
        assert 0 <= scale.low <= value <= scale.high <= 1
        assert 0 <= scale.share(value) <= 1

    def test_what_a_model_was_not_measured_on_stays_empty(self):
        found, _ = maps({"a": of_model(0), "b": [number("c", "c/snow", 0.5)], "c": []})
        assert [(cell.words, cell.text) for cell in found[0].cells[3:]] == [("b, snow: 50.0%", "50.0")]
        assert "c: not measured." in found[0].words

    def test_nothing_corrupted_gives_no_map(self):
        assert maps({"a": [number("clean", "clean", 0.1)]}) == ([], None)

    def test_long_names_lose_their_middle(self):
        name = "runs/" + "very/" * 20 + "seed-7"
        (first, _), _ = maps({name: of_model(0)})
        ((_, label),) = first.rows
        assert len(label) == LONGEST
        assert label.startswith("runs/very")
        assert label.endswith("seed-7")
        assert name in first.cells[0].words
        assert shortened("short", LONGEST) == "short"


def pixels(address: str) -> np.ndarray:
    """The picture in an address, as uint8 (H, W, 3)."""
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as picture:
        return np.asarray(picture.convert("RGB"))


class TestFrequencyMaps:
    ERRORS = np.array([[0.1, 0.2, 0.3], [0.4, 0.0, 0.4], [0.3, 0.2, 0.1]])

    def test_a_pixel_a_frequency_whose_shade_is_that_of_its_error_in_the_legend(self):
        found = frequency_maps({"a": self.ERRORS, "b": 0.5 * np.ones((3, 3))}, "")
        assert found.ticks == ("0.0", "25.0", "50.0")
        legend = pixels(found.legend)[0].astype(int)
        shown = pixels(found.maps[0].address)
        assert shown.shape == (3, 3, 3)
        for place, error in np.ndenumerate(self.ERRORS):
            nearest = np.abs(legend - shown[place]).sum(axis=1).argmin() / (len(legend) - 1) * 0.5
            assert nearest == pytest.approx(error, abs=0.01)
        np.testing.assert_array_equal(pixels(found.maps[1].address), np.broadcast_to(legend[-1], (3, 3, 3)))

    def test_words_say_where_the_error_is_largest(self):
        found = frequency_maps({"a": self.ERRORS}, "")
        assert found.maps[0].words == (
            "a: top-1 error 0.0% at frequency 0, largest 40.0% at 0 periods down and 1 across."
        )


STYLES = (Path(eval_package.__file__).parent / "templates" / "report.css").read_text()
LIGHT, DARK, PRINT = (
    dict(re.findall(r"--([\w-]+): (#\w+);", part))
    for part in re.split("prefers-color-scheme: dark|@media print", STYLES)
)


def luminance(colour: tuple[float, ...]) -> float:
    """Relative luminance of red, green and blue in [0, 1] (WCAG 2.1)."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def channels(colour: str) -> tuple[float, ...]:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    return tuple(int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4))


@pytest.mark.parametrize("style", [LIGHT, DARK, PRINT], ids=["light", "dark", "print"])
def test_every_number_has_a_contrast_of_4_5_on_its_shade(style):
    page, heat = channels(style["page"]), channels(style["heat"])
    for share in [step / 100 for step in range(101)]:
        shade = luminance(tuple(p + share * (h - p) for p, h in zip(page, heat)))
        ink = luminance(channels(style["heat-strong" if share > LAST_DARK_INK else "heat-faint"]))
        assert (max(shade, ink) + 0.05) / (min(shade, ink) + 0.05) >= 4.5, share
