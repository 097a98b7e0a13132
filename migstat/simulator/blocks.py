"""Building blocks of scenarios: checks, projects and spaces, apps, runs and jobs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from heapq import heapify, heapreplace
from typing import TYPE_CHECKING, Literal

from migstat.simulator.material import APPS, CHECK_FAILURES, CHECK_NAMES, ONE_CHECK_WARNING, SUCCESS, YESTERDAY, SimEnd
from migstat.simulator.scenario import SimArtifact, SimJob, SimNode, SimPhase, SimTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MINUTE = 60.0
DAY = 24 * 60 * MINUTE
REPORT = "pre-flight-report.csv"
"""The file that each Jira run leaves about its checks."""


def stable_id(*parts: str) -> str:
    """Return an id that is the same in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(("https://simulator.invalid", *parts))))


def check_level(name: str, begin: float, length: float, ends: Mapping[str, SimEnd]) -> SimNode:
    """Return a level of checks that run four at a time, and ends as badly as the worst of them.

    Checks that have not begun are not listed: the level's own progress says how many there will be.
    """
    step = length / len(CHECK_NAMES)
    children = []
    for number, check in enumerate(CHECK_NAMES):
        end = ends.get(check, SimEnd("SKIPPED") if number % 3 == 2 else SUCCESS)
        begun = begin + step * max(0, number - 3)
        children.append(
            SimNode(
                name=check,
                reported_at=begun,
                started_at=begun,
                ended_at=begin + step * (number + 1),
                outcome=end.outcome,
                final_message=end.message,
                has_details=False,
                description=end.description,
                excludable=end.excludable,
                occurrences=end.occurrences,
            )
        )
    outcomes = {end.outcome for end in ends.values()}
    outcome = next((worst for worst in ("FAILED", "WARNING") if worst in outcomes), "SUCCESS")
    messages = {
        "FAILED": "Pre-flight checks found problems that must be solved first.",
        "WARNING": "All pre-flight checks have passed, some with a warning.",
        "SUCCESS": "All pre-flight checks have passed.",
    }
    return SimNode(
        name=name,
        reported_at=begin,
        started_at=begin,
        ended_at=begin + length + 1,
        outcome=outcome,
        running_message="Pre-flight checks are running.",
        final_message=messages[outcome],
        phases=(SimPhase("Preflight Checks", len(CHECK_NAMES)),),
        has_details=False,
        children=tuple(children),
    )


def check_task(
    scenario: str,
    label: str,
    created_at: float,
    length: float,
    ends: Mapping[str, SimEnd],
    overridden: tuple[str, ...] = (),
) -> SimTask:
    """Return a run of the checks alone, with its report."""
    return SimTask(
        label=label,
        task_id=stable_id(scenario, label),
        task_type="check",
        created_at=created_at,
        status_at=created_at + 1,
        root=check_level("root", created_at + 3, length, ends),
        overridden=overridden,
        artifacts=(_artifact(REPORT, created_at + length + 5),),
    )


def _artifact(name: str, available_at: float) -> SimArtifact:
    """Return a file that expires after a week; the API gives a number without a unit, so there is one of each."""
    unit: Literal["ms", "s"] = "ms" if name == REPORT else "s"
    return SimArtifact(name, None, available_at, available_at + 7 * DAY, unit=unit)


def earlier_checks(scenario: str) -> tuple[SimTask, ...]:
    """Return a check that failed two days ago, and one that passed a day ago because one failure was overridden."""
    return (
        check_task(scenario, "check-1", -2 * DAY, 4 * MINUTE, CHECK_FAILURES | ONE_CHECK_WARNING),
        check_task(scenario, "check-2", -DAY, 4 * MINUTE, YESTERDAY, overridden=("DuplicateEmail",)),
    )


@dataclass(frozen=True, slots=True)
class SimWork:
    """A project or space to move: its key, how long that takes (seconds), its phases and how it ends."""

    key: str
    length: float
    phases: tuple[SimPhase, ...]
    end: SimEnd


