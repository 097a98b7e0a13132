"""The JSON Schemas: valid, closed, and as tight as the documents they describe."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from signal import Signals
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from migstat.api import decode as wire
from migstat.errors import ApiError, MigstatError, NotFound
from migstat.model.events import (
    Alive,
    Changed,
    Condition,
    End,
    Ended,
    Event,
    Outage,
    Progressed,
    Recovered,
    Snapped,
    Stalled,
)
from migstat.model.exit_codes import Exit, exit_of_end, exit_of_error
from migstat.model.nodes import LATEST_PLAUSIBLE, Artifact, Job, Node, Phase, Task
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
from migstat.model.verdict import Snapshot, Summary, Verdict, summary_of
from migstat.render.json import document, encoded, error_document, event_document, lines
from migstat.render.schema import KINDS, schema_of
from tests.schemas import assert_valid, validator

NOW = 1_790_000_000_000
PLACE = ("migrate", "projects", "ACME")
LEAF = Node(
    PLACE,
    "IN_PROGRESS",
    None,
    "Importing",
    {
        "createdAt": NOW - 9000,
        "startedAt": NOW - 5000,
        "lastUpdatedAt": NOW,
        "excludable": True,
        "occurrences": ["one"],
    },
    40.0,
    (Phase("issues", 120, 4000),),
)
ROOT = Node((), "IN_PROGRESS", children=(LEAF,))
SNAPSHOT = Snapshot("job-1", "task-1", "migrate", NOW, ROOT, Verdict.RUNNING, ("LATE",))
SUMMARY = Summary(2, 0, 1, 1, {"FAILED": 1})
TASK = Task("task-1", "migrate", "2026-09-21T14:13:20Z", (Artifact("a.csv", "https://a.example.invalid", NOW),))
FETCHED = (Listed(TASK.artifacts[0], expired=False, path="reports/a.csv"),)


def printed(value: object) -> Any:
    """A document as it arrives."""
    return json.loads(encoded(value))


DOCUMENTS: dict[str, Any] = {
    "status": printed(document(StatusReport(SNAPSHOT))),
    "checks": printed(document(ChecksReport(SNAPSHOT, None, (LEAF,), SUMMARY, {}))),
    "projects": printed(document(ProjectsReport(SNAPSHOT, "projects", None, (LEAF,), SUMMARY, {}))),
    "tasks": printed(document(TasksReport("job-1", NOW, (TASK,)))),
    "job": printed(document(JobReport("job-1", NOW, Job({"name": "Cutover"})))),
    "artifacts": printed(document(ArtifactsReport("job-1", NOW, TASK, FETCHED))),
    "error": printed(error_document(NotFound("no such job", "Look again."))),
}
END_CODES = {End.FINISHED: 1, End.FAILED_FAST: 1, End.TIMEOUT: 124, End.INTERRUPTED: 130, End.ERROR: 3}
HAPPENED: tuple[Event, ...] = (
    Snapped(NOW, Snapshot("job-1", "task-1", None, NOW, ROOT, Verdict.RUNNING, summary=SUMMARY)),
    Changed(NOW, LEAF, Condition("PENDING", None)),
    Progressed(NOW, PLACE, 40.0, LEAF.progress),
    Stalled(NOW, PLACE, 900.0),
    Outage(NOW, "unreachable", "no answer", 1.5),
    Alive(NOW, Verdict.RUNNING, SUMMARY, ()),
    Recovered(NOW, 12.5),
    *(Ended(NOW, end, Verdict.FAILED, code, SUMMARY, ("LATE",), 500.0) for end, code in END_CODES.items()),
)
EVENTS: dict[str, Any] = {told["event"]: told for told in (printed(event_document(event)) for event in HAPPENED)}
EXAMPLES = {kind: (kind, told) for kind, told in DOCUMENTS.items()} | {
    f"event {name}": ("event", told) for name, told in EVENTS.items()
}
FOREIGN = ("details", "job", "byOutcome", "path")
"""Keys whose value is not ours to promise, and the one that may be left out."""


def objects(value: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to each object of a document whose keys are promised."""
    if isinstance(value, dict):
        yield above
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        if key not in FOREIGN:
            yield from objects(inner, (*above, key))


