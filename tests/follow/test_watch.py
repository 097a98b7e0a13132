"""A watch from its first view to its last event: how it ends, what it says, and how it gets through outages."""

from __future__ import annotations

import gc
import io
import random
import ssl
import threading
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

import migstat
from migstat.errors import ApiError, BadAnswer, BadRequest, NotFound, Refused, UntrustedServer
from migstat.follow.deadline import Stopped
from migstat.follow.night import read_night
from migstat.follow.watch import Plan
from migstat.model.events import (
    Alive,
    Changed,
    Condition,
    End,
    Ended,
    Event,
    Outage,
    Progressed,
    Recovered,
    Resumed,
    Snapped,
    Stalled,
    View,
    Waiting,
)
from migstat.model.nodes import MIGRATE, Level
from migstat.model.shape import Evidence
from migstat.model.verdict import Until, Verdict, assess_at, settles_at
from migstat.query.task import TaskSession
from migstat.render.drawing import Canvas, drawn
from migstat.render.ending import WatchResult, ending, last_line, status_line
from migstat.render.json import encoded, event_document
from migstat.render.sorted_view import sorted_view
from migstat.render.text import duration
from migstat.render.theme import UNICODE
from migstat.simulator import scenario as script
from migstat.simulator.app import App
from migstat.simulator.scenarios import build
from tests.scenarios import JOB, TASK, checks, migration, moved
from tests.watching import (
    EPOCH,
    INTERVAL,
    Answer,
    SimulatedWatch,
    answered,
    changes,
    done,
    going,
    kinds,
    outage,
    pauses,
    seconds_of,
    served,
    the_end,
    truth,
    unavailable,
)

HOUR = 3600.0
CORE_END = 1000.0

TWO = (moved("A", 60, 300), moved("B", 100, 900))
APPS = migration(*TWO, scopes=(moved("usersAndGroups", 40, 80), moved("apps", 40, 1300, "WARNING")))


# how it ends


@pytest.mark.parametrize(
    ("scenario", "begin", "until"),
    [
        pytest.param(migration(*TWO, scopes=(moved("apps", 40, 990),)), 5000, Until.DONE, id="migrate"),
        pytest.param(migration(*(moved(f"P{n:02}", 60, 900) for n in range(65))), 5000, Until.DONE, id="four pages"),
        pytest.param(checks(moved("Odd", 0, 20, "SKIPPED"), end=30), 5000, Until.DONE, id="check"),
        pytest.param(migration(*TWO), 150, Until.CHECKS, id="checks of a running migration"),
        pytest.param(migration(*TWO), 5000, Until.CHECKS, id="checks of a finished migration"),
    ],
)
def test_what_has_ended_already_ends_it_at_once(scenario: script.Scenario, begin: float, until: Until) -> None:
    """A task that has already ended is read once, in full, without any pause."""
    sim = SimulatedWatch(scenario, begin=begin, plan=Plan(until=until))
    events = sim.run()
    assert kinds(events) == ["Snapped", "Ended"]
    assert sim.time.slept == []
    assert len(sim.asked()) == len({sent.target for sent in sim.sent})
    assert (the_end(events).end, the_end(events).verdict) == (End.FINISHED, Verdict.SUCCEEDED)


@pytest.mark.parametrize(
    ("more", "end", "code"),
    [
        ({"timeout": 165.0}, End.TIMEOUT, 124),
        *(({"ends": (205.0, Stopped(number))}, End.INTERRUPTED, 128 + number) for number in (1, 2, 15)),
    ],
)
def test_a_signal_or_the_timeout_ends_it_without_another_request(more: dict[str, Any], end: End, code: int) -> None:
    """It ends at once with the code of what stopped it and the last state, and nothing more is read."""
    sim = SimulatedWatch(migration(*TWO), begin=40, **more)
    ended = sim.ended()
    assert (ended.end, ended.verdict, ended.exit_code) == (end, Verdict.RUNNING, code)
    assert (seconds_of(ended), ended.summary.running) == (205, 2)
    assert sim.sent[-1].at <= 200


def test_a_reading_and_its_pauses_end_with_the_timeout() -> None:
    """In the middle of a reading that takes long, no level is asked for after the time is up, nor one attempt more."""
    sim = SimulatedWatch(migration(*TWO), begin=40, latency=5.0, timeout=12.0)
    assert sim.ended().end is End.TIMEOUT
    assert [sent.at for sent in sim.sent if sent.brief != "job"] == [40, 45, 50]


@pytest.mark.parametrize(("stop", "request_number"), [(Stopped(2), 1), (Stopped(), 4), (Stopped(2), 12)])
def test_an_end_in_the_middle_of_a_reading_reads_no_further(stop: BaseException, request_number: int) -> None:
    """Whichever request is under way when it is stopped is the last one."""
    sim = SimulatedWatch(migration(*TWO), begin=40)
    sim.trouble = lambda _target, _now: stopping() if len(sim.sent) == request_number else None

    def stopping() -> Answer:
        raise stop

    assert sim.ended().end in (End.INTERRUPTED, End.TIMEOUT)
    assert len(sim.sent) == request_number


