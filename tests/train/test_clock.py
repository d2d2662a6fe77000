"""Where the time went: exact on a clock and events that the test moves."""

import pytest
import torch

from train.clock import StepClock


class Time:
    """A clock of seconds, for the program and for a device whose events record it."""

    def __init__(self):
        self.now = 0.0


@pytest.fixture
def program(monkeypatch):
    time = Time()
    monkeypatch.setattr("train.clock.time.perf_counter", lambda: time.now)
    return time


@pytest.fixture
def device():
    return Time()


def fake_event(device: Time):
    class Event:
        def record(self):
            self.at = device.now

        def elapsed_time(self, later):
            return 1000 * (later.at - self.at)

        def synchronize(self):
            pass

    return Event


def slow_batches(program: Time, seconds: float, count: int):
    for number in range(count):
        program.now += seconds
        yield number


def test_on_the_cpu_the_time_is_split_into_waiting_and_computing(program):
    clock = StepClock(torch.device("cpu"))
    program.now += 100
    clock.restart()
    for _ in clock.timed(slow_batches(program, 1.0, 2)):
        with clock.computing():
            program.now += 3.0
        program.now += 1.0
    assert clock.seconds == 10
    assert clock.shares() == {"wait": 0.2, "copy": 0.0, "compute": 0.6}


@pytest.mark.parametrize("rounds", [1, 3])
def test_on_a_device_events_tell_compute_and_the_part_of_the_gap_that_is_no_waiting_is_copy(program, device, rounds):
    clock = StepClock(torch.device("cuda"), fake_event(device))
    for _ in range(rounds):
        clock.restart()
        for number in clock.timed(slow_batches(program, 0.5, 3)):
            if number:
                device.now += 2.0  # the stream stands: half a second for the loader, the rest for the copy
            with clock.computing():
                device.now += 4.0
            program.now += 5.0
        shares = clock.shares()
        assert clock.seconds == 16.5
        assert shares == pytest.approx({"wait": 1.5 / 16.5, "copy": (4.0 - 1.5) / 16.5, "compute": 12 / 16.5})


def test_an_interval_without_steps_has_shares_of_nothing(program, device):
    shares = StepClock(torch.device("cuda"), fake_event(device)).shares()
    assert shares == {"wait": 0.0, "copy": 0.0, "compute": 0.0}
