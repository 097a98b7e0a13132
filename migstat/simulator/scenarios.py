"""The catalogue of scripted migrations, by name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from migstat.simulator.blocks import (
    MIGRATE_BEGIN,
    MINUTE,
    apps_node,
    check_level,
    check_task,
    core_end_of,
    earlier_checks,
    in_lanes,
    jira_job,
    migrate_task,
    project,
    scope_node,
    space,
    stable_id,
)
from migstat.simulator.faults import Fault, Incident, Schedule
from migstat.simulator.material import (
    ATTACHED,
    BUSY,
    CHECK_FAILURES,
    CHECK_WARNINGS,
    ONE_CHECK_WARNING,
    PROJECT_FAILURES,
    PROJECT_WARNINGS,
    PROJECTS,
    SPACES,
    SimEnd,
)
from migstat.simulator.scenario import Scenario, SimJob, postponed, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _jira(
    name: str,
    ends: Mapping[str, SimEnd],
    end: SimEnd,
    projects: tuple[tuple[str, int], ...] = PROJECTS,
    title: str | None = None,
) -> Scenario:
    """Return a migration of projects; apps go on for 20 minutes after the core."""
    begin = 20 * MINUTE
    hidden = in_lanes("projects", (project(*each, ends) for each in projects), lanes=6, begin=begin)
    core_end = core_end_of(hidden.children)
    level = (
        scope_node("usersAndGroups", MIGRATE_BEGIN + 5, 12 * MINUTE, 2140),
        scope_node("customers", MIGRATE_BEGIN + 20, 9 * MINUTE, 860),
        scope_node("globalEntities", 12 * MINUTE, begin - 10, 75),
        apps_node(begin, (core_end - 40 * MINUTE, core_end + 20 * MINUTE)),
        hidden,
    )
    task = migrate_task(name, check_level("check", 5, 4 * MINUTE, CHECK_WARNINGS), level, core_end, end)
    job = jira_job(name, (key for key, _ in projects), title or "Jira to the cloud")
    return Scenario(name=name, job=job, tasks=(*earlier_checks(name), task))


_PROJECT_KEYS = tuple(key for key, _ in PROJECTS)


def _cutover() -> Scenario:
    """A night with a bit of everything: warnings, a project that fails, and a quarter of an hour without an answer."""
    end = SimEnd("FAILED", "Migration has finished; 1 project failed.")
    ends = PROJECT_WARNINGS | {"INFRA": PROJECT_FAILURES["INFRA"]}
    outage = Incident(fault=Fault("503"), begin=107 * MINUTE, end=123 * MINUTE)
    return replace(_jira("cutover", ends, end), incidents=(outage,))


def _projects_failing() -> Scenario:
    end = SimEnd("FAILED", "Migration has finished; 3 projects failed.")
    return _jira("projects-failing", PROJECT_WARNINGS | PROJECT_FAILURES, end)


def _failing() -> Scenario:
    check = check_level("check", 5, 4 * MINUTE, CHECK_FAILURES | ONE_CHECK_WARNING)
    end = SimEnd("FAILED", "Migration was not started: pre-flight checks failed.")
    task = migrate_task("failing", check, (), 4 * MINUTE + 6, end)
    return Scenario(name="failing", job=jira_job("failing", _PROJECT_KEYS), tasks=(*earlier_checks("failing"), task))


def _confluence() -> Scenario:
    """A migration of spaces, which leaves no reports: those come with Jira only."""
    begin = 12 * MINUTE
    hidden = in_lanes("spaces", (space(*each) for each in SPACES), lanes=4, begin=begin)
    level = (scope_node("usersAndGroups", MIGRATE_BEGIN + 5, begin - 10, 1310), hidden)
    check = check_level("check", 5, 4 * MINUTE, {})
    end = SimEnd("SUCCESS", "Migration has finished.")
    task = migrate_task("confluence", check, level, core_end_of(hidden.children), end, leaves_files=False)
    job = SimJob(
        job_id=stable_id("confluence", "job"),
        name="Confluence to the cloud",
        flow="confluence-onpremises-to-cloud",
        server_id="B3VN-71QE-0KPS-W8F2",
        destination_url="https://acme-cloud.example.com/wiki",
        scope={"spaces": {"includedKeys": [key for key, _ in SPACES]}, "usersAndGroups": {"mode": "all"}},
    )
    return Scenario(name="confluence", job=job, tasks=(task,))


def _only_checks() -> Scenario:
    newest = check_task("checks", "check-3", 0, 5 * MINUTE, CHECK_WARNINGS | CHECK_FAILURES)
    job = jira_job("checks", _PROJECT_KEYS)
    return Scenario(name="checks", job=job, tasks=(*earlier_checks("checks"), newest))


def _users_only() -> Scenario:
    """A job without projects: `migrate,projects` does not exist."""
    level = (
        scope_node("usersAndGroups", MIGRATE_BEGIN + 5, 40 * MINUTE, 21_400),
        scope_node("customers", MIGRATE_BEGIN + 20, 25 * MINUTE, 8600),
    )
    check = check_level("check", 5, 4 * MINUTE, {})
    task = migrate_task("users-only", check, level, core_end_of(level), SimEnd("SUCCESS", "Migration has finished."))
    job = jira_job("users-only", (), "Users and customers to the cloud", apps=False)
    return Scenario(name="users-only", job=job, tasks=(task,))


def _refused() -> Scenario:
    """The newest run was refused because an older one still runs, and the newest check for another reason."""
    running = _jira("refused", PROJECT_WARNINGS, SimEnd("WARNING", "Migration has finished with warnings."))
    check = refused("check-3", stable_id("refused", "check-3"), "check", created_at=-180 * MINUTE, message=ATTACHED)
    newest = refused("migrate-2", stable_id("refused", "migrate-2"), "migrate", created_at=60 * MINUTE, message=BUSY)
    return replace(running, tasks=(*running.tasks, check, newest))


def _waves() -> Scenario:
    """Three jobs: the first wave is over, the second runs with failures, the third was refused."""
    done = _jira(
        "wave-1",
        PROJECT_WARNINGS,
        SimEnd("WARNING", "Migration has finished with warnings."),
        PROJECTS[:13],
        "Jira wave 1",
    )
    earlier = tuple(postponed(task, -done.duration - 60 * MINUTE) for task in done.tasks)
    end = SimEnd("FAILED", "Migration has finished; 3 projects failed.")
    running = _jira("waves", PROJECT_FAILURES, end, PROJECTS[13:34], "Jira wave 2")
    third = jira_job("wave-3", (key for key, _ in PROJECTS[34:]), "Jira wave 3")
    late = refused("migrate", stable_id("wave-3", "migrate"), "migrate", created_at=10 * MINUTE, message=ATTACHED)
    return replace(
        running, target="wave-2", more=(replace(done, tasks=earlier), Scenario(name="wave-3", job=third, tasks=(late,)))
    )


_HUGE_LENGTHS = (18, 22, 25, 28, 31, 36, 44)
"""Seconds that the projects of the huge scenario take, in turn; no divisor of the lanes, so that lanes mix."""


def _huge() -> Scenario:
    begin = 10 * MINUTE
    keys = tuple(f"PRJ{number:04d}" for number in range(1, 5001))
    works = (project(key, 1, {}, _HUGE_LENGTHS[number % len(_HUGE_LENGTHS)]) for number, key in enumerate(keys))
    hidden = in_lanes("projects", works, lanes=8, begin=begin, report_every=0.2)
    level = (scope_node("usersAndGroups", MIGRATE_BEGIN + 5, begin - 10, 90_000), hidden)
    check = check_level("check", 5, 4 * MINUTE, {})
    task = migrate_task(
        "huge", check, level, core_end_of(hidden.children), SimEnd("SUCCESS", "Migration has finished.")
    )
    return Scenario(name="huge", job=jira_job("huge", keys), tasks=(task,))


def _flaky() -> Scenario:
    """The cutover over a bad line: every sixth request fails, and for a while all of them."""
    rotation = (
        Fault("reset"),
        Fault("503"),
        Fault("cut"),
        Fault("429", retry_after=1),
        Fault("html"),
        Fault("slow", seconds=0.3),
    )
    outage = Incident(fault=Fault("502"), begin=94 * MINUTE, end=107 * MINUTE)
    return replace(_cutover(), name="flaky", incidents=(outage,), faults=Schedule(6, rotation))


_BUILDERS: Mapping[str, Callable[[], Scenario]] = {
    "cutover": _cutover,
    "failing": _failing,
    "projects-failing": _projects_failing,
    "confluence": _confluence,
    "checks": _only_checks,
    "refused": _refused,
    "users-only": _users_only,
    "waves": _waves,
    "huge": _huge,
    "flaky": _flaky,
}

NAMES: tuple[str, ...] = tuple(_BUILDERS)
"""The names that `build` knows."""


def build(name: str) -> Scenario:
    """Return the scenario of that name. Raises KeyError for any other."""
    return _BUILDERS[name]()
