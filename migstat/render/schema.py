"""The JSON Schemas of what `render.json` publishes, version 1, in draft 2020-12.

They are as tight as the program's own promises; what the API decides (statuses, outcomes, task types, details) may be
anything, since it is passed on as it came.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from migstat import errors
from migstat.errors import ApiError, MigstatError
from migstat.model.events import End
from migstat.model.nodes import HIDDEN
from migstat.model.verdict import Verdict
from migstat.render.json import VERSION

DRAFT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_INSTANT = "^[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{3}Z$"
_AT_LEAST_0 = {"minimum": 0}
_NOT_EMPTY = {"minLength": 1}


def schema_of(kind: str) -> Schema:
    """The schema of one of KINDS."""
    return {"$schema": DRAFT, "$id": f"urn:migstat:{kind}:{VERSION}", **_SCHEMAS[kind]}


# building blocks


def _is(kind: str, description: str, **more: Any) -> Schema:
    return {"description": description, "type": kind, **more}


def _or_null(kind: str, description: str, **more: Any) -> Schema:
    return {"description": description, "type": [kind, "null"], **more}


def _instant(description: str) -> Schema:
    return _is("string", f"{description} ISO 8601 in UTC with milliseconds.", format="date-time", pattern=_INSTANT)


def _instant_or_null(description: str) -> Schema:
    return _instant(description) | {"type": ["string", "null"]}


def _foreign_instant(description: str) -> Schema:
    return _or_null(
        "string", f"{description} ISO 8601 in UTC with milliseconds, or as the API sent it where that is no instant."
    )


def _one_of(values: Sequence[str], description: str) -> Schema:
    return {"description": description, "enum": list(values)}


def _list_of(items: Schema, description: str, **more: Any) -> Schema:
    return _is("array", description, items=items, **more)


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _object(description: str, properties: dict[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    return {
        "description": description,
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _verdict(*verdicts: Verdict) -> Schema:
    return _one_of(verdicts or tuple(Verdict), "What it comes down to.")


def _codes(base: type[MigstatError]) -> list[str]:
    """The codes of an error and of all below it."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, base)]
    return list(dict.fromkeys(kind.code for kind in kinds))


# parts

_MESSAGE = _or_null("string", "What the API says about it, for people.")
_STATUS = _or_null("string", "As the API sent it; known are PENDING, IN_PROGRESS and FINISHED.")
_OUTCOME = _or_null("string", "As the API sent it, once it has ended; known are SUCCESS, WARNING, FAILED and SKIPPED.")
_TASK_TYPE = _or_null("string", "As the API sent it.", examples=["check", "migrate"])
_PERCENT = _or_null("number", "Progress of the current phase in percent, as the API sent it.")
_PROGRESS = _list_of(_ref("phase"), "Counts of the current phase, which begin again with each phase.")
_MISSING = _list_of(
    _is("string", "Key of a project or space.", **_NOT_EMPTY),
    "Keys of the job's scope that are not reported.",
    uniqueItems=True,
)
_WHERE = {
    "level": _list_of(_is("string", "Name of a node."), "Names from the root down to the node; the root's is []."),
    "name": _is("string", "The last name of the level; the root's is empty."),
}

_PHASE = _object(
    "One count of a running node, such as issues: 120 of 4000.",
    {
        "name": _or_null("string", "What is counted."),
        "processed": _or_null("number", "How many are done."),
        "total": _or_null("number", "How many there are."),
    },
)

_NODE = _object(
    "One node of a task's status tree: the root, a phase, a check, a scope, a project or a space.",
    {
        "name": _WHERE["name"],
        "level": _WHERE["level"],
        "status": _STATUS,
        "outcome": _OUTCOME,
        "message": _MESSAGE,
        "createdAt": _instant_or_null("When it was created."),
        "startedAt": _instant_or_null("When it began to run."),
        "lastUpdatedAt": _instant_or_null("When it last changed."),
        "elapsedSeconds": _or_null(
            "number",
            "Seconds from start to last update where it has ended, else to fetchedAt (of an event, at).",
            **_AT_LEAST_0,
        ),
        "percent": _PERCENT,
        "progress": _PROGRESS,
        "excludable": _or_null("boolean", "Whether a failure of this check can be overridden."),
        "description": _or_null("string", "What this check looks at."),
        "occurrences": _list_of(_is("string", "One finding."), "What this check found."),
        "details": _is("object", "The node's details as the API sent them."),
        "children": _or_null("array", "The nodes below it; null where they were not asked for.", items=_ref("node")),
    },
)

