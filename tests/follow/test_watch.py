"""A watch from its first view to its last event: how it ends, what it tells, and how it gets through outages."""

from __future__ import annotations

import gc
import random
import ssl
import tracemalloc
from collections import Counter
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
from migstat.follow.watch import Plan
from migstat.model.events import (
    Changed,
    Condition,
    End,
    Ended,
    Event,
    Outage,
    Progressed,
    Recovered,
    Seen,
    Snapped,
    Stalled,
)
from migstat.model.exit_codes import exit_of_end
from migstat.model.nodes import Level, leaves_of
from migstat.model.verdict import Until, Verdict
from migstat.simulator import scenario as script
from migstat.simulator.app import App
from migstat.simulator.exchange import HttpRequest
from tests.watching import (
    EPOCH,
    INTERVAL,
    JOB,
    TASK,
    Answer,
    Tree,
    Trouble,
    World,
    changes,
    checks,
    done,
    going,
    kinds,
    migration,
    moved,
    of_root,
    pauses,
    seconds_of,
    served,
    the_end,
    truth,
)

HOUR = 3600.0
CORE_END = 1000.0
SETTLE = 120.0

TWO = (moved("A", 60, 300), moved("B", 100, 900))


# how it ends


@pytest.mark.parametrize(
    "scenario",
    [
        migration(*TWO, scopes=(moved("apps", 40, 990),)),
        migration(*(moved(f"P{number:02}", 60, 900) for number in range(65))),
        checks(moved("Fine", 0, 10), moved("Odd", 0, 20, "SKIPPED"), end=30),
    ],
    ids=["migrate", "four pages", "check"],
)
def test_what_has_ended_already_ends_it_at_once(scenario: script.Scenario) -> None:
    """A task that had ended is read once, as a whole, without any pause."""
    world = World(scenario, begin=5000)
    events = world.run()
    assert kinds(events) == ["Snapped", "Ended"]
    assert world.time.slept == []
    assert len(world.asked()) == len({sent.target for sent in world.sent})
    assert the_end(events).end is End.FINISHED
    assert the_end(events).verdict is Verdict.SUCCEEDED


@pytest.mark.parametrize(
    ("end", "verdict", "code"),
    [
        (End.FINISHED, Verdict.SUCCEEDED, 0),
        (End.FINISHED, Verdict.FAILED, 1),
        (End.FAILED_FAST, Verdict.RUNNING, 1),
        (End.TIMEOUT, Verdict.RUNNING, 124),
        (End.ERROR, Verdict.RUNNING, 3),
    ],
)
def test_how_it_ended_makes_the_code(end: End, verdict: Verdict, code: int) -> None:
    """One function makes the exit code, from the data alone."""
    assert exit_of_end(end, verdict) == code
    assert exit_of_end(End.INTERRUPTED, verdict, signal=15) == 143


APPS = migration(*TWO, scopes=(moved("usersAndGroups", 40, 80), moved("apps", 40, 1300, "WARNING")))


def test_apps_keep_a_finished_core_going() -> None:
    """The task has not ended while apps still run, though root and migrate have, and apps count in the verdict."""
    ended = World(APPS, begin=500).ended()
    assert 1300 <= seconds_of(ended) <= 1300 + 2 * INTERVAL
    assert ended.verdict is Verdict.WARNING


def test_until_core_does_not_wait_for_apps() -> None:
    """With --until core it ends at the core's end, and apps do not count."""
    ended = World(APPS, begin=500, plan=Plan(until=Until.CORE, strict=True)).ended()
    assert CORE_END <= seconds_of(ended) <= CORE_END + 2 * INTERVAL
    assert (ended.end, ended.verdict, ended.exit_code) == (End.FINISHED, Verdict.SUCCEEDED, 0)


@pytest.mark.parametrize(("outcome", "code"), [("SUCCESS", 0), ("WARNING", 0), ("FAILED", 1)])
def test_until_checks_ends_with_the_checks(outcome: str, code: int) -> None:
    """With --until checks it ends at the end of `check`, with its verdict."""
    check = moved("check", 5, 200, outcome, children=(moved("Fine", 5, 100), moved("Last", 5, 200, outcome)))
    later = (moved("A", 260, 300), moved("B", 260, 900))
    ended = World(migration(*later, check=check), plan=Plan(until=Until.CHECKS)).ended()
    assert 200 <= seconds_of(ended) <= 200 + 2 * INTERVAL
    assert (ended.end, ended.exit_code) == (End.FINISHED, code)


@pytest.mark.parametrize("begin", [150, 5000])
def test_until_checks_ends_at_once_where_they_are_over(begin: float) -> None:
    """Checks that had ended end it at the first view, whatever the migration does."""
    world = World(migration(*TWO), begin=begin, plan=Plan(until=Until.CHECKS))
    assert kinds(world.run()) == ["Snapped", "Ended"]
    assert world.time.slept == []


def test_a_check_task_ends_with_its_root() -> None:
    """In a check task all checks count, also those that end between two polls."""
    scenario = checks(moved("Fine", 0, 40), moved("Bad", 35, 38, "FAILED"), end=100, outcome="WARNING")
    events = World(scenario, begin=1).run()
    assert changes(events, "Bad")[-1][1] == "FAILED"
    assert the_end(events).exit_code == 1
    assert 100 <= seconds_of(events[-1]) <= 100 + 2 * INTERVAL


