"""Which events of a watch are worth a notification, and which is the worst."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from migstat.follow.notify import Alarms, Batch, recovery_beside, worst_of
from migstat.model.crowd import summary_of
from migstat.model.events import (
    Alive,
    Changed,
    End,
    Ended,
    Event,
    Late,
    NoAnswer,
    Outage,
    Progressed,
    Recovered,
    Stalled,
    View,
)
from migstat.model.nodes import Level, Node
from migstat.model.verdict import Verdict

PROJECTS: Level = ("migrate", "projects")
VIEW = View(at=0, snapshot=None)
NOTHING = summary_of(())


def change(*level: str, outcome: str | None = "FAILED", status: str = "FINISHED") -> Changed:
    return Changed(0, Node(level, status, outcome), None)


FAILED = change(*PROJECTS, "ERP")
ALSO = change(*PROJECTS, "PAY", outcome="STOPPED")
CORE, ROOT = change("migrate"), change()
DONE = change(*PROJECTS, "ACME", outcome="SUCCESS")
STALLED = Stalled(0, (*PROJECTS, "HELP"), 900.0)
LATE = Late(0, 0, None, 60.0, "passed")
OUTAGE = Outage(0, "unreachable", "503", 10.0)
RECOVERED = Recovered(0, 130.0)
ENDED = Ended(0, End.TIMEOUT, Verdict.RUNNING, 124, NOTHING, (), None)


@pytest.mark.parametrize(
    ("event", "reported"),
    [
        (FAILED, True),
        (ALSO, True),
        (ROOT, True),
        (STALLED, True),
        (LATE, True),
        (ENDED, True),
        (DONE, False),
        (change(*PROJECTS, "ERP", outcome="WARNING"), False),
        (change(*PROJECTS, "ERP", outcome=None), False),
        (change(*PROJECTS, "ERP", outcome=None, status="IN_PROGRESS"), False),
        (Progressed(0, (*PROJECTS, "ERP"), 1.0, ()), False),
        (Alive(0, Verdict.RUNNING, NOTHING, ()), False),
        (OUTAGE, False),
        (RECOVERED, False),
    ],
)
def test_what_is_reported_at_once(event: Event, reported: bool) -> None:
    """A failure, a stall, being late and the end are reported at once, together with what else the poll has brought."""
    alarms = Alarms()
    alarms.add(DONE)
    alarms.add(event)
    assert alarms.due(0, VIEW) == (Batch((DONE, event), (event,), VIEW) if reported else None)
    assert alarms.due(1, VIEW) is None


@pytest.mark.parametrize(
    ("seconds", "since", "reported"),
    [(119, None, False), (120, None, True), (100, -20_000, True), (130, 20_000, False)],
)
def test_an_outage_is_reported_after_two_minutes_and_its_end_only_then(
    seconds: int, since: int | None, reported: bool
) -> None:
    """An outage counts from when it began. If it was reported, so is its end; each of them once."""
    view = VIEW if since is None else View(at=0, snapshot=None, outage=NoAnswer(since, "unreachable", "503", 0))
    alarms = Alarms()
    for _ in range(2):
        alarms.add(OUTAGE)
        assert alarms.due(0, view) is None
        assert alarms.due(seconds * 1000, view) == (Batch((OUTAGE,), (OUTAGE,), view) if reported else None)
        assert alarms.due(seconds * 1000, view) is None
        alarms.add(RECOVERED)
        assert alarms.due(seconds * 1000, VIEW) == (Batch((RECOVERED,), (RECOVERED,), VIEW) if reported else None)


def test_batches_are_merged_in_their_order() -> None:
    """What was to be reported before comes first; what is known now, and how it ended, counts."""
    now = View(at=9, snapshot=None)
    both = Batch((ENDED,), (ENDED,), now, "over").after(Batch((DONE, FAILED), (FAILED,), VIEW))
    assert both == Batch((DONE, FAILED, ENDED), (FAILED, ENDED), now, "over")
    many = Batch((DONE,) * 9000, (FAILED,), VIEW)
    assert many.after(None) is many
    assert len(many.after(many).events) == 10_000


@pytest.mark.parametrize(
    ("alarms", "worst", "more"),
    [
        ([FAILED], FAILED, 0), ([FAILED, ALSO], FAILED, 1), ([ROOT, CORE, ALSO], ALSO, 0), ([ROOT, CORE], CORE, 0),
        ([RECOVERED, STALLED, LATE, OUTAGE][1:], OUTAGE, 0), ([STALLED, STALLED, LATE], LATE, 0),
        ([OUTAGE, RECOVERED], RECOVERED, 0), ([OUTAGE, RECOVERED, STALLED, STALLED], STALLED, 1),
        ([STALLED, FAILED, OUTAGE, LATE, ENDED], ENDED, 0),
    ],
)  # fmt: skip
def test_the_worst_is_named(alarms: Sequence[Event], worst: Event, more: int) -> None:
    """The end comes before a failure, and that before all else; what contains a failure is not named beside it."""
    assert worst_of(alarms) == (worst, more)


@pytest.mark.parametrize(
    ("alarms", "recovery"),
    [
        ([RECOVERED], None), ([FAILED], None), ([RECOVERED, FAILED], RECOVERED),
        ([OUTAGE, RECOVERED, ENDED], RECOVERED), ([RECOVERED, FAILED, OUTAGE], None),
    ],
)  # fmt: skip
def test_the_end_of_an_outage_is_told_beside_something_worse(
    alarms: Sequence[Event], recovery: Recovered | None
) -> None:
    """Whoever was told of an outage is told that it is over, also if something worse has happened meanwhile."""
    assert recovery_beside(worst_of(alarms)[0], alarms) == recovery
