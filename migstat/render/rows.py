"""A report as rows of named columns, for scripts (`plain`, `csv`): what JSON has, one cell per key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from migstat.model.nodes import Node
from migstat.model.reports import (
    ArtifactsReport,
    ChecksReport,
    JobReport,
    ProjectsReport,
    Report,
    StatusReport,
    TargetsReport,
    TasksReport,
)
from migstat.render.text import number

Row = tuple[str, ...]

_STATE = ("state", "status", "outcome")
_PROGRESS = ("percent", "elapsedSeconds", "message")
COLUMNS: dict[type[Any], Row] = {
    StatusReport: ("level", *_STATE, *_PROGRESS),
    ChecksReport: ("name", *_STATE, "excludable", "message"),
    ProjectsReport: ("name", *_STATE, *_PROGRESS),
    TasksReport: ("taskId", "taskType", "state", "createdAt", "elapsedSeconds", "artifacts"),
    TargetsReport: ("target", "jobId", "taskId", "state", "finished", "total", "failed", "estimatedEndAt"),
    JobReport: ("field", "value"),
    ArtifactsReport: ("name", "expiresAt", "location"),
}
TIMELINE_COLUMNS = ("name", *_STATE, "startedAt", "endedAt", "exact", "elapsedSeconds", "againstSeconds", "message")


def columns(report: Report) -> Row:
    """The names of the columns; details of checks, a comparison and accepted checks add more at the end.

    Downloaded files have their path instead of where they came from.
    """
    more: Row = ()
    if isinstance(report, ChecksReport):
        compares = report.comparison is not None
        more += ("occurrence",) if report.details else ()
        more += ("change", "before") if compares else ()
        more += ("accepted",) if report.accepting else ()
        more += ("occurrenceChange",) if report.details and compares else ()
    found = COLUMNS.get(type(report), TIMELINE_COLUMNS)
    if isinstance(report, ArtifactsReport) and report.downloaded:  # a location is signed, and so a secret for a while
        found = (*found[:-1], "path")
    return (*found, *more)


def rows(report: Report) -> Iterator[Row]:
    """One row per record, unknown values empty; values as the server sent them, not yet made harmless."""
    if isinstance(report, JobReport):
        yield from fields(report.job.raw)
        return
    from migstat.model import documents as doc  # slow to import, and a table has no use for it
    from migstat.render.json import lines

    names = columns(report)
    keys: dict[str, str] = {}
    for at, record in enumerate(lines(report)):
        # Columns are named like the keys of JSON, so most cells are attributes of the record; the others follow.
        keys = keys or {field.encode_name: field.name for field in msgspec.structs.fields(record)}
        cells = {name: _cell(getattr(record, keys[name])) for name in names if name in keys}
        more = [cells]
        match record:
            case doc.CheckJson() if isinstance(report, ChecksReport):
                cells["before"] = record.before.state if record.before else ""
                more = _findings(cells, report.rows[at], report)
            case doc.NodeJson():
                cells["level"] = ",".join(record.level) or "."
            case doc.RunJson():
                cells["artifacts"] = ",".join(artifact.name or "" for artifact in record.artifacts)
            case doc.TargetJson():
                cells["state"] = record.verdict or ""
                cells |= {name: _cell(getattr(record.summary, name, None)) for name in ("finished", "total", "failed")}
                snapshot = report.targets[at].snapshot if isinstance(report, TargetsReport) else None
                if record.summary is not None and snapshot is not None and snapshot.partial:  # others may have finished
                    cells |= {"finished": "", "total": cells["total"] if record.summary.unread else ""}
            case doc.SpanJson(started=None, ended=None):  # there is no time that could be exact
                cells["exact"] = ""
        yield from (tuple(row[name] for name in names) for row in more)


def _findings(cells: dict[str, str], check: Node, report: ChecksReport) -> list[dict[str, str]]:
    """The row of a check; with details, it is repeated for each finding, now or in the earlier run."""
    entry, overridden = report.snapshot.accepted.get(check.level), check.name in report.overridden
    cells["accepted"] = entry.words if entry else ""
    cells["message"] = f"(overridden in this run) {cells['message']}".rstrip() if overridden else cells["message"]
    if not report.details:
        return [cells]
    came, went = report.comparison.came_and_went(check) if report.comparison else ((), ())
    found = [("", ""), *((finding, "came" if finding in came else "") for finding in check.occurrences)]
    found += [(finding, "went") for finding in went]
    return [{**cells, "occurrence": finding, "occurrenceChange": change} for finding, change in found]


def fields(value: Any, path: str = "", *, joint: str = ",") -> Iterator[Row]:
    """A definition as its leaves, named by their paths; a list of plain values is one leaf, with `joint` between."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from fields(inner, f"{path}.{name}" if path else name, joint=joint)
    elif isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
        for at, inner in enumerate(value):
            yield from fields(inner, f"{path}[{at}]", joint=joint)
    else:
        yield path, joint.join(map(_cell, value)) if isinstance(value, list) else _cell(value)


def _cell(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    return number(value) if isinstance(value, float) else str(value)
