"""One view of a task: its verdict and the reasons for it, the counts, what is missing; pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from migstat.model.acceptance import Accepted
from migstat.model.crowd import Tally, tally_of
from migstat.model.nodes import (
    APPS,
    CHECK,
    HIDDEN,
    MIGRATE,
    Job,
    Level,
    Millis,
    Node,
    Outcome,
    State,
    Status,
    TaskType,
    checks_of,
    child_of,
    combined_state,
    leaves_of,
    unmatched,
)

SETTLED_AFTER: Millis = 120_000
"""Statuses are eventually consistent: what is not reported this long after a task's end will not come."""

EARLIEST_STAMP: Millis = 978_307_200_000
"""The year 2001: an earlier stamp counts seconds, or nothing at all."""

CLOCK_SKEW: Millis = 86_400_000
"""A stamp further in the future than this is not a time, whoever's clock is wrong."""


class Verdict(StrEnum):
    """Overall result of a task."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    WARNING = "warning"
    FAILED = "failed"


class Until(StrEnum):
    """The part of a task that is waited for: all of it, all but `apps`, or its pre-flight checks."""

    DONE = "done"
    CORE = "core"
    CHECKS = "checks"


class Summary(msgspec.Struct, frozen=True):
    """How many nodes are in which state. Only nodes with an outcome count in `by_outcome`."""

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

    @property
    def text(self) -> str:
        """What a person reads: the API's message, else its outcome, else what the state means at the end of a task.

        Of a part that never ended this comes first, since its message tells of a success to come.
        """
        if self.state in (State.RUNNING, State.PENDING):
            return ": ".join(filter(None, (_UNSAID[self.state], self.message)))
        return self.message or self.outcome or _UNSAID.get(self.state, str(self.state))


_UNSAID = {
    State.RUNNING: "still running",
    State.PENDING: "never started",
    State.FAILED: "ended without an outcome",
}


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a task at one moment: what was read, and what the job names.

    `root` holds the levels that count as nested children, hidden levels among those of `migrate`. A level that could
    not be read is marked `unreadable`. `job` is None if the job's definition could not be read, or if what is waited
    for does not need it. `accepted` are the checks that do not count where checks are judged.
    """

    root: Node
    task_type: str | None
    job: Job | None
    accepted: Accepted = {}


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """The result of judging the evidence.

    `ended` says that what is waited for has ended, `over` that this end is believed. `missing` are keys of the job's
    scope that were not reported. `unread` names, a line each, what could not be read and would have to be for a
    success. `notes` are for standard error: what the job names, was never reported, and does not count.
    """

    verdict: Verdict
    ended: bool
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
    filtered; None if they were not read. With `partial` only those that run or went wrong were asked for: the others
    are counted as missing. `accepted` are the checks that were accepted.
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
    partial: bool = False
    accepted: Accepted = {}

    @property
    def complete(self) -> bool:
        """True if everything asked for was read, and nothing that must exist is missing."""
        return not self.flaws and not self.missing and not self.partial


_VERDICT_OF_STATE = {
    State.FAILED: Verdict.FAILED,
    State.MISSING: Verdict.RUNNING,
    State.WARNING: Verdict.WARNING,
    State.SUCCEEDED: Verdict.SUCCEEDED,
    State.SKIPPED: Verdict.SUCCEEDED,
    State.RUNNING: Verdict.RUNNING,
    State.PENDING: Verdict.PENDING,
}


def verdict_of_node(node: Node) -> Verdict:
    """The verdict of one node alone."""
    return _VERDICT_OF_STATE[node.state]


def summary_of(nodes: Sequence[Node], missing: int = 0) -> Summary:
    """Count nodes by state and by outcome; `missing` more are in the job's scope and were not reported."""
    tally = tally_of(nodes)
    counts = tally.counts | {State.MISSING: tally.counts[State.MISSING] + missing}
    return Summary(
        total=sum(counts.values()),
        pending=counts[State.PENDING],
        running=counts[State.RUNNING],
        finished=sum(count for state, count in counts.items() if state.ended),
        by_outcome=dict(sorted(tally.by_outcome.items())),
        missing=counts[State.MISSING],
        failed=counts[State.FAILED],
        warning=counts[State.WARNING],
        succeeded=counts[State.SUCCEEDED],
        skipped=counts[State.SKIPPED],
    )


