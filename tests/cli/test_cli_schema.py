"""`migstat schema`, and that everything the program prints as JSON is valid by it."""

from __future__ import annotations

import json

import pytest

from migstat.model.documents import KINDS, schema_of
from migstat.simulator.scenario import SimPhase
from tests.command_line import migstat
from tests.scenarios import cutover, moved, node
from tests.schemas import assert_valid
from tests.servers import night


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


def test_every_event_of_a_watch_is_valid() -> None:
    """Each line of a watch is a valid event, whatever happens."""
    scripted = cutover(
        moved("ACME", 20, 100, phases=(SimPhase("export", 100), SimPhase("import", 50))),
        moved("ERP", 40, 200, "FAILED", final_message="No\tsuch\nfield."),
        node("STUCK", "running", has_details=False),
        over=650,
    )
    with night(scripted) as rehearsed:
        rehearsed.at(150, lambda: rehearsed.server.faults.add("503", 50))
        events = rehearsed.events("--stall-after", "4m", "--interval", "40s")
    for event in events:
        assert_valid("event", event)
    kinds = {"snapshot", "change", "progress", "stalled", "outage", "recovered", "finished"}
    assert {event["event"] for event in events} - {"alive"} == kinds
