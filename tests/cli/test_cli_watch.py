"""`migstat watch` into a pipe: lines, events, records, exit codes and signals."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from migstat.cli.streams import Streams
from migstat.cli.watch_output import Bell, LinePrinter, PrinterOptions
from migstat.model.events import Changed, Snapped
from migstat.model.nodes import MIGRATE, Node
from migstat.model.verdict import Snapshot, Verdict
from migstat.render.theme import ASCII
from migstat.simulator.scenario import Scenario, SimNode, SimPhase, SimTask
from migstat.simulator.server import Server
from tests.cli.rehearsals import (
    HERE,
    NOW,
    Answer,
    answering,
    ask,
    cutover,
    migration,
    moving,
    night,
    node,
    scenario,
    still,
)
from tests.command_line import Result, environ_of, hermetic, migstat
from tests.schemas import assert_valid
from tests.tls import secured

MIGSTAT = [sys.executable, "-m", "migstat"]
OUTPUTS = ("table", "plain", "json")
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]

LAST = ("finished", "timeout", "interrupted", "failed-fast", "error")


@pytest.fixture(scope="module", autouse=True)
def demo_begun(demo: subprocess.Popen[str]) -> None:
    """Begin the demo, which takes its time, before all else; the last test of the watch waits for its end."""


@contextmanager
def running(environ: dict[str, str], *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run migstat as a process of its own that is ended with the context."""
    started = subprocess.Popen(
        [*MIGSTAT, *words],
        env=hermetic() | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with started:
        try:
            yield started
        finally:
            started.kill()


def watching(server: Server, *words: str) -> Any:
    """Watch a server, whose clock is another one, in a process of its own with polls in quick succession."""
    return running(
        {**environ_of(server), "MIGSTAT_RATE_LIMIT": "none", "MIGSTAT_REQUEST_TIMEOUT": "60"},
        "watch",
        "--interval",
        "0.2s",
        "--stall-after",
        "99999h",
        *words,
    )


def line_of(stream: Any) -> str:
    """The next line, which must come."""
    line = stream.readline()
    assert isinstance(line, str)
    assert line.endswith("\n")
    return line


def lively() -> Scenario:
    """Return a migration in which projects end well, with a warning and badly."""
    return cutover(
        moving("ACME", 20, 100, phases=(SimPhase("export", 100), SimPhase("import", 50))),
        moving("HELP", 30, 150, "WARNING", final_message="Without icons."),
        moving("ERP", 40, 200, "FAILED", final_message="No\tsuch\nfield."),
        scopes=(moving("apps", 60, 300),),
        over=300,
    )


def endless() -> Scenario:
    """Return a migration that stands still, of whose three projects one has ended well and one badly."""
    projects = (node("ACME"), node("ERP", "FAILED"), node("ZED", "running"))
    return migration("running", migrate="running", projects=projects)


def checked(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Hold events against what is promised of them all."""
    for event in events:
        assert_valid("event", event)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["at"])
    assert events[0]["event"] == "snapshot"
    assert [event["event"] in LAST for event in events] == [False] * (len(events) - 1) + [True]
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    return events


def moves(result: Result) -> dict[str, list[tuple[str, str]]]:
    """What each level of the lines of a watch went from and to, in their order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in result.out.splitlines():
        at, level, before, after, _ = line.split("\t")
        assert at
        found.setdefault(level, []).append((before, after))
    return found


# lines


def test_a_change_is_a_line() -> None:
    """Into a pipe each change is one line with time, level, from, to and message, and nothing else is there."""
    with night(lively()) as rehearsed:
        result = rehearsed.watch()
    begun = ("pending", "running")
    assert moves(result) == {
        "migrate,projects,ACME": [begun, ("running", "succeeded")],
        "migrate,projects,HELP": [begun, ("running", "warning")],
        "migrate,projects,ERP": [begun, ("running", "failed")],
        "migrate,apps": [begun, ("running", "succeeded")],
        "migrate": [("running", "succeeded")],
        ".": [("running", "succeeded")],
    }
    failed = next(line for line in result.out.splitlines() if "ERP\trunning\tfailed" in line)
    assert re.fullmatch(r"2026-09-21T14:16:\d\dZ\tmigrate,projects,ERP\trunning\tfailed\tNo\\tsuch\\nfield\.", failed)
    assert "\x1b" not in result.out + result.err
    assert "\a" not in result.out + result.err


def test_the_verdict_is_the_last_line_of_standard_error() -> None:
    """The last line of standard error is the verdict with the reason for it."""
    with night(lively()) as rehearsed:
        result = rehearsed.watch()
    assert result.code == 1
    assert re.fullmatch(
        r"migstat: failed after \d+m \d\ds: ERP: No such field; 3 of 3 projects done", result.err.splitlines()[-1]
    )


def test_what_had_failed_before_is_named_at_the_start() -> None:
    """A project that failed before the watch began is named on standard error, with --quiet too."""
    for words in ((), ("--quiet",)):
        with night(endless(), head_start=HERE) as rehearsed:
            result = rehearsed.watch("--timeout", "1m", *words)
        assert "already failed: ERP" in result.err
        assert result.out == ""


def test_a_new_node_comes_from_nothing() -> None:
    """A node that was not reported before has an empty `from`, which is null in JSON."""
    late = moving("LATE", 100, 300, reported_at=100)
    with night(cutover(moving("ACME", 0, 300), late, over=400)) as rehearsed:
        result = rehearsed.watch()
    assert moves(result)["migrate,projects,LATE"][0] == ("", "running")
    with night(cutover(moving("ACME", 0, 300), late, over=400)) as rehearsed:
        events = checked(rehearsed.events())
    change = next(event for event in events if event.get("name") == "LATE")
    assert (change["event"], change["from"]) == ("change", None)
    assert change["to"] == {"state": "running", "status": "IN_PROGRESS", "outcome": None}


@pytest.mark.slow
def test_silence_is_broken_by_a_sparse_heartbeat() -> None:
    """While nothing changes, standard error tells now and then that it goes on, and standard output is empty."""
    with night(endless(), head_start=HERE) as rehearsed:
        result = rehearsed.watch("--timeout", "3h", "--interval", "2m", "--stall-after", "9h")
    assert result.out == ""
    beats = [line for line in result.err.splitlines()[1:-1] if "2 of 3 projects" in line]
    assert 3 <= len(beats) <= 36
    assert all("running" in line and "1 failed" in line for line in beats)


def test_quiet_is_bad_news_and_the_verdict() -> None:
    """With --quiet only changes to bad states and the verdict are told, whatever else happens."""
    with night(lively()) as rehearsed:
        rehearsed.at(250, lambda: rehearsed.server.faults.add("503", 30))
        result = rehearsed.watch("--quiet")
    assert moves(result) == {
        "migrate,projects,HELP": [("running", "warning")],
        "migrate,projects,ERP": [("running", "failed")],
    }
    assert len(result.err.splitlines()) == 1
    assert "failed" in result.err
    with night(endless(), head_start=HERE) as rehearsed:
        silent = rehearsed.watch("--quiet", "--timeout", "2h", "--interval", "2m")
    first, *signs, last = silent.err.splitlines()
    assert "already failed: ERP" in first
    assert len(signs) >= 10
    assert all("running, 2 of 3 projects, 1 failed" in line for line in signs)
    assert last.startswith("migstat: stopped after 2h 00m (--timeout): still running")


@pytest.mark.parametrize(("kind", "times"), [("503", 30), ("405", 2)])
def test_an_outage_is_told_and_survived(kind: str, times: int) -> None:
    """When the API stops answering, that and its return are told once each on standard error, and nothing is lost."""
    with night(lively()) as rehearsed:
        rehearsed.at(90, lambda: rehearsed.server.faults.add(kind, times))
        result = rehearsed.watch()
    assert result.code == 1
    assert [line for line in result.err.splitlines() if "no answer" in line] != []
    assert len(result.err.splitlines()) == 4
    assert "again after" in result.err.splitlines()[2]
    assert moves(result)["migrate,projects,ACME"] == [("pending", "running"), ("running", "succeeded")]


def test_a_server_that_is_not_there_yet_is_waited_for() -> None:
    """An API that does not answer at the start is asked again until the time is up, and nothing is made up."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        slept: list[float] = []
        environ = {
            "MIGSTAT_BASE_URL": f"http://127.0.0.1:{port}",
            "MIGSTAT_EMAIL": "admin@example.com",
            "MIGSTAT_TOKEN": "t",
            "MIGSTAT_JOB": "job-1",
            "MIGSTAT_TASK": "task-1",
        }
        words = ["watch", "--timeout", "10m"]
        result = migstat(words, environ, sleep=slept)
        told = migstat([*words, "--json"], environ, sleep=[])
    assert (result.code, result.out) == (124, "")
    assert sum(slept) <= 601
    assert "no answer" in result.err
    events = [json.loads(line) for line in told.out.splitlines()]
    assert [event["event"] for event in events] == ["outage", "alive", "timeout"]
    assert (told.code, events[-1]["verdict"], events[-1]["summary"]["total"]) == (124, "pending", 0)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["plain", "json"])
def test_a_closed_pipe_ends_it_quietly(form: str) -> None:
    """`| head` ends a watch quietly, although the migration goes on."""
    with night(lively()) as rehearsed, watching(rehearsed.server, "-o", form) as watched:
        assert watched.stdout is not None
        assert watched.stderr is not None
        first = "" if form == "json" else line_of(watched.stderr)
        rehearsed.slept.append(25.0)
        line_of(watched.stdout)
        watched.stdout.close()
        rehearsed.slept.append(100.0)
        err = watched.stderr.read()
        code = watched.wait(20)
    assert code in (0, 8)
    assert err == ""
    assert "Traceback" not in first


@pytest.mark.parametrize(
    ("name", "words", "code"), [("ended", (), 0), ("ended", ("--strict",), 1), ("goes-on", ("--fail-fast",), 1)]
)
def test_a_closed_pipe_changes_no_code(name: str, words: tuple[str, ...], code: int) -> None:
    """Where nobody reads the events, the code of what has ended already is what it is for a reader."""
    scripted = endless() if name == "goes-on" else migration("WARNING", projects=(node("ACME", "WARNING"),))
    with still(scripted) as server:
        read = migstat(["watch", "--json", *words], environ_of(server), sleep=[], now=lambda: NOW)
        unread = f'"{sys.executable}" -m migstat watch --json {" ".join(words)} > >(exec true); echo $?'
        done = subprocess.run(
            ["/bin/bash", "-c", unread],
            env=environ_of(server) | {"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert read.code == code
    assert (done.stdout, done.stderr) == (f"{code}\n", "")


# events


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_every_line_is_an_event(form: str) -> None:
    """With a JSON format every line of standard output is an event with exactly its keys, and nothing else is told."""
    with night(lively()) as rehearsed:
        rehearsed.at(250, lambda: rehearsed.server.faults.add("503", 30))
        result = rehearsed.watch("-o", form)
    events = checked([json.loads(line) for line in result.out.splitlines()])
    assert {event["event"] for event in events} == {
        "snapshot", "change", "progress", "outage", "recovered", "finished",
    }  # fmt: skip
    assert result.err == ""


def test_the_snapshot_is_the_first_view() -> None:
    """The first event names job and task, and holds the tree with the summary of the projects."""
    with still(endless()) as server:
        result = migstat(["watch", "--json", "--timeout", "1s"], environ_of(server), now=lambda: NOW)
    first = checked(json_of(result))[0]
    assert (first["jobId"], first["taskId"], first["taskType"]) == ("job-1", "migrate-1", "migrate")
    assert first["verdict"] == "running"
    counts = {"total": 3, "running": 1, "finished": 2, "failed": 1, "succeeded": 1}
    assert first["summary"] == first["summary"] | counts | {"byOutcome": {"FAILED": 1, "SUCCESS": 1}}
    migrate = next(child for child in first["node"]["children"] if child["name"] == "migrate")
    level = next(child for child in migrate["children"] if child["name"] == "projects")
    assert [(child["name"], child["status"]) for child in level["children"]] == [
        ("ACME", "FINISHED"), ("ERP", "FINISHED"), ("ZED", "IN_PROGRESS"),
    ]  # fmt: skip
    assert (first["node"]["name"], first["node"]["level"]) == ("", [])


def json_of(result: Result) -> list[dict[str, Any]]:
    """The events of a result."""
    return [json.loads(line) for line in result.out.splitlines()]


def test_a_change_names_both_states() -> None:
    """A change holds level, name, status and outcome before and after, and the message as it came."""
    with night(lively()) as rehearsed:
        events = rehearsed.events()
    told = [event for event in events if event["event"] == "change" and event["name"] == "ERP"]
    assert told[-1] == told[-1] | {
        "event": "change",
        "at": told[-1]["at"],
        "level": ["migrate", "projects", "ERP"],
        "name": "ERP",
        "from": {"state": "running", "status": "IN_PROGRESS", "outcome": None},
        "to": {"state": "failed", "status": "FINISHED", "outcome": "FAILED"},
        "message": "No\tsuch\nfield.",
    }


def test_progress_is_told_by_phase() -> None:
    """Progress holds the percent and counts of the current phase, which begins again for the next one."""
    with night(lively()) as rehearsed:
        events = rehearsed.events()
    told = [event for event in events if event["event"] == "progress"]
    assert {event["name"] for event in told} == {"ACME"}
    phases = [event["progress"][0]["name"] for event in told]
    assert phases == sorted(phases)
    assert set(phases) == {"export", "import"}
    assert told[0]["progress"][0].keys() == {"name", "processed", "total"}
    assert {event["progress"][0]["total"] for event in told} == {50, 100}
    assert all(0 <= event["percent"] <= 100 for event in told)


def test_an_outage_holds_its_reason() -> None:
    """An outage holds a code, a message and when it will be asked again; the recovery how long it was."""
    with night(lively()) as rehearsed:
        rehearsed.at(250, lambda: rehearsed.server.faults.add("503", 100))
        events = checked(rehearsed.events())
    (outage,) = [event for event in events if event["event"] == "outage"]
    (recovered,) = [event for event in events if event["event"] == "recovered"]
    assert outage["code"] == "unreachable"
    assert "503" in outage["message"]
    assert outage["retryInSeconds"] > 0
    assert recovered["outageSeconds"] > 60
    assert events.index(outage) < events.index(recovered)


def test_the_last_event_sums_up() -> None:
    """The last event holds verdict, code, summary, what is missing and how long it took."""
    with night(cutover(moving("ACME", 0, 300), over=400, keys=("ACME", "LOST"))) as rehearsed:
        result = rehearsed.watch("--json")
    last = json_of(result)[-1]
    assert result.code == 1
    assert last["event"] == "finished"
    assert (last["verdict"], last["exitCode"], last["missing"]) == ("failed", 1, ["LOST"])
    counts = {"total": 2, "missing": 1, "pending": 0, "running": 0, "finished": 1, "succeeded": 1, "failed": 0}
    assert last["summary"] == last["summary"] | counts | {"byOutcome": {"SUCCESS": 1}}
    assert last["elapsedSeconds"] == 400


def test_what_does_not_print_is_escaped() -> None:
    """Controls and bidirectional marks of the server are escapes, in events as in lines."""
    evil = moving("EVIL", 20, 100, "FAILED", final_message="a\x1b[2J\x9b\u202eb")
    with night(cutover(evil, over=200)) as rehearsed:
        lines = rehearsed.watch()
    with night(cutover(evil, over=200)) as rehearsed:
        events = rehearsed.watch("--json")
    for result in (lines, events):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", result.out + result.err)
    assert json_of(events)[-2]["event"] == "change"
    assert "a\x1b[2J\x9b\u202eb" in [event.get("message") for event in json_of(events)]


@pytest.mark.slow
def test_events_come_as_they_happen() -> None:
    """Each event is there to read while the watch still goes on."""
    with night(lively()) as rehearsed, watching(rehearsed.server, "--json") as watched:
        assert watched.stdout is not None
        seen = [json.loads(line_of(watched.stdout))]
        for seconds, name, outcome in ((50, "ERP", None), (60, "ACME", "SUCCESS"), (50, "HELP", "WARNING")):
            rehearsed.slept.append(seconds)
            while (name, outcome) != (seen[-1].get("name"), seen[-1].get("to", {}).get("outcome")):
                seen.append(json.loads(line_of(watched.stdout)))
        assert watched.poll() is None
        watched.send_signal(signal.SIGTERM)
        out, err = watched.communicate(timeout=20)
    assert err == ""
    checked([*seen, *(json.loads(line) for line in out.splitlines())])


# exit codes

ENDED: dict[str, tuple[Scenario, tuple[str, ...], int, str]] = {
    "succeeded": (migration(projects=(node("ACME"),)), (), 0, "succeeded"),
    "warning": (migration("WARNING", projects=(node("ACME"),)), (), 0, "warning"),
    "strict": (migration("WARNING", projects=(node("ACME"),)), ("--strict",), 1, "warning"),
    "strict-well": (migration(projects=(node("ACME"),)), ("--strict",), 0, "succeeded"),
    "skipped": (migration("SKIPPED", projects=(node("ACME", "SKIPPED"),)), ("--strict",), 0, "succeeded"),
    "failed-project": (migration(projects=(node("ACME", "FAILED"), node("ZED"))), (), 1, "failed"),
    "incomplete": (migration(projects=(node("ACME", "INCOMPLETE"),)), (), 1, "failed"),
    "unknown-outcome": (migration(projects=(node("ACME", "MARTIAN"),)), (), 1, "failed"),
    "missing-project": (migration(projects=(node("ACME"),), keys=("ACME", "LOST")), (), 1, "failed"),
    "core-while-apps-run": (
        migration("running", scopes=(node("apps", "running"),), projects=(node("ACME"),)),
        ("--until", "core"),
        0,
        "succeeded",
    ),
    "core-though-apps-failed": (
        migration("FAILED", scopes=(node("apps", "FAILED"),), projects=(node("ACME"),)),
        ("--until", "core"),
        0,
        "succeeded",
    ),
    "done-with-failed-apps": (
        migration("WARNING", scopes=(node("apps", "FAILED"),), projects=(node("ACME"),)),
        (),
        1,
        "failed",
    ),
    "core-failed": (
        migration("running", scopes=(node("apps", "running"),), projects=(node("ACME", "FAILED"),)),
        ("--until", "core"),
        1,
        "failed",
    ),
    "checks-well": (
        migration("running", migrate="running", projects=(node("ACME", "FAILED"),)),
        ("--until", "checks"),
        0,
        "succeeded",
    ),
    "checks-warning": (
        migration("running", check=node("check", "WARNING"), migrate="running"),
        ("--until", "checks", "--strict"),
        1,
        "warning",
    ),
    "checks-failed": (
        migration("running", check=node("check", "FAILED"), migrate="running"),
        ("--until", "checks"),
        1,
        "failed",
    ),
    "failed-fast": (endless(), ("--fail-fast",), 1, "running"),
    "fast-though-not-failed": (
        migration("running", migrate="running", projects=(node("ACME", "WARNING"), node("ZED", "running"))),
        ("--fail-fast", "--timeout", "5m"),
        124,
        "running",
    ),
    "fast-core-though-apps-failed": (
        migration("running", scopes=(node("apps", "FAILED"),), projects=(node("ACME"),)),
        ("--fail-fast", "--until", "core"),
        0,
        "succeeded",
    ),
    "timeout": (endless(), ("--timeout", "5m"), 124, "running"),
    "apps-run-on": (
        migration(scopes=(node("apps", "running"),), projects=(node("ACME"),)),
        ("--timeout", "5m"),
        124,
        "running",
    ),
    "not-scheduled": (
        migration("running", check=node("check", "FAILED"), migrate="absent", keys=("ACME",)),
        (),
        1,
        "failed",
    ),
    "no-status-yet": (migration(reported_at=float("inf")), ("--timeout", "5m"), 124, "pending"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDED)
def test_the_code_is_that_of_the_data(name: str) -> None:
    """Each end has the code of its data, the same for every output, and events say the same."""
    scripted, words, code, verdict = ENDED[name]
    told = {}
    for output in OUTPUTS:
        with night(scripted, head_start=1000.0) as rehearsed:
            told[output] = rehearsed.watch("-o", output, *words, terminal=output == "table")
    assert {output: result.code for output, result in told.items()} == dict.fromkeys(OUTPUTS, code)
    last = checked(json_of(told["json"]))[-1]
    assert (last["exitCode"], last["verdict"]) == (code, verdict)
    kind = "timeout" if code == 124 else "failed-fast" if name == "failed-fast" else "finished"
    assert last["event"] == kind
    if kind == "timeout":
        assert "stopped after 5m 00s (--timeout)" in told["plain"].err.splitlines()[-1]
    if kind == "failed-fast":
        assert "the migration goes on" in told["plain"].err.splitlines()[-1]
        assert verdict in told["table"].out.rpartition("?1049l")[2]


def test_fail_fast_ends_with_the_first_failure() -> None:
    """--fail-fast ends it with code 1 at the first failure, of which the last event but one tells."""
    with night(lively()) as rehearsed:
        events = checked(rehearsed.events("--fail-fast"))
        assert 200 <= sum(rehearsed.slept) < 250
    assert [event["event"] for event in events[-2:]] == ["change", "failed-fast"]
    assert events[-2]["to"]["outcome"] == "FAILED"
    assert events[-1]["exitCode"] == 1


def test_a_timeout_holds_in_an_outage() -> None:
    """--timeout ends it while nothing answers, with the last good state."""
    with night(lively()) as rehearsed:
        rehearsed.at(120, lambda: rehearsed.server.faults.add("503", 100_000))
        events = checked(rehearsed.events("--timeout", "10m"))
        assert sum(rehearsed.slept) <= 601
    assert (events[-1]["event"], events[-1]["exitCode"]) == ("timeout", 124)
    assert events[-1]["summary"]["byOutcome"] == {"SUCCESS": 1}


@pytest.mark.slow
@pytest.mark.parametrize("output", ["plain", "json"])
@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_ends_it(number: signal.Signals, code: int, output: str) -> None:
    """Ctrl-C, SIGTERM and SIGHUP end it with their codes and a last word: that the migration itself goes on."""
    with still(endless()) as server, watching(server, "-o", output) as watched:
        assert watched.stdout is not None
        assert watched.stderr is not None
        first = line_of(watched.stderr if output == "plain" else watched.stdout)
        watched.send_signal(number)
        out, err = watched.communicate(timeout=20)
    assert watched.returncode == code
    if output == "plain":
        assert out == ""
        last = err.splitlines()[-1]
        assert last.startswith("migstat: interrupted: still running")
        assert "2 of 3 projects" in last
    else:
        assert err == ""
        event = checked([json.loads(first), *map(json.loads, out.splitlines())])[-1]
        assert (event["event"], event["exitCode"], event["verdict"]) == ("interrupted", code, "running")


@pytest.mark.parametrize("output", ["plain", "json"])
def test_a_signal_ends_it_before_the_first_answer(output: str) -> None:
    """Ctrl-C while the first answer is waited for is code 130, with a last word and no traceback."""
    with still(endless()) as server:
        server.faults.add("slow", 100, seconds=60.0)
        with watching(server, "-o", output) as watched:
            while not server.requests:
                assert watched.poll() is None
            watched.send_signal(signal.SIGINT)
            out, err = watched.communicate(timeout=20)
    assert watched.returncode == 130
    assert "Traceback" not in err
    if output == "plain":
        assert out == ""
        assert "interrupted: no answer yet" in err
    else:
        assert [event["event"] for event in map(json.loads, out.splitlines())] == ["interrupted"]


def test_a_signal_ends_it_in_an_outage() -> None:
    """SIGTERM while nothing answers is code 143, with the last good state."""
    with still(endless()) as server, watching(server, "--json") as watched:
        assert watched.stdout is not None
        seen = [json.loads(line_of(watched.stdout))]
        server.faults.add("405", 1000)
        while seen[-1]["event"] != "outage":
            seen.append(json.loads(line_of(watched.stdout)))
        watched.send_signal(signal.SIGTERM)
        out, err = watched.communicate(timeout=20)
    assert (watched.returncode, err) == (143, "")
    events = checked([*seen, *map(json.loads, out.splitlines())])
    assert (events[-1]["event"], events[-1]["verdict"]) == ("interrupted", "running")
    assert events[-1]["summary"]["finished"] == 2


def refused_at_the_start() -> dict[str, Result]:
    """Return results of watches with the credentials of a member and with none."""
    with still(endless()) as server:
        member = {"MIGSTAT_EMAIL": server.member_email, "MIGSTAT_TOKEN": server.member_token}
        unknown = {"MIGSTAT_TOKEN": "another"}
        none = {"MIGSTAT_TOKEN": "", "MIGSTAT_TOKEN_FILE": "/nonexistent"}
        return {
            f"{who} {form}": migstat(["watch", "-o", form], environ_of(server) | env, sleep=[])
            for who, env in (("member", member), ("unknown", unknown), ("none", none))
            for form in ("plain", "json")
        }


def held(result: Result, code: int, error: str, *, json_form: bool) -> None:
    """Hold an error against what is promised for people and for scripts."""
    assert result.code == code
    assert "Traceback" not in result.out + result.err
    if json_form:
        (told,) = result.err.splitlines()
        assert json.loads(told)["error"].keys() == {"code", "message", "hint"}
        assert json.loads(told)["error"]["code"] == error
        events = json_of(result)
        assert [event["event"] for event in events] in ([], ["error"])
        assert all(event["exitCode"] == code for event in events)
    else:
        assert result.out == ""
        assert 1 <= len(result.err.splitlines()) <= 2


def test_refused_credentials_end_it_at_once() -> None:
    """Credentials that are refused at the start, or not there, are code 4, told as one error."""
    for name, result in refused_at_the_start().items():
        held(result, 4, "no-credentials" if "none" in name else "refused", json_form="json" in name)


@pytest.mark.parametrize("status", ["401", "403"])
def test_credentials_refused_later_are_believed_after_two_minutes(status: str) -> None:
    """A refusal after earlier success is believed after two minutes: it ends with 4, and its last event is `error`."""
    with night(lively()) as rehearsed:
        rehearsed.at(120, lambda: rehearsed.server.faults.add(status, 2))
        assert rehearsed.watch().code == 1
    with night(lively()) as rehearsed:
        rehearsed.at(120, lambda: rehearsed.server.faults.add(status, 1000))
        result = rehearsed.watch("--json")
        assert 118 <= sum(rehearsed.slept) - 120 <= 180
    events = checked(json_of(result))
    assert (result.code, events[-1]["event"], events[-1]["exitCode"]) == (4, "error", 4)
    assert events[-1]["summary"]["finished"] == 1
    assert json.loads(result.err)["error"]["code"] == "refused"


@pytest.mark.parametrize("form", ["plain", "json"])
def test_what_is_not_there_is_code_5(form: str) -> None:
    """An unknown job and a job without such a run are code 5."""
    with still(endless()) as server:
        for words in (("job-2",), ("job-2", "task-1"), ("latest-check",)):
            result = migstat(["watch", "-o", form, *words], environ_of(server), sleep=[], now=lambda: NOW)
            held(result, 5, "not-found", json_form=form == "json")


@pytest.mark.parametrize("form", ["plain", "json"])
def test_a_task_that_does_not_appear_is_code_5(form: str) -> None:
    """A task that its job does not know is waited for at most some minutes, and is code 5 then."""
    with night(endless()) as rehearsed:
        result = rehearsed.watch("job-1", "task-9", "-o", form)
        assert sum(rehearsed.slept) < 300
    held(result, 5, "not-found", json_form=form == "json")


@pytest.mark.parametrize("form", ["plain", "json"])
def test_a_redirect_at_the_start_is_code_3(form: str) -> None:
    """A redirect at the start, as of a login page, is code 3 at once and is not followed."""
    with answering(lambda _: Answer(b"", 302, headers=(("Location", "https://login.invalid/"),))) as scripted:
        result = migstat(["watch", "-o", form], scripted.environ, sleep=[])
        assert len(scripted.asked) == 1
    held(result, 3, "bad-answer", json_form=form == "json")


@pytest.mark.parametrize("form", ["plain", "json"])
def test_an_untrusted_certificate_at_the_start_is_code_3(form: str) -> None:
    """A certificate that proves nothing is code 3 at once, and no secret is sent."""
    with secured(trustme.CA().issue_cert("127.0.0.1")) as front:
        environ = {
            "MIGSTAT_BASE_URL": f"https://127.0.0.1:{front.port}",
            "MIGSTAT_EMAIL": "admin@example.com",
            "MIGSTAT_TOKEN": "s3cr3t",
            "MIGSTAT_JOB": "job-1",
        }
        result = migstat(["watch", "-o", form], environ, sleep=[])
    held(result, 3, "untrusted-server", json_form=form == "json")
    assert front.received == b""


@pytest.mark.parametrize(
    "words",
    [
        ("--interval", "0"),
        ("--interval", "0s"),
        ("--interval", "-1"),
        ("--interval", "soon"),
        ("--stall-after", "0m"),
        ("--timeout", "0h"),
        ("--timeout", ""),
        ("--timeout", "nan"),
        ("--until", "apps"),
        ("--until", ""),
        ("--record", ""),
        ("--output", "csv"),
        ("--output", "tree"),
        ("--output", "table"),
        ("--json", "--output", "plain"),
        ("",),
    ],
)
def test_wrong_usage_is_code_2(words: tuple[str, ...]) -> None:
    """A duration of 0, an unknown --until, a picture into a pipe and an empty word are code 2 before any request."""
    with still(endless()) as server:
        result = migstat(["watch", *words], environ_of(server), sleep=[])
        assert server.requests == []
    held(result, 2, "usage", json_form="--json" in words)


# records


def test_a_record_holds_the_same_events(tmp_path: Path) -> None:
    """--record appends the events of --json to a file of the owner's, whatever is shown."""
    path = tmp_path / "night.jsonl"
    with night(lively()) as rehearsed:
        result = rehearsed.watch("--json", "--record", str(path))
    assert path.read_text() == result.out
    assert path.stat().st_mode & 0o077 == 0
    other = tmp_path / "lines.jsonl"
    with night(lively()) as rehearsed:
        rehearsed.watch("--record", str(other))
    kinds = [[event["event"] for event in map(json.loads, each.read_text().splitlines())] for each in (path, other)]
    assert kinds[0] == kinds[1]


def test_a_second_watch_goes_on_from_a_record(tmp_path: Path) -> None:
    """With the record of an earlier watch nothing is told twice, nothing in between is lost, and times reach back."""
    path = tmp_path / "night.jsonl"
    projects = (moving("ACME", 20, 100), moving("HELP", 30, 300), moving("ERP", 40, 500))
    with night(cutover(*projects, over=600)) as rehearsed:
        first = rehearsed.events("--record", str(path), "--timeout", "200s")
        rehearsed.slept.append(200.0)  # in which nobody watches
        again = rehearsed.watch("--json", "--record", str(path))
    second = checked(json_of(again))
    assert (again.code, again.err) == (0, "")
    changes = [(event["name"], event["to"]["outcome"]) for event in (*first, *second) if event["event"] == "change"]
    assert sorted(changes, key=str) == sorted(
        [
            ("ACME", None), ("HELP", None), ("ERP", None),
            ("ACME", "SUCCESS"), ("HELP", "SUCCESS"), ("ERP", "SUCCESS"), ("migrate", "SUCCESS"), ("", "SUCCESS"),
        ],
        key=str,
    )  # fmt: skip
    unseen = next(event for event in second if event["event"] == "change")
    assert unseen["name"] == "HELP"
    assert unseen["from"] == {"state": "running", "status": "IN_PROGRESS", "outcome": None}
    recorded = [json.loads(line) for line in path.read_text().splitlines()]
    assert recorded == [*first, *second]


def test_a_resumed_watch_says_what_nobody_saw(tmp_path: Path) -> None:
    """A second watch sums up on standard error what happened since the record's last event, and what failed."""
    path = tmp_path / "night.jsonl"
    projects = (moving("ACME", 20, 300), moving("PAY", 30, 300, "FAILED"), moving("ERP", 40, 900))
    with night(cutover(*projects, over=1000)) as rehearsed:
        rehearsed.watch("--record", str(path), "--timeout", "200s")
        rehearsed.slept.append(300.0)  # in which nobody watches
        again = rehearsed.watch("--record", str(path))
    (told,) = [line for line in again.err.splitlines() if "while nobody watched" in line]
    assert re.search(r"while nobody watched \(\d\d:\d\d to \d\d:\d\d\): 2 finished, ✖ PAY$", told)


@pytest.mark.slow
def test_a_killed_watch_leaves_whole_lines(tmp_path: Path) -> None:
    """A watch that is killed leaves whole events in the record, without a secret, and a second one goes on from it."""
    path = tmp_path / "night.jsonl"
    projects = [moving(f"P{number:02}", 10 + number * 5, 60 + number * 5) for number in range(40)]
    with night(cutover(*projects, over=300)) as rehearsed:
        with watching(rehearsed.server, "--json", "--record", str(path)) as watched:
            assert watched.stdout is not None
            seen = [line_of(watched.stdout)]
            rehearsed.slept.append(130.0)
            seen += [line_of(watched.stdout) for _ in range(7)]
            while path.read_text().count("\n") < len(seen):
                assert watched.poll() is None
            watched.kill()
            watched.wait(20)
        left = path.read_text()
        again = rehearsed.watch("--json", "--record", str(path))
        secrets = (rehearsed.server.token, rehearsed.server.email, "Basic ")
    assert left.startswith("".join(seen))
    assert left.endswith("\n")
    first = [json.loads(line) for line in left.splitlines()]
    second = checked(json_of(again))
    assert (again.code, again.err) == (0, "")
    assert path.read_text() == left + again.out
    changes = [
        (tuple(event["level"]), event["to"]["outcome"]) for event in (*first, *second) if event["event"] == "change"
    ]
    assert len(changes) == len(set(changes))
    assert {level[-1] for level, outcome in changes if outcome and len(level) == 3} == {each.name for each in projects}
    assert [secret for secret in secrets if secret in left + again.out + again.err] == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell the peak of a process alone")
def test_a_record_of_a_gigabyte_is_resumed_in_little_memory(tmp_path: Path) -> None:
    """A watch that resumes a record of 1 GB takes less than 100 MB of memory, and knows what is at its end."""
    path = tmp_path / "night.jsonl"
    peak = (  # not getrusage, whose peak begins with that of the parent
        "import sys; from migstat.__main__ import run\n"
        "try: run()\n"
        "finally: print(*(line for line in open('/proc/self/status') if line.startswith('VmHWM')), file=sys.stderr)"
    )
    with still(migration(projects=(node("ACME"), node("ERP", "FAILED")))) as server:
        environ = hermetic(measured=False) | environ_of(server)
        words = ["watch", "--record", str(path)]
        assert subprocess.run([*MIGSTAT, *words], env=environ, capture_output=True, check=False).returncode == 1
        first, last = path.read_text(encoding="utf-8").splitlines()
        progress = {"event": "progress", "at": json.loads(first)["at"], "level": ["migrate", "projects", "ACME"]}
        running = {"event": "change", "level": ["migrate", "projects", "ERP"], "to": {"status": "IN_PROGRESS"}}
        with path.open("ab") as file:
            block = (json.dumps(progress | {"name": "x" * 900}) + "\n").encode() * 1000
            while file.tell() < 1_000_000_000:
                file.write(block)
            file.write((json.dumps(progress | running) + f"\n{last}\n").encode())
        done = subprocess.run(
            [sys.executable, "-c", peak, *words], env=environ, capture_output=True, text=True, check=False
        )
    path.unlink()
    assert (done.returncode, moves(Result(1, done.stdout, ""))) == (
        1, {"migrate,projects,ERP": [("running", "failed")]}
    )  # fmt: skip
    assert int(re.findall(r"VmHWM:\s+(\d+) kB", done.stderr)[0]) < 100_000


@pytest.mark.parametrize("form", ["plain", "json"])
def test_a_record_of_another_task_is_refused(tmp_path: Path, form: str) -> None:
    """A file that records another task or job is code 2, and is left as it is."""
    path = tmp_path / "night.jsonl"
    with night(lively()) as rehearsed:
        rehearsed.events("--record", str(path))
    before = path.read_text()
    other = cutover(moving("ACME", 0, 100), over=200, job="job-2")
    (task,) = lively().tasks
    run = SimTask(label="migrate", task_id="other-run", task_type="migrate", created_at=0, root=task.root)
    for scripted in (other, scenario(run, scope=lively().job.scope)):
        with night(scripted) as rehearsed:
            held(rehearsed.watch("-o", form, "--record", str(path)), 2, "usage", json_form=form == "json")
        assert path.read_text() == before


@pytest.mark.parametrize("content", ["alias ls='ls -l'\n", "{}\n[1]\n", '{"kind": "status"}\n', "\x00\xff"])
def test_a_file_that_is_no_record_is_left_alone(tmp_path: Path, content: str) -> None:
    """A file that holds something else is code 2, and is left as it is."""
    path = tmp_path / ".bashrc"
    path.write_bytes(content.encode("latin-1"))
    with night(lively()) as rehearsed:
        held(rehearsed.watch("--record", str(path)), 2, "usage", json_form=False)
    assert path.read_bytes() == content.encode("latin-1")


def test_a_refused_watch_makes_no_record_of_use(tmp_path: Path) -> None:
    """A watch that could not begin leaves nothing that keeps a later one from using the same file."""
    path = tmp_path / "night.jsonl"
    with night(lively()) as rehearsed:
        assert rehearsed.watch("--record", str(path), env={"MIGSTAT_TOKEN": "another"}).code == 4
        result = rehearsed.watch("--json", "--record", str(path))
    assert (result.code, result.err) == (1, "")
    assert path.read_text().endswith(result.out)


@pytest.mark.parametrize("target", ["directory", "missing"])
@pytest.mark.parametrize("form", ["plain", "json"])
def test_a_record_that_cannot_be_written_is_told(tmp_path: Path, target: str, form: str) -> None:
    """A record that cannot be written ends it with an error of one or two lines."""
    path = tmp_path if target == "directory" else tmp_path / "nowhere" / "night.jsonl"
    with night(lively()) as rehearsed:
        result = rehearsed.watch("-o", form, "--record", str(path))
    assert result.code in (2, 3)
    assert 1 <= len(result.err.splitlines()) <= 2
    assert str(path) in result.err
    if form == "json":
        assert json.loads(result.err)["error"]["message"]


# the bell


@pytest.mark.parametrize(
    ("words", "terminal", "bells"),
    [
        (("-o", "plain"), True, 2),
        (("--quiet",), True, 0),
        (("--json",), True, 0),
        ((), False, 0),
    ],
)
def test_the_bell_rings_for_a_failure_and_the_end(words: tuple[str, ...], terminal: bool, bells: int) -> None:
    """The bell rings once on a new failure and once on the end, on a terminal only and not with --quiet."""
    with night(lively()) as rehearsed:
        result = rehearsed.watch(*words, terminal=terminal)
    assert (result.out + result.err).count("\a") == bells


def test_the_bell_is_silent_about_old_failures() -> None:
    """A failure that was there when the watch began rings no bell; the end does."""
    with still(migration("FAILED", projects=(node("ACME", "FAILED"),))) as server:
        result = migstat(["watch", "-o", "plain"], environ_of(server), terminal=True, sleep=[], now=lambda: NOW)
    assert (result.code, result.out.count("\a")) == (1, 1)


def test_the_end_of_a_failed_migration_rings_once() -> None:
    """A project that fails rings once, and so does the end, although the root is FAILED then, too."""
    scripted = cutover(moving("ACME", 20, 100, "FAILED"), moving("ZED", 20, 200), over=300, state="FAILED")
    with night(scripted) as rehearsed:
        result = rehearsed.watch("-o", "plain", terminal=True)
    assert (result.code, result.out.count("\a")) == (1, 2)


@pytest.mark.parametrize("quiet", [True, False])
def test_an_end_without_an_outcome_is_not_announced_as_a_failure(quiet: bool) -> None:
    """The outcome may still come: there is no `already failed` line, no line with --quiet, and no bell until then."""
    pending, bad = (
        Node(("migrate", "projects", "B"), status="FINISHED"),
        Node(("migrate", "projects", "B"), outcome="FAILED", message="No."),
    )
    for end, known in ((pending, False), (bad, True)):
        streams = Streams(io.StringIO(), io.StringIO())
        printer = LinePrinter(streams, PrinterOptions(glyphs=ASCII, quiet=quiet))
        root = Node(children=(Node(MIGRATE, children=(Node((*MIGRATE, "projects"), children=(end,)),)),))
        printer.show(Snapped(0, Snapshot("j", "t", "migrate", 0, root, Verdict.RUNNING)))
        printer.show(Changed(0, end, None))
        assert isinstance(streams.out, io.StringIO)
        assert isinstance(streams.err, io.StringIO)
        assert ("already failed: B" in streams.err.getvalue()) is known
        assert (streams.out.getvalue() != "") is (known or not quiet)
        assert Bell().rings(Changed(0, end, None)) is known


@pytest.mark.parametrize("output", ["plain", "csv", "ndjson"])
@pytest.mark.parametrize(
    ("command", "root", "reason"),
    [
        ("checks", node("root", "FAILED", "Not now."), "Not now."),
        ("projects", node("root", "FAILED", "Not now."), "Not now."),
        ("projects", node("root", children=(node("other"),), ended_at=HERE - 500), "migrate: never reported"),
    ],
    ids=["refused checks", "refused projects", "phases never reported"],
)
def test_records_say_on_standard_error_why_the_task_failed(
    command: str, output: str, root: SimNode, reason: str
) -> None:
    """If no row shows why the code is 1, standard error does."""
    with still(scenario(SimTask(label="m", task_id="m1", task_type="migrate", created_at=0, root=root))) as server:
        result = ask(server, command, "job-1", "m1", "-o", output, "--exit-status")
    assert result.code == 1
    assert f"the task failed: {reason}" in (
        json.loads(result.err)["error"]["message"] if output == "ndjson" else result.err
    )


def test_a_good_end_without_checks_says_that_none_were_reported() -> None:
    """The code of `checks` and of a watch of them is 0 if the task ended well, and both say what does not count."""
    root = node("root", children=(node("other"),), ended_at=HERE - 500)
    with still(scenario(SimTask(label="m", task_id="m1", task_type="migrate", created_at=0, root=root))) as server:
        for words in (("checks", "job-1", "m1", "--exit-status"), ("watch", "job-1", "m1", "--until", "checks")):
            result = ask(server, *words)
            assert (result.code, "check was never reported and does not count" in result.err) == (0, True)
