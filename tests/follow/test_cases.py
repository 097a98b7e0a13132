"""Nights and how they end: those that once ended with the wrong exit code have a number."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import httpx
import pytest

from migstat.follow.deadline import Stopped
from migstat.follow.watch import Plan
from migstat.model.events import Ended, Progressed, Snapped, Stalled
from migstat.model.verdict import Until, Verdict
from migstat.simulator.app import ADMIN
from migstat.simulator.exchange import HttpRequest
from migstat.simulator.faults import Fault, Incident
from migstat.simulator.scenario import Scenario, SimNode, SimPhase, Step, refused
from tests.follow.histories import HistoryRunner
from tests.scenarios import hidden, migration, moved, of_root, of_tasks, sim_task
from tests.watching import EPOCH, SimulatedWatch, changes, done, going, outage, seconds_of, served, the_end

END = 300.0
CORE, CHECKS = Plan(until=Until.CORE), Plan(until=Until.CHECKS)
FAST = Plan(until=Until.CORE, fail_fast=True)
USERS = {"usersAndGroups": {"mode": "ALL"}}


def lives(name: str, *steps: Step, **more: Any) -> SimNode:
    return SimNode(name=name, steps=steps, **more)


def runs(name: str, begin: float, end: float, outcome: str = "SUCCESS", *children: SimNode, **more: Any) -> SimNode:
    return lives(name, Step(min(begin, 10), "PENDING"), Step(begin), Step(end, "FINISHED", outcome, **more),
                 children=children)  # fmt: skip


def hangs(name: str, *children: SimNode) -> SimNode:
    return lives(name, Step(30), children=children)


def night(
    *below: SimNode,
    root: tuple[Step, ...] = (Step(END, "FINISHED", "SUCCESS"),),
    check: SimNode | None = None,
    migrate: SimNode | None = None,
    keys: dict[str, list[str]] | None = None,
    named: dict[str, Any] = USERS,
    **more: Any,
) -> Scenario:
    """A migrate task whose scopes and hidden levels are `below`; by default everything that is not said goes well."""
    core = migrate or runs("migrate", 30, END - 5, "SUCCESS", *below)
    users = () if any(node.name == "usersAndGroups" for node in core.children) else (runs("usersAndGroups", 31, 60),)
    core = SimNode(name="migrate", steps=core.steps, children=(*users, *core.children))
    top = lives("root", Step(0), *root, children=(check or runs("check", 2, 20), core))
    scope = {**named, **{name: {"includedKeys": wanted} for name, wanted in (keys or {}).items()}}
    return of_root(top, scope=scope, **more)


def projects(*nodes: SimNode, name: str = "projects", **more: Any) -> Scenario:
    return night(hidden(name, *nodes), keys={name: [node.name for node in nodes]}, **more)


def fails(kind: str = "500", **more: Any) -> tuple[Incident, ...]:
    return (Incident(fault=Fault(kind), **more),)


P, P2 = runs("P", 40, 200), runs("Q", 40, 250)
NO_OUTCOME = (Step(END, "FINISHED"), Step(END + 40, "FINISHED", "SUCCESS"))
LATE_MIGRATE = lives("migrate", Step(0, None), Step(END + 5, "FINISHED", "SUCCESS"),
                     children=(runs("users", 31, 60, "FAILED"),))  # fmt: skip
APPS = {"apps": {"includedKeys": ["x"]}}
SETTLED = END + 120
GIVEN_UP = END + 600

CASES: dict[str, tuple[Scenario, Plan | None, int, float, float]] = {
    # name: scenario, plan, exit code, and between which seconds a watch from the start ends
    "A2 another case": (night(hidden("spaces", runs("DOC", 40, 99), runs("HR", 40, 99)), keys={"spaces": ["doc", "HR"]},
                        flow="confluence"), None, 0, END, END),
    "A2 both cases": (night(hidden("spaces", runs("DOC", 40, 99), runs("doc", 40, 99)), keys={"spaces": ["Doc"]}),
                      None, 1, SETTLED, SETTLED + 20),
    "A8 stopped": (projects(lives("A", Step(9, "PENDING")), runs("B", 40, 99), runs("C", 40, 99), name="spaces",
                   root=(Step(END, "STOPPED"),)), None, 1, SETTLED, SETTLED + 20),
    "A9 timed out": (night(lives("apps", Step(40), Step(250, "TIMED_OUT")), named=APPS),
                     None, 1, SETTLED, SETTLED + 20),
    "D1 users only": (night(), None, 0, END, END),
    "D2 below the other level": (night(hidden("projects", runs("DOC", 40, 99)), keys={"spaces": ["DOC"]},
                                 flow="confluence"), None, 0, END, END),
    "D2 the other way round": (night(hidden("spaces", P), keys={"projects": ["P"]}), None, 0, END, END),
    "D2 both levels": (night(hidden("projects", P), hidden("spaces", runs("DOC", 40, 99, "FAILED")),
                       keys={"projects": ["P", "DOC"]}), None, 1, END, END),
    "D3 a key, no migrate": (night(migrate=lives("migrate", Step(0, None)), keys={"projects": ["P"]}),
                             None, 1, SETTLED, SETTLED + 20),
    "D4 5 s": (projects(runs("P", 40, 200, updated_at=195.0)), None, 0, END, END),
    "D4 2 h": (projects(runs("P", 40, 200, updated_at=-7000.0)), None, 0, END, END),
    "D4 seconds": (projects(runs("P", 40, 200, unit="s")), None, 0, END, END),
    "D5 failed after all": (projects(lives("P", Step(40), Step(200, "FINISHED", "SUCCESS"),
                            Step(240, "FINISHED", "FAILED", updated_at=190.0))), None, 1, END, END),
    "D6 migrate comes late": (night(migrate=LATE_MIGRATE), None, 1, END + 5, END + 20),
    "D7 core": (night(runs("apps", 40, 250, "FAILED"), root=(Step(END, "FINISHED", "FAILED"),), named=APPS),
                CORE, 0, END - 5, END),
    "D7 core, fail fast": (night(runs("apps", 40, 250, "FAILED"), root=(Step(END, "FINISHED", "FAILED"),), named=APPS),
                           FAST, 0, END - 5, END),
    "D8 apps come late": (night(lives("apps", Step(0, None), Step(END + 15, "FINISHED", "FAILED")), named=APPS),
                          None, 1, END + 15, END + 30),
    "D8 apps never come": (night(named=APPS), None, 0, SETTLED, SETTLED + 20),
    "D9 root": (night(root=NO_OUTCOME), None, 0, END + 40, END + 60),
    "D9 project": (projects(lives("P", Step(40), *NO_OUTCOME)), None, 0, END + 40, END + 60),
    "D10 a scope is gone": (night(lives("jsm", Step(40), Step(200, None)), P), None, 0, END, SETTLED + 20),
    "D10 a key is gone": (projects(lives("P", Step(40), Step(200, None)), runs("Q", 40, 99)),
                          None, 1, SETTLED, SETTLED + 20),
    "D11 check hangs": (night(check=hangs("check"), root=(Step(END, "FINISHED", "FAILED"),)),
                        None, 1, SETTLED, SETTLED + 20),
    "D11 migrate hangs": (night(migrate=hangs("migrate"), root=(Step(END, "FINISHED", "FAILED"),)),
                          None, 1, SETTLED, SETTLED + 20),
    "D11 a scope hangs": (night(hangs("apps"), root=(Step(END, "CANCELLED"),)), None, 1, SETTLED, SETTLED + 20),
    "D11 migrate hangs, core": (night(migrate=hangs("migrate"), root=(Step(END, "CANCELLED"),)),
                                CORE, 1, SETTLED, SETTLED + 20),
    "D11 all well but migrate": (night(migrate=hangs("migrate")), None, 1, SETTLED, SETTLED + 20),
    "D12 a filter": (projects(P, incidents=fails(status="IN_PROGRESS")), None, 0, END, END + 30),
    "D12 a level": (projects(P, incidents=fails(level="migrate")), None, 3, GIVEN_UP, GIVEN_UP + 60),
    "D12 a level, and a failure": (projects(runs("P", 40, 99, "FAILED"), incidents=fails(level="migrate")),
                                   None, 1, GIVEN_UP, GIVEN_UP + 60),
    "D12 a level, and another for a moment": (night(hidden("projects", P), keys={"projects": ["P", "NEVER"]},
        incidents=(*fails(level="migrate", expanded=True), *fails("cut", level="migrate,spaces", begin=END - 20,
        end=END + 60))), None, 1, GIVEN_UP, GIVEN_UP + 60),
    "D12 projects": (projects(P, incidents=fails(level="migrate,projects")), None, 3, GIVEN_UP, GIVEN_UP + 60),
    "D12 apps": (night(runs("apps", 40, 99), named=APPS, incidents=fails(level="migrate,apps", expanded=True)),
                 None, 3, GIVEN_UP, GIVEN_UP + 60),
    "D12 single checks": (projects(P, incidents=fails(level="check", expanded=True)), None, 0, END, END + 30),
    "D12 the job": (projects(P, incidents=fails(route="job")), None, 3, GIVEN_UP, GIVEN_UP + 60),
    **{f"D13 {kind}": (projects(P, runs("Q", 40, 99, "FAILED"), incidents=fails(kind, level="migrate,projects",
       begin=END - 20, end=END + 170)), None, 1, END + 170, END + 240) for kind in ("503", "429", "cut")},
    "D13 in time": (projects(P, incidents=fails(level="migrate,projects", begin=END - 20, end=END + 60)),
                    None, 0, END + 60, END + 90),
    "D14 checks only": (projects(P, incidents=(*fails(level="migrate,projects"), *fails(route="job"))),
                        CHECKS, 0, 20, 60),
    "D16 a warning": (projects(runs("P", 40, 99, "WARNING")), Plan(strict=True, fail_fast=True), 1, 99, 110),
    "nothing but a good root": (of_root(lives("root", Step(0), Step(END, "FINISHED", "SUCCESS")), task_type="check"),
                                None, 0, END, END),
    "nothing but a cancelled root": (of_root(lives("root", Step(0), Step(END, "CANCELLED"))),
                                     None, 1, SETTLED, SETTLED + 20),
    "apps go on": (night(runs("apps", 40, END + 200, "WARNING"), named=APPS), None, 0, END + 200, END + 220),
    "apps go on, core": (night(runs("apps", 40, END + 200, "WARNING"), named=APPS), Plan(until=Until.CORE, strict=True),
                         0, END - 5, END),
    "bad checks": (night(check=runs("check", 2, 200, "FAILED")), CHECKS, 1, 200, 220),
    "a check never seen running": (of_root(lives("root", Step(0), Step(100, "FINISHED", "WARNING"), children=(
        runs("Fine", 2, 40), runs("Bad", 31, 33, "FAILED"))), task_type="check"), None, 1, 100, 110),
    "a failure is not forgotten": (projects(runs("P", 40, 99, "FAILED"), P2), None, 1, END, END),
    "fail fast": (projects(runs("P", 40, 99, "FAILED"), P2), Plan(fail_fast=True), 1, 99, 110),
    "reported late": (projects(P, lives("Q", Step(0, None), Step(END + 70, "FINISHED", "WARNING"))),
                      None, 0, END + 70, END + 90),
    "all missing": (night(keys={"projects": ["A", "B"]}), None, 1, SETTLED, SETTLED + 20),
    "still running": (projects(P, hangs("Q")), None, 1, SETTLED, SETTLED + 20),
    "still pending": (projects(lives("P", Step(9, "PENDING"))), None, 1, SETTLED, SETTLED + 20),
    "not scheduled": (night(check=runs("check", 2, 15, "FAILED"), migrate=lives("migrate", Step(0, "PENDING")), root=(),
                      keys={"projects": ["A"]}), None, 1, 45, 80),
    "ended with its checks": (night(check=runs("check", 2, 290, "FAILED"), migrate=lives("migrate", Step(0, None)),
                              root=(Step(END, "FINISHED", "FAILED"),), keys={"projects": ["A"]}),
                              None, 1, SETTLED, SETTLED + 20),
    "D17 overridden": (night(check=runs("check", 2, 15, "FAILED")), Plan(interval=1.0), 1, END, END + 2),
}  # fmt: skip

LONG = ("D12", "D17")
"""Kinds of cases that take many polls."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) if name.startswith(LONG) else name
                                  for name in CASES])  # fmt: skip
