"""The vocabulary for scripting migrations: everything the API says is a function of scenario time.

Scenario time is seconds since the scenario's beginning; instants before it are negative.

    Scenario            a job, its tasks, and how the API that serves them behaves (pages, filters, incidents)
    ├─ SimJob
    ├─ SimTask          a check or a migrate run, or one that was refused
    │  ├─ SimNode       the root of its status tree
    │  │  ├─ Step       the node's history, one step per change; or the short form: reported, started, ended
    │  │  └─ SimPhase   progress while the node runs
    │  └─ SimArtifact   a file that the run leaves
    └─ more             scenarios of other jobs on the same server
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from migstat.simulator.faults import Incident, Schedule

TaskType = Literal["check", "migrate"]

FilterMode = Literal["works", "ignored", "empty", "rejected", "first-page", "once"]
"""The effect of `status` and `outcome`, which is undocumented.

They select children, change nothing, leave no children at all, are answered with 400, select on the first page only,
or select once and leave no children when the same request is repeated.
"""

HEARTBEAT = 5.0
"""Scenario seconds between two moves of a running node's `lastUpdatedAt`."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The mapping between the wall clock and scenario time.

    `started_at` is the epoch second at which the server started, `speed` the scenario seconds per second, and
    `head_start` the scenario second at which it started. Instants before the head start map to the wall
    clock at speed one, so that "yesterday" stays yesterday.
    """

    started_at: float
    speed: float = 60.0
    head_start: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a speed at which scenario instants have no wall-clock time."""
        if self.speed <= 0:
            raise ValueError(f"speed must be above 0, not {self.speed}")

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
        """ISO 8601 UTC of a scenario instant, as a task's `createdAt` carries it."""
        stamp = datetime.fromtimestamp(self.epoch_ms(instant) / 1000, tz=UTC)
        return stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class SimPhase:
    """One phase of a node's work: `total` things counted under `label`.

    `share` is its part of the node's running time, relative to the other phases' shares. Progress starts again from 0
    with each phase, as the API reports the current phase only.
    """

    label: str
    total: int
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """What is said of a node from scenario second `at` until its next step.

    `status` None takes the node out of the tree, "" leaves the field out. Any status but PENDING and
    IN_PROGRESS counts as an end, unless `running` is set. `message` None means the node's own message.

    `updated_at` is the scenario second that `lastUpdatedAt` carries, in `unit`, instead of the usual one; it may be
    in the past or in the future. `percent` is the progress to report instead of that of the node's phases.
    `started_at` is for a start earlier than the first running step.
    """

    at: float
    status: str | None = "IN_PROGRESS"
    outcome: str | None = None
    _: KW_ONLY
    message: str | None = None
    updated_at: float | None = None
    unit: Literal["ms", "s"] = "ms"
    percent: float | None = None
    started_at: float | None = None
    running: bool | None = None

    @property
    def runs(self) -> bool:
        """True while the node works: only then is there progress."""
        return self.status == "IN_PROGRESS" if self.running is None else self.running

    @property
    def ended(self) -> bool:
        """True if the node is there, and neither waits nor works."""
        return self.status not in (None, "", "PENDING") and not self.runs


