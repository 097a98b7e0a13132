"""The data of the program: nodes of the status tree, jobs and tasks.

Any field of an answer may be missing, and unknown values may appear; both are kept. What a status
and an outcome mean is decided here, once, as a node's `State`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any

import msgspec

Level = tuple[str, ...]
"""Path of names from the task's root down, as in the API's `level`; the root is `()`."""

Millis = int
"""An instant in epoch milliseconds, as in the API's `details`."""

CHECK: Level = ("check",)
MIGRATE: Level = ("migrate",)
HIDDEN = ("projects", "spaces")
"""Children of `migrate` that the API does not list among its children: they have no status of their own."""
HIDDEN_LEVELS: tuple[Level, ...] = tuple((*MIGRATE, name) for name in HIDDEN)

APPS = "apps"
"""The scope that migrates after the core and independently of it."""

EARLIEST_STAMP: Millis = 978_307_200_000
"""The year 2001: an earlier stamp is in seconds, or meaningless."""

LATEST_PLAUSIBLE: Millis = 100_000_000_000_000
"""The year 5138: a later stamp is in microseconds, or meaningless, and Python's calendar ends in the year 9999."""

CLOCK_SKEW: Millis = 86_400_000
"""What has happened was not stamped further in the future than this, even if a clock is wrong."""


class TaskType(StrEnum):
    """A `check` runs the pre-flight checks only, a `migrate` runs them and then the migration."""

    CHECK = "check"
    MIGRATE = "migrate"


class Status(StrEnum):
    """Statuses the API is known to send, and those its guides use for ends; others may appear."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    FINISHED = "FINISHED"
    CANCELLED = "CANCELLED"
    CANCELED = "CANCELED"
    STOPPED = "STOPPED"
    ABORTED = "ABORTED"
    FAILED = "FAILED"
    ERROR = "ERROR"
    TIMED_OUT = "TIMED_OUT"
    INCOMPLETE = "INCOMPLETE"


class Outcome(StrEnum):
    """The outcomes that the API is known to send once a node has ended; others may appear."""

    FAILED = "FAILED"
    INCOMPLETE = "INCOMPLETE"
    WARNING = "WARNING"
    SUCCESS = "SUCCESS"
    SKIPPED = "SKIPPED"


RARE_FAILURES: tuple[str, ...] = (Outcome.INCOMPLETE, "STOPPED", "CANCELLED", "TIMED_OUT")
"""Bad outcomes that are seen rarely, if ever."""

_UNFINISHED = frozenset({Status.PENDING, Status.IN_PROGRESS})
_ENDED: frozenset[str] = frozenset(Status) - _UNFINISHED


class State(StrEnum):
    """The one vocabulary for a node: glyph, color, filter, JSON and prose all use these words.

    Members are in display order: what needs attention first.
    """

    rank: int
    """Position in the order of the members; 0 is the worst."""
    ended: bool
    """True if nothing more will happen to the node."""

    FAILED = "failed"
    MISSING = "missing"
    WARNING = "warning"
    RUNNING = "running"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"


for _rank, _state in enumerate(State):
    _state.rank, _state.ended = _rank, _state not in (State.RUNNING, State.PENDING, State.MISSING)

_STATE_OF_OUTCOME: dict[str, State] = {
    Outcome.WARNING: State.WARNING,
    Outcome.SUCCESS: State.SUCCEEDED,
    Outcome.SKIPPED: State.SKIPPED,
}


class Phase(msgspec.Struct, frozen=True, gc=False):
    """One line of a running node's progress, such as `issues: 120 of 4000`; counts may be missing."""

    name: str | None
    processed: float | None
    total: float | None


