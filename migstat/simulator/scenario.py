"""A scripted migration as a pure function of scenario time.

Scenario time is seconds since the scenario's beginning; instants before it are negative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from migstat.simulator.artifacts import location_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from migstat.simulator.faults import Schedule

TaskType = Literal["check", "migrate"]
FilterMode = Literal["works", "ignored", "empty", "rejected"]

HEARTBEAT = 5.0
"""Scenario seconds between two moves of a running node's `lastUpdatedAt`."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The mapping between the wall clock and scenario time.

    `started_at` is the epoch second the server began at, `speed` the scenario seconds per second, and
    `head_start` the scenario second the server began with. What lies before the head start maps to the wall
    clock at speed one, so that "yesterday" stays yesterday.
    """

    started_at: float
    speed: float = 60.0
    head_start: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a speed at which scenario instants have no wall-clock time."""
        if self.speed <= 0:
            msg = f"speed must be above 0, not {self.speed}"
            raise ValueError(msg)

    def scenario_time(self, wall: float) -> float:
        """Scenario second at an epoch second."""
        return self.head_start + (wall - self.started_at) * self.speed

    def wall_time(self, instant: float) -> float:
        """Epoch second of a scenario instant."""
        ahead = instant - self.head_start
        return self.started_at + (ahead / self.speed if ahead > 0 else ahead)

    def epoch_ms(self, instant: float) -> int:
        """Epoch milliseconds of a scenario instant, as `details` carries them."""
        return math.floor(self.wall_time(instant) * 1000)

    def iso(self, instant: float) -> str:
        """ISO 8601 UTC of a scenario instant, as tasks and artifacts carry it."""
        stamp = datetime.fromtimestamp(self.epoch_ms(instant) / 1000, tz=UTC)
        return stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a node's work: `total` things counted under `label`.

    `share` is its part of the node's running time, relative to the other phases' shares. Progress starts
    again from 0 with each phase: the API reports the current phase only.
    """

    label: str
    total: int
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A scripted node of a status tree; all instants are scenario seconds.

    `reported_at` is when the node first appears (None: with its task, `math.inf`: never), for statuses are
    eventually consistent. It is PENDING until `started_at`, then has `running_status` until `ended_at`, then
    `final_status` and the outcome; None means never. A node with an end but no start is skipped over.
    `running_message` is shown until the end, `final_message` from then on.

    A `hidden` node is a level such as `projects`: it has children but no status, and no parent lists it.
    `has_details` says whether time stamps are sent. `description`, `excludable` and `occurrences` are the
    details of a check, sent once it ended. A node without phases answers that it supports no progress; one
    that never ends stays at the beginning of its first phase.
    """

    name: str
    reported_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    outcome: str | None = None
    running_message: str | None = None
    final_message: str | None = None
    running_status: str = "IN_PROGRESS"
    final_status: str = "FINISHED"
    phases: tuple[Phase, ...] = ()
    hidden: bool = False
    has_details: bool = True
    description: str | None = None
    excludable: bool | None = None
    occurrences: tuple[str, ...] = ()
    children: tuple[Node, ...] = ()

    def __post_init__(self) -> None:
        """Refuse children that share a name: an answer's `children` are an object."""
        if len({child.name for child in self.children}) < len(self.children):
            msg = f"two children of {self.name!r} have the same name"
            raise ValueError(msg)

    def is_reported(self, now: float) -> bool:
        """Whether the node has appeared by scenario second `now`."""
        return self.reported_at is None or now >= self.reported_at

    def is_started(self, now: float) -> bool:
        """Whether the node has been started by scenario second `now`."""
        return self.started_at is not None and now >= self.started_at

    def is_ended(self, now: float) -> bool:
        """Whether the node has ended by scenario second `now`."""
        return self.ended_at is not None and now >= self.ended_at

    def is_running(self, now: float) -> bool:
        """Whether the node has started and not ended."""
        return self.is_started(now) and not self.is_ended(now)

    def status_at(self, now: float) -> str:
        """Status at scenario second `now`."""
        if self.is_ended(now):
            return self.final_status
        return self.running_status if self.is_started(now) else "PENDING"

    def outcome_at(self, now: float) -> str | None:
        """Outcome at scenario second `now`; the API has one only once the node ended."""
        return self.outcome if self.is_ended(now) else None

    def transitions(self) -> tuple[float, ...]:
        """Return the finite scenario seconds at which the node appears, starts and ends."""
        instants = (self.reported_at, self.started_at, self.ended_at)
        return tuple(instant for instant in instants if instant is not None and math.isfinite(instant))

    def find(self, path: tuple[str, ...], now: float) -> Node | None:
        """Return the node at `path` below this one, None where any part of it is missing or unreported."""
        node: Node | None = self
        for name in path:
            if node is None or not node.is_reported(now):
                return None
            node = next((child for child in node.children if child.name == name), None)
        return node if node is not None and node.is_reported(now) else None

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a task leaves: sent from `available_at`, expiring at `expires_at` (scenario seconds).

    `location` None is for a file that the simulator serves itself.
    """

    name: str
    location: str | None
    available_at: float
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One run of the job.

    `label` names the task for people who script it and is never sent. The task is listed from `created_at`
    (scenario seconds, negative for earlier runs); its status answers 404 until `status_at` (None: no such
    moment), since statuses may lag behind the task's creation.
    """

    label: str
    task_id: str
    task_type: TaskType
    created_at: float
    root: Node
    status_at: float | None = None
    artifacts: tuple[Artifact, ...] = ()

    def has_status(self, now: float) -> bool:
        """Whether the status route knows the task at scenario second `now`."""
        return now >= (self.created_at if self.status_at is None else self.status_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The immutable migration definition; `scope` is sent as it is."""

    job_id: str
    name: str
    flow: str
    server_id: str
    destination_url: str
    scope: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A job, its tasks and the manners of the API that serves them.

    `page_size` is the length of a page of children or of tasks, `filters` what the status route makes of its
    `status` and `outcome` parameters (undocumented, hence a setting), `faults` the schedule of faults.
    """

    name: str
    job: Job
    tasks: tuple[Task, ...]
    page_size: int = 20
    filters: FilterMode = "works"
    faults: Schedule | None = None

    @property
    def duration(self) -> float:
        """Scenario seconds until the last transition of any node; 0 where all is past."""
        nodes = (node for task in self.tasks for node in task.root.walk())
        return max((instant for node in nodes for instant in node.transitions()), default=0.0)


def describe_job(job: Job) -> dict[str, Any]:
    """Return the job as its route answers it."""
    return {
        "name": job.name,
        "flow": job.flow,
        "source": {"serverId": job.server_id},
        "destination": {"url": job.destination_url},
        "scope": job.scope,
    }


def describe_task(task: Task, now: float, timeline: Timeline, base_url: str) -> dict[str, Any]:
    """Return the task as its routes answer it at scenario second `now`; `base_url` is where its files are."""
    return {
        "taskId": task.task_id,
        "taskType": task.task_type,
        "createdAt": timeline.iso(task.created_at),
        "payload": {},
        "results": {
            "artifacts": [
                {
                    "name": a.name,
                    "location": a.location or location_of(base_url, task, a.name),
                    "expireAt": timeline.iso(a.expires_at),
                }
                for a in task.artifacts
                if now >= a.available_at
            ],
        },
    }


def describe_node(node: Node, task: Task, now: float, timeline: Timeline) -> dict[str, Any]:
    """Return the node, without children, as the status route answers it at scenario second `now`."""
    if node.hidden:
        return {}
    answer: dict[str, Any] = {"status": node.status_at(now)}
    optional = {
        "outcome": node.outcome_at(now),
        "message": node.final_message if node.is_ended(now) else node.running_message,
        "details": _details(node, task, now, timeline) or None,
        "progressDetails": _progress(node, now) if node.is_running(now) else None,
    }
    answer.update((name, value) for name, value in optional.items() if value is not None)
    return answer


def _details(node: Node, task: Task, now: float, timeline: Timeline) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if node.has_details:
        details.update(_time_stamps(node, task, now, timeline))
    if node.is_ended(now):
        details.update(_check_details(node))
    return details


def _time_stamps(node: Node, task: Task, now: float, timeline: Timeline) -> dict[str, int]:
    created = task.created_at if node.reported_at is None else node.reported_at
    if node.started_at is not None:
        created = min(created, node.started_at)
    stamps = {"createdAt": created, "lastUpdatedAt": _last_update(node, created, now)}
    if node.started_at is not None and node.is_started(now):
        stamps["startedAt"] = node.started_at
    return {name: timeline.epoch_ms(instant) for name, instant in stamps.items()}


def _last_update(node: Node, created: float, now: float) -> float:
    if node.ended_at is not None and node.is_ended(now):
        return node.ended_at
    if node.started_at is not None and node.is_started(now):
        return now - math.fmod(now - node.started_at, HEARTBEAT)
    return created


def _check_details(node: Node) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if node.description is not None:
        details["description"] = node.description
    if node.excludable is not None:
        details["excludable"] = node.excludable
    if node.occurrences:
        details["occurrences"] = list(node.occurrences)
    return details


def _progress(node: Node, now: float) -> dict[str, Any]:
    if not node.phases:
        return {"isSupported": False}
    phase, done = _current_phase(node, now)
    counted = {"name": phase.label, "total": phase.total, "processed": int(phase.total * done)}
    return {"isSupported": True, "percent": int(100 * done), "data": [counted]}


def _current_phase(node: Node, now: float) -> tuple[Phase, float]:
    """Return the phase that runs and the part of it that is done, below 1."""
    if node.started_at is None or node.ended_at is None:
        return node.phases[0], 0.0
    whole = sum(phase.share for phase in node.phases)
    left = (now - node.started_at) / (node.ended_at - node.started_at) * whole
    for phase in node.phases[:-1]:
        if left < phase.share:
            return phase, left / phase.share
        left -= phase.share
    return node.phases[-1], min(left / node.phases[-1].share, 1.0)
