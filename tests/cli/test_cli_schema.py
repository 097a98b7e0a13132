"""`migstat schema`, and that everything the program prints as JSON is valid by it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable

import pytest

from migstat.model.documents import KINDS, schema_of
from migstat.simulator.scenario import Scenario, SimPhase
from tests.cli.rehearsals import Night, cutover, night, node
from tests.command_line import migstat
from tests.schemas import assert_valid
from tests.watching import moved


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


def lively() -> Scenario:
    return cutover(
        moved("ACME", 20, 100, phases=(SimPhase("export", 100), SimPhase("import", 50))),
        moved("ERP", 40, 200, "FAILED", final_message="No\tsuch\nfield."),
        node("STUCK", "running", has_details=False),
        moved("LATE", 100, 300, reported_at=100),
        over=650,
        keys=("ACME", "LOST"),
    )


def fail_at(kind: str, second: float, times: int) -> Callable[[Night], object]:
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
    plan, words, more = WATCHES[end]
    with night(lively()) as rehearsed:
        plan(rehearsed)
        result = rehearsed.watch("--json", "--stall-after", "4m", "--interval", "40s", *words)
    events = [json.loads(line) for line in result.out.splitlines()]
    for event in events:
        assert_valid("event", event)
    assert {event["event"] for event in events[:-1]} - {"alive"} == USUAL | more
    assert (events[-1]["event"], events[-1]["exitCode"]) == (end, result.code)
    for line in result.err.splitlines():
        assert_valid("error", json.loads(line))