def at(value: Any, way: tuple[str | int, ...]) -> Any:
    """What is at the end of the way."""
    for step in way:
        value = value[step]
    return value


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every object within a schema."""
    if isinstance(schema, dict):
        yield schema
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from parts(inner)


def test_there_is_a_schema_of_all_that_is_published() -> None:
    """There are eight kinds, and events of twelve names."""
    assert KINDS == ("status", "checks", "projects", "tasks", "job", "artifacts", "event", "error")
    assert {*DOCUMENTS, "event"} == set(KINDS)
    names = [each["$ref"].rpartition("/")[2] for each in schema_of("event")["oneOf"]]
    assert sorted(names) == sorted(EVENTS)
    assert len(names) == 12


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_one(kind: str) -> None:
    """Each schema is a valid one of draft 2020-12, with a name, a title and a description."""
    schema = printed(schema_of(kind))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:migstat:{kind}:1"
    assert kind in schema["title"]
    assert schema["description"].endswith(".")
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_stands_alone(kind: str) -> None:
    """Every reference leads to a definition of the same schema, and every definition is used."""
    schema = schema_of(kind)
    used = {each["$ref"].removeprefix("#/$defs/") for each in parts(schema) if "$ref" in each}
    assert used == set(schema.get("$defs", {}))


@pytest.mark.parametrize("kind", KINDS)
def test_every_object_is_closed_and_every_key_described(kind: str) -> None:
    """An object of ours takes no further keys, requires all but a path, and says what each is."""
    schema = schema_of(kind)
    described = schema.get("$defs", {})
    for each in [part for part in parts(schema) if isinstance(part.get("type"), str) and "properties" in part]:
        assert each["additionalProperties"] is False
        assert [name for name in each["properties"] if name not in each["required"]] in ([], ["path"])
        for own in each["properties"].values():
            told = own if "description" in own else described[own["$ref"].removeprefix("#/$defs/")]
            assert told["description"].endswith(".")


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_document_is_valid(name: str) -> None:
    """A document of each kind and each event is valid."""
    kind, told = EXAMPLES[name]
    assert_valid(kind, told)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_missing_key_is_refused(name: str) -> None:
    """A document is refused where any promised key is left out, at any depth."""
    kind, told = EXAMPLES[name]
    for way in objects(told):
        for key in [key for key in at(told, way) if key not in FOREIGN[2:]]:
            broken = copy.deepcopy(told)
            del at(broken, way)[key]
            assert not validator(kind).is_valid(broken), (way, key)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_key_that_nobody_promised_is_refused(name: str) -> None:
    """A document is refused where any of its own objects has a key more."""
    kind, told = EXAMPLES[name]
    for way in objects(told):
        broken = copy.deepcopy(told)
        at(broken, way)["extra"] = None
        assert not validator(kind).is_valid(broken), way


@pytest.mark.parametrize(
    ("name", "way", "value"),
    [
        ("status", ("kind",), "checks"),
        ("status", ("schemaVersion",), 2),
        ("status", ("schemaVersion",), "1"),
        ("status", ("jobId",), ""),
        ("status", ("jobId",), None),
        ("status", ("taskId",), None),
        ("status", ("taskType",), 1),
        ("status", ("verdict",), "success"),
        ("status", ("verdict",), "RUNNING"),
        ("status", ("verdict",), None),
        ("status", ("complete",), None),
        ("status", ("fetchedAt",), None),
        ("status", ("fetchedAt",), NOW),
        ("status", ("fetchedAt",), "2026-09-21T14:13:20Z"),
        ("status", ("fetchedAt",), "2026-09-21T14:13:20.000"),
        ("status", ("fetchedAt",), "2026-09-21T14:13:20.000+00:00"),
        ("status", ("fetchedAt",), "2026-09-21 14:13:20.000Z"),
        ("status", ("fetchedAt",), "2026-13-21T14:13:20.000Z"),
        ("status", ("node",), None),
        ("status", ("node", "name"), None),
        ("status", ("node", "level"), ""),
        ("status", ("node", "level"), None),
        ("status", ("node", "status"), 1),
        ("status", ("node", "children"), {}),
        ("status", ("node", "children", 0, "level"), [1]),
        ("status", ("node", "children", 0, "startedAt"), NOW),
        ("status", ("node", "children", 0, "startedAt"), "yesterday"),
        ("status", ("node", "children", 0, "elapsedSeconds"), -1),
        ("status", ("node", "children", 0, "elapsedSeconds"), "5s"),
        ("status", ("node", "children", 0, "percent"), "40 %"),
        ("status", ("node", "children", 0, "progress"), None),
        ("status", ("node", "children", 0, "progress", 0, "total"), "all"),
        ("status", ("node", "children", 0, "excludable"), "yes"),
        ("status", ("node", "children", 0, "occurrences"), None),
        ("status", ("node", "children", 0, "occurrences"), [{}]),
        ("status", ("node", "children", 0, "details"), None),
        ("status", ("node", "children", 0, "details"), []),
        ("status", ("node", "children", 0, "children"), [None]),
        ("checks", ("kind",), "status"),
        ("checks", ("checks",), None),
        ("checks", ("summary", "total"), -1),
        ("checks", ("summary", "total"), 1.5),
        ("checks", ("summary", "total"), None),
        ("checks", ("summary", "byOutcome"), []),
        ("checks", ("summary", "byOutcome", "FAILED"), 0),
        ("checks", ("summary", "byOutcome", ""), 1),
        ("projects", ("scope",), "check"),
        ("projects", ("missing",), None),
        ("projects", ("missing",), [""]),
        ("projects", ("missing",), ["A", "A"]),
        ("projects", ("projects",), {}),
        ("tasks", ("tasks",), None),
        ("tasks", ("tasks", 0, "taskId"), None),
        ("tasks", ("tasks", 0, "createdAt"), NOW),
        ("tasks", ("tasks", 0, "artifacts"), None),
        ("tasks", ("tasks", 0, "artifacts", 0, "path"), "a.csv"),
        ("tasks", ("tasks", 0, "artifacts", 0, "expiresAt"), NOW),
        ("job", ("job",), None),
        ("job", ("job",), []),
        ("artifacts", ("kind",), "tasks"),
        ("artifacts", ("tasks",), []),
        ("artifacts", ("tasks",), [DOCUMENTS["artifacts"]["tasks"][0]] * 2),
        ("artifacts", ("tasks", 0, "artifacts", 0, "path"), 1),
        ("error", ("error",), "not found"),
        ("error", ("error", "code"), "notFound"),
        ("error", ("error", "code"), 5),
        ("error", ("error", "message"), None),
        ("error", ("error", "hint"), None),
        ("event snapshot", ("event",), "snap"),
        ("event snapshot", ("at",), NOW),
        ("event snapshot", ("at",), None),
        ("event snapshot", ("verdict",), "ok"),
        ("event change", ("from",), {}),
        ("event change", ("from", "status"), 1),
        ("event change", ("to",), None),
        ("event change", ("message",), 1),
        ("event progress", ("percent",), "half"),
        ("event stalled", ("event",), "progress"),
        ("event stalled", ("sinceSeconds",), None),
        ("event stalled", ("sinceSeconds",), -1),
        ("event outage", ("code",), "usage"),
        ("event outage", ("retryInSeconds",), None),
        ("event recovered", ("outageSeconds",), "1m"),
        ("event finished", ("exitCode",), 3),
        ("event finished", ("exitCode",), None),
        ("event finished", ("exitCode",), "0"),
        ("event finished", ("verdict",), "running"),
        ("event finished", ("verdict",), "pending"),
        ("event finished", ("missing",), None),
        ("event finished", ("elapsedSeconds",), -1),
        ("event finished", ("event",), "ended"),
        ("event timeout", ("exitCode",), 0),
        ("event interrupted", ("exitCode",), 2),
        ("event failed-fast", ("exitCode",), 0),
        ("event error", ("exitCode",), 0),
    ],
)
def test_a_wrong_value_is_refused(name: str, way: tuple[str | int, ...], value: object) -> None:
    """A document is refused where a value is of another type or none of those promised."""
    kind, told = EXAMPLES[name]
    broken = copy.deepcopy(told)
    at(broken, way[:-1])[way[-1]] = value
    assert not validator(kind).is_valid(broken)


@pytest.mark.parametrize(
    ("name", "way", "value"),
    [
        ("status", ("taskType",), None),
        ("status", ("taskType",), "rehearsal"),
        ("status", ("node", "status"), "MARTIAN"),
        ("status", ("node", "outcome"), "INCOMPLETE"),
        ("status", ("node", "children", 0, "percent"), 250),
        ("status", ("node", "children", 0, "children"), []),
        ("checks", ("summary", "byOutcome"), {}),
        ("projects", ("scope",), "spaces"),
        ("tasks", ("tasks",), []),
        ("tasks", ("tasks", 0, "createdAt"), "some day"),
        ("job", ("job",), {}),
        ("artifacts", ("tasks", 0, "artifacts", 0, "path"), None),
        ("artifacts", ("tasks", 0, "artifacts", 0), DOCUMENTS["tasks"]["tasks"][0]["artifacts"][0]),
        ("event change", ("from",), None),
        ("error", ("error", "hint"), ""),
    ],
)
def test_what_may_be_is_let_through(name: str, way: tuple[str | int, ...], value: object) -> None:
    """What only the API decides may be anything, and what is not known is null or empty."""
    kind, told = EXAMPLES[name]
    other = copy.deepcopy(told)
    at(other, way[:-1])[way[-1]] = value
    assert_valid(kind, other)


def kinds_of(base: type[MigstatError]) -> Iterator[type[MigstatError]]:
    """Yield an error and all below it, of whatever module."""
    yield base
    for kind in base.__subclasses__():
        yield from kinds_of(kind)


def test_every_error_has_a_code_that_is_named() -> None:
    """Each error's code is in the schema of errors, and that of a failed question among those of an outage."""
    assert wire.NotJson in set(kinds_of(ApiError))
    for kind in kinds_of(MigstatError):
        assert_valid("error", printed(error_document(kind("what happened"))))
    for failed in kinds_of(ApiError):
        assert_valid("event", printed(event_document(Outage(NOW, failed.code, "what happened", 1.0))))


