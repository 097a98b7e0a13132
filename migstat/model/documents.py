"""The published JSON, version 1: one struct a document and an event; JSON and JSON Schema both come from them.

Published schemas are open, so that keys can be added: readers of these documents must ignore unknown keys.
Keys come in the order of the fields, those of the base class first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final, Literal, Union

import msgspec
from msgspec import Meta, Struct, field

from migstat.model.changes import Change
from migstat.model.crowd import Count, Summary
from migstat.model.events import LateReason
from migstat.model.nodes import Level, Phase, State
from migstat.model.verdict import Reason, Verdict

VERSION: Final = 1
DRAFT = "https://json-schema.org/draft/2020-12/schema"

Instant = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z$",
        description="ISO 8601 in UTC, in whole seconds.",
        extra_json_schema={"format": "date-time"},
    ),
]
Seconds = Annotated[int, Meta(ge=0)]
Rounded = Annotated[Seconds, "rounded"]
"""Seconds, rounded; all others are truncated."""
ApiStatus = Annotated[str | None, Meta(description="As the API sent it; known are PENDING, IN_PROGRESS and FINISHED.")]
ApiOutcome = Annotated[str | None, Meta(description="As the API sent it, once the node has ended.")]
Missing = Annotated[tuple[str, ...], Meta(description="Keys of the job's scope that are not reported (yet).")]
Elapsed = Annotated[Seconds | None, Meta(description="From start to last update, or to now while it runs.")]
NotBefore = Annotated[Instant | None, Meta(description="Lower bound of the end, or an estimate from a rehearsal.")]
Scope = Literal["projects", "spaces"]


class Published(Struct, rename="camel", gc=False):
    """Base of everything that is published: camelCase keys, all present."""


class NodeJson(Published, kw_only=True):
    """One node of a task's status tree: the root, a phase, a check, a scope, a project or a space."""

    name: Annotated[str, Meta(description="The last name of the level; the root's is empty.")]
    level: Annotated[Level, Meta(description="Names from the root down to the node; the root's is [].")]
    state: State
    status: ApiStatus
    outcome: ApiOutcome
    message: Annotated[str | None, Meta(description="The API's message, or the reason why the node could not be read.")]
    created_at: Instant | None
    started_at: Instant | None
    last_updated_at: Instant | None
    elapsed_seconds: Elapsed
    percent: Annotated[float | None, Meta(description="Progress of the current phase.")]
    progress: Annotated[Sequence[Phase], Meta(description="Counts of the current phase.")]
    excludable: Annotated[bool | None, Meta(description="Whether a failure of this check can be overridden.")]
    description: Annotated[str | None, Meta(description="Purpose of this check, in the API's words.")]
    occurrences: Annotated[Sequence[str], Meta(description="Findings of this check.")]
    details: Annotated[Mapping[str, Any], Meta(description="The node's details, untouched.")]
    children: Annotated[Sequence[NodeJson] | None, Meta(description="The nodes below it; null if not read.")]


class Before(Published, kw_only=True):
    """A check in an earlier run."""

    state: State
    outcome: ApiOutcome
    message: str | None
    occurrences: Sequence[str]


class AcceptedJson(Published, kw_only=True):
    """Why the findings of a check were accepted, by whom, through which day, and how many of them at most."""

    reason: str
    by: str | None
    until: date
    occurrences: Count | None


class CheckJson(NodeJson, kw_only=True):
    """A pre-flight check, compared with an earlier run if one was requested."""

    change: Annotated[Change | None, Meta(description="Change since the run it is compared with.")]
    before: Annotated[Before | None, Meta(description="The check in that run, if it has one.")]
    accepted: Annotated[AcceptedJson | None, Meta(description="The entry that keeps it from counting, if any.")]


class ArtifactJson(Published, kw_only=True):
    """A report or an error log of a run."""

    name: str | None
    location: Annotated[str | None, Meta(description="Where it can be downloaded until it expires.")]
    expires_at: Instant | None


class FileJson(ArtifactJson, kw_only=True):
    """A report or an error log of a run, and the file it was downloaded to."""

    path: str | None


class RunJson(Published, kw_only=True):
    """One run of a job; state and duration are read for the newest 20 only."""

    task_id: str
    task_type: str | None
    state: State | None
    created_at: Instant | None
    elapsed_seconds: Elapsed
    overridden: Annotated[Sequence[str], Meta(description="Checks that were overridden in this run.")]
    artifacts: Sequence[ArtifactJson]


class FetchedRunJson(Published, kw_only=True):
    """One run of a job, and where its files are."""

    task_id: str
    task_type: str | None
    created_at: Instant | None
    artifacts: Sequence[FileJson]


class Document(Published, kw_only=True, tag_field="kind"):
    """Base of every document."""

    schema_version: Literal[1]