def test_a_night_ends_with_the_right_code_in_time(name: str) -> None:
    """A watch from the start ends when it should, and a later one and `status` come to the same code."""
    scenario, plan, code, first, last = CASES[name]
    runner = HistoryRunner(scenario, 40_000)
    ended = runner.end(0.0, plan)
    assert (ended.exit_code, first <= seconds_of(ended) <= last + 9) == (code, True), seconds_of(ended)
    assert ended.reasons or ended.verdict in (Verdict.SUCCEEDED, Verdict.RUNNING)
    assert runner.watch(8000, plan) == code
    if plan is None:
        assert runner.status(12_000, "--json") == code


@pytest.mark.parametrize("name", ["A8 stopped", "A9 timed out", "D3 a key, no migrate", "D11 check hangs"])
def test_a_watch_begun_long_after_the_end_ends_at_once(name: str) -> None:
    """An end that is older than two minutes by the stamps of the API is not waited for again, as by `status`."""
    scenario, plan, code, _, latest = CASES[name]
    for begin, at_once in ((latest + 600, True), (END + 30, False)):
        ended = HistoryRunner(scenario).end(begin, plan)
        assert (ended.exit_code, seconds_of(ended) < begin + 10) == (code, at_once)


@pytest.mark.parametrize("dated", [True, False])
def test_a_watch_with_a_wrong_clock_waits_for_what_is_to_come(dated: bool) -> None:
    """Apps reported after the end count, although by the local clock that is long ago; even if no answer has a date."""
    apps = lives("apps", Step(-1e9, None), Step(END + 60, "FINISHED", "FAILED"))
    simulated = SimulatedWatch(night(apps, named={"apps": {"mode": "ALL"}}), begin=END + 20, fast=180)

    def undated(target: str, _now: float) -> httpx.Response:
        answer = simulated.app.handle(HttpRequest("GET", target, f"Basic {ADMIN.authorization()}"))
        return httpx.Response(answer.status, content=answer.body)

    if not dated:
        simulated.trouble = undated
    ended = simulated.ended()
    assert (ended.exit_code, END + 60 <= seconds_of(ended) - 180 < END + 100) == (1, True)


