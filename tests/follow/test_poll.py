"""Polls that cost what changed: how many requests they are, and that nothing is lost by them."""

from __future__ import annotations

import gc
import re
import statistics
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migstat.follow.deadline import Stopped
from migstat.follow.poll import Poller
from migstat.follow.watch import Plan
from migstat.model.events import Changed, Ended, Outage, Recovered
from migstat.model.nodes import child_of
from migstat.model.verdict import Verdict
from migstat.query.task import TaskSession
from migstat.settings.target import Target
from migstat.simulator import scenario as script
from tests.scenarios import JOB, TASK, migration, moved
from tests.watching import (
    EPOCH,
    LIMIT,
    Answer,
    SimulatedWatch,
    Trouble,
    changes,
    done,
    going,
    outage,
    pauses,
    seconds_of,
    served,
    the_end,
    truth,
)

FILTERS: tuple[script.FilterMode, ...] = ("works", "ignored", "empty", "rejected")
PROJECTS = ("migrate", "projects")


def poll_times(sim: SimulatedWatch) -> list[float]:
    """When polls were made: each of them begins with the root."""
    return [sent.at for sent in sim.sent if sent.brief == "root+"]


def costs(sim: SimulatedWatch) -> list[int]:
    found: list[int] = []
    for sent in sim.sent:
        if sent.brief == "root+":
            found.append(0)
        if sent.brief != "job":
            found[-1] += 1
    return found


def a_minute(sim: SimulatedWatch) -> float:
    """Requests a minute from the end of the first reading of everything to the beginning of the last."""
    polls = poll_times(sim)
    begin, end = polls[1], polls[-1]
    between = [sent for sent in sim.sent if begin <= sent.at < end]
    return len(between) / (end - begin) * 60