def test_every_exit_code_of_a_watch_is_named() -> None:
    """The codes that an end can have are those of its event, and exit codes of the program."""
    for end in End:
        for verdict in (Verdict.SUCCEEDED, Verdict.WARNING, Verdict.FAILED):
            for signal in (Signals.SIGINT, Signals.SIGTERM, Signals.SIGHUP):
                for strict in (False, True):
                    code = exit_of_end(end, verdict, strict=strict, signal=signal)
                    assert_valid("event", {**EVENTS[end], "verdict": verdict, "exitCode": code})
    for kind in kinds_of(ApiError):
        assert_valid("event", {**EVENTS["error"], "exitCode": exit_of_error(kind(""))})
    named = {code for end in End for code in schema_of("event")["$defs"][end]["properties"]["exitCode"]["enum"]}
    assert named == {code.value for code in Exit}


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
    return st.builds(Node, LEVEL, MAYBE, MAYBE, MAYBE, DETAILS, NUMBER, PHASES, children, MAYBE)


NODE = st.recursive(
    nodes(st.none()), lambda inner: nodes(st.none() | st.lists(inner, max_size=3).map(tuple)), max_leaves=3
)
SOME = st.lists(NODE, max_size=2).map(tuple)
KEYS = st.lists(NAMED, max_size=2, unique=True).map(tuple)
COUNTS = SOME.map(summary_of)
VERDICT = st.sampled_from(Verdict)
SNAPSHOTS = st.builds(Snapshot, NAMED, NAMED, MAYBE, INSTANT, NODE, VERDICT, KEYS, KEYS)
ARTIFACT = st.builds(Artifact, MAYBE, MAYBE, JSON)
TASKS = st.builds(Task, TEXT, MAYBE, JSON, st.lists(ARTIFACT, max_size=2).map(tuple))
LISTED = st.lists(st.builds(Listed, ARTIFACT, st.booleans(), MAYBE), max_size=2).map(tuple)
REPORTS: st.SearchStrategy[Report] = st.one_of(
    st.builds(StatusReport, SNAPSHOTS),
    st.builds(ChecksReport, SNAPSHOTS, st.none(), SOME, COUNTS, st.just({})),
    st.builds(ProjectsReport, SNAPSHOTS, st.sampled_from(["projects", "spaces"]), MAYBE, SOME, COUNTS, st.just({})),
    st.builds(TasksReport, NAMED, INSTANT, st.lists(TASKS, max_size=2).map(tuple)),
    st.builds(JobReport, NAMED, INSTANT, st.builds(Job, DETAILS)),
    st.builds(ArtifactsReport, NAMED, INSTANT, TASKS, LISTED),
)
WATCHED: st.SearchStrategy[Event] = st.one_of(
    st.builds(Snapped, INSTANT, SNAPSHOTS),
    st.builds(Alive, INSTANT, VERDICT, COUNTS, KEYS),
    st.builds(Changed, INSTANT, NODE, st.none() | st.builds(Condition, MAYBE, MAYBE)),
    st.builds(Progressed, INSTANT, LEVEL, NUMBER, PHASES),
    st.builds(Stalled, INSTANT, LEVEL, SECONDS),
    st.builds(Outage, INSTANT, st.sampled_from([kind.code for kind in kinds_of(ApiError)]), TEXT, SECONDS),
    st.builds(Recovered, INSTANT, SECONDS),
    *(
        st.builds(
            Ended,
            INSTANT,
            st.just(end),
            st.just(Verdict.WARNING) if end is End.FINISHED else VERDICT,
            st.just(code),
            COUNTS,
            KEYS,
            st.none() | SECONDS,
        )
        for end, code in END_CODES.items()
    ),
)


@given(REPORTS)
def test_whatever_the_api_sends_the_documents_are_valid(report: Report) -> None:
    """Any texts, numbers, statuses and details become a valid document and valid lines."""
    told = printed(document(report))
    assert_valid(told["kind"], told)
    if not isinstance(report, JobReport):
        part = {"tasks": "task", "artifacts": "artifact"}.get(told["kind"], "node")
        for line in lines(report):
            assert_valid(told["kind"], printed(line), part)


@given(WATCHED)
def test_whatever_the_api_sends_the_events_are_valid(event: Event) -> None:
    """Any texts, numbers and statuses become a valid event."""
    assert_valid("event", printed(event_document(event)))