@pytest.mark.parametrize("task_type", ["check", "migrate"])
def test_a_refused_task_has_failed_for_everybody_at_once(task_type: Any) -> None:
    """A lone root that ended FAILED is the end, and its message is the reason."""
    task = refused("t", "task-1", task_type, created_at=-9, message="the site is not attached")
    runner = HistoryRunner(of_tasks(task, scope=USERS))
    events = runner.events(0.0)
    ended = the_end(events)
    assert [type(event) for event in events] == [Snapped, Ended]
    assert (ended.exit_code, [reason.message for reason in ended.reasons]) == (1, ["the site is not attached"])
    assert seconds_of(ended) == 0


def test_latest_means_the_newest_run_and_names_an_older_one_that_still_runs() -> None:
    """If the newest run was refused since another one is going, a note says which."""
    newest = refused("t", "task-1", "migrate", created_at=100, message="another run of the job is going")
    older = sim_task(lives("root", Step(0)), task_id="task-0")
    runner = HistoryRunner(of_tasks(older, newest, scope=USERS))
    ended = runner.end(200.0, task="latest")
    assert (ended.exit_code, ended.notes) == (1, ("older run task-0 is still in progress",))
    told = runner.run(300.0, "status", "job-1", "latest")[1]
    assert "migstat: older run task-0 is still in progress: migstat status job-1 task-0\n" in told


