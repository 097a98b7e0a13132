"""`migstat watch` into a pipe: lines, events, records, exit codes and signals."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
import subprocess
import sys
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from migstat.simulator.scenario import Scenario, SimPhase
from migstat.simulator.server import Server
from tests.command_line import (
    CapturedStream,
    Result,
    environ_of,
    hermetic,
    line_of,
    migstat,
    peak_of,
    refused,
    refused_as_json,
    started,
    until,
)
from tests.scenarios import HERE, cutover, frozen, hidden, migration, moved, node
from tests.schemas import assert_valid
from tests.servers import NOW, night, server_of, still

MIGSTAT = [sys.executable, "-m", "migstat"]
OUTPUTS = ("table", "plain", "json")

LAST = ("finished", "timeout", "interrupted", "failed-fast", "error")


def watching(server: Server, *words: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """Watch a server, whose clock is another one, in a process of its own with polls in quick succession."""
    environ = environ_of(server) | {"MIGSTAT_RATE_LIMIT": "none", "MIGSTAT_REQUEST_TIMEOUT": "60"}
    return started(["watch", "--interval", "0.2s", "--stall-after", "99999h", *words], environ)


class Defective(httpx.HTTPTransport):
    """A connection that has a defect after some requests."""

    left = 30

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.left -= 1
        if self.left < 0:
            raise ZeroDivisionError("secret")
        return super().handle_request(request)


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_defect_is_the_last_event_of_all_listeners(tmp_path: Path, output: str) -> None:
    """Whoever relies on a watch learns that nobody watches any more: record, metrics, notification and reader."""
    record, metrics, note = (tmp_path / name for name in ("night.jsonl", "night.prom", "note"))
    hook = f"sh -c 'printenv MIGSTAT_EVENT MIGSTAT_TEXT > {note}'"
    words = ["watch", "-o", output, "--record", str(record), "--export", str(metrics), "--notify", hook]
    with still(frozen("running", migrate="running", projects=(node("ACME", "running"),))) as server:
        result = migstat(words, environ_of(server), transport=Defective(), sleep=[], terminal=output == "table")
    assert (result.code, "internal error: ZeroDivisionError at" in result.err) == (3, True)
    assert json.loads(record.read_text(encoding="utf-8").splitlines()[-1])["event"] == "error"
    assert "migstat_exit_code 3" in metrics.read_text(encoding="utf-8")
    assert note.read_text(encoding="utf-8").startswith("error\n")
    assert "secret" not in result.out + result.err + note.read_text(encoding="utf-8")
    if output == "json":
        assert json.loads(result.out.splitlines()[-1])["event"] == "error"


def lively() -> Scenario:
    return cutover(
        moved("ACME", 20, 100, phases=(SimPhase("export", 100), SimPhase("import", 50))),
        moved("HELP", 30, 150, "WARNING", final_message="Without icons."),
        moved("ERP", 40, 200, "FAILED", final_message="No\tsuch\n\x1b[2J\u202efield."),
        moved("LATE", 110, 180, reported_at=100),
        scopes=(moved("apps", 60, 300),),
        over=300,
    )


def endless() -> Scenario:
    projects = (node("ACME"), node("ERP", "FAILED"), node("ZED", "running"))
    return frozen("running", migrate="running", projects=projects)


def checked(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Check events against the promises about all of them."""
    for event in events:
        assert_valid("event", event)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["at"])
    assert events[0]["event"] == "snapshot"
    assert [event["event"] in LAST for event in events] == [False] * (len(events) - 1) + [True]
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    return events


def json_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.out.splitlines()]


