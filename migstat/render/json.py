"""Reports and events as the published JSON documents, one struct each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from migstat.errors import MigstatError
from migstat.model import documents as doc
from migstat.model.events import Alive, Changed, Ended, Event, Late, Outage, Progressed, Recovered, Snapped, Stalled
from migstat.model.nodes import Artifact, Millis, Node, instant, nodes_of
from migstat.model.reports import (
    ArtifactsReport,
    ChecksReport,
    JobReport,
    ProjectsReport,
    Report,
    RunRow,
    StatusReport,
    TargetRow,
    TargetsReport,
    TasksReport,
)
from migstat.model.verdict import Snapshot, summary_of
from migstat.render.text import ascii_json, encodable, escape_json, iso
from migstat.render.theme import message_words

if TYPE_CHECKING:
    from migstat.model.nights import Span, TimelineReport


def document(report: Report, *, listed: bool = True) -> msgspec.Struct:
    """The JSON document of a report; with `listed` False, without its checks or projects."""
    match report:
        case StatusReport():
            snapshot = report.snapshot
            return doc.StatusDocument(**_head(snapshot), node=node_json(snapshot.node, snapshot.fetched_at))
        case ChecksReport():
            earlier = report.comparison.earlier if report.comparison else None
            return doc.ChecksDocument(
                **_head(report.snapshot),
                checks=[*lines(report)] if listed else [],
                overridden=report.overridden,
                against=doc.Against(task_id=earlier.task_id, created_at=iso(earlier.created_at)) if earlier else None,
            )
        case ProjectsReport():
            return doc.ProjectsDocument(
                **_head(report.snapshot),
                scope="spaces" if report.scope == "spaces" else "projects",
                projects=[*lines(report)] if listed else [],
                missing=report.snapshot.missing,
                estimated_end_at=iso(report.not_before),
            )
        case TasksReport():
            return doc.TasksDocument(**_short_head(report.job_id, report.fetched_at), tasks=[*lines(report)])
        case TargetsReport():
            return doc.TargetsDocument(
                schema_version=doc.VERSION, fetched_at=_at(report.fetched_at), targets=[*lines(report)]
            )
        case JobReport():
            return doc.JobDocument(**_short_head(report.job_id, report.fetched_at), job=report.job.raw)
        case ArtifactsReport():
            task = report.task
            run = doc.FetchedRunJson(
                task_id=task.task_id,
                task_type=task.task_type,
                created_at=iso(instant(task.created_at)),
                artifacts=[*lines(report)],
            )
            return doc.ArtifactsDocument(**_short_head(report.job_id, report.fetched_at), tasks=[run])
        case _:
            return _timeline(report)


def lines(report: Report) -> Iterator[Any]:
    """The records of a report, as ndjson has them, one per line: nodes, runs, targets or files, parents first."""
    match report:
        case StatusReport():
            now = report.snapshot.fetched_at
            yield from (doc.NodeJson(**_node(node, now, nested=False)) for node in nodes_of(report.snapshot.node))
        case ChecksReport():
            yield from (_check(check, report) for check in report.rows)
        case ProjectsReport():
            yield from (node_json(node, report.snapshot.fetched_at) for node in report.projects)
        case TasksReport():
            yield from map(_run, report.runs)
        case TargetsReport():
            yield from map(_target, report.targets)
        case JobReport():
            yield dict(report.job.raw)
        case ArtifactsReport():
            yield from (doc.FileJson(**_artifact(listed.artifact), path=listed.path) for listed in report.artifacts)
        case _:
            yield from (_span(span, report) for span in report.rows)


def chunks(report: Report, *, ascii_only: bool) -> Iterator[str]:
    """The report's document on one line, in pieces: a long list is never in memory as a whole."""
    if not isinstance(report, ChecksReport | ProjectsReport):
        yield encoded(document(report), ascii_only=ascii_only) + "\n"
        return
    # Quotes within strings are escaped, so this can only be the list's own key.
    key = '"checks":[' if isinstance(report, ChecksReport) else '"projects":['
    head, _, tail = encoded(document(report, listed=False), ascii_only=ascii_only).partition(key)
    yield head + key
    separator, rest = "", lines(report)
    while batch := ",".join(encoded(record, ascii_only=ascii_only) for record in islice(rest, 1000)):
        yield separator + batch
        separator = ","
    yield tail + "\n"


