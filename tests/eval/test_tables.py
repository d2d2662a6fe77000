"""`eval.tables` and `eval.figures`: what the reader sees is what was measured."""

import numpy as np
import pytest

from eval.figures import Frame, reliability_panel, severity_panels
from eval.metrics import reliability_curve
from eval.suites import Measurement
from eval.tables import HEADLINES, build_table, percent, severity_columns


def error(value: float, cell: str = "clean", suite: str = "clean", interval=None, count: int = 100) -> Measurement:
    return Measurement(
        suite=suite,
        cell=cell,
        metric="top1_error",
        protocol="strict",
        value=value,
        count=count,
        interval=interval,
    )


class TestTable:
    def test_the_lowest_number_of_a_column_is_marked(self):
        table = build_table({"a": [error(0.25)], "b": [error(0.125)]}, HEADLINES)
        assert [row[0].best for row in table.rows.values() if row[0]] == [False, True]

    def test_equal_lowest_numbers_share_the_mark(self):
        table = build_table({"a": [error(0.1)], "b": [error(0.1)], "c": [error(0.3)]}, HEADLINES)
        assert [row[0].best for row in table.rows.values() if row[0]] == [True, True, False]

    def test_the_mark_looks_at_the_numbers_not_at_their_rounding(self):
        table = build_table({"a": [error(0.10004)], "b": [error(0.10001)]}, HEADLINES)
        entries = [row[0] for row in table.rows.values()]
        assert [(entry.percent, entry.best) for entry in entries if entry] == [("10.0", False), ("10.0", True)]

    def test_nothing_is_marked_for_one_model_or_equal_models(self):
        assert not any(e.best for e in build_table({"a": [error(0.2)]}, HEADLINES).rows["a"] if e)
        same = build_table({"a": [error(0.2)], "b": [error(0.2)]}, HEADLINES)
        assert not any(entry.best for row in same.rows.values() for entry in row if entry)

    def test_columns_nobody_measured_are_left_out_and_gaps_are_none(self):
        pgd = error(0.9, cell="pgd/2", suite="pgd", count=50)
        table = build_table({"a": [error(0.2)], "b": [error(0.3), pgd]}, HEADLINES)
        assert [column.group for column in table.columns] == ["Clean", "PGD"]
        assert table.counts == [100, 50]
        assert table.rows["a"][1] is None

    def test_intervals_are_written_in_percent(self):
        table = build_table({"a": [error(0.2, interval=(0.13, 0.289))]}, HEADLINES)
        entry = table.rows["a"][0]
        assert entry is not None
        assert (entry.percent, entry.interval) == ("20.0", "13.0\N{EN DASH}28.9")

    def test_severity_columns_end_with_the_pooled_error(self):
        columns = severity_columns("fog", (1, 2))
        assert [column.title for column in columns] == ["1", "2", "pooled"]
        assert [column.key[1] for column in columns] == ["c/fog/1", "c/fog/2", "c/fog"]

    def test_percent_has_one_decimal(self):
        assert [percent(value) for value in (0, 0.12345, 1)] == ["0.0", "12.3", "100.0"]


class TestSeverityPanels:
    @staticmethod
    def rows(values: list[float]) -> list[Measurement]:
        severe = [error(v, f"c/contrast/{level}", "c") for level, v in enumerate(values[1:], 1)]
        return [error(values[0]), *severe]

    def test_points_stand_at_the_measured_errors(self):
        (panel,) = severity_panels({"a": self.rows([0.1, 0.2, 0.4])}, ["contrast"], (1, 2))
        frame, (line,) = panel.frame, panel.lines
        assert [point.x for point in line.points] == [frame.x(level) for level in (0, 1, 2)]
        assert [point.y for point in line.points] == [frame.y(value) for value in (0.1, 0.2, 0.4)]

    def test_the_scale_starts_at_zero_and_holds_every_point(self):
        for top in (0.0, 0.05, 0.41, 1.0):
            (panel,) = severity_panels({"a": self.rows([0.0, top])}, ["contrast"], (1,))
            low, high = panel.frame.y_range
            assert low == 0
            assert top <= high <= 1
            assert high > 0

    def test_twenty_models_differ_in_style_and_a_seventh_is_dashed(self):
        models = {f"model {k}": self.rows([0.1, 0.2]) for k in range(20)}
        (panel,) = severity_panels(models, ["contrast"], (1,))
        assert len({(line.style, line.dash) for line in panel.lines}) == 20
        assert [line.dash for line in panel.lines[:7]] == [0] * 6 + [1]

    @pytest.mark.parametrize(("count", "shown"), [(6, True), (7, False)])
    def test_intervals_of_more_than_six_models_would_hide_the_lines(self, count, shown):
        row = [error(0.1), error(0.2, "c/contrast/1", "c", (0.1, 0.3))]
        (panel,) = severity_panels({f"model {k}": row for k in range(count)}, ["contrast"], (1,))
        assert panel.has_intervals == shown
        assert "95% interval 10.0\N{EN DASH}30.0" in panel.lines[-1].points[-1].words

    def test_words_give_the_numbers_to_those_who_do_not_see_the_plot(self):
        (panel,) = severity_panels({"a": self.rows([0.1, 0.25])}, ["contrast"], (1,))
        assert "contrast" in panel.words
        assert "a 25.0%" in panel.words
        assert panel.lines[0].points[1].words == "a, severity 1: 25.0%"

    def test_no_corruption_gives_no_panel(self):
        assert severity_panels({"a": [error(0.1)]}, [], (1, 2)) == []


def test_a_frame_puts_large_values_high():
    frame = Frame(x_range=(0, 10), y_range=(0, 1), left=0, top=0, width=100, height=50)
    assert (frame.x(0), frame.x(10), frame.y(0), frame.y(1)) == (0, 100, 50, 0)


@pytest.mark.parametrize(("right", "words"), [(0, "80.0 points overconfident"), (10, "20.0 points underconfident")])
def test_a_reliability_diagram_says_how_far_confidence_is_off(right, words):
    curve = reliability_curve(np.full(10, 0.8), np.arange(10) < right)
    panel = reliability_panel("clean", "a", 0, curve)
    assert words in panel.words
    assert "10 predictions in 1 bins" in panel.words
