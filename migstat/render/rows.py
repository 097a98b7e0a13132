"""A report as rows of named columns: what `plain`, `csv` and `markdown` have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migstat.model.nodes import Millis, Node, Task
from migstat.model.reports import (
    ArtifactsReport,
    ChecksReport,
    JobReport,
    Listed,
    ProjectsReport,
    Report,
    StatusReport,
    TasksReport,
)
from migstat.render.text import iso, number

Row = tuple[str, ...]

_COLUMNS: dict[type[Any], Row] = {
    StatusReport: ("level", "status", "outcome", "percent", "elapsedSeconds", "message"),
    ChecksReport: ("name", "status", "outcome", "excludable", "message"),
    ProjectsReport: ("name", "status", "outcome", "percent", "elapsedSeconds", "message"),
    TasksReport: ("taskId", "taskType", "createdAt", "artifacts"),
    JobReport: ("field", "value"),
    ArtifactsReport: ("name", "expiresAt", "location"),
}


def columns(report: Report) -> Row:
    """The names of the columns."""
    return _COLUMNS[type(report)]


def rows(report: Report) -> Iterator[Row]:
    """One row a record, an unknown value empty; values as the server sent them, not yet made harmless."""
    match report:
        case StatusReport():
            yield from _tree(report.snapshot.node, report.snapshot.fetched_at)
        case ChecksReport():
            yield from (_check(check) for check in report.checks)
        case ProjectsReport():
            now = report.snapshot.fetched_at
            yield from ((project.name, *_state(project, now)) for project in report.projects)
        case TasksReport():
            yield from (_task(task) for task in report.tasks)
        case JobReport():
            yield from fields(report.job.raw)
        case ArtifactsReport():
            yield from (_listed(each) for each in report.artifacts)


def _tree(node: Node, now: Millis) -> Iterator[Row]:
    yield ",".join(node.level), *_state(node, now)
    for child in node.children or ():
        yield from _tree(child, now)


def _state(node: Node, now: Millis) -> Row:
    elapsed = node.elapsed_seconds(now)
    return (
        node.status or "",
        node.outcome or "",
        "" if node.percent is None else number(node.percent),
        "" if elapsed is None else number(elapsed),
        node.message or "",
    )


def _check(check: Node) -> Row:
    excludable = "" if check.excludable is None else str(check.excludable).lower()
    return check.name, check.status or "", check.outcome or "", excludable, check.message or ""


def _task(task: Task) -> Row:
    names = ",".join(artifact.name or "" for artifact in task.artifacts)
    return task.task_id, task.task_type or "", iso(task.created_at) or "", names


def _listed(listed: Listed) -> Row:
    artifact = listed.artifact
    return artifact.name or "", iso(artifact.expires_at) or "", artifact.location or ""


def fields(value: Any, path: str = "", *, joint: str = ",") -> Iterator[Row]:
    """A definition as its leaves, named by their paths; a list of plain values is one leaf, with `joint` between."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from fields(each, f"{path}.{name}" if path else name, joint=joint)
    elif isinstance(value, list):
        if any(isinstance(each, dict | list) for each in value):
            for at, each in enumerate(value):
                yield from fields(each, f"{path}[{at}]", joint=joint)
        else:
            yield path, joint.join(_leaf(each) for each in value)
    else:
        yield path, _leaf(value)


def _leaf(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    return number(value) if isinstance(value, float) else str(value)
