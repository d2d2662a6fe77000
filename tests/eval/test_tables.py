"""`eval.tables` and `eval.figures`: what the reader sees is what was measured."""

import csv
import re
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest

from eval.bootstrap import Comparison, Difference
from eval.figures import Emphasis, Frame, emphasis, reliability_panel, severity_panels
from eval.metrics import reliability_curve
from eval.suites import Measurement
from eval.tables import (
    MODEL,
    Column,
    Entry,
    Measured,
    Row,
    Table,
    difference_tables,
    main_tables,
    percent,
    protocol_table,
    severity_table,
    write_tables,
)
from eval.tables.export import latex, long_csv, markdown

MINUS = "\N{MINUS SIGN}"
MERGED = re.compile(r"\\multicolumn\{(\d+)\}")


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


def main(rows: dict[str, list[Measurement]]) -> Table:
    """The table of error and robustness."""
    return main_tables(Measured.of(rows))[0]


def columns_of(table: Table) -> list[str]:
    return [column.name for column in table.columns]


class TestNumbers:
    def test_the_lowest_error_of_a_column_is_marked(self):
        table = main({"a": [error(0.25)], "b": [error(0.125)]})
        assert [row.entries[0].is_marked for row in table.rows] == [False, True]

    def test_of_an_auroc_the_highest_is_marked(self):
        def auroc(value: float) -> Measurement:
            return replace(error(value, cell="ood/noise", suite="ood"), metric="softmax_auroc")

        (table,) = main_tables(Measured.of({"a": [auroc(0.75)], "b": [auroc(0.5)]}))
        assert columns_of(table) == ["OOD noise, AUROC softmax"]
        assert [row.entries[0].is_marked for row in table.rows] == [True, False]

    def test_equal_best_numbers_share_the_mark(self):
        table = main({"a": [error(0.1)], "b": [error(0.1)], "c": [error(0.3)]})
        assert [row.entries[0].is_marked for row in table.rows] == [True, True, False]

    def test_the_mark_looks_at_the_numbers_not_at_their_rounding(self):
        table = main({"a": [error(0.10004)], "b": [error(0.10001)]})
        entries = [row.entries[0] for row in table.rows]
        assert [(entry.text, entry.is_marked) for entry in entries] == [("10.0", False), ("10.0", True)]

    def test_nothing_is_marked_for_one_model_or_equal_models(self):
        for rows in ({"a": [error(0.2)]}, {"a": [error(0.2)], "b": [error(0.2)]}):
            assert not any(entry.is_marked for row in main(rows).rows for entry in row.entries)

    def test_columns_nobody_measured_are_left_out_and_gaps_are_dashes(self):
        pgd = error(0.9, cell="pgd/2", suite="pgd", count=50)
        table = main({"a": [error(0.2)], "b": [error(0.3), pgd]})
        assert [(column.name, column.count) for column in table.columns] == [
            ("Clean, top-1 error", 100),
            ("PGD 2/255, top-1 error", 50),
        ]
        assert table.rows[0].entries[1].text == "\N{EN DASH}"

    def test_every_budget_of_the_attack_has_a_column_by_its_size(self):
        attacks = [error(0.9, cell=f"pgd/{attack}", suite="pgd") for attack in ("10", "0.5", "2x3", "2")]
        names = ["0.5/255, top-1 error", "2/255, top-1 error", "2/255, top-1 error, 3 restarts", "10/255, top-1 error"]
        assert columns_of(main({"a": attacks})) == [f"PGD {name}" for name in names]

    def test_a_distance_is_not_a_percentage(self):
        distance = replace(error(1.625, cell="p", suite="p"), metric="mt5d")
        table = main({"a": [distance]})
        assert (table.columns[0].unit, table.rows[0].entries[0].text) == ("distance", "1.62")

    def test_percent_has_one_decimal(self):
        assert [percent(value) for value in (0, 0.12345, 1)] == ["0.0", "12.3", "100.0"]


class TestSeverities:
    def test_a_row_a_corruption_and_model_ends_with_the_pooled_error(self):
        cells = [*(f"c/fog/{level}" for level in range(1, 6)), "c/fog", "c"]
        rows = {
            name: [error(value + index / 10, cell=cell, suite="c") for index, cell in enumerate(cells)]
            for name, value in (("a", 0.1), ("b", 0.2))
        }
        table = severity_table(Measured.of(rows), "c")
        assert table is not None
        assert [column.title for column in table.columns] == ["1", "2", "3", "4", "5", "pooled"]
        assert [row.labels for row in table.rows] == [("fog", "a"), ("fog", "b")]
        assert [entry.text for entry in table.rows[0].entries] == ["10.0", "20.0", "30.0", "40.0", "50.0", "60.0"]
        assert [len(block) for block in table.blocks()] == [2]

    def test_without_corruptions_there_is_no_table(self):
        assert severity_table(Measured.of({"a": [error(0.1)]}), "c") is None


