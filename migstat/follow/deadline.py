"""The time limit of a watch: every pause is cut short there, and no request is made after it."""

from __future__ import annotations

import math

from migstat.api.retry import Clock, Policy, Sleep

WATCH_POLICY = Policy(give_up_after=8.0)
"""Retries of a single request. What still fails then is an outage, which a watch sits out however long it takes."""


class Stopped(BaseException):
    """The watch must end now: `signal` arrived or, if it is 0, the time is up.

    Raised by anything a watch waits for: a pause, or a request under way. Not an Exception, so that nothing on the way
    up takes it for a failed request.
    """

    def __init__(self, signal: int = 0) -> None:
        super().__init__(signal)
        self.signal = signal


class Deadline:
    """The time limit of a whole watch, `seconds` from now; None for no limit.

    `clock` counts seconds, and must keep counting while the machine is suspended. Requests keep to the limit because
    the client gets `sleep` and `ends_at`.
    """

    def __init__(self, clock: Clock, sleep: Sleep, seconds: float | None) -> None:
        self.clock = clock
        self._sleep = sleep
        self.began_at = clock()
        self.ends_at = math.inf if seconds is None else self.began_at + seconds

    def sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the end. Raises Stopped there."""
        left = self.ends_at - self.clock()
        self._sleep(max(0.0, min(seconds, left)))
        if seconds >= left:
            raise Stopped
