"""A watch with a rehearsal and a deadline: what it expects, and when it says that it is late."""

from __future__ import annotations

from typing import Any

import pytest

from migstat.errors import UsageError
from migstat.follow.estimate import PastRun, Rehearsal
from migstat.follow.watch import Plan
from migstat.model.events import Alive, Late, LateReason, Seen, Snapped
from migstat.model.nodes import Millis
from migstat.model.verdict import Until
from migstat.simulator import scenario as script
from tests.scenarios import migration, moved
from tests.watching import EPOCH, SimulatedWatch, kinds, outage, seconds_of

HOUR = 3600.0
NAMES = ("A", "B", "C", "D", "E", "F", "G", "H")
NIGHT_PROJECTS = tuple(moved(name, 60 + at * 300, 360 + at * 300) for at, name in enumerate(NAMES))
NIGHT = migration(*NIGHT_PROJECTS, core_end=2500)
"""Eight projects of five minutes, one after the other; the last ends at 2460."""


def at(second: float) -> Millis:
    return int((EPOCH + second) * 1000)


def rehearsed(seconds: float, *names: str) -> Rehearsal:
    """A rehearsal in which the projects took this many seconds each, one after the other."""
    work = {name: PastRun(30 + number * seconds, seconds) for number, name in enumerate(names or NAMES)}
    return Rehearsal(work=work, usual=seconds, lanes=1, offset=30)


def watched(
    due: float | None, *, took: float | None = 300, scenario: script.Scenario = NIGHT, **more: Any
) -> SimulatedWatch:
    """A watch with a deadline, and a rehearsal in which each project took `took` seconds; it polls every minute."""
    rehearsal = None if took is None else rehearsed(took)
    plan = Plan(interval=60, rehearsal=rehearsal, due=None if due is None else at(due))
    return SimulatedWatch(scenario, plan=plan, **more)


def late(sim: SimulatedWatch) -> list[tuple[LateReason, int]]:
    return [(event.reason, round(seconds_of(event))) for event in sim.run() if isinstance(event, Late)]


@pytest.mark.parametrize(
    ("due", "took", "silence", "expected"),
    [
        (2600, 300, None, []),
        (2010, 300, None, [("estimate", 120), ("passed", 2010)]),
        (2010, 200, None, [("estimate", 1080), ("passed", 2010)]),  # the pace shows once three are done
        (-100, None, None, [("passed", 0)]),
        # the second in which it passes is not waited beyond, whether or not the API answers
        (2010, None, (1900, 2400), [("passed", 2010)]),
        (2010, None, (2005, 2200), [("passed", 2010)]),
    ],
)
def test_a_deadline_is_said_to_be_missed_once_each_way(
    due: float, took: float, silence: tuple[float, float] | None, expected: list[tuple[str, int]]
) -> None:
    """Three estimates past it are said once, and so is that it has passed; without a rehearsal only this."""
    assert late(watched(due, took=took, trouble=outage(*(silence or (0, 0))))) == expected


def test_what_is_said_has_the_estimate_and_by_how_much() -> None:
    """A late event says when the end is expected and how far that is past the deadline; a passed one how long ago."""
    events = [event for event in watched(2010).run() if isinstance(event, Late)]
    first, last = events
    assert first.estimated_end is not None
    assert first.by_seconds == (first.estimated_end - at(2010)) / 1000
    assert 300 < first.by_seconds < 600
    assert (last.deadline, last.by_seconds) == (at(2010), 0)


def test_a_deadline_passes_during_a_long_pause() -> None:
    """A pause between two polls is cut for it, and nothing more is asked."""
    plan = Plan(interval=600, due=at(1000))
    sim = SimulatedWatch(NIGHT, plan=plan)
    assert late(sim) == [("passed", 1000)]
    assert not [sent for sent in sim.sent if 1000 <= sent.at < 1100]


def test_an_outage_changes_no_estimate() -> None:
    """While nothing can be read, the view keeps the last estimate, and three of them need three answers."""
    sim = watched(2010, trouble=outage(45, 900))
    warnings: list[tuple[LateReason, int]] = []
    ends = set()
    for event in sim.events():
        if sim.view is not None and sim.view.outage is not None:
            ends.add(sim.view.estimated_end)
        if isinstance(event, Late):
            warnings.append((event.reason, round(seconds_of(event))))
    assert len(ends) == 1
    assert warnings[0][0] == "estimate"
    assert warnings[0][1] >= 900


def test_an_estimate_is_said_again_only_after_it_was_ten_minutes_ahead() -> None:
    """Fast projects give it back its lead, a slow one with others behind it takes that again."""
    fast = [moved(name, 60 + number * 100, 160 + number * 100) for number, name in enumerate(NAMES[:4])]
    rest = [moved(NAMES[4], 460, 2600), *(moved(name, 2600, 2700) for name in NAMES[5:])]
    assert [reason for reason, _ in late(watched(2500, took=500, scenario=migration(*fast, *rest, core_end=2800)))] == [
        "estimate",
        "estimate",
        "passed",
    ]