class TestComparisons:
    def test_the_gap_between_protocols_is_strict_less_paper(self):
        strict = error(0.25, cell="pgd/2", suite="pgd")
        rows = {"a": [strict, replace(strict, protocol="paper", value=0.5)], "b": [strict]}
        table = protocol_table(Measured.of(rows))
        assert table is not None
        (row,) = table.rows
        assert row.labels == ("PGD 2/255, top-1 error", "a")
        assert [entry.text for entry in row.entries] == ["50.0", "25.0", f"{MINUS}25.0"]

    def test_without_a_number_of_both_protocols_there_is_no_table(self):
        assert protocol_table(Measured.of({"a": [error(0.1)]})) is None

    def test_differences_are_signed_and_marked_where_zero_is_outside(self):
        key, rows = error(0).key, {"a": [error(0.25)], "b": [error(0.125)], "c": [error(0.24)]}
        differences = {
            "b": {key: Difference(value=-0.125, interval=(-0.2, -0.05))},
            "c": {key: Difference(value=-0.01, interval=(-0.05, 0.03))},
        }
        comparison = Comparison(against="a", differences=differences)
        (table,) = difference_tables(Measured.of(rows), comparison)
        assert [(row.labels, row.entries[0].text, row.entries[0].is_marked) for row in table.rows] == [
            (("b",), f"{MINUS}12.5", True),
            (("c",), f"{MINUS}1.0", False),
        ]
        assert table.rows[0].entries[0].interval_text == f"{MINUS}20.0 to {MINUS}5.0"


@pytest.fixture
def table() -> Table:
    entries = [
        Entry(value=12.34, interval=(10.0, 15.0), is_marked=True, marks="a", paper=20.7),
        Entry(value=None, marks="b"),
    ]
    return Table(
        name="trial",
        title="A & B_1",
        stub=("Corruption", MODEL),
        columns=[Column(group="C\N{COMBINING MACRON}", title="50%"), Column(group="P", title="mT5D", unit="distance")],
        rows=[Row(labels=("fog", "x|y_z"), entries=entries)],
        marked="best",
        legend={"a": "made here", "b": "not comparable"},
    )


class TestExport:
    def test_markdown_has_a_line_a_row_and_says_what_is_bold(self, table):
        lines = markdown(table).splitlines()
        assert lines[0] == "## A & B_1"
        assert lines[3] == "| --- | --- | ---: | ---: |"
        assert lines[4] == (
            "| fog | x\\|y_z | **12.3**<sup>a</sup> (10.0\N{EN DASH}15.0); paper 20.7 | \N{EN DASH}<sup>b</sup> |"
        )
        assert [line for line in lines[5:] if line] == ["Bold: best.", "a: made here.", "b: not comparable."]

    def test_csv_has_a_line_a_number_with_all_digits(self, table):
        lines = list(csv.DictReader(StringIO(long_csv([table]))))
        assert [line["column"] for line in lines] == ["fog, C\N{COMBINING MACRON}, 50%", "fog, P, mT5D"]
        assert lines[0] == {
            "table": "trial",
            "model": "x|y_z",
            "column": "fog, C\N{COMBINING MACRON}, 50%",
            "unit": "percent",
            "value": "12.34",
            "low": "10.0",
            "high": "15.0",
            "marks": "a",
            "paper": "20.7",
        }
        assert (lines[1]["unit"], lines[1]["value"], lines[1]["marks"]) == ("distance", "", "b")

    def test_latex_is_balanced_safe_and_has_a_place_a_column(self, table):
        text = latex(table)
        body = text[text.index("\\toprule") : text.index("\\bottomrule")]
        rows = [line for line in body.splitlines() if "&" in line]
        places = [line.replace("\\&", "").count("&") + sum(int(n) - 1 for n in MERGED.findall(line)) for line in rows]
        assert places == [3, 3, 3]
        assert text.count("{") - text.count("\\{") == text.count("}") - text.count("\\}")
        for words in ("A \\& B\\_1", "50\\%", "x|y\\_z", "$\\bar{\\mathrm{C}}$", "10.0--15.0", "\\textit{20.7}"):
            assert words in text

    def test_all_files_are_written(self, table, tmp_path):
        write_tables(tmp_path, [table, table])
        assert sorted(path.name for path in tmp_path.iterdir()) == ["tables.csv", "tables.md", "tables.tex"]
        assert (tmp_path / "tables.md").read_text().count("## A & B_1") == 2
        assert (tmp_path / "tables.tex").read_text().count("\\toprule") == 2