def test_what_is_asked_again_at_the_end_stays_under_the_quarter() -> None:
    """Waiting for a missing project of many does not use up the budget that others share."""
    projects = [moved(f"P{number:03}", 60, 900) for number in range(200)]
    scenario = migration(*projects, keys=(*(project.name for project in projects), "NEVER"))
    sim = SimulatedWatch(scenario, begin=950)
    ended = sim.ended()
    assert ended.missing == ("NEVER",)
    last = max(sent.at for sent in sim.sent if sent.brief == "root+")
    first = next(sent.at for sent in sim.sent if sent.at > CORE_END)
    between = [sent for sent in sim.sent if first < sent.at < last]
    assert len(between) / (last - first) * 60 <= 540 / 4


@pytest.mark.parametrize(
    ("outcome", "until", "end", "code"),
    [
        ("SUCCESS", Until.DONE, End.ERROR, 3),
        ("SUCCESS", Until.CORE, End.ERROR, 3),
        ("FAILED", Until.DONE, End.FINISHED, 1),
    ],
)
def test_a_root_that_cannot_be_read_for_ten_minutes_is_an_error(
    outcome: str, until: Until, end: End, code: int
) -> None:
    """It is an outage at once, named, and after ten minutes the end: 1 if a failure is known, else 3."""
    projects = {"hidden": True, "children": {"A": done(outcome), "B": going()}}
    tree = {"status": 5, "children": {"check": done(), "migrate": going(children={"projects": projects})}}
    events = SimulatedWatch(migration(*TWO), begin=5000, plan=Plan(INTERVAL, until=until), trouble=served(tree)).run()
    ended = the_end(events)
    assert (ended.end, ended.exit_code) == (end, code)
    assert [event.code for event in events if isinstance(event, Outage)] == ["incomplete"]
    assert 5600 <= seconds_of(ended) <= 5800
    assert any("could not be read: " in (reason.message or "") for reason in ended.reasons)


# how it begins


def test_a_task_without_status_is_waited_for() -> None:
    """A task that answers nothing yet is pending, and its nodes are reported as they come."""
    (task,) = (scenario := migration(*TWO)).tasks
    task = replace(task, root=replace(task.root, reported_at=50.0))
    events = SimulatedWatch(replace(scenario, tasks=(task,))).run()
    first = events[0]
    assert isinstance(first, Snapped)
    assert (first.snapshot.verdict, first.snapshot.node.status) == (Verdict.PENDING, None)
    assert changes(events)[0] == (None, "IN_PROGRESS")
    assert the_end(events).verdict is Verdict.SUCCEEDED


@pytest.mark.parametrize("job_answers", [True, False])
def test_a_task_that_does_not_answer_yet_is_waited_for(*, job_answers: bool) -> None:
    """A 404 of a task is waited for while its job is there, or may be; two minutes of it are enough to believe it."""

    def trouble(target: str, _now: float) -> Answer:
        return httpx.Response(503) if target.endswith(f"/jobs/{JOB}") and not job_answers else None

    first = next(SimulatedWatch(migration(*TWO, status_at=100.0), trouble=trouble).events())
    assert isinstance(first, Snapped)
    assert 100 <= seconds_of(first) <= 140
    if job_answers:
        never = SimulatedWatch(migration(*TWO, status_at=1e6))
        with pytest.raises(NotFound):
            never.run()
        assert 120 <= never.time.now <= 160


@pytest.mark.parametrize(
    ("kind", "error"),
    [("certificate", UntrustedServer), ("401", Refused), ("400", BadRequest), ("redirect", BadAnswer)],
)
def test_what_no_waiting_helps_against_is_raised_before_the_first_view(kind: str, error: type[ApiError]) -> None:
    """Before anything was seen a refusal or a wrong address ends it at the first answer."""
    sim = SimulatedWatch(
        migration(*TWO), trouble=outage(0, HOUR, {"401": lambda: httpx.Response(401), **TROUBLES}[kind])
    )
    with pytest.raises(error):
        sim.run()
    assert (len(sim.sent), sim.time.slept) == (1, [])


def test_an_outage_before_the_first_view_is_waited_out() -> None:
    """That is reported, and the first view comes when the API answers; before it, the last event says pending."""
    silent = outage(0, 600)
    events = SimulatedWatch(migration(*TWO), trouble=silent).run()
    assert kinds(events)[:4] == ["Outage", "Alive", "Recovered", "Snapped"]
    assert the_end(events).verdict is Verdict.SUCCEEDED
    ended = SimulatedWatch(migration(*TWO), ends=(20.0, Stopped(15)), trouble=silent).run()
    assert (kinds(ended), the_end(ended).verdict) == (["Outage", "Ended"], Verdict.PENDING)