class Head(Document, kw_only=True):
    """Head of every document about a task: job, destination, verdict and reasons."""

    job_id: str
    job_name: str | None
    destination: str | None
    task_id: str
    task_type: str | None
    fetched_at: Instant
    complete: Annotated[bool, Meta(description="False if a part could not be read, or is not reported.")]
    verdict: Verdict
    reasons: Annotated[
        Sequence[Reason], Meta(description="Nodes that failed, are missing or could not be read; else warnings.")
    ]
    summary: Summary


class StatusDocument(Head, kw_only=True, tag="status"):
    """Output of `migstat status -o json`. Each line of -o ndjson is a node without its children."""

    node: NodeJson


class Against(Published, kw_only=True):
    """The run that checks are compared with."""

    task_id: str
    created_at: Instant | None


class ChecksDocument(Head, kw_only=True, tag="checks"):
    """Output of `migstat checks -o json`, whose verdict is that of all checks. Each line of -o ndjson is a check."""

    checks: Sequence[CheckJson]
    overridden: Annotated[Sequence[str], Meta(description="Checks that were overridden in this run.")]
    against: Against | None


class ProjectsDocument(Head, kw_only=True, tag="projects"):
    """Output of `migstat projects -o json`. Each line of -o ndjson is a project or space."""

    scope: Scope
    projects: Sequence[NodeJson]
    missing: Missing
    estimated_end: NotBefore = field(name="estimatedEndAt")


class TasksDocument(Document, kw_only=True, tag="tasks"):
    """Output of `migstat tasks -o json`. Each line of -o ndjson is a run."""

    job_id: str
    fetched_at: Instant
    tasks: Sequence[RunJson]


class JobDocument(Document, kw_only=True, tag="job"):
    """Output of `migstat job -o json`."""

    job_id: str
    fetched_at: Instant
    job: Annotated[Mapping[str, Any], Meta(description="The definition as the API sent it.")]


class ArtifactsDocument(Document, kw_only=True, tag="artifacts"):
    """Output of `migstat artifacts -o json`. Each line of -o ndjson is a file."""

    job_id: str
    fetched_at: Instant
    tasks: Sequence[FetchedRunJson]


class ErrorJson(Published, kw_only=True):
    """An error, and what to do about it."""

    code: Annotated[str, Meta(description="Kind of error; stable.")]
    message: str
    hint: str


class ErrorDocument(Published, kw_only=True):
    """The line on standard error that reports an error with a JSON format."""

    error: ErrorJson


class TargetJson(Published, kw_only=True):
    """One target of the config file; if it could not be read, `error` says why and the rest is null."""

    target: str
    job_id: str | None
    job_name: str | None
    destination: str | None
    task_id: str | None
    task_type: str | None
    fetched_at: Instant | None
    complete: bool | None
    verdict: Verdict | None
    reasons: Sequence[Reason]
    summary: Summary | None
    estimated_end: NotBefore = field(name="estimatedEndAt")
    error: ErrorJson | None


class TargetsDocument(Document, kw_only=True, tag="targets"):
    """Output of `migstat targets -o json`."""

    fetched_at: Instant
    targets: Sequence[TargetJson]


class WatchJson(Published, kw_only=True):
    """One watch that wrote to the record."""

    since: Instant = field(name="from")
    to: Instant
    end: Annotated[str | None, Meta(description="The event that ended it; null if it was killed, or goes on.")]


class SilenceJson(Published, kw_only=True):
    """An outage."""

    since: Instant = field(name="from")
    to: Annotated[Instant | None, Meta(description="Null if the record ends before it does.")]
    code: Annotated[str, Meta(description="Kind of error; empty if that line was damaged.")]


class GapJson(Published, kw_only=True):
    """A time without polls: between two watches, or while one was suspended."""

    since: Instant = field(name="from")
    to: Instant


class PhaseJson(Published, kw_only=True):
    """A phase of a node, as polls have seen it."""

    name: str
    begun: Instant = field(name="from")
    to: Instant | None
    exact: Annotated[bool, Meta(description="False if it began or ended while no watch was reading.")]


class RehearsalJson(Published, kw_only=True):
    """The night that this one is compared with."""

    task_id: str | None
    elapsed_seconds: Seconds | None


class SpanJson(Published, kw_only=True):
    """A check, scope, project or space from its start to its end."""

    level: Level
    name: str
    state: State
    status: ApiStatus
    outcome: ApiOutcome
    message: str | None
    started: Instant | None = field(name="startedAt")
    ended: Instant | None = field(name="endedAt")
    elapsed_seconds: Annotated[Seconds | None, Meta(description="From start to end, or to the last event.")]
    exact: Annotated[bool, Meta(description="False if its start or end is known only from a poll.")]
    phases: Sequence[PhaseJson]
    against_seconds: Annotated[Seconds | None, Meta(description="How long it took in the other night.")]


