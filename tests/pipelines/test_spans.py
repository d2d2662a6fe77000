"""Spans are kept by thread while somebody records, and only then."""

import threading

import pytest

from pipelines.spans import recording, span


def test_nothing_is_kept_outside_of_a_recording():
    with span("before"):
        pass
    with recording() as spans, span("inside"):
        pass
    with span("after"):
        pass
    assert [s.name for s in spans] == ["inside"]


def test_spans_tell_their_thread_and_nest():
    with recording() as spans:

        def work():
            with span("outer"), span("inner"):
                pass

        thread = threading.Thread(target=work, name="worker")
        thread.start()
        thread.join()
    inner, outer = spans
    assert (inner.name, outer.name, inner.thread_name) == ("inner", "outer", "worker")
    assert outer.start <= inner.start <= inner.stop <= outer.stop
    assert inner.thread == outer.thread != threading.get_native_id()


def test_a_span_that_raises_is_kept_too():
    with recording() as spans, pytest.raises(ZeroDivisionError), span("fails"):
        _ = 1 / 0
    assert [s.name for s in spans] == ["fails"]


def test_two_recordings_at_a_time_are_refused_and_the_first_goes_on():
    with recording() as spans:
        with pytest.raises(RuntimeError, match="recorded already"), recording():
            pass
        with span("still"):
            pass
    assert [s.name for s in spans] == ["still"]
