"""One view of a task: its verdict, the counts, what is missing. Pure functions over what was read."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from migstat.model import (
    CHECK,
    HIDDEN,
    MIGRATE,
    Millis,
    Node,
    State,
    TaskType,
    combined_state,
)

SETTLED_AFTER: Millis = 120_000
"""Statuses are eventually consistent: this long after a task's end, what is still not reported will not come."""


class Verdict(StrEnum):
    """What it comes down to."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    WARNING = "warning"
    FAILED = "failed"


class Summary(msgspec.Struct, frozen=True):
    """How many of some nodes are where. Only nodes with an outcome count in `by_outcome`."""

    total: int
    pending: int
    running: int
    finished: int
    by_outcome: dict[str, int]


class Snapshot(msgspec.Struct, frozen=True):
    """One view of a task at `fetched_at` (epoch milliseconds).

    `node` is what was asked for: the root, or the node of a level. `missing` are keys of the job's scope that were
    not reported, `flaws` what could not be read, a line each.
    """

    job_id: str
    task_id: str
    task_type: str | None
    fetched_at: Millis
    node: Node
    verdict: Verdict
    missing: tuple[str, ...] = ()
    flaws: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all that was asked for was read, and nothing that must exist is missing."""
        return not self.flaws and not self.missing


_VERDICT_OF_STATE = {
    State.FAILED: Verdict.FAILED,
    State.WARNING: Verdict.WARNING,
    State.SUCCEEDED: Verdict.SUCCEEDED,
    State.SKIPPED: Verdict.SUCCEEDED,
    State.RUNNING: Verdict.RUNNING,
    State.PENDING: Verdict.PENDING,
}


def summary_of(nodes: Iterable[Node]) -> Summary:
    """Count nodes: pending, running or finished, and by outcome."""
    pending = running = finished = 0
    by_outcome: dict[str, int] = {}
    for node in nodes:
        if node.ended:
            finished += 1
        elif node.state is State.PENDING:
            pending += 1
        else:
            running += 1
        if node.outcome:
            by_outcome[node.outcome] = by_outcome.get(node.outcome, 0) + 1
    return Summary(pending + running + finished, pending, running, finished, dict(sorted(by_outcome.items())))


def verdict_of_node(node: Node) -> Verdict:
    """The verdict of one node alone."""
    return _VERDICT_OF_STATE[node.state]


def verdict_of_states(states: list[State]) -> Verdict:
    """The verdict of several nodes together."""
    return _VERDICT_OF_STATE[combined_state(states)]


def verdict_of_task(root: Node, task_type: str | None, missing: tuple[str, ...], now: Millis) -> Verdict:
    """The verdict of a whole task from the levels that were read, which must be those that count once it has ended.

    In a check task all checks count. In a migrate task `check`, `migrate`, its scopes and the projects or spaces
    count, but not the single checks: a failure that was overridden is the WARNING of `check`. What has not been seen
    is never a success.
    """
    if not root.ended:
        return _verdict_before_end(root, now)
    if task_type == TaskType.CHECK:
        return _verdict_at_end(root, (), root.children, missing, now)
    phases = {child.level: child for child in root.children or ()}
    migrate = phases.get(MIGRATE)
    children = migrate.children if migrate and not _never_begun(root, migrate) else ()
    if children is None:
        return _verdict_at_end(root, tuple(phases.values()), None, missing, now)
    scopes = [child for child in children if child.name not in HIDDEN]
    leaves = [leaf for child in children if child.name in HIDDEN for leaf in child.children or (child,)]
    return _verdict_at_end(root, (*phases.values(), *scopes), leaves, missing, now)


def _never_begun(root: Node, migrate: Node) -> bool:
    return root.state is State.FAILED and migrate.state is State.PENDING


def not_scheduled(root: Node) -> bool:
    """Whether the checks of a migrate task ended badly and the migration has not begun, so that it never may."""
    phases = {child.level: child for child in root.children or ()}
    check, migrate = phases.get(CHECK), phases.get(MIGRATE)
    return bool(
        check and check.ended and check.state is State.FAILED and (not migrate or migrate.state is State.PENDING)
    )


def settled(node: Node, now: Millis) -> bool:
    """Whether the node's end is so long ago that what is still not reported will not come."""
    return node.ended and node.last_updated_at is not None and now - node.last_updated_at >= SETTLED_AFTER


def _verdict_before_end(root: Node, now: Millis) -> Verdict:
    if not_scheduled(root) and any(child.level == CHECK and settled(child, now) for child in root.children or ()):
        return Verdict.FAILED
    states = [root.state, *(child.state for child in root.children or ())]
    return Verdict.PENDING if all(state is State.PENDING for state in states) else Verdict.RUNNING


def _verdict_at_end(
    root: Node,
    counted: tuple[Node, ...],
    leaves: Iterable[Node] | None,
    missing: tuple[str, ...],
    now: Millis,
) -> Verdict:
    """The verdict of a task whose root has ended. `leaves` None: they could not be read."""
    root_failed = root.state is State.FAILED
    if leaves is None or any(not node.ended and (node.state is State.RUNNING or not root_failed) for node in counted):
        return Verdict.RUNNING
    leaves = tuple(leaves)
    ends = [root.state, *(node.state for node in (*counted, *leaves) if node.ended)]
    if State.FAILED in ends:
        return Verdict.FAILED
    if any(leaf.unreadable for leaf in leaves):
        return Verdict.RUNNING
    if missing or not all(leaf.state.ended for leaf in leaves):
        return Verdict.FAILED if settled(root, now) else Verdict.RUNNING
    return verdict_of_states(ends)