def event_document(event: Event) -> msgspec.Struct:
    """An event of a watch as it is published, and recorded."""
    at = _at(event.at)
    match event:
        case Snapped():
            return doc.SnapshotEvent(
                at=at,
                **_head(event.snapshot),
                scope=event.scope,
                missing=event.snapshot.missing,
                estimated_end_at=iso(event.estimated_end or event.not_before),
                node=node_json(event.snapshot.node, event.at),
            )
        case Changed():
            node, before = event.node, event.before
            was = None if before is None else _state(Node((), before.status, before.outcome))
            return doc.ChangeEvent(
                at=at,
                level=node.level,
                name=node.name,
                before=was,
                after=_state(node),
                message=node.message,
                started_at=iso(node.started_at),
                last_updated_at=iso(node.last_updated_at),
                elapsed_seconds=_seconds(node.elapsed_seconds(event.at)),
            )
        case Progressed():
            name = event.level[-1] if event.level else ""
            return doc.ProgressEvent(
                at=at, level=event.level, name=name, percent=event.percent, progress=event.progress
            )
        case Stalled():
            name = event.level[-1] if event.level else ""
            return doc.StalledEvent(at=at, level=event.level, name=name, since_seconds=round(event.since_seconds))
        case Outage():
            retry = round(event.retry_in_seconds)
            return doc.OutageEvent(at=at, code=event.code, message=event.message, retry_in_seconds=retry)
        case Recovered():
            return doc.RecoveredEvent(at=at, outage_seconds=round(event.outage_seconds))
        case Alive():
            return doc.AliveEvent(
                at=at,
                verdict=event.verdict,
                summary=event.summary,
                missing=event.missing,
                estimated_end_at=iso(event.estimated_end or event.not_before),
            )
        case Late():
            return doc.LateEvent(
                at=at,
                deadline=_at(event.deadline),
                estimated_end_at=iso(event.estimated_end),
                by_seconds=round(event.by_seconds),
                reason=event.reason,
            )
        case Ended():
            return doc.ENDS[event.end](
                at=at,
                verdict=event.verdict,
                exit_code=event.exit_code,
                reasons=event.reasons,
                summary=event.summary,
                missing=event.missing,
                elapsed_seconds=_seconds(event.elapsed_seconds),
            )


def error_document(error: MigstatError) -> doc.ErrorDocument:
    """An error as scripts read it."""
    # Arguments that are not UTF-8 come as lone surrogates, at which the encoder would raise.
    return doc.ErrorDocument(
        error=doc.ErrorJson(code=error.code, message=encodable(error.message), hint=encodable(error.hint))
    )


def encoded(value: object, *, indent: int = 0, ascii_only: bool = False) -> str:
    """JSON text of a value, without a newline at its end; nothing in it can move a cursor."""
    data = msgspec.json.encode(value)
    text = data.decode()
    # The encoder escapes C0 controls only. Most answers need no more, and a regular expression over megabytes is slow.
    if not data.isascii() or b"\x7f" in data:
        text = escape_json(text)
    if indent:
        text = msgspec.json.format(text, indent=indent)
    return ascii_json(text) if ascii_only else text


def node_json(node: Node, now: Millis) -> doc.NodeJson:
    """A node as published, with its children."""
    return doc.NodeJson(**_node(node, now))


def _node(node: Node, now: Millis, *, nested: bool = True) -> dict[str, Any]:
    return {
        "name": node.name,
        "level": node.level,
        "state": node.state,
        "status": node.status,
        "outcome": node.outcome,
        "message": message_words(node),
        "created_at": iso(node.created_at),
        "started_at": iso(node.started_at),
        "last_updated_at": iso(node.last_updated_at),
        "elapsed_seconds": _seconds(node.elapsed_seconds(now)),
        "percent": node.percent,
        "progress": node.progress,
        "excludable": node.excludable,
        "description": node.description,
        "occurrences": node.occurrences,
        "details": node.details,
        "children": None if node.children is None or not nested else [node_json(child, now) for child in node.children],
    }


def _at(at: Millis) -> str:
    return iso(at) or ""


def _seconds(value: float | None) -> int | None:
    # Truncated, not rounded, like the durations for people: nothing took a minute before the minute was over.
    return None if value is None else int(value)