# outages


def untrusted() -> Exception:
    """A connection whose certificate is not to be trusted: a captive portal, perhaps."""
    error = httpx.ConnectError("certificate verify failed")
    error.__cause__ = ssl.SSLCertVerificationError("certificate verify failed")
    return error


TROUBLES: dict[str, Callable[[], Answer]] = {
    "name": lambda: httpx.ConnectError("[Errno -2] Name or service not known"),
    "503": unavailable,
    "429": lambda: httpx.Response(429, headers={"Retry-After": "30"}),
    "html": lambda: httpx.Response(200, html="<html>Welcome to the hotel</html>"),
    "redirect": lambda: httpx.Response(302, headers={"Location": "https://elsewhere.invalid/"}),
    "400": lambda: httpx.Response(400),
    "500": lambda: httpx.Response(500),
    "certificate": untrusted,
}


@pytest.mark.parametrize("kind", TROUBLES)
def test_any_outage_is_reported_once_and_waited_out(kind: str) -> None:
    """Whatever comes in place of answers: one outage, one recovery, and every change of that time afterwards.

    Meanwhile what was seen last is still there, and when it was.
    """
    scenario = migration(*TWO, moved("C", 410, 450, "WARNING"), scopes=(moved("apps", 40, 500),))
    sim = SimulatedWatch(scenario, begin=200, trouble=outage(400, 700, TROUBLES[kind]))
    events: list[Event] = []
    for event in sim.events():
        events.append(event)
        known = sim.watch.view.snapshot
        if isinstance(event, Outage) and known is not None:
            assert event.retry_in_seconds > 0
            assert [leaf.name for leaf in known.shape.leaves] == ["A", "B", "C"]
            assert known.verdict is Verdict.RUNNING
            assert 350 < known.fetched_at / 1000 - EPOCH < 400
    _, back = [event for event in events if isinstance(event, Outage | Recovered)]
    assert isinstance(back, Recovered)
    assert 300 - INTERVAL <= back.outage_seconds <= 300 + 60
    assert changes(events, "migrate", "apps") == [("IN_PROGRESS", "SUCCESS")]
    assert changes(events, "migrate", "projects", "C")[-1][1] == "WARNING"
    assert the_end(events).verdict is Verdict.WARNING


def test_what_ended_in_an_outage_is_counted_as_soon_as_it_is_over() -> None:
    """The first view after an outage counts what has begun and ended during it: no poll would ask for that."""
    late = [moved(f"C{at}", 320 + at, 330 + at) for at in range(5)]
    sim = SimulatedWatch(migration(*TWO, *late), begin=200, trouble=outage(300, 400))
    events = sim.watch.events()
    for event in events:
        if isinstance(event, Recovered):
            break
    snapshot = sim.watch.view.snapshot
    assert snapshot is not None
    assert {f"C{at}" for at in range(5)} <= {leaf.name for leaf in snapshot.shape.leaves if leaf.ended}
    events.close()


def test_waits_grow_in_an_outage() -> None:
    """The longer it lasts the longer are the pauses, up to half a minute and what one request is tried for."""
    sim = SimulatedWatch(migration(*TWO), begin=200, trouble=outage(300, 900))
    sim.run()
    gaps = pauses([sent.at for sent in sim.sent if 300 <= sent.at < 900])
    assert max(gaps[:3]) < 5
    assert 20 <= max(gaps) <= 300


@pytest.mark.parametrize(
    ("status", "asked_for", "shortest", "longest"), [(429, 30, 30, 70), (503, 250, 250, 290), (429, 86400, 250, 330)]
)
def test_retry_after_is_the_shortest_wait_up_to_five_minutes(
    status: int, asked_for: int, shortest: float, longest: float
) -> None:
    """Nothing is asked for as long as the server asks not to be, but it is asked again after five minutes."""
    tried: list[float] = []

    def trouble(_target: str, now: float) -> Answer:
        if now < 400 or len(tried) >= 2:
            return None
        tried.append(now)
        return httpx.Response(status, headers={"Retry-After": str(asked_for)})

    sim = SimulatedWatch(migration(*TWO), begin=380, trouble=trouble)
    sim.run()
    after = [sent.at for sent in sim.sent if sent.at >= tried[0]]
    assert all(shortest <= gap <= longest for gap in pauses(after[:3]))


@pytest.mark.parametrize(("status", "error"), [(401, Refused), (404, NotFound)])
def test_a_refusal_after_success_is_believed_after_two_minutes(status: int, error: type[ApiError]) -> None:
    """Two minutes of nothing but refusals end it, and until then they are an outage."""
    sim = SimulatedWatch(migration(*TWO), begin=200, trouble=outage(400, 1e9, lambda: httpx.Response(status)))
    seen: list[Event] = []
    with pytest.raises(error):
        seen.extend(sim.events())
    assert kinds(seen).count("Outage") == 1
    assert 520 <= sim.time.now <= 560


