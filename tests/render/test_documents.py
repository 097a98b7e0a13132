"""The published documents, events and errors: valid, open, and true to whatever the API sends."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from migstat.errors import MigstatError, NotFound
from migstat.model import events as ev
from migstat.model import reports as rep
from migstat.model.changes import EarlierRun, compared
from migstat.model.crowd import Summary, summary_of
from migstat.model.documents import KINDS, schema_of
from migstat.model.nodes import EARLIEST_STAMP, LATEST_PLAUSIBLE, Artifact, Job, Node, Phase, Task
from migstat.model.verdict import Reason, Snapshot, Verdict
from migstat.render.json import chunks, document, encoded, error_document, event_document, lines
from tests.schemas import assert_valid, validator

TEXT = st.text(max_size=6)
NAMED = st.text(min_size=1, max_size=6)
MAYBE = st.none() | TEXT
NUMBER = st.none() | st.integers(-(2**63), 2**63) | st.floats()
SECONDS = st.floats(0, 1e12)
INSTANT = st.integers(EARLIEST_STAMP, LATEST_PLAUSIBLE)
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
    return st.builds(Node, LEVEL, MAYBE, MAYBE, MAYBE, DETAILS, NUMBER, PHASES, children, MAYBE, missing=st.booleans())


NODE = st.recursive(
    nodes(st.none()), lambda inner: nodes(st.none() | st.lists(inner, max_size=3).map(tuple)), max_leaves=3
)
SOME = st.lists(NODE, max_size=2).map(tuple)
KEYS = st.lists(NAMED, max_size=2, unique=True).map(tuple)
COUNTS = SOME.map(summary_of)
VERDICT = st.sampled_from(Verdict)
SCOPE = st.sampled_from(["projects", "spaces"])
END = st.sampled_from(ev.End)
REASONS = st.lists(NODE.map(lambda node: Reason(node.level, node.state, node.outcome, node.message)), max_size=2).map(
    tuple
)
SNAPSHOTS = st.builds(Snapshot, NAMED, NAMED, MAYBE, INSTANT, NODE, VERDICT, KEYS, KEYS, MAYBE, MAYBE, REASONS, COUNTS)
ARTIFACT = st.builds(Artifact, MAYBE, MAYBE, JSON)
TASKS = st.builds(Task, TEXT, MAYBE, JSON, st.lists(ARTIFACT, max_size=2).map(tuple))
RUNS = st.builds(rep.RunRow, TASKS, NODE.map(lambda node: node.state), st.none() | SECONDS)
LISTED = st.lists(st.builds(rep.Listed, ARTIFACT, st.booleans(), MAYBE), max_size=2).map(tuple)
ROWS = st.builds(rep.TargetRow, NAMED, NAMED, SNAPSHOTS) | st.builds(
    rep.TargetRow, NAMED, MAYBE, error=st.builds(NotFound, TEXT, TEXT)
)
EARLIER = st.builds(EarlierRun, task_id=NAMED, checks=SOME, created_at=INSTANT)
COMPARED = st.builds(compared, EARLIER, SOME, INSTANT, complete=st.booleans())
REPORTS: st.SearchStrategy[rep.Report] = st.one_of(
    st.builds(rep.StatusReport, SNAPSHOTS),
    st.builds(rep.ChecksReport, SNAPSHOTS, st.none(), SOME, VERDICT, overridden=KEYS, comparison=st.none() | COMPARED),
    st.builds(rep.ProjectsReport, SNAPSHOTS, SCOPE, SOME, VERDICT, not_before=INSTANT),
    st.builds(rep.TasksReport, NAMED, INSTANT, st.lists(RUNS, max_size=2).map(tuple)),
    st.builds(rep.TargetsReport, INSTANT, st.lists(ROWS, max_size=2).map(tuple)),
    st.builds(rep.JobReport, NAMED, INSTANT, st.builds(Job, DETAILS)),
    st.builds(rep.ArtifactsReport, NAMED, INSTANT, TASKS, LISTED),
)
WATCHED: st.SearchStrategy[ev.Event] = st.one_of(
    st.builds(ev.Snapped, INSTANT, SNAPSHOTS, not_before=st.none() | INSTANT),
    st.builds(ev.Late, INSTANT, INSTANT, st.none() | INSTANT, SECONDS, st.sampled_from(["estimate", "passed"])),
    st.builds(ev.Alive, INSTANT, VERDICT, COUNTS, KEYS),
    st.builds(ev.Changed, INSTANT, NODE, st.none() | st.builds(ev.Condition, MAYBE, MAYBE)),
    st.builds(ev.Progressed, INSTANT, LEVEL, NUMBER, PHASES),
    st.builds(ev.Stalled, INSTANT, LEVEL, SECONDS),
    st.builds(ev.Outage, INSTANT, TEXT, TEXT, SECONDS),
    st.builds(ev.Recovered, INSTANT, SECONDS),
    st.builds(ev.Ended, INSTANT, END, VERDICT, st.just(1), COUNTS, KEYS, st.none() | SECONDS, REASONS),
)


def printed(value: object) -> Any:
    return json.loads(encoded(value))


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(REPORTS)
def test_whatever_the_api_sends_the_documents_are_valid(report: rep.Report) -> None:
    """Any texts, numbers, statuses and details become a valid document, valid lines, and the same in pieces."""
    output = printed(document(report))
    assert_valid(output["kind"], output)
    for ascii_only in (True, False):
        assert json.loads("".join(chunks(report, ascii_only=ascii_only))) == output
    part = {"checks": "CheckJson", "tasks": "RunJson", "targets": "TargetJson", "artifacts": "FileJson"}
    for line in [] if isinstance(report, rep.JobReport) else lines(report):
        assert_valid(output["kind"], printed(line), part.get(output["kind"], "NodeJson"))


@settings(deadline=None)
@given(WATCHED)
def test_whatever_the_api_sends_the_events_are_valid(event: ev.Event) -> None:
    """Any texts, numbers and statuses become a valid event, on one line without anything that does not print."""
    text = encoded(event_document(event))
    assert_valid("event", json.loads(text))
    assert not re.search("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", text)


AT, INSTANT_OF_AT = 1_790_000_000_123, "2026-09-21T14:13:20Z"
ACME = ("migrate", "projects", "ACME")
SUMMARY = {
    "total": 6, "missing": 1, "pending": 1, "running": 1, "finished": 3, "failed": 1, "warning": 0, "succeeded": 2,
    "skipped": 0, "byOutcome": {"FAILED": 1, "SUCCESS": 2}, "unread": 0,
}  # fmt: skip
COUNTED = msgspec.convert(SUMMARY, Summary)
RUNNING = {"state": "running", "status": "IN_PROGRESS", "outcome": None}
TIMES = {"startedAt": None, "lastUpdatedAt": None, "elapsedSeconds": None}

STARTED = TIMES | {"startedAt": "2026-09-21T14:13:15Z", "elapsedSeconds": 5}
PHASES_SEEN = (Phase("export", 10, 80), Phase(None, None, None))
WHERE = {"level": [*ACME], "name": "ACME"}
ENDED = {"verdict": "failed", "exitCode": 1, "reasons": [], "summary": SUMMARY, "missing": ["NEW"]}


@pytest.mark.parametrize(
    ("event", "name", "expected"),
    [
        (ev.Changed(AT, Node(ACME, "FINISHED", "FAILED", "Oh no."), ev.Condition("IN_PROGRESS", None)), "change",
         WHERE | TIMES | {"from": RUNNING, "message": "Oh no.",
                          "to": {"state": "failed", "status": "FINISHED", "outcome": "FAILED"}}),
        (ev.Changed(AT, Node((), "IN_PROGRESS", details={"startedAt": AT - 5000}), None), "change",
         STARTED | {"level": [], "name": "", "from": None, "to": RUNNING, "message": None}),
        (ev.Progressed(AT, ACME, 12.5, PHASES_SEEN), "progress",
         WHERE | {"percent": 12.5, "progress": [{"name": "export", "processed": 10, "total": 80},
                                                {"name": None, "processed": None, "total": None}]}),
        (ev.Stalled(AT, ACME, 901.0), "stalled", WHERE | {"sinceSeconds": 901}),
        (ev.Outage(AT, "unreachable", "no answer", 2.5), "outage",
         {"code": "unreachable", "message": "no answer", "retryInSeconds": 2}),
        (ev.Recovered(AT, 43.0), "recovered", {"outageSeconds": 43}),
        (ev.Late(AT, AT - 60_000, AT, 59.7, "passed"), "late",
         {"deadline": "2026-09-21T14:12:20Z", "estimatedEndAt": INSTANT_OF_AT, "bySeconds": 60, "reason": "passed"}),
        (ev.Alive(AT, Verdict.RUNNING, COUNTED, ("NEW",), not_before=AT), "alive",
         {"verdict": "running", "summary": SUMMARY, "missing": ["NEW"], "estimatedEndAt": INSTANT_OF_AT,
          "gapSeconds": None}),
        *((ev.Ended(AT, ev.End(end), Verdict.FAILED, 1, COUNTED, ("NEW",), elapsed), end,
           ENDED | {"elapsedSeconds": elapsed and 7695})
          for end in ("finished", "failed-fast", "timeout", "interrupted", "error") for elapsed in (7695.5, None)),
    ],
)  # fmt: skip
def test_each_event_is_what_the_contract_says(event: ev.Event, name: str, expected: dict[str, Any]) -> None:
    """An event's JSON has exactly the promised keys, and its time in UTC in whole seconds."""
    assert printed(event_document(event)) == {"event": name, "at": INSTANT_OF_AT, **expected}


