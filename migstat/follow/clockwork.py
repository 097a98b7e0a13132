"""Sets a watch going: with patience for every request, and until the time for the whole of it is up."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from migstat.api.retry import Clock, Policy, Sleep
from migstat.follow.poll import Poller
from migstat.follow.watch import Plan, TimeIsUp, Timing, Watch
from migstat.model.events import Seen
from migstat.model.nodes import Job, Level, Page, Question
from migstat.query.task import TaskSession

PATIENCE = Policy(give_up_after=8.0)
"""For one request; then it is an outage, which is told and has no end but the watch's own."""


class Clockwork:
    """Sleeps and asks until the time for the whole watch is up; `before_pause` is called before each pause.

    `ends_after` seconds from now, None for never; `ends_at` is that as a reading of the clock.
    """

    def __init__(self, clock: Clock, sleep: Sleep, ends_after: float | None) -> None:
        self.before_pause: Callable[[], None] = lambda: None
        self.clock = clock
        self._sleep = sleep
        self.ends_at = math.inf if ends_after is None else clock() + ends_after

    def sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the end. Raises TimeIsUp there."""
        left = self.ends_at - self.clock()
        self._sleep(max(0.0, min(seconds, left)))
        if seconds >= left:
            raise TimeIsUp

    def check(self) -> None:
        """Raise TimeIsUp after the end."""
        if self.clock() >= self.ends_at:
            raise TimeIsUp

    def pause(self, seconds: float) -> None:
        """The same between two polls."""
        self.before_pause()
        self.sleep(seconds)


class _Timely:
    """Asks like the session, but nothing more after the end. Raises TimeIsUp there."""

    def __init__(self, session: TaskSession, clockwork: Clockwork) -> None:
        self._session = session
        self._clockwork = clockwork

    def ask(self, question: Question) -> Page:
        self._clockwork.check()
        return self._session.ask(question)

    def reading(self, level: Level, count: int) -> None:
        self._session.reading(level, count)

    @property
    def job(self) -> Job:
        return self._session.job

    @property
    def known_type(self) -> str | None:
        return self._session.known_type

    @property
    def asked_type(self) -> str | None:
        return self._session.asked_type


def watch_of(
    asked: TaskSession,
    plan: Plan,
    clockwork: Clockwork,
    now: Clock,
    *,
    interruptible: Callable[[], AbstractContextManager[None]] = nullcontext,
    seen: Callable[[], Seen] = Seen,
) -> Watch:
    """A watch of what is asked about, whose requests should wait with `PATIENCE` and the clockwork's sleep.

    `now` is epoch seconds; for the others see Timing and Watch.
    """
    poller = Poller(_Timely(asked, clockwork), asked.rate_limit)
    timing = Timing(clockwork.clock, now, clockwork.pause, random.random, interruptible)
    return Watch(
        lambda: asked.task,
        poller,
        plan,
        timing,
        job_is_there=lambda: asked.api.job(asked.job_id),
        seen=seen,
    )
