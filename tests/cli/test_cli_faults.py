"""Every fault of server and network, met by every command: what is reported, the code, and whether it is retried."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from migstat.simulator.exchange import HttpResponse
from migstat.simulator.server import Server
from tests.command_line import Result, environ_of, hermetic, line_of, migstat, peak_of, refused
from tests.scenarios import frozen, node
from tests.servers import NOW, Answer, Asked, answering, of_tree, one_task, server_of
from tests.sockets import forward, listening

COMMANDS = {
    "status": "status",
    "level": "status --level migrate,projects,ACME",
    "depth": "status --depth all",
    "raw": "status --raw --depth all",
    "checks": "checks",
    "projects": "projects",
    "tasks": "tasks",
    "job": "job",
    "watch": "watch --timeout 20s",
}
"""Every command that asks the API."""

ENDPOINTS = ("depth", "tasks", "job", "watch")
"""Commands whose first requests are all there are."""


@dataclass(frozen=True)
class Trouble:
    """A server in trouble: the environment that leads to it, and how many requests have met the trouble."""

    environ: dict[str, str]
    met: Callable[[], int]


Arrange = Callable[[Server, int], AbstractContextManager[Trouble]]
"""Let the next requests to the server, so many of them, meet a fault."""

ALWAYS = 100_000


def simulated(kind: str, **more: Any) -> Arrange:
    return _queued(lambda server, times: server.faults.add(kind, times, **more))


def answer(body: bytes | Callable[[], bytes], *, packed: str = "identity") -> Arrange:

    def queue(server: Server, times: int) -> None:
        lines = (("Content-Type", "application/json"), ("Content-Encoding", packed))
        server.faults.add(HttpResponse(200, body if isinstance(body, bytes) else body(), lines), times)

    return _queued(queue)


def _queued(queue: Callable[[Server, int], None]) -> Arrange:
    @contextmanager
    def arranged(server: Server, times: int) -> Iterator[Trouble]:
        queue(server, times)
        try:
            yield Trouble(environ_of(server), lambda: times - len(server.faults))
        finally:
            server.faults.clear()

    return arranged


def raw(reply: Callable[[socket.socket], object]) -> Arrange:
    """Reply to connections whose request was read with raw bytes, and relay those that come later to the server."""

    @contextmanager
    def arranged(server: Server, times: int) -> Iterator[Trouble]:
        met = 0

        def serve(connection: socket.socket) -> None:
            nonlocal met
            if met >= times:
                forward(connection, server.base_url, bytearray())
                return
            met += 1
            connection.recv(65536)
            reply(connection)
            connection.shutdown(socket.SHUT_WR)

        with listening(serve) as port:
            yield Trouble(environ_of(server) | {"MIGSTAT_BASE_URL": f"http://127.0.0.1:{port}"}, lambda: met)

    return arranged


def sending(data: bytes) -> Arrange:
    return raw(lambda connection: connection.sendall(data))


def repeating(head: bytes, again: bytes, *, every: float = 0.0) -> Arrange:
    """Send `head`, then `again` in a loop with pauses of `every` seconds, until the client hangs up."""

    def reply(connection: socket.socket) -> None:
        connection.sendall(head)
        while not threading.Event().wait(every):
            connection.sendall(again)

    return raw(reply)


@contextmanager
def nobody(server: Server, times: int) -> Iterator[Trouble]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        yield Trouble(environ_of(server) | {"MIGSTAT_BASE_URL": url}, lambda: 0)


@cache
def bomb() -> bytes:
    """Return 10 GB of zeros, packed: one piece of them that can stand any number of times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    begin = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(1 << 22)) + packer.flush(zlib.Z_FULL_FLUSH)
    return begin + piece * 2560


@cache
def flood(member: bytes) -> bytes:
    """8 MiB of JSON that is made of such members of the children of a node."""
    count = (8 << 20) // (len(member) + 6)
    return b'{"data":{"children":{%b}},"links":{}}' % b",".join(member % each for each in range(count))


@dataclass(frozen=True)
class Fault:
    """A fault, and what is to come of it: code, error code, words of the message, and whether it is asked again.

    A `slow` one takes longer than one request may.
    """

    arranged: Arrange
    code: int
    kind: str
    message: str
    again: bool = False
    slow: bool = False

    def patience(self, seconds: str) -> dict[str, str]:
        """The variable that makes a slow answer too slow."""
        return {"MIGSTAT_REQUEST_TIMEOUT": seconds} if self.slow else {}