def counted(evidence: Evidence, until: Until = Until.DONE) -> tuple[Node, ...]:
    """The reported nodes that decide about the verdict: the one place that knows what counts.

    In a check task the root and its checks. In a migrate task the root, `check`, `migrate`, its scopes with their
    children, and all projects and spaces, but not single checks: an overridden failure is the WARNING of `check`.
    CORE counts `migrate` and what is below it except `apps`; CHECKS counts `check` alone. A root without children that
    ended badly is all there is: the task never started. Where checks are judged, accepted ones do not count, nor does
    an end that they alone explain; of `check` its other checks then count instead.
    """
    tops, leaves = _counted(evidence, until)
    return (*tops, *leaves)


def _counted(evidence: Evidence, until: Until) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """The nodes that count, the projects or spaces, which may be many, apart from the others."""
    root = evidence.root
    if evidence.task_type == TaskType.CHECK or (until is Until.CHECKS and evidence.accepted):
        dropped = discounted(evidence.root, evidence.task_type, evidence.accepted)
        checks = [check for check in checks_of(root, evidence.task_type) if check.level not in dropped]
        if evidence.task_type == TaskType.CHECK:
            return (*(() if root.level in dropped else (root,)), *checks), ()
        if CHECK in dropped:
            return tuple(checks), ()
    check, migrate = _reported(root, "check"), _reported(root, "migrate")
    if refused(root):
        return (root,), ()
    if until is Until.CHECKS:
        return (check or root,), ()
    below = child_of(root, "migrate")
    scopes = [
        scope
        for scope in (below.children if below else None) or ()
        if scope.name not in HIDDEN and not (until is Until.CORE and scope.name == APPS)
    ]
    single = [child for scope in scopes for child in scope.children or ()]
    tops = (migrate,) if until is Until.CORE else (root, check, migrate)
    return (*(node for node in tops if node), *scopes, *single), leaves_of(root, evidence.task_type)


def discounted(root: Node, task_type: str | None, accepted: Accepted) -> frozenset[Level]:
    """The levels that do not count because of accepted checks: these, and their parent if they alone explain its end.

    They do if all its checks have ended, and all that are as bad as it is are accepted. Another end than FAILED or
    WARNING, such as by someone who stopped the run, has another reason.
    """
    parent = root if task_type == TaskType.CHECK else child_of(root, "check")
    checks = checks_of(root, task_type)
    if parent is None or not accepted or parent.unreadable or parent.status != Status.FINISHED:
        return frozenset(accepted)
    bad = (State.FAILED,) if parent.outcome == Outcome.FAILED else (State.FAILED, State.WARNING)
    if parent.outcome not in (Outcome.FAILED, Outcome.WARNING):
        return frozenset(accepted)
    beside = child_of(root, "check") if task_type == TaskType.CHECK else None
    if checks and beside is not None and beside.children is None:  # there may be others below, which were not read
        return frozenset(accepted)
    explaining = [check.level for check in checks if check.state in bad]
    explained = bool(explaining) and all(check.ended for check in checks) and accepted.keys() >= set(explaining)
    return frozenset((*accepted, parent.level) if explained else accepted)


def _explained(evidence: Evidence) -> bool:
    """True if accepted checks alone explain the end of their parent, as far as checks are reported."""
    return bool(discounted(evidence.root, evidence.task_type, evidence.accepted) - evidence.accepted.keys())


def failed_so_far(evidence: Evidence, until: Until, *, strict: bool) -> tuple[Node, ...]:
    """The nodes that count and have failed for good, with `strict` those with a warning, too.

    An end without an outcome is not for good: the outcome may still come.
    """
    bad = (State.FAILED, State.WARNING) if strict else (State.FAILED,)
    tops, leaves = _counted(evidence, until)
    tally = tally_of(leaves)
    return tuple(node for state in bad for node in _in_state(state, tops, tally) if node.outcome)