def test_a_failed_project_ends_nothing_and_is_not_forgotten() -> None:
    """One failed project in a running task does not end it, and is in the verdict whatever the root says."""
    scenario = migration(moved("A", 60, 300, "FAILED"), moved("B", 60, 900), outcome="WARNING")
    events = World(scenario, begin=40).run()
    assert changes(events, "migrate", "projects", "A")[-1] == ("IN_PROGRESS", "FAILED")
    ended = the_end(events)
    assert seconds_of(ended) >= CORE_END
    assert (ended.verdict, ended.exit_code, ended.summary.by_outcome) == (
        Verdict.FAILED,
        1,
        {"FAILED": 1, "SUCCESS": 1},
    )


def test_fail_fast_ends_on_the_first_failure() -> None:
    """With --fail-fast a failed project ends it with 1, and nothing more is read."""
    scenario = migration(moved("W", 60, 200, "WARNING"), moved("A", 60, 300, "FAILED"), moved("B", 60, 900))
    world = World(scenario, begin=40, plan=Plan(fail_fast=True))
    ended = world.ended()
    assert (ended.end, ended.exit_code) == (End.FAILED_FAST, 1)
    assert 300 <= seconds_of(ended) <= 300 + 2 * INTERVAL
    assert world.sent[-1].at == seconds_of(ended)


def test_time_that_is_up_ends_it_without_another_request() -> None:
    """--timeout ends it with 124 and the last state, and nothing more is read."""
    world = World(migration(*TWO), begin=40, ends=(205.0, Stopped()))
    ended = world.ended()
    assert (ended.end, ended.verdict, ended.exit_code) == (End.TIMEOUT, Verdict.RUNNING, 124)
    assert seconds_of(ended) == 205
    assert world.sent[-1].at <= 200
    assert ended.summary.running == 2


@pytest.mark.parametrize(("signal", "code"), [(2, 130), (15, 143), (1, 129)])
def test_a_signal_ends_it_without_another_request(signal: int, code: int) -> None:
    """A signal ends it with 128 and its number, and nothing more is read."""
    world = World(migration(*TWO), begin=40, ends=(205.0, Stopped(signal)))
    ended = world.ended()
    assert (ended.end, ended.verdict, ended.exit_code) == (End.INTERRUPTED, Verdict.RUNNING, code)
    assert world.sent[-1].at <= 200


@pytest.mark.parametrize("stop", [Stopped(2), Stopped()])
@pytest.mark.parametrize("request_number", [1, 2, 4, 9, 12])
def test_an_end_in_the_middle_of_a_reading_reads_no_further(stop: BaseException, request_number: int) -> None:
    """Whichever request is under way when it is stopped is the last one."""
    world = World(migration(*TWO), begin=40)

    def trouble(_target: str, _now: float) -> Answer:
        if len(world.sent) == request_number:
            raise stop
        return None

    world.trouble = trouble
    ended = world.ended()
    assert ended.end in (End.INTERRUPTED, End.TIMEOUT)
    assert len(world.sent) == request_number


@pytest.mark.parametrize("stop", [Stopped(15), Stopped()])
def test_an_end_before_the_first_view_has_one_event(stop: BaseException) -> None:
    """Where nothing was seen there is no snapshot, but still a last event that says pending."""
    world = World(migration(*TWO), ends=(20.0, stop), trouble=lambda _target, _now: httpx.Response(503))
    events = world.run()
    assert kinds(events) == ["Outage", "Ended"]
    assert the_end(events).verdict is Verdict.PENDING


def test_a_project_reported_late_is_waited_for() -> None:
    """What is missing at the end is asked for again, and counts when it comes within two minutes."""
    late = moved("LATE", 100, 900, "WARNING", reported_at=CORE_END + 70)
    world = World(migration(moved("A", 60, 900), late), begin=800)
    events = world.run()
    assert changes(events, "migrate", "projects", "LATE") == [(None, "WARNING")]
    ended = the_end(events)
    assert (ended.verdict, ended.missing) == (Verdict.WARNING, ())
    assert CORE_END + 70 <= seconds_of(ended) <= CORE_END + 70 + 3 * INTERVAL


@pytest.mark.parametrize(
    ("scenario", "missing"),
    [
        (migration(moved("A", 60, 900), keys=("A", "NEVER")), ("NEVER",)),
        (migration(keys=("A", "NEVER")), ("A", "NEVER")),
        (migration(keys=("A",), scopes=(moved("customers", 40, 60),)), ("A",)),
        (migration(moved("A", 60, 900), moved("STUCK", 60, None)), ()),
        (migration(moved("A", 60, 900), moved("STUCK", None, None)), ()),
    ],
    ids=["missing", "all missing, no scope", "all missing", "running", "pending"],
)
@pytest.mark.parametrize("begin", [800, 5000])
def test_what_never_comes_fails_two_minutes_after_the_end(
    scenario: script.Scenario, missing: tuple[str, ...], begin: float
) -> None:
    """A project that is missing or unfinished at the end is asked for again for two minutes, and then has failed."""
    world = World(scenario, begin=begin)
    ended = world.ended()
    since = max(begin, CORE_END + 2)
    assert (ended.end, ended.verdict, ended.exit_code, ended.missing) == (End.FINISHED, Verdict.FAILED, 1, missing)
    if begin == since:  # by the stamps of the API, this end has settled already
        assert seconds_of(ended) == begin
        return
    assert since + SETTLE <= seconds_of(ended) <= since + SETTLE + 4 * INTERVAL
    assert world.asked(since).count("migrate,projects+") > 3


