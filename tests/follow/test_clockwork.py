"""The end of a watch's time: nobody sleeps or asks beyond it."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from migstat.follow.clockwork import Clockwork
from migstat.follow.watch import TimeIsUp

BEGIN = 1000.0


class Time:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.slept: list[float] = []

    def clock(self) -> float:
        """Steady seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let them pass."""
        self.slept.append(seconds)
        self.now += seconds


def is_up(act: Callable[[], object]) -> bool:
    """Return whether the time was up when this was done."""
    try:
        act()
    except TimeIsUp:
        return True
    return False


@pytest.mark.parametrize(
    ("ends_after", "sleeps", "slept", "up"),
    [
        (None, [5.0, 1e9], [5.0, 1e9], False),
        (10.0, [4.0, 5.0], [4.0, 5.0], False),
        (10.0, [4.0, 6.0], [4.0, 6.0], True),
        (10.0, [4.0, 60.0], [4.0, 6.0], True),
        (10.0, [math.inf], [10.0], True),
    ],
)
def test_nobody_sleeps_beyond_the_end(
    ends_after: float | None, sleeps: list[float], slept: list[float], up: bool
) -> None:
    """A sleep that reaches the end stops there, and says that the time is up."""
    time = Time()
    clockwork = Clockwork(time.clock, time.sleep, ends_after)
    assert [is_up(lambda: clockwork.sleep(seconds)) for seconds in sleeps] == [*[False] * (len(sleeps) - 1), up]  # noqa: B023
    assert time.slept == slept


def test_nobody_sleeps_backwards() -> None:
    """Where the time was up already, as after a slow answer, nobody sleeps at all."""
    time = Time()
    clockwork = Clockwork(time.clock, time.sleep, 10.0)
    time.now += 25
    assert is_up(lambda: clockwork.sleep(1.0))
    assert time.slept == [0.0]


def test_a_pause_is_told_before_it_begins() -> None:
    """Whoever draws is called before each pause between polls, and not before other sleeps."""
    time = Time()
    told: list[float] = []
    clockwork = Clockwork(time.clock, time.sleep, None)
    clockwork.before_pause = lambda: told.append(time.now)
    clockwork.sleep(3.0)
    clockwork.pause(5.0)
    assert (told, time.slept) == ([BEGIN + 3.0], [3.0, 5.0])
