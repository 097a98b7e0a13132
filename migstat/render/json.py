"""Reports and events as the published JSON documents, one struct each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import islice
from typing import Any, TypeVar, get_args

import msgspec

from migstat.errors import MigstatError
from migstat.model import documents as doc
from migstat.model.events import Alive, Changed, Ended, Event, Late, Outage, Progressed, Recovered, Snapped, Stalled
from migstat.model.nodes import Millis, Node, instant, nodes_of
from migstat.model.reports import (
    ArtifactsReport,
    ChecksReport,
    JobReport,
    ProjectsReport,
    Report,
    StatusReport,
    TargetRow,
    TargetsReport,
    TasksReport,
)
from migstat.render.text import ascii_json, encodable, escape_json, iso

_P = TypeVar("_P", bound=doc.Published)

_EVENTS: dict[type[Event], type[doc.EventJson]] = {
    Progressed: doc.ProgressEvent,
    Stalled: doc.StalledEvent,
    Outage: doc.OutageEvent,
    Recovered: doc.RecoveredEvent,
    Alive: doc.AliveEvent,
    Late: doc.LateEvent,
}


def published(kind: type[_P], source: object, **known: Any) -> _P:
    """A published record, whose keys are the `known` ones, and else the attributes of `source` with their names.

    What becomes of a value is decided by the type that `documents.py` gives its key.
    """
    known["schema_version"] = doc.VERSION
    values = {}
    for name, form in _forms(kind):
        value = known[name] if name in known else getattr(source, name)
        values[name] = value if form is None or value is None else form(value)
    return kind(**values)


@cache
def _forms(kind: type[doc.Published]) -> tuple[tuple[str, Callable[[Any], Any] | None], ...]:
    """The fields of a published record, each with what turns a value of the model into a published one, if they differ.

    Times of the model are epoch milliseconds, or what the API sent; durations are seconds with a fraction.
    """
    forms = []
    for field in msgspec.structs.fields(kind):
        inside = [field.type]
        for hint in inside:  # which grows meanwhile
            inside += get_args(hint)
        record = next((each for each in inside if isinstance(each, type) and issubclass(each, doc.Published)), None)
        form: Callable[[Any], Any] | None = None
        if doc.Instant in inside:
            form = _instant
        elif doc.Rounded in inside:
            form = round
        elif doc.Seconds in inside:
            form = int  # not rounded, like durations for people: nothing took a minute before the minute was over
        elif record is not None:
            form = partial(_nested, record)
        forms.append((field.name, form))
    return tuple(forms)


def _instant(value: object) -> str | None:
    return iso(instant(value))


def _nested(kind: type[doc.Published], value: Any) -> Any:
    """A record within another, or a sequence of them; what is published already stays as it is."""
    if isinstance(value, list | tuple):
        return [_nested(kind, each) for each in value]
    return value if isinstance(value, kind) else published(kind, value)


def document(report: Report, *, listed: bool = True) -> msgspec.Struct:
    """The JSON document of a report; with `listed` False, without its checks or projects."""
    records = [*lines(report)] if listed and not isinstance(report, StatusReport | JobReport) else []
    match report:
        case StatusReport(snapshot=snapshot):
            return published(doc.StatusDocument, snapshot, node=node_json(snapshot.node, snapshot.fetched_at))
        case ChecksReport(snapshot=snapshot, comparison=compared):
            earlier = compared.earlier if compared else None
            return published(
                doc.ChecksDocument, snapshot, checks=records, overridden=report.overridden, against=earlier
            )
        case ProjectsReport(snapshot=snapshot, not_before=end):
            scope = "spaces" if report.scope == "spaces" else "projects"
            return published(doc.ProjectsDocument, snapshot, scope=scope, projects=records, estimated_end=end)
        case TasksReport():
            return published(doc.TasksDocument, report, tasks=records)
        case TargetsReport():
            return published(doc.TargetsDocument, report, targets=records)
        case JobReport():
            return published(doc.JobDocument, report, job=report.job.raw)
        case ArtifactsReport():
            run = published(doc.FetchedRunJson, report.task, artifacts=records)
            return published(doc.ArtifactsDocument, report, tasks=[run])
        case _:
            return published(doc.TimelineDocument, report.night, against=report.against, nodes=records)


def lines(report: Report) -> Iterator[Any]:
    """The records of a report, as ndjson has them, one per line: nodes, runs, targets or files, parents first."""
    match report:
        case StatusReport():
            now = report.snapshot.fetched_at
            yield from (node_json(node, now, nested=False) for node in nodes_of(report.snapshot.node))
        case ChecksReport():
            yield from (_check(check, report) for check in report.rows)
        case ProjectsReport():
            yield from (node_json(node, report.snapshot.fetched_at) for node in report.projects)
        case TasksReport():
            for run in report.runs:
                yield published(doc.RunJson, run.task, state=run.state, elapsed_seconds=run.elapsed_seconds)
        case TargetsReport():
            yield from map(_target, report.targets)
        case JobReport():
            yield dict(report.job.raw)
        case ArtifactsReport():
            yield from (published(doc.FileJson, listed.artifact, path=listed.path) for listed in report.artifacts)
        case _:
            for span in report.rows:
                elapsed, rehearsed = report.night.elapsed_of(span), report.rehearsed(span)
                yield published(doc.SpanJson, span, elapsed_seconds=elapsed, against_seconds=rehearsed)


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
    match event:
        case Snapped():
            node = node_json(event.snapshot.node, event.at)
            end = event.estimated_end or event.not_before
            return published(
                doc.SnapshotEvent, event.snapshot, at=event.at, scope=event.scope, estimated_end=end, node=node
            )
        case Changed(at=at, node=node, before=before):
            elapsed = node.elapsed_seconds(at)
            return published(doc.ChangeEvent, node, at=at, before=before, after=node, elapsed_seconds=elapsed)
        case Progressed() | Stalled():
            return published(_EVENTS[type(event)], event, name=event.level[-1] if event.level else "")
        case Alive():
            return published(doc.AliveEvent, event, estimated_end=event.estimated_end or event.not_before)
        case Ended():
            return published(doc.ENDS[event.end], event)
        case _:
            return published(_EVENTS[type(event)], event)


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


def node_json(
    node: Node, now: Millis, kind: type[doc.NodeJson] = doc.NodeJson, *, nested: bool = True, **more: Any
) -> doc.NodeJson:
    """A node as published; with its children if `nested`."""
    elapsed = node.elapsed_seconds(now)
    # Written out, since of nodes there may be 100,000, and `published` takes half as long again.
    return kind(
        name=node.name,
        level=node.level,
        state=node.state,
        status=node.status,
        outcome=node.outcome,
        message=node.explanation,
        created_at=iso(node.created_at),
        started_at=iso(node.started_at),
        last_updated_at=iso(node.last_updated_at),
        elapsed_seconds=None if elapsed is None else int(elapsed),
        percent=node.percent,
        progress=node.progress,
        excludable=node.excludable,
        description=node.description,
        occurrences=node.occurrences,
        details=node.details,
        children=[node_json(child, now) for child in node.children] if nested and node.children is not None else None,
        **more,
    )


def _check(check: Node, report: ChecksReport) -> doc.NodeJson:
    compared, snapshot = report.comparison, report.snapshot
    before = compared.before.get(check.level) if compared else None
    accepted = snapshot.accepted.get(check.level)
    return node_json(
        check,
        snapshot.fetched_at,
        doc.CheckJson,
        change=compared.change(check) if compared else None,
        before=published(doc.Before, before, message=before.explanation) if before else None,
        accepted=published(doc.AcceptedJson, accepted) if accepted else None,
    )


def _target(row: TargetRow) -> doc.TargetJson:
    if row.snapshot is not None:
        return published(doc.TargetJson, row.snapshot, target=row.target, estimated_end=row.not_before, error=None)
    # All keys are present, whatever went wrong: scripts need not tell absent from null.
    known: dict[str, Any] = dict.fromkeys(doc.TargetJson.__struct_fields__)
    error = error_document(row.error).error if row.error else None
    return published(
        doc.TargetJson, row, **{**known, "reasons": (), "target": row.target, "job_id": row.job_id, "error": error}
    )
