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
    Job,
    Level,
    Millis,
    Node,
    State,
    TaskType,
    child_of,
    combined_state,
    match_keys,
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
    missing: int = 0
    failed: int = 0
    warning: int = 0
    succeeded: int = 0
    skipped: int = 0


class Reason(msgspec.Struct, frozen=True):
    """One part of why a verdict is what it is: a node that failed, is missing, could not be read, or has a warning."""

    level: Level
    state: State
    outcome: str | None
    message: str | None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a task at one moment: what was read, and what the job names.

    `root` holds the levels that count as nested children, hidden levels among those of `migrate`. A level that could
    not be read is marked `unreadable`. `job` is None if the job's definition could not be read, or if what is waited
    for does not need it.
    """

    root: Node
    task_type: str | None
    job: Job | None


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """What the evidence comes to.

    `over` is False while more can still happen or an end is not believed yet. `missing` are keys of the job's scope
    that were not reported. `unread` names, a line each, what could not be read and would have to be for a success.
    `notes` are for standard error: what the job names, was never reported, and does not count.
    """

    verdict: Verdict
    over: bool
    reasons: tuple[Reason, ...]
    summary: Summary
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Snapshot(msgspec.Struct, frozen=True):
    """One view of a task at `fetched_at` (epoch milliseconds): the head that every document about a task shares.

    `node` is what was asked for: the root, or the node of a level. `missing` are keys of the job's scope that were
    not reported, `flaws` what could not be read, a line each. `summary` counts checks, projects or spaces, whatever is
    filtered; None if they were not read.
    """

    job_id: str
    task_id: str
    task_type: str | None
    fetched_at: Millis
    node: Node
    verdict: Verdict
    missing: tuple[str, ...] = ()
    flaws: tuple[str, ...] = ()
    job_name: str | None = None
    destination: str | None = None
    reasons: tuple[Reason, ...] = ()
    summary: Summary | None = None
    notes: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """True if everything asked for was read, and nothing that must exist is missing."""
        return not self.flaws and not self.missing


_VERDICT_OF_STATE = {
    State.FAILED: Verdict.FAILED,
    State.MISSING: Verdict.RUNNING,
    State.WARNING: Verdict.WARNING,
    State.SUCCEEDED: Verdict.SUCCEEDED,
    State.SKIPPED: Verdict.SUCCEEDED,
    State.RUNNING: Verdict.RUNNING,
    State.PENDING: Verdict.PENDING,
}


def summary_of(nodes: Iterable[Node], missing: int = 0) -> Summary:
    """Count nodes by state and by outcome; `missing` more are in the job's scope and were not reported."""
    counts = dict.fromkeys(State, 0)
    by_outcome: dict[str, int] = {}
    for node in nodes:
        counts[node.state] += 1
        if node.outcome:
            by_outcome[node.outcome] = by_outcome.get(node.outcome, 0) + 1
    counts[State.MISSING] += missing
    return Summary(
        total=sum(counts.values()),
        pending=counts[State.PENDING],
        running=counts[State.RUNNING],
        finished=sum(count for state, count in counts.items() if state.ended),
        by_outcome=dict(sorted(by_outcome.items())),
        missing=counts[State.MISSING],
        failed=counts[State.FAILED],
        warning=counts[State.WARNING],
        succeeded=counts[State.SUCCEEDED],
        skipped=counts[State.SKIPPED],
    )


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


def counted(evidence: Evidence, until: Until = Until.DONE) -> tuple[Node, ...]:
    """The reported nodes that decide about the verdict: the one place that knows what counts.

    In a check task the root and its checks. In a migrate task the root, `check`, `migrate`, its scopes with their
    children, and all projects and spaces, but not single checks: an overridden failure is the WARNING of `check`.
    CORE counts `migrate` and what is below it except `apps`; CHECKS counts `check` alone.
    """
    root = evidence.root
    if evidence.task_type == TaskType.CHECK:
        return (root, *(root.children or ()))
    check, migrate = child_of(root, "check"), child_of(root, "migrate")
    if until is Until.CHECKS:
        return (check or root,)
    scopes = [
        scope
        for scope in (migrate.children if migrate else None) or ()
        if scope.name not in HIDDEN and not (until is Until.CORE and scope.name == APPS)
    ]
    core = [node for node in (migrate, *scopes) if node is not None]
    below = [child for scope in scopes for child in scope.children or ()]
    leaves = leaves_of(root, evidence.task_type)
    if until is Until.CORE:
        return (*core, *below, *leaves)
    return (root, *([check] if check else []), *core, *below, *leaves)


