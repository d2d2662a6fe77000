"""Calls in the background come in order, one at a time, and none that fails is passed over."""

import contextlib
import threading

import pytest

from writers.background import Background


@pytest.fixture
def background():
    with contextlib.closing(Background()) as background:
        yield background


def start_some(background):
    for _ in range(3):
        background.start(lambda: None)


def test_calls_are_made_in_order_and_waited_for(background):
    made = []
    for number in range(20):
        background.start(lambda number=number: made.append(number))
    background.wait()
    assert made == list(range(20))


def test_the_caller_runs_at_most_two_calls_ahead(background):
    made, free = [], threading.Semaphore(0)

    def call():
        free.acquire()
        made.append(None)

    background.start(call)
    background.start(call)
    for number in range(1, 6):
        free.release()
        background.start(call)
        assert len(made) == number
    free.release(2)


@pytest.mark.parametrize("after", [0, 1, 3])
def test_an_error_is_raised_at_every_wait_and_stops_the_caller(background, after):
    for _ in range(after):
        background.start(lambda: None)
    background.start(lambda: 1 // 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            background.wait()
    with pytest.raises(ZeroDivisionError):
        start_some(background)
    with pytest.raises(ZeroDivisionError):
        background.wait()
