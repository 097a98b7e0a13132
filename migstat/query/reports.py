"""From a task's reading to the report on it: one way for the command line and for Python."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from msgspec.structs import replace

from migstat.errors import ApiError, MigstatError, NotFound, Refused
from migstat.model.acceptance import Acceptances, accepted_of
from migstat.model.changes import EarlierRun, compared
from migstat.model.nodes import (
    HIDDEN,
    MIGRATE,
    Job,
    Level,
    Node,
    Question,
    State,
    Task,
    TaskType,
    by_name,
    child_of,
    instant,
    leaves_of,
    level_is_hidden,
    match_keys,
)
from migstat.model.reports import (
    ChecksReport,
    ProjectsReport,
    RunRow,
    StatusReport,
    TargetRow,
    TasksReport,
    missing_nodes,
    verdict_of_checks,
    verdict_of_list,
    worst_first,
)
from migstat.model.verdict import (
    Evidence,
    Reason,
    Snapshot,
    Until,
    assess_at,
    estimated_end,
    summary_of,
)
from migstat.query.task import TaskSession
from migstat.query.tree import Reading
from migstat.query.walk import attempted

NEWEST = 20
"""Runs of a job whose state is asked for."""

ORDERS = ("name", "state", "elapsed", "progress")
"""Orders of projects."""


def status_report(asked: TaskSession, level: Level, depth: int | None = None, *, judged: bool = False) -> StatusReport:
    """The task, or the node of a level, with so many levels below it; None is what one look needs.

    Depth 0 is the node alone in one request, and its verdict that of the node, unless `judged` asks for the task's.
    Raises NotFound for an unknown level.
    """
    if level:
        reading, job = asked.tree.node(level, depth or 0), _job(asked)
        snapshot = _with_missing(snapshot_of(asked, reading, job), reading)
        bare = level_is_hidden(level) and snapshot.node.status is None
        return StatusReport(_judged_by_children(asked, snapshot, job) if bare else snapshot)
    if depth == 0 and not judged:
        return StatusReport(snapshot_of(asked, asked.tree.read(0), None))
    reading = asked.tree.glance() if depth is None else asked.tree.read(depth, judged=True)
    job = _job(asked)
    keys = job.keys if job else ()
    counted = reading.evidence is not None and bool(leaves_of(reading.evidence.root, reading.task_type))
    if keys and reading.task_type != TaskType.CHECK and not reading.missing and not counted:
        # their level was not read: at a glance since nothing has begun, else since it is deeper than what was asked for
        begun = depth is not None
        reading = replace(reading, missing=() if begun else keys, expected=len(keys), partial=begun)
    snapshot = _with_missing(snapshot_of(asked, reading, job), reading)
    root = _brief(snapshot.node) if depth is None else pruned(snapshot.node, depth)
    return StatusReport(
        replace(snapshot, node=root),
        folds=depth is None,
        nothing_to_move=_moves_nothing(reading, job),
        not_before=_not_before(asked, reading),
    )


def checks_report(
    asked: TaskSession,
    names: tuple[str, ...] = (),
    states: frozenset[State] = frozenset(),
    *,
    against: str | EarlierRun | None = None,
    acceptances: Acceptances | None = None,
) -> ChecksReport:
    """The report on the checks of these names and states, worst first. Raises NotFound for an unknown name.

    Checks that have not begun are not listed, so the list grows until its parent has ended. They are compared with
    those of the run that `against` means, if any; NotFound is raised if there is none.
    """
    reading = asked.tree.checks()
    check = reading.check
    ended = check is not None and check.ended and not check.unreadable
    found = worst_first((check.children or ()) if check else ())
    accepted, doubts = accepted_of(acceptances, found, asked.now(), whole=ended)
    if reading.evidence is not None:
        reading = replace(reading, evidence=replace(reading.evidence, accepted=accepted))
    snapshot = snapshot_of(asked, reading, _job(asked))
    # as `watch --until checks` judges them
    evidence = Evidence(root=reading.root, task_type=reading.task_type, job=None, accepted=accepted)
    judged = assess_at(evidence, snapshot.fetched_at, Until.CHECKS)
    notes = tuple(dict.fromkeys((*snapshot.notes, *judged.notes)))
    snapshot = replace(snapshot, missing=(), summary=summary_of(found), accepted=accepted, notes=notes)
    task, comparison = _task(asked), None
    if against is not None:
        from migstat.query.earlier import earlier_run

        earlier = earlier_run(asked, against)
        created = instant(task.created_at) if task else None
        # a run that was refused has looked at nothing, so nothing is gone
        comparison = compared(earlier, found, created or snapshot.fetched_at, whole=ended and bool(found))
        snapshot = replace(snapshot, flaws=(*snapshot.flaws, *earlier.flaws))
    _refuse_unknown("check", names, (*found, *(comparison.gone if comparison else ())))

    def shown(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        return tuple(
            node for node in nodes if (not names or node.name in names) and (not states or node.state in states)
        )

    if comparison:
        comparison = replace(comparison, gone=shown(comparison.gone))
    return ChecksReport(
        snapshot,
        check,
        shown(found),
        verdict_of_checks(
            snapshot,
            judged.verdict,
            tuple(each for each in found if not names or each.name in names),
            named=bool(names),
        ),
        _words(states) or ("that name" if names else ""),
        task.overridden if task else (),
        comparison=comparison,
        accepting=acceptances is not None,
        doubts=doubts,
    )


def projects_report(
    asked: TaskSession, keys: tuple[str, ...] = (), states: frozenset[State] = frozenset(), order: str = "state"
) -> ProjectsReport:
    """The report on the projects or spaces of these keys and states.

    Those of the job's scope that are not reported are among them, as missing. Raises NotFound for a key out of scope.
    """
    reading = asked.tree.projects(keys)
    job = _job(asked)
    found = (*reading.leaves, *missing_nodes((*MIGRATE, reading.scope), reading.missing))
    names = match_keys(keys, (node.name for node in found))
    _refuse_unknown(reading.scope.removesuffix("s"), tuple(names.get(key, key) for key in keys), found)
    meant = tuple(node for node in found if not keys or node.name in names.values())
    snapshot = snapshot_of(asked, reading, job)
    # without keys in the job, more may come until the end
    growing = not (keys or reading.expected or reading.root.ended)
    return ProjectsReport(
        replace(snapshot, summary=summary_of(found)),
        reading.scope,
        tuple(node for node in _sorted(meant, order, asked.now()) if not states or node.state in states),
        verdict_of_list(meant, snapshot.verdict, growing=growing, now=snapshot.fetched_at),
        _words(states) or ("that key" if keys else ""),
        _not_before(asked, reading),
        _moves_nothing(reading, job),
    )


def tasks_report(asked: TaskSession) -> TasksReport:
    """The runs of the job, newest first, each once though pages may overlap, as far as they can be read.

    The state of the newest is asked for, a few at a time.
    """
    found: dict[str, Task] = {}
    flaws: list[str] = []
    try:
        for page in asked.api.tasks(asked.job_id):
            found |= {task.task_id: task for task in page.tasks}
            flaws += page.flaws
    except Refused:
        raise
    except ApiError as error:
        if not found:
            raise
        flaws.append(f"the rest of the runs: {error.message}")
    tasks = tuple(found.values())
    now = asked.now()
    runs = [RunRow(task) for task in tasks]
    for at, root in enumerate(asked.together(partial(_root_of, asked), tasks[:NEWEST])):
        if isinstance(root, Node):
            runs[at] = RunRow(tasks[at], root.state, root.elapsed_seconds(now))
        elif not isinstance(root, NotFound):  # one just created has none for a moment
            flaws.append(f"the state of run {tasks[at].task_id}: {root.message}")
    return TasksReport(asked.job_id, now, tuple(runs), tuple(flaws))


def _root_of(asked: TaskSession, task: Task) -> Node | ApiError:
    page = attempted(lambda: asked.api.status(asked.job_id, task.task_id, Question(())))
    return page if isinstance(page, ApiError) else page.node


def target_row(asked: TaskSession, name: str) -> TargetRow:
    """The row of one target, with the error if it cannot be asked."""
    try:
        report = status_report(asked, ())
    except MigstatError as error:
        return TargetRow(name, asked.job_id, error=error)
    return TargetRow(name, asked.job_id, report.snapshot, report.not_before)


def pruned(node: Node, depth: int) -> Node:
    """The node without the levels that were read for the verdict only."""
    if depth <= 0 or node.children is None:
        return replace(node, children=None)
    return replace(node, children=tuple(pruned(child, depth - 1) for child in node.children))


def _brief(root: Node) -> Node:
    """The root of a glance: once the migration has begun well, `check` is one line."""
    check, migrate = child_of(root, "check"), child_of(root, "migrate")
    begun = migrate is not None and migrate.state not in (State.PENDING, State.MISSING)
    if check is None or not check.ended or check.state is State.FAILED or not begun:
        return root
    children = tuple(replace(child, children=None) if child is check else child for child in root.children or ())
    return replace(root, children=children)


def _with_missing(snapshot: Snapshot, reading: Reading) -> Snapshot:
    """The snapshot whose tree has missing projects and spaces as nodes, and so the row of their scope in any case."""
    root = snapshot.node
    if root.level[:-1] == MIGRATE and root.level[-1] in HIDDEN:
        children = (*(root.children or ()), *missing_nodes(root.level, reading.missing))
        return replace(snapshot, node=replace(root, children=children))
    if root.level == MIGRATE and reading.missing:
        others = tuple(child for child in root.children or () if not level_is_hidden(child.level))
        hidden = [child for child in root.children or () if level_is_hidden(child.level)]
        scope, *more = hidden or [Node((*MIGRATE, reading.scope))]
        children = (*(scope.children or ()), *missing_nodes(scope.level, reading.missing))
        return replace(snapshot, node=replace(root, children=(*others, replace(scope, children=children), *more)))
    reported = child_of(child_of(root, MIGRATE[0]), reading.scope)
    if root.level or not (reading.missing or reported):
        return snapshot
    migrate = child_of(root, "migrate") or Node(MIGRATE, missing=True)
    level = (*MIGRATE, reading.scope)
    scope = reported or Node(level)
    children = (*(scope.children or ()), *missing_nodes(level, reading.missing))
    scope = replace(scope, children=children, over=root.ended)
    scopes = tuple(child for child in migrate.children or () if child.level != level)
    migrate = replace(migrate, children=(*scopes, scope))
    phases = tuple(child for child in root.children or () if child.level != MIGRATE)
    return replace(snapshot, node=replace(root, children=(*phases, migrate)))


def _judged_by_children(asked: TaskSession, snapshot: Snapshot, job: Job | None) -> Snapshot:
    """The snapshot of all projects or all spaces, which have no status of their own: judged as `projects` judges them.

    Only the whole task says if those that are not reported may still come.
    """
    level, children, whole = snapshot.node.level, snapshot.node.children or (), asked.judged()
    growing = not (whole.ended or (job and job.included_keys(level[-1])))
    return replace(
        snapshot,
        node=replace(snapshot.node, over=whole.ended),
        verdict=verdict_of_list(children, whole.verdict, growing=growing, now=snapshot.fetched_at),
        reasons=tuple(reason for reason in whole.reasons if reason.level[: len(level)] == level),
    )


def _job(asked: TaskSession) -> Job | None:
    """The job's definition, if it can be read."""
    job = attempted(lambda: asked.job)
    return None if isinstance(job, ApiError) else job


