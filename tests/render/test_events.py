"""The events of a watch as scripts read them: the keys of the contract, and nothing that moves a cursor."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migstat.model.events import (
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
from migstat.model.nodes import Node, Phase
from migstat.model.verdict import Snapshot, Summary, Verdict, summary_of
from migstat.render.json import encoded, event_document
from migstat.simulator import scenario as script
from tests.watching import EPOCH, JOB, TASK, World, migration, moved

AT = 1_790_000_000_123
INSTANT = "2026-09-21T14:13:20Z"
SUMMARY_JSON: dict[str, Any] = {
    "total": 6, "missing": 1, "pending": 1, "running": 1, "finished": 3, "failed": 1, "warning": 0, "succeeded": 2,
    "skipped": 0, "byOutcome": {"FAILED": 1, "SUCCESS": 2},
}  # fmt: skip
SUMMARY = msgspec.convert(SUMMARY_JSON, Summary)
HEAD = {
    "schemaVersion", "jobId", "jobName", "destination", "taskId", "taskType", "fetchedAt", "complete", "verdict",
    "reasons", "summary",
}  # fmt: skip
LEVEL = ("migrate", "projects", "ACME")

ENDS = {"verdict", "exitCode", "reasons", "summary", "missing", "elapsedSeconds"}
KEYS = {
    "snapshot": {*HEAD, "scope", "missing", "estimatedEndAt", "node"},
    "change": {"level", "name", "from", "to", "message", "startedAt", "lastUpdatedAt", "elapsedSeconds"},
    "progress": {"level", "name", "percent", "progress"},
    "stalled": {"level", "name", "sinceSeconds"},
    "outage": {"code", "message", "retryInSeconds"},
    "recovered": {"outageSeconds"},
    "late": {"deadline", "estimatedEndAt", "bySeconds", "reason"},
    "alive": {"verdict", "summary", "missing", "estimatedEndAt"},
    "finished": ENDS,
    "failed-fast": ENDS,
    "timeout": ENDS,
    "interrupted": ENDS,
    "error": ENDS,
}
"""What each event has beside `event` and `at`, as the command line promises."""


def read(event: Event) -> dict[str, Any]:
    """An event after a journey through JSON."""
    value = json.loads(encoded(event_document(event)))
    assert isinstance(value, dict)
    return value


ENDED: dict[str, Any] = {
    "verdict": "failed",
    "exitCode": 1,
    "summary": SUMMARY_JSON,
    "missing": ["NEW"],
    "elapsedSeconds": 7695,
}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            Changed(AT, Node(LEVEL, "FINISHED", "FAILED", "Oh no."), Condition("IN_PROGRESS", None)),
            {
                "event": "change",
                "level": list(LEVEL),
                "name": "ACME",
                "from": {"state": "running", "status": "IN_PROGRESS", "outcome": None},
                "to": {"state": "failed", "status": "FINISHED", "outcome": "FAILED"},
                "message": "Oh no.",
            },
        ),
        (
            Changed(AT, Node((), "IN_PROGRESS"), None),
            {
                "event": "change",
                "level": [],
                "name": "",
                "from": None,
                "to": {"state": "running", "status": "IN_PROGRESS", "outcome": None},
                "message": None,
            },
        ),
        (
            Progressed(AT, LEVEL, 12.5, (Phase("export", 10, 80), Phase(None, None, None))),
            {
                "event": "progress",
                "level": list(LEVEL),
                "name": "ACME",
                "percent": 12.5,
                "progress": [
                    {"name": "export", "processed": 10, "total": 80},
                    {"name": None, "processed": None, "total": None},
                ],
            },
        ),
        (Stalled(AT, LEVEL, 901.0), {"event": "stalled", "level": list(LEVEL), "name": "ACME", "sinceSeconds": 901}),
        (
            Outage(AT, "unreachable", "no answer", 2.5),
            {"event": "outage", "code": "unreachable", "message": "no answer", "retryInSeconds": 2},
        ),
        (Recovered(AT, 43.0), {"event": "recovered", "outageSeconds": 43}),
        (
            Late(AT, AT - 60_000, AT, 59.7, "passed"),
            {
                "event": "late",
                "deadline": "2026-09-21T14:12:20Z",
                "estimatedEndAt": INSTANT,
                "bySeconds": 60,
                "reason": "passed",
            },
        ),
        *((Ended(AT, end, Verdict.FAILED, 1, SUMMARY, ("NEW",), 7695.5), {"event": end.value, **ENDED}) for end in End),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, dict) else value["event"],
)
def test_each_event_is_what_the_contract_says(event: Event, expected: dict[str, Any]) -> None:
    """An event's JSON has exactly the promised keys, and its time in UTC in whole seconds."""
    told = read(event)
    assert told == told | {"at": INSTANT, **expected}
    assert set(told) == KEYS[expected["event"]] | {"event", "at"}