@pytest.mark.parametrize("where", ["none", "also", "only"])
def test_the_checks_of_a_check_task_are_found_once_wherever_they_are(where: Any) -> None:
    """A check task may answer its checks at the root, below `check`, or in both; a child `check` is not a check."""
    checks = (runs("A", 5, 50), runs("B", 5, 90, "FAILED"))
    root = lives("root", Step(0), Step(100, "FINISHED", "WARNING"), children=checks)
    task = sim_task(root, "check", check_level=where)
    runner = HistoryRunner(of_tasks(task))
    ended = runner.end(0.0)
    assert (ended.exit_code, ended.summary.total, ended.summary.failed) == (1, 2, 1)
    assert [reason.level[-1] for reason in ended.reasons] == ["B"]
    assert runner.status(3000, "--json") == 1


def test_no_format_or_depth_changes_the_code() -> None:
    """While something may still come it is 8 in all of them, and then 1."""
    formats = (("--output", name) for name in ("table", "plain", "tree", "json", "csv", "markdown"))
    words = (*formats, ("--raw",), ("--depth", "0"), ("--depth", "1"), ("--depth", "all"))
    runner = HistoryRunner(CASES["D3 a key, no migrate"][0])
    assert {runner.status(END + 60, *each) for each in words} == {8}
    assert {runner.status(END + 130, *each) for each in words} == {1}


