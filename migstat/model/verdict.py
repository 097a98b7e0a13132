"""The verdict on a task: has it ended, is that believed, and did it go well; pure functions of what was read.

A wrong "done" costs the rollback window, so every rule here answers the same question: could something that failed, or
that is still to come, hide behind what the API says now? `assess` decides in three steps:

1. `counted` picks the nodes that count, and `_has_ended` says whether what is waited for has ended.
2. `_gaps` finds what that end leaves open: missing keys, absent scopes, unread levels, ends without an outcome. Without
   any the end is believed at once, else once it is SETTLED_AFTER old: the API's statuses are eventually consistent.
3. What then failed, hangs or is missing makes the verdict `failed`; what could not be read keeps it from `succeeded`.

Nothing depends on the order of readings, on the output format or on who asks, so that a watch, a later watch and
`status` agree on the exit code. Time comes in only as `settled` and `unscheduled`: a watch goes by its own clock, a
single reading (`assess_at`) by the stamps of the API, whose age (`now`) is told by the API's clock: ours may be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cached_property
from itertools import chain

import msgspec
from msgspec.structs import replace

from migstat.model.acceptance import Accepted
from migstat.model.crowd import NOTHING, Crowd, Summary, Tally, summary_of
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
    combined_state,
    happened,
    level_text,
    levels_above,
)
from migstat.model.shape import Evidence, Shape, shape_of

SETTLED_AFTER: Millis = 120_000
"""Once a task has ended for this long, nothing that is still unreported is expected any more."""


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


class Reason(msgspec.Struct, frozen=True):
    """One part of why a verdict is what it is: a node that failed, is missing, could not be read, or has a warning."""

    level: Level
    state: State
    outcome: str | None
    message: str | None

    @property
    def text(self) -> str:
        """The words for people: the API's message, else its outcome, else what the state means at the end of a task."""
        if self.state in (State.RUNNING, State.PENDING):
            # The message of what never ended was written while it ran, and promises a success.
            return ": ".join(filter(None, (_UNSAID[self.state], self.message)))
        return self.message or self.outcome or _UNSAID.get(self.state, str(self.state))


