"""`eval.progress`: cells and the batches within them, on a terminal and in a plain log."""

import sys
from io import StringIO

import pytest
from rich.console import Console
from rich.progress import Progress as Bar

from eval import progress
from eval.progress import BarProgress, show_progress


def evaluate(shown: bool = True) -> None:
    """Two cells, of which the second one was finished before."""
    with show_progress(2, shown) as told:
        told.begin("autoattack", 3)
        for _ in range(3):
            told.advance()
        told.finish("autoattack")
        told.finish("contrast/1")


def test_a_plain_log_has_a_line_a_cell_and_none_within_a_short_one(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    evaluate()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" (")[0] for line in lines] == ["[1/2] autoattack", "[2/2] contrast/1"]


def test_within_a_long_cell_the_plain_log_tells_batches_and_time_left(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    clock = iter(range(0, 10_000, 600))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    evaluate()
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == [
        "[1/2] autoattack: 1 of 3 batches, 0:20:00 left",
        "[1/2] autoattack: 2 of 3 batches, 0:10:00 left",
    ]
    assert [line.split(" (")[0] for line in lines[2:]] == ["[1/2] autoattack", "[2/2] contrast/1"]


def test_a_terminal_has_a_bar_for_the_cells_and_one_for_the_batches_of_the_cell_at_work():
    with Bar(console=Console(file=StringIO())) as bar:
        told = BarProgress(bar, 2)
        cells, batches = bar.tasks
        for key in ("clean", "pgd/2/0"):
            told.begin(key, 3)
            told.advance()
            assert (batches.description, batches.completed, batches.total, batches.visible) == (key, 1, 3, True)
            told.finish(key)
        assert (cells.completed, cells.total, batches.visible) == (2, 2, False)


def test_the_bars_go_to_standard_error(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    evaluate()
    assert "2/2" in capsys.readouterr().err


@pytest.mark.parametrize("terminal", [False, True])
def test_other_ranks_are_silent(terminal, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    evaluate(shown=False)
    assert capsys.readouterr().err == ""