@pytest.mark.parametrize("task_type", ["migrate", None])
def test_the_first_view_holds_the_whole_tree(task_type: str | None) -> None:
    """A snapshot has the head of documents and the root with everything below it, as `status` shows nodes."""
    child = Node(("check",), "FINISHED", "WARNING", "Some.", {"createdAt": AT - 5000, "excludable": True})
    root = Node((), "IN_PROGRESS", details={"startedAt": AT - 60_900}, percent=3.0, children=(child,))
    snapshot = Snapshot("job-1", "task-1", task_type, AT, root, Verdict.RUNNING, summary=COUNTED)
    output = printed(event_document(ev.Snapped(AT, snapshot)))
    shown = printed(document(rep.StatusReport(snapshot)))
    del shown["kind"]
    shown |= {"event": "snapshot", "at": INSTANT_OF_AT, "scope": "projects", "missing": [], "estimatedEndAt": None}
    assert output == shown
    assert (output["taskType"], output["summary"]) == (task_type, SUMMARY)
    assert (output["node"]["elapsedSeconds"], output["node"]["children"][0]["excludable"]) == (60, True)


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


SNAPSHOT = Snapshot("job-1", "task-1", "migrate", AT, Node(), Verdict.RUNNING)
PROJECTS = printed(document(rep.ProjectsReport(SNAPSHOT, "projects", (Node(("A",)),), Verdict.RUNNING)))


@pytest.mark.parametrize(
    ("way", "value"),
    [
        (("verdict",), "done"), (("fetchedAt",), "2026-09-21T14:13:20.123Z"), (("fetchedAt",), "2026-09-21 14:13:20"),
        (("summary", "total"), -1), (("summary", "missing"), None), (("scope",), "pages"),
        (("projects", 0, "state"), "FAILED"), (("projects", 0, "level"), "migrate"),
        (("projects", 0, "elapsedSeconds"), 1.5), (("schemaVersion",), 2), (("kind",), "status"),
    ],
)  # fmt: skip
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
        output = printed(error_document(kind("what happened", "what to do")))
        assert_valid("error", output)
        assert output == {"error": {"code": kind.code, "message": "what happened", "hint": "what to do"}}