AGAIN = True
OK = b"HTTP/1.1 200 OK\r\n"
NOTHING = "no complete response from"
FAULTS = {
    # the connection
    "nobody listens": Fault(nobody, 3, "unreachable", ": Connection refused", AGAIN),
    "reset": Fault(simulated("reset"), 3, "unreachable", ": Connection reset", AGAIN),
    "hung up": Fault(sending(b""), 3, "unreachable", "it closed the connection without a response", AGAIN),
    "no HTTP": Fault(sending(b"SSH-2.0-OpenSSH\r\n\r\n"), 3, "unreachable", "it did not respond with HTTP", AGAIN),
    "endless head": Fault(repeating(OK, b"X-More: yes\r\n" * 400), 3, "unreachable", "cannot reach", AGAIN),
    "cut body": Fault(simulated("cut"), 3, "unreachable", "in the middle of its response", AGAIN),
    # time
    "slow": Fault(simulated("slow", seconds=60), 3, "unreachable", NOTHING, AGAIN, slow=True),
    "drip": Fault(simulated("drip", seconds=60), 3, "unreachable", NOTHING, AGAIN, slow=True),
    "never ready": Fault(
        repeating(b"", b"HTTP/1.1 102 Processing\r\n\r\n", every=0.002),
        3, "unreachable", NOTHING, AGAIN, slow=True,
    ),
    # a response
    "401": Fault(simulated("401"), 4, "refused", "rejected the credentials (401)"),
    "404": Fault(simulated("404"), 5, "not-found", "not found (404)"),
    "429": Fault(simulated("429"), 3, "rate-limited", "request limit is used up (429)", AGAIN),
    "503": Fault(simulated("503"), 3, "unreachable", "(503)", AGAIN),
    "garbage": Fault(simulated("garbage"), 3, "bad-answer", "a response that is not JSON (application/json)", AGAIN),
    "null": Fault(answer(b"null"), 3, "bad-answer", "it is null instead of an object"),
    # floods
    "gzip bomb": Fault(answer(bomb, packed="gzip"), 3, "bad-answer", "larger than 8 MiB"),
    "many lists": Fault(answer(lambda: flood(b'"%d":' + b"[" * 30 + b"]" * 30)), 3, "bad-answer", "objects and lists"),
}  # fmt: skip

server = server_of(
    frozen(check=node("check", children=(node("AppVendorCheck"),)), projects=(node("ACME"), node("OPS")))
)


@pytest.fixture(scope="module")
def usual(server: Server) -> dict[str, Result]:
    results = {command: ask(command, environ_of(server), []) for command in COMMANDS}
    assert {result.code for result in results.values()} == {0}
    return results


def ask(command: str, environ: Mapping[str, str], waits: list[float], *words: str) -> Result:
    about = {"MIGSTAT_TASK": "migrate-1", **environ}
    return migstat([*COMMANDS[command].split(), *words], about, sleep=waits, now=lambda: NOW)


def error_of(result: Result) -> tuple[str, str, str]:
    """Code, message and hint of the error in JSON: a watch tells an outage as an event, and goes on."""
    if result.code == 124:
        events = [json.loads(line) for line in result.out.splitlines()]
        assert [each["event"] for each in events] == ["outage", "timeout"]
        return events[0]["code"], events[0]["message"], ""
    (line,) = result.err.splitlines()
    error = json.loads(line)["error"]
    return error["code"], error["message"], error["hint"]


FLOODS = ("gzip bomb", "many lists")
LONG = (*FLOODS, "never ready")


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in FAULTS])
def test_a_fault_that_stays_is_an_error_of_its_own(server: Server, name: str) -> None:
    """At once, or after tries that it counts: what happened in one line, what to do in another."""
    fault = FAULTS[name]
    waits: list[float] = []
    with fault.arranged(server, ALWAYS) as trouble:
        result = ask("job", trouble.environ | fault.patience("0.01"), waits, "--json")
        met = trouble.met()
    kind, message, hint = error_of(result)
    assert (result.code, result.out, kind) == (fault.code, "", fault.kind)
    assert fault.message in message
    assert hint
    assert f"{message}{hint}".isprintable()
    tries = re.search(r"\(tried (\d+) times in \d+ s\)$", message)
    assert bool(tries) is fault.again
    if tries:
        assert 3 <= int(tries[1]) == len(waits) + 1
        assert met == int(tries[1]) or fault.slow or fault.arranged is nobody
        assert sum(waits) <= 20
    else:
        assert (met, waits) == (1, [])