@pytest.mark.parametrize(
    "answers",
    [{400: 401, 500: None}, {400: 404, 460: None, 600: 404, 660: None}, {400: 401, 480: 503, 560: 401, 650: None}],
)
def test_a_refusal_that_passes_is_forgotten(answers: dict[int, int | None]) -> None:
    """A refusal that does not last two minutes, or not without another error, leaves the watch going."""

    def trouble(_target: str, now: float) -> Answer:
        status = next((answers[since] for since in sorted(answers, reverse=True) if since <= now), None)
        return None if status is None else httpx.Response(status)

    events = SimulatedWatch(migration(*TWO), begin=200, trouble=trouble).run()
    outages = list(answers.values()).count(None)
    assert kinds(events).count("Outage") == kinds(events).count("Recovered") == outages
    assert the_end(events).verdict is Verdict.SUCCEEDED


@pytest.mark.parametrize(
    ("about", "gone"), [("status=IN_PROGRESS", None), ("projects,GONE", 395.0)], ids=["a poll", "a full reading"]
)
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_in_the_middle_of_a_reading_loses_no_change(about: str, gone: float | None, status: int) -> None:
    """What else was read is reported, each change once: a refusal of one question says nothing about the account."""
    vanishing = script.SimNode(name="GONE", steps=(script.Step(60), *([script.Step(gone, None)] if gone else [])))
    scopes = (moved("apps", 40, 395),)
    rest = [moved(f"R{number:02}", 60, 70) for number in range(40)]  # too many to be read at each poll
    scenario = migration(*TWO, vanishing, *rest, scopes=scopes, keys=("A", "B"))
    refusals = outage(390, 440, lambda: httpx.Response(status), about)
    sim = SimulatedWatch(scenario, begin=150 if gone else 340, trouble=refusals, ends=(600.0, Stopped()))
    events = sim.run()
    assert any(about in sent.target.replace("%2C", ",") and 390 <= sent.at < 440 for sent in sim.sent)
    assert "Outage" not in kinds(events)
    assert changes(events, "migrate", "apps") == [("IN_PROGRESS", "SUCCESS")]


def test_a_project_that_cannot_be_asked_for_by_name_does_not_stop_the_rest() -> None:
    """A single node that answers only errors is not an outage of the whole API."""
    events = SimulatedWatch(migration(*TWO), begin=200, trouble=outage(0, HOUR, TROUBLES["500"], "projects,A")).run()
    assert [changes(events, "migrate", "projects", name)[-1][1] for name in "AB"] == ["SUCCESS", "SUCCESS"]
    assert the_end(events).verdict is Verdict.SUCCEEDED


@pytest.mark.parametrize("kind", ["500", "503", "html", "403", "404"])
@pytest.mark.parametrize("about", ["migrate,projects", "level=migrate&"])
def test_a_level_that_does_not_answer_is_an_outage_though_the_root_answers(about: str, kind: str) -> None:
    """It is told soon, named in every view, and its end once; what is below has not stalled, and is caught up with."""
    scenario = migration(
        *TWO, moved("BAD", 420, 450, "FAILED"), moved("C", 100, 950), core_end=2500.0, scopes=(moved("apps", 40, 2400),)
    )
    plan = Plan(INTERVAL, stall_after=200)
    answer = TROUBLES.get(kind, lambda: httpx.Response(int(kind)))
    sim = SimulatedWatch(scenario, begin=200, plan=plan, trouble=outage(400, 1200, answer, about))
    events: list[Event] = []
    for event in sim.events():
        events.append(event)
        if sim.view is not None and 500 < seconds_of(event) < 1200:
            silent = sim.view.outage
            assert silent is not None
            assert silent.message.startswith(f"cannot read {about.removeprefix('level=').removesuffix('&')}: ")
    told: list[Event] = [event for event in events if isinstance(event, Outage | Recovered)]
    assert kinds(told) == ["Outage", "Recovered"]
    assert 400 <= seconds_of(told[0]) <= 470
    assert 1200 <= seconds_of(told[1]) <= 1260
    assert isinstance(told[1], Recovered)
    assert 720 <= told[1].outage_seconds <= 860
    stalled = [event for event in events if isinstance(event, Stalled) and event.level[:2] != ("migrate", "apps")]
    assert [event.level for event in stalled if 400 < seconds_of(event) < 1200 and event.level != ()] == []
    if "projects" in about:
        assert changes(events, "migrate", "projects", "BAD")[-1][1] == "FAILED"
    assert the_end(events).exit_code == 1