def not_scheduled(root: Node) -> bool:
    """True if the checks of a migrate task failed and no migration has begun, so that none may ever begin."""
    check, migrate = child_of(root, "check"), child_of(root, "migrate")
    return bool(
        check and check.ended and check.state is State.FAILED and (not migrate or migrate.state is State.PENDING)
    )


def assess_node(node: Node) -> Assessment:
    """The assessment of one node alone, whatever is below it."""
    bad = node.state in (State.FAILED, State.WARNING)
    return Assessment(
        verdict=verdict_of_node(node),
        ended=node.ended,
        over=node.ended,
        reasons=(_reason(node),) if bad else (),
        summary=summary_of(()),
    )


def assess_at(evidence: Evidence, now: Millis, until: Until = Until.DONE) -> Assessment:
    """The assessment of a one-off reading at `now`, which takes the age of an end from the stamps of the API.

    The end is that of the root or of the scope that ended last (`apps` may take days longer). If neither has a
    plausible `lastUpdatedAt`, the newest stamp in the tree is as close as one can get; a tree without any stamp counts
    as settled, since a script that asks again and again must come to an end.
    """
    settled, unscheduled = old_by_stamps(evidence, now, until, unstamped=True)
    return assess(evidence, until, settled=settled, unscheduled=unscheduled)


def outcome_may_come(node: Node, now: Millis) -> bool:
    """True for an end without an outcome that is so young that the outcome may still be reported."""
    stamps = _stamps((node,), now)
    return node.ended and not node.outcome and bool(stamps) and now - stamps[0] < SETTLED_AFTER


def old_by_stamps(evidence: Evidence, now: Millis, until: Until = Until.DONE, *, unstamped: bool) -> tuple[bool, bool]:
    """`settled` and `unscheduled` for `assess`, by the stamps of the API; `unstamped` if the tree has no stamp."""
    root, migrate = evidence.root, child_of(evidence.root, "migrate")
    check = child_of(root, "check")
    scopes = [node for node in (migrate.children if migrate else None) or () if node.name not in HIDDEN and node.ended]

    def old(*nodes: Node) -> bool:
        stamps = _stamps(nodes, now) or _stamps(counted(evidence), now)
        return now - max(stamps) >= SETTLED_AFTER if stamps else unstamped

    ends = (root, *scopes)
    if until is Until.CHECKS and check is not None:  # a root that runs may have been stamped long ago
        ends = (check if check.ended else root,)
    return old(*ends), check is not None and old(check)


def _stamps(nodes: Iterable[Node], now: Millis) -> list[Millis]:
    stamps = (node.last_updated_at for node in nodes)
    return [stamp for stamp in stamps if stamp is not None and EARLIEST_STAMP <= stamp <= now + CLOCK_SKEW]