def lanes(count: int, length: float, width: int) -> list[script.SimNode]:
    return [
        moved(f"P{number:04}", 60 + number // width * length, 60 + (number // width + 1) * length - 3)
        for number in range(count)
    ]


MANY = lanes(41, 1, 41)
"""Projects that ended early: with these the level has too many to be read at each poll."""


def assert_truth(sim: SimulatedWatch) -> None:
    """In the end the watch holds the real tree, node for node."""
    held = {level: (node.status, node.outcome) for level, node in sim.known.items() if level != PROJECTS}
    assert held == truth(sim.task.root, sim.time.now)


@pytest.mark.parametrize(
    ("interval", "count", "length", "width", "before", "limit"),
    [
        pytest.param(1.0, 40, 200, 6, 320, LIMIT, marks=pytest.mark.slow),
        pytest.param(10.0, 500, 60, 20, 320, LIMIT, marks=pytest.mark.slow),
        (20.0, 60, 400, 6, 1060, 30),
        (20.0, 60, 400, 6, 1060, 120),
    ],
)
def test_polls_leave_three_quarters_of_the_limit(
    interval: float, count: int, length: float, width: int, before: float, limit: int
) -> None:
    """However many projects, however short the interval and however small the limit, polls use a quarter at most."""
    last = 60 + -(-count // width) * length
    scenario = migration(*lanes(count, length, width), core_end=last + 10)
    sim = SimulatedWatch(scenario, begin=last - before, plan=Plan(interval=interval), rate_limit=limit)
    assert sim.ended().verdict is Verdict.SUCCEEDED
    assert a_minute(sim) <= limit / 4
    assert_truth(sim)


@pytest.mark.parametrize(
    ("outcome", "others", "within"), [("SUCCESS", MANY, 130), ("SUCCESS", [], 15), ("FAILED", MANY, 15)]
)
def test_what_never_runs_at_a_poll_is_seen_all_the_same(
    outcome: str, others: list[script.SimNode], within: float
) -> None:
    """Projects that begin and end between two polls show within two minutes; failures, or of few, with the next."""
    events = SimulatedWatch(
        migration(moved("BLINK", 201, 203, outcome), moved("LONG", 60, 900), *others), begin=70, plan=Plan()
    ).run()
    reported = [event for event in events if isinstance(event, Changed) and event.node.name == "BLINK"]
    assert [(event.node.outcome, event.before and event.before.status) for event in reported] == [(outcome, "PENDING")]
    assert 203 <= seconds_of(reported[0]) <= 203 + within


@pytest.mark.parametrize("others", [MANY, []], ids=["many", "few"])
def test_a_poll_asks_for_the_root_the_scopes_and_what_runs(others: list[script.SimNode]) -> None:
    """In between only these are asked for: the root, the scopes, what runs or went wrong, and by name what left it.

    Of a few projects all are, as they take no more requests.
    """
    scenario = migration(moved("A", 60, 115), moved("B", 60, 900), *others, scopes=(moved("apps", 60, 950),))
    sim = SimulatedWatch(scenario, begin=100, plan=Plan(interval=10.0))
    events = sim.events()
    for event in events:
        if isinstance(event, Ended) or seconds_of(event) > 140:
            break
    polls = {at: [sent.brief for sent in sim.sent if sent.at == at] for at in poll_times(sim)}
    usual = ["root+", "migrate+", *(f"migrate,projects+ {word}" for word in ("IN_PROGRESS", "FAILED", "WARNING"))]
    expected = [usual, [*usual, "migrate,projects,A"], usual]
    if not others:
        expected = [["root+", "migrate+", "migrate,projects+"]] * 3
    assert [polls[110.0], polls[120.0], polls[130.0]] == expected


@pytest.mark.parametrize("filters", FILTERS[1:])
def test_without_filters_everything_is_read_at_each_poll(filters: script.FilterMode) -> None:
    """Polls no longer use a filter that cannot be trusted; the interval says how often they are made."""
    sim = SimulatedWatch(migration(*lanes(60, 300, 6), core_end=3100, filters=filters), begin=300)
    for event in sim.events():
        if seconds_of(event) > 400:
            break
    view = sim.watch.view
    assert view.full_every == view.interval
    assert not sim.poller.filters.trusted
    assert a_minute(sim) <= LIMIT / 4
    # one that was refused, not ignored, is tried again now and then
    assert any("IN_PROGRESS" in brief for brief in sim.asked(320)) is (filters == "rejected")
    polls = [at for at in poll_times(sim) if at > 330]
    assert {later - earlier for earlier, later in pairwise(polls)} == {view.interval}


SECONDS = st.integers(0, 400)
LIVES = st.lists(
    st.tuples(SECONDS, SECONDS, SECONDS, st.sampled_from(["SUCCESS", "WARNING", "FAILED", "SKIPPED"])),
    min_size=1,
    max_size=30,
)


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
@given(LIVES, st.sampled_from(FILTERS), st.integers(2, 25), st.floats(0.0, 2.0), st.booleans(), st.booleans())
@settings(max_examples=20)
def test_no_schedule_loses_a_change(
    lives: list[tuple[int, int, int, str]],
    filters: script.FilterMode,
    size: int,
    latency: float,
    stamped: bool,
    many: bool,
) -> None:
    """Whenever projects appear, run and end, each end is reported once, in a chain, and the last state is the truth."""
    projects = []
    for number, (reported, begun, length, outcome) in enumerate(lives):
        begin, times = 30 + reported + begun, {"reported_at": 30 + reported, "has_details": stamped}
        projects.append(moved(f"L{number:02}", begin, begin + length, outcome, **times))
    scenario = migration(*projects, *(MANY if many else ()), core_end=1300, filters=filters, page_size=size)
    sim = SimulatedWatch(scenario, begin=35, latency=latency, plan=Plan(interval=20), patience=2000)
    events = sim.run()
    assert_truth(sim)
    for project in projects:
        chain = changes(events, *PROJECTS, project.name)
        assert all(before == after for (_, before), (after, _) in pairwise(chain))
        assert [outcome for _, outcome in chain if outcome not in ("PENDING", "IN_PROGRESS")] == (
            [project.outcome] if chain else []
        )
    assert the_end(events).exit_code == any(outcome == "FAILED" for *_, outcome in lives)


def test_checks_that_end_between_two_polls_are_reported() -> None:
    """Single checks that were never seen running are read when `check` ends."""
    fast = [moved(f"C{number:02}", 5, 31 + number / 10, "SKIPPED") for number in range(45)]
    check = moved("check", 5, 38, children=tuple(fast))
    events = SimulatedWatch(migration(moved("A", 60, 900), check=check), begin=6).run()
    ends = [event for event in events if isinstance(event, Changed) and event.node.outcome == "SKIPPED"]
    assert {event.node.name for event in ends} == {node.name for node in fast}
    assert max(map(seconds_of, ends)) <= 60


def test_a_level_that_cannot_be_read_hides_nothing() -> None:
    """If the children of a level fail, its own status is the one read last, and the children known before stay."""
    sim = SimulatedWatch(migration(core_end=None))
    for before, after, names in (
        (going(fails=500), done(), []),
        (going(children={"apps": going()}), done(fails=500, children={"apps": going()}), ["apps"]),
    ):
        poller = Poller(sim.session, sim.time.clock)
        for migrate in (before, after):
            sim.trouble = served(going(children={"check": done(), "migrate": migrate}))
            poller.read_all()
        assert {node.level: node.status for node in poller.known.nodes()}["migrate",] == "FINISHED"
        poller.read_running()  # which does not ask for what could not be read
        assert [node.level for node in poller.known.nodes() if node.unreadable] == ([("migrate",)] if names else [])
        assert [node.name for node in poller.known.nodes() if node.level[:1] == ("migrate",)][1:] == names


def test_what_a_walk_has_lost_is_asked_for_by_name() -> None:
    """A child that begins again while its level is walked is not gone; one that its name does not find either is."""

    def holding(names: str) -> Trouble:
        projects = {"hidden": True, "children": {name: going() for name in names}}
        return served(going(children={"check": done(), "migrate": going(children={"projects": projects})}))

    sim = SimulatedWatch(migration(core_end=None, keys=()), trouble=holding("ABC"))
    poller = Poller(sim.session, sim.time.clock)
    poller.read_all()
    sim.trouble = lambda target, now: holding("AB" if re.search("projects(,|%2C)B", target) else "A")(target, now)
    poller.read_all()
    assert {node.name for node in poller.known.nodes() if node.level[:-1] == PROJECTS} == {"A", "B"}
    assert set(poller.known.gone) == {(*PROJECTS, "C")}
    assert [before is None for before, node in poller.known.changes if node.name == "B"] == [True, False]


def test_without_a_limit_nothing_is_slowed() -> None:
    """Without a limit the interval is the requested one, and everything is read every two minutes."""
    sim = SimulatedWatch(migration(*lanes(200, 60, 20)), begin=200, rate_limit=None, plan=Plan(interval=3.0))
    next(event for event in sim.events() if seconds_of(event) > 230)
    assert (sim.watch.view.interval, sim.watch.view.full_every) == (3.0, 120.0)


def large_night(*more: script.SimNode, count: int = 1500, **options: Any) -> script.Scenario:
    """Projects that begin by name, ten at a time; of every forty one fails, one is incomplete and one has a warning."""
    outcomes = {7: "FAILED", 27: "WARNING", 33: "INCOMPLETE"}
    projects = [
        moved(f"P{number:04}", 60 + number * 2, 60 + number * 2 + 20 + number % 3, outcomes.get(number % 40, "SUCCESS"))
        for number in range(count)
    ]
    return migration(*projects, *more, core_end=count * 2 + 200, **options)


@pytest.mark.slow
def test_news_of_a_large_migration_comes_with_the_next_poll_within_the_limit() -> None:
    """Failures and warnings show within 12 s, successes within 60 s, the interval stays, and the limit is used."""
    sim = SimulatedWatch(large_night(), begin=1000, plan=Plan(interval=10.0))
    delays: dict[str, list[float]] = {}
    for event in sim.events():
        at = seconds_of(event)
        if isinstance(event, Changed) and event.node.outcome and event.node.level[:2] == PROJECTS:
            project = sim.task.root.find(event.node.level, at)
            delays.setdefault(event.node.outcome, []).append(at - ((project and project.ended_at) or 0.0))
        if at > 1600:
            break
        assert sim.watch.view.interval == 10.0
    assert {outcome: len(each) > 5 for outcome, each in delays.items()} == dict.fromkeys(delays, True)
    assert max(*delays["FAILED"], *delays["WARNING"]) <= 12
    assert max(delays["INCOMPLETE"]) <= 60
    assert statistics.quantiles(delays["SUCCESS"], n=20)[-1] <= 60
    assert max(costs(sim)[1:-1]) <= LIMIT / 4 / 60 * 12
    assert 0.8 * LIMIT / 4 <= a_minute(sim) <= LIMIT / 4


def test_everything_of_a_large_migration_is_read_in_turn() -> None:
    """A project that ended unseen and one that is no longer reported both show, yet nothing is read all at once."""
    unseen = moved("A-UNSEEN", 303, 304, "SKIPPED")
    gone = script.SimNode(name="A-GONE", steps=(script.Step(0, "PENDING"), script.Step(250, None)))
    sim = SimulatedWatch(large_night(unseen, gone, count=200, page_size=3), begin=200, plan=Plan(interval=10.0))
    reported: dict[str, float] = {}
    for event in sim.events():
        if isinstance(event, Changed):
            reported.setdefault(event.node.name, seconds_of(event))
        if seconds_of(event) > 470:
            break
    assert max(costs(sim)[1:-1]) < 30 < costs(sim)[0]
    assert 304 <= reported["A-UNSEEN"] <= 470
    assert (*PROJECTS, "A-GONE") in sim.poller.known.gone
    assert (*PROJECTS, "A-GONE") not in sim.known


def test_a_refusal_while_everything_is_read_in_turn_passes_like_any_other() -> None:
    """A single 401 among answers is no outage; the large migration is read in turn from the beginning."""
    refused: list[float] = []

    def once(target: str, now: float) -> Answer:
        if now < 230 or "status=PENDING" not in target or refused:
            return None
        refused.append(now)
        return httpx.Response(401)

    scenario = large_night(moved("A-UNSEEN", 303, 304, "SKIPPED"), count=200, page_size=3)
    sim = SimulatedWatch(scenario, begin=200, plan=Plan(interval=10.0), trouble=once, ends=(520.0, Stopped()))
    events = sim.run()
    assert refused
    assert not [event for event in events if isinstance(event, Outage | Recovered)]
    assert "A-UNSEEN" in {event.node.name for event in events if isinstance(event, Changed)}


def test_a_large_level_that_is_reported_during_a_watch_does_not_make_polls_rare() -> None:
    """When thousands of projects appear at once, they are read once, and polls come as often as before and after."""
    projects = [moved(f"P{number:04}", 200 + number, 260 + number, reported_at=100) for number in range(2000)]
    scenario = migration(*projects, core_end=3000)
    sim = SimulatedWatch(scenario, begin=50, plan=Plan(interval=10.0), ends=(400.0, Stopped()))
    sim.run()
    assert len([level for level in sim.known if level[:-1] == PROJECTS]) == 2000
    assert [cost > 40 for cost in costs(sim)].count(True) == 1
    assert max(pauses(poll_times(sim))) < 30


@pytest.mark.slow
@pytest.mark.parametrize("about", ["level=migrate&", "migrate,projects"])
def test_a_level_of_a_large_migration_that_does_not_answer_for_a_while_costs_no_full_reading(about: str) -> None:
    """It is told as an outage, and so is its end; polls ask for it alone and go on with all else."""
    sim = SimulatedWatch(
        large_night(count=1400),
        begin=300,
        plan=Plan(interval=10.0),
        trouble=outage(600, 700, about=about),
        ends=(1000.0, Stopped()),
    )
    told = [event for event in sim.run() if isinstance(event, Outage | Recovered)]
    assert [(type(event), round(seconds_of(event), -2)) for event in told] == [(Outage, 600), (Recovered, 700)]
    assert [cost > 60 for cost in costs(sim)].count(True) == 1
    assert max(pauses(poll_times(sim))) < 45


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("filters", [*FILTERS, "first-page", "once"])
def test_a_large_migration_is_followed_to_its_end_whatever_becomes_of_filters(filters: script.FilterMode) -> None:
    """The last state is the truth and every end is reported once, with projects that are retried or reported late."""
    late = [moved(f"LATE{number}", 1300 + number, 1400 + number, reported_at=1200 + number * 9) for number in range(30)]
    ends = (script.Step(1100, "FINISHED", "FAILED"), script.Step(1400, "FINISHED", "SUCCESS"))
    retried = script.SimNode(name="RETRIED", steps=(script.Step(900), ends[0], script.Step(1350), ends[1]))
    sim = SimulatedWatch(large_night(*late, retried, filters=filters), begin=1000, plan=Plan(interval=10.0))
    events = sim.run()
    assert_truth(sim)
    ended = [event.node.name for event in events if isinstance(event, Changed) and event.node.outcome
             and event.node.level[:2] == PROJECTS and event.node.name != "RETRIED"]  # fmt: skip
    assert len(ended) == len(set(ended))
    assert the_end(events).exit_code == 1
    assert sim.poller.filters.trusted or filters != "works"


def test_a_long_first_reading_is_shown_as_it_goes_on() -> None:
    """Every second what was seen so far, out of how many, with the scopes; and nothing more after it."""
    projects = [moved(f"P{number:02}", 60 + number, 300 + 5 * number) for number in range(60)]
    sim = SimulatedWatch(migration(*projects, scopes=(moved("apps", 40, 900),), page_size=3), begin=310, latency=0.4)
    events = sim.events()  # kept, or the client would be closed
    next(events)
    shown, keys = sim.filled, sim.session.job.included_keys("projects")
    assert len(shown) > 5
    assert shown[0].at - (EPOCH + sim.sent[0].at) * 1000 < 5000
    for view in shown:
        snapshot, (count, total) = view.snapshot, view.reading or (0, 0)
        assert snapshot is not None
        assert total == len(keys)
        assert count == len(snapshot.shape.leaves)
        assert (snapshot.verdict, snapshot.job_name) == (Verdict.RUNNING, sim.session.job.name)
        assert snapshot.summary is not None
        assert snapshot.summary.total == total
        assert len((child_of(snapshot.node, "migrate") or snapshot.node).children or ()) > 1
    assert all(later.at - earlier.at >= 1000 for earlier, later in pairwise(shown))
    counts = [view.reading[0] for view in shown if view.reading]
    assert counts == sorted(counts)
    seen = len(shown)
    sim.poller.read_all()
    assert len(sim.filled) == seen
    session = TaskSession(sim.api, Target(JOB, TASK), lambda: EPOCH - sim.time.now, LIMIT)  # the clock was set back
    Poller(session, sim.time.clock, sim.filled.append).read_all()
    assert len(sim.filled) > seen + 5


@pytest.mark.slow
def test_a_watch_leaves_nothing_to_the_garbage_collector() -> None:
    """What a poll has read and is no longer known is freed at once: the collector may not come by for hours."""
    sim = SimulatedWatch(migration(*lanes(40, 200, 6), core_end=3000), begin=300, plan=Plan(interval=10.0))
    events = sim.watch.events()
    for _ in events:
        if sim.time.now > 320:
            break
    gc.collect()
    gc.disable()
    try:
        for _ in events:
            if sim.time.now > 700:
                break
        assert gc.collect() == 0
    finally:
        gc.enable()