def test_what_is_asked_again_at_the_end_stays_under_the_quarter() -> None:
    """Waiting for a missing project of many does not use up the budget that others share."""
    projects = [moved(f"P{number:03}", 60, 900) for number in range(500)]
    scenario = migration(*projects, keys=(*(project.name for project in projects), "NEVER"))
    world = World(scenario, begin=950)
    ended = world.ended()
    assert ended.missing == ("NEVER",)
    last = max(sent.at for sent in world.sent if sent.told == "root+")
    first = next(sent.at for sent in world.sent if sent.at > CORE_END)
    between = [sent for sent in world.sent if first < sent.at < last]
    assert len(between) / (last - first) * 60 <= 540 / 4


def test_a_migration_that_is_not_scheduled_has_failed_two_full_polls_later() -> None:
    """Checks that ended FAILED with no migration begun two readings and thirty seconds later are the end."""
    check = moved("check", 5, 20, "FAILED", children=(moved("Bad", 5, 10, "FAILED"),))
    scenario = migration(check=check, migrate=moved("migrate", None, None), core_end=None, keys=("A", "B"))
    world = World(scenario, begin=100)
    ended = world.ended()
    assert (ended.end, ended.verdict, ended.exit_code) == (End.FINISHED, Verdict.FAILED, 1)
    assert 130 <= seconds_of(ended) <= 100 + 4 * INTERVAL


def test_a_migration_that_is_scheduled_after_all_goes_on() -> None:
    """One full poll without a migration is not yet the end of one whose checks failed and were overridden."""
    check = moved("check", 5, 20, "FAILED")
    migrate = moved("migrate", 38, CORE_END, reported_at=36, children=(moved("apps", 60, 900),))
    world = World(migration(check=check, migrate=migrate), begin=22)
    assert seconds_of(world.ended()) >= CORE_END


def test_failed_checks_end_a_task_with_its_root() -> None:
    """A root that ended FAILED without any migration is the end once that migration might have been reported."""
    check = moved("check", 5, 200, "FAILED", children=(moved("Bad", 5, 100, "FAILED"),))
    root = moved("root", 0, 202, "FAILED", children=(check,))
    world = World(of_root(root, scope={"projects": {"includedKeys": ["A", "B"]}}), begin=10)
    ended = world.ended()
    assert (ended.verdict, ended.exit_code) == (Verdict.FAILED, 1)
    assert seconds_of(ended) <= 202 + SETTLE + 2 * INTERVAL
    assert [reason.level for reason in ended.reasons] == [("check",)]


@pytest.mark.parametrize(
    ("tree", "task_type", "verdict"),
    [
        (done(), "check", Verdict.SUCCEEDED),
        (done("FAILED"), "check", Verdict.FAILED),
        ({"status": "CANCELLED"}, "check", Verdict.FAILED),
        ({"status": "CANCELLED"}, "migrate", Verdict.FAILED),
        (done("FAILED", children={"check": done(), "migrate": done("FAILED")}), "migrate", Verdict.FAILED),
        (done(children={"check": done(), "migrate": done()}), "migrate", Verdict.SUCCEEDED),
        (done("WARNING", children={"check": done(), "migrate": done()}), "migrate", Verdict.WARNING),
        (done("FAILED", children={"check": done(), "migrate": {"status": "ABORTED"}}), "migrate", Verdict.FAILED),
    ],
)  # fmt: skip
def test_a_task_with_nothing_below_ends_it_too(tree: Tree, task_type: str, verdict: Verdict) -> None:
    """A task that ended, or was cancelled, before anything was reported below it is the end."""
    ended = World(of_root(moved("root", 0, 10), task_type=task_type), begin=20, trouble=served(tree)).ended()
    assert (ended.end, ended.verdict) == (End.FINISHED, verdict)
    assert seconds_of(ended) <= 20 + SETTLE + 2 * INTERVAL


def ended_tree() -> Tree:
    """A migration that has succeeded."""
    projects = {"hidden": True, "children": {"A": done(), "B": done()}}
    migrate = done(children={"apps": done(children={"x": done()}), "projects": projects})
    return done(children={"check": done(children={"Fine": done()}), "migrate": migrate})


def broken(*level: str) -> Tree:
    """The same, of which the children of one level cannot be read."""
    tree = ended_tree()
    node = tree
    for name in level:
        node = node["children"][name]
    node["fails"] = 500
    return tree


def with_a_broken_project() -> Tree:
    """The same, one project of which makes no sense."""
    tree = ended_tree()
    tree["children"]["migrate"]["children"]["projects"]["children"]["B"] = {"status": {"very": "odd"}}
    return tree


@pytest.mark.parametrize(
    "tree",
    [broken("migrate"), broken("migrate", "projects"), broken("migrate", "apps"), with_a_broken_project()],
    ids=["migrate", "projects", "apps", "one project"],
)
def test_what_cannot_be_read_at_the_end_is_an_error(tree: Tree) -> None:
    """If a part of an ended task stays unreadable for ten minutes, nobody can say that it went well: 3."""
    ended = World(migration(*TWO), begin=5000, trouble=served(tree)).ended()
    assert (ended.end, ended.exit_code) == (End.ERROR, 3)
    assert 5600 <= seconds_of(ended) <= 5700