@pytest.mark.parametrize("about", ["migrate,projects", f"jobs/{JOB}"])
def test_what_alone_is_refused_for_ever_is_an_error_ten_minutes_after_the_end(about: str) -> None:
    """Refusing one level, or the job, is not refusing the account: the watch goes on, says so, and believes no end."""

    def trouble(target: str, now: float) -> Answer:
        if about.startswith("jobs"):
            return httpx.Response(503 if now < 300 else 403) if target.endswith(about) else None
        return outage(400, 1e9, lambda: httpx.Response(403), about)(target, now)

    events = SimulatedWatch(migration(*TWO), begin=200, trouble=trouble).run()
    assert (the_end(events).end, the_end(events).exit_code) == (End.ERROR, 3)
    assert CORE_END + 600 <= seconds_of(the_end(events)) <= CORE_END + 700
    assert [event.code for event in events if isinstance(event, Outage)] == ["incomplete"]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refusals_between_answers_end_nothing(status: int) -> None:
    """Where every other answer is a refusal, the rest shows that the account may read: that is no end, however long."""
    chance = random.Random(7)  # noqa: S311

    def trouble(_target: str, now: float) -> Answer:
        return httpx.Response(status) if 400 <= now < 900 and chance.random() < 0.5 else None

    events = SimulatedWatch(migration(*TWO), begin=200, trouble=trouble).run()
    assert the_end(events).verdict is Verdict.SUCCEEDED
    assert changes(events, "migrate", "projects", "B") == [("IN_PROGRESS", "SUCCESS")]


def test_a_limit_of_threads_is_an_outage() -> None:
    """While the system starts no more threads a watch does not end, not even in the middle of a successful end."""
    before = threading.stack_size()

    def trouble(_target: str, now: float) -> Answer:
        threading.stack_size(1 << 46 if 960 <= now < 1100 else before)  # which no thread has room for
        return None

    try:
        events = SimulatedWatch(migration(*TWO), begin=900, trouble=trouble, session=TaskSession).run()
    finally:
        threading.stack_size(before)
    assert [event.message for event in events if isinstance(event, Outage)] == [
        "no request can be sent: the system allows no more threads"
    ]
    assert "Recovered" in kinds(events)
    assert the_end(events).verdict is Verdict.SUCCEEDED


def test_a_level_that_fails_once_is_no_outage() -> None:
    """An error of one reading that is gone with the next one is nothing to be woken for."""
    sim = SimulatedWatch(migration(*TWO), begin=200, trouble=outage(400, 415, TROUBLES["400"], "migrate,projects"))
    events = sim.run()
    assert not [event for event in events if isinstance(event, Outage | Recovered)]
    assert the_end(events).verdict is Verdict.SUCCEEDED


@pytest.mark.parametrize("step", [-3600.0, 90_000.0])
def test_a_clock_that_is_set_in_an_outage_is_not_the_outage(step: float) -> None:
    """An outage lasts as long as it lasts, and so does a time without polls, whatever the time of the day is set to."""
    sim = SimulatedWatch(migration(*TWO), begin=200, trouble=outage(400, 500))
    gaps = list[float]()
    for event in sim.events():
        if isinstance(event, Outage):
            sim.time.step = step
        elif isinstance(event, Recovered):
            assert event.outage_seconds == pytest.approx(100, abs=2 * INTERVAL)
            sim.time.now, sim.time.step = sim.time.now + 300, 0.0  # a lid is closed
        elif isinstance(event, Alive) and event.gap_seconds:
            gaps.append(event.gap_seconds)
    assert gaps == [pytest.approx(300, abs=2 * INTERVAL)]
    assert sim.watch.view.outage_seconds == pytest.approx(100, abs=2 * INTERVAL)


def test_a_closed_lid_loses_nothing() -> None:
    """Where hours pass in one pause, that is said, and all that ended meanwhile is reported on waking."""
    sim, seen = SimulatedWatch(migration(*TWO), begin=200), list[Event]()
    for event in sim.events():
        seen.append(event)
        if isinstance(event, Progressed | Snapped):
            sim.time.now = max(sim.time.now, HOUR)
    assert changes(seen, "migrate", "projects", "B") == [("IN_PROGRESS", "SUCCESS")]
    assert the_end(seen).verdict is Verdict.SUCCEEDED
    alive = next(event for event in seen if isinstance(event, Alive) and event.gap_seconds)
    assert HOUR - 200 - INTERVAL <= (alive.gap_seconds or 0) <= HOUR - 200 + INTERVAL


def test_a_sleep_and_the_outage_after_it_are_told_apart() -> None:
    """Before the network is back, the API does not answer: only that is the outage; a long outage is no sleep."""
    sim, seen = SimulatedWatch(migration(*TWO), begin=200, trouble=outage(500, 590)), list[Event]()
    for event in sim.events():
        seen.append(event)
        if isinstance(event, Snapped):
            sim.time.now = 500
    gaps = [event.gap_seconds for event in seen if isinstance(event, Alive) and event.gap_seconds]
    outages = [event.outage_seconds for event in seen if isinstance(event, Recovered)]
    assert gaps == [pytest.approx(300, abs=INTERVAL)]
    assert outages == [pytest.approx(90, abs=2 * INTERVAL)]
    canvas = Canvas(80, UNICODE, 24)
    result = WatchResult(ended=the_end(seen), view=sim.watch.view)
    lines = drawn(ending(result, canvas), canvas, color=False).splitlines()
    assert f"1 outage, {duration(outages[0])} total · not watched for {duration(gaps[0])}" in lines


