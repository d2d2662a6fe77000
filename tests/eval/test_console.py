"""`eval.console`: the same numbers on a terminal and in a plain log."""

import sys

import pytest

from eval.console import print_table
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
