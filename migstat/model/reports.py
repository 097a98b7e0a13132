"""The report of each command as frozen data: computed once, then shown in any format.

Rows are filtered and sorted beforehand, so every format shows the same, and the exit code comes from the data alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from migstat.errors import MigstatError
from migstat.model.changes import Comparison
from migstat.model.crowd import Summary
from migstat.model.nodes import Artifact, Job, Millis, Node, State, Task, TaskType, by_name
from migstat.model.verdict import Snapshot, Verdict

if TYPE_CHECKING:
    from migstat.model.nights import TimelineReport


class StatusReport(msgspec.Struct, frozen=True):
    """A task at a glance, or one node of it; `node` in the snapshot holds as many levels as were requested.

    `folds` lets a table sum up what is fine. `nothing_to_move` says that the job names no projects and no spaces.
    """

    snapshot: Snapshot
    folds: bool = False
    nothing_to_move: bool = False
    not_before: Millis | None = None

    @property
    def readable(self) -> bool:
        """True if everything that the verdict needs was read; what is shown may hold flaws that do not matter to it."""
        return not self.snapshot.unread


class ListReport(msgspec.Struct, frozen=True):
    """Base of a report of checks, projects or spaces."""

    snapshot: Snapshot

    @property
    def summary(self) -> Summary:
        """Counts by state, whatever the filters let through."""
        return self.snapshot.summary


class ChecksReport(ListReport, frozen=True):
    """The checks of a task that pass the filters; verdict and reasons of the snapshot are those of all of them.

    `parent` is the node whose children they are, None if it is not reported yet. `filtered` describes the
    filters; `overridden` are checks that were excluded for this run. `judged` is the verdict on all selected checks,
    regardless of state filters. `comparison` is set if an earlier run was given, which `against` names as the user
    did, and `accepting` if accepted checks were;
    `doubts` tell the user which accepted entries do not apply, one line each. `readable` is False if a check could not
    be read, here or in the earlier run; the snapshot's flaws may be about other parts of the task.
    """

    parent: Node | None
    checks: tuple[Node, ...]
    judged: Verdict
    filtered: str = ""
    overridden: tuple[str, ...] = ()
    show_all: bool = False
    details: bool = False
    comparison: Comparison | None = None
    against: str = ""
    accepting: bool = False
    doubts: tuple[str, ...] = ()
    readable: bool = True

    @property
    def folds(self) -> bool:
        """True if a table may sum up what is fine."""
        return not (self.show_all or self.details)

    @property
    def rows(self) -> tuple[Node, ...]:
        """The checks, and those that only the earlier run has."""
        return (*self.checks, *(self.comparison.gone if self.comparison else ()))


class ProjectsReport(ListReport, frozen=True):
    """The projects or spaces (`scope`) of a task that pass the filters, including missing ones.

    `judged` is the verdict on all selected ones, regardless of state filters. `not_before` is a lower bound of the
    end, in epoch milliseconds.
    """

    scope: str
    projects: tuple[Node, ...]
    judged: Verdict
    filtered: str = ""
    not_before: Millis | None = None
    nothing_to_move: bool = False
    show_all: bool = False

    @property
    def folds(self) -> bool:
        """True if a table may sum up what is fine."""
        return not self.show_all


class RunRow(msgspec.Struct, frozen=True):
    """One run of a job; state and duration in seconds are None if they were not requested or could not be read."""

    task: Task
    state: State | None = None
    elapsed_seconds: float | None = None


class TasksReport(msgspec.Struct, frozen=True):
    """The runs of a job, newest first; `flaws` say what could not be read, one line each."""

    job_id: str
    fetched_at: Millis
    runs: tuple[RunRow, ...]
    flaws: tuple[str, ...] = ()


class TargetRow(msgspec.Struct, frozen=True):
    """One target of the config file; if it could not be read, `error` says why."""

    target: str
    job_id: str | None = None
    snapshot: Snapshot | None = None
    not_before: Millis | None = None
    error: MigstatError | None = None


class TargetsReport(msgspec.Struct, frozen=True):
    """Every target of the config file, in the order of the file."""

    fetched_at: Millis
    targets: tuple[TargetRow, ...]


class JobReport(msgspec.Struct, frozen=True):
    """A job's definition."""

    job_id: str
    fetched_at: Millis
    job: Job


class Listed(msgspec.Struct, frozen=True):
    """A file of a run: whether its location has expired, and where it is now if it was downloaded."""

    artifact: Artifact
    expired: bool
    path: str | None = None


class ArtifactsReport(msgspec.Struct, frozen=True):
    """The reports and error logs of one run. `downloaded` says whether a download was requested."""

    job_id: str
    fetched_at: Millis
    task: Task
    artifacts: tuple[Listed, ...]
    downloaded: bool = False


Report: TypeAlias = (
    "StatusReport | ChecksReport | ProjectsReport | TasksReport | TargetsReport | JobReport | ArtifactsReport"
    " | TimelineReport"
)
"""Any report that a command shows. Only `timeline` loads its own."""


def states_of(summary: Summary) -> dict[State, int]:
    """The counts of a summary by state, worst first; states without any are left out."""
    return {state: count for state in State if (count := getattr(summary, state))}


def worst_first(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Sort nodes: failed, missing, warning, running, pending, then the rest; by name within."""
    return tuple(sorted(by_name(nodes), key=lambda node: node.state.rank))


def nothing_moved(snapshot: Snapshot) -> str | None:
    """A sentence if nothing was moved: the checks failed before the migration began, or the run did not start."""
    root = snapshot.node
    if root.level or snapshot.task_type == TaskType.CHECK:
        return None
    if root.state is State.FAILED and root.children is not None and all(child.missing for child in root.children):
        return "Nothing was moved: the run did not start."
    if not snapshot.shape.blocked:
        return None
    yet = "" if snapshot.verdict is Verdict.FAILED else " yet"
    return f"Nothing was moved{yet}: the checks failed."