class TimelineDocument(Document, kw_only=True, tag="timeline"):
    """Output of `migstat timeline -o json`."""

    job_id: str | None
    job_name: str | None
    destination: str | None
    task_id: str | None
    task_type: str | None
    started: Instant | None = field(name="startedAt")
    ended: Annotated[Instant | None, Meta(description="Null while it goes on, or if no watch saw the end.")] = field(
        name="endedAt"
    )
    as_of: Annotated[Instant | None, Meta(description="The time of the last event.")]
    elapsed_seconds: Seconds | None
    verdict: Verdict
    reasons: Sequence[Reason]
    exit_code: Annotated[int | None, Meta(description="Exit code of the last watch; null if it has none.")]
    watches: Sequence[WatchJson]
    outages: Sequence[SilenceJson]
    gaps: Sequence[GapJson]
    against: RehearsalJson | None
    nodes: Sequence[SpanJson]


class StateJson(Published, kw_only=True):
    """State, status and outcome of a node at one moment."""

    state: State
    status: ApiStatus
    outcome: ApiOutcome


class SnapshotEvent(Head, kw_only=True, tag_field="event", tag="snapshot"):
    """The whole view: once at the start, and again when a record is resumed."""

    at: Instant
    scope: str
    missing: Missing
    estimated_end: NotBefore = field(name="estimatedEndAt")
    node: NodeJson


class EventJson(Published, kw_only=True, tag_field="event"):
    """Base of every other event."""

    at: Instant


class NodeEvent(EventJson, kw_only=True):
    """Base of an event about one node."""

    level: Level
    name: str


class ChangeEvent(NodeEvent, kw_only=True, tag="change"):
    """A node's state, status or outcome changed."""

    before: StateJson | None = field(name="from")
    after: StateJson = field(name="to")
    message: str | None
    started_at: Instant | None
    last_updated_at: Instant | None
    elapsed_seconds: Elapsed


class ProgressEvent(NodeEvent, kw_only=True, tag="progress"):
    """A running node made progress in its phase, or began the next one."""

    percent: float | None
    progress: Sequence[Phase]


class StalledEvent(NodeEvent, kw_only=True, tag="stalled"):
    """A running node makes no progress; reported again only after it has moved."""

    since_seconds: Rounded


class OutageEvent(EventJson, kw_only=True, tag="outage"):
    """The API has stopped answering."""

    code: str
    message: str
    retry_in_seconds: Rounded


class RecoveredEvent(EventJson, kw_only=True, tag="recovered"):
    """The API answers again."""

    outage_seconds: Rounded


class AliveEvent(EventJson, kw_only=True, tag="alive"):
    """A sign of life after 300 s without another event, or after a time without polls."""

    verdict: Verdict
    summary: Summary
    missing: Missing
    estimated_end: NotBefore = field(name="estimatedEndAt")
    gap_seconds: Annotated[Rounded | None, Meta(description="Seconds without a poll, if it was suspended.")]


class LateEvent(EventJson, kw_only=True, tag="late"):
    """The end is expected after the deadline, or the deadline has passed."""

    deadline: Instant
    estimated_end: NotBefore = field(name="estimatedEndAt")
    by_seconds: Rounded
    reason: LateReason


class EndEvent(EventJson, kw_only=True):
    """Base of the last event."""

    verdict: Verdict
    exit_code: int
    reasons: Sequence[Reason]
    summary: Summary
    missing: Missing
    elapsed_seconds: Elapsed


class FinishedEvent(EndEvent, kw_only=True, tag="finished"):
    """The task, or the part that was waited for, has ended; the last line."""


class TimeoutEvent(EndEvent, kw_only=True, tag="timeout"):
    """--timeout ran out; the last line."""


class InterruptedEvent(EndEvent, kw_only=True, tag="interrupted"):
    """A signal ended the watch, or its output was closed; the last line."""


class FailedFastEvent(EndEvent, kw_only=True, tag="failed-fast"):
    """Something failed, with --fail-fast; the last line."""


class ErrorEvent(EndEvent, kw_only=True, tag="error"):
    """The watch could not go on; the last line."""


ENDS = {
    "finished": FinishedEvent,
    "timeout": TimeoutEvent,
    "interrupted": InterruptedEvent,
    "failed-fast": FailedFastEvent,
    "error": ErrorEvent,
}
"""The last event by how the watch ended."""

KINDS: dict[str, Any] = {
    "status": StatusDocument,
    "checks": ChecksDocument,
    "projects": ProjectsDocument,
    "tasks": TasksDocument,
    "targets": TargetsDocument,
    "job": JobDocument,
    "artifacts": ArtifactsDocument,
    "timeline": TimelineDocument,
    "event": Union[
        SnapshotEvent,
        ChangeEvent,
        ProgressEvent,
        StalledEvent,
        OutageEvent,
        RecoveredEvent,
        AliveEvent,
        LateEvent,
        *ENDS.values(),
    ],
    "error": ErrorDocument,
}
"""Everything with a published schema."""


def schema_of(kind: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one of KINDS. Objects are open; a key without a default is required."""
    return {"$schema": DRAFT, "$id": f"urn:migstat:{kind}:{VERSION}", **msgspec.json.schema(KINDS[kind])}