A = Emphasis(named=["a"])


class TestSeverityPanels:
    @staticmethod
    def rows(values: list[float]) -> list[Measurement]:
        severe = [error(v, f"c/contrast/{level}", "c") for level, v in enumerate(values[1:], 1)]
        return [error(values[0]), *severe]

    def test_points_stand_at_the_measured_errors(self):
        (panel,) = severity_panels({"a": self.rows([0.1, 0.2, 0.4])}, ["contrast"], (1, 2), A)
        frame, (line,) = panel.frame, panel.lines
        assert [point.x for point in line.points] == [frame.x(level) for level in (0, 1, 2)]
        assert [point.y for point in line.points] == [frame.y(value) for value in (0.1, 0.2, 0.4)]

    def test_the_scale_starts_at_zero_and_holds_every_point(self):
        for top in (0.0, 0.05, 0.41, 1.0):
            (panel,) = severity_panels({"a": self.rows([0.0, top])}, ["contrast"], (1,), A)
            low, high = panel.frame.y_range
            assert low == 0
            assert top <= high <= 1
            assert high > 0

    def test_of_twenty_models_the_reference_the_best_and_the_worst_are_named_and_drawn_over_the_others(self):
        row = {f"model {k}": self.rows([0.1, 0.2 + k / 100]) for k in (7, 3, 12, 19, *range(4, 7), *range(8, 12), 15)}
        shown = emphasis(row, "model 12", ("c",))
        assert shown.named == ["model 12", "model 3", "model 4", "model 5", "model 19"]
        assert sorted([*shown.named, *shown.others]) == sorted(row)
        (panel,) = severity_panels(row, ["contrast"], (1,), shown)
        assert [line.style for line in panel.lines] == [None] * (len(row) - 5) + list(range(5))
        assert [line.name for line in panel.lines] == [*shown.others, *shown.named]

    def test_only_named_models_have_intervals_which_would_hide_the_lines(self):
        row = [error(0.1), error(0.2, "c/contrast/1", "c", (0.1, 0.3))]
        (panel,) = severity_panels({"a": row, "b": row}, ["contrast"], (1,), Emphasis(named=["b"], others=["a"]))
        assert [[point.low is not None for point in line.points] for line in panel.lines] == [
            [False] * 2,
            [False, True],
        ]
        assert all("95% interval 10.0\N{EN DASH}30.0" in line.points[-1].words for line in panel.lines)

    def test_up_to_six_models_are_all_named(self):
        row = {f"model {k}": self.rows([0.1, 0.2]) for k in range(6)}
        assert emphasis(row, "model 3", ("c",)) == Emphasis(named=list(row))

    def test_words_give_the_numbers_to_those_who_do_not_see_the_plot(self):
        (panel,) = severity_panels({"a": self.rows([0.1, 0.25])}, ["contrast"], (1,), A)
        assert "contrast" in panel.words
        assert "a 25.0%" in panel.words
        assert panel.lines[0].points[1].words == "a, severity 1: 25.0%"

    def test_no_corruption_gives_no_panel(self):
        assert severity_panels({"a": [error(0.1)]}, [], (1, 2), A) == []


def test_a_frame_puts_large_values_high():
    frame = Frame(x_range=(0, 10), y_range=(0, 1), left=0, top=0, width=100, height=50)
    assert (frame.x(0), frame.x(10), frame.y(0), frame.y(1)) == (0, 100, 50, 0)


@pytest.mark.parametrize(("right", "words"), [(0, "80.0 points overconfident"), (10, "20.0 points underconfident")])
def test_a_reliability_diagram_says_how_far_confidence_is_off(right, words):
    curve = reliability_curve(np.full(10, 0.8), np.arange(10) < right)
    panel = reliability_panel("clean", "a", 0, curve)
    assert words in panel.words
    assert "10 predictions in 1 bins" in panel.words