@pytest.mark.parametrize(("outcome", "end", "code"), [("SUCCESS", End.ERROR, 3), ("FAILED", End.FINISHED, 1)])
@pytest.mark.parametrize("until", [Until.DONE, Until.CORE])
def test_a_task_that_never_makes_sense_is_an_outage_and_then_an_error(
    outcome: str, end: End, code: int, until: Until
) -> None:
    """A root whose status is of a wrong type is reported as an outage, and given up after ten minutes."""
    projects = {"hidden": True, "children": {"A": done(outcome), "B": going()}}
    tree = going(children={"check": done(), "migrate": going(children={"projects": projects})})
    events = World(migration(*TWO), begin=5000, plan=Plan(until=until), trouble=served({**tree, "status": 5})).run()
    outage = next(event for event in events if isinstance(event, Outage))
    assert (outage.code, "the task" in outage.message) == ("incomplete", True)
    ended = the_end(events)
    assert (ended.end, ended.exit_code) == (end, code)
    assert 5600 <= seconds_of(ended) <= 5800
    assert any("could not be read: the task" in (reason.message or "") for reason in ended.reasons)


def test_checks_that_cannot_be_read_do_not_matter_to_a_migration() -> None:
    """Single checks do not count beside `check`, so a migration that ended well is believed without them."""
    ended = World(migration(*TWO), begin=5000, trouble=served(broken("check"))).ended()
    assert (ended.end, ended.exit_code) == (End.FINISHED, 0)
    assert seconds_of(ended) < 5000 + INTERVAL


def test_what_can_be_read_again_at_the_end_is_no_error() -> None:
    """A part that fails at the end and answers within two minutes leaves a good verdict."""

    def trouble(target: str, now: float) -> Answer:
        return httpx.Response(500) if "projects" in target and now < 1060 else None

    ended = World(migration(*TWO), begin=5000 - 4000 + 10, trouble=trouble).ended()
    assert (ended.end, ended.verdict, ended.exit_code) == (End.FINISHED, Verdict.SUCCEEDED, 0)


# how it begins


def test_a_task_without_status_is_waited_for() -> None:
    """A task that answers nothing yet is pending, and its nodes are told as they come."""
    scenario = migration(*TWO)
    root = replace(scenario.tasks[0].root, reported_at=50.0)
    world = World(replace(scenario, tasks=(replace(scenario.tasks[0], root=root),)))
    events = world.run()
    first = events[0]
    assert isinstance(first, Snapped)
    assert (first.snapshot.verdict, first.snapshot.node.status) == (Verdict.PENDING, None)
    assert changes(events)[0] == (None, "IN_PROGRESS")
    assert the_end(events).verdict is Verdict.SUCCEEDED


def test_a_task_that_does_not_answer_yet_is_waited_for() -> None:
    """A 404 of a task whose job is there is waited for, and is no outage."""
    events = World(migration(*TWO, status_at=100.0)).run()
    assert isinstance(events[0], Snapped)
    assert 100 <= seconds_of(events[0]) <= 140
    assert the_end(events).verdict is Verdict.SUCCEEDED


def test_a_task_that_never_answers_is_not_found_after_two_minutes() -> None:
    """Two minutes of 404 are enough to believe it."""
    world = World(migration(*TWO, status_at=1e6))
    with pytest.raises(NotFound):
        world.run()
    assert 120 <= world.time.now <= 160


def test_a_job_that_is_not_there_is_not_found_at_once() -> None:
    """Where even the job is unknown nothing is waited for."""
    scenario = migration(*TWO)
    world = World(scenario, trouble=lambda _target, _now: httpx.Response(404))
    with pytest.raises(NotFound, match=f"job {JOB}"):
        world.run()
    assert world.time.slept == []


def test_a_job_that_does_not_answer_may_be_there() -> None:
    """While a task answers 404, a job that answers nothing usable is an outage like any other."""

    def trouble(target: str, now: float) -> Answer:
        return httpx.Response(503) if target.endswith(f"/jobs/{JOB}") and now < 50 else None

    events = World(migration(*TWO, status_at=60.0), trouble=trouble).run()
    assert the_end(events).verdict is Verdict.SUCCEEDED


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401), Refused),
        (httpx.Response(403), Refused),
        (httpx.Response(400), BadRequest),
        (httpx.Response(405), BadAnswer),
        (httpx.Response(302, headers={"Location": "https://elsewhere.invalid/login"}), BadAnswer),
        (httpx.Response(200, json={"data": "odd"}), BadAnswer),
    ],
    ids=["401", "403", "400", "405", "redirect", "odd"],
)
def test_what_no_waiting_helps_against_is_raised_before_the_first_view(
    answer: httpx.Response, error: type[ApiError]
) -> None:
    """Before anything was seen a refusal or a wrong address ends it at the first answer."""
    world = World(migration(*TWO), trouble=lambda _target, _now: answer)
    with pytest.raises(error):
        world.run()
    assert len(world.sent) == 1
    assert world.time.slept == []


def untrusted() -> Exception:
    """A connection whose certificate was not to be trusted."""
    error = httpx.ConnectError("certificate verify failed")
    error.__cause__ = ssl.SSLCertVerificationError("certificate verify failed")
    return error


def test_a_certificate_is_believed_to_be_wrong_before_the_first_view_only() -> None:
    """A bad certificate ends it at once, but after earlier success it is an outage: a captive portal, perhaps."""
    with pytest.raises(UntrustedServer):
        World(migration(*TWO), trouble=lambda _target, _now: untrusted()).run()
    events = World(migration(*TWO), trouble=outage(200, 400, untrusted)).run()
    assert kinds(events).count("Outage") == kinds(events).count("Recovered") == 1


