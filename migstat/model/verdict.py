"""One view of a task: its verdict, the counts, what is missing. Pure functions over what was read."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from migstat.model.nodes import (
    APPS,
    CHECK,
    HIDDEN,
    MIGRATE,
    Level,
    Millis,
    Node,
    State,
    TaskType,
    child_of,
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


class Until(StrEnum):
    """What of a task is waited for: all of it, all but `apps`, or its pre-flight checks."""

    DONE = "done"
    CORE = "core"
    CHECKS = "checks"


def verdict_of_task(
    root: Node,
    task_type: str | None,
    missing: tuple[str, ...],
    now: Millis,
    *,
    until: Until = Until.DONE,
    waited: bool | None = None,
) -> Verdict:
    """The verdict of a task from the levels that were read, which must be those that count once it has ended.

    In a check task all checks count. In a migrate task `check`, `migrate`, its scopes and the projects or spaces
    count, but not the single checks: a failure that was overridden is the WARNING of `check`. What has not been seen
    is never a success. `waited` says whether it was waited long enough for what is still not reported, or not
    scheduled; None tells it from the times of the nodes.
    """
    phases = {child.level: child for child in root.children or ()}
    check, migrate = phases.get(CHECK), phases.get(MIGRATE)
    if until is Until.CHECKS and check is not None:
        return verdict_of_node(check)
    core = until is Until.CORE and migrate is not None
    head = migrate if core and migrate is not None else root
    if not head.ended:
        return _verdict_before_end(root, now, waited=waited)
    over = settled(head, now) if waited is None else waited
    if task_type == TaskType.CHECK:
        return _verdict_at_end(root, (), root.children, missing, waited=over)
    children = migrate.children if migrate and not _never_begun(root, migrate) else ()
    if children is None:
        return _verdict_at_end(head, tuple(phases.values()), None, missing, waited=over)
    scopes = [child for child in children if child.name not in HIDDEN and not (core and child.name == APPS)]
    leaves = [leaf for child in children if child.name in HIDDEN for leaf in _leaves_of(child)]
    return _verdict_at_end(head, (*phases.values(), *scopes), leaves, missing, waited=over)


def _leaves_of(scope: Node) -> tuple[Node, ...]:
    """The projects or spaces of a hidden level, and the level itself where it could not be read to its end."""
    children = scope.children or ()
    return (*children, scope) if scope.unreadable or not children else children


def _never_begun(root: Node, migrate: Node) -> bool:
    return root.state is State.FAILED and migrate.state is State.PENDING


def not_scheduled(root: Node) -> bool:
    """Whether the checks of a migrate task ended badly and the migration has not begun, so that it never may."""
    check, migrate = child_of(root, "check"), child_of(root, "migrate")
    return bool(
        check and check.ended and check.state is State.FAILED and (not migrate or migrate.state is State.PENDING)
    )


def settled(node: Node, now: Millis) -> bool:
    """Whether the node's end is so long ago that what is still not reported will not come."""
    return node.ended and node.last_updated_at is not None and now - node.last_updated_at >= SETTLED_AFTER


def _verdict_before_end(root: Node, now: Millis, *, waited: bool | None) -> Verdict:
    if not_scheduled(root):
        check = child_of(root, "check")
        if (check is not None and settled(check, now)) if waited is None else waited:
            return Verdict.FAILED
    states = [root.state, *(child.state for child in root.children or ())]
    return Verdict.PENDING if all(state is State.PENDING for state in states) else Verdict.RUNNING


def _verdict_at_end(
    head: Node,
    counted: tuple[Node, ...],
    leaves: Iterable[Node] | None,
    missing: tuple[str, ...],
    *,
    waited: bool,
) -> Verdict:
    """The verdict once `head`, the root or what is waited for, has ended. `leaves` None: they could not be read."""
    failed = head.state is State.FAILED
    if leaves is None or any(not node.ended and (node.state is State.RUNNING or not failed) for node in counted):
        return Verdict.RUNNING
    leaves = tuple(leaves)
    ends = [head.state, *(node.state for node in (*counted, *leaves) if node.ended)]
    if State.FAILED in ends:
        return Verdict.FAILED
    if head.unreadable or any(leaf.unreadable for leaf in leaves):
        return Verdict.RUNNING
    if missing or not all(leaf.state.ended for leaf in leaves):
        return Verdict.FAILED if waited else Verdict.RUNNING
    return verdict_of_states(ends)


def flattened(root: Node) -> dict[Level, Node]:
    """Every node of a tree by its level, its children left out: `()` where they were read, else None."""
    nodes = {root.level: replace(root, children=None if root.children is None else ())}
    for child in root.children or ():
        nodes.update(flattened(child))
    return nodes


def nested(nodes: dict[Level, Node]) -> Node:
    """The tree of nodes by their levels: children in the order in which they were found."""
    below: dict[Level, list[Level]] = {}
    for level in nodes:
        if level:
            below.setdefault(level[:-1], []).append(level)

    def grown(level: Level) -> Node:
        children = below.get(level)
        node = nodes.get(level) or Node(level)
        return replace(node, children=tuple(map(grown, children))) if children else node

    return grown(())


def leaves_of(root: Node, task_type: str | None) -> tuple[Node, ...]:
    """What a task's progress is counted in: the checks of a check task, else its projects or spaces."""
    if task_type == TaskType.CHECK:
        return root.children or ()
    migrate = child_of(root, "migrate")
    levels = [child for child in (migrate.children if migrate else None) or () if child.name in HIDDEN]
    return tuple(leaf for level in levels for leaf in level.children or ())


def failures_of(root: Node, task_type: str | None, until: Until) -> tuple[Node, ...]:
    """The nodes that would make the verdict failed: those that count, as far as they ended badly."""
    migrate = child_of(root, "migrate")
    checks = (root.children or ()) if task_type == TaskType.CHECK else ()
    if until is Until.CHECKS:
        counted = checks or tuple(child for child in root.children or () if child.level == CHECK)
    else:
        scopes = [child for child in (migrate.children if migrate else None) or () if child.name not in HIDDEN]
        core = [scope for scope in scopes if until is not Until.CORE or scope.name != APPS]
        leaves = () if checks else leaves_of(root, task_type)
        counted = (root, *(root.children or ()), *core, *leaves)
    return tuple(node for node in counted if node.ended and node.state is State.FAILED)


ENOUGH = 5
"""How many leaves must have ended, a tenth of all at least, until their pace says anything of the rest."""


def estimated_end(leaves: tuple[Node, ...], missing: int, now: Millis) -> Millis | None:
    """When the leaves will all have ended if they go on at the pace so far; None where nothing honest can be said."""
    started = [leaf.started_at for leaf in leaves if leaf.started_at is not None]
    ended = sum(1 for leaf in leaves if leaf.ended and leaf.state is not State.SKIPPED)
    left = sum(1 for leaf in leaves if not leaf.ended) + missing
    if not left or not started or ended < max(ENOUGH, (len(leaves) + missing) / 10):
        return None
    return now + left * max(0, now - min(started)) // ended