_SUMMARY = _object(
    "How many there are, whatever is filtered.",
    {
        "total": _is("integer", "All: pending, running and finished.", **_AT_LEAST_0),
        "pending": _is("integer", "Those that have not begun.", **_AT_LEAST_0),
        "running": _is("integer", "Those that have begun and not ended.", **_AT_LEAST_0),
        "finished": _is("integer", "Those that have ended.", **_AT_LEAST_0),
        "byOutcome": _is(
            "object",
            "How many have which outcome; outcomes that none has are left out.",
            propertyNames=_NOT_EMPTY,
            additionalProperties={"type": "integer", "minimum": 1},
        ),
    },
)

_ARTIFACT_KEYS = {
    "name": _or_null("string", "Name of the file."),
    "location": _or_null("string", "Where it can be downloaded until it expires."),
    "expiresAt": _foreign_instant("When the location expires."),
}
_ARTIFACT = _object("A report or an error log of a run.", _ARTIFACT_KEYS)
_FILE = _object(
    "A report or an error log of a run, and where it is now.",
    {
        **_ARTIFACT_KEYS,
        "path": _or_null("string", "File it was downloaded to; null or left out where it was not."),
    },
    optional=("path",),
)

_TASK = _object(
    "One run of a job.",
    {
        "taskId": _is("string", "Id of the task."),
        "taskType": _TASK_TYPE,
        "createdAt": _foreign_instant("When it was created."),
        "artifacts": _list_of(_ref("artifact"), "Its reports and error logs."),
    },
)

_NODES = {"node": _NODE, "phase": _PHASE}


# documents


def _short_head(kind: str) -> dict[str, Schema]:
    return {
        "kind": {"description": "What this document is.", "const": kind},
        "schemaVersion": {"description": "Version of the document's shape.", "const": VERSION},
        "jobId": _is("string", "Id of the job.", **_NOT_EMPTY),
        "fetchedAt": _instant("When it was read."),
    }


def _head(kind: str) -> dict[str, Schema]:
    short = _short_head(kind)
    fetched_at = short.pop("fetchedAt")
    return {
        **short,
        "taskId": _is("string", "Id of the task.", **_NOT_EMPTY),
        "taskType": _TASK_TYPE,
        "fetchedAt": fetched_at,
        "complete": _is("boolean", "False where a part could not be read, or what must exist is not reported yet."),
        "verdict": _verdict(),
    }


def _document(kind: str, description: str, properties: dict[str, Schema], defs: dict[str, Schema]) -> Schema:
    schema = {"title": f"migstat {kind}, version {VERSION}", **_object(description, properties)}
    return schema | ({"$defs": defs} if defs else {})


_STATUS_DOCUMENT = _document(
    "status",
    "What `migstat status -o json` prints. Each line of -o ndjson is a #/$defs/node without children.",
    {**_head("status"), "node": _ref("node")},
    _NODES,
)
_CHECKS_DOCUMENT = _document(
    "checks",
    "What `migstat checks -o json` prints. Each line of -o ndjson is a #/$defs/node.",
    {
        **_head("checks"),
        "summary": _ref("summary"),
        "checks": _list_of(_ref("node"), "The checks that the filters let through."),
    },
    {**_NODES, "summary": _SUMMARY},
)
_PROJECTS_DOCUMENT = _document(
    "projects",
    "What `migstat projects -o json` prints. Each line of -o ndjson is a #/$defs/node.",
    {
        **_head("projects"),
        "scope": _one_of(HIDDEN, "What the job moves."),
        "summary": _ref("summary"),
        "projects": _list_of(_ref("node"), "The projects or spaces that the filters let through."),
        "missing": _MISSING,
    },
    {**_NODES, "summary": _SUMMARY},
)
_TASKS_DOCUMENT = _document(
    "tasks",
    "What `migstat tasks -o json` prints. Each line of -o ndjson is a #/$defs/task.",
    {**_short_head("tasks"), "tasks": _list_of(_ref("task"), "The runs of the job, newest first.")},
    {"task": _TASK, "artifact": _ARTIFACT},
)
_JOB_DOCUMENT = _document(
    "job",
    "What `migstat job -o json` prints.",
    {**_short_head("job"), "job": _is("object", "The job's definition as the API sent it.")},
    {},
)
_ARTIFACTS_DOCUMENT = _document(
    "artifacts",
    "What `migstat artifacts -o json` prints. Each line of -o ndjson is a #/$defs/artifact.",
    {
        **_short_head("artifacts"),
        "tasks": _list_of(_ref("task"), "The one run that was asked about.", minItems=1, maxItems=1),
    },
    {"task": _TASK, "artifact": _FILE},
)
_ERROR_DOCUMENT = _document(
    "error",
    "The line on standard error that tells with a JSON format what went wrong.",
    {
        "error": _object(
            "What went wrong.",
            {
                "code": _one_of(_codes(MigstatError), "What kind of error it is; stable."),
                "message": _is("string", "What happened, to what, for people."),
                "hint": _is("string", "What to do next, for people; may be empty."),
            },
        )
    },
    {},
)