def test_an_outage_before_the_first_view_is_waited_out() -> None:
    """Where the API does not answer at first, that is told, and the first view comes when it does."""
    events = World(migration(*TWO), trouble=outage(0, 600, lambda: httpx.Response(503))).run()
    assert kinds(events)[:4] == ["Outage", "Alive", "Recovered", "Snapped"]
    assert the_end(events).verdict is Verdict.SUCCEEDED


# outages


def outage(begin: float, end: float, answer: Callable[[], Answer]) -> Trouble:
    """From one second to another nothing is answered but this."""
    return lambda _target, now: answer() if begin <= now < end else None


TROUBLES: dict[str, Callable[[], Answer]] = {
    "name": lambda: httpx.ConnectError("[Errno -2] Name or service not known"),
    "refused": lambda: httpx.ConnectError("[Errno 111] Connection refused"),
    "reset": lambda: httpx.ReadError("[Errno 104] Connection reset by peer"),
    "time-out": lambda: httpx.ReadTimeout("timed out"),
    "connect time-out": lambda: httpx.ConnectTimeout("timed out"),
    "cut": lambda: httpx.RemoteProtocolError("peer closed connection"),
    "proxy": lambda: httpx.ProxyError("407 Proxy Authentication Required"),
    "500": lambda: httpx.Response(500),
    "503": lambda: httpx.Response(503, json={"status": 503, "errorMessage": "down", "id": "1"}),
    "504": lambda: httpx.Response(504),
    "429": lambda: httpx.Response(429, headers={"Retry-After": "30"}),
    "html": lambda: httpx.Response(200, html="<html>Welcome to the hotel</html>"),
    "bad gateway": lambda: httpx.Response(502, html="<html>Bad gateway</html>"),
    "garbage": lambda: httpx.Response(200, content=b'{"data": {"status": FINI\x00\xff'),
    "empty": lambda: httpx.Response(200, content=b""),
    "redirect": lambda: httpx.Response(302, headers={"Location": "https://elsewhere.invalid/"}),
    "400": lambda: httpx.Response(400),
    "odd": lambda: httpx.Response(200, json={"data": "odd"}),
}


@pytest.mark.parametrize("kind", TROUBLES)
def test_any_outage_is_told_once_and_waited_out(kind: str) -> None:
    """Whatever comes in place of answers: one outage, one recovery, and every change of that time afterwards."""
    scenario = migration(*TWO, moved("C", 410, 450, "WARNING"), scopes=(moved("apps", 40, 500),))
    events = World(scenario, begin=200, trouble=outage(400, 700, TROUBLES[kind])).run()
    told = [event for event in events if isinstance(event, Outage | Recovered)]
    assert kinds(list[Event](told)) == ["Outage", "Recovered"]
    out, back = told
    assert isinstance(out, Outage)
    assert isinstance(back, Recovered)
    assert out.retry_in_seconds > 0
    assert 300 - INTERVAL <= back.outage_seconds <= 300 + 60
    assert changes(events, "migrate", "apps") == [("IN_PROGRESS", "SUCCESS")]
    assert changes(events, "migrate", "projects", "C")[-1][1] == "WARNING"
    assert the_end(events).verdict is Verdict.WARNING


def test_the_last_good_state_stays_through_an_outage() -> None:
    """While nothing is answered, what was seen last is still there, and when it was."""
    world = World(migration(*TWO), begin=200, trouble=outage(400, 700, TROUBLES["503"]))
    for event in world.events():
        if isinstance(event, Outage):
            known = world.watch.view.snapshot
            assert known is not None
            assert [leaf.name for leaf in leaves_of(known.node, "migrate")] == ["A", "B"]
            assert known.verdict is Verdict.RUNNING
            assert known.fetched_at / 1000 - EPOCH < 400
        elif isinstance(event, Recovered):
            break
    else:
        pytest.fail("it did not recover")


def test_waits_grow_in_an_outage() -> None:
    """The longer it lasts the longer are the pauses, up to half a minute and what one request is tried for."""
    world = World(migration(*TWO), begin=200, trouble=outage(300, 900, TROUBLES["503"]))
    world.run()
    tried = [sent.at for sent in world.sent if 300 <= sent.at < 900]
    gaps = pauses(tried)
    assert max(gaps[:3]) < 5
    assert max(gaps) >= 20
    assert max(gaps) <= 300
    assert len(tried) < 200


@pytest.mark.parametrize("seconds", [30, 90, 250])
def test_retry_after_is_the_shortest_wait(seconds: int) -> None:
    """Nothing is asked for as long as the server asks not to be."""
    asked_at: list[float] = []

    def trouble(_target: str, now: float) -> Answer:
        if now < 400 or asked_at:
            return None
        asked_at.append(now)
        return httpx.Response(429, headers={"Retry-After": str(seconds)})

    world = World(migration(*TWO), begin=200, trouble=trouble)
    world.run()
    after = [sent.at for sent in world.sent if sent.at > asked_at[0]]
    assert asked_at[0] + seconds <= after[0] <= asked_at[0] + seconds + 40