def snapshot_of(asked: TaskSession, reading: Reading, job: Job | None) -> Snapshot:
    """The head that every document shares. Whatever could not be read is among its reasons."""
    now, assessment = asked.now(), asked.assess(reading)
    told = {reason.message for reason in assessment.reasons}
    unread = tuple(
        Reason((), State.MISSING, None, text)
        for text in (f"could not be read: {flaw}" for flaw in reading.flaws)
        if text not in told
    )
    summary = assessment.summary
    if reading.partial or (reading.missing and not summary.total):  # of the others only their number is known
        rest = max(reading.expected - summary.total, 0)
        summary = replace(summary, total=summary.total + rest, missing=summary.missing + rest)
    return Snapshot(
        asked.job_id,
        asked.task.task_id,
        reading.task_type,
        now,
        reading.root,
        assessment.verdict,
        reading.missing,
        reading.flaws,
        job.name if job else None,
        job.destination if job else None,
        (*assessment.reasons, *unread),
        summary,
        assessment.notes,
        reading.partial,
    )


def _not_before(asked: TaskSession, reading: Reading) -> int | None:
    """A lower bound of the end; None once it is over, and while the pace says nothing yet."""
    if reading.root.ended or reading.partial:
        return None
    return estimated_end(reading.leaves, len(reading.missing), asked.now())