_UNSAID = {
    State.RUNNING: "still running",
    State.PENDING: "never started",
    State.FAILED: "ended without an outcome",
}


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """The result of judging the evidence.

    `ended` says that what is waited for has ended, `over` that this end is believed. `missing` are keys of the job's
    scope that were not reported. `unread` names what could not be read but must be for a success, one
    line each. `notes` are for standard error: what the job names, was never reported, and does not count.
    """

    verdict: Verdict
    ended: bool = False
    over: bool = False
    reasons: tuple[Reason, ...] = ()
    summary: Summary = NOTHING
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Snapshot(msgspec.Struct, frozen=True, dict=True):
    """One view of a task at `fetched_at` (epoch milliseconds): the head that every document about a task shares.

    `node` is the requested one: the root, or the node of a level. `missing` are keys of the job's scope that were not
    reported, `flaws` what could not be read, one line each, `unread` what of it the verdict needs. `summary` counts
    checks, projects or spaces, regardless of filters, as far as they were read. With `partial` only those that run or
    went wrong were requested: the others are counted as unread, if the job names them. `accepted` are the checks that
    were accepted. `older` is the id of a run that is still in progress while this one, the newest, was refused.
    `settles_at` is when an end that is not believed yet will be: that of the task, or that of failed checks after which
    no migration began. `whole` are the parts of the task that the verdict rests on, if `node` may not hold all of them:
    the task lasts as long as the last of these.
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
    summary: Summary = NOTHING
    notes: tuple[str, ...] = ()
    partial: bool = False
    accepted: Accepted = {}
    older: str | None = None
    settles_at: Millis | None = None
    unread: tuple[str, ...] = ()
    whole: Shape | None = None

    @cached_property
    def shape(self) -> Shape:
        """The parts of the tree, if the node is the root."""
        return shape_of(self.node, self.task_type)

    @property
    def goes_on(self) -> bool:
        """True until the task has ended and, unless it failed, the last of its scopes: `apps` may take days longer.

        The same holds for a node that is not the root, by itself.
        """
        root = self.node
        if not root.ended or root.level or root.state is State.FAILED:
            return not root.ended
        waiting = self.verdict in (Verdict.PENDING, Verdict.RUNNING)
        return waiting and any(not (scope.ended or scope.says_nothing) for scope in (self.whole or self.shape).scopes)

    @property
    def ended_at(self) -> Millis | None:
        """When the last of what was waited for ended, by the API's stamps; None while it goes on, or if unknown."""
        if self.goes_on:
            return None
        root = self.node if self.whole is None else self.whole.root
        nodes = [root]
        if not root.level:
            nodes += (below for child in root.children or () for below in (child, *(child.children or ())))
        ends = (happened(node.last_updated_at, self.fetched_at) for node in nodes if node.ended)
        return max((end for end in ends if end is not None), default=None)

    def elapsed_seconds(self, now: Millis) -> float | None:
        """Seconds from the start to the end of the last of what was waited for, or to `now` while it goes on."""
        since, until = happened(self.node.started_at, now), now if self.goes_on else self.ended_at
        if since is None or until is None:
            return None
        # An end is in whole seconds, as in `Node.elapsed_seconds`.
        return max(0, until - since) / 1000 if self.goes_on else max(0.0, until // 1000 - since // 1000)

    @property
    def complete(self) -> bool:
        """True if everything asked for was read, and nothing that must exist is missing."""
        return not self.flaws and not self.missing and not self.partial


def snapshot_of(
    assessment: Assessment,
    node: Node,
    job: Job | None,
    *,
    job_id: str,
    task_id: str,
    task_type: str | None,
    now: Millis,
    flaws: tuple[str, ...] = (),
    partial: bool = False,
    accepted: Accepted | None = None,
    older: str | None = None,
    settles_at: Millis | None = None,
    whole: Shape | None = None,
) -> Snapshot:
    """The view of a task, or of one node of it, at `now`."""
    return Snapshot(
        job_id=job_id,
        task_id=task_id,
        task_type=task_type,
        fetched_at=now,
        node=node,
        verdict=assessment.verdict,
        missing=assessment.missing,
        flaws=flaws,
        unread=assessment.unread,
        job_name=job.name if job else None,
        destination=job.destination if job else None,
        reasons=assessment.reasons,
        summary=assessment.summary,
        notes=(*assessment.notes, *((f"older run {older} is still in progress",) if older else ())),
        partial=partial,
        accepted=accepted or {},
        older=older,
        settles_at=settles_at,
        whole=whole,
    )


def verdict_of(state: State) -> Verdict:
    """The verdict of a node in this state, taken alone."""
    if state is State.MISSING:  # it may still come; `assess` says when it will not
        return Verdict.RUNNING
    return Verdict.SUCCEEDED if state is State.SKIPPED else Verdict(state)


def counted(evidence: Evidence, until: Until = Until.DONE) -> tuple[tuple[Node, ...], Crowd]:
    """The reported nodes that decide about the verdict: the one place that knows what counts.

    The projects or spaces, of which there may be 100,000, come second and apart, so that their tally can be used.

    In a check task the root and its checks count. In a migrate task the root, `check`, `migrate`, its scopes with their
    children, and all projects and spaces. CORE counts `migrate` and what is below it except `apps`; CHECKS counts
    `check` alone. Where checks are judged, accepted ones do not count.
    """
    shape, root, checking = evidence.shape, evidence.root, evidence.task_type == TaskType.CHECK
    if checking or (until is Until.CHECKS and evidence.accepted):
        dropped = discounted(shape, evidence.accepted)
        checks = tuple(node for node in shape.checks if node.level not in dropped)
        if checking:
            return (checks if root.level in dropped else (root, *checks)), Crowd()
        if CHECK in dropped:  # it repeats what was accepted, so the others speak for themselves
            return checks, Crowd()
    if shape.refused:
        return (root,), Crowd()
    check, migrate = _reported(shape.check), _reported(shape.migrate)
    if until is Until.CHECKS:
        return (check or root,), Crowd()
    # Single checks do not count here: where one was overridden, its FAILED stays, and `check` itself ends as WARNING.
    above = (migrate,) if until is Until.CORE else (root, check, migrate)
    # `apps` migrates independently and may fail days later; --until core is for those who do not wait for that.
    scopes = [scope for scope in shape.scopes if until is not Until.CORE or scope.name != APPS]
    single = [child for scope in scopes for child in scope.children or ()]
    return (*(node for node in above if node), *scopes, *single), shape.leaves


def would_count(level: Level, task_type: str | None, until: Until) -> bool:
    """True if a node of this level, which is not reported, would count if it were."""
    if task_type == TaskType.CHECK:
        return True
    if until is Until.CHECKS:
        return level[:1] == CHECK
    if until is Until.CORE:
        return level[:1] == MIGRATE and level[1:2] != (APPS,)
    return level[:-1] != CHECK


def discounted(shape: Shape, accepted: Accepted) -> frozenset[Level]:
    """The levels that do not count because of accepted checks: these, and their parent if they alone explain its end.

    They do if all its checks have ended, and all that are as bad as it is are accepted.
    """
    own, parent = frozenset(accepted), shape.checks_parent
    if not accepted or parent is None or parent.unreadable or parent.status != Status.FINISHED:
        return own
    # A check task may answer checks at the root and below `check`; a failure in the half that was not read would count.
    if parent is shape.root and shape.checks and shape.check is not None and shape.check.children is None:
        return own
    if parent.outcome == Outcome.FAILED:
        bad = {State.FAILED}
    elif parent.outcome == Outcome.WARNING:
        bad = {State.FAILED, State.WARNING}  # an overridden failure stays FAILED below a WARNING
    else:
        return own  # STOPPED, for example, has a reason that no check shows
    explaining = {check.level for check in shape.checks if check.state in bad}
    explained = explaining and explaining <= own and all(check.ended for check in shape.checks)
    return own | {parent.level} if explained else own


def failed_so_far(evidence: Evidence, until: Until, *, strict: bool) -> tuple[Node, ...]:
    """The nodes that count and have failed for good, and with `strict` also those with a warning."""
    bad = (State.FAILED, State.WARNING) if strict else (State.FAILED,)
    nodes, leaves = counted(evidence, until)
    # An end without an outcome is not for good: the API may report SUCCESS some seconds later.
    return tuple(node for state in bad for node in _in_state(state, nodes, leaves.tally) if node.outcome)


def strict_warnings(evidence: Evidence, until: Until) -> tuple[Reason, ...]:
    """The warnings that `--strict` takes for failures, without those that only repeat what went wrong below them."""
    bad = _deepest([*failed_so_far(evidence, until, strict=True)])
    return tuple(reason for reason in bad if reason.state is State.WARNING)


def assess_node(node: Node, now: Millis) -> Assessment:
    """The assessment of one node alone, whatever is below it."""
    state, over = node.state, _has_settled(node, now)
    bad = state is State.WARNING or (state is State.FAILED and over)
    return Assessment(
        verdict=Verdict.RUNNING if node.ended and not over else verdict_of(state),
        ended=node.ended,
        over=over,
        reasons=tuple(_deepest([node])) if bad else (),
    )


def with_single_checks(evidence: Evidence, whole: Assessment, now: Millis) -> Assessment:
    """The assessment of all checks; `whole` is that of a watch until CHECKS.

    In a migrate task a watch judges `check` alone, but here single checks count as well: a failure that was overridden
    is one to whoever asks about the checks.
    """
    if whole.verdict not in (Verdict.SUCCEEDED, Verdict.WARNING):
        return whole  # more are to come, or `check` failed for a reason that none of its checks may show
    checks = evidence.shape.checks
    verdict = verdict_of_checks(evidence, checks, whole.verdict, now)
    if verdict in (whole.verdict, Verdict.SUCCEEDED):
        return whole
    wrong = {Verdict.WARNING: [State.WARNING], Verdict.FAILED: [State.FAILED, State.RUNNING, State.PENDING]}
    bad = [
        check for state in wrong.get(verdict, ()) for check in checks if check.state is state and not check.says_nothing
    ]
    reasons = _deepest([check for check in bad if check.level not in evidence.accepted])
    return replace(whole, verdict=verdict, reasons=tuple(reasons))


def verdict_of_checks(evidence: Evidence, meant: Sequence[Node], overall: Verdict, now: Millis) -> Verdict:
    """The verdict on some of the checks; `overall` is that of a watch until all of them have ended."""
    dropped = discounted(evidence.shape, evidence.accepted)
    counting = tuple(check for check in meant if check.level not in dropped)
    if meant and not counting:
        return Verdict.WARNING
    ended = overall not in (Verdict.PENDING, Verdict.RUNNING)
    if counting and ended and old_by_stamps(evidence, now, Until.CHECKS, unstamped=True)[0]:
        overall = Verdict.FAILED  # what has not ended by now never will
    judged = verdict_of_list(counting, overall, growing=False, now=now)
    # An accepted check does not count, and has not passed either.
    return Verdict.WARNING if judged is Verdict.SUCCEEDED and len(counting) < len(meant) else judged


def verdict_of_list(nodes: tuple[Node, ...], overall: Verdict, *, growing: bool, now: Millis) -> Verdict:
    """The verdict on all selected checks or projects, for `--exit-status`.

    It is running while any of them is unfinished, or while the list is `growing`. `overall`, the verdict on what they
    belong to, decides if there are none, and ends what is unfinished: once that has failed, nothing more will happen.
    One that could not be read may have ended well, so it is neither a failure nor lets the others be a success.
    """
    told = [node for node in nodes if not node.says_nothing]
    if growing or not all(_has_settled(node, now) for node in told):
        return Verdict.FAILED if overall is Verdict.FAILED else Verdict.RUNNING
    if not nodes:
        return overall
    judged = verdict_of(combined_state([node.state for node in told]))
    return judged if judged is Verdict.FAILED or len(told) == len(nodes) else Verdict.RUNNING


def _has_settled(node: Node, now: Millis) -> bool:
    """True if a node has ended and its outcome is known, or is no longer expected."""
    if not node.ended or node.outcome:
        return node.ended
    stamps = _stamps((node,), now)
    return not stamps or now - stamps[0] >= SETTLED_AFTER  # an end without a stamp may be arbitrarily old


def assess_at(evidence: Evidence, now: Millis, until: Until = Until.DONE) -> Assessment:
    """The assessment of a one-off reading at `now`, which takes the age of an end from the stamps of the API."""
    going = assess(evidence, until, settled=False)
    if not going.ended and not evidence.shape.blocked:  # only an end has an age
        return going
    # A tree without stamps counts as settled, since a polling script must end eventually.
    settled, unscheduled = old_by_stamps(evidence, now, until, unstamped=True)
    return assess(evidence, until, settled=settled, unscheduled=unscheduled)


def old_by_stamps(evidence: Evidence, now: Millis, until: Until = Until.DONE, *, unstamped: bool) -> tuple[bool, bool]:
    """`settled` and `unscheduled` for `assess`, by the stamps of the API; `unstamped` if the tree has no stamp."""

    def old(nodes: list[Node]) -> bool:
        stamp = _newest(evidence, nodes, now)
        return unstamped if stamp is None else now - stamp >= SETTLED_AFTER

    check = evidence.shape.check
    return old(_ends(evidence, until)), check is not None and old([check])


def settles_at(evidence: Evidence, found: Assessment, now: Millis, *, until: Until = Until.DONE) -> Millis | None:
    """When an end that is not believed yet will be, by the stamps of the API; None if there is no such end."""
    shape = evidence.shape
    if found.over or not (found.ended or shape.blocked):
        return None
    stamp = _newest(evidence, _ends(evidence, until) if found.ended else [shape.check or Node()], now)
    return None if stamp is None or stamp + SETTLED_AFTER <= now else stamp + SETTLED_AFTER


def _ends(evidence: Evidence, until: Until) -> list[Node]:
    """The nodes whose stamps tell how old the end is of what is waited for."""
    root, check = evidence.root, evidence.shape.check
    if until is Until.CHECKS and check is not None:
        return [check if check.ended else root]  # a root that runs may have been stamped long ago
    # The root may have ended days before `apps`, whose end may be recent.
    return [root, *(scope for scope in evidence.shape.scopes if scope.ended)]


def _newest(evidence: Evidence, nodes: list[Node], now: Millis) -> Millis | None:
    # Without a plausible stamp of its own, an end is no older than the newest stamp in the tree.
    return max(_stamps(nodes, now) or _stamps(chain.from_iterable(counted(evidence)), now), default=None)


def _stamps(nodes: Iterable[Node], now: Millis) -> list[Millis]:
    stamps = (happened(node.last_updated_at, now) for node in nodes)
    return [stamp for stamp in stamps if stamp is not None]


def assess(
    evidence: Evidence,
    until: Until = Until.DONE,
    *,
    settled: bool = True,
    unscheduled: bool = False,
    lacking: bool = False,
) -> Assessment:
    """The verdict of a task and its reasons: a pure function of the evidence and of how long the end has been known.

    `settled` says that the end was first seen, or happened, at least `SETTLED_AFTER` ago. `unscheduled` says that, if
    the checks failed and no migration began, it was long enough ago that none will. `lacking` says that something is
    gone that was reported before: no end is believed then that has not settled.
    """
    shape, root = evidence.shape, evidence.root
    # If only checks are waited for, neither `migrate` nor the job's scope matters.
    with_migration = evidence.task_type != TaskType.CHECK and until is not Until.CHECKS
    nodes, leaves = counted(evidence, until)
    tally = leaves.tally
    units = shape.leaves  # the summary counts them, even if only checks are waited for
    missing = units.tally.missing(evidence.job, units) if evidence.task_type != TaskType.CHECK else ()
    summary = summary_of(units, len(missing))

    # First: has it ended?
    ended = shape.refused or _has_ended(evidence, until, nodes, with_migration=with_migration)
    blocked = with_migration and shape.blocked
    never = blocked and unscheduled and not ended

    # Second: is that end believed? Statuses are eventually consistent: a root may be FINISHED while projects, scopes
    # and outcomes are still to be reported. Only an end that leaves nothing open is believed before it has settled.
    if ended and not shape.refused:
        gaps = _gaps(evidence, until, nodes, tally, with_migration=with_migration)
    else:
        # A root that cannot be decoded may have ended long ago, and must not look like one that runs. Of what is below
        # it whole levels count: a single child that is garbled for a while takes nothing from the others.
        parts = [node for node in (shape.migrate, *shape.hidden, *nodes) if node and len(node.level) <= 2]
        needed = parts if with_migration and not blocked else ()
        gaps = _Gaps(unread=_unread(evidence, needed) if not ended else ())
    whole = gaps == _Gaps() and not lacking and not (with_migration and missing)
    over = never or shape.refused or (ended and (settled or whole))

    # Third: why is it not a success? What failed, then what never ended or never came, then what could not be read.
    deciding = (*nodes, shape.check) if blocked and shape.check and shape.check not in nodes else nodes
    failures = [node for node in _in_state(State.FAILED, deciding, tally) if node.outcome or over]
    if shape.check in deciding and shape.check and shape.check.outcome == Outcome.FAILED:
        # It only sums up its checks, and they tell what has to be done. Not so if it was stopped, which none shows.
        own = (node for node in shape.checks if node.level not in evidence.accepted)
        failures += [node for node in own if node.outcome and node.state is State.FAILED]
    reasons = _deepest(failures)
    # If the checks failed, nothing was moved: say that, and do not list everything that was never reported.
    if over and not blocked:
        reasons += _unfinished(shape, (*nodes, *leaves))
        if gaps.no_migrate:
            reasons.append(Reason(MIGRATE, State.MISSING, None, "never reported"))
        # If a hidden level could not be read, say that instead: the keys may all be in there.
        if with_migration and evidence.job and not shape.refused and not any(node.unreadable for node in shape.hidden):
            projects = frozenset(evidence.job.included_keys("projects"))
            levels = ((*MIGRATE, "projects" if key in projects else "spaces", key) for key in missing)
            reasons += [Reason(level, State.MISSING, None, "not reported") for level in levels]

    excused = _excused(evidence) if over and not with_migration else []
    if not over:
        pending = all(node.state is State.PENDING for node in (root, *(root.children or ())))
        verdict = Verdict.PENDING if pending else Verdict.RUNNING
    elif reasons:
        verdict = Verdict.FAILED  # a known failure stays one, whatever else could not be read
    elif gaps.unread:
        verdict, over = Verdict.RUNNING, False
    else:
        # An accepted check has not passed, so the best possible verdict is a warning.
        verdict = Verdict.WARNING if excused or _in_state(State.WARNING, nodes, tally) else Verdict.SUCCEEDED
    reasons += [Reason((), State.MISSING, None, f"could not be read: {flaw}") for flaw in gaps.unread]
    if not reasons:
        reasons = [*_deepest(_in_state(State.WARNING, nodes, tally)), *excused]
    return Assessment(
        verdict=verdict,
        ended=ended or never,
        over=over,
        reasons=tuple(reasons),
        summary=summary,
        missing=missing if with_migration else (),
        unread=gaps.unread,
        notes=tuple(f"{name} was never reported and does not count" for name in gaps.absent if over and not blocked),
    )


def _has_ended(evidence: Evidence, until: Until, nodes: tuple[Node, ...], *, with_migration: bool) -> bool:
    """True if what is waited for has ended; whether that end is believed is another question."""
    shape, root = evidence.shape, evidence.root
    migrate = _reported(shape.migrate)
    head: Node | None = root
    if evidence.task_type != TaskType.CHECK:
        head = {Until.DONE: root, Until.CORE: migrate, Until.CHECKS: _reported(shape.check)}[until]
    # The root's end is the end of everything in it: what still hangs below one that was stopped never ends by itself.
    if not root.ended and not (head and head.ended):
        return False
    if not with_migration:
        return True
    # `migrate` can be FINISHED while `apps` goes on for days, independently: neither an error nor the end. But scopes
    # of a task that failed are not waited for: they may hang for good.
    if any(node.ended and node.state is State.FAILED for node in (root, migrate) if node):
        return True
    if shape.migrate is None or shape.migrate.unreadable:  # what was last known of them may be long out of date
        return True
    return all(len(node.level) != 2 or node.ended or node.says_nothing for node in nodes)


class _Gaps(msgspec.Struct, frozen=True, kw_only=True):
    """The gaps that an end leaves: the reasons not to believe it before it has settled.

    `unread` names what could not be read, one line each. `absent` are the scopes that the job names, and `check`, that
    were not reported; `no_migrate` says the same of `migrate`, without which no migration has succeeded. `unproven`:
    something that counts has no outcome, or may not be all there is.
    """

    unread: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    no_migrate: bool = False
    unproven: bool = False


def _gaps(evidence: Evidence, until: Until, nodes: tuple[Node, ...], tally: Tally, *, with_migration: bool) -> _Gaps:
    """The gaps that the end of a task leaves, unless it was refused."""
    shape, job = evidence.shape, evidence.job
    needed = [*nodes, *tally.unreadable.values()]
    unproven = bool(tally.unproven) or not all(node.outcome for node in nodes)
    absent: list[str] = []
    if not with_migration:
        # If accepted checks alone explain the end, another one, yet to be reported, may explain it as well.
        unproven |= discounted(shape, evidence.accepted) != evidence.accepted.keys()
    else:
        # `migrate` and the hidden levels count by what is below them; whatever failed may be there.
        needed += [node for node in (shape.migrate, *shape.hidden) if node]
    if with_migration and job is not None:
        known = {child.name for child in (*shape.scopes, *shape.hidden)}
        # The documentation has `projects` for Confluence in one place, so either level stands for both. If the job
        # names keys, these are waited for one by one instead.
        known |= {name for name in HIDDEN if known & {*HIDDEN} or job.included_keys(name)}
        known |= {APPS} if until is Until.CORE else set()
        absent = [name for name in job.named_scopes if name not in known]
    if until is not Until.CORE and evidence.task_type != TaskType.CHECK and _reported(shape.check) is None:
        absent.append("check")
    unread = _unread(evidence, needed)
    if with_migration and job is None:
        unread = (*unread, "the job's definition")  # without its scope, nothing is known to be missing
    return _Gaps(
        unread=unread,
        absent=tuple(absent),
        no_migrate=with_migration and _reported(shape.migrate) is None and not shape.root.unreadable,
        unproven=unproven,
    )


def _unread(evidence: Evidence, needed: Iterable[Node]) -> tuple[str, ...]:
    """A line for the root, and for each of the nodes needed, if it could not be read."""
    checking = evidence.task_type == TaskType.CHECK
    nodes = {node.level: node for node in (evidence.root, *needed)}
    if checking and evidence.shape.check:  # it does not count itself, but some check tasks answer their checks below it
        nodes[CHECK] = evidence.shape.check
    return tuple(
        f"{level_text(level)}: {node.unreadable}"
        for level, node in nodes.items()
        # Single checks do not count beside the `check` of a migrate task, so it does not matter if they are unread.
        if node.unreadable and (level != CHECK or checking or node.says_nothing)
    )


def _reported(node: Node | None) -> Node | None:
    """A phase of the root, if the API has reported it, be it in a way that cannot be understood.

    It answers hidden levels before it reports `migrate` itself, whose node then is nothing but their parent.
    """
    there = node and (node.status is not None or node.outcome is not None or node.details or node.unreadable)
    return node if there else None


def _in_state(state: State, nodes: Iterable[Node], tally: Tally) -> list[Node]:
    """The nodes, and the leaves of the tally, that are in this state: failed or warning."""
    return [*(node for node in nodes if node.state is state), *tally.nodes[state].values()]


def _unfinished(shape: Shape, nodes: Iterable[Node]) -> list[Reason]:
    """The nodes that have not ended, without the outdated ones of a level that can no longer be read."""
    parents = (shape.root, shape.migrate, *shape.scopes, *shape.hidden)
    outdated = {node.level for node in parents if node and node.unreadable}
    return [
        Reason(node.level, node.state, node.outcome, node.message)
        for node in nodes
        if not node.ended and not node.says_nothing and node.level[:-1] not in outdated
    ]


def _deepest(nodes: list[Node]) -> list[Reason]:
    """Deepest first, without the nodes that only repeat what is wrong below them."""
    above = levels_above(nodes)
    deepest = sorted((node for node in nodes if node.level not in above), key=lambda node: -len(node.level))
    return [Reason(node.level, node.state, node.outcome, node.message) for node in deepest]


def _excused(evidence: Evidence) -> list[Reason]:
    """A reason for each accepted check, saying so."""
    return [
        Reason(check.level, check.state, check.outcome, f"accepted {evidence.accepted[check.level].words}")
        for check in evidence.shape.checks
        if check.level in evidence.accepted
    ]