@pytest.mark.parametrize("status", [429, 503])
def test_it_asks_again_after_five_minutes_whatever_the_server_says(status: int) -> None:
    """A server that asks for a day's pause is asked again after five minutes."""
    tried: list[float] = []

    def trouble(_target: str, now: float) -> Answer:
        if now < 400 or len(tried) >= 2:
            return None
        tried.append(now)
        return httpx.Response(status, headers={"Retry-After": "86400"})

    world = World(migration(*TWO, core_end=10 * HOUR), begin=200, trouble=trouble, ends=(2000.0, Stopped()))
    world.run()
    after = [sent.at for sent in world.sent if sent.at >= tried[0]]
    assert len(after) > 2
    assert all(250 <= gap <= 330 for gap in pauses(after[:3]))


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_after_success_is_believed_after_two_minutes(status: int) -> None:
    """Two minutes of nothing but refusals end it, and until then they are an outage."""
    world = World(migration(*TWO), begin=200, trouble=outage(400, 1e9, lambda: httpx.Response(status)))
    seen: list[Event] = []
    with pytest.raises(NotFound if status == 404 else Refused):
        seen.extend(world.events())
    assert kinds(seen).count("Outage") == 1
    assert 520 <= world.time.now <= 560


def test_refusals_that_pass_are_forgotten() -> None:
    """A refusal that comes twice and no more leaves the watch going, however often that happens."""
    refused = {400.0: 2, 600.0: 2, 800.0: 2}

    def trouble(_target: str, now: float) -> Answer:
        due = next((at for at in refused if at <= now and refused[at]), None)
        if due is None:
            return None
        refused[due] -= 1
        return httpx.Response(401)

    events = World(migration(*TWO), begin=200, trouble=trouble).run()
    assert kinds(events).count("Outage") == kinds(events).count("Recovered") == 3
    assert the_end(events).verdict is Verdict.SUCCEEDED


def test_a_task_that_vanishes_for_a_moment_is_waited_for() -> None:
    """A task that answered is waited for as long as a new one while it answers 404 and its job is there."""

    def trouble(target: str, now: float) -> Answer:
        return httpx.Response(404) if target.partition("?")[0].endswith("/status") and 400 <= now < 460 else None

    events = World(migration(*TWO), begin=200, trouble=trouble).run()
    assert the_end(events).verdict is Verdict.SUCCEEDED


def test_a_project_that_cannot_be_asked_for_by_name_does_not_stop_the_rest() -> None:
    """One node that answers errors only is no outage of the whole API."""

    def trouble(target: str, now: float) -> Answer:
        return httpx.Response(500) if "projects,A" in target.replace("%2C", ",") else None

    events = World(migration(*TWO), begin=200, trouble=trouble, ends=(HOUR, Stopped())).run()
    assert changes(events, "migrate", "projects", "B")[-1][1] == "SUCCESS"
    assert changes(events, "migrate", "projects", "A")[-1][1] == "SUCCESS"
    assert the_end(events).verdict is Verdict.SUCCEEDED


def test_a_closed_lid_loses_nothing() -> None:
    """Where hours pass in one pause, all that ended meanwhile is told on waking."""
    world = World(migration(*TWO), begin=200)
    seen: list[Event] = []
    for event in world.events():
        if isinstance(event, Progressed | Snapped):
            world.time.now = max(world.time.now, HOUR)
        seen.append(event)
    assert changes(seen, "migrate", "projects", "B") == [("IN_PROGRESS", "SUCCESS")]
    assert the_end(seen).verdict is Verdict.SUCCEEDED


# what it tells


def assert_chained(events: list[Event]) -> None:
    """Each change of a node goes on from the one before, and no change leads nowhere."""
    known: dict[Level, Condition | None] = {}
    for event in events:
        if isinstance(event, Changed):
            level, to = event.node.level, Condition(event.node.status, event.node.outcome)
            assert event.before != to
            if level in known:
                assert event.before == known[level]
            known[level] = to


STAGES = {"PENDING": 0, "IN_PROGRESS": 1}


def assert_forward(events: list[Event]) -> None:
    """No node makes a step back."""
    for event in events:
        if isinstance(event, Changed) and event.before is not None:
            assert STAGES.get(event.node.status or "", 2) > STAGES.get(event.before.status or "PENDING", 2) or (
                event.before.status is None
            )


def test_a_project_is_followed_through_its_life() -> None:
    """A node that appears comes from nothing, and then every status it is seen in is told."""
    scenario = migration(moved("NEW", 300, 500, "FAILED", reported_at=100, final_message="Oh no."), *TWO)
    events = World(scenario, begin=40).run()
    assert changes(events, "migrate", "projects", "NEW") == [
        (None, "PENDING"),
        ("PENDING", "IN_PROGRESS"),
        ("IN_PROGRESS", "FAILED"),
    ]
    last = [event for event in events if isinstance(event, Changed) and event.node.name == "NEW"][-1]
    assert last.node.message == "Oh no."


