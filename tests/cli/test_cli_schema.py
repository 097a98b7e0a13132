"""`migstat schema`, and that everything the program prints as JSON is valid by it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from migstat.model.documents import KINDS, schema_of
from migstat.simulator.scenario import Scenario, SimPhase
from migstat.simulator.scenarios import build
from migstat.simulator.server import Server, serve
from tests.cli.rehearsals import (
    NOW,
    Answer,
    Night,
    answering,
    ask,
    cutover,
    moving,
    night,
    node,
    of_tree,
    one_task,
)
from tests.command_line import Result, migstat, process
from tests.schemas import assert_valid

# the command


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_printed(kind: str) -> None:
    """A schema is indented into a pipe as on a terminal, and is the program's own."""
    piped, shown = migstat(["schema", kind], {}), migstat(["schema", kind], {}, terminal=True)
    assert (piped.code, piped.err) == (0, "")
    assert piped == shown
    assert json.loads(piped.out) == schema_of(kind)
    assert piped.out.startswith('{\n  "$schema": "https://json-schema.org/draft/2020-12/schema",\n')
    assert piped.out.endswith("\n}\n")
    assert piped.out.isascii()


def unasked(request: httpx.Request) -> httpx.Response:
    """Fail, since nothing is to be sent."""
    raise AssertionError(request.url)


def test_it_needs_nothing() -> None:
    """A schema is printed where every setting is nonsense, and nothing is sent."""
    nonsense = {
        f"MIGSTAT_{name}": "\tnonsense"
        for name in ("BASE_URL", "EMAIL", "TOKEN_FILE", "JOB", "OUTPUT", "RATE_LIMIT", "CA_BUNDLE", "PROFILE", "CONFIG")
    }
    told = migstat(["schema", "status"], nonsense, transport=httpx.MockTransport(unasked))
    assert (told.code, told.err) == (0, "")
    assert told.out == migstat(["schema", "status"], {}).out
    alone = process(["schema", "status"], {**nonsense, "HOME": "/nonexistent", "PYTHONIOENCODING": "ascii"})
    assert alone == told


@pytest.mark.parametrize(
    ("wrong", "likely"),
    [
        ("stats", "status"),
        ("Status", "status"),
        ("check", "checks"),
        ("project", "projects"),
        ("task", "tasks"),
        ("jobs", "job"),
        ("artefacts", "artifacts"),
        ("events", "event"),
        ("watch", "event"),
        ("errors", "error"),
    ],
)
def test_the_likely_kind_is_named(wrong: str, likely: str) -> None:
    """A kind that there is not is code 2, with the likely one."""
    result = migstat(["schema", wrong], {})
    assert (result.code, result.out) == (2, "")
    first, hint = result.err.splitlines()
    assert first.endswith(f"{wrong!r}; did you mean {likely}?")
    assert hint.strip() == f"Choose from {', '.join(KINDS)}."


@pytest.mark.parametrize("words", [(), ("nonsense",), ("\x1b[2J",), ("--", "--help")])
def test_all_kinds_are_named(words: tuple[str, ...]) -> None:
    """Without a kind, and with one that is like none, all are named with code 2, and nothing is guessed."""
    result = migstat(["schema", *words], {})
    assert (result.code, result.out) == (2, "")
    first, hint = result.err.splitlines()
    assert first.startswith("migstat: no ")
    assert first.isprintable()
    assert "did you mean" not in first
    assert all(kind in hint for kind in KINDS)


@pytest.mark.parametrize("words", [("",), (" ",), ("status", "checks"), ("status", "--depth", "1")])
def test_other_words_are_refused(words: tuple[str, ...]) -> None:
    """An empty kind, two kinds and options of other commands are code 2."""
    result = migstat(["schema", *words], {})
    assert (result.code, result.out) == (2, "")
    assert len(result.err.splitlines()) == 2