def project(key: str, thousands: float, ends: Mapping[str, SimEnd], length: float | None = None) -> SimWork:
    """Return a project; without a `length` its size says how long it takes."""
    issues = int(1000 * thousands)
    phases = (SimPhase("export", issues, 2), SimPhase("upload", issues * 2 // 5 + 1, 3), SimPhase("import", issues, 5))
    return SimWork(key, 3 * MINUTE + thousands * 45 if length is None else length, phases, ends.get(key, SUCCESS))


def space(key: str, hundreds: int) -> SimWork:
    """Return a space."""
    pages = 100 * hundreds
    phases = (SimPhase("export", pages, 3), SimPhase("upload", 4 * pages, 3), SimPhase("import", pages, 4))
    return SimWork(key, 2 * MINUTE + 12 * hundreds, phases, SUCCESS)


def in_lanes(name: str, works: Iterable[SimWork], *, lanes: int, begin: float, report_every: float = 20) -> SimNode:
    """Return the hidden level of these works, `lanes` of them at a time, starting at `begin`.

    They are reported one by one, beginning 5 minutes earlier, each no later than it starts.
    """
    free_at = [begin + 7 * lane for lane in range(lanes)]
    heapify(free_at)
    nodes = []
    for number, work in enumerate(works):
        started_at = free_at[0]
        heapreplace(free_at, started_at + work.length + 5)
        nodes.append(
            SimNode(
                name=work.key,
                reported_at=min(begin - 5 * MINUTE + number * report_every, started_at),
                started_at=started_at,
                ended_at=started_at + work.length,
                outcome=work.end.outcome,
                final_message=work.end.message,
                phases=work.phases,
            )
        )
    return SimNode(name=name, hidden=True, children=tuple(nodes))


def scope_node(name: str, begin: float, end: float, total: int) -> SimNode:
    """Return a scope without children; `total` is the number of things that it moves."""
    return SimNode(
        name=name,
        reported_at=begin,
        started_at=begin,
        ended_at=end,
        outcome="SUCCESS",
        phases=(SimPhase("export", total), SimPhase("import", total, 3)),
    )


def apps_node(begin: float, ends_at: tuple[float, float]) -> SimNode:
    """Return the apps, which end with the last of them."""
    children = tuple(
        SimNode(
            name=key,
            reported_at=begin,
            started_at=begin + 30,
            ended_at=ended_at,
            outcome=end.outcome,
            running_message="Moving the app's data.",
            final_message=end.message,
        )
        for (key, end), ended_at in zip(APPS.items(), ends_at, strict=True)
    )
    return SimNode(
        name="apps",
        reported_at=begin,
        started_at=begin,
        ended_at=max(ends_at) + 5,
        outcome="WARNING",
        final_message="1 of 2 apps was moved with warnings.",
        children=children,
    )


MIGRATE_BEGIN = 5 * MINUTE


def core_end_of(nodes: Iterable[SimNode]) -> float:
    """Return when the core ends: soon after the last of its nodes."""
    return max(node.ended_at or 0.0 for node in nodes) + 10


def migrate_task(
    scenario: str,
    check: SimNode,
    level: tuple[SimNode, ...],
    core_end: float,
    end: SimEnd,
    *,
    leaves_files: bool = True,
) -> SimTask:
    """Return a run whose core ends at `core_end`; without a `level` its migration was never scheduled.

    As in the documented exchanges, `lastUpdatedAt` of its running `migrate` and root stays where they started.
    """
    migrate = SimNode(
        name="migrate",
        reported_at=MIGRATE_BEGIN,
        started_at=MIGRATE_BEGIN + 2,
        ended_at=core_end,
        outcome=end.outcome,
        final_message=end.message,
        heartbeat=None,
        children=level,
    )
    root = SimNode(
        name="root",
        reported_at=2,
        started_at=3,
        ended_at=core_end + 2,
        outcome=end.outcome,
        running_message="Migration is in progress",
        final_message=end.message,
        heartbeat=None,
        children=(check, migrate) if level else (check,),
    )
    files = (_artifact(REPORT, (check.ended_at or 0) + 5), _artifact("migration-log.zip", core_end + 7))
    return SimTask(
        label="migrate",
        task_id=stable_id(scenario, "migrate"),
        task_type="migrate",
        created_at=0,
        status_at=1,
        root=root,
        artifacts=files if leaves_files else (),
    )


def jira_job(scenario: str, keys: Iterable[str], name: str = "Jira to the cloud", *, apps: bool = True) -> SimJob:
    """Return a job that moves these projects and all else; without `apps` users and customers only."""
    scope = {
        "projects": {"includedKeys": list(keys)},
        "usersAndGroups": {"mode": "referenced"},
        "customers": {"mode": "referenced"},
        "globalEntities": {"mode": "all"},
        "apps": {"includedKeys": list(APPS)},
    }
    return SimJob(
        job_id=stable_id(scenario, "job"),
        name=name,
        flow="jira-onpremises-to-cloud",
        server_id="BX7Q-02LM-9TRA-K4D1",
        destination_url="https://acme-cloud.example.com",
        scope=scope if apps else {name: scope[name] for name in ("usersAndGroups", "customers")},
    )