def test_projects_that_appear_between_two_full_readings_are_known_at_once() -> None:
    """What is told as a change is also in the tree that the verdict and the view are made from."""
    scenario = migration(moved("A", 170, 900, reported_at=165), moved("B", 200, 220, "FAILED", reported_at=165))
    world = World(scenario, begin=40, plan=Plan(fail_fast=True))
    for event in world.events():
        if isinstance(event, Changed) and event.node.level[:2] == ("migrate", "projects"):
            known = world.watch.view.snapshot
            assert known is not None
            assert event.node.name in [leaf.name for leaf in leaves_of(known.node, "migrate")]
        if isinstance(event, Ended):
            assert (event.end, event.exit_code) == (End.FAILED_FAST, 1)
            assert seconds_of(event) <= 220 + 3 * INTERVAL


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_stale_answers_change_nothing_about_the_end(seed: int) -> None:
    """Even if some answers come from a copy that lags a minute behind, the end is the truth."""
    chance = random.Random(seed)  # noqa: S311  chance, not secrecy
    projects = [moved(f"P{number:02}", 60 + 30 * number, 200 + 30 * number) for number in range(25)]
    world = World(migration(*projects, scopes=(moved("apps", 50, 800),)), begin=60)
    lagging = App(world.scenario, script.Timeline(EPOCH, 1.0), clock=lambda: world.time.wall() - 60, rate_limit=None)

    def trouble(target: str, now: float) -> Answer:
        if chance.random() < 0.7 or now > 1000:
            return None
        old = lagging.handle(HttpRequest("GET", target, request_of(world)))
        return httpx.Response(old.status, headers=list(old.headers), content=old.body)

    world.trouble = trouble
    events = world.run()
    assert_chained(events)
    assert the_end(events).verdict is Verdict.SUCCEEDED
    assert the_end(events).summary.by_outcome == {"SUCCESS": 25}


def request_of(world: World) -> str:
    """The credentials of the watch."""
    return world.api.http._credentials["Authorization"]


def test_a_phase_that_begins_again_is_progress_and_no_change() -> None:
    """A node that exports, then imports, starts again from 0: that is told as progress, under the new name."""
    phases = (script.SimPhase("export", 100), script.SimPhase("import", 1000))
    events = World(migration(moved("A", 60, 960, phases=phases)), begin=70).run()
    told = [event for event in events if isinstance(event, Progressed) and event.level[-1:] == ("A",)]
    names = [event.progress[0].name or "" for event in told]
    assert names == sorted(names)
    assert set(names) == {"export", "import"}
    percents = [event.percent or 0.0 for event in told]
    assert sum(later < earlier for earlier, later in pairwise(percents)) == 1
    assert changes(events, "migrate", "projects", "A") == [("IN_PROGRESS", "SUCCESS")]


def test_what_does_not_move_makes_no_progress_events() -> None:
    """Progress is told when it changes, not with every poll."""
    phases = (script.SimPhase("export", 3),)
    events = World(migration(moved("A", 60, 960, phases=phases)), begin=70).run()
    told = [event for event in events if isinstance(event, Progressed)]
    assert len({(event.percent, event.progress) for event in told}) == len(told)


def test_a_stall_is_told_once_a_node() -> None:
    """A running node that has not moved for as long as asked for is told of, once, and its parents are not."""
    stuck = moved("STUCK", 60, 2000, has_details=False)
    events = World(migration(stuck, *TWO, core_end=2100), begin=40, plan=Plan(stall_after=600)).run()
    stalls = [event for event in events if isinstance(event, Stalled)]
    assert [event.level for event in stalls] == [("migrate", "projects", "STUCK")]
    assert 600 <= stalls[0].since_seconds <= 600 + 2 * INTERVAL
    assert 660 <= seconds_of(stalls[0]) <= 660 + 3 * INTERVAL


def test_a_node_that_had_stalled_when_it_was_first_seen_is_told_at_once() -> None:
    """How long it has not moved is told by its last update, not by when the watch began."""
    old = {"lastUpdatedAt": int((EPOCH - 2000) * 1000)}
    projects = {"hidden": True, "children": {"OLD": going(details=old), "FRESH": going()}}
    tree = going(children={"check": done(), "migrate": going(children={"projects": projects})})
    world = World(migration(core_end=None), trouble=served(tree), ends=(100.0, Stopped()))
    events = world.run()
    stalls = [event for event in events if isinstance(event, Stalled)]
    assert [(event.level[-1], event.since_seconds, seconds_of(event)) for event in stalls] == [("OLD", 2000, 0)]


def test_an_outage_is_no_stall() -> None:
    """What moved while nobody answered has not stalled."""
    phases = (script.SimPhase("export", 100_000),)
    scenario = migration(moved("A", 60, 5000, phases=phases), core_end=5100)
    events = World(
        scenario, begin=70, trouble=outage(200, 2000, TROUBLES["503"]), plan=Plan(interval=30, stall_after=600)
    ).run()
    assert "Stalled" not in kinds(events)


@pytest.mark.parametrize("begin", [0, 70, 2000])
@pytest.mark.parametrize("scenario", [APPS, migration(*TWO), checks(moved("Fine", 0, 10), end=20)])
def test_the_first_view_comes_first_and_the_end_last(scenario: script.Scenario, begin: float) -> None:
    """A snapshot with the whole tree comes first, the way it ended last, and each of them once."""
    world = World(scenario, begin=begin)
    events = world.run()
    assert isinstance(events[0], Snapped)
    assert isinstance(events[-1], Ended)
    assert kinds(events).count("Snapped") == kinds(events).count("Ended") == 1
    head = events[0].snapshot
    assert (head.job_id, head.task_id, head.task_type) == (JOB, TASK, world.task.task_type)
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert_chained(events)
    assert_forward(events)


def test_elapsed_is_the_tasks_own_time() -> None:
    """The last event says how long the task took, not how long it was watched."""
    assert World(migration(*TWO), begin=900).ended().elapsed_seconds == CORE_END + 2


# going on from an earlier watch