def _short_head(job_id: str, fetched_at: Millis) -> dict[str, Any]:
    return {"schema_version": doc.VERSION, "job_id": job_id, "fetched_at": _at(fetched_at)}


def _head(snapshot: Snapshot) -> dict[str, Any]:
    return {
        **_short_head(snapshot.job_id, snapshot.fetched_at),
        "job_name": snapshot.job_name,
        "destination": snapshot.destination,
        "task_id": snapshot.task_id,
        "task_type": snapshot.task_type,
        "complete": snapshot.complete,
        "verdict": snapshot.verdict,
        "reasons": snapshot.reasons,
        "summary": snapshot.summary or summary_of(()),
    }


def _state(node: Node) -> doc.StateJson:
    return doc.StateJson(state=node.state, status=node.status, outcome=node.outcome)


def _check(check: Node, report: ChecksReport) -> doc.CheckJson:
    compared, entry = report.comparison, report.snapshot.accepted.get(check.level)
    before = compared.before.get(check.level) if compared else None
    return doc.CheckJson(
        **_node(check, report.snapshot.fetched_at),
        change=compared.change(check) if compared else None,
        before=doc.Before(
            state=before.state,
            outcome=before.outcome,
            message=message_words(before),
            occurrences=before.occurrences,
        )
        if before
        else None,
        accepted=doc.AcceptedJson(**msgspec.structs.asdict(entry)) if entry else None,
    )


def _run(run: RunRow) -> doc.RunJson:
    return doc.RunJson(
        task_id=run.task.task_id,
        task_type=run.task.task_type,
        state=run.state,
        created_at=iso(instant(run.task.created_at)),
        elapsed_seconds=_seconds(run.elapsed_seconds),
        overridden=run.overridden,
        artifacts=[doc.ArtifactJson(**_artifact(artifact)) for artifact in run.task.artifacts],
    )


def _artifact(artifact: Artifact) -> dict[str, Any]:
    return {
        "name": artifact.name,
        "location": artifact.location,
        "expires_at": iso(instant(artifact.expires_at)),
    }


def _timeline(report: TimelineReport) -> doc.TimelineDocument:
    night, against = report.night, report.against
    return doc.TimelineDocument(
        schema_version=doc.VERSION,
        job_id=night.job_id,
        job_name=night.job_name,
        destination=night.destination,
        task_id=night.task_id,
        task_type=night.task_type,
        started_at=iso(night.started),
        ended_at=iso(night.ended),
        as_of=iso(night.as_of),
        elapsed_seconds=_seconds(night.elapsed_seconds),
        verdict=night.verdict,
        reasons=night.reasons,
        exit_code=night.exit_code,
        watches=[doc.WatchJson(since=_at(watch.since), to=_at(watch.to), end=watch.end) for watch in night.watches],
        outages=[
            doc.SilenceJson(since=_at(outage.since), to=iso(outage.to), code=outage.code) for outage in night.outages
        ],
        against=None
        if against is None
        else doc.RehearsalJson(task_id=against.task_id, elapsed_seconds=_seconds(against.elapsed_seconds)),
        nodes=[*lines(report)],
    )


def _span(span: Span, report: TimelineReport) -> doc.SpanJson:
    return doc.SpanJson(
        level=span.level,
        name=span.name,
        state=span.state,
        status=span.status,
        outcome=span.outcome,
        message=span.message,
        started_at=iso(span.started),
        ended_at=iso(span.ended),
        elapsed_seconds=_seconds(report.night.elapsed_of(span)),
        exact=span.exact,
        phases=[doc.PhaseJson(name=phase.name, since=_at(phase.begun), to=iso(phase.to)) for phase in span.phases],
        against_seconds=_seconds(report.rehearsed(span)),
    )


def _target(row: TargetRow) -> doc.TargetJson:
    if row.snapshot is None:
        # All keys are present, whatever went wrong: scripts need not tell absent from null.
        nothing: dict[str, Any] = dict.fromkeys(doc.TargetJson.__struct_fields__)
        error = error_document(row.error).error if row.error else None
        known = {"target": row.target, "job_id": row.job_id, "reasons": (), "error": error}
        return doc.TargetJson(**{**nothing, **known})
    head = _head(row.snapshot)
    del head["schema_version"]
    return doc.TargetJson(target=row.target, **head, estimated_end_at=iso(row.not_before), error=None)
