"""`migstat schema`, and that everything the program prints as JSON is valid by it."""

from __future__ import annotations

import json
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from migstat.model.documents import KINDS, schema_of
from migstat.simulator.scenario import Scenario, SimPhase
from migstat.simulator.scenarios import build
from migstat.simulator.server import Server, serve
from tests.cli.rehearsals import NOW, Night, ask, cutover, moving, night, node
from tests.command_line import Result, migstat, refused
from tests.schemas import assert_valid


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_printed(kind: str) -> None:
    """A schema is indented into a pipe as on a terminal, and is the program's own; no setting is needed."""
    names = ("BASE_URL", "EMAIL", "TOKEN_FILE", "JOB", "OUTPUT", "RATE_LIMIT", "CA_BUNDLE", "PROFILE", "CONFIG")
    nonsense = {f"MIGSTAT_{name}": "\tnonsense" for name in names}
    piped = migstat(["schema", kind], nonsense)
    assert (piped.code, piped.err) == (0, "")
    assert piped == migstat(["schema", kind], {}, terminal=True)
    assert json.loads(piped.out) == schema_of(kind)
    assert piped.out.startswith('{\n  "$schema": "https://json-schema.org/draft/2020-12/schema",\n')
    assert piped.out.endswith("\n}\n")
    assert piped.out.isascii()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("stats", "no such schema: 'stats'; did you mean status?"),
        ("Status", "'Status'; did you mean status?"),
        ("artefacts", "'artefacts'; did you mean artifacts?"),
        ("watch", "'watch'; did you mean event?"),
        ("", "no kind given"),
        ("nonsense", "no such schema: 'nonsense'\n"),
        ("'\x1b[2J'", "no such schema"),
        ("-- --help", "no such schema: '--help'\n"),
        ("' '", "KIND is empty"),
        ("status checks", "checks"),
        ("status --depth 1", "--depth"),
    ],
)
def test_other_words_are_refused(words: str, said: str) -> None:
    """An unknown kind is code 2, with the likely one and all others; so are options of other commands."""
    result = migstat(["schema", *shlex.split(words)], {})
    refused(result, 2, said)
    assert ("no " not in said) or f"Choose from {', '.join(KINDS)}." in result.err


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Server]]:
    """Return servers of migrations near their beginning, in their midst and after their end."""
    shares = {"cutover": 0.1, "projects-failing": 0.6, "confluence": 1.1, "failing": 1.1}
    more: dict[str, Any] = {"clock": lambda: NOW, "speed": 1.0, "rate_limit": None}
    with ExitStack() as stack:
        yield [
            stack.enter_context(serve(build(name), head_start=build(name).duration * share, **more))
            for name, share in shares.items()
        ]


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


LINES = {"tasks": "RunJson", "artifacts": "FileJson", "checks": "CheckJson"}
"""What a line of `ndjson` is where it is no node."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    ["status", "status --depth all", "status latest-check --depth all", "status --level migrate,spaces", "checks",
     "projects --state running", "tasks", "artifacts latest-check", "job"],
)  # fmt: skip
def test_what_a_query_prints_is_valid(servers: list[Server], words: str) -> None:
    """Documents, lines and errors of every query at any time of every migration are valid."""
    kind = words.partition(" ")[0]
    assert any([held(ask(server, *words.split(), "--json")) for server in servers])  # noqa: C419  all are held
    if kind != "job":
        records = "".join(ask(server, *words.split(), "-o", "ndjson").out for server in servers).splitlines()
        assert records
        for record in records:
            assert_valid(kind, json.loads(record), LINES.get(kind, "NodeJson"))


def test_a_downloaded_file_has_a_valid_path(servers: list[Server], tmp_path: Path) -> None:
    """The document of artifacts that were downloaded is valid, and holds their paths."""
    told = held(ask(servers[1], "artifacts", "latest-check", "--download", str(tmp_path), "--json"))
    (task,) = told["tasks"]
    assert [each["path"] for each in task["artifacts"]] == [str(path) for path in tmp_path.iterdir()] != []


def lively() -> Scenario:
    """Return a migration with phases, a project that stands still for long, one that fails, and one that is lost."""
    return cutover(
        moving("ACME", 20, 100, phases=(SimPhase("export", 100), SimPhase("import", 50))),
        moving("ERP", 40, 200, "FAILED", final_message="No\tsuch\nfield."),
        node("STUCK", "running", has_details=False),
        moving("LATE", 100, 300, reported_at=100),
        over=650,
        keys=("ACME", "LOST"),
    )


def fail_at(kind: str, second: float, times: int) -> Callable[[Night], object]:
    """Return a plan: from that second on, `times` requests fail."""
    return lambda rehearsed: rehearsed.at(second, lambda: rehearsed.server.faults.add(kind, times))


USUAL = {"snapshot", "change", "progress"}
WATCHES: dict[str, tuple[Callable[[Night], object], tuple[str, ...], set[str]]] = {
    "finished": (fail_at("503", 150, 50), (), {"stalled", "outage", "recovered"}),
    "timeout": (fail_at("405", 150, 100_000), ("--timeout", "10m"), {"outage"}),
    "failed-fast": (lambda _: None, ("--fail-fast",), set()),
    "interrupted": (lambda rehearsed: rehearsed.at(90, lambda: signal.raise_signal(signal.SIGINT)), (), set()),
    "error": (fail_at("401", 90, 1000), (), {"outage"}),
}
"""How a watch ends: what happens meanwhile, its options, and events beside the usual ones."""


@pytest.mark.parametrize("end", WATCHES)
def test_every_event_of_a_watch_is_valid(end: str) -> None:
    """Each line of a watch is a valid event, whatever happens and however it ends."""
    plan, words, told = WATCHES[end]
    with night(lively()) as rehearsed:
        plan(rehearsed)
        result = rehearsed.watch("--json", "--stall-after", "4m", "--interval", "40s", *words)
    events = [json.loads(line) for line in result.out.splitlines()]
    for event in events:
        assert_valid("event", event)
    assert {event["event"] for event in events[:-1]} - {"alive"} == USUAL | told
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
