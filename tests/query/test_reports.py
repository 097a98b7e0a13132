"""What the reports on a task say that no single reading of a level shows; against answers made up for each."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from migstat.model.acceptance import Acceptance, Acceptances
from migstat.model.nodes import Level, child_of
from migstat.model.reports import TargetRow, TargetsReport
from migstat.query.reports import checks_report, status_report
from migstat.query.task import TaskSession
from migstat.query.tree import ALL
from migstat.render.drawing import Canvas, drawn
from migstat.render.markdown import markdown_lines
from migstat.render.rows import columns, rows
from migstat.render.table import view
from migstat.render.theme import UNICODE
from migstat.settings.target import Target
from migstat.simulator.scenario import SimNode, refused
from migstat.simulator.scenario import TaskType as SimTaskType
from tests.scenarios import JOB, migration, moved, of_root, of_tasks
from tests.watching import EPOCH, Answer, JsonTree, OneByOne, SimulatedWatch, done, going, served, unavailable

LONG_AGO = {"lastUpdatedAt": int(EPOCH - 600) * 1000}
DEPTHS = [None, 0, 1, ALL]
CANVAS = Canvas(100, UNICODE)


def simulated(
    root: JsonTree, *, keys: tuple[str, ...] = ("A", "B"), task_type: SimTaskType = "migrate"
) -> SimulatedWatch:
    """A watch of a task with this tree, whose job names these projects."""
    scenario = of_root(moved("root", -9, None), scope={"projects": {"includedKeys": [*keys]}}, task_type=task_type)
    return SimulatedWatch(scenario, trouble=served(root), rate_limit=None)


def hidden(**projects: JsonTree) -> JsonTree:
    """A `migrate` that is not reported, although its projects are."""
    return {"hidden": True, "children": {"projects": {"hidden": True, "children": projects}}}


def verdicts(root: JsonTree, **more: Any) -> set[str]:
    return {
        str(status_report(simulated(root, **more).session, (), depth, judged=True).snapshot.verdict) for depth in DEPTHS
    }


def test_projects_reported_before_their_phase_have_begun() -> None:
    """If checks failed, a migration that is not reported has begun all the same once projects are: it runs."""
    root = going(children={"check": done("FAILED", details=LONG_AGO), "migrate": hidden(A=going(), B=going())})
    assert verdicts(root) == {"running"}
    assert checks_report(simulated(root).session).snapshot.verdict == "failed"
    glance = status_report(simulated(root).session, ()).snapshot
    assert [child.name for child in glance.node.children or ()] == ["check", "migrate"]
    assert (glance.missing, glance.summary and glance.summary.running) == ((), 2)


def test_the_projects_of_a_task_that_lists_nothing_are_read() -> None:
    """A root that ended badly without children looks refused, but projects that the API answers are not missing."""
    root = done("FAILED", details=LONG_AGO, children={"migrate": hidden(A=done("FAILED"), B=done())})
    for depth in DEPTHS:
        snapshot = status_report(simulated(root).session, (), depth, judged=True).snapshot
        assert [reason.level[-1:] for reason in snapshot.reasons] == [("A",), ("migrate",)]
        assert snapshot.summary is not None
        assert (snapshot.missing, snapshot.summary.total, snapshot.summary.failed) == ((), 2, 1)


@pytest.mark.parametrize("word", ["SUCCESS", "FAILED"])
def test_a_listed_check_of_a_check_task_is_read_as_well(word: str) -> None:
    """Whether a check task has its checks at the root, below `check` or in both, what cannot be read is said."""
    root = done(children={"X": done(word), "check": done(fails=400, children={"Y": done()})})
    twice = done(children={"X": done(word), "check": done(children={"X": done(word)})})
    glance = status_report(simulated(twice, task_type="check").session, ()).snapshot.node
    assert {child.name: child.children for child in glance.children or ()} == {"X": None, "check": None}
    for read in (lambda session: status_report(session, ()), checks_report):
        snapshot = read(simulated(root, task_type="check").session).snapshot
        assert [flaw.partition(":")[0] for flaw in snapshot.flaws] == ["check"]
        assert snapshot.verdict == ("running" if word == "SUCCESS" else "failed")


def test_the_type_of_a_task_is_what_the_list_of_runs_says() -> None:
    """A check task that answers `level=check` is none that migrates."""
    sim = simulated(done(children={"check": done(children={"X": done()})}), task_type="check")
    session = TaskSession(sim.api, Target(JOB, "latest-check"), sim.time.wall, None)
    assert status_report(session, ("check",), 1).snapshot.task_type == "check"


@pytest.mark.parametrize("level", [(), ("migrate", "projects")])
def test_a_job_that_cannot_be_read_is_asked_for_once(level: Level) -> None:
    """An error about the job has used up its retries, so it is not asked for again."""
    migrate = going(children={"projects": {"children": {"A": going()}}})
    sim = simulated(going(children={"check": done(), "migrate": migrate}))
    answers = sim.trouble
    sim.trouble = lambda target, now: answers(target, now) or httpx.Response(400)
    snapshot = status_report(sim.session, level).snapshot
    assert (sim.asked().count("job"), snapshot.job_name) == (1, None)


def test_a_level_speaks_for_itself() -> None:
    """Its counts are those of its children. A note about an older run belongs to the task, so it costs no request."""
    runs = [refused(name, name, "migrate", created_at=at, message="no") for at, name in ((-9, "old"), (-5, "new"))]
    sim = SimulatedWatch(of_tasks(*runs), rate_limit=None)
    node = served(done("FAILED", children={"migrate": hidden(A=done())}))
    sim.trouble = lambda target, now: None if "/old/" in target else node(target, now)
    session = TaskSession(sim.api, Target(JOB, "latest"), sim.time.wall, None)
    summary = status_report(session, ("migrate", "projects"), 1, judged=True).snapshot.summary
    assert (summary and summary.total) == 1
    assert not [sent for sent in sim.sent if "/old/" in sent.target]


MANY = tuple(f"P{number:03}" for number in range(230))


def test_a_glance_at_many_of_which_none_runs_or_went_wrong() -> None:
    """Between two waves nothing is worth a line, and still nothing is missing."""
    level = {"hidden": True, "children": dict.fromkeys(MANY, done())}
    root = going(children={"check": done(), "migrate": going(children={"projects": level})})
    snapshot = status_report(simulated(root, keys=MANY).session, ()).snapshot
    assert snapshot.summary is not None
    assert (snapshot.summary.missing, snapshot.summary.total, snapshot.missing) == (0, 230, ())
    scope = child_of(child_of(snapshot.node, "migrate"), "projects")
    assert (scope and scope.children) == ()


@pytest.mark.parametrize("named", [True, False])
def test_what_a_glance_does_not_read_is_not_missing(named: bool) -> None:
    """Of many projects only those that run or went wrong are read; the others are `unread`, if named."""
    states = {"P007": (-5, "FAILED"), "P101": (None, "")}
    projects = tuple(moved(name, -9, *states.get(name, (-5, "SUCCESS"))) for name in MANY)
    migrate = moved("migrate", -9, None, children=(SimNode(name="projects", hidden=True, children=projects),))
    root = moved("root", -9, None, children=(moved("check", -9, -8), migrate))
    scope = {"projects": {"includedKeys": [*MANY] if named else []}}
    sim = SimulatedWatch(of_root(root, scope=scope, page_size=100), rate_limit=None)
    report = status_report(sim.session, ())
    snapshot, summary = report.snapshot, report.snapshot.summary
    assert summary is not None
    assert (summary.missing, summary.failed, summary.running) == (0, 1, 1)
    assert (summary.total, summary.unread) == ((230, 228) if named else (2, 0))
    assert (snapshot.partial, snapshot.complete, snapshot.missing) == (True, False, ())
    targets = TargetsReport(snapshot.fetched_at, (TargetRow("t", JOB, snapshot),))
    cells = dict(zip(columns(targets), *rows(targets), strict=True))
    assert (cells["finished"], cells["total"], cells["failed"]) == ("", "230" if named else "", "1")
    words = drawn(view(targets, CANVAS), CANVAS, color=False) + "".join(markdown_lines(report))
    assert ("missing" in words, words.count("230 in scope"), "1 of" in words) == (False, 2 if named else 0, False)


def test_a_level_that_breaks_off_is_one_reason() -> None:
    """The reasons name it once, with how far it was read."""

    def broken(target: str, _now: float) -> Answer:
        projects = "level=migrate,projects" in target
        return unavailable() if projects and ("cursor" in target or "status=" in target) else None

    projects = (moved(f"P{number:02}", 60, 900) for number in range(40))
    snapshot = status_report(SimulatedWatch(migration(*projects), begin=300, trouble=broken).session, ()).snapshot
    assert [f"could not be read: {flaw}" for flaw in snapshot.flaws] == [reason.message for reason in snapshot.reasons]
    assert "list incomplete after 20 of 40 projects: " in snapshot.flaws[0]


def test_checks_wait_for_late_reports_from_their_own_end_on() -> None:
    """The task itself goes on, and so do its stamps."""
    check = moved("check", 5, 38, "FAILED", children=(moved("A", 5, 30, "FAILED", excludable=True),))
    accepted = Acceptances("accepted.toml", {"A": Acceptance(reason="known", until=date(2027, 1, 1))})
    session = SimulatedWatch(migration(moved("P", 60, 900), check=check), begin=100).session
    snapshot = checks_report(session, acceptances=accepted).snapshot
    assert snapshot.verdict == "running"
    assert snapshot.settles_at == (EPOCH + 38 + 120) * 1000


def test_setting_the_local_clock_makes_no_end_older() -> None:
    """A computer may wake up with a clock that is an hour behind, and have it set later."""
    sim, behind = SimulatedWatch(migration(moved("A", 60, 300), keys=("A", "B"), core_end=320), begin=250), 3600.0

    def wall() -> float:
        return sim.time.wall() - behind

    def verdict() -> str:
        return status_report(OneByOne(sim.api, Target(JOB, sim.task.task_id), wall, None), ()).snapshot.verdict

    sim.api.timing = replace(sim.api.timing, now=wall)
    assert verdict() == "running"
    sim.time.now, behind = 325.0, 0.0
    assert verdict() == "running"
    sim.time.now = 500.0
    assert verdict() == "failed"
