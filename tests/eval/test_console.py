"""`eval.console`: the same numbers on a terminal and in a plain log."""

import sys

import pytest

from eval.console import cell_progress, print_table
from eval.suites import Measurement
from eval.tables import Measured, headline_table


@pytest.fixture
def table():
    def top1(value: float) -> Measurement:
        return Measurement(
            suite="clean",
            cell="clean",
            metric="top1_error",
            protocol="strict",
            value=value,
            count=1234,
            interval=(value - 0.01, value + 0.01),
        )

    return headline_table(Measured.of({"plain": [top1(0.25)], "[red]odd[/red]": [top1(0.1)]}))


@pytest.mark.parametrize("terminal", [False, True])
def test_the_table_shows_models_counts_intervals_and_the_lowest(table, terminal, monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setenv("COLUMNS", "160")
    print_table(table)
    printed = capsys.readouterr().out
    for text in ("Clean, top-1 error", "1,234", "plain", "[red]odd[/red]", "25.0 (24.0", "10.0* (9.0", "* best"):
        assert text in printed


def test_plain_progress_is_a_line_a_cell(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    with cell_progress(2) as finished:
        finished("clean")
        finished("contrast/1")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" (")[0] for line in lines] == ["[1/2] clean", "[2/2] contrast/1"]


def test_progress_on_a_terminal_counts_the_cells(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with cell_progress(2) as finished:
        finished("clean")
        finished("contrast/1")
    assert "2/2" in capsys.readouterr().err
