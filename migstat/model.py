"""What flows through the program: nodes of the status tree, jobs and tasks, and how the API's JSON becomes them.

Every field of an answer may be missing, and values that nobody knows may come; both are kept as they are. What a
status and an outcome mean is decided here once, as a node's `State`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum, StrEnum
from typing import Any, TypeVar

import msgspec

from migstat.errors import BadAnswer

Level = tuple[str, ...]
"""Path of names from the task's root down, as in the API's `level`; the root is `()`."""

Millis = int
"""An instant in epoch milliseconds, as in the API's `details`."""

CHECK: Level = ("check",)
MIGRATE: Level = ("migrate",)
HIDDEN = ("projects", "spaces")
"""Children of `migrate` that the API does not list among its children: they have no status of their own."""

APPS = "apps"
"""The scope that migrates after the core and independently of it."""

LATEST_PLAUSIBLE: Millis = 253_402_300_799_999
"""The last instant of the year 9999: what lies beyond is no time."""


class TaskType(StrEnum):
    """A `check` runs the pre-flight checks only, a `migrate` runs them and then the migration."""

    CHECK = "check"
    MIGRATE = "migrate"


class Status(StrEnum):
    """The statuses that the API is known to send; others may come."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    FINISHED = "FINISHED"
    CANCELLED = "CANCELLED"
    CANCELED = "CANCELED"
    STOPPED = "STOPPED"
    ABORTED = "ABORTED"
    FAILED = "FAILED"
    ERROR = "ERROR"


class Outcome(StrEnum):
    """The outcomes that the API is known to send once a node has ended; others may come."""

    FAILED = "FAILED"
    INCOMPLETE = "INCOMPLETE"
    WARNING = "WARNING"
    SUCCESS = "SUCCESS"
    SKIPPED = "SKIPPED"


_UNFINISHED = frozenset({Status.PENDING, Status.IN_PROGRESS})
_ENDED: frozenset[str] = frozenset(Status) - _UNFINISHED


class State(IntEnum):
    """What a node's status and outcome come down to, in the order in which a person wants to see them."""

    FAILED = 0
    WARNING = 1
    RUNNING = 2
    PENDING = 3
    SUCCEEDED = 4
    SKIPPED = 5

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the node."""
        return self not in (State.RUNNING, State.PENDING)


_STATE_OF_OUTCOME: dict[str, State] = {
    Outcome.WARNING: State.WARNING,
    Outcome.SUCCESS: State.SUCCEEDED,
    Outcome.SKIPPED: State.SKIPPED,
}


class Phase(msgspec.Struct, frozen=True):
    """One line of a running node's progress, such as `issues: 120 of 4000`; counts may be missing."""

    name: str | None
    processed: float | None
    total: float | None


class Node(msgspec.Struct, frozen=True):
    """One node of a task's status tree.

    `details` is what the API sent under that name. `percent` (0..100) and `progress` come only while the node runs
    and tell of its current phase only. `children` is None where they were not asked for. `unreadable` says why the
    node or the level below it could not be read. `raw` is the API's own JSON, kept only where it was asked for.
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

    @property
    def name(self) -> str:
        """The last name of the level; the root's is empty."""
        return self.level[-1] if self.level else ""

    @property
    def ended(self) -> bool:
        """Whether the node has an outcome, or a status after which nothing more happens."""
        return bool(self.outcome) or self.status in _ENDED

    @property
    def state(self) -> State:
        """What status and outcome mean: an end without a known good outcome is a failure, no status is pending.

        A level that only has children, such as `migrate,projects`, is what its children come down to.
        """
        if self.ended:
            return _STATE_OF_OUTCOME.get(self.outcome or "", State.FAILED)
        if self.status is None and self.children:
            return combined_state([child.state for child in self.children])
        return State.PENDING if self.status in (None, Status.PENDING) else State.RUNNING

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
        """Whether this check's failure can be overridden; None where the API does not say."""
        value = self.details.get("excludable")
        return value if isinstance(value, bool) else None

    @property
    def description(self) -> str | None:
        """What this check looks at."""
        value = self.details.get("description")
        return value if isinstance(value, str) else None

    @property
    def occurrences(self) -> tuple[str, ...]:
        """What this check found, one text each."""
        value = self.details.get("occurrences")
        if not isinstance(value, list):
            return ()
        return tuple(each if isinstance(each, str) else _compact(each) for each in value)

    def elapsed_seconds(self, now: Millis) -> float | None:
        """Seconds from start to last update of a node that has ended, to `now` of one that runs."""
        since, until = self.started_at, self.last_updated_at if self.ended else now
        if since is None or until is None:
            return None
        return max(0, until - since) / 1000