@pytest.mark.parametrize("name", ["reset", "401", "404", "503", "garbage", "null"])
def test_every_command_tells_of_a_fault_in_the_same_way(server: Server, name: str) -> None:
    """The same code and words, but a watch goes on where that may help; for people it is two lines."""
    fault = FAULTS[name]
    for command in COMMANDS:
        flags = [] if command == "raw" else ["--json"]
        with fault.arranged(server, ALWAYS) as trouble:
            result = ask(command, trouble.environ, [], *flags)
        kind, message, _ = error_of(result)
        goes_on = command == "watch" and fault.again
        assert (result.code, kind) == (124 if goes_on else fault.code, fault.kind), command
        assert fault.message in message
    with fault.arranged(server, ALWAYS) as trouble:
        result = ask("job", trouble.environ, [])
    refused(result, fault.code, fault.message)
    first, hint = result.err.splitlines()
    assert hint.startswith("  ")
    assert name != "503" or re.search(r'returned an error for .* \(503\): ".*" \(request id \S+\) \(tried', first)


PASSING = ("reset", "hung up", "no HTTP", "cut body", "slow", "503", "garbage")


@pytest.mark.slow
@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes_leaves_no_trace(server: Server, usual: Mapping[str, Result], name: str) -> None:
    """A fault that hits two requests costs nothing but time."""
    fault = FAULTS[name]
    for command in ENDPOINTS if name in ("reset", "503") else ("job",):
        waits: list[float] = []
        with fault.arranged(server, 2) as trouble:
            result = ask(command, trouble.environ | fault.patience("0.25"), waits)
            met = trouble.met()
        assert (result, met) == (usual[command], 2), command
        assert len(waits) >= 2


@pytest.mark.slow
def test_a_person_is_shown_how_long_an_answer_takes(server: Server) -> None:
    """After a second, on a terminal; a pipe and a watch show nothing."""

    def late(connection: socket.socket) -> None:
        threading.Event().wait(1.8)
        body = b'{"name": "late"}'
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    with raw(late)(server, ALWAYS) as trouble:
        watched = migstat(["job"], trouble.environ, err_terminal=True)
        piped = migstat(["job"], trouble.environ)
    assert "waiting for an answer, 1s" in watched.err
    assert watched.err.endswith("\r\x1b[K")
    assert (watched.code, piped.code, piped.err) == (0, 0, "")


HANGING = """
import socket, sys, threading
def look_up(*_, **__):
    print("looking up", file=sys.stderr, flush=True)
    threading.Event().wait()
socket.getaddrinfo = look_up
from migstat.__main__ import run
run()
"""
"""The program on a machine whose name server never answers."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
@pytest.mark.parametrize(
    ("words", "signals", "code"),
    [
        ("status", [signal.SIGINT], 130),
        ("projects", [signal.SIGINT, signal.SIGINT], 130),
        ("watch", [signal.SIGINT, signal.SIGINT], 130),
        ("watch", [signal.SIGTERM, signal.SIGTERM], 143),
        ("watch --timeout 0.2s", [], 124),
    ],
)
def test_a_request_that_hangs_ends_with_a_signal_or_the_time(
    words: str, signals: list[signal.Signals], code: int
) -> None:
    """Even while a name is looked up, which nothing can interrupt, and a second signal does no harm."""
    environ = {"MIGSTAT_BASE_URL": "https://slow.example", "MIGSTAT_EMAIL": "a@b", "MIGSTAT_TOKEN": "t"}
    command, env = [sys.executable, "-c", HANGING, *words.split()], hermetic() | environ | {"MIGSTAT_JOB": "job-1"}
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        while signals and "looking up" not in line_of(process.stderr):
            pass
        for number in signals:
            process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in err) == (code, False)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell the peak of a process alone")
@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_does_not_fill_the_memory(server: Server, flood: str) -> None:
    """The largest answer, to each of the questions that are asked at the same time, takes less than 200 MB in all."""
    with FAULTS[flood].arranged(server, ALWAYS) as trouble:
        result, peak = peak_of(["status"], trouble.environ | {"MIGSTAT_TASK": "migrate-1"})
    assert (result.code, FAULTS[flood].message in result.err) == (3, True)
    assert peak < 200_000  # KB


# Answers that are JSON, and odd

CHECK = {"status": "FINISHED", "outcome": "SUCCESS", "children": {"One": {"status": "FINISHED", "outcome": "SUCCESS"}}}
ACME = {"status": "FINISHED", "outcome": "SUCCESS", "message": "All \u2713 is well"}
LEVEL = {"hidden": True, "children": {"ACME": ACME}}
MIGRATE = {"status": "FINISHED", "outcome": "SUCCESS", "children": {"projects": LEVEL}}
TREE = {"status": "FINISHED", "outcome": "SUCCESS", "children": {"check": CHECK, "migrate": MIGRATE}}
SOUND = one_task(of_tree(TREE))

TASK = {"MIGSTAT_TASK": "task-1"}
ENOUGH = 100
"""Pages after which even an endless list ends, so that no test does not."""


def every(content: object) -> Callable[[Asked], Answer]:
    return lambda _: Answer(content)


def with_data(data: object) -> Callable[[Asked], Answer]:
    """Return the same data to every question about a status or a list, and the truth about job and task."""
    return lambda asked: Answer({"data": data}) if asked.segments[-1] in ("status", "tasks") else SOUND(asked)


def going_on(cursor: Callable[[str], str]) -> Callable[[Asked], Answer]:
    """Return true answers, and after every page the cursor of another one, by the last."""

    def answer(asked: Asked) -> Answer:
        page = SOUND(asked)
        paged = asked.segments[-1] == "tasks" or asked.query.get("expandChildren")
        if paged and len(asked.query.get("cursor", "")) < ENOUGH:
            return Answer({**page.content, "links": {"next": cursor(asked.query.get("cursor", ""))}})
        return page

    return answer


NO_END = "incomplete 0 incomplete incomplete incomplete incomplete incomplete 0 incomplete"
BAD, GONE = "bad-answer", "not-found"
ODD: dict[str, tuple[Callable[[Asked], Answer], str]] = {
    # status level depth raw checks projects tasks job watch
    "data: {}":          (with_data({}),       f"0     {GONE} 0  0   0      0        {BAD} 0   124"),
    "data: null":        (with_data(None),     f"0     {GONE} 0  0   0      0        0     0   124"),
    "data: missing":     (every({}),           f"0     {GONE} 0  0   0      0        0     0   124"),
    "data: []":          (with_data([]),       f"{BAD} {BAD} {BAD} {BAD} {BAD} {BAD} 0     0   {BAD}"),
    "data: text":        (with_data("text"),   f"{BAD} {BAD} {BAD} {BAD} {BAD} {BAD} {BAD} 0   {BAD}"),
    "data: [null]":      (with_data([None]),   f"{BAD} {BAD} {BAD} {BAD} {BAD} {BAD} incomplete 0 {BAD}"),
    "links: []":         (every({"links": []}), f"{BAD} {BAD} {BAD} {BAD} {BAD} {BAD} {BAD} 0  {BAD}"),
    "next: 5":           (every({"links": {"next": 5}}), f"{BAD} {BAD} {BAD} {BAD} {BAD} {BAD} {BAD} 0 {BAD}"),
    "a repeated cursor": (going_on(lambda _: "again"), NO_END),
    "endless pages":     (going_on(lambda last: f"{last}+"), NO_END),
}  # fmt: skip
"""Odd answers, and what each command makes of them: 0, 124, or the code of its error."""


def end_of(result: Result) -> str:
    """Return how a command in JSON ended: its code if it reported no error, else that error's code."""
    assert result.code in ((0, 124) if not result.err else (3, 5))
    return str(int(result.code)) if not result.err else str(json.loads(result.err)["error"]["code"])


