"""How long the end of a task must have been seen before it is believed: the API reports its nodes little by little."""

from __future__ import annotations

import math
from collections.abc import Collection

import msgspec
from msgspec.structs import replace

from migstat.api.retry import Clock
from migstat.model.nodes import Level, Millis
from migstat.model.shape import Evidence
from migstat.model.verdict import (
    SETTLED_AFTER,
    Assessment,
    Until,
    Verdict,
    assess,
    failed_so_far,
    old_by_stamps,
)

UNREAD = 600.0
"""Seconds after a task's end after which a level that answers nothing but errors is given up."""

SETTLED = SETTLED_AFTER / 1000
"""Seconds after which an end is believed, whatever is missing."""

UNSCHEDULED = 30.0
UNSCHEDULED_POLLS = 2
"""Seconds and full readings after which a migration whose checks failed is taken not to be scheduled.

Someone may have overridden the failed checks, and then `migrate` begins some seconds after them.
"""


class Settling(msgspec.Struct):
    """How long an end has been seen, which decides whether it is believed. All times are of the watch's own clock.

    `assess` judges a reading both ways, as if the end had settled and as if not. Which way counts is a matter of time,
    and the times are kept here: since when the end was seen, something reported before is gone, something that decides
    could not be read, or no migration has begun although its checks have ended badly. `given_up` says that what decides
    could not be read for too long.
    """

    _until: Until
    _clock: Clock
    given_up: bool = False
    _ended_since: float | None = None
    _gone_since: dict[Level, float] = {}
    _settled_at: float = 0.0
    _unread_since: float | None = None
    _unscheduled_since: float | None = None
    _unscheduled_polls: int = 0

    def begin(self, evidence: Evidence, now: Millis) -> None:
        """Take in the first reading, made at `now` (epoch milliseconds by the API's clock), before it is judged.

        What ended long before the watch began need not settle again. This is the only place where the API's stamps
        count: what the watch has seen happen is timed by its own clock, as stamps may lie.
        """
        settled, unscheduled = old_by_stamps(evidence, now, unstamped=False)
        if settled and evidence.root.ended:
            self._ended_since = self._clock() - SETTLED
        if unscheduled:
            self._unscheduled_since, self._unscheduled_polls = self._clock() - SETTLED, UNSCHEDULED_POLLS

    def judge(self, evidence: Evidence, *, full: bool, gone: Collection[Level] = ()) -> Assessment:
        """Judge a reading, `full` or only a poll; `gone` are levels that would count, and were reported before."""
        clock = self._clock()
        # what comes back is timed anew if it goes again, but not after the end, or coming and going would put it off
        kept = gone if self._ended_since is None else self._gone_since
        self._gone_since = {level: self._gone_since.get(level, clock) for level in (*kept, *gone)}
        gone_since = max((self._gone_since[level] for level in gone), default=-math.inf)
        found = assess(evidence, self._until, settled=False, lacking=clock - gone_since < SETTLED)
        if found.ended:
            if self._ended_since is None:
                self._ended_since = clock
            self._settled_at = max(self._ended_since, gone_since) + SETTLED
            if clock >= self._settled_at:
                found = assess(evidence, self._until, settled=True)
        elif not evidence.shape.blocked:
            self._ended_since = self._unscheduled_since = None
            self._unscheduled_polls = 0
        else:
            self._ended_since = None
            if self._unscheduled_since is None:
                self._unscheduled_since = clock
            self._unscheduled_polls += full
            if clock - self._unscheduled_since >= _patience(evidence) and self._unscheduled_polls >= UNSCHEDULED_POLLS:
                found = assess(evidence, self._until, settled=False, unscheduled=True)
        if not found.unread or not (found.ended or evidence.root.unreadable):
            self._unread_since = None
        elif self._unread_since is None and full:
            self._unread_since = clock
        self.given_up = self._unread_since is not None and clock - self._unread_since >= UNREAD
        if self.given_up and failed_so_far(evidence, self._until, strict=False):
            # the root itself may be what cannot be read, and then it never says that the task is over
            found = replace(found, verdict=Verdict.FAILED)
        return found

    def seconds_left(self, evidence: Evidence, found: Assessment) -> float | None:
        """Seconds until an end that is not believed yet will be; None if there is no such end."""
        since = self._ended_since if found.ended else self._unscheduled_since
        if found.over or since is None or found.unread:  # it is not the time that it waits for
            return None
        at = self._settled_at if found.ended else since + _patience(evidence)
        return max(at - self._clock(), 0.0)


def _patience(evidence: Evidence) -> float:
    """Seconds after which checks that failed have ended a migration that has not begun."""
    check = evidence.shape.check
    # an end without an outcome may still turn out to be a good one
    return UNSCHEDULED if check is not None and check.outcome else SETTLED