def assess(
    evidence: Evidence, until: Until = Until.DONE, *, settled: bool = True, unscheduled: bool = False
) -> Assessment:
    """The verdict of a task and its reasons: a pure function of the evidence and of how long the end has been known.

    `settled` says that the end was first seen, or happened, at least `SETTLED_AFTER` ago. Statuses are eventually
    consistent, so an end is believed earlier only if everything that counts was reported with an outcome. `unscheduled`
    says that, if the checks failed and no migration began, it was long enough ago that none will.
    """
    root, migrating = evidence.root, evidence.task_type != TaskType.CHECK
    # the job's scope is waited for in a migration only; without its checks nothing else is needed
    whole = migrating and until is not Until.CHECKS
    check, migrate = _reported(root, "check"), _reported(root, "migrate")
    lone = refused(root)
    nodes, leaves = _counted(evidence, until)
    tally = tally_of(leaves)
    head = root
    if migrating and until is not Until.DONE:
        head = (migrate if until is Until.CORE else check) or root
    # what is waited for ends with the root at the latest, even if it hangs
    ended = head.ended or root.ended
    if (
        ended
        and whole
        and not lone
        and not any(each.ended and each.state is State.FAILED for each in (head, root, migrate or root))
    ):
        ended = not _scopes_go_on(root, nodes)
    missing = _missing_keys(evidence) if migrating else ()
    # the checks failed, so nothing was moved: that is the news, not the long list of what was never reported
    blocked = whole and not_scheduled(root)
    never = blocked and unscheduled and not ended

    # a root that makes no sense may have ended long ago
    unread: tuple[str, ...] = (f"the task: {root.unreadable}",) if root.unreadable and not ended else ()
    notes: list[str] = []
    over = never or (ended and lone)
    lacks_migrate = False
    if ended and not lone:
        unread = _unread(evidence, (*nodes, *tally.unreadable.values()), whole=whole)
        absent = _scopes_not_reported(evidence, until) if whole else []
        if migrating and until is not Until.CORE and check is None:
            absent.append("check")
        lacks_migrate = whole and migrate is None and not root.unreadable
        # another check, not reported yet, may be the reason of an end that the accepted ones seem to explain
        proven = not tally.unproven and (whole or not _explained(evidence)) and all(node.outcome for node in nodes)
        over = settled or (proven and not ((whole and missing) or absent or lacks_migrate or unread))
        notes = [f"{name} was never reported and does not count" for name in absent]

    excused = _excused(evidence) if over and not whole else []
    deciding = (*nodes, check) if blocked and check and check not in nodes else nodes
    failures = [node for node in _in_state(State.FAILED, deciding, tally) if node.outcome or over]
    hanging = _unfinished(root, (*nodes, *leaves)) if over and not blocked else []
    lost = missing if over and whole and not (lone or blocked) and not _hidden_unread(root) else ()
    reasons = [*map(_reason, _deepest(failures)), *map(_reason, hanging)]
    if over and lacks_migrate and not blocked:
        reasons.append(Reason(MIGRATE, State.MISSING, None, "never reported"))
    reasons += [Reason(_level_of_key(key, evidence.job), State.MISSING, None, "not reported") for key in lost]
    if not over:
        pending = all(node.state is State.PENDING for node in (root, *(root.children or ())))
        verdict = Verdict.PENDING if pending else Verdict.RUNNING
    elif reasons:
        verdict = Verdict.FAILED
    elif unread:
        verdict, over = Verdict.RUNNING, False
    else:
        # what was accepted has not passed, so the best that it can be is a warning
        verdict = Verdict.WARNING if excused or _in_state(State.WARNING, nodes, tally) else Verdict.SUCCEEDED
    reasons += [Reason((), State.MISSING, None, f"could not be read: {flaw}") for flaw in unread]
    if not reasons:
        reasons = [*map(_reason, _deepest(_in_state(State.WARNING, nodes, tally))), *excused]
    return Assessment(
        verdict=verdict,
        ended=ended or never,
        over=over,
        reasons=tuple(reasons),
        summary=summary_of(leaves_of(root, evidence.task_type), len(missing)),
        missing=missing if whole else (),
        unread=unread,
        notes=tuple(notes) if over and not blocked else (),
    )


def _in_state(state: State, nodes: Iterable[Node], tally: Tally) -> list[Node]:
    """Those of the nodes, and of the leaves of the tally, that failed or have a warning."""
    return [*(node for node in nodes if node.state is state), *tally.of(state)]


def _reported(root: Node, name: str) -> Node | None:
    """A phase of the root that the API has reported: a bare parent of hidden levels that answered is not one."""
    node = child_of(root, name)
    return None if node is None or (node.status is None and node.outcome is None and not node.details) else node


def refused(root: Node) -> bool:
    """True for a task that could not start: a root without children, ever, which ended badly."""
    return bool(root.outcome) and root.state is State.FAILED and not root.children and not root.unreadable


def _scopes_go_on(root: Node, nodes: tuple[Node, ...]) -> bool:
    """True while a scope of a task that ended well has not ended: `apps` may take days after the core.

    What was last known of a level that cannot be read any more does not count.
    """
    migrate = child_of(root, "migrate")
    known = migrate is not None and not migrate.unreadable
    return known and any(len(node.level) == 2 and not node.ended and not node.says_nothing for node in nodes)


def _unfinished(root: Node, nodes: tuple[Node, ...]) -> list[Node]:
    """The nodes that have not ended, as far as that is known."""
    migrate = child_of(root, "migrate")
    parents = (root, migrate, *((migrate.children if migrate else None) or ()))
    dark = {node.level for node in parents if node and node.unreadable}
    return [node for node in nodes if not node.ended and not node.says_nothing and node.level[:-1] not in dark]


