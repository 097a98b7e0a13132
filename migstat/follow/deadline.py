"""The end of a watch's time: every pause is cut there, and nothing is asked after it."""

from __future__ import annotations

import math

from migstat.api.retry import Clock, Policy, Sleep

PATIENCE = Policy(give_up_after=8.0)
"""For one request; then it is an outage, which is reported and has no end but the watch's own."""


class Stopped(BaseException):
    """The watch is to end now: `signal` arrived or, if it is 0, the time is up.

    Raised by what a watch waits for: a pause, or a request under way.
    """

    def __init__(self, signal: int = 0) -> None:
        super().__init__(signal)
        self.signal = signal


class Deadline:
    """Sleeps and asks until the time for the whole watch is up, `seconds` from now; None for no limit.

    `clock` counts seconds and must go on while the machine is suspended.
    """

    def __init__(self, clock: Clock, sleep: Sleep, seconds: float | None) -> None:
        self.clock = clock
        self._sleep = sleep
        self.ends_at = math.inf if seconds is None else clock() + seconds

    def check(self) -> None:
        """Raise Stopped if the time is up."""
        if self.clock() >= self.ends_at:
            raise Stopped

    def sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the end. Raises Stopped there."""
        left = self.ends_at - self.clock()
        self._sleep(max(0.0, min(seconds, left)))
        if seconds >= left:
            raise Stopped