class Node(msgspec.Struct, frozen=True, gc=False):
    """One node of a task's status tree.

    `details` is what the API sent under that name. `percent` (0..100) and `progress` come only while the node runs
    and describe its current phase only. `children` is None if they were not requested. `unreadable` says why the
    node or the level below it could not be read. `missing` marks a project or space that the job names and the API has
    not reported, `over` a level of a task that has ended: nothing in it goes on. `raw` is the API's own JSON, kept only
    if it was asked for.
    """

    level: Level = ()
    status: str | None = None
    outcome: str | None = None
    message: str | None = None
    details: Mapping[str, Any] = {}
    percent: float | None = None
    progress: tuple[Phase, ...] = ()
    children: tuple[Node, ...] | None = None
    unreadable: str | None = None
    raw: Mapping[str, Any] | None = None
    missing: bool = False
    over: bool = False

    @property
    def name(self) -> str:
        """The last name of the level; the root's is empty."""
        return self.level[-1] if self.level else ""

    @property
    def ended(self) -> bool:
        """True if the node has an outcome, or a status after which nothing more happens."""
        return bool(self.outcome) or self.status in _ENDED

    @property
    def state(self) -> State:
        """The meaning of status and outcome: an end without a known good outcome is a failure, no status is pending.

        A level that only has children, such as `migrate,projects`, combines their states.
        """
        if self.outcome or self.status in _ENDED:  # `ended` without the call: this runs 100,000 times a poll
            # The API's vocabulary is open, and an unknown word must never pass for a success.
            return _STATE_OF_OUTCOME.get(self.outcome or "", State.FAILED)
        if self.status is None and self.children:
            return combined_state([child.state for child in self.children], over=self.over)
        if self.missing:
            return State.MISSING
        return State.PENDING if self.status in (None, Status.PENDING) else State.RUNNING

    @property
    def says_nothing(self) -> bool:
        """True if the node itself could not be read; if only its children could not, its own state still counts."""
        return self.unreadable is not None and self.status is None and self.outcome is None

    @property
    def explanation(self) -> str | None:
        """The API's message, or the reason why the node could not be read."""
        return f"could not be read: {self.unreadable}" if self.unreadable else self.message

    @property
    def created_at(self) -> Millis | None:
        """When the node was created, in epoch milliseconds."""
        return millis(self.details.get("createdAt"))

    @property
    def started_at(self) -> Millis | None:
        """When the node began to run, in epoch milliseconds."""
        return millis(self.details.get("startedAt"))

    @property
    def last_updated_at(self) -> Millis | None:
        """When the node last changed, in epoch milliseconds."""
        return millis(self.details.get("lastUpdatedAt"))

    @property
    def excludable(self) -> bool | None:
        """True if this check's failure can be overridden; None if the API does not say."""
        value = self.details.get("excludable")
        return value if isinstance(value, bool) else None

    @property
    def description(self) -> str | None:
        """The purpose of this check."""
        value = self.details.get("description")
        return value if isinstance(value, str) else None

    @property
    def occurrences(self) -> tuple[str, ...]:
        """The findings of this check, one text each."""
        value = self.details.get("occurrences")
        if not isinstance(value, list):
            return ()
        return tuple(text if isinstance(text, str) else msgspec.json.encode(text).decode() for text in value)

    def elapsed_seconds(self, now: Millis) -> float | None:
        """Seconds from start to last update of a node that has ended, to `now` of one that runs."""
        # The API reports no end, but the last update of a node that has ended is its end.
        since, until = happened(self.started_at, now), happened(self.last_updated_at, now) if self.ended else now
        if since is None or until is None:
            return None
        if self.ended:  # in whole seconds, which are all that a record keeps: `timeline` must not say something else
            return max(0.0, until // 1000 - since // 1000)
        return max(0, until - since) / 1000


class Question(msgspec.Struct, frozen=True):
    """A question about a level: its node, or (`expand`) its children, of one status or outcome, starting at a cursor.

    `page` counts the pages of one walk from 1; it is for messages, the API never sees it.
    """

    level: Level
    expand: bool = False
    status: str | None = None
    outcome: str | None = None
    cursor: str | None = None
    page: int = 1


class Page(msgspec.Struct, frozen=True):
    """One answer about a level: its node with the children of this page, and the cursor of the next.

    `found` is False for `data: {}`, the API's way of saying, with HTTP 200, that the level does not exist (yet). `size`
    is that of the answer, in bytes.
    """

    node: Node
    next: str | None
    found: bool
    links: Mapping[str, Any] = {}
    size: int = 0


class Artifact(msgspec.Struct, frozen=True):
    """A report or an error log of a run; `expires_at` in epoch milliseconds, or the text that the API sent."""

    name: str | None
    location: str | None
    expires_at: Any


class Task(msgspec.Struct, frozen=True):
    """One run of a job; `created_at` as the API sent it (ISO 8601).

    `overridden` are the checks whose failure was overridden for this run.
    """

    task_id: str
    task_type: str | None
    created_at: Any
    artifacts: tuple[Artifact, ...]
    overridden: tuple[str, ...] = ()


class TaskPage(msgspec.Struct, frozen=True):
    """One page of a job's runs, newest first; `flaws` say what could not be read, one line each."""

    tasks: tuple[Task, ...]
    next: str | None
    flaws: tuple[str, ...] = ()


class Job(msgspec.Struct, frozen=True):
    """An immutable migration definition; `raw` is all of it as the API sent it.

    `flow` is product and direction, such as `jira-onpremises-to-cloud`, empty if unknown. `destination` is the URL of
    the cloud site. `keys` are those of all projects and spaces that the job names, each once. `named_scopes` are the
    scopes that the job says it moves; `moves_projects` is False if neither projects nor spaces are among them. `scopes`
    are the hidden levels in the order in which to look for them.
    """

    raw: Mapping[str, Any]
    name: str | None = None
    flow: str = ""
    destination: str | None = None
    keys: tuple[str, ...] = ()
    named_scopes: tuple[str, ...] = ()
    moves_projects: bool = True
    scopes: tuple[str, ...] = HIDDEN
    _included: Mapping[str, tuple[str, ...]] = {}

    def included_keys(self, scope: str) -> tuple[str, ...]:
        """Keys of the job's scope that must appear below `migrate,projects` or `migrate,spaces`."""
        return self._included.get(scope, ())


def nodes_of(node: Node) -> Iterator[Node]:
    """The node and all below it, parents before their children."""
    yield node
    for child in node.children or ():
        yield from nodes_of(child)


def child_of(node: Node | None, name: str) -> Node | None:
    """The child of that name, if it was read."""
    return next((child for child in (node.children or ()) if child.name == name), None) if node else None


def by_name(nodes: Iterable[Node]) -> list[Node]:
    """Sort nodes by name, ignoring case; in two passes, since a combined key takes memory."""
    ordered = sorted(nodes, key=lambda node: node.name)
    ordered.sort(key=lambda node: node.name.casefold())
    return ordered


def match_keys(keys: Collection[str], names: Iterable[str]) -> dict[str, str]:
    """Map each key of the job's scope to the reported name that it stands for; keys that match none are left out.

    A name matches exactly, else ignoring case if that is unambiguous (assumed: keys and names may differ in case).
    """
    if not keys:  # there may be 100,000 names
        return {}
    reported = dict.fromkeys(names)
    exact = {key for key in keys if key in reported}
    folded: dict[str, list[str]] = {}
    for name in reported:
        if name not in exact:
            folded.setdefault(name.casefold(), []).append(name)
    found: dict[str, str] = {}
    for key in keys:
        if key in exact:
            found[key] = key
        elif len(alike := folded.get(key.casefold(), [])) == 1:
            found[key] = alike.pop()  # a name stands for one key only
    return found


def unmatched(keys: Collection[str], names: Iterable[str]) -> tuple[str, ...]:
    """The keys of the job's scope that none of the reported names stands for."""
    found = match_keys(keys, names)
    return tuple(key for key in keys if key not in found)


def level_text(level: Level) -> str:
    """A level for people: as the API writes it."""
    return ",".join(level) or "the task"


def levels_above(nodes: Iterable[Node]) -> set[Level]:
    """The levels of all parents of these nodes. Where something went wrong, a parent only repeats it."""
    return {node.level[:depth] for node in nodes for depth in range(len(node.level))}


def combined_state(states: list[State], *, over: bool = False) -> State:
    """The state of several nodes together: running while any has begun and any has not ended, else the worst.

    With `over` nothing continues: a node that has not ended never will, and has failed.
    """
    if all(state in (State.PENDING, State.MISSING) for state in states):
        return State.PENDING if State.PENDING in states or not states else State.MISSING
    if any(not state.ended for state in states):
        return State.FAILED if over else State.RUNNING
    worst = min(states, key=attrgetter("rank"))
    return State.SUCCEEDED if worst is State.SKIPPED and State.SUCCEEDED in states else worst


def millis(value: object) -> Millis | None:
    """Epoch milliseconds; None for another type, or a number that is unlikely to be a time.

    That includes epoch seconds: the API documents milliseconds, and a wrong time is worse than none.
    """
    if type(value) is not int and not isinstance(value, float):  # to isinstance, True would be an int
        return None
    return int(value) if EARLIEST_STAMP <= value <= LATEST_PLAUSIBLE else None


def happened(at: Millis | None, now: Millis) -> Millis | None:
    """The stamp of something that has happened by `now`; None if it lies too far in the future."""
    return at if at is not None and at <= now + CLOCK_SKEW else None


def instant(value: object) -> Millis | None:
    """Epoch milliseconds of an instant, given as such or as ISO 8601; None for anything else."""
    if not isinstance(value, str):
        return millis(value)
    try:
        when = datetime.fromisoformat(value)
        return millis(round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000))
    except (ValueError, OverflowError):
        return None