@pytest.mark.parametrize(("seconds", "code"), [(15, 1), (100, 1), (7000, 0)])
@pytest.mark.parametrize("about", ["level=migrate,projects", "BAD"])
def test_what_is_gone_at_the_end_may_come_back(about: str, seconds: float, code: int) -> None:
    """A failure that was told and is not answered at the end counts if it comes back within two minutes."""
    scenario = night(hidden("projects", runs("BAD", 40, 60, "FAILED"), runs("P", 40, 99)), named={})
    simulated = SimulatedWatch(scenario)

    def emptied(target: str, now: float) -> httpx.Response | None:
        if not END <= now < END + seconds or "level=migrate,projects" not in target.replace("%2C", ","):
            return None
        one = {} if about != "BAD" or "BAD" in target else {"children": {"P": done()}}
        return httpx.Response(200, json={"data": one, "links": {}})

    simulated.trouble = emptied
    ended = simulated.ended()
    assert ended.exit_code == code
    assert seconds_of(ended) < END + 150
    assert any("no longer reported and does not count" in note for note in ended.notes) == (code == 0)


@pytest.mark.parametrize(("about", "told"), [("spaces", []), ("projects", ["migrate,projects"])])
def test_only_what_was_reported_can_be_gone(about: str, told: list[str]) -> None:
    """A hidden level that did not answer once and is not there was never there, unless it had projects before."""
    simulated = SimulatedWatch(night(hidden("projects", runs("P", 40, 99)), named={}))

    def troubled(target: str, now: float) -> httpx.Response | None:
        if now < 200 or f"level=migrate,{about}" not in target.replace("%2C", ","):
            return None
        return httpx.Response(503) if now < END else httpx.Response(200, json={"data": {}, "links": {}})

    simulated.trouble = troubled
    ended = simulated.ended()
    waited = 120 if told else 0
    assert (ended.exit_code, END + waited <= seconds_of(ended) < END + waited + 90) == (0, True)
    notes = [note.partition(" is no longer reported")[0] for note in ended.notes]
    assert notes == told


def test_an_empty_list_of_runs_is_waited_for() -> None:
    """A run that was just created is not listed yet, which is not an error."""
    root = lives("root", Step(0), Step(100, "FINISHED", "SUCCESS"), children=(runs("A", 5, 50),))
    task = sim_task(root, "check", listed_at=40.0)
    events = HistoryRunner(of_tasks(task)).events(0.0, task="latest")
    assert isinstance(events[0], Snapped)
    assert (40 <= seconds_of(events[0]) <= 80, the_end(events).exit_code) == (True, 0)


def test_what_hangs_and_what_is_gone_is_named() -> None:
    """Reasons name a scope that hangs, and notes one that has vanished; what comes back as another is a change."""
    gone, hanging = lives("jsm", Step(40), Step(200, None)), hangs("apps")
    ended = HistoryRunner(night(gone, hanging, root=(Step(END, "CANCELLED"),))).end(0.0)
    assert {reason.level for reason in ended.reasons} == {(), ("migrate", "apps")}
    assert [note for note in ended.notes if note.startswith("migrate,jsm is no longer reported")]
    project = lives("P", Step(40), Step(150, None), Step(200, "FINISHED", "SUCCESS"))
    assert changes(HistoryRunner(projects(project)).events(0.0), "migrate", "projects", "P")[-1][1] == "SUCCESS"