# what it reports


STAGES = {"PENDING": 0, "IN_PROGRESS": 1}


def assert_in_order(events: list[Event], *, forward: bool = True) -> None:
    """Each change of a node starts from the previous one, and leads to another condition, `forward` only."""
    known: dict[Level, Condition | None] = {}
    for event in events:
        if isinstance(event, Changed):
            level, to = event.node.level, Condition(event.node.status, event.node.outcome)
            assert event.before != to
            assert event.before == known.get(level, event.before)
            if forward and event.before is not None and event.before.status is not None:
                assert STAGES.get(to.status or "", 2) > STAGES.get(event.before.status, 2)
            known[level] = to


def test_a_project_is_followed_through_its_life() -> None:
    """A node that appears comes from nothing, and then every status it is seen in is reported."""
    scenario = migration(moved("NEW", 300, 500, "FAILED", reported_at=100, final_message="Oh no."), *TWO)
    events = SimulatedWatch(scenario, begin=40).run()
    statuses = (None, "PENDING", "IN_PROGRESS", "FAILED")
    assert changes(events, "migrate", "projects", "NEW") == [*pairwise(statuses)]
    assert "Oh no." in [event.node.message for event in events if isinstance(event, Changed) and event.node.outcome]


def test_projects_that_appear_between_two_full_readings_are_known_at_once() -> None:
    """What is reported as a change is also in the tree that the verdict and the view are made from."""
    scenario = migration(moved("A", 170, 900, reported_at=165), moved("B", 200, 220, "FAILED", reported_at=165))
    sim = SimulatedWatch(scenario, begin=40, plan=Plan(fail_fast=True))
    for event in sim.events():
        if isinstance(event, Changed) and event.node.level[:2] == ("migrate", "projects"):
            known = sim.watch.view.snapshot
            assert known is not None
            assert event.node.name in [leaf.name for leaf in known.shape.leaves]
        if isinstance(event, Ended):
            assert (event.end, event.exit_code) == (End.FAILED_FAST, 1)
            assert seconds_of(event) <= 220 + 3 * INTERVAL


@pytest.mark.parametrize("seed", range(2))
def test_stale_answers_change_nothing_about_the_end(seed: int) -> None:
    """Even if some answers come from a copy that lags a minute behind, the end is the truth."""
    chance = random.Random(seed)  # noqa: S311  chance, not secrecy
    projects = [moved(f"P{number:02}", 60 + 30 * number, 200 + 30 * number) for number in range(25)]
    sim = SimulatedWatch(migration(*projects, scopes=(moved("apps", 50, 800),)), begin=60)
    lagging = App(sim.scenario, script.Timeline(EPOCH, 1.0), clock=lambda: sim.time.wall() - 60, rate_limit=None)

    def trouble(target: str, now: float) -> Answer:
        if chance.random() < 0.7 or now > 1000:
            return None
        request = httpx.Request("GET", f"http://127.0.0.1{target}", headers=sim.api._credentials)
        return answered(lagging, request, sim.time)

    sim.trouble = trouble
    events = sim.run()
    assert_in_order(events, forward=False)
    assert (the_end(events).verdict, the_end(events).summary.by_outcome) == (Verdict.SUCCEEDED, {"SUCCESS": 25})


def test_a_phase_that_begins_again_is_progress_and_no_change() -> None:
    """A node that exports, then imports, starts again from 0: that is progress, and said only where it has moved."""
    phases = (script.SimPhase("export", 3), script.SimPhase("import", 1000))
    events = SimulatedWatch(migration(moved("A", 60, 960, phases=phases)), begin=70).run()
    reported = [event for event in events if isinstance(event, Progressed) and event.level[-1:] == ("A",)]
    names = [event.progress[0].name or "" for event in reported]
    assert names == sorted(names)
    assert set(names) == {"export", "import"}
    assert len({(event.percent, event.progress) for event in reported}) == len(reported)
    percents = [event.percent or 0.0 for event in reported]
    assert sum(later < earlier for earlier, later in pairwise(percents)) == 1
    assert changes(events, "migrate", "projects", "A") == [("IN_PROGRESS", "SUCCESS")]