def moves(result: Result) -> dict[str, list[tuple[str, str]]]:
    """The states that each level of the lines of a watch went from and to, in their order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in result.out.splitlines():
        at, level, before, after, _ = line.split("\t")
        assert at
        found.setdefault(level, []).append((before, after))
    return found


standing = server_of(endless())


# lines


def test_a_change_is_a_line_and_an_outage_loses_none() -> None:
    """Lines have time, level, from, to and message; standard error tells an outage, its end and the verdict, once."""
    with night(lively()) as rehearsed:
        rehearsed.at(90, lambda: rehearsed.server.faults.add("503", 30))
        result = rehearsed.watch()
    begun = ("pending", "running")
    assert moves(result) == {
        "migrate,projects,ACME": [begun, ("running", "succeeded")],
        "migrate,projects,HELP": [begun, ("running", "warning")],
        "migrate,projects,ERP": [begun, ("running", "failed")],
        "migrate,projects,LATE": [("", "running"), ("running", "succeeded")],
        "migrate,apps": [begun, ("running", "succeeded")],
        "migrate": [("running", "succeeded")],
        ".": [("running", "succeeded")],
    }
    failed = next(line for line in result.out.splitlines() if "ERP\trunning\tfailed" in line)
    assert re.fullmatch(
        r"2026-09-21T14:1\d:\d\dZ\tmigrate,projects,ERP\trunning\tfailed\tNo\\tsuch\\n\\x1b\[2J\\u202efield\.", failed
    )
    assert not re.search("[\x1b\a\u202e]", result.out + result.err)
    _, outage, recovery, last = result.err.splitlines()
    assert ("no answer" in outage, "API back after" in recovery, result.code) == (True, True, 1)
    assert re.fullmatch(
        r"migstat: failed after \d+m \d\ds: ERP: No such \\x1b\[2J\\u202efield; 4 of 4 projects done", last
    )


@pytest.mark.parametrize("words", [(), ("--quiet",)], ids=["usual", "quiet"])
def test_silence_is_broken_by_a_sparse_heartbeat(words: tuple[str, ...]) -> None:
    """While nothing changes, standard error tells what failed before and, now and then, that the watch goes on."""
    with night(endless(), head_start=HERE) as rehearsed:
        result = rehearsed.watch("--timeout", "40m", "--interval", "2m", "--stall-after", "9h", *words)
    *_, last = lines = result.err.splitlines()
    assert (result.out, len([line for line in lines if "already failed: ERP" in line])) == ("", 1)
    assert 4 <= len([line for line in lines[:-1] if "running, 2 of 3 projects, 1 failed" in line]) <= 20
    assert last.startswith("migstat: stopped after 40m 00s (--timeout): still running")


BLOCKED, REPORTS = (
    "checks failed; counts as failed unless the migration starts by",
    "ended; waiting for late reports until",
)


@pytest.mark.parametrize(("begins", "said"), [(None, [BLOCKED]), (60, [BLOCKED, REPORTS])])
def test_a_line_says_why_it_is_not_over_yet(begins: float | None, said: list[str]) -> None:
    """Standard error says once until when the migration may still start after failed checks, or a report may come."""
    migrate = moved("migrate", begins, 300 if begins else None, children=(hidden("projects", moved("ERP", 110, 290)),))
    check = moved("check", 5, 20, "FAILED")
    with night(migration(check=check, migrate=migrate, core_end=300, keys=("ERP", "LOST")), head_start=30) as rehearsed:
        result = rehearsed.watch()
    assert re.findall(f"  ({BLOCKED}|{REPORTS}) ..:..$", result.err, re.MULTILINE) == said


def test_quiet_is_bad_news_and_the_verdict() -> None:
    """With --quiet only changes to bad states and the verdict are printed, whatever else happens."""
    with night(lively()) as rehearsed:
        rehearsed.at(250, lambda: rehearsed.server.faults.add("503", 30))
        result = rehearsed.watch("--quiet")
    assert moves(result) == {
        "migrate,projects,HELP": [("running", "warning")],
        "migrate,projects,ERP": [("running", "failed")],
    }
    assert len(result.err.splitlines()) == 1
    assert "failed" in result.err


# events


def test_every_line_is_an_event() -> None:
    """With a JSON format every line of standard output is an event; the first has the tree, the last the verdict."""
    projects = (
        moved("ACME", 0, 300, phases=(SimPhase("export", 100), SimPhase("import", 50))),
        moved("LATE", 100, 200, reported_at=100),
        moved("STUCK", 0, 390, has_details=False),
    )
    with night(cutover(*projects, over=400, keys=("ACME", "LATE", "STUCK", "LOST"))) as rehearsed:
        rehearsed.at(250, lambda: rehearsed.server.faults.add("503", 30))
        result = rehearsed.watch("-o", "ndjson", "--stall-after", "3m")
    events = checked(json_of(result))
    assert result.err == ""
    by_kind = {event["event"]: event for event in reversed(events)}
    assert by_kind.keys() == {"snapshot", "progress", "change", "stalled", "outage", "recovered", "finished"}
    assert (by_kind["change"]["name"], by_kind["change"]["from"]) == ("LATE", None)
    assert by_kind["change"]["to"] == {"state": "running", "status": "IN_PROGRESS", "outcome": None}
    assert by_kind["progress"]["progress"][0].keys() == {"name", "processed", "total"}
    assert (by_kind["outage"]["code"], "503" in by_kind["outage"]["message"]) == ("unreachable", True)
    assert by_kind["outage"]["retryInSeconds"] > 0
    assert by_kind["recovered"]["outageSeconds"] > 0
    last = by_kind["finished"]
    assert [last[key] for key in ("verdict", "exitCode", "missing", "elapsedSeconds")] == ["failed", 1, ["LOST"], 400]
    counts: dict[str, Any] = {"total": 4, "missing": 1, "running": 0, "finished": 3, "byOutcome": {"SUCCESS": 3}}
    assert last["summary"] == last["summary"] | counts


# exit codes

WELL, APPS_RUN = (node("ACME"),), (node("apps", "running"),)

ENDED: dict[str, tuple[Scenario, str, int, str]] = {
    "strict": (frozen("WARNING", projects=WELL), "--strict", 1, "warning"),
    "core": (frozen("running", scopes=APPS_RUN, projects=WELL), "--until core", 0, "succeeded"),
    "checks": (
        frozen("running", migrate="running", projects=(node("ACME", "FAILED"),)), "--until checks", 0, "succeeded",
    ),
    "failed-fast": (endless(), "--fail-fast", 1, "running"),
    "timeout": (frozen(scopes=APPS_RUN, projects=WELL), "--timeout 5m", 124, "running"),
}  # fmt: skip
"""Scenario, options, exit code and verdict."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDED)
def test_the_code_is_that_of_the_data(name: str) -> None:
    """Each end has the code of its data, the same for every output, and events say the same."""
    scripted, words, code, verdict = ENDED[name]
    results = {}
    for output in OUTPUTS:
        with night(scripted, head_start=1000.0) as rehearsed:
            results[output] = rehearsed.watch("-o", output, *words.split(), terminal=output == "table")
    assert {output: result.code for output, result in results.items()} == dict.fromkeys(OUTPUTS, code)
    last = checked(json_of(results["json"]))[-1]
    assert (last["exitCode"], last["verdict"]) == (code, verdict)
    assert last["event"] == (name if name in ("timeout", "failed-fast") else "finished")
    if name == "timeout":
        assert "stopped after 5m 00s (--timeout)" in results["plain"].err.splitlines()[-1]
    if name == "failed-fast":
        assert "the migration goes on" in results["plain"].err.splitlines()[-1]
        assert verdict in results["table"].out.rpartition("?1049l")[2]