def test_what_has_ended_is_not_late() -> None:
    """An end that is not believed yet has come all the same: nothing is said when the deadline passes then."""
    scenario = migration(moved("A", 60, 300), core_end=900, keys=("A", "NEVER"))
    assert late(watched(965, took=None, scenario=scenario)) == []


@pytest.mark.parametrize(
    ("late_before", "due", "expected"),
    [
        ({"passed": at(1000)}, 1000, []),
        ({"estimate": at(2010)}, 2010, ["passed"]),
        ({"estimate": at(2000)}, 2010, ["estimate", "passed"]),
        ({"passed": at(1000) + 300}, 1000, []),  # a record has whole seconds
        ({"passed": at(1000)}, 1000 + 24 * HOUR, []),  # --deadline 03:00, run again at 03:05
        ({"passed": at(1000)}, 2010, ["estimate", "passed"]),
    ],
)
def test_a_resumed_watch_repeats_nothing(
    late_before: dict[LateReason, Millis], due: float, expected: list[str]
) -> None:
    """A warning that an earlier watch gave is not repeated, unless it is about another deadline."""
    sim = watched(due, begin=1200, seen=lambda: Seen(late=late_before))
    assert [reason for reason, _ in late(sim)] == expected
    assert sim.view is not None
    if due > 2 * HOUR:
        assert sim.view.deadline == at(1000)


def test_the_view_and_the_events_have_the_estimate() -> None:
    """The view has the deadline, the estimate, the pace and how much was rehearsed; two events have the estimate."""
    scenario = migration(*NIGHT_PROJECTS, moved("NEW", 60, 2460), core_end=2500)
    sim = watched(2600, took=200, scenario=scenario, trouble=outage(1300, 1900))
    events = sim.run()
    snapped = next(event for event in events if isinstance(event, Snapped))
    alive = next(event for event in events if isinstance(event, Alive))
    assert snapped.estimated_end is not None
    assert alive.estimated_end is not None
    assert sim.view is not None
    assert (sim.view.deadline, sim.view.rehearsed) == (at(2600), (8, 9))
    assert sim.view.pace == pytest.approx(1.5)


def test_no_names_in_common_is_wrong_usage() -> None:
    """A rehearsal of other projects is refused at the first reading, before the record is looked at."""
    sim = SimulatedWatch(NIGHT, plan=Plan(rehearsal=rehearsed(300, "X", "Y")), seen=lambda: pytest.fail("recalled"))
    with pytest.raises(UsageError, match="none of this task's 8 projects"):
        sim.run()


def test_names_that_are_known_late_end_nothing() -> None:
    """If the names come after the first reading, a rehearsal without them merely gives no estimate."""
    scenario = migration(*(moved(name, 60, 300, reported_at=60) for name in NAMES), core_end=400, keys=())
    sim = SimulatedWatch(scenario, plan=Plan(rehearsal=rehearsed(300, "X", "Y")))
    assert kinds(sim.run())[-1] == "Ended"
    assert sim.view is not None
    assert (sim.view.rehearsed, sim.view.estimated_end) == ((0, 8), None)


@pytest.mark.slow
def test_core_is_not_late_for_its_apps() -> None:
    """With `--until core` apps count neither for the estimate nor for the deadline."""
    scenario = migration(*NIGHT_PROJECTS, scopes=(moved("apps", 60, 5000),), core_end=2500)
    known = Rehearsal(work=rehearsed(300).work, scopes={"apps": PastRun(30, 5000)}, usual=300)
    for until, expected in ((Until.CORE, []), (Until.DONE, ["estimate", "passed"])):
        sim = SimulatedWatch(
            scenario, plan=Plan(interval=60, until=until, rehearsal=known, due=at(2700)), patience=6000
        )
        assert [reason for reason, _ in late(sim)] == expected


@pytest.mark.slow
def test_a_night_as_rehearsed_is_never_late() -> None:
    """Not while its first projects begin one by one, nor while a lane is empty between two of them."""
    starts = {name: 60 + 45 * (at % 4) + 630 * (at // 4) for at, name in enumerate(NAMES)}
    scenario = migration(*(moved(name, start, start + 600) for name, start in starts.items()), core_end=1470)
    took = {name: PastRun(start, 600) for name, start in starts.items()}
    known = Rehearsal(work=took, usual=600, lanes=4, offset=60)
    assert late(SimulatedWatch(scenario, plan=Plan(rehearsal=known, due=at(1500)))) == []
