"""Reports on a task, made from its readings; shared by the command line and the Python API."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from migstat.errors import ApiError, MigstatError, NotFound, Refused
from migstat.model.acceptance import Acceptances, accepted_of
from migstat.model.changes import EarlierRun, compared
from migstat.model.crowd import summary_of
from migstat.model.nodes import (
    HIDDEN_LEVELS,
    MIGRATE,
    Job,
    Level,
    Node,
    Page,
    Question,
    State,
    Task,
    TaskType,
    by_name,
    child_of,
    instant,
    match_keys,
)
from migstat.model.reports import (
    ChecksReport,
    ProjectsReport,
    RunRow,
    StatusReport,
    TargetRow,
    TasksReport,
    worst_first,
)
from migstat.model.shape import Evidence, shape_of
from migstat.model.verdict import (
    Assessment,
    Reason,
    Snapshot,
    Until,
    assess_at,
    assess_node,
    settles_at,
    snapshot_of,
    verdict_of_checks,
    verdict_of_list,
    with_single_checks,
)
from migstat.query.task import TaskSession
from migstat.query.tree import Reading, with_children
from migstat.query.walk import attempted

NEWEST = 20
"""Runs of a job whose state is read, at one request each."""

MOST_NAMED = 3
"""Names of a filter that are repeated; more are counted."""

ORDERS = ("name", "state", "elapsed", "progress")
"""Ways to sort projects."""


def status_report(
    session: TaskSession, level: Level, depth: int | None = None, *, judged: bool = False
) -> StatusReport:
    """The task, or the node of a level, with `depth` levels below it; None is as much as a glance needs.

    Depth 0 is the node alone, in one request. Its verdict is that of the node, unless `judged` asks for the task's.
    Raises NotFound for an unknown level.
    """
    if level:
        reading, job = session.tree.node(level, depth or 0), session.tree.job
        snapshot = _snapshot(session, reading, job, _with_missing(reading))
        bare = level in HIDDEN_LEVELS and snapshot.node.status is None
        return StatusReport(_judged_by_children(session, snapshot, job) if bare else snapshot)
    if depth == 0 and not judged:
        return StatusReport(_snapshot(session, session.tree.read(0), None))
    reading = session.tree.glance() if depth is None else session.tree.read(depth, judged=True)
    job = session.tree.job
    leaves = reading.evidence.shape.leaves if reading.evidence else ()
    if job and job.keys and reading.task_type != TaskType.CHECK and not reading.missing and not leaves:
        reading = replace(reading, partial=True)  # the projects are deeper than `depth`
    deep = depth is None or depth > len(MIGRATE) + 1  # less would show their level without them, and so as pending
    snapshot = _snapshot(session, reading, job, _with_missing(reading) if deep else None)
    found = snapshot.shape.leaves
    paceless = snapshot.node.ended or reading.partial  # a few of many say nothing about the pace
    return StatusReport(
        snapshot if depth is None else replace(snapshot, node=pruned(snapshot.node, depth)),
        folds=depth is None,
        nothing_to_move=job is not None and not job.moves_projects and not found,
        not_before=None if paceless else found.earliest_end(0, snapshot.fetched_at),
    )


def checks_report(
    session: TaskSession,
    names: tuple[str, ...] = (),
    states: frozenset[State] = frozenset(),
    *,
    against: str | EarlierRun | None = None,
    acceptances: Acceptances | None = None,
) -> ChecksReport:
    """The checks with these names and states, worst first, compared with those of the run that `against` names.

    Raises NotFound for an unknown name, and if there is no such run.
    """
    reading, now = session.tree.checks(), session.now()
    shape = shape_of(reading.root, reading.task_type)
    check = shape.checks_parent
    # checks that have not begun are not listed, so until the parent has ended none can be said to be gone
    ended = check is not None and check.ended and not check.unreadable
    found = worst_first(shape.checks)
    accepted, doubts = accepted_of(acceptances, found, now, complete=ended)
    evidence = Evidence(root=reading.root, task_type=reading.task_type, job=None, accepted=accepted)
    judged_at = session.api_now()
    watched = assess_at(evidence, judged_at, Until.CHECKS)
    reading = replace(reading, evidence=evidence)
    judged = with_single_checks(evidence, watched, judged_at)
    snapshot = _snapshot(session, reading, session.tree.job, checks=judged)
    snapshot = replace(snapshot, summary=summary_of(found), accepted=accepted)
    listed = attempted(lambda: session.api.task(session.job_id, session.task.task_id))
    task, comparison = listed if isinstance(listed, Task) else None, None
    if against is not None:
        from migstat.query.earlier import earlier_run

        earlier = earlier_run(session, against)
        created = instant(task.created_at) if task else None
        # a run that was refused has looked at nothing, so nothing is gone
        comparison = compared(earlier, found, created or now, complete=ended and bool(found))
        snapshot = replace(snapshot, flaws=(*snapshot.flaws, *earlier.flaws))
    _refuse_unknown("check", names, (*found, *(comparison.gone if comparison else ())))

    def shown(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        return tuple(
            node for node in nodes if (not names or node.name in names) and (not states or node.state in states)
        )

    if comparison:
        comparison = replace(comparison, gone=shown(comparison.gone))
    meant = tuple(node for node in found if not names or node.name in names)
    # other children of the root have no say in whether the checks could be read
    nodes = (reading.root, shape.check, *found)
    return ChecksReport(
        snapshot=snapshot,
        parent=check,
        checks=shown(found),
        judged=verdict_of_checks(evidence, meant, watched.verdict, judged_at) if names else snapshot.verdict,
        filtered=_words(states, names),
        overridden=task.overridden if task else (),
        comparison=comparison,
        accepting=acceptances is not None,
        doubts=doubts,
        readable=not any(node and node.unreadable for node in nodes) and not (comparison and comparison.earlier.flaws),
    )


def projects_report(
    session: TaskSession, keys: tuple[str, ...] = (), states: frozenset[State] = frozenset(), order: str = "state"
) -> ProjectsReport:
    """The projects or spaces with these keys and states; what the job names and is not reported is missing.

    Raises NotFound for a key that is neither.
    """
    reading = session.tree.projects(keys)
    job = session.tree.job
    snapshot = _snapshot(session, reading, job, _with_missing(reading))
    found = snapshot.shape.leaves
    names: dict[str, str] = {}
    meant: tuple[Node, ...] = found
    if keys:
        names = match_keys(keys, (node.name for node in found))
        _refuse_unknown(reading.scope.removesuffix("s"), tuple(names.get(key, key) for key in keys), found)
        meant = tuple(node for node in found if node.name in names.values())
    now, ended = snapshot.fetched_at, reading.root.ended
    # without keys in the job there may always be more to come, until the end
    growing = not (keys or (job and job.keys) or ended)
    filtered = _words(states, tuple(names.values()))
    return ProjectsReport(
        snapshot=replace(snapshot, summary=summary_of(found)),
        scope=reading.scope,
        projects=tuple(node for node in _sorted(meant, order, now) if not states or node.state in states),
        judged=verdict_of_list(meant, snapshot.verdict, growing=growing, now=session.api_now()),
        filtered=filtered,
        not_before=None if ended else found.earliest_end(0, now),
        nothing_to_move=job is not None and not job.moves_projects and not found,
    )


def tasks_report(session: TaskSession) -> TasksReport:
    """The runs of the job, newest first, as far as they can be read; the state is read for the newest only.

    A run created meanwhile shifts the pages, so that they overlap; each run is listed once.
    """
    found: dict[str, Task] = {}
    flaws: list[str] = []
    try:
        for page in session.api.tasks(session.job_id):
            found |= {task.task_id: task for task in page.tasks}
            flaws += page.flaws
    except Refused:
        raise
    except ApiError as error:
        if not found:
            raise
        flaws.append(f"the rest of the runs: {error.message}")
    tasks = tuple(found.values())
    now = session.now()
    runs = [RunRow(task) for task in tasks]

    def root_of(task: Task) -> Page | ApiError:
        return attempted(lambda: session.api.status(session.job_id, task.task_id, Question(())))

    for at, root in enumerate(session.together(root_of, tasks[:NEWEST])):
        if isinstance(root, Page):
            runs[at] = RunRow(tasks[at], root.node.state, root.node.elapsed_seconds(now))
        elif not isinstance(root, NotFound):  # one just created has none for a moment
            flaws.append(f"the state of run {tasks[at].task_id}: {root.message}")
    return TasksReport(session.job_id, now, tuple(runs), tuple(flaws))


def target_row(session: TaskSession, name: str) -> TargetRow:
    """The row of one target, with the error if it cannot be read."""
    try:
        report = status_report(session, ())
    except MigstatError as error:
        return TargetRow(name, session.job_id, error=error)
    return TargetRow(name, session.job_id, report.snapshot, report.not_before)


def pruned(node: Node, depth: int) -> Node:
    """The node without the levels that were read for the verdict only."""
    if depth <= 0 or node.children is None:
        return replace(node, children=None)
    return replace(node, children=tuple(pruned(child, depth - 1) for child in node.children))


def _with_missing(reading: Reading) -> Node:
    """The tree that was read with missing projects and spaces as nodes, and so the row of their scope in any case."""
    root, level = reading.root, (*MIGRATE, reading.scope)
    reported = root.level == level or (not root.level and child_of(child_of(root, MIGRATE[0]), reading.scope))
    if level[: len(root.level)] != root.level or not (reading.missing or reported):
        return root
    above, node = list[Node](), root
    while node.level != level:
        above.append(node)
        below = level[: len(node.level) + 1]
        node = child_of(node, below[-1]) or Node(below, missing=below == MIGRATE)
    children = node.children or ()  # unchanged if none is missing, since they may have been counted
    if reading.missing:
        children = (*children, *(Node((*level, key), missing=True) for key in reading.missing))
    node = replace(node, children=children, over=not root.level and root.ended)
    for parent in reversed(above):
        node = with_children(parent, [node])
    return node


def _judged_by_children(session: TaskSession, snapshot: Snapshot, job: Job | None) -> Snapshot:
    """The snapshot of a hidden level, which has no status of its own, judged like the list of `projects`.

    Only the whole task tells whether those not reported may still come.
    """
    level, children = snapshot.node.level, snapshot.node.children or ()
    evidence = session.tree.read(0, judged=True).evidence
    assert evidence is not None  # noqa: S101  it is judged
    judged_at = session.api_now()
    whole = assess_at(evidence, judged_at)
    growing = not (whole.ended or (job and job.included_keys(level[-1])))
    return replace(
        snapshot,
        node=replace(snapshot.node, over=whole.ended),
        summary=summary_of(children),
        verdict=verdict_of_list(children, whole.verdict, growing=growing, now=judged_at),
        reasons=tuple(reason for reason in whole.reasons if reason.level[: len(level)] == level),
    )


def _snapshot(
    session: TaskSession,
    reading: Reading,
    job: Job | None,
    shown: Node | None = None,
    *,
    checks: Assessment | None = None,
) -> Snapshot:
    """The head that every document shares, with anything that could not be read among its reasons.

    Its tree is what is `shown`, by default what was read. `checks` is the assessment of all checks, if only they are
    judged.
    """
    now, judged_at, evidence = session.now(), session.api_now(), reading.evidence
    older = session.older_in_progress() if evidence and evidence.shape.refused else None
    # the verdict is that on the node alone if nothing else was asked for
    assessment = checks or (assess_at(evidence, judged_at) if evidence else assess_node(reading.root, judged_at))
    until = Until.DONE if checks is None else Until.CHECKS
    settles = settles_at(evidence, assessment, judged_at, until=until) if evidence else None
    known = {reason.message for reason in assessment.reasons}
    unreadable = tuple(
        Reason((), State.MISSING, None, text)
        for text in (f"could not be read: {flaw}" for flaw in reading.flaws)
        if text not in known
    )
    summary = assessment.summary
    if reading.partial and job:  # of the others only their number is known
        unread = max(len(job.keys) - summary.total, 0)
        summary = replace(summary, total=summary.total + unread, unread=unread)
    return snapshot_of(
        replace(
            assessment,
            missing=reading.missing,
            reasons=(*assessment.reasons, *unreadable),
            summary=summary,
            unread=assessment.unread if evidence else reading.flaws,
        ),
        shown or reading.root,
        job,
        job_id=session.job_id,
        task_id=session.task.task_id,
        task_type=reading.task_type,
        now=now,
        flaws=reading.flaws,
        partial=reading.partial,
        older=older,
        settles_at=None if settles is None else settles + now - judged_at,  # by the clock on the user's wall
        whole=evidence.shape if evidence and checks is None else None,
    )


def _sorted(projects: tuple[Node, ...], order: str, now: int) -> tuple[Node, ...]:
    """By name; by state, worst first; by elapsed time, longest first; by progress, furthest first."""
    if order == "state":
        return worst_first(projects)
    ordered = by_name(projects)
    if order == "elapsed":
        ordered.sort(key=lambda project: -(project.elapsed_seconds(now) or 0.0))
    if order == "progress":
        ordered.sort(key=lambda project: -(100.0 if project.ended else project.percent or 0.0))
    return tuple(ordered)


def _words(states: frozenset[State], names: Collection[str]) -> str:
    """What a filter lets through: `DuplicateEmail or InvalidEmail, failed`; of many names the first few."""
    some = [*names] if len(names) <= MOST_NAMED else [*[*names][:MOST_NAMED], f"{len(names) - MOST_NAMED} more"]
    return ", ".join(filter(None, (" or ".join(some), " or ".join(state for state in State if state in states))))


def _refuse_unknown(kind: str, names: tuple[str, ...], nodes: Collection[Node]) -> None:
    """Raise NotFound for the first name that no node has, suggesting the one probably meant."""
    known = {node.name for node in nodes}
    for name in names:
        if name in known:
            continue
        from difflib import get_close_matches

        folded = {other.casefold(): other for other in known}
        close = get_close_matches(name.casefold(), folded, 1)
        reported = sum(not node.missing for node in nodes)
        if close:
            hint = f"Did you mean {folded[close[0]]}?"
        elif reported:
            hint = f"{reported} {'is' if reported == 1 else 'are'} reported; --all lists them."
        else:
            hint = f"No {kind}s are reported."
        if "*" in name:
            hint = f"Names must match exactly, without wildcards. {hint}"
        raise NotFound(f"no such {kind}: {name}", hint)