@pytest.mark.slow
@pytest.mark.parametrize(("output", "number", "code"), [("plain", signal.SIGINT, 130), ("json", signal.SIGTERM, 143)])
def test_a_signal_ends_it(standing: Server, number: signal.Signals, code: int, output: str) -> None:
    """A signal ends it with its code, and the last line says how far the migration was."""
    with watching(standing, "-o", output) as watched:
        first = line_of(watched.stderr if output == "plain" else watched.stdout)
        watched.send_signal(number)
        out, err = watched.communicate(timeout=20)
    assert watched.returncode == code
    if output == "plain":
        assert (out, "2 of 3 projects" in err) == ("", True)
        assert err.splitlines()[-1].startswith("migstat: interrupted: still running")
    else:
        assert err == ""
        event = checked([json.loads(first), *map(json.loads, out.splitlines())])[-1]
        assert (event["event"], event["exitCode"], event["verdict"]) == ("interrupted", code, "running")


@pytest.mark.slow
def test_a_signal_ends_it_before_the_first_answer() -> None:
    """Ctrl-C while the first answer is waited for is code 130 and one line, without a traceback."""
    with still(endless()) as server:
        server.faults.add("slow", 100, seconds=60.0)
        with watching(server) as watched:
            until(lambda: server.requests)
            watched.send_signal(signal.SIGINT)
            out, err = watched.communicate(timeout=20)
    assert (watched.returncode, out, err) == (130, "", "migstat: interrupted: no answer yet\n")