def test_what_was_seen_before_is_not_told_again() -> None:
    """A later watch tells what changed since the earlier one, from where that one left it, and nothing else."""
    running, finished = Condition("IN_PROGRESS", None), Condition("FINISHED", "SUCCESS")
    known: dict[Level, Condition] = {
        (): running,
        ("check",): finished,
        ("check", "Fine"): finished,
        ("check", "Quick"): finished,
        ("migrate",): running,
        ("migrate", "projects", "A"): running,
        ("migrate", "projects", "B"): Condition("PENDING", None),
    }
    events = World(migration(*TWO), begin=400, seen=lambda: Seen(known)).run()
    assert isinstance(events[0], Snapped)
    first_poll = [event for event in events if isinstance(event, Changed) and seconds_of(event) == 400]
    assert {event.node.level for event in first_poll} == {("migrate", "projects", "A"), ("migrate", "projects", "B")}
    assert changes(events, "migrate", "projects", "A") == [("IN_PROGRESS", "SUCCESS")]
    assert changes(events, "migrate", "projects", "B") == [("PENDING", "IN_PROGRESS"), ("IN_PROGRESS", "SUCCESS")]
    assert_chained(events)


# a night


KINDS: tuple[Callable[[], Answer], ...] = (
    lambda: httpx.Response(503),
    lambda: httpx.ReadError("reset"),
    lambda: httpx.RemoteProtocolError("cut"),
    lambda: httpx.Response(429, headers={"Retry-After": "20"}),
    lambda: httpx.Response(502, html="<html>Bad gateway</html>"),
    lambda: httpx.ReadTimeout("slow"),
    lambda: httpx.ConnectError("no name"),
    lambda: httpx.Response(200, html="<html>Log in</html>"),
    lambda: httpx.Response(401),
)


class Weather:
    """Something else goes wrong every few minutes: for a single request, or for up to two minutes."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311  chance, not secrecy
        self._begin = self._end = 300.0
        self._kind = 0
        self.storms = 0

    def __call__(self, _target: str, now: float) -> Answer:
        """What goes wrong with a request, if anything does."""
        if now < self._begin:
            return None
        kind = KINDS[self._kind % len(KINDS)]
        refused = isinstance(kind(), httpx.Response) and self._kind % len(KINDS) == len(KINDS) - 1
        if now >= self._end or refused:
            self._begin = now + self._chance.uniform(60, 400)
            self._end = self._begin + self._chance.choice((0.0, 5.0, 40.0, 120.0))
            self._kind += 1
            self.storms += 1
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
    """Eight hours of polls with trouble every few minutes: each end is told once and in order, the verdict right."""
    weather = Weather(1)
    world = World(long_night(), begin=40, plan=Plan(interval=30), trouble=weather, patience=NIGHT + HOUR)
    told: list[Event] = [event for event in world.events() if not isinstance(event, Progressed | Snapped)]
    assert weather.storms > 60
    assert_night_told(told, world)


def held() -> int:
    """Bytes that the program holds, without the simulator that runs beside it."""
    gc.collect()
    package = str(Path(migstat.__file__).parent)
    files = {entry.traceback[0].filename: entry.size for entry in tracemalloc.take_snapshot().statistics("filename")}
    return sum(size for name, size in files.items() if name.startswith(package) and "simulator" not in name)


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
def test_a_night_keeps_no_memory() -> None:
    """The most that is held in the last hour of a bad night is what was held in the first one, and no more."""
    gone = [moved(f"GONE{number:02}", 40, 60) for number in range(80)]
    scenario = long_night(20, *gone, page_size=200)
    world = World(scenario, begin=200, plan=Plan(interval=300), trouble=Weather(2), patience=NIGHT + HOUR)
    sizes: dict[float, list[int]] = {0: [], 7: []}
    tracemalloc.start()
    try:
        for event in world.events():
            hour, rest = divmod(seconds_of(event), HOUR)
            if hour in sizes and len(sizes[hour]) < 5 and rest >= 900 + len(sizes[hour]) * 300:
                sizes[hour].append(held())
    finally:
        tracemalloc.stop()
    assert [len(taken) for taken in sizes.values()] == [5, 5]
    assert max(sizes[7]) <= max(sizes[0]) * 1.25


def assert_night_told(told: list[Event], world: World) -> None:
    """Everything that ended after the watch began was told, once, in time and in order, and the verdict is right."""
    assert_chained(told)
    assert_forward(told)
    ends = [event for event in told if isinstance(event, Changed) and event.node.outcome]
    root = world.task.root
    outcomes = truth(root, NIGHT + 1)
    assert {event.node.level: event.node.outcome for event in ends} == {
        level: outcome for level, (_, outcome) in outcomes.items() if level[:1] != ("check",)
    }
    assert set(Counter(event.node.level for event in ends).values()) == {1}
    for event in ends:
        node = root.find(event.node.level, NIGHT + 1)
        assert node is not None
        assert node.ended_at is not None
        assert node.ended_at <= seconds_of(event) <= node.ended_at + 400
    outages = kinds([event for event in told if isinstance(event, Outage | Recovered)])
    assert outages == ["Outage", "Recovered"] * (len(outages) // 2)
    assert len(outages) > 20
    ended = the_end(told)
    assert (ended.end, ended.verdict, ended.exit_code) == (End.FINISHED, Verdict.FAILED, 1)
    assert ended.summary.by_outcome == {"FAILED": 1, "INCOMPLETE": 1, "SKIPPED": 1, "SUCCESS": 56, "WARNING": 1}
    assert seconds_of(ended) >= NIGHT
