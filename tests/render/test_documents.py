"""The published documents and their schemas: valid, open, and true to whatever the API sends."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from migstat.errors import MigstatError, NotFound
from migstat.model.changes import EarlierRun, compared
from migstat.model.documents import KINDS, schema_of
from migstat.model.events import (
    Alive,
    Changed,
    Condition,
    End,
    Ended,
    Event,
    Late,
    Outage,
    Progressed,
    Recovered,
    Snapped,
    Stalled,
)
from migstat.model.nodes import LATEST_PLAUSIBLE, Artifact, Job, Node, Phase, Task
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
from migstat.model.verdict import Reason, Snapshot, Verdict, summary_of
from migstat.render.json import chunks, document, encoded, error_document, event_document, lines
from tests.schemas import assert_valid, validator

TEXT = st.text(max_size=6)
NAMED = st.text(min_size=1, max_size=6)
MAYBE = st.none() | TEXT
NUMBER = st.none() | st.integers(-(2**63), 2**63) | st.floats()
SECONDS = st.floats(0, 1e12)
INSTANT = st.integers(1, LATEST_PLAUSIBLE)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | INSTANT | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)
FIELDS = ("createdAt", "startedAt", "lastUpdatedAt", "occurrences", "excludable", "description")
DETAILS = st.dictionaries(TEXT | st.sampled_from(FIELDS), JSON, max_size=6)
LEVEL = st.lists(TEXT, max_size=3).map(tuple)
PHASES = st.lists(st.builds(Phase, MAYBE, NUMBER, NUMBER), max_size=2).map(tuple)


def nodes(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Node]:
    """Nodes with anything that the API may send."""
    return st.builds(Node, LEVEL, MAYBE, MAYBE, MAYBE, DETAILS, NUMBER, PHASES, children, MAYBE, missing=st.booleans())


NODE = st.recursive(
    nodes(st.none()), lambda inner: nodes(st.none() | st.lists(inner, max_size=3).map(tuple)), max_leaves=3
)
SOME = st.lists(NODE, max_size=2).map(tuple)
KEYS = st.lists(NAMED, max_size=2, unique=True).map(tuple)
COUNTS = SOME.map(summary_of)
VERDICT = st.sampled_from(Verdict)
REASONS = st.lists(NODE.map(lambda node: Reason(node.level, node.state, node.outcome, node.message)), max_size=2).map(
    tuple
)
SNAPSHOTS = st.builds(
    Snapshot, NAMED, NAMED, MAYBE, INSTANT, NODE, VERDICT, KEYS, KEYS, MAYBE, MAYBE, REASONS, st.none() | COUNTS
)
ARTIFACT = st.builds(Artifact, MAYBE, MAYBE, JSON)
TASKS = st.builds(Task, TEXT, MAYBE, JSON, st.lists(ARTIFACT, max_size=2).map(tuple))
RUNS = st.builds(RunRow, TASKS, NODE.map(lambda node: node.state), st.none() | SECONDS)
LISTED = st.lists(st.builds(Listed, ARTIFACT, st.booleans(), MAYBE), max_size=2).map(tuple)
ROWS = st.builds(TargetRow, NAMED, NAMED, SNAPSHOTS) | st.builds(
    TargetRow, NAMED, MAYBE, error=st.builds(NotFound, TEXT, TEXT)
)
COMPARED = st.builds(
    compared, st.builds(EarlierRun, task_id=NAMED, checks=SOME, created_at=INSTANT), SOME, INSTANT, whole=st.booleans()
)
REPORTS: st.SearchStrategy[Report] = st.one_of(
    st.builds(StatusReport, SNAPSHOTS),
    st.builds(ChecksReport, SNAPSHOTS, st.none(), SOME, VERDICT, overridden=KEYS, comparison=st.none() | COMPARED),
    st.builds(ProjectsReport, SNAPSHOTS, st.sampled_from(["projects", "spaces"]), SOME, VERDICT, not_before=INSTANT),
    st.builds(TasksReport, NAMED, INSTANT, st.lists(RUNS, max_size=2).map(tuple)),
    st.builds(TargetsReport, INSTANT, st.lists(ROWS, max_size=2).map(tuple)),
    st.builds(JobReport, NAMED, INSTANT, st.builds(Job, DETAILS)),
    st.builds(ArtifactsReport, NAMED, INSTANT, TASKS, LISTED),
)
WATCHED: st.SearchStrategy[Event] = st.one_of(
    st.builds(Snapped, INSTANT, SNAPSHOTS, not_before=st.none() | INSTANT),
    st.builds(Late, INSTANT, INSTANT, st.none() | INSTANT, SECONDS, st.sampled_from(["estimate", "passed"])),
    st.builds(Alive, INSTANT, VERDICT, COUNTS, KEYS),
    st.builds(Changed, INSTANT, NODE, st.none() | st.builds(Condition, MAYBE, MAYBE)),
    st.builds(Progressed, INSTANT, LEVEL, NUMBER, PHASES),
    st.builds(Stalled, INSTANT, LEVEL, SECONDS),
    st.builds(Outage, INSTANT, TEXT, TEXT, SECONDS),
    st.builds(Recovered, INSTANT, SECONDS),
    st.builds(Ended, INSTANT, st.sampled_from(End), VERDICT, st.just(1), COUNTS, KEYS, st.none() | SECONDS, REASONS),
)


def printed(value: object) -> Any:
    """A document as it arrives."""
    return json.loads(encoded(value))


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(REPORTS)
def test_whatever_the_api_sends_the_documents_are_valid(report: Report) -> None:
    """Any texts, numbers, statuses and details become a valid document, valid lines, and the same in pieces."""
    told = printed(document(report))
    assert_valid(told["kind"], told)
    for ascii_only in (True, False):
        assert json.loads("".join(chunks(report, ascii_only=ascii_only))) == told
    part = {"checks": "CheckJson", "tasks": "RunJson", "targets": "TargetJson", "artifacts": "FileJson"}
    for line in [] if isinstance(report, JobReport) else lines(report):
        assert_valid(told["kind"], printed(line), part.get(told["kind"], "NodeJson"))


@settings(deadline=None)
@given(WATCHED)
def test_whatever_the_api_sends_the_events_are_valid(event: Event) -> None:
    """Any texts, numbers and statuses become a valid event."""
    assert_valid("event", printed(event_document(event)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_valid_open_and_names_every_key_as_required(kind: str) -> None:
    """Each schema is one of draft 2020-12 with a name; its objects may hold more keys, and must hold those named."""
    schema = json.loads(encoded(schema_of(kind)))
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:migstat:{kind}:1"
    for name, definition in schema["$defs"].items():
        assert definition.get("additionalProperties", True) is True, name
        assert sorted(definition.get("required", ())) == sorted(definition.get("properties", ())), name
        assert definition.get("description") or name == "Phase", name


SNAPSHOT = Snapshot("job-1", "task-1", "migrate", 1_790_000_000_000, Node(), Verdict.RUNNING)
PROJECTS = printed(document(ProjectsReport(SNAPSHOT, "projects", (Node(("A",)),), Verdict.RUNNING)))


@pytest.mark.parametrize(
    ("way", "value"),
    [
        (("verdict",), "done"),
        (("fetchedAt",), "2026-09-21T14:13:20.123Z"),
        (("fetchedAt",), "2026-09-21 14:13:20"),
        (("summary", "total"), -1),
        (("summary", "missing"), None),
        (("scope",), "pages"),
        (("projects", 0, "state"), "FAILED"),
        (("projects", 0, "level"), "migrate"),
        (("projects", 0, "elapsedSeconds"), 1.5),
        (("schemaVersion",), 2),
        (("kind",), "status"),
    ],
)
def test_a_wrong_value_is_refused(way: tuple[Any, ...], value: object) -> None:
    """A document is refused if a value is of another type or none of those promised, or its key is left out."""
    *above, last = way
    for is_there in (True, False):
        wrong = copy.deepcopy(PROJECTS)
        inner = wrong
        for step in above:
            inner = inner[step]
        inner[last] = value
        if not is_there:
            del inner[last]
        with pytest.raises(ValidationError):
            validator("projects").validate(wrong)


def test_an_error_is_published_with_its_code() -> None:
    """Each error of the program is a valid document with its own code."""

    def kinds(base: type[MigstatError]) -> list[type[MigstatError]]:
        return [base, *(kind for below in base.__subclasses__() for kind in kinds(below))]

    for kind in kinds(MigstatError):
        told = printed(error_document(kind("what happened", "what to do")))
        assert_valid("error", told)
        assert told == {"error": {"code": kind.code, "message": "what happened", "hint": "what to do"}}