@pytest.mark.parametrize(
    ("words", "environ", "code", "error"),
    [
        ((), {"MIGSTAT_TOKEN": "another"}, 4, "refused"),
        ((), {"MIGSTAT_TOKEN": "", "MIGSTAT_TOKEN_FILE": "/nonexistent"}, 4, "no-credentials"),
        (("job-2",), {}, 5, "not-found"),
        (("latest-check",), {}, 5, "not-found"),
    ],
)
def test_what_no_waiting_helps_against_ends_it_at_once(
    standing: Server, words: tuple[str, ...], environ: dict[str, str], code: int, error: str
) -> None:
    """Refused or missing credentials are code 4, an unknown job or run is code 5, reported as one error."""
    waits: list[float] = []
    env = environ_of(standing) | environ
    refused(migstat(["watch", *words], env, sleep=[], now=lambda: NOW), code)
    result = migstat(["watch", "--json", *words], env, sleep=waits, now=lambda: NOW)
    refused_as_json(Result(result.code, "", result.err), code, error)
    assert [(event["event"], event["exitCode"]) for event in json_of(result)] in ([], [("error", code)])
    assert waits == [] or words == ("latest-check",)  # whose first run may be about to begin


def test_a_reader_that_goes_away_hides_no_error() -> None:
    """If standard output is closed just before an error ends the watch, the code is still that of the error."""
    closed, writers, refusals = threading.Event(), list[threading.Thread](), list[float]()

    class Unread(CapturedStream):
        def write(self, _: str) -> int:
            writers.append(threading.current_thread())
            closed.wait()
            raise BrokenPipeError

    class Transport(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = super().handle_request(request)
            refusals.extend([rehearsed.now()] if response.status_code == 401 else [])
            if refusals and rehearsed.now() - refusals[0] >= 120:  # when refusals are believed
                closed.set()
                writers[0].join(20)
            return response

    with night(lively()) as rehearsed:
        rehearsed.at(120, lambda: rehearsed.server.faults.add("401", 1000))
        out = Unread(terminal=False, encoding="utf-8")
        result = rehearsed.watch("--json", out=out, transport=Transport())
    assert (result.code, json.loads(result.err)["error"]["code"]) == (4, "refused")


# records


def test_a_record_holds_the_same_events(tmp_path: Path) -> None:
    """--record appends the events of --json to a file of the owner's, whatever is shown."""
    paths, results = [tmp_path / "night.jsonl", tmp_path / "lines.jsonl"], []
    for path, form in zip(paths, ("json", "plain"), strict=True):
        with night(lively()) as rehearsed:
            results.append(rehearsed.watch("-o", form, "--record", str(path)))
    assert paths[0].read_text() == results[0].out
    assert paths[0].stat().st_mode & 0o077 == 0
    one, other = ([json.loads(line)["event"] for line in path.read_text().splitlines()] for path in paths)
    assert one == other


@pytest.mark.parametrize("form", ["plain", "json"])
def test_a_second_watch_goes_on_from_a_record(tmp_path: Path, form: str) -> None:
    """Nothing is repeated, nothing in between is lost, and people get a summary of the gap."""
    path = tmp_path / "night.jsonl"
    projects = (moved("ACME", 20, 100), moved("HELP", 30, 300), moved("PAY", 30, 350, "FAILED"), moved("ERP", 40, 500))
    with night(cutover(*projects, over=600)) as rehearsed:
        first = rehearsed.events("--record", str(path), "--timeout", "200s")
        rehearsed.slept.append(200.0)  # in which nobody watches
        again = rehearsed.watch("-o", form, "--record", str(path))
    assert again.code == 1
    recorded = [json.loads(line) for line in path.read_text().splitlines()]
    changes = [event for event in recorded if event["event"] == "change" and event["name"]]
    assert sorted(f"{event['name']} {event['to']['outcome']}" for event in changes) == [
        *("ACME None", "ACME SUCCESS", "ERP None", "ERP SUCCESS", "HELP None", "HELP SUCCESS"),
        *("PAY FAILED", "PAY None", "migrate SUCCESS"),
    ]
    assert recorded[: len(first)] == first
    unseen = next(event for event in changes if event not in first)
    assert (unseen["name"], unseen["from"]["state"]) == ("HELP", "running")
    if form == "json":
        assert (recorded[len(first) :], again.err) == (checked(json_of(again)), "")
    else:
        (summary,) = [line for line in again.err.splitlines() if "since the last watch" in line]
        assert re.search(r"since the last watch \(\d\d:\d\d to \d\d:\d\d\): 2 finished; failed: PAY$", summary)


@pytest.mark.slow
def test_a_killed_watch_leaves_whole_lines(tmp_path: Path) -> None:
    """A watch that is killed leaves whole events in the record, without a secret, and a second one resumes from it."""
    path = tmp_path / "night.jsonl"
    projects = [moved(f"P{number:02}", 10 + number * 5, 60 + number * 5) for number in range(40)]
    with night(cutover(*projects, over=300)) as rehearsed:
        with watching(rehearsed.server, "--json", "--record", str(path)) as watched:
            seen = [line_of(watched.stdout)]
            rehearsed.slept.append(130.0)
            seen += [line_of(watched.stdout) for _ in range(7)]
            until(lambda: path.read_text().count("\n") >= len(seen))
            watched.kill()
            watched.wait(20)
        left = path.read_text()
        again = rehearsed.watch("--json", "--record", str(path))
        secrets = (rehearsed.server.token, rehearsed.server.email, "Basic ")
    assert (left.startswith("".join(seen)), left[-1], path.read_text()) == (True, "\n", left + again.out)
    assert (again.code, again.err) == (0, "")
    events = [*map(json.loads, left.splitlines()), *checked(json_of(again))]
    changes = [(*event["level"], event["to"]["outcome"]) for event in events if event["event"] == "change"]
    assert len(changes) == len(set(changes))
    assert {change[2] for change in changes if change[-1] and len(change) == 4} == {each.name for each in projects}
    assert [secret for secret in secrets if secret in left + again.out + again.err] == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell the peak of a process alone")
def test_a_record_of_a_gigabyte_is_resumed_in_little_memory(tmp_path: Path) -> None:
    """A watch that resumes a record of 1 GB takes less than 100 MB of memory, and knows what is at its end."""
    path = tmp_path / "night.jsonl"
    with still(frozen(projects=(node("ACME"), node("ERP", "FAILED")))) as server:
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
        done, peak = peak_of(words, environ)
    path.unlink()
    assert (done.code, moves(done)) == (
        1, {"migrate,projects,ERP": [("running", "failed")]}
    )  # fmt: skip
    assert peak < 100_000  # KB


def test_a_file_that_holds_something_else_is_left_alone(tmp_path: Path, standing: Server) -> None:
    """A file that is not a record is code 2 and is left untouched."""
    path = tmp_path / ".bashrc"
    path.write_text("alias ls='ls -l'\n")
    refused(migstat(["watch", "--record", str(path)], environ_of(standing), now=lambda: NOW), 2, "not the record")
    assert path.read_text() == "alias ls='ls -l'\n"


def test_a_refused_watch_makes_no_record_of_use(tmp_path: Path) -> None:
    """A watch that could not begin leaves nothing that keeps a later one from using the same file."""
    path = tmp_path / "night.jsonl"
    with night(lively()) as rehearsed:
        assert rehearsed.watch("--record", str(path), env={"MIGSTAT_TOKEN": "another"}).code == 4
        result = rehearsed.watch("--json", "--record", str(path))
    assert (result.code, result.err, path.read_text().endswith(result.out)) == (1, "", True)


# the bell


FAILS = cutover(moved("ACME", 20, 100, "FAILED"), moved("ZED", 20, 200), over=300, state="FAILED")


@pytest.mark.parametrize(
    ("scripted", "words", "terminal", "bells"),
    [
        (FAILS, ("-o", "plain"), True, 2),  # once for the end, although the root is FAILED then, too
        (FAILS, ("--quiet",), True, 0),
        (FAILS, ("--json",), True, 0),
        (FAILS, (), False, 0),
        (cutover(moved("OLD", -10, -5, "FAILED"), over=100, state="FAILED"), ("-o", "plain"), True, 1),
    ],
)
def test_the_bell_rings_for_a_failure_and_the_end(
    scripted: Scenario, words: tuple[str, ...], terminal: bool, bells: int
) -> None:
    """The bell rings once on a new failure and once on the end, on a terminal only and not with --quiet."""
    with night(scripted) as rehearsed:
        result = rehearsed.watch(*words, terminal=terminal)
    assert (result.code, (result.out + result.err).count("\a")) == (1, bells)


def test_an_end_without_an_outcome_is_not_announced_as_a_failure() -> None:
    """The outcome may still come: there is no `already failed` line, no line with --quiet, and no bell until then."""
    undecided = dataclasses.replace(moved("B", 20, 100), outcome=None)
    with night(cutover(undecided, moved("ZED", 20, 900), over=900)) as rehearsed:
        seen = rehearsed.watch("-o", "plain", "--timeout", "3m", terminal=True)
        later = rehearsed.watch("--quiet", "--timeout", "3m")
    assert moves(Result(0, seen.out.replace("\a", ""), ""))["migrate,projects,B"][-1] == ("running", "failed")
    assert (seen.out + seen.err).count("\a") == 1  # for the end
    assert (later.out, "already failed" in later.err) == ("", False)