def _moves_nothing(reading: Reading, job: Job | None) -> bool:
    """True if the job names what it moves, and neither projects nor spaces are in it."""
    names = job.named_scopes if job else ()
    return bool(names) and not reading.leaves and not any(scope in names for scope in HIDDEN)


def _task(asked: TaskSession) -> Task | None:
    """What the list of runs says of this one, as far as that can be asked."""
    task = attempted(lambda: asked.api.task(asked.job_id, asked.task.task_id))
    return None if isinstance(task, ApiError) else task


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


def _words(states: frozenset[State]) -> str:
    return " or ".join(state for state in State if state in states)


def _refuse_unknown(kind: str, names: tuple[str, ...], nodes: Collection[Node]) -> None:
    """Raise NotFound for the first name that no node has, with the one probably meant."""
    from difflib import get_close_matches

    known = {node.name for node in nodes}
    for name in names:
        if name in known:
            continue
        folded = {each.casefold(): each for each in known}
        close = get_close_matches(name.casefold(), folded, 1)
        reported = sum(not node.missing for node in nodes)
        if close:
            hint = f"Did you mean {folded[close[0]]}?"
        elif reported:
            hint = f"{reported} {'is' if reported == 1 else 'are'} reported; --all lists them."
        else:
            hint = f"No {kind}s are reported."
        raise NotFound(f"no such {kind}: {name}", hint)