def assess(
    evidence: Evidence, until: Until = Until.DONE, *, settled: bool = True, unscheduled: bool = False
) -> Assessment:
    """The verdict of a task and its reasons: a pure function of the evidence and of how long the end has been known.

    `settled` says that the end was first seen, or happened, at least `SETTLED_AFTER` ago. Statuses are eventually
    consistent, so an end is believed earlier only if everything that counts was reported with an outcome. `unscheduled`
    says that the checks failed and no migration began for long enough that none will.
    """
    root, migrating = evidence.root, evidence.task_type != TaskType.CHECK
    check, migrate = child_of(root, "check"), child_of(root, "migrate")
    whole = migrating and until is not Until.CHECKS
    nodes = counted(evidence, until)
    missing = _missing_keys(evidence) if whole else ()
    unread = _unread(evidence, nodes) if whole else tuple(node.unreadable for node in nodes if node.unreadable)
    head = nodes[0] if nodes and until is not Until.DONE and migrating else root
    refused = root.ended and root.state is State.FAILED and not root.children
    over = head.ended and not (head.state is not State.FAILED and whole and _scopes_go_on(nodes))
    notes: list[str] = []
    if over and not refused:
        absent = [] if not whole else _scopes_not_reported(evidence, until)
        phases = [] if not whole else [name for name, node in (("check", check), ("migrate", migrate)) if node is None]
        if until is Until.CORE:
            phases = [name for name in phases if name == "migrate"]
        proven = all(node.outcome for node in nodes) and not (missing or absent or phases)
        over = settled or (proven and not unread)
        notes = [f"{name} was never reported and does not count" for name in (*absent, *phases) if name != "migrate"]
    elif whole and unscheduled and not head.ended:
        over = True
    failures = [node for node in nodes if node.ended and node.state is State.FAILED]
    if over and not unscheduled:
        failures += [node for node in nodes if not node.ended]
    lacks_migrate = over and whole and migrate is None and not refused and not unscheduled
    reasons = _reasons(failures, missing if over and not refused else (), unread, lacks_migrate=lacks_migrate)
    if not over:
        begun = any(node.state is not State.PENDING for node in (root, *(root.children or ())))
        verdict = Verdict.RUNNING if begun else Verdict.PENDING
    elif failures or unscheduled or refused or lacks_migrate or missing:
        verdict = Verdict.FAILED
    elif unread:
        verdict, over = Verdict.RUNNING, False
    else:
        verdict = Verdict.WARNING if any(node.state is State.WARNING for node in nodes) else Verdict.SUCCEEDED
    if not reasons:
        reasons = tuple(_reason(node) for node in _without_ancestors(nodes, State.WARNING))
    summary = summary_of(leaves_of(root, evidence.task_type), len(_missing_keys(evidence) if migrating else ()))
    return Assessment(
        verdict=verdict,
        over=over,
        reasons=reasons,
        summary=summary,
        missing=missing,
        unread=unread,
        notes=tuple(notes) if over else (),
    )


def _scopes_go_on(nodes: tuple[Node, ...]) -> bool:
    """True while a scope of `migrate` has not ended: `apps` may take days after the core."""
    return any(not node.ended and len(node.level) == 2 and node.level[:1] == MIGRATE for node in nodes)


def _missing_keys(evidence: Evidence) -> tuple[str, ...]:
    job = evidence.job
    if job is None:
        return ()
    keys = tuple(dict.fromkeys(key for scope in HIDDEN for key in job.included_keys(scope)))
    found = match_keys(keys, (leaf.name for leaf in leaves_of(evidence.root, evidence.task_type)))
    return tuple(key for key in keys if key not in found)


def _scopes_not_reported(evidence: Evidence, until: Until) -> list[str]:
    """Scopes that the job names and the API has not reported; either hidden level stands for both of them."""
    migrate = child_of(evidence.root, "migrate")
    reported = {child.name for child in (migrate.children if migrate else None) or ()}
    if reported & set(HIDDEN):
        reported |= set(HIDDEN)
    named = evidence.job.named_scopes if evidence.job else ()
    return [name for name in named if name not in reported and not (until is Until.CORE and name == APPS)]


def _unread(evidence: Evidence, nodes: tuple[Node, ...]) -> tuple[str, ...]:
    """What could not be read: without the job's scope nobody knows what is missing."""
    migrate = child_of(evidence.root, "migrate")
    hidden = [child for child in (migrate.children if migrate else None) or () if child.name in HIDDEN]
    flaws = [f"{','.join(node.level)}: {node.unreadable}" for node in (*nodes, *hidden) if node.unreadable]
    return (*flaws, *(() if evidence.job else ("the job's definition",)))


def _without_ancestors(nodes: Iterable[Node], state: State) -> list[Node]:
    """The nodes of a state, deepest first, without those that only repeat what is wrong below them."""
    found = sorted((node for node in nodes if node.state is state), key=lambda node: -len(node.level))
    below = {node.level[:depth] for node in found for depth in range(len(node.level))}
    return [node for node in found if node.level not in below]


def _reasons(
    failures: list[Node], missing: tuple[str, ...], unread: tuple[str, ...], *, lacks_migrate: bool
) -> tuple[Reason, ...]:
    below = {node.level[:depth] for node in failures for depth in range(len(node.level))}
    named = sorted((node for node in failures if node.level not in below), key=lambda node: -len(node.level))
    found = [_reason(node) for node in named]
    if lacks_migrate:
        found.append(Reason(MIGRATE, State.MISSING, None, "never reported"))
    found += [Reason((key,), State.MISSING, None, "in the job's scope but not reported") for key in missing]
    found += [Reason((), State.MISSING, None, f"could not be read: {flaw}") for flaw in unread]
    return tuple(found)


def _reason(node: Node) -> Reason:
    return Reason(node.level, node.state, node.outcome, node.message)


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