# what is printed is valid


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Server]]:
    """Return servers of migrations near their beginning, in their midst and after their end."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                serve(
                    build(name),
                    head_start=build(name).duration * share,
                    clock=lambda: NOW,
                    speed=1.0,
                    rate_limit=None,
                )
            )
            for name, share in (("cutover", 0.1), ("projects-failing", 0.6), ("confluence", 1.1), ("failing", 1.1))
        ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("status", "--depth", "0"),
        ("status", "--depth", "2"),
        ("status", "--depth", "all"),
        ("status", "latest-check", "--depth", "all"),
        ("status", "--level", "check", "--depth", "1"),
        ("status", "--level", "migrate,projects"),
        ("status", "--level", "migrate,spaces"),
        ("checks",),
        ("checks", "latest-check", "--state", "failed,warning,succeeded"),
        ("projects",),
        ("projects", "--state", "running"),
        ("tasks",),
        ("artifacts",),
        ("artifacts", "latest-check"),
        ("job",),
    ],
    ids=" ".join,
)
def test_what_a_query_prints_is_valid(servers: list[Server], words: tuple[str, ...]) -> None:
    """Documents, lines and errors of every query at any time of every migration are valid."""
    documents, records = [], []
    for server in servers:
        documents.append(held(ask(server, *words, "--json")))
        if words[0] != "job":
            records += ask(server, *words, "-o", "ndjson").out.splitlines()
    for record in records:
        assert_valid(
            words[0],
            json.loads(record),
            {"tasks": "RunJson", "artifacts": "FileJson", "checks": "CheckJson"}.get(words[0], "NodeJson"),
        )
    assert any(documents)
    assert bool(records) == (words[0] != "job")


def test_a_downloaded_file_has_a_valid_path(servers: list[Server], tmp_path: Path) -> None:
    """The document of artifacts that were downloaded is valid, and holds their paths."""
    told = held(ask(servers[1], "artifacts", "latest-check", "--download", str(tmp_path), "--json"))
    (task,) = told["tasks"]
    assert [each["path"] for each in task["artifacts"]] == [str(path) for path in tmp_path.iterdir()] != []


def held(result: Result) -> Any:
    """The document of a query, if it printed one, after it and the error were held against their schemas."""
    for line in result.err.splitlines():
        assert_valid("error", json.loads(line))
    if not result.out:
        assert result.code != 0
        return None
    told = json.loads(result.out)
    assert_valid(told["kind"], told)
    return told


def test_odd_answers_become_valid_documents() -> None:
    """Values of other types, unknown words and parts that cannot be read do not make a document invalid."""
    odd = {
        "status": "MARTIAN",
        "outcome": "",
        "details": {"createdAt": "never", "startedAt": -1, "lastUpdatedAt": 1e300, "occurrences": [{}, 1, "x"]},
        "progressDetails": {"percent": 1e9, "data": [{}, {"name": None, "total": -1, "processed": 0.5}]},
        "children": {"": {}, "check": {"status": 1}, "migrate": {"outcome": "EXPLODED", "children": {"x": {}}}},
    }
    with answering(one_task(of_tree(odd), task_type="rehearsal")) as server:
        for words in ("status", "status --depth all", "checks", "projects job-1 latest", "tasks", "job"):
            assert held(server.ask(*words.split(), "--json"))["kind"] == words.split()[0]


def broken(answer: Answer, *words: str) -> Result:
    """What `status --json` says to a server that answers everything so."""
    with answering(lambda _: answer) as server:
        return server.ask("status", *words, "--json", sleep=[])


ERRORS: dict[str, Callable[[], Result]] = {
    "usage": lambda: migstat(["status", "--json", "--nonsense"], {}),
    "no-credentials": lambda: migstat(["status", "job-1", "--json"], {}),
    "refused": lambda: broken(Answer({"status": 401}, 401)),
    "not-found": lambda: broken(Answer({"status": 404}, 404)),
    "rate-limited": lambda: broken(Answer({}, 429, headers=(("Retry-After", "900"),))),
    "unreachable": lambda: broken(Answer({}, 503)),
    "bad-answer": lambda: broken(Answer(b"[]")),
    "bad-request": lambda: broken(Answer({"status": 400}, 400), "task-1"),
}


@pytest.mark.parametrize("code", ERRORS)
def test_an_error_is_a_valid_line(code: str) -> None:
    """Each kind of error is one valid line on standard error."""
    result = ERRORS[code]()
    (line,) = result.err.splitlines()
    assert_valid("error", json.loads(line))
    assert json.loads(line)["error"]["code"] == code
    assert result.out == ""


# watches


def lively() -> Scenario:
    """Return a migration with phases, a project that stands still for long, one that fails, and one that is lost."""
    stuck = node("STUCK", "running", has_details=False)
    return cutover(
        moving("ACME", 20, 100, phases=(SimPhase("export", 100), SimPhase("import", 50))),
        moving("ERP", 40, 200, "FAILED", final_message="No\tsuch\nfield."),
        stuck,
        moving("LATE", 100, 300, reported_at=100),
        over=900,
        keys=("ACME", "LOST"),
    )


def watched(plan: Callable[[Night], object], *words: str) -> Result:
    """What a watch of the lively migration tells in JSON; `plan` says what is to happen meanwhile."""
    with night(lively()) as rehearsed:
        plan(rehearsed)
        return rehearsed.watch("--json", "--stall-after", "5m", *words)


def fail_at(kind: str, second: float, times: int) -> Callable[[Night], object]:
    """A plan: from that second on so many requests fail."""
    return lambda rehearsed: rehearsed.at(second, lambda: rehearsed.server.faults.add(kind, times))


WATCHES: dict[str, Callable[[], Result]] = {
    "finished": lambda: watched(fail_at("503", 150, 50)),
    "timeout": lambda: watched(fail_at("405", 150, 100_000), "--timeout", "10m"),
    "failed-fast": lambda: watched(lambda _: None, "--fail-fast"),
    "interrupted": lambda: watched(lambda rehearsed: rehearsed.at(90, lambda: signal.raise_signal(signal.SIGINT))),
    "error": lambda: watched(fail_at("401", 90, 1000)),
}
TOLD = {
    "finished": {"snapshot", "change", "progress", "stalled", "outage", "recovered"},
    "timeout": {"snapshot", "change", "progress", "outage"},
    "failed-fast": {"snapshot", "change", "progress"},
    "interrupted": {"snapshot", "change", "progress"},
    "error": {"snapshot", "change", "progress", "outage"},
}


@pytest.mark.parametrize("end", WATCHES)
def test_every_event_of_a_watch_is_valid(end: str) -> None:
    """Each line of a watch is a valid event, whatever happens and however it ends."""
    result = WATCHES[end]()
    events = [json.loads(line) for line in result.out.splitlines()]
    for event in events:
        assert_valid("event", event)
    assert {event["event"] for event in events[:-1]} - {"alive"} == TOLD[end]
    assert (events[-1]["event"], events[-1]["exitCode"]) == (end, result.code)
    for line in result.err.splitlines():
        assert_valid("error", json.loads(line))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["failing", "confluence", "checks"])
def test_every_event_of_a_scenario_is_valid(name: str) -> None:
    """The watch of a whole scenario of the simulator is valid from its snapshot to its end."""
    scripted = build(name)
    with night(scripted, head_start=scripted.duration * 0.02) as rehearsed:
        events = rehearsed.events("--interval", "2m")
    for event in events:
        assert_valid("event", event)
    assert (events[0]["event"], events[-1]["event"]) == ("snapshot", "finished")
    assert len(events) > 20
