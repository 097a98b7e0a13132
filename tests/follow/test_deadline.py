"""The time limit of a watch: it neither sleeps nor asks beyond it."""

from __future__ import annotations

import pytest

from migstat.follow.deadline import Deadline, Stopped
from tests.watching import Time


@pytest.mark.parametrize(
    ("seconds", "sleeps", "slept", "stops"),
    [
        (None, [3600.0, 1.0], [3600.0, 1.0], False),
        (10.0, [4.0, 5.0], [4.0, 5.0], False),
        (10.0, [4.0, 6.0], [4.0, 6.0], True),
        (10.0, [4.0, 60.0], [4.0, 6.0], True),
        (10.0, [10.0, 1.0], [10.0], True),
    ],
)
def test_nobody_sleeps_beyond_the_end(
    seconds: float | None, sleeps: list[float], slept: list[float], stops: bool
) -> None:
    """A sleep is cut short at the end, where Stopped is raised, and no request is made after it."""
    clock = Time()
    deadline = Deadline(clock.clock, clock.sleep, seconds)
    stopped = False
    try:
        for each in sleeps:
            deadline.check()
            deadline.sleep(each)
    except Stopped as stop:
        stopped = stop.signal == 0
        with pytest.raises(Stopped):
            deadline.check()
    assert (clock.slept, stopped) == (slept, stops)