def test_the_first_view_holds_the_whole_tree() -> None:
    """A snapshot has the task's ids, the counts and the root with all that is below it, as `status` shows nodes."""
    child = Node(("check",), "FINISHED", "WARNING", "Some.", {"createdAt": AT - 5000, "excludable": True})
    root = Node((), "IN_PROGRESS", details={"startedAt": AT - 60_000}, percent=3.0, children=(child,))
    told = read(Snapped(AT, Snapshot(JOB, TASK, "migrate", AT, root, Verdict.RUNNING, summary=SUMMARY)))
    assert set(told) == KEYS["snapshot"] | {"event", "at"}
    assert (told["event"], told["jobId"], told["taskId"]) == ("snapshot", JOB, TASK)
    assert (told["taskType"], told["verdict"], told["summary"]) == ("migrate", "running", SUMMARY_JSON)
    assert told["node"]["elapsedSeconds"] == 60
    assert told["node"]["children"][0]["level"] == ["check"]
    assert told["node"]["children"][0]["excludable"] is True
    assert told["node"]["children"][0]["children"] is None


def test_a_task_of_an_unknown_type_has_none() -> None:
    """What is not known is present and null."""
    told = read(Snapped(AT, Snapshot(JOB, TASK, None, AT, Node(), Verdict.PENDING)))
    assert told["taskType"] is None
    ended = read(Ended(AT, End.TIMEOUT, Verdict.PENDING, 124, summary_of(()), (), None))
    assert (ended["elapsedSeconds"], ended["missing"], ended["exitCode"]) == (None, [], 124)


def test_the_ways_to_end_have_the_promised_names() -> None:
    """The last event's name says how it ended."""
    assert {end.value for end in End} == {"finished", "failed-fast", "timeout", "interrupted", "error"}


@given(st.text(), st.text(), st.text())
def test_an_event_is_one_line_whatever_it_tells(name: str, status: str, message: str) -> None:
    """Whatever the API sent, an event is one line of JSON without anything that does not print."""
    safe = [text.encode("utf-8", "replace").decode() for text in (name, status, message)]
    event = Changed(AT, Node(("migrate", "projects", safe[0]), safe[1], None, safe[2]), None)
    text = encoded(event_document(event))
    assert len(text.splitlines()) == 1
    assert not re.search("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", text)
    assert json.loads(text)["message"] == safe[2]
    assert json.loads(text)["name"] == safe[0]


def test_every_event_of_a_watch_keeps_the_contract() -> None:
    """All events of a whole watch have the promised keys, and times that do not go back."""
    phases = (script.SimPhase("export", 100),)
    scenario = migration(
        moved("A", 60, 300, "FAILED", phases=phases), moved("STUCK", 60, 980, has_details=False), keys=("A", "LATE")
    )
    told = [read(event) for event in World(scenario, begin=10).events()]
    assert {event["event"] for event in told} == {"snapshot", "change", "progress", "stalled", "alive", "finished"}
    for event in told:
        assert set(event) == KEYS[event["event"]] | {"event", "at"}
    instants = [event["at"] for event in told]
    assert instants == sorted(instants)
    assert instants[0] == "2026-09-21T14:13:30Z"
    assert EPOCH == 1_790_000_000
    assert told[-1]["missing"] == ["LATE"]
