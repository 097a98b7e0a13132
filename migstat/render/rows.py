"""A report as rows of named columns, for scripts (`plain`, `csv`) and, in words, for people (`markdown`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from migstat.model.nodes import Millis, Node, instant
from migstat.model.reports import (
    ArtifactsReport,
    ChecksReport,
    JobReport,
    Listed,
    ProjectsReport,
    Report,
    RunRow,
    StatusReport,
    TargetRow,
    TargetsReport,
    TasksReport,
)
from migstat.render.text import iso, number
from migstat.render.theme import message_words

if TYPE_CHECKING:
    from migstat.model.nights import Span, TimelineReport

Row = tuple[str, ...]

_STATE = ("state", "status", "outcome")
_PROGRESS = ("percent", "elapsedSeconds", "message")
_COLUMNS: dict[type[Any], Row] = {
    StatusReport: ("level", *_STATE, *_PROGRESS),
    ChecksReport: ("name", *_STATE, "excludable", "message"),
    ProjectsReport: ("name", *_STATE, *_PROGRESS),
    TasksReport: ("taskId", "taskType", "state", "createdAt", "elapsedSeconds", "artifacts"),
    TargetsReport: ("target", "jobId", "taskId", "state", "finished", "total", "failed", "estimatedEndAt"),
    JobReport: ("field", "value"),
    ArtifactsReport: ("name", "expiresAt", "location"),
}


_TIMELINE = ("name", *_STATE, "startedAt", "endedAt", "exact", "elapsedSeconds", "againstSeconds", "message")


def columns(report: Report) -> Row:
    """The names of the columns; details of checks, a comparison and accepted checks add more at the end."""
    more: Row = ()
    if isinstance(report, ChecksReport):
        compares = report.comparison is not None
        more += ("occurrence",) if report.details else ()
        more += ("change", "before") if compares else ()
        more += ("accepted",) if report.accepting else ()
        more += ("occurrenceChange",) if report.details and compares else ()
    return (*_COLUMNS.get(type(report), _TIMELINE), *more)


def rows(report: Report) -> Iterator[Row]:
    """One row a record, an unknown value empty; values as the server sent them, not yet made harmless."""
    match report:
        case StatusReport():
            now = report.snapshot.fetched_at
            yield from ((",".join(node.level) or ".", *_row(node, now)) for node in nodes_of(report.snapshot.node))
        case ChecksReport():
            yield from (row for check in report.rows for row in _check(check, report))
        case ProjectsReport():
            yield from ((project.name, *_row(project, report.snapshot.fetched_at)) for project in report.projects)
        case TasksReport():
            yield from map(_run, report.runs)
        case TargetsReport():
            yield from map(_target, report.targets)
        case JobReport():
            yield from fields(report.job.raw)
        case ArtifactsReport():
            yield from map(_listed, report.artifacts)
        case _:
            yield from (_span(span, report) for span in report.rows)


def nodes_of(node: Node) -> Iterator[Node]:
    """The node and all below it, parents before their children."""
    yield node
    for child in node.children or ():
        yield from nodes_of(child)


def _state(node: Node) -> Row:
    return node.state, node.status or "", node.outcome or ""


def _row(node: Node, now: Millis) -> Row:
    percent = "" if node.percent is None else number(node.percent)
    return *_state(node), percent, _seconds(node.elapsed_seconds(now)), message_words(node) or ""


def _seconds(value: float | None) -> str:
    return "" if value is None else str(int(value))


def _check(check: Node, report: ChecksReport) -> Iterator[Row]:
    excludable = "" if check.excludable is None else str(check.excludable).lower()
    message = message_words(check) or ""
    if check.name in report.overridden:
        message = f"(overridden in this run) {message}".rstrip()
    row = (check.name, *_state(check), excludable, message)
    more: Row = ()
    came: tuple[str, ...] = ()
    went: tuple[str, ...] = ()
    if report.comparison is not None:
        before = report.comparison.before.get(check.level)
        more += (report.comparison.change(check), before.state if before else "")
        came, went = report.comparison.came_and_went(check)
    if report.accepting:
        entry = report.snapshot.accepted.get(check.level)
        more += (entry.words if entry else "",)
    if not report.details:
        yield (*row, *more)
        return
    found = [("", ""), *((each, "came" if each in came else "") for each in check.occurrences)]
    for occurrence, change in (*found, *((each, "went") for each in went)):
        yield (*row, occurrence, *more, *((change,) if report.comparison is not None else ()))


def _run(run: RunRow) -> Row:
    task = run.task
    names = ",".join(artifact.name or "" for artifact in task.artifacts)
    created = iso(instant(task.created_at)) or ""
    return task.task_id, task.task_type or "", run.state or "", created, _seconds(run.elapsed_seconds), names


def _target(row: TargetRow) -> Row:
    snapshot = row.snapshot
    if snapshot is None or snapshot.summary is None:
        return row.target, row.job_id or "", "", "", "", "", "", ""
    summary = snapshot.summary
    counts = (str(summary.finished), str(summary.total), str(summary.failed))
    return row.target, snapshot.job_id, snapshot.task_id, snapshot.verdict, *counts, iso(row.not_before) or ""


def _span(span: Span, report: TimelineReport) -> Row:
    state = (span.state, span.status or "", span.outcome or "")
    exact = "" if span.started is None and span.ended is None else str(span.exact).lower()
    times = (iso(span.started) or "", iso(span.ended) or "", exact)
    lasted = (_seconds(report.night.elapsed_of(span)), _seconds(report.rehearsed(span)))
    return span.name, *state, *times, *lasted, span.message or ""


def _listed(listed: Listed) -> Row:
    artifact = listed.artifact
    return artifact.name or "", iso(instant(artifact.expires_at)) or "", artifact.location or ""


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
