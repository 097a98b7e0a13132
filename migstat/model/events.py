"""What a watch tells: one small frozen type an event. Times are epoch milliseconds, durations seconds."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from migstat.model.nodes import Level, Millis, Node, Phase
from migstat.model.verdict import Snapshot, Summary, Verdict


class Reading(msgspec.Struct, frozen=True):
    """The status and outcome of a node at one moment."""

    status: str | None
    outcome: str | None


class Snapped(msgspec.Struct, frozen=True):
    """The first view of a watch: `node` is the root with all that was read below it."""

    at: Millis
    job_id: str
    task_id: str
    task_type: str | None
    verdict: Verdict
    summary: Summary
    node: Node


class Changed(msgspec.Struct, frozen=True):
    """A node's status or outcome changed; `before` is None where the node was not reported until now."""

    at: Millis
    node: Node
    before: Reading | None


class Progressed(msgspec.Struct, frozen=True):
    """A running node got on in its phase, or began the next one."""

    at: Millis
    level: Level
    percent: float | None
    progress: tuple[Phase, ...]


class Stalled(msgspec.Struct, frozen=True):
    """A running node has not moved for `since_seconds`; told once a node."""

    at: Millis
    level: Level
    since_seconds: float


class Outage(msgspec.Struct, frozen=True):
    """The API has stopped answering; told once, though it is asked again and again."""

    at: Millis
    code: str
    message: str
    retry_in_seconds: float


class Recovered(msgspec.Struct, frozen=True):
    """The API answers again after so many seconds."""

    at: Millis
    outage_seconds: float


class End(StrEnum):
    """How a watch ended, as its last event is called."""

    FINISHED = "finished"
    FAILED_FAST = "failed-fast"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"
    ERROR = "error"


class Ended(msgspec.Struct, frozen=True):
    """The last event: how it ended, what it comes down to, and the exit code."""

    at: Millis
    end: End
    verdict: Verdict
    exit_code: int
    summary: Summary
    missing: tuple[str, ...]
    elapsed_seconds: float | None


Event = Snapped | Changed | Progressed | Stalled | Outage | Recovered | Ended


class PhaseSeen(msgspec.Struct, frozen=True):
    """One phase of a node as a watch has seen it, such as `import`; `to` is None while it goes on.

    `rate` is things per second over the last minutes, None until the phase has moved for a minute.
    """

    name: str
    begun: Millis
    to: Millis | None = None
    processed: float | None = None
    total: float | None = None
    rate: float | None = None


class NoAnswer(msgspec.Struct, frozen=True):
    """An outage under way: since when, why (`code` and `message` as of the last attempt), and the next attempt."""

    since: Millis
    code: str
    message: str
    next_try: Millis


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a watch knows at one moment: screen, pages, metrics and summaries are made of it.

    `snapshot` is None until the first answer. `not_before` is a lower bound of the end; `stalled` says since when a
    running node has not moved, `phases` which phases each running node went through. Intervals in seconds.
    """

    at: Millis
    snapshot: Snapshot | None
    scope: str = "projects"
    not_before: Millis | None = None
    stalled: Mapping[Level, Millis] = {}
    phases: Mapping[Level, tuple[PhaseSeen, ...]] = {}
    outage: NoAnswer | None = None
    interval: float = 10.0
    full_every: float = 120.0
    requests_a_minute: float = 0.0


class Waiting(msgspec.Struct, frozen=True):
    """A pause of `seconds` begins: the command draws, saves and exports now. Neither published nor recorded."""

    at: Millis
    seconds: float
    view: View


class Seen(msgspec.Struct, frozen=True):
    """What an earlier watch of the same task told: last readings, whose stall, when it began and its last event."""

    readings: dict[Level, Reading] = {}
    stalled: frozenset[Level] = frozenset()
    began: Millis | None = None
    last: Millis | None = None
