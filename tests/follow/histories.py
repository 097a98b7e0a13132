"""Histories of whole tasks, by chance, and what must come of them by rules that are written down a second time."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import httpx

from migstat.cli.app import run
from migstat.cli.context import Runtime
from migstat.cli.streams import Streams
from migstat.errors import MigstatError
from migstat.follow.watch import Plan
from migstat.model.events import Ended, Event
from migstat.model.exit_codes import exit_of_error
from migstat.model.verdict import Until
from migstat.query.task import TaskSession
from migstat.simulator.app import App
from migstat.simulator.faults import Fault, Incident
from migstat.simulator.scenario import FilterMode, Scenario, SimNode, SimTask, Step, Timeline, refused
from tests.scenarios import JOB, TASK, of_tasks, sim_task
from tests.watching import ENVIRON, EPOCH, SimulatedTime, SimulatedWatch, answered, the_end

GOOD = ("SUCCESS", "SUCCESS", "SUCCESS", "WARNING", "SKIPPED")
BAD = ("FAILED", "INCOMPLETE", "STOPPED", "CANCELLED", "TIMED_OUT", "ODD_OUTCOME")
LATEST = 100.0
"""Seconds after the end until which something may still come: less than anybody has to wait for it."""

LONG_AFTER = 3600.0
"""Seconds after the end at which all has settled, whoever looks."""


class HistoryRunner:
    """A history in simulated time, for any number of watches and commands; none may wait beyond `patience` seconds."""

    def __init__(self, scenario: Scenario, patience: float = 5000.0) -> None:
        self._scenario = scenario
        self._patience = patience

    def events(self, at: float, plan: Plan | None = None, task: str = TASK) -> list[Event]:
        sim = SimulatedWatch(
            self._scenario,
            begin=at,
            plan=plan or Plan(),
            rate_limit=None,
            share=lambda: 0.5,
            patience=self._patience - at,
            task=task,
            session=TaskSession,
        )
        return sim.run()

    def end(self, at: float, plan: Plan | None = None, task: str = TASK) -> Ended:
        return the_end(self.events(at, plan, task))

    def watch(self, at: float, plan: Plan | None = None) -> int:
        try:
            return self.end(at, plan).exit_code
        except MigstatError as error:
            return exit_of_error(error)

    def status(self, at: float, *words: str) -> int:
        return self.run(at, "status", "--exit-status", *words)[0]

    def run(self, at: float, *words: str) -> tuple[int, str]:
        """The exit code of a command at a second, and what it says on standard error."""
        time, said = SimulatedTime(at, latest=self._patience), io.StringIO()
        app = App(self._scenario, Timeline(EPOCH, 1.0), clock=time.wall, rate_limit=None)
        runtime = Runtime(
            ENVIRON | {"MIGSTAT_JOB": JOB, "MIGSTAT_TASK": TASK},
            Streams(io.StringIO(), said),
            now=time.wall,
            clock=time.clock,
            sleep=time.sleep,
            transport=httpx.MockTransport(lambda request: answered(app, request, time)),
        )
        return run(words, runtime), said.getvalue()


@dataclass(frozen=True)
class History:
    scenario: Scenario
    end: float
    about: tuple[str, ...]

    @property
    def middle(self) -> float:
        """A second before the end at which a watch may begin: a refusal is believed at once then."""
        refusals = [each for each in self.scenario.incidents if each.fault.kind in ("401", "403", "404")]
        seconds = (self.end * share for share in (0.7, 0.5, 0.9))
        return next(at for at in seconds if not any(each.begin <= at < each.end for each in refusals))


class Writer:
    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  chance, not secrecy
        self.end = self.chance.uniform(150, 400)
        self.about: list[str] = []
        self.incidents: list[Incident] = []
        self.calm = self.chance.random() < 0.25

    def odd(self, what: str, likelihood: float) -> bool:
        """True if something unusual happens here, which is noted down."""
        happens = not self.calm and self.chance.random() < likelihood
        if happens:
            self.about.append(what)
        return happens

    def outcome(self, bad: float = 0.03) -> str:
        return self.chance.choice(BAD) if self.odd("bad outcome", bad) else self.chance.choice(GOOD)

    def life(  # noqa: C901  one branch a way of living
        self, name: str, begin: float, end: float, *, late: bool = True, bad: float = 0.03, **more: Any
    ) -> SimNode:
        """A node that runs from one second to another, in one of the ways in which nodes do so."""
        steps = [Step(min(begin - 5, 20), "PENDING"), Step(begin)]
        outcome = self.outcome(bad)
        if self.odd(f"{name} is retried", 0.06):
            middle = begin + (end - begin) / 2
            steps += [Step(begin + (end - begin) / 4, "FINISHED", self.chance.choice((*BAD, "SUCCESS"))), Step(middle)]
        if self.odd(f"{name} vanishes for a while", 0.04):
            steps += [Step(end - 30, None), Step(end - 5)]
        if self.odd(f"{name} never ends", 0.015):
            return SimNode(name=name, steps=tuple(steps), **more)
        if self.odd(f"{name} is never begun", 0.01):
            return SimNode(name=name, steps=tuple(steps[:1]), **more)
        if self.odd(f"{name} vanishes", 0.02):
            steps.append(Step(end - 10, None))
            return SimNode(name=name, steps=tuple(steps), **more)
        stamp: dict[str, Any] = {}
        if self.odd(f"the stamp of {name} lies", 0.08):
            stamp = self.chance.choice(({"updated_at": end - 7200}, {"updated_at": end - 5}, {"unit": "s"}))
        if self.odd(f"{name} ends without an outcome at first", 0.05):
            steps.append(Step(end, "FINISHED", None, **stamp))
            steps.append(Step(end + self.chance.uniform(5, 60), "FINISHED", outcome, **stamp))
        elif self.odd(f"{name} ends without an outcome", 0.015):
            status = self.chance.choice(("FINISHED", "TIMED_OUT", "STOPPED", "CANCELLED"))
            steps.append(Step(end, status, None, **stamp))
        else:
            steps.append(Step(end, "FINISHED", outcome, **stamp))
        if late and self.odd(f"{name} is reported late", 0.06):
            appears = self.end + self.chance.uniform(-20, LATEST)
            last = replace(steps[-1], at=max(appears, steps[-1].at))
            steps = [Step(-math.inf, None), last]
        if self.odd(f"{name} has no stamps", 0.05):
            more["has_details"] = False
        return SimNode(name=name, steps=tuple(steps), **more)

    def leaves(self, names: list[str]) -> Iterator[SimNode]:
        for name in names:
            begin = self.chance.uniform(40, self.end - 70)
            yield self.life(name, begin, self.chance.uniform(begin + 10, self.end - 12), bad=0.02)

    def root(self, *children: SimNode, **more: Any) -> SimNode:
        outcome = self.chance.choice(BAD) if self.odd("the root fails", 0.08) else self.chance.choice(GOOD)
        steps = [Step(0)]
        if self.odd("the root ends without an outcome at first", 0.08):
            steps.append(Step(self.end, "FINISHED", None))
            steps.append(Step(self.end + self.chance.uniform(5, 60), "FINISHED", outcome))
        elif self.odd("the root ends without an outcome", 0.04):
            steps.append(Step(self.end, self.chance.choice(("CANCELLED", "STOPPED", "FINISHED"))))
        else:
            steps.append(Step(self.end, "FINISHED", outcome))
        return SimNode(name="root", steps=tuple(steps), children=children, **more)

    def history(self) -> History:
        kind = self.chance.choice(
            ("jira", "jira", "jira", "confluence", "users", "both", "keyless", "check", "refused")
        )
        self.about.append(kind)
        task, scope = self.check_task() if kind == "check" else self.migrate_task(kind)
        if kind == "refused":
            task = refused("it", "task-1", self.chance.choice(("check", "migrate")), created_at=-10, message="No.")
            self.end = 0.0
        self.trouble()
        filters: FilterMode = "works"
        if self.odd("filters", 0.3):
            filters = self.chance.choice(("ignored", "empty", "rejected", "first-page", "once"))
        scenario = of_tasks(
            task,
            scope=scope,
            flow="confluence" if kind == "confluence" else "jira",
            page_size=self.chance.choice((3, 20, 20)),
            filters=filters,
            incidents=tuple(self.incidents),
        )
        return History(scenario, self.end, tuple(self.about))

    def check_task(self) -> tuple[SimTask, dict[str, Any]]:
        checks = []
        for number in range(self.chance.randint(1, 25)):
            begin = self.chance.uniform(2, 60)
            checks.append(self.life(f"Check{number}", begin, self.chance.uniform(begin + 5, self.end - 12), late=False))
        levels: tuple[Literal["none", "also", "only"], ...] = ("none", "also", "only")
        level = self.chance.choice(levels)
        self.about.append(f"check level: {level}")
        root = self.root(*checks)
        return sim_task(root, "check", check_level=level), {}

    def migrate_task(self, kind: str) -> tuple[SimTask, dict[str, Any]]:
        names = [f"P{number:02}" for number in range(0 if kind == "users" else self.chance.randint(1, 30))]
        level, other = ("spaces", "projects") if kind == "confluence" else ("projects", "spaces")
        scope: dict[str, Any] = {"usersAndGroups": {"mode": "ALL"}}
        if names and kind != "keyless":
            keys = [name.lower() if self.odd("the case differs", 0.03) else name for name in names]
            if self.odd("a key never comes", 0.04):
                keys.append("NEVER")
            scope[level] = {"includedKeys": keys}
        scopes = [self.life("usersAndGroups", 35, 60, late=True)]
        if self.chance.random() < 0.5:
            scope["apps"] = {"includedKeys": ["an.app"]}
            single = self.life("an.app", 50, self.end - 15, late=False)
            # apps may go on long after the core, and then the task has not ended with its root
            over = self.end + self.chance.uniform(20, 200) if self.odd("apps go on", 0.3) else self.end - 12
            scopes.append(self.life("apps", 45, over, late=over < self.end, children=(single,)))
        if self.chance.random() < 0.3:
            scopes.append(self.life("customers", 45, 80, late=False))  # the job does not name it
        half = len(names) // 2 if kind == "both" else 0
        if self.odd("the other level", 0.1):
            level, other = other, level
        hidden = [SimNode(name=level, hidden=True, children=tuple(self.leaves(names[half:])))] if names[half:] else []
        if names[:half]:
            hidden.append(SimNode(name=other, hidden=True, children=tuple(self.leaves(names[:half]))))
        check = self.life("check", 3, 25, late=False, bad=0.02)
        tops = [check, self.life("migrate", 30, self.end - 10, children=(*scopes, *hidden))]
        root = self.root(*tops)
        return sim_task(root), scope

    def trouble(self) -> None:
        """Faults around the end, or forever."""
        kinds = (Fault("503"), Fault("cut"), Fault("429", retry_after=20), Fault("garbage"), Fault("500"))
        levels = ("", "migrate", "migrate,projects", "migrate,spaces", "check")
        if self.odd("a level fails around the end", 0.2):
            self.incidents.append(
                Incident(
                    fault=self.chance.choice(kinds),
                    level=self.chance.choice(levels),
                    begin=self.end - self.chance.uniform(0, 60),
                    end=self.end + self.chance.uniform(0, 170),
                )
            )
        if self.odd("all fails around the end", 0.1):
            begin = self.end - self.chance.uniform(-30, 60)
            self.incidents.append(Incident(fault=self.chance.choice(kinds), begin=begin, end=begin + 90))
        if self.odd("refused for some seconds", 0.05):
            begin = self.chance.uniform(50, self.end + 20)
            kind = self.chance.choice(("401", "403", "404"))
            self.incidents.append(Incident(fault=Fault(kind), begin=begin, end=begin + 15))
        if self.odd("a filter fails forever", 0.05):
            self.incidents.append(Incident(fault=Fault("500"), status="IN_PROGRESS"))
        if self.odd("a level fails forever", 0.03):
            self.incidents.append(Incident(fault=Fault("500"), level="migrate", expanded=True))
        if self.odd("the job fails forever", 0.02):
            self.incidents.append(Incident(fault=Fault("500"), route="job"))


def expected_code(scenario: Scenario, now: float, until: Until = Until.DONE) -> int | None:
    """The exit code from the state long after the end; None if what is waited for has not ended."""
    task = scenario.tasks[-1]
    root = task.root
    for_ever = [incident for incident in scenario.incidents if incident.end == math.inf]
    no_level = any(incident.level == "migrate" for incident in for_ever)
    no_job = any(incident.route == "job" for incident in for_ever)

    def there(node: SimNode) -> list[SimNode]:
        return [child for child in node.children if child.is_reported(now)]

    def good(node: SimNode) -> bool:
        return node.outcome_at(now) in ("SUCCESS", "WARNING", "SKIPPED")

    tops = {child.name: child for child in there(root)}
    if task.task_type == "check":
        return int(not all(map(good, (root, *tops.values()))))
    if not tops:  # it could not start
        return 1
    if until is Until.CHECKS:
        return int(not good(tops.get("check", root)))
    migrate = tops.get("migrate")
    # projects may answer below a phase that is not reported
    below = [child for top in root.children if top.name == "migrate" for child in there(top) if migrate or child.hidden]
    excepted = "apps" if until is Until.CORE else ""
    scopes = [child for child in below if not child.hidden and not no_level and child.name != excepted]
    leaves = [leaf for child in below if child.hidden for leaf in there(child)]
    counted = [root, *tops.values()] if until is Until.DONE else [migrate or root]
    counted += [*scopes, *(app for scope in scopes for app in there(scope)), *leaves]
    levels = [scenario.job.scope.get(level, {}) for level in ("projects", "spaces")]
    named = [key for level in levels for key in level.get("includedKeys", [])]
    missing = [] if no_job else [key for key in named if not any(leaf.name.lower() == key.lower() for leaf in leaves)]
    if (
        good(root)
        and good(migrate or root)
        and not all((step := scope.step_at(now)) and step.ended for scope in scopes)
    ):
        return None
    if missing or migrate is None or not all(map(good, counted)):
        return 1
    return 3 if no_job or no_level else 0