@dataclass(frozen=True, slots=True, kw_only=True)
class SimNode:
    """A scripted node of a status tree; all instants are scenario seconds.

    Its history is `steps` if there are any: it may appear late, end without an outcome, begin again, or vanish.
    Otherwise it is the short form: the node appears at `reported_at` (None: with its task; `math.inf`: never), is
    PENDING until `started_at`, then IN_PROGRESS until `ended_at`, then has `final_status` and `outcome`; None means
    never. A node with an end but no start is skipped over.

    `running_message` is shown until the end, `final_message` from then on. A `hidden` node is a level such as
    `projects`: it has children but no status, and no parent lists it. `has_details` says whether timestamps are sent.
    `lastUpdatedAt` of a running node moves every `heartbeat` seconds, or stays where the run began if that is None;
    progress moves either way. `description`, `excludable` and `occurrences` are the details of a check, sent once it
    has ended. A node without phases reports that it supports no progress; a run without an end stays at the start of
    its first phase.
    """

    name: str
    reported_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    outcome: str | None = None
    running_message: str | None = None
    final_message: str | None = None
    final_status: str = "FINISHED"
    steps: tuple[Step, ...] = ()
    phases: tuple[SimPhase, ...] = ()
    hidden: bool = False
    has_details: bool = True
    heartbeat: float | None = HEARTBEAT
    description: str | None = None
    excludable: bool | None = None
    occurrences: tuple[str, ...] = ()
    children: tuple[SimNode, ...] = ()
    history: tuple[Step, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse children that share a name, as `children` are an object; write the history."""
        if len({child.name for child in self.children}) < len(self.children):
            raise ValueError(f"two children of {self.name!r} have the same name")
        steps = tuple(sorted(self.steps, key=lambda step: step.at)) if self.steps else tuple(self._short_form())
        object.__setattr__(self, "history", steps)

    def _short_form(self) -> Iterator[Step]:
        appears = -math.inf if self.reported_at is None else self.reported_at
        starts = math.inf if self.started_at is None else self.started_at
        ends = math.inf if self.ended_at is None else self.ended_at
        if appears < min(starts, ends):
            yield Step(appears, "PENDING")
        if max(appears, starts) < ends and starts < math.inf:
            yield Step(max(appears, starts), started_at=starts)
        if ends < math.inf:
            yield Step(max(appears, ends), self.final_status, self.outcome, updated_at=ends, running=False)

    def step_at(self, now: float) -> Step | None:
        """Return the step in effect at scenario second `now`, None while the node is not in the tree."""
        step = next((step for step in reversed(self.history) if step.at <= now), None)
        return None if step is None or step.status is None else step

    def is_reported(self, now: float) -> bool:
        """Return True if the node is in the tree at scenario second `now`."""
        return self.step_at(now) is not None

    def status_at(self, now: float) -> str:
        """Status at scenario second `now`; PENDING while the node is not in the tree."""
        step = self.step_at(now)
        return "PENDING" if step is None else step.status or ""

    def outcome_at(self, now: float) -> str | None:
        """Outcome at scenario second `now`."""
        step = self.step_at(now)
        return None if step is None else step.outcome

    def run_at(self, now: float) -> tuple[float, float | None] | None:
        """Return when the run at `now`, or the last one before it, began and ends (None: never); None before any.

        A run outlasts moments in which the node is not in the tree.
        """
        begin = end = None
        for step in self.history:
            if step.runs:
                if step.at > now and (begin is None or end is not None):
                    break
                if begin is None or end is not None:
                    begin, end = (step.at if step.started_at is None else step.started_at), None
            elif step.status is not None and begin is not None and end is None:
                end = step.at
        return None if begin is None else (begin, end)

    def transitions(self) -> tuple[float, ...]:
        """Return the finite scenario seconds at which the node's status, outcome or presence may change."""
        return tuple(step.at for step in self.history if math.isfinite(step.at))

    def find(self, path: tuple[str, ...], now: float) -> SimNode | None:
        """Return the node at `path` below this one, None if any part of it is not in the tree."""
        node: SimNode | None = self
        for name in path:
            if node is None or not node.is_reported(now):
                return None
            node = next((child for child in node.children if child.name == name), None)
        return node if node is not None and node.is_reported(now) else None

    def walk(self) -> Iterator[SimNode]:
        """Yield this node and all nodes below it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class SimArtifact:
    """A file that a task leaves: sent from `available_at`, expiring at `expires_at` (scenario seconds).

    `location` None is for a file that the simulator serves itself. `unit` is how `expireAt` is written: the API sends
    a number without a unit.
    """

    name: str
    location: str | None
    available_at: float
    expires_at: float
    _: KW_ONLY
    unit: Literal["iso", "ms", "s"] = "iso"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimTask:
    """One run of the job.

    `label` names the task for people who script it and is never sent. The task was created at `created_at` (scenario
    seconds, negative for earlier runs), is listed and known from `listed_at`, and has a status, until then a 404, from
    `status_at`; None means at once. `overridden` names the checks whose failure was overridden for this run.

    `check_level` is for check tasks, on whose `level=check` the vendor's own pages disagree: it is `{}` (`none`), it is
    what the root is (`also`), or only it lists the checks and the root does not (`only`).
    """

    label: str
    task_id: str
    task_type: TaskType
    created_at: float
    root: SimNode
    listed_at: float | None = None
    status_at: float | None = None
    overridden: tuple[str, ...] = ()
    check_level: Literal["none", "also", "only"] = "none"
    artifacts: tuple[SimArtifact, ...] = ()

    def is_listed(self, now: float) -> bool:
        """Return True if the task's list shows it at scenario second `now`."""
        return now >= (self.created_at if self.listed_at is None else self.listed_at)

    def has_status(self, now: float) -> bool:
        """Return True if the status route knows the task at scenario second `now`."""
        return now >= (self.created_at if self.status_at is None else self.status_at)


def refused(label: str, task_id: str, task_type: TaskType, *, created_at: float, message: str) -> SimTask:
    """Return a task that could not start: a lone root that ended FAILED, with no children, ever."""
    root = SimNode(name="root", ended_at=created_at, outcome="FAILED", final_message=message, has_details=False)
    return SimTask(label=label, task_id=task_id, task_type=task_type, created_at=created_at, root=root)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimJob:
    """The immutable migration definition; `scope` is sent unchanged."""

    job_id: str
    name: str
    flow: str
    server_id: str
    destination_url: str
    scope: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A job, its tasks, and how the API that serves them behaves.

    `target` is a short name for the job, for people who have several; None means `name`.
    `page_size` is the length of a page of children or of tasks, `filters` what the status route makes of its filters.
    `incidents` hit requests about this job, `faults` (of the server's first scenario) hit any request. `more` are
    scenarios of other jobs on the same server.
    """

    name: str
    job: SimJob
    tasks: tuple[SimTask, ...]
    target: str | None = None
    page_size: int = 20
    filters: FilterMode = "works"
    incidents: tuple[Incident, ...] = ()
    faults: Schedule | None = None
    more: tuple[Scenario, ...] = ()

    @property
    def all(self) -> tuple[Scenario, ...]:
        """This scenario and those of the other jobs."""
        return (self, *self.more)

    @property
    def duration(self) -> float:
        """Scenario second of the last transition of any node; 0 if there is none."""
        nodes = (node for each in self.all for task in each.tasks for node in task.root.walk())
        return max((instant for node in nodes for instant in node.transitions()), default=0.0)


def shifted(node: SimNode, seconds: float) -> SimNode:
    """Return the node and everything below it, shifted by this many seconds."""

    def later(instant: float | None) -> float | None:
        return None if instant is None else instant + seconds

    steps = tuple(
        replace(step, at=step.at + seconds, updated_at=later(step.updated_at), started_at=later(step.started_at))
        for step in node.steps
    )
    return replace(
        node,
        reported_at=later(node.reported_at),
        started_at=later(node.started_at),
        ended_at=later(node.ended_at),
        steps=steps,
        children=tuple(shifted(child, seconds) for child in node.children),
    )


def postponed(task: SimTask, seconds: float) -> SimTask:
    """Return the task, shifted by this many seconds."""
    return replace(
        task,
        created_at=task.created_at + seconds,
        listed_at=None if task.listed_at is None else task.listed_at + seconds,
        status_at=None if task.status_at is None else task.status_at + seconds,
        root=shifted(task.root, seconds),
        artifacts=tuple(
            replace(each, available_at=each.available_at + seconds, expires_at=each.expires_at + seconds)
            for each in task.artifacts
        ),
    )
