"""The events of a watch: one small frozen type each. Times are epoch milliseconds, durations seconds."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

import msgspec

from migstat.model.crowd import Summary
from migstat.model.nodes import Level, Millis, Node, Phase, State
from migstat.model.verdict import Reason, Snapshot, Verdict


class Condition(msgspec.Struct, frozen=True):
    """The status and outcome of a node at one moment."""

    status: str | None
    outcome: str | None

    @property
    def state(self) -> State:
        """The state that follows from both."""
        return Node((), self.status, self.outcome).state


class Snapped(msgspec.Struct, frozen=True):
    """All that is known when a watch begins, and again when a record is resumed.

    The node of the snapshot is the root with everything below it. `scope`, `not_before` and `estimated_end` are those
    of a View.
    """

    at: Millis
    snapshot: Snapshot
    scope: str = "projects"
    not_before: Millis | None = None
    estimated_end: Millis | None = None


class Changed(msgspec.Struct, frozen=True):
    """A node's status or outcome changed; `before` is None if the node was not reported until now.

    `counts` is False for an accepted check, and for a node that merely sums up checks if some are accepted.
    """

    at: Millis
    node: Node
    before: Condition | None
    counts: bool = True


class Progressed(msgspec.Struct, frozen=True):
    """A running node made progress in its phase, or began the next one."""

    at: Millis
    level: Level
    percent: float | None
    progress: tuple[Phase, ...]


class Stalled(msgspec.Struct, frozen=True):
    """A running node has made no progress for `since_seconds`; reported again only after it has moved.

    Progress is `percent` and the phases' counts; only a node without any is judged by its last update. The root means
    that nothing at all has been reported in that time.
    """

    at: Millis
    level: Level
    since_seconds: float


class Outage(msgspec.Struct, frozen=True):
    """The API has stopped answering, or a level that counts has; reported once, however often it is retried."""

    at: Millis
    code: str
    message: str
    retry_in_seconds: float


class Recovered(msgspec.Struct, frozen=True):
    """The API answers again."""

    at: Millis
    outage_seconds: float


class Alive(msgspec.Struct, frozen=True):
    """The watch goes on: five minutes have passed without another event, or `gap_seconds` without a poll.

    Such a gap is no outage: the computer or the watch was suspended.
    """

    at: Millis
    verdict: Verdict
    summary: Summary
    missing: tuple[str, ...]
    not_before: Millis | None = None
    estimated_end: Millis | None = None
    gap_seconds: float | None = None


LateReason = Literal["estimate", "passed"]
"""The end is expected after the deadline, or the deadline has passed."""


class Late(msgspec.Struct, frozen=True):
    """The end is expected after the deadline (`estimate`), or the deadline has `passed` before the end.

    `by_seconds` is how far the estimated end is past the deadline; for one that has passed, how long ago that was.
    """

    at: Millis
    deadline: Millis
    estimated_end: Millis | None
    by_seconds: float
    reason: LateReason


class End(StrEnum):
    """How a watch ended: the name of its last event."""

    FINISHED = "finished"
    FAILED_FAST = "failed-fast"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"
    ERROR = "error"


class Ended(msgspec.Struct, frozen=True):
    """The last event: how the watch ended, the overall result and its reasons, and the exit code.

    `notes` name what does not count: scopes that were never reported, and nodes that are no longer reported.
    """

    at: Millis
    end: End
    verdict: Verdict
    exit_code: int
    summary: Summary
    missing: tuple[str, ...]
    elapsed_seconds: float | None
    reasons: tuple[Reason, ...] = ()
    notes: tuple[str, ...] = ()


Event = Snapped | Changed | Progressed | Stalled | Outage | Recovered | Alive | Late | Ended


class PhaseSeen(msgspec.Struct, frozen=True):
    """One phase of a node as a watch has seen it, such as `import`; `to` is None while it goes on.

    `rate` is things per second over the last minutes, None until the phase has moved for a minute. `exact` is False if
    it began or ended, at an unknown moment, while no watch was reading.
    """

    name: str
    begun: Millis
    to: Millis | None = None
    processed: float | None = None
    total: float | None = None
    rate: float | None = None
    exact: bool = True


class NoAnswer(msgspec.Struct, frozen=True):
    """An outage under way: since when, why (`code` and `message` as of the last attempt), and the next attempt.

    With the code `incomplete` only a level of the task does not answer, and the message begins with its name. The API
    was `noticed` to be silent when the first attempt had failed; None if that is unknown, or if the root answers.
    """

    since: Millis
    code: str
    message: str
    next_try: Millis
    noticed: Millis | None = None


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a watch knows at one moment: screen, pages, metrics and summaries are made from it.

    `snapshot` is None until the first answer. `not_before` is a lower bound of the end; with a rehearsal there is an
    `estimated_end` to believe, and a `pace`: the time that work takes tonight over what it took then (1.12 is 12 %
    slower); `rehearsed` is how many of tonight's names it had, and how many there are. `deadline` is when it should
    have ended. `stalled` says since when a running node has not moved, `phases` which phases each running node went
    through. Intervals in seconds. `reading` is set while the first reading goes on: how many projects or spaces it has
    seen, out of how many, or of 0 if that is unknown; `snapshot` then holds these. `outage` is set while the API does
    not answer; `outages` counts those so far with it, `outage_seconds` is how long they took together. `gap_seconds` is
    how long the computer or the watch was suspended.
    """

    at: Millis
    snapshot: Snapshot | None
    scope: str = "projects"
    not_before: Millis | None = None
    estimated_end: Millis | None = None
    deadline: Millis | None = None
    pace: float | None = None
    rehearsed: tuple[int, int] | None = None
    stalled: Mapping[Level, Millis] = {}
    phases: Mapping[Level, tuple[PhaseSeen, ...]] = {}
    outage: NoAnswer | None = None
    outages: int = 0
    outage_seconds: float = 0.0
    gap_seconds: float = 0.0
    watched_seconds: float = 0.0
    interval: float = 10.0
    full_every: float = 120.0
    requests_a_minute: float = 0.0
    reading: tuple[int, int] | None = None


class Waiting(msgspec.Struct, frozen=True):
    """A pause of `seconds` begins: the command draws, saves and exports now. Neither published nor recorded."""

    # An event instead of a hook: the consumer of the events owns time and screen.

    at: Millis
    seconds: float
    view: View


class Resumed(msgspec.Struct, frozen=True):
    """A record was resumed whose last event was `since`; `changes` have happened in between, or while it was resumed.

    Neither published nor recorded: the changes themselves are.
    """

    at: Millis
    since: Millis
    changes: tuple[Changed, ...]


class Seen(msgspec.Struct, frozen=True):
    """The state an earlier watch of the same task left: readings, stalled nodes, its beginning and its last event.

    `late` is the deadline of the last event for each reason.
    """

    readings: dict[Level, Condition] = {}
    stalled: frozenset[Level] = frozenset()
    began: Millis | None = None
    last: Millis | None = None
    late: dict[LateReason, Millis] = {}