@pytest.mark.parametrize(
    ("scenario", "begin", "elapsed"),
    [(APPS, 0, 1300), (migration(*TWO), 900, CORE_END + 2), (checks(moved("Fine", 0, 10), end=20), 2000, 20)],
)
def test_the_first_view_comes_first_and_the_end_last(scenario: script.Scenario, begin: float, elapsed: float) -> None:
    """A snapshot with the whole tree comes first, the way it ended last, with the task's own time."""
    sim = SimulatedWatch(scenario, begin=begin)
    events = sim.run()
    assert isinstance(events[0], Snapped)
    assert kinds(events).count("Snapped") == kinds(events).count("Ended") == 1
    head = events[0].snapshot
    assert (head.job_id, head.task_id, head.task_type) == (JOB, TASK, sim.task.task_type)
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert_in_order(events)
    assert the_end(events).elapsed_seconds == elapsed


def test_the_time_of_a_task_goes_on_with_its_apps() -> None:
    """While apps go on after the task itself has ended, they have a row, and the time of the task goes on to their end.

    Live view, last event, last line and timeline say the same.
    """
    sim = SimulatedWatch(APPS)
    events, views = list[Event](), list[View]()
    for event in sim.watch.events():
        if isinstance(event, Waiting):
            views += [event.view] * (event.at > (EPOCH + CORE_END + 100) * 1000)
        elif not isinstance(event, Resumed):
            events.append(event)
    view, result = views[0], WatchResult(ended=the_end(events), view=sim.watch.view)
    assert view.snapshot is not None
    assert view.snapshot.node.elapsed_seconds(view.at) == CORE_END + 2
    assert view.snapshot.elapsed_seconds(view.at) == view.at / 1000 - EPOCH
    assert [node.level for node in sorted_view(view).running] == [(*MIGRATE, "apps")]
    assert result.ended.elapsed_seconds == 1300
    assert last_line(result).startswith("succeeded with warnings after 21m 40s")
    record = "\n".join(encoded(event_document(event)) for event in events)
    assert read_night(io.BytesIO(record.encode()), "record").elapsed_seconds == 1300


@pytest.mark.parametrize(
    ("outcome", "options", "reasons", "last_words"),
    [
        ("SUCCESS", {}, ["▲ HR  2 fields."], "failed after 16m 42s (--strict): HR: 2 fields; 2 of 2 projects done"),
        ("SUCCESS", {"fail_fast": True}, ["▲ HR  2 fields."],
         "failed after 8m 20s (--strict): HR: 2 fields; the migration goes on (1 of 2 projects)"),
        ("FAILED", {}, ["✖ ERP  FAILED", "▲ HR  2 fields."], "failed after 16m 42s; 2 of 2 projects done"),
    ],
)  # fmt: skip
def test_the_last_screen_says_that_warnings_failed_a_strict_watch(
    outcome: str, options: dict[str, Any], reasons: list[str], last_words: str
) -> None:
    """With --strict the warnings are among the reasons, beside what failed too, and the last line names the option."""
    projects = (moved("HR", 100, 500, "WARNING", final_message="2 fields."), moved("ERP", 100, 900, outcome))
    sim = SimulatedWatch(migration(*projects), begin=50, plan=Plan(strict=True, **options))
    result = WatchResult(ended=the_end([*sim.events()]), view=sim.watch.view, warnings=sim.watch.strict_warnings)
    canvas = Canvas(100, UNICODE, 24)
    *lines, last = drawn(ending(result, canvas), canvas, color=False).splitlines()
    assert ([line.strip() for line in lines if line.startswith("  ")], last) == (reasons, last_words)


@pytest.mark.parametrize(
    ("scenario", "begin", "words"),
    [
        (
            build("failing"),
            200,
            "running, 0 of 40 projects, checks failed; counts as failed unless the migration starts by ",
        ),
        (
            migration(*TWO, keys=("A", "B", "LATE")),
            900,
            "running, 2 of 3 projects, ended; waiting for late reports until ",
        ),
    ],
)
def test_an_end_that_is_not_believed_yet_has_its_reason(scenario: script.Scenario, begin: float, words: str) -> None:
    """A task whose checks failed, or that has ended with something missing, still runs: that says why, and until when.

    A single reading says the same.
    """
    sim = SimulatedWatch(scenario, begin=begin)
    views = [event.view for event in sim.watch.events() if isinstance(event, Waiting)]
    waits = [view for view in views if view.snapshot is not None and view.snapshot.settles_at is not None]
    assert len(waits) > 1
    assert all(status_line(view, view.at).startswith(words) for view in waits)
    assert views[-1] is waits[-1]
    last = waits[-1].snapshot
    assert last is not None
    assert last.settles_at is not None
    assert abs(last.settles_at - sim.watch.view.at) <= 2 * INTERVAL * 1000
    evidence = Evidence(root=last.node, task_type=last.task_type, job=sim.poller.job)
    at = settles_at(evidence, assess_at(evidence, last.fetched_at), last.fetched_at)
    assert at is not None
    assert abs(at - last.settles_at) <= 2 * INTERVAL * 1000


# a night


KINDS: tuple[Callable[[], Answer], ...] = (*TROUBLES.values(), lambda: httpx.Response(401))