PAGED = ("a repeated cursor", "endless pages")


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in PAGED)) for name in ODD])
def test_an_odd_answer_is_shown_as_far_as_it_goes(name: str) -> None:
    """The readable part is shown, the rest is named, and no list of pages is followed forever."""
    ends = {}
    answers, expected = ODD[name]
    with answering(answers) as server:
        for command in COMMANDS:
            server.asked.clear()
            waits: list[float] = []
            flags = [] if command == "raw" else ["--json"]
            words = ["--timeout", "20m"] if command == "watch" else []
            ends[command] = end_of(result := ask(command, server.environ | TASK, waits, *flags, *words))
            assert bool(result.out) is (ends[command] not in (BAD, GONE) or command == "watch")
            assert command == "watch" or len(server.asked) < 300
            assert command == "watch" or waits == []
    assert ends == dict(zip(COMMANDS, expected.split(), strict=True))


@pytest.mark.parametrize("kind", ["text/html; charset=utf-16", ""])
def test_json_is_read_whatever_its_content_type_says(kind: str) -> None:
    """It is UTF-8, as JSON always is."""
    with answering(lambda asked: Answer(SOUND(asked).content, kind=kind)) as server:
        assert "All \u2713 is well" in ask("level", server.environ | TASK, []).out


def test_a_page_that_cannot_be_read_leaves_the_runs_before_it() -> None:
    """The runs of the first page are shown even if the second cannot be read, which is reported."""

    def answer(asked: Asked) -> Answer:
        if asked.query.get("cursor"):
            return Answer({"status": 500, "errorMessage": "broken"}, 500)
        return Answer({"data": [{"taskId": "t1"}, {"taskType": "check"}], "links": {"next": "c"}})

    with answering(answer) as server:
        result = ask("tasks", server.environ, [])
        latest = migstat(["status"], server.environ, now=lambda: NOW)
    assert (result.code, result.out) == (3, "t1\t\t\t\t\t\n")
    assert "1 of 2 runs on a page have no id and" in result.err
    assert (latest.code, latest.out) == (3, "")
    assert "Give the task's id" in latest.err