def _missing_keys(evidence: Evidence) -> tuple[str, ...]:
    leaves = leaves_of(evidence.root, evidence.task_type)
    tally = tally_of(leaves)
    known = tally.missing[0] if tally.missing else None
    if known is None or known[0] is not evidence.job:
        keys = evidence.job.keys if evidence.job else ()
        known = evidence.job, unmatched(keys, (leaf.name for leaf in leaves))
        tally.missing[:] = [known]
    return known[1]


def _level_of_key(key: str, job: Job | None) -> Level:
    return (*MIGRATE, next((name for name in HIDDEN if job and key in job.included_keys(name)), HIDDEN[0]), key)


def _scopes_not_reported(evidence: Evidence, until: Until) -> list[str]:
    """Scopes that the job names and the API has not reported; either hidden level stands for both of them.

    If the job names keys, these are waited for one by one instead.
    """
    migrate = child_of(evidence.root, "migrate")
    reported = {child.name for child in (migrate.children if migrate else None) or ()}
    if reported & set(HIDDEN):
        reported |= set(HIDDEN)
    if evidence.job is None:
        return []
    reported |= {name for name in HIDDEN if evidence.job.included_keys(name)}
    excepted = {APPS} if until is Until.CORE else set()
    return [name for name in evidence.job.named_scopes if name not in reported | excepted]


def _unread(evidence: Evidence, nodes: tuple[Node, ...], *, whole: bool) -> tuple[str, ...]:
    """Everything relevant that could not be read: the job, too, since nothing is known to be missing without it."""
    root = evidence.root
    below = child_of(root, "migrate")
    hidden = [child for child in (below.children if below else None) or () if child.name in HIDDEN]
    # some check tasks answer their checks below `check`, which itself does not count
    above = child_of(root, "check") if evidence.task_type == TaskType.CHECK else None
    relevant = {node.level: node for node in (root, *nodes, *((below, *hidden) if whole and below else ()))}
    relevant |= {above.level: above} if above else {}
    flaws = [
        f"{','.join(level) or 'the task'}: {node.unreadable}"
        for level, node in relevant.items()
        if node.unreadable and (level != ("check",) or evidence.task_type == TaskType.CHECK or node.says_nothing)
    ]
    return (*flaws, *(("the job's definition",) if whole and evidence.job is None else ()))


def _hidden_unread(root: Node) -> bool:
    migrate = child_of(root, "migrate")
    return any(child.unreadable for child in (migrate.children if migrate else None) or () if child.name in HIDDEN)


def _deepest(nodes: list[Node]) -> list[Node]:
    """Deepest first, without the nodes that only repeat what is wrong below them."""
    below = {node.level[:depth] for node in nodes for depth in range(len(node.level))}
    return sorted((node for node in nodes if node.level not in below), key=lambda node: -len(node.level))


def _excused(evidence: Evidence) -> list[Reason]:
    """A reason for each accepted check, that says so."""
    checks = checks_of(evidence.root, evidence.task_type)
    return [
        Reason(check.level, check.state, check.outcome, f"accepted {evidence.accepted[check.level].words}")
        for check in checks
        if check.level in evidence.accepted
    ]


def _reason(node: Node) -> Reason:
    return Reason(node.level, node.state, node.outcome, node.message)


ENOUGH = 5
"""How many leaves must have ended, a tenth of all at least, until their pace says anything of the rest."""


def estimated_end(leaves: tuple[Node, ...], missing: int, now: Millis) -> Millis | None:
    """The earliest end of all leaves if they go on at the pace so far; None if nothing honest can be said.

    A lower bound, since the largest ones tend to end last.
    """
    tally = tally_of(leaves)
    ended = sum(count for state, count in tally.counts.items() if state.ended and state is not State.SKIPPED)
    left = len(leaves) - ended - tally.counts[State.SKIPPED] + missing
    if not left or tally.earliest is None or ended < max(ENOUGH, (len(leaves) + missing) / 10):
        return None
    return now + left * max(0, now - tally.earliest) // ended


def verdict_of_states(states: list[State]) -> Verdict:
    """The verdict of several nodes together."""
    return _VERDICT_OF_STATE[combined_state(states)]
