"""Work in threads, results in order, memory flat."""

import contextlib
import threading

import pytest

from writers.ordered import map_ordered


def pool_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPoolExecutor")]


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_order(threads):
    assert list(map_ordered(lambda n: n * n, 100, threads)) == [n * n for n in range(100)]


def test_results_come_in_order_when_calls_end_in_another():
    later = threading.Event()

    def work(n):
        if n == 0:
            assert later.wait(10)
        elif n == 1:
            later.set()
        return n

    assert list(map_ordered(work, 5, threads=2)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("most", [1, 5])
def test_only_a_few_calls_run_ahead(most):
    started = []
    with contextlib.closing(map_ordered(lambda n: started.append(n), 1000, threads=2, most=most)) as results:
        for taken, _ in enumerate(results, start=1):
            assert len(started) <= taken + 9 * most - 1
            if taken == 50:
                break


def test_leaving_early_stops_the_threads():
    with contextlib.closing(map_ordered(lambda n: n, 10**9, threads=3)) as results:
        next(results)
        assert pool_threads()
    assert not pool_threads()


@pytest.mark.parametrize("place", [3, 200])
def test_an_exception_comes_at_its_place_and_stops_the_threads(place):
    results = map_ordered(lambda n: 1 // (place - n), 10**9, threads=2, most=16)
    assert [next(results) for _ in range(place)] == [*[0] * (place - 1), 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert not pool_threads()
