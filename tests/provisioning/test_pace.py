"""Requests go out no faster than an application takes them, and slower when it says so.

The clock is the standard library's, replaced by one that moves only when somebody sleeps.
"""

import time

import pytest

from provisioning.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    return clock


def send(pace: Pace, clock: Clock, count: int) -> float:
    """Seconds that so many requests took."""
    began = clock.now
    for _ in range(count):
        pace.wait()
    return clock.now - began


def test_without_a_limit_nobody_waits(clock: Clock) -> None:
    assert send(Pace(), clock, 1000) == 0


def test_a_limit_is_kept(clock: Clock) -> None:
    assert send(Pace(5), clock, 105) == pytest.approx(20, abs=0.5)


def test_after_a_pause_a_second_s_worth_goes_out_at_once(clock: Clock) -> None:
    pace = Pace(5)
    send(pace, clock, 50)
    clock.now += 60
    assert send(pace, clock, 5) == pytest.approx(0, abs=0.01)
    assert send(pace, clock, 5) == pytest.approx(1, abs=0.01)


def test_being_asked_for_less_halves_the_rate_which_grows_back(clock: Clock) -> None:
    pace = Pace(8)
    send(pace, clock, 8)
    pace.slow_down()
    assert pace.rate == 4
    pace.slow_down()
    assert pace.rate == 2
    send(pace, clock, 1000)
    assert pace.rate == 8


def test_it_never_stops_altogether(clock: Clock) -> None:
    pace = Pace(1)
    for _ in range(20):
        pace.slow_down()
    assert pace.rate == 0.2
    assert send(pace, clock, 3) < 20


def test_without_a_limit_one_is_learned_from_what_was_too_fast(clock: Clock) -> None:
    pace = Pace()
    for _ in range(40):
        pace.wait()
        clock.now += 0.01
    pace.slow_down()
    assert pace.rate == pytest.approx(50, rel=0.05)
    assert send(pace, clock, 150) > 1
