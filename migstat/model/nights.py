"""A migration as a record tells it: when each node began and ended, and when nobody was looking."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from migstat.model.documents import LateReason
from migstat.model.events import Condition, End, PhaseSeen
from migstat.model.nodes import Level, Millis, Phase, State
from migstat.model.verdict import Reason, Verdict


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One node from its start to its end, of its last run if it began again.

    `started` and `ended` are None while it has not begun or ended, and where nobody knows when; `exact` is False where
    either is the time of the poll that saw it, as the API told none. `percent` and `progress` are the last ones told.
    """

    level: Level
    state: State
    status: str | None = None
    outcome: str | None = None
    message: str | None = None
    started: Millis | None = None
    ended: Millis | None = None
    exact: bool = True
    phases: tuple[PhaseSeen, ...] = ()
    percent: float | None = None
    progress: tuple[Phase, ...] = ()

    @property
    def name(self) -> str:
        """The last name of the level; the root's is empty."""
        return self.level[-1] if self.level else ""

    @property
    def seconds(self) -> float | None:
        """Seconds from start to end; None unless both are known."""
        return None if self.started is None or self.ended is None else (self.ended - self.started) / 1000


class Watched(msgspec.Struct, frozen=True):
    """One watch from its first to its last recorded event; `end` is None if it was killed, or still goes on."""

    since: Millis
    to: Millis
    end: End | None


class Silence(msgspec.Struct, frozen=True):
    """An outage and its cause; `to` is None if the record ends before it does."""

    since: Millis
    to: Millis | None
    code: str
    message: str


class Night(msgspec.Struct, frozen=True, kw_only=True):
    """All that a record, or a `projects` document, tells of one task.

    `spans` holds the root and every node that has a status, or that is missing. `as_of` is the time of the last event,
    `exit_code` that of the last watch if it has ended. `readings`, `stalled` and `late` (the deadline that each reason
    was last said about) are what a watch that resumes the record need not say again. `warnings` say, a
    line each, what was skipped.
    """

    job_id: str | None = None
    job_name: str | None = None
    destination: str | None = None
    task_id: str | None = None
    task_type: str | None = None
    spans: Mapping[Level, Span] = {}
    watches: tuple[Watched, ...] = ()
    outages: tuple[Silence, ...] = ()
    verdict: Verdict = Verdict.PENDING
    reasons: tuple[Reason, ...] = ()
    exit_code: int | None = None
    missing: tuple[str, ...] = ()
    as_of: Millis | None = None
    readings: dict[Level, Condition] = {}
    stalled: frozenset[Level] = frozenset()
    late: dict[LateReason, Millis] = {}
    warnings: tuple[str, ...] = ()