def test_the_total_is_the_scope_of_the_job_at_every_poll() -> None:
    """However few of them are reported yet: total = missing + pending + running + finished = what the job names."""
    nodes = [lives(f"P{n:02}", Step(0, None), Step(5 + n * 3, "PENDING"), Step(40 + n * 6), Step(90 + n * 6, "FINISHED",
             "SUCCESS")) for n in range(30)]  # fmt: skip
    sim = SimulatedWatch(projects(*nodes))
    for _ in sim.events():
        known = sim.watch.view.snapshot
        assert known is not None
        assert (summary := known.summary) is not None
        assert summary.total == 30 == summary.missing + summary.pending + summary.running + summary.finished


def moving(*steps: tuple[float, float | None, float | None]) -> Scenario:
    """A night with one project: from which second on it reports which percent and which last update."""
    reported = [Step(at, "IN_PROGRESS", percent=percent, updated_at=stamp) for at, percent, stamp in steps]
    return projects(lives("P", *reported, Step(1800, "FINISHED", "SUCCESS")), root=(Step(1820, "FINISHED", "SUCCESS"),))


def percents(begin: int, end: int) -> list[tuple[float, float | None, float | None]]:
    """A little more every half minute, while the last update stays where it was long ago."""
    return [(at, at / 100, -2400.0) for at in map(float, range(begin, end, 30))]


PHASES = (SimPhase("export", 100_000),)
OLD = {"OLD": going(details={"lastUpdatedAt": int((EPOCH - 2000) * 1000)}), "NEW": going()}
OLD_TREE = going(children={"migrate": going(children={"projects": {"hidden": True, "children": OLD}})})
STALLS: dict[str, tuple[Scenario, dict[str, Any], list[tuple[str, float]]]] = {
    # name: scenario, what else the watch needs, and each node that stalled with the second in which it last moved
    "it moves": (moving(*percents(40, 1800)), {}, []),
    "it stays": (moving(*percents(40, 600), *percents(1200, 1800)), {}, [("P", 580)]),
    "it stays again": (moving(*percents(40, 300), *percents(800, 900)), {}, [("P", 280), ("P", 890)]),
    "only its stamp moves": (moving(*((40.0 + 20 * n, 5.0, 40.0 + 20 * n) for n in range(85))), {}, [("P", 40)]),
    "nothing is reported of it": (
        migration(moved("STUCK", 60, 900, has_details=False), moved("A", 60, 150)), {}, [("STUCK", 60)]
    ),
    "an outage": (
        migration(moved("A", 60, 2300, phases=PHASES), moved("B", 60, 2300, has_details=False), core_end=2310),
        {"begin": 70, "trouble": outage(200, 2000), "plan": Plan(interval=30, stall_after=600)},
        [],
    ),
    "it had stalled before": (
        migration(core_end=None), {"trouble": served(OLD_TREE), "ends": (100.0, Stopped())}, [("OLD", -2000)]
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STALLS)
def test_a_stall_is_reported_once_until_the_node_moves(case: str) -> None:
    """A running node that makes no progress has stalled, whatever its last update says; its parents have not."""
    scenario, more, stalls = STALLS[case]
    more = {"plan": Plan(interval=30.0, stall_after=200.0)} | more
    events = SimulatedWatch(scenario, **more).run()
    reported = [event for event in events if isinstance(event, Stalled)]
    assert [event.level[-1] for event in reported] == [name for name, _ in stalls]
    for event, (_, moved_at) in zip(reported, stalls, strict=True):
        assert moved_at <= seconds_of(event) - event.since_seconds <= moved_at + 40
        assert event.since_seconds >= 200
        assert seconds_of(event) <= max(moved_at + 200 + 95, 0)
    moves = [event.percent for event in events if isinstance(event, Progressed) and event.level[-1:] == ("P",)]
    assert all(later != earlier for earlier, later in pairwise(moves))
