"""What each command has to tell, as frozen data: computed once, then shown in any format.

Filters and order are applied here, so that every format shows the same, and the exit code is judged here from the
data alone.
"""

from __future__ import annotations

import msgspec

from migstat.model.nodes import Artifact, Job, Millis, Node, State, Task, by_name
from migstat.model.verdict import Snapshot, Summary, Verdict, verdict_of_states


class StatusReport(msgspec.Struct, frozen=True):
    """A task, or one node of it. `node` in the snapshot holds as many levels as were asked for.

    `missing` are keys of the job's scope that were not reported, `expected` is how many projects or spaces it names;
    with `partial` only those that run or went wrong were read. `brief` leaves out what is well.
    """

    snapshot: Snapshot
    job_name: str | None = None
    missing: tuple[str, ...] = ()
    expected: int = 0
    partial: bool = False
    brief: bool = False
    not_scheduled: bool = False


class ChecksReport(msgspec.Struct, frozen=True):
    """The checks of a task. `checks` are those the filters let through, all of them counted in `summary`.

    `parent` is the node whose children they are, None where it is not reported yet. `asked` says which filter was set.
    """

    snapshot: Snapshot
    parent: Node | None
    checks: tuple[Node, ...]
    summary: Summary
    states: dict[State, int]
    asked: str = ""
    show_all: bool = False
    details: bool = False


class ProjectsReport(msgspec.Struct, frozen=True):
    """The projects or spaces (`scope`) of a task; `missing` in the snapshot are those not reported yet."""

    snapshot: Snapshot
    scope: str
    job_name: str | None
    projects: tuple[Node, ...]
    summary: Summary
    states: dict[State, int]
    asked: str = ""


class TasksReport(msgspec.Struct, frozen=True):
    """The runs of a job, newest first; `flaws` say, a line each, what could not be read."""

    job_id: str
    fetched_at: Millis
    tasks: tuple[Task, ...]
    flaws: tuple[str, ...] = ()


class JobReport(msgspec.Struct, frozen=True):
    """A job's definition."""

    job_id: str
    fetched_at: Millis
    job: Job


class Listed(msgspec.Struct, frozen=True):
    """A file that a run left: whether its location has expired, and where it is now if it was downloaded."""

    artifact: Artifact
    expired: bool
    path: str | None = None


class ArtifactsReport(msgspec.Struct, frozen=True):
    """The reports and error logs of one run. `downloaded` says whether it was tried to."""

    job_id: str
    fetched_at: Millis
    task: Task
    artifacts: tuple[Listed, ...]
    downloaded: bool = False


Report = StatusReport | ChecksReport | ProjectsReport | TasksReport | JobReport | ArtifactsReport


class Filter(msgspec.Struct, frozen=True):
    """What `--outcome` and `--status` let through; empty lets all through."""

    outcomes: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()

    def passes(self, node: Node) -> bool:
        """Whether the node is one of those asked for."""
        return (not self.outcomes or node.outcome in self.outcomes) and (
            not self.statuses or node.status in self.statuses
        )

    def __str__(self) -> str:
        parts = [("outcome", self.outcomes), ("status", self.statuses)]
        return " and ".join(f"{name} {' or '.join(sorted(words))}" for name, words in parts if words)


def count_states(nodes: tuple[Node, ...]) -> dict[State, int]:
    """How many nodes are in which state, worst first; states without any are left out."""
    counts = dict.fromkeys(State, 0)
    for node in nodes:
        counts[node.state] += 1
    return {state: count for state, count in counts.items() if count}


def worst_first(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """What needs a hand first: failed, warning, running, pending, then the rest; by name within."""
    return tuple(sorted(by_name(nodes), key=lambda node: node.state.rank))


def verdict_of_many(nodes: tuple[Node, ...], missing: tuple[str, ...], parent: Verdict, *, strict: bool) -> Verdict:
    """What a list of checks or projects comes down to, for `--exit-status`.

    Any failed one fails it, even while others run. `parent` decides where there are none at all, and whether what is
    unfinished or missing may still come. With `strict` a failed parent fails the list, whatever its members say.
    """
    states = [node.state for node in nodes]
    if State.FAILED in states or (strict and parent is Verdict.FAILED):
        return Verdict.FAILED
    if missing or not all(state.ended for state in states):
        return Verdict.FAILED if parent is Verdict.FAILED else Verdict.RUNNING
    return verdict_of_states(states) if states else parent