class RandomFaults:
    """Something else goes wrong every few minutes: for a single request, or for up to two minutes."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311  chance, not secrecy
        self._begin = self._end = 300.0
        self._kind = 0
        self._spared = 0
        self.count = 0

    def __call__(self, _target: str, now: float) -> Answer:
        if now < self._begin:
            return None
        if self._spared:  # any request of a poll may be the first that fails
            self._spared -= 1
            return None
        kind = KINDS[self._kind % len(KINDS)]
        if now >= self._end or kind is KINDS[-1]:  # a refusal must not last
            self._begin = now + self._chance.uniform(60, 400)
            self._end = self._begin + self._chance.choice((0.0, 5.0, 40.0, 120.0))
            self._spared = self._chance.randrange(8)
            self._kind += 1
            self.count += 1
        return kind()


NIGHT = 8 * HOUR


def long_night(count: int = 60, *gone: script.SimNode, **more: Any) -> script.Scenario:
    """Projects in four lanes over eight hours, some of which fail, with apps that go on after them."""
    lane = (NIGHT - 900) / (count // 4)
    outcomes = {7: "FAILED", 21: "WARNING", 40: "INCOMPLETE", 59: "SKIPPED"}
    phases = (script.SimPhase("export", 5000), script.SimPhase("import", 9000))
    projects = [
        moved(
            f"PRJ{number:02}",
            120 + (number // 4) * lane + 13 * (number % 4),
            120 + (number // 4 + 1) * lane - 60 + 17 * (number % 4),
            outcomes.get(number, "SUCCESS"),
            reported_at=100 + 2 * number,
            phases=phases,
        )
        for number in range(count)
    ]
    scopes = (moved("usersAndGroups", 40, 100), moved("apps", 60, NIGHT, "WARNING"))
    return migration(*gone, *projects, scopes=scopes, core_end=NIGHT - 600, outcome="WARNING", **more)


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
def test_a_night_of_faults_loses_no_event() -> None:
    """Eight hours of polls with trouble every few minutes: each end is reported once, in order, the verdict right."""
    faults = RandomFaults(1)
    scenario = long_night(120, page_size=2)  # so many pages that everything is read in turn
    sim = SimulatedWatch(scenario, begin=40, plan=Plan(interval=30), trouble=faults, patience=NIGHT + HOUR)
    reported: list[Event] = [event for event in sim.events() if not isinstance(event, Progressed | Snapped)]
    assert faults.count > 60
    assert_in_order(reported)
    ends = [event for event in reported if isinstance(event, Changed) and event.node.outcome]
    root = sim.task.root
    assert sorted((event.node.level, event.node.outcome) for event in ends) == sorted(
        (level, outcome) for level, (_, outcome) in truth(root, NIGHT + 1).items() if level[:1] != ("check",)
    )
    for event in ends:
        node = root.find(event.node.level, NIGHT + 1)
        assert node is not None
        assert node.ended_at is not None
        assert node.ended_at <= seconds_of(event) <= node.ended_at + 400
    outages = kinds([event for event in reported if isinstance(event, Outage | Recovered)])
    assert outages == ["Outage", "Recovered"] * (len(outages) // 2)
    assert len(outages) > 20
    ended = the_end(reported)
    assert (ended.end, ended.verdict, ended.exit_code) == (End.FINISHED, Verdict.FAILED, 1)
    assert ended.summary.by_outcome == {"FAILED": 1, "INCOMPLETE": 1, "SKIPPED": 1, "SUCCESS": 116, "WARNING": 1}
    assert seconds_of(ended) >= NIGHT


def bytes_held() -> int:
    """Bytes that the program holds, without the simulator that runs beside it."""
    gc.collect()
    package = str(Path(migstat.__file__).parent)
    files = {entry.traceback[0].filename: entry.size for entry in tracemalloc.take_snapshot().statistics("filename")}
    return sum(size for name, size in files.items() if name.startswith(package) and "simulator" not in name)


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
def test_a_night_keeps_no_memory() -> None:
    """What is held in the last hour of a bad night was held in the first one, too."""
    gone = [moved(f"GONE{number:02}", 40, 60) for number in range(80)]
    scenario = long_night(20, *gone, page_size=200)
    sim = SimulatedWatch(scenario, begin=200, plan=Plan(interval=600), trouble=RandomFaults(2), patience=NIGHT + HOUR)
    sizes: dict[float, list[int]] = {0: [], 7: []}
    tracemalloc.start()
    try:
        for event in sim.events():
            hour, rest = divmod(seconds_of(event), HOUR)
            if hour in sizes and len(sizes[hour]) < 4 and rest >= 900 + len(sizes[hour]) * 600:
                sizes[hour].append(bytes_held())
    finally:
        tracemalloc.stop()
    assert [len(taken) for taken in sizes.values()] == [4, 4]
    assert min(sizes[7]) <= max(sizes[0]) * 1.25
