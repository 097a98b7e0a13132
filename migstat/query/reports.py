"""From an inquiry to what is told of it: one way for the command line and for Python."""

from __future__ import annotations

from enum import Enum

from msgspec.structs import replace

from migstat.errors import ApiError, NotFound, Refused
from migstat.model.nodes import Level, Node, Task
from migstat.model.reports import (
    ChecksReport,
    Filter,
    ProjectsReport,
    StatusReport,
    TasksReport,
    count_states,
    worst_first,
)
from migstat.model.verdict import Assessment, Snapshot, not_scheduled, summary_of
from migstat.query.task import TaskSession
from migstat.query.tree import ALL, Reading, Tree

EVERYTHING = Filter()


class Extent(Enum):
    """How much of a task is read where nobody names a depth: what has something below it, or what one look needs."""

    OUTLINE = "outline"
    GLANCE = "glance"


def status_report(asked: TaskSession, level: Level, extent: int | Extent, *, named: bool = False) -> StatusReport:
    """The task with so many levels below its root, or below the node of a level; `named` asks for the job's name.

    Raises NotFound where there is no such level.
    """
    reading = asked.tree.node(level, extent if isinstance(extent, int) else 0) if level else _read(asked.tree, extent)
    snapshot = snapshot_of(asked, reading)
    if level:
        return StatusReport(snapshot, missing=reading.missing)
    if extent is not Extent.GLANCE:
        snapshot = replace(snapshot, node=pruned(reading.root, extent if isinstance(extent, int) else ALL))
    return StatusReport(
        snapshot,
        job_name=asked.tree.job_name if named else None,
        missing=reading.missing,
        expected=reading.expected,
        partial=reading.partial,
        brief=extent is Extent.GLANCE,
        not_scheduled=not_scheduled(reading.root),
    )


def _read(tree: Tree, extent: int | Extent) -> Reading:
    match extent:
        case Extent.GLANCE:
            return tree.glance()
        case Extent.OUTLINE:
            return tree.outline()
        case depth:
            return tree.read(depth, judged=True)


def checks_of(reading: Reading, names: tuple[str, ...] = ()) -> tuple[Node, ...]:
    """The checks of these names, or all, worst first. Raises NotFound for a name that there is not."""
    found = worst_first((reading.check.children or ()) if reading.check else ())
    known = {check.name for check in found}
    for name in names:
        if name not in known:
            raise _unknown("check", name, known)
    return tuple(check for check in found if not names or check.name in names)


def checks_report(
    asked: TaskSession, reading: Reading, checks: tuple[Node, ...], wanted: Filter = EVERYTHING, told: str = ""
) -> ChecksReport:
    """The report on these checks; `told` says in words what was asked for, where `wanted` does not."""
    found = checks_of(reading)
    return ChecksReport(
        replace(snapshot_of(asked, reading), missing=()),
        reading.check,
        tuple(check for check in checks if wanted.passes(check)),
        summary_of(found),
        count_states(found),
        str(wanted) or told,
    )


def projects_of(reading: Reading, keys: tuple[str, ...] = ()) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """The projects or spaces of these keys, or all, and those not reported. Raises NotFound for a key out of scope."""
    if not keys:
        return reading.leaves, reading.missing
    known = {project.name for project in reading.leaves}
    for key in keys:
        if key not in known and key not in reading.missing:
            raise _unknown(reading.scope.removesuffix("s"), key, known | set(reading.missing))
    return (
        tuple(project for project in reading.leaves if project.name in keys),
        tuple(key for key in reading.missing if key in keys),
    )


def projects_report(
    asked: TaskSession,
    reading: Reading,
    projects: tuple[Node, ...],
    missing: tuple[str, ...],
    wanted: Filter = EVERYTHING,
) -> ProjectsReport:
    """The report on these projects, in this order, and on those that are missing of what was asked for."""
    return ProjectsReport(
        replace(snapshot_of(asked, reading), missing=missing),
        reading.scope,
        asked.tree.job_name,
        tuple(project for project in projects if wanted.passes(project)),
        summary_of(reading.leaves),
        count_states(reading.leaves),
        str(wanted),
    )


def tasks_report(asked: TaskSession) -> TasksReport:
    """The runs of the job, newest first, each once though pages may overlap, as far as they can be read."""
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
    return TasksReport(asked.job_id, asked.now(), tuple(found.values()), tuple(flaws))


def pruned(node: Node, depth: int) -> Node:
    """The node without the levels that were read for the verdict only."""
    if depth <= 0 or node.children is None:
        return replace(node, children=None)
    return replace(node, children=tuple(pruned(child, depth - 1) for child in node.children))


def snapshot_of(asked: TaskSession, reading: Reading, assessment: Assessment | None = None) -> Snapshot:
    """The head of a document about what was read."""
    assessment = assessment or asked.assess(reading)
    return Snapshot(
        asked.job_id,
        asked.task.task_id,
        reading.task_type,
        asked.now(),
        reading.root,
        assessment.verdict,
        reading.missing,
        reading.flaws,
        reading.job.name if reading.job else None,
        reading.job.destination if reading.job else None,
        assessment.reasons,
        assessment.summary,
        assessment.notes,
    )


def _unknown(kind: str, name: str, known: set[str]) -> NotFound:
    """The error for a name that there is not, with the likeliest one meant."""
    from difflib import get_close_matches

    folded = {each.casefold(): each for each in known}
    close = get_close_matches(name.casefold(), folded, 1)
    hint = f"Is it {folded[close[0]]}?" if close else f"{len(known)} are reported; leave the name out to list them."
    return NotFound(f"there is no {kind} {name}", hint)