class Question(msgspec.Struct, frozen=True):
    """What is asked about a level: its node, or (`expand`) its children, of one status or outcome, from a cursor on.

    `page` counts the pages of one walk from 1; it is for people to read, the API never sees it.
    """

    level: Level
    expand: bool = False
    status: str | None = None
    outcome: str | None = None
    cursor: str | None = None
    page: int = 1


class Page(msgspec.Struct, frozen=True):
    """One answer about a level: its node with the children of this page, and the cursor of the next.

    `found` is False for `data: {}`, by which the API says, with HTTP 200, that there is no such level (yet).
    """

    node: Node
    next: str | None
    found: bool
    links: Mapping[str, Any] = {}


class Artifact(msgspec.Struct, frozen=True):
    """A report or an error log of a run; `expires_at` as the API sent it."""

    name: str | None
    location: str | None
    expires_at: Any


class Task(msgspec.Struct, frozen=True):
    """One run of a job; `created_at` as the API sent it (ISO 8601)."""

    task_id: str
    task_type: str | None
    created_at: Any
    artifacts: tuple[Artifact, ...]


class TaskPage(msgspec.Struct, frozen=True):
    """One page of a job's runs, newest first."""

    tasks: tuple[Task, ...]
    next: str | None


class Job(msgspec.Struct, frozen=True):
    """An immutable migration definition; `raw` is all of it as the API sent it."""

    raw: Mapping[str, Any]

    @property
    def name(self) -> str | None:
        """What the user called it."""
        value = self.raw.get("name")
        return value if isinstance(value, str) else None

    @property
    def flow(self) -> str:
        """What is moved where, such as `jira-onpremises-to-cloud`; empty where unknown."""
        value = self.raw.get("flow")
        return value if isinstance(value, str) else ""

    def included_keys(self, scope: str) -> tuple[str, ...]:
        """Keys of the job's scope that must appear below `migrate,projects` or `migrate,spaces`."""
        keys = _dict(_dict(self.raw.get("scope")).get(scope)).get("includedKeys")
        return tuple(dict.fromkeys(key for key in _list(keys) if isinstance(key, str) and key))

    @property
    def scopes(self) -> tuple[str, ...]:
        """The hidden levels in the order in which to look for them: Confluence has `spaces`, Jira `projects`.

        The API's documentation names `projects` for Confluence in one place, so the other one always follows.
        """
        spaces_first = bool(self.included_keys("spaces")) or self.flow.startswith("confluence")
        return ("spaces", "projects") if spaces_first else ("projects", "spaces")


def level_is_hidden(level: Level) -> bool:
    """Whether the API lists this level nowhere, since it only has children."""
    return level[:-1] == MIGRATE and level[-1] in HIDDEN


def combined_state(states: list[State]) -> State:
    """What several nodes come down to together: running while any has begun and any has not ended, else the worst."""
    if not states or all(state is State.PENDING for state in states):
        return State.PENDING
    if any(not state.ended for state in states):
        return State.RUNNING
    worst = min(states)
    return State.SUCCEEDED if worst is State.SKIPPED and State.SUCCEEDED in states else worst


def millis(value: object) -> Millis | None:
    """Epoch milliseconds, or None for what is none: another type, before 1970, or after the year 9999."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 < value <= LATEST_PLAUSIBLE else None


class _WirePhase(msgspec.Struct, frozen=True):
    name: str | None = None
    processed: int | float | None = None
    total: int | float | None = None


class _WireProgress(msgspec.Struct, frozen=True):
    isSupported: bool | None = None  # noqa: N815  the API's names
    percent: int | float | None = None
    data: list[_WirePhase] | None = None


class _WireNode(msgspec.Struct, frozen=True):
    status: str | None = None
    outcome: str | None = None
    message: str | None = None
    details: dict[str, Any] | None = None
    progressDetails: _WireProgress | None = None  # noqa: N815
    children: dict[str, _WireNode] | None = None


_EMPTY = _WireNode()


class _WireLinks(msgspec.Struct, frozen=True):
    next: str | None = None


class _WireAnswer(msgspec.Struct, frozen=True):
    data: _WireNode | None = None
    links: _WireLinks | None = None


class _WireArtifact(msgspec.Struct, frozen=True):
    name: str | None = None
    location: str | None = None
    expireAt: Any = None  # noqa: N815


class _WireResults(msgspec.Struct, frozen=True):
    artifacts: list[_WireArtifact] | None = None


class _WireTask(msgspec.Struct, frozen=True):
    taskId: str  # noqa: N815
    taskType: str | None = None  # noqa: N815
    createdAt: Any = None  # noqa: N815
    results: _WireResults | None = None


class _WireTasks(msgspec.Struct, frozen=True):
    data: list[_WireTask] | None = None
    links: _WireLinks | None = None


_T = TypeVar("_T")
_answer = msgspec.json.Decoder(_WireAnswer)
_tasks = msgspec.json.Decoder(_WireTasks)
_task = msgspec.json.Decoder(_WireTask)
_object = msgspec.json.Decoder(dict[str, Any])


class NotJson(BadAnswer):
    """The body is no JSON at all, such as a proxy's HTML page; worth asking again."""


