"""The published JSON documents, version 1, as CLI users script against them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from migstat.errors import MigstatError
from migstat.model.events import Alive, Changed, Ended, Event, Outage, Progressed, Recovered, Snapped, Stalled
from migstat.model.nodes import Artifact, Level, Millis, Node, Phase, Task
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
from migstat.model.verdict import Snapshot, Summary, summary_of
from migstat.render.text import ascii_json, encodable, escape_json, iso, iso_millis

VERSION = 1

Json = dict[str, Any]


def document(report: Report) -> Json:
    """The JSON document of a report."""
    match report:
        case StatusReport():
            snapshot = report.snapshot
            return _head("status", snapshot) | {"node": node_json(snapshot.node, snapshot.fetched_at)}
        case ChecksReport():
            return _head("checks", report.snapshot) | {
                "summary": _summary(report.summary),
                "checks": [*_nodes(report.checks, report.snapshot)],
            }
        case ProjectsReport():
            return _head("projects", report.snapshot) | {
                "scope": report.scope,
                "summary": _summary(report.summary),
                "projects": [*_nodes(report.projects, report.snapshot)],
                "missing": list(report.snapshot.missing),
            }
        case TasksReport():
            tasks = [_task(task) for task in report.tasks]
            return _short_head("tasks", report.job_id, report.fetched_at) | {"tasks": tasks}
        case JobReport():
            return _short_head("job", report.job_id, report.fetched_at) | {"job": report.job.raw}
        case ArtifactsReport():
            task = _task(report.task) | {"artifacts": [_listed(each) for each in report.artifacts]}
            return _short_head("artifacts", report.job_id, report.fetched_at) | {"tasks": [task]}


class NodeJson(msgspec.Struct, rename="camel", gc=False):
    """A node as published; a struct, since a dict takes twice the time and five times the memory."""

    name: str
    level: Level
    status: str | None
    outcome: str | None
    message: str | None
    created_at: str | None
    started_at: str | None
    last_updated_at: str | None
    elapsed_seconds: float | None
    percent: float | None
    progress: tuple[Phase, ...]
    excludable: bool | None
    description: str | None
    occurrences: tuple[str, ...]
    details: Mapping[str, Any]
    children: list[NodeJson] | None


def lines(report: Report) -> Iterator[Json | NodeJson]:
    """The records of a report, one a line: nodes, tasks or artifacts, parents before their children."""
    match report:
        case StatusReport():
            yield from _flat(report.snapshot.node, report.snapshot.fetched_at)
        case ChecksReport():
            yield from _nodes(report.checks, report.snapshot)
        case ProjectsReport():
            yield from _nodes(report.projects, report.snapshot)
        case TasksReport():
            yield from (_task(task) for task in report.tasks)
        case JobReport():
            yield dict(report.job.raw)
        case ArtifactsReport():
            yield from (_listed(each) for each in report.artifacts)


def event_document(event: Event) -> Json:
    """An event of a watch as published."""
    match event:
        case Snapped():
            return _event("snapshot", event) | {
                "jobId": event.snapshot.job_id,
                "taskId": event.snapshot.task_id,
                "taskType": event.snapshot.task_type,
                "verdict": event.snapshot.verdict,
                "summary": _summary(event.snapshot.summary or summary_of(())),
                "node": node_json(event.snapshot.node, event.at),
            }
        case Changed():
            before = event.before
            return _event("change", event, event.node.level) | {
                "from": None if before is None else {"status": before.status, "outcome": before.outcome},
                "to": {"status": event.node.status, "outcome": event.node.outcome},
                "message": event.node.message,
            }
        case Progressed():
            return _event("progress", event, event.level) | {"percent": event.percent, "progress": event.progress}
        case Stalled():
            return _event("stalled", event, event.level) | {"sinceSeconds": event.since_seconds}
        case Outage():
            told = {"code": event.code, "message": event.message, "retryInSeconds": event.retry_in_seconds}
            return _event("outage", event) | told
        case Recovered():
            return _event("recovered", event) | {"outageSeconds": event.outage_seconds}
        case Alive():
            return _event("alive", event) | {
                "verdict": event.verdict,
                "summary": _summary(event.summary),
                "missing": event.missing,
            }
        case Ended():
            return _event(event.end, event) | {
                "verdict": event.verdict,
                "exitCode": event.exit_code,
                "summary": _summary(event.summary),
                "missing": event.missing,
                "elapsedSeconds": event.elapsed_seconds,
            }


def _event(name: str, event: Event, level: Level | None = None) -> Json:
    head: Json = {"event": name, "at": iso_millis(event.at)}
    return head if level is None else head | {"level": level, "name": level[-1] if level else ""}


def error_document(error: MigstatError) -> Json:
    """An error as scripts read it."""
    return {"error": {"code": error.code, "message": encodable(error.message), "hint": encodable(error.hint)}}


def encoded(value: object, *, indent: int = 0, ascii_only: bool = False) -> str:
    """JSON text of a value, without a newline at its end; nothing in it can move a cursor."""
    data = msgspec.json.encode(value)
    text = data.decode()
    if not data.isascii() or b"\x7f" in data:
        text = escape_json(text)
    if indent:
        text = msgspec.json.format(text, indent=indent)
    return ascii_json(text) if ascii_only else text


def node_json(node: Node, now: Millis) -> NodeJson:
    """A node as published."""
    return NodeJson(
        node.name,
        node.level,
        node.status,
        node.outcome,
        node.message,
        iso_millis(node.created_at),
        iso_millis(node.started_at),
        iso_millis(node.last_updated_at),
        node.elapsed_seconds(now),
        node.percent,
        node.progress,
        node.excludable,
        node.description,
        node.occurrences,
        node.details,
        None if node.children is None else [node_json(child, now) for child in node.children],
    )


def _flat(node: Node, now: Millis) -> Iterator[NodeJson]:
    yield node_json(msgspec.structs.replace(node, children=None), now)
    for child in node.children or ():
        yield from _flat(child, now)


def _nodes(nodes: tuple[Node, ...], snapshot: Snapshot) -> Iterator[NodeJson]:
    return (node_json(node, snapshot.fetched_at) for node in nodes)


def _short_head(kind: str, job_id: str, fetched_at: Millis) -> Json:
    return {"kind": kind, "schemaVersion": VERSION, "jobId": job_id, "fetchedAt": iso(fetched_at)}


def _head(kind: str, snapshot: Snapshot) -> Json:
    return {
        "kind": kind,
        "schemaVersion": VERSION,
        "jobId": snapshot.job_id,
        "taskId": snapshot.task_id,
        "taskType": snapshot.task_type,
        "fetchedAt": iso(snapshot.fetched_at),
        "complete": snapshot.complete,
        "verdict": snapshot.verdict,
    }


def _summary(summary: Summary) -> Json:
    return {
        "total": summary.total,
        "pending": summary.pending,
        "running": summary.running,
        "finished": summary.finished,
        "byOutcome": summary.by_outcome,
    }


def _task(task: Task) -> Json:
    return {
        "taskId": task.task_id,
        "taskType": task.task_type,
        "createdAt": iso(task.created_at),
        "artifacts": [_artifact(artifact) for artifact in task.artifacts],
    }


def _artifact(artifact: Artifact) -> Json:
    return {"name": artifact.name, "location": artifact.location, "expiresAt": iso(artifact.expires_at)}


def _listed(listed: Listed) -> Json:
    return _artifact(listed.artifact) | {"path": listed.path}