# events

_READING = _object("A node's status and outcome at one moment.", {"status": _STATUS, "outcome": _OUTCOME})

_ENDS: dict[End, tuple[str, list[int], tuple[Verdict, ...]]] = {
    End.FINISHED: (
        "The last event: what was waited for has ended.",
        [0, 1],
        (Verdict.SUCCEEDED, Verdict.WARNING, Verdict.FAILED),
    ),
    End.TIMEOUT: ("The last event: --timeout ran out.", [124], ()),
    End.INTERRUPTED: (
        "The last event: a signal ended the watch, or nobody read its output any more (0, 1 or 8).",
        [0, 1, 8, 129, 130, 143],
        (),
    ),
    End.FAILED_FAST: ("The last event: something failed, with --fail-fast.", [1], ()),
    End.ERROR: ("The last event: the watch could not go on.", [2, 3, 4, 5], ()),
}
"""What each end means, its exit codes, and its verdicts where they are not all."""


def _event(name: str, description: str, properties: dict[str, Schema]) -> Schema:
    return _object(
        description,
        {
            "event": {"description": "What happened.", "const": name},
            "at": _instant("When it was seen."),
            **properties,
        },
    )


def _end(end: End) -> Schema:
    description, codes, verdicts = _ENDS[end]
    return _event(
        end,
        description,
        {
            "verdict": _verdict(*verdicts),
            "exitCode": {"description": "Exit code of the watch.", "enum": codes},
            "summary": _ref("summary"),
            "missing": _MISSING,
            "elapsedSeconds": _or_null(
                "number", "Seconds from the task's start to its end or to now; else of the watch.", **_AT_LEAST_0
            ),
        },
    )


_EVENTS = {
    "snapshot": _event(
        "snapshot",
        "The first view.",
        {
            "jobId": _is("string", "Id of the job.", **_NOT_EMPTY),
            "taskId": _is("string", "Id of the task.", **_NOT_EMPTY),
            "taskType": _TASK_TYPE,
            "verdict": _verdict(),
            "summary": _ref("summary"),
            "node": {**_ref("node"), "description": "The root with all that was read below it."},
        },
    ),
    "change": _event(
        "change",
        "A node's status or outcome changed.",
        {
            **_WHERE,
            "from": {
                "description": "What it was; null where the node was not reported until now.",
                "anyOf": [_ref("reading"), {"type": "null"}],
            },
            "to": {**_ref("reading"), "description": "What it is now."},
            "message": _MESSAGE,
        },
    ),
    "progress": _event(
        "progress",
        "A running node got on in its phase, or began the next one.",
        {**_WHERE, "percent": _PERCENT, "progress": _PROGRESS},
    ),
    "stalled": _event(
        "stalled",
        "A running node has not moved for long; told once a node.",
        {**_WHERE, "sinceSeconds": _is("number", "Seconds since it last moved.", **_AT_LEAST_0)},
    ),
    "outage": _event(
        "outage",
        "The API has stopped answering; told once.",
        {
            "code": _one_of(_codes(ApiError), "What kind of error it is; stable."),
            "message": _is("string", "What happened, for people."),
            "retryInSeconds": _is("number", "Seconds until it is asked again.", **_AT_LEAST_0),
        },
    ),
    "recovered": _event(
        "recovered",
        "The API answers again.",
        {"outageSeconds": _is("number", "Seconds for which it did not.", **_AT_LEAST_0)},
    ),
    "alive": _event(
        "alive",
        "Five minutes have passed without another event.",
        {"verdict": _verdict(), "summary": _ref("summary"), "missing": _MISSING},
    ),
    **{end.value: _end(end) for end in _ENDS},
}

_EVENT: Schema = {
    "title": f"migstat event, version {VERSION}",
    "description": "One line of `migstat watch -o json` (or ndjson), and of its record.",
    "type": "object",
    "oneOf": [_ref(name) for name in _EVENTS],
    "$defs": {**_EVENTS, "reading": _READING, "summary": _SUMMARY, **_NODES},
}


_SCHEMAS: dict[str, Schema] = {
    "status": _STATUS_DOCUMENT,
    "checks": _CHECKS_DOCUMENT,
    "projects": _PROJECTS_DOCUMENT,
    "tasks": _TASKS_DOCUMENT,
    "job": _JOB_DOCUMENT,
    "artifacts": _ARTIFACTS_DOCUMENT,
    "event": _EVENT,
    "error": _ERROR_DOCUMENT,
}

KINDS = tuple(_SCHEMAS)
"""What there are schemas of."""