def decode_page(body: bytes, level: Level, *, keep_raw: bool = False) -> Page:
    """One answer to `/status` about `level`; raises BadAnswer where it cannot be understood.

    A child that cannot be understood does not take its siblings with it: it becomes an unreadable node.
    """
    if keep_raw:
        return _lenient_page(body, level, keep_raw=True)
    try:
        answer = _decoded(_answer.decode, body)
    except NotJson:
        raise
    except BadAnswer:
        return _lenient_page(body, level, keep_raw=False)
    if answer.data == _EMPTY:  # or it holds nothing but fields that nobody knows
        return _lenient_page(body, level, keep_raw=False)
    return _page(answer, level)


def decode_tasks(body: bytes) -> TaskPage:
    """One answer to `/tasks`; raises BadAnswer where it cannot be understood."""
    answer = _decoded(_tasks.decode, body)
    return TaskPage(tuple(_built_task(each) for each in answer.data or ()), _next(answer.links))


def decode_task(body: bytes) -> Task:
    """One answer to `/tasks/{taskId}`; raises BadAnswer where it cannot be understood."""
    return _built_task(_decoded(_task.decode, body))


def decode_job(body: bytes) -> Job:
    """One answer to `/jobs/{jobId}`; raises BadAnswer where it is no object."""
    return Job(_decoded(_object.decode, body))


def _decoded(decode: Callable[[bytes], _T], body: bytes) -> _T:
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        if not _is_json(body):  # the types were looked at first
            raise NotJson(f"the answer is not JSON: {error}") from error
        raise BadAnswer(f"the answer is not as expected: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJson(f"the answer is not JSON: {error}") from error
    except RecursionError as error:
        raise BadAnswer("the answer is nested too deeply to be read") from error


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except RecursionError:  # deep, but JSON so far
        return True
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def _page(answer: _WireAnswer, level: Level) -> Page:
    wire = answer.data or _WireNode()
    children = wire.children
    built = None if children is None else tuple(_node((*level, name), each) for name, each in children.items())
    return Page(_node(level, wire, built), _next(answer.links), found=answer.data is not None)


def _node(level: Level, wire: _WireNode, children: tuple[Node, ...] | None = None) -> Node:
    progress = wire.progressDetails
    if progress is None or progress.isSupported is False or wire.outcome:  # a finished node has none any more
        return Node(level, wire.status, wire.outcome, wire.message, wire.details or {}, None, (), children)
    phases = tuple(Phase(each.name, each.processed, each.total) for each in progress.data or ())
    return Node(level, wire.status, wire.outcome, wire.message, wire.details or {}, progress.percent, phases, children)


def _lenient_page(body: bytes, level: Level, *, keep_raw: bool) -> Page:
    answer = _decoded(_object.decode, body)
    data = answer.get("data")
    own = dict(_object_or_raise({} if data is None else data, "data"))
    wire_children = own.pop("children", None)
    children = None
    if wire_children is not None:
        named = _object_or_raise(wire_children, "data.children")
        children = tuple(_lenient_node((*level, name), each, keep_raw) for name, each in named.items())
    node = msgspec.structs.replace(_lenient_node(level, own, keep_raw), children=children)
    links = _object_or_raise({} if answer.get("links") is None else answer["links"], "links")
    after = links.get("next")
    if after is not None and not isinstance(after, str):
        raise BadAnswer(f"the answer is not as expected: `links.next` is {_kind(after)} instead of a text")
    return Page(node, after or None, found=bool(data), links=links)


def _object_or_raise(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadAnswer(f"the answer is not as expected: `{name}` is {_kind(value)} instead of an object")
    return value


def _lenient_node(level: Level, value: object, keep_raw: bool) -> Node:
    raw = value if keep_raw and isinstance(value, dict) else None
    try:
        return msgspec.structs.replace(_node(level, msgspec.convert(value, _WireNode)), raw=raw)
    except (msgspec.ValidationError, RecursionError) as error:
        return Node(level, unreadable=f"not as expected: {error}", raw=raw)


def _built_task(wire: _WireTask) -> Task:
    artifacts = (wire.results.artifacts if wire.results else None) or ()
    return Task(
        wire.taskId,
        wire.taskType,
        wire.createdAt,
        tuple(Artifact(each.name, each.location, each.expireAt) for each in artifacts),
    )


def _next(links: _WireLinks | None) -> str | None:
    return (links.next if links else None) or None


def _kind(value: object) -> str:
    return {list: "a list", str: "a text", bool: "true or false"}.get(type(value), "a number")


def _compact(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
