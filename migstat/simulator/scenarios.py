"""The catalogue of scripted migrations, by name."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from heapq import heapify, heapreplace
from typing import TYPE_CHECKING, Literal

from migstat.simulator.faults import Fault, Incident, Schedule
from migstat.simulator.scenario import Scenario, SimArtifact, SimJob, SimNode, SimPhase, SimTask, postponed, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MINUTE = 60.0
DAY = 24 * 60 * MINUTE
REPORT = "pre-flight-report.csv"
"""The file that each Jira run leaves about its checks."""

CHECK_NAMES = (
    "AdvancedRoadmapsOutdated", "AdvancedRoadmapsProjectMigratedConflict", "AnonPermission",
    "AppAssessmentIncomplete", "AppDataMigrationConsent", "AppLicenseCheck", "AppsNotInstalledOnCloud",
    "AppsReliabilityCheck", "AppVendorCheck", "AppWebhookEndpointCheck", "CloudFreeUserLimit", "CloudSiteNotEmpty",
    "CrossProjectEntityMissingProjectSelection", "DatabaseSize", "EpicLinksAboveStoryHierarchyLevel",
    "JsmCloudEntityCreationLimits", "JsmCloudFreeAgentLimit", "JsmInCloudSite", "JsmLicence",
    "ManualImportFileValidation", "MissingAttachments", "MissingIssueTypes", "AttachmentSizeLimit",
    "BoardFilterVisibility", "CloudStorageQuota", "ClockDrift", "CustomFieldTypeUnsupported",
    "DashboardOwnerInactive", "DestinationReachable", "DuplicateEmail", "GroupNameConflict", "InvalidEmail",
    "IssueKeyConflict", "IssueSecurityLevels", "NetworkProxyReachable", "NodeFreeDiskSpace", "OrphanedWorkflows",
    "PermissionSchemeGrants", "ProjectKeyConflict", "ProjectNameConflict", "ScriptedWorkflowConditions",
    "ServerVersionSupported", "SharedConfiguration", "TrustedUserDomains", "UserDirectoryConsistency",
    "WorkflowStatusMapping",
)  # fmt: skip

# Project keys with their thousands of issues; a large one comes last, for a long tail.
_PROJECTS = (
    ("ACME", 9), ("HELP", 42), ("OPS", 28), ("PLAT", 35), ("WEB", 14), ("MOB", 17), ("API", 12), ("SEC", 6),
    ("HR", 3), ("FIN", 8), ("LEGAL", 2), ("MKT", 5), ("SALES", 11), ("CRM", 22), ("ERP", 38), ("DATA", 19),
    ("BI", 7), ("ML", 4), ("QA", 16), ("REL", 6), ("DOCS", 3), ("UX", 5), ("ARCH", 1), ("INFRA", 31),
    ("NET", 9), ("DBA", 4), ("SRE", 13), ("ITSM", 45), ("FAC", 2), ("TRAIN", 1), ("PART", 6), ("LAB", 2),
    ("IOT", 8), ("PAY", 24), ("BILL", 18), ("SHOP", 27), ("LOGI", 10), ("EMEA", 5), ("APAC", 4),
    ("ATTIC", 33),
)  # fmt: skip

# Space keys with their hundreds of pages.
_SPACES = (
    ("DOC", 12), ("ENG", 30), ("HR", 4), ("OPS", 18), ("SALES", 7), ("MKT", 9), ("LEGAL", 3), ("FIN", 5),
    ("ARCH", 11), ("QA", 8), ("SEC", 6), ("KB", 40), ("RUN", 13), ("TEAM", 2), ("NEWS", 5), ("ONB", 3),
    ("PROD", 21), ("UX", 6), ("DATA", 10), ("ITSM", 16), ("LAB", 1), ("PART", 4), ("POL", 2), ("OLD", 25),
    ("~jdoe", 1),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _End:
    """How something ends; for checks also what was found."""

    outcome: str
    message: str | None = None
    occurrences: tuple[str, ...] = ()
    description: str | None = None
    excludable: bool | None = None


_SUCCESS = _End("SUCCESS")
_CHECK_WARNINGS = {
    "AnonPermission": _End(
        "WARNING",
        "2 projects let people browse without logging in.",
        ("HELP: permission scheme 'Public desk'", "DOCS: permission scheme 'Open documentation'"),
        "Looks for permissions that are granted to anonymous people.",
        excludable=True,
    ),
    "DuplicateEmail": _End(
        "WARNING",
        "3 accounts share an e-mail address with another one; they will be merged.",
        ("build-bot, release-bot", "j.doe, jdoe", "support, helpdesk"),
        "Compares the e-mail addresses of all accounts.",
        excludable=True,
    ),
    "MissingAttachments": _End(
        "WARNING",
        "17 attachments are recorded in the database and missing on disk.",
        ("ATTIC-112: scan.pdf", "ATTIC-340: minutes.docx", "ERP-2201: ledger.xlsx"),
        "Compares the attachments in the database with the files on disk.",
        excludable=True,
    ),
}
_CHECK_FAILURES = {
    "InvalidEmail": _End(
        "FAILED",
        "4 accounts have an e-mail address that cannot exist in the cloud.",
        ("admin@localhost", "ci@build", "nobody", "test@@example.com"),
        "Validates the e-mail addresses of all accounts in scope.",
        excludable=False,
    ),
    "ProjectKeyConflict": _End(
        "FAILED",
        "Key OPS is already in use at the destination.",
        ("OPS: 'Operations' here, 'Opportunities' at the destination",),
        "Looks for keys that are taken at the destination.",
        excludable=True,
    ),
}
_YESTERDAY = {
    "AnonPermission": replace(
        _CHECK_WARNINGS["AnonPermission"],
        message="1 project lets people browse without logging in.",
        occurrences=_CHECK_WARNINGS["AnonPermission"].occurrences[:1],
    ),
    "BoardFilterVisibility": _End(
        "WARNING",
        "2 boards use a filter that only its owner can see.",
        ("Board 12: filter 'My team'", "Board 31: filter 'Triage'"),
        "Looks for boards that would be empty for everyone else.",
        excludable=True,
    ),
    "DuplicateEmail": _CHECK_WARNINGS["DuplicateEmail"],
    "InvalidEmail": _End(
        "WARNING",
        "7 accounts have an e-mail address that cannot exist in the cloud.",
        ("admin@localhost", "ci@build", "nobody", "root@", "@acme", "n/a", "old-bot@localhost"),
        "Validates the e-mail addresses of all accounts in scope.",
        excludable=False,
    ),
}
"""What the checks of the day before found: some were fixed since, others are new."""

_ONE_CHECK_WARNING = {"DuplicateEmail": _CHECK_WARNINGS["DuplicateEmail"]}

_PROJECT_WARNINGS = {
    "HELP": _End("WARNING", "3 request types were imported without their icons."),
    "ATTIC": _End("WARNING", "17 of 33000 issues were imported without their attachments."),
}
_PROJECT_FAILURES = {
    "ERP": _End("FAILED", "Import stopped: custom field 'Cost centre' has a type the destination lacks."),
    "PAY": _End("FAILED", "Upload of attachments timed out 5 times; the project was rolled back."),
    "INFRA": _End("FAILED", "Workflow 'Change control' refers to a status that does not exist."),
    "SHOP": _End("INCOMPLETE", "1204 of 27000 issues could not be imported."),
}
_APPS = {
    "com.example.timesheets": _End("WARNING", "12 of 4810 work logs belong to unknown people."),
    "com.example.diagrams": _SUCCESS,
}


_ATTACHED = "The cloud site is no longer attached to this server. Connect it again in the migration assistant."
_BUSY = "Another run of this job is still in progress; this one was not started."


def _id(*parts: str) -> str:
    """Return an id that is the same in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(("https://simulator.invalid", *parts))))


# checks


def _checks(name: str, begin: float, length: float, ends: Mapping[str, _End]) -> SimNode:
    """Return a level of checks that run four at a time, and ends as badly as the worst of them.

    Checks that have not begun are not listed: the level's own progress says how many there will be.
    """
    step = length / len(CHECK_NAMES)
    children = []
    for number, check in enumerate(CHECK_NAMES):
        end = ends.get(check, _End("SKIPPED") if number % 3 == 2 else _SUCCESS)
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


def _check_task(
    scenario: str,
    label: str,
    created_at: float,
    length: float,
    ends: Mapping[str, _End],
    overridden: tuple[str, ...] = (),
) -> SimTask:
    return SimTask(
        label=label,
        task_id=_id(scenario, label),
        task_type="check",
        created_at=created_at,
        status_at=created_at + 1,
        root=_checks("root", created_at + 3, length, ends),
        overridden=overridden,
        artifacts=(_artifact(REPORT, created_at + length + 5),),
    )


def _artifact(name: str, available_at: float) -> SimArtifact:
    """Return a file that expires after a week; the API gives a number without a unit, so there is one of each."""
    unit: Literal["ms", "s"] = "ms" if name == REPORT else "s"
    return SimArtifact(name, None, available_at, available_at + 7 * DAY, unit=unit)


def _earlier_checks(scenario: str) -> tuple[SimTask, ...]:
    """Return a check that failed two days ago, and one that passed a day ago because one failure was overridden."""
    return (
        _check_task(scenario, "check-1", -2 * DAY, 4 * MINUTE, _CHECK_FAILURES | _ONE_CHECK_WARNING),
        _check_task(scenario, "check-2", -DAY, 4 * MINUTE, _YESTERDAY, overridden=("DuplicateEmail",)),
    )


# projects, spaces and apps


@dataclass(frozen=True, slots=True)
class _Work:
    """A project or space to move: its key, how long that takes (seconds), its phases and how it ends."""

    key: str
    length: float
    phases: tuple[SimPhase, ...]
    end: _End


def _project(key: str, thousands: float, ends: Mapping[str, _End], length: float | None = None) -> _Work:
    issues = int(1000 * thousands)
    phases = (SimPhase("export", issues, 2), SimPhase("upload", issues * 2 // 5 + 1, 3), SimPhase("import", issues, 5))
    return _Work(key, 3 * MINUTE + thousands * 45 if length is None else length, phases, ends.get(key, _SUCCESS))


def _space(key: str, hundreds: int) -> _Work:
    pages = 100 * hundreds
    phases = (SimPhase("export", pages, 3), SimPhase("upload", 4 * pages, 3), SimPhase("import", pages, 4))
    return _Work(key, 2 * MINUTE + 12 * hundreds, phases, _SUCCESS)


def _in_lanes(name: str, works: Iterable[_Work], *, lanes: int, begin: float, report_every: float = 20) -> SimNode:
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


def _scope(name: str, begin: float, end: float, total: int) -> SimNode:
    return SimNode(
        name=name,
        reported_at=begin,
        started_at=begin,
        ended_at=end,
        outcome="SUCCESS",
        phases=(SimPhase("export", total), SimPhase("import", total, 3)),
    )


def _apps(begin: float, ends_at: tuple[float, float]) -> SimNode:
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
        for (key, end), ended_at in zip(_APPS.items(), ends_at, strict=True)
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


# runs and jobs

_MIGRATE_BEGIN = 5 * MINUTE


def _core_end(nodes: Iterable[SimNode]) -> float:
    return max(node.ended_at or 0.0 for node in nodes) + 10


def _migrate_task(
    scenario: str, check: SimNode, level: tuple[SimNode, ...], core_end: float, end: _End, *, leaves_files: bool = True
) -> SimTask:
    """Return a run whose core ends at `core_end`; without a `level` its migration was never scheduled.

    As in the documented exchanges, `lastUpdatedAt` of its running `migrate` and root stays where they started.
    """
    migrate = SimNode(
        name="migrate",
        reported_at=_MIGRATE_BEGIN,
        started_at=_MIGRATE_BEGIN + 2,
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
        task_id=_id(scenario, "migrate"),
        task_type="migrate",
        created_at=0,
        status_at=1,
        root=root,
        artifacts=files if leaves_files else (),
    )


def _jira_job(scenario: str, keys: Iterable[str], name: str = "Jira to the cloud", *, apps: bool = True) -> SimJob:
    scope = {
        "projects": {"includedKeys": list(keys)},
        "usersAndGroups": {"mode": "referenced"},
        "customers": {"mode": "referenced"},
        "globalEntities": {"mode": "all"},
        "apps": {"includedKeys": list(_APPS)},
    }
    return SimJob(
        job_id=_id(scenario, "job"),
        name=name,
        flow="jira-onpremises-to-cloud",
        server_id="BX7Q-02LM-9TRA-K4D1",
        destination_url="https://acme-cloud.example.com",
        scope=scope if apps else {name: scope[name] for name in ("usersAndGroups", "customers")},
    )


def _jira(
    name: str,
    ends: Mapping[str, _End],
    end: _End,
    projects: tuple[tuple[str, int], ...] = _PROJECTS,
    title: str | None = None,
) -> Scenario:
    """Return a migration of projects; apps go on for 20 minutes after the core."""
    begin = 20 * MINUTE
    hidden = _in_lanes("projects", (_project(*each, ends) for each in projects), lanes=6, begin=begin)
    core_end = _core_end(hidden.children)
    level = (
        _scope("usersAndGroups", _MIGRATE_BEGIN + 5, 12 * MINUTE, 2140),
        _scope("customers", _MIGRATE_BEGIN + 20, 9 * MINUTE, 860),
        _scope("globalEntities", 12 * MINUTE, begin - 10, 75),
        _apps(begin, (core_end - 40 * MINUTE, core_end + 20 * MINUTE)),
        hidden,
    )
    task = _migrate_task(name, _checks("check", 5, 4 * MINUTE, _CHECK_WARNINGS), level, core_end, end)
    job = _jira_job(name, (key for key, _ in projects), title or "Jira to the cloud")
    return Scenario(name=name, job=job, tasks=(*_earlier_checks(name), task))


# the catalogue


_PROJECT_KEYS = tuple(key for key, _ in _PROJECTS)


def _cutover() -> Scenario:
    """A night with a bit of everything: warnings, a project that fails, and a quarter of an hour without an answer."""
    end = _End("FAILED", "Migration has finished; 1 project failed.")
    ends = _PROJECT_WARNINGS | {"INFRA": _PROJECT_FAILURES["INFRA"]}
    outage = Incident(fault=Fault("503"), begin=107 * MINUTE, end=123 * MINUTE)
    return replace(_jira("cutover", ends, end), incidents=(outage,))


def _projects_failing() -> Scenario:
    end = _End("FAILED", "Migration has finished; 3 projects failed.")
    return _jira("projects-failing", _PROJECT_WARNINGS | _PROJECT_FAILURES, end)


def _failing() -> Scenario:
    check = _checks("check", 5, 4 * MINUTE, _CHECK_FAILURES | _ONE_CHECK_WARNING)
    end = _End("FAILED", "Migration was not started: pre-flight checks failed.")
    task = _migrate_task("failing", check, (), 4 * MINUTE + 6, end)
    return Scenario(name="failing", job=_jira_job("failing", _PROJECT_KEYS), tasks=(*_earlier_checks("failing"), task))


def _confluence() -> Scenario:
    """A migration of spaces, which leaves no reports: those come with Jira only."""
    begin = 12 * MINUTE
    hidden = _in_lanes("spaces", (_space(*each) for each in _SPACES), lanes=4, begin=begin)
    level = (_scope("usersAndGroups", _MIGRATE_BEGIN + 5, begin - 10, 1310), hidden)
    check = _checks("check", 5, 4 * MINUTE, {})
    end = _End("SUCCESS", "Migration has finished.")
    task = _migrate_task("confluence", check, level, _core_end(hidden.children), end, leaves_files=False)
    job = SimJob(
        job_id=_id("confluence", "job"),
        name="Confluence to the cloud",
        flow="confluence-onpremises-to-cloud",
        server_id="B3VN-71QE-0KPS-W8F2",
        destination_url="https://acme-cloud.example.com/wiki",
        scope={"spaces": {"includedKeys": [key for key, _ in _SPACES]}, "usersAndGroups": {"mode": "all"}},
    )
    return Scenario(name="confluence", job=job, tasks=(task,))


def _only_checks() -> Scenario:
    newest = _check_task("checks", "check-3", 0, 5 * MINUTE, _CHECK_WARNINGS | _CHECK_FAILURES)
    job = _jira_job("checks", _PROJECT_KEYS)
    return Scenario(name="checks", job=job, tasks=(*_earlier_checks("checks"), newest))


def _users_only() -> Scenario:
    """A job without projects: `migrate,projects` does not exist."""
    level = (
        _scope("usersAndGroups", _MIGRATE_BEGIN + 5, 40 * MINUTE, 21_400),
        _scope("customers", _MIGRATE_BEGIN + 20, 25 * MINUTE, 8600),
    )
    check = _checks("check", 5, 4 * MINUTE, {})
    task = _migrate_task("users-only", check, level, _core_end(level), _End("SUCCESS", "Migration has finished."))
    job = _jira_job("users-only", (), "Users and customers to the cloud", apps=False)
    return Scenario(name="users-only", job=job, tasks=(task,))


def _refused() -> Scenario:
    """The newest run was refused because an older one still runs, and the newest check for another reason."""
    running = _jira("refused", _PROJECT_WARNINGS, _End("WARNING", "Migration has finished with warnings."))
    check = refused("check-3", _id("refused", "check-3"), "check", created_at=-180 * MINUTE, message=_ATTACHED)
    newest = refused("migrate-2", _id("refused", "migrate-2"), "migrate", created_at=60 * MINUTE, message=_BUSY)
    return replace(running, tasks=(*running.tasks, check, newest))


def _waves() -> Scenario:
    """Three jobs: the first wave is over, the second runs with failures, the third was refused."""
    done = _jira(
        "wave-1",
        _PROJECT_WARNINGS,
        _End("WARNING", "Migration has finished with warnings."),
        _PROJECTS[:13],
        "Jira wave 1",
    )
    earlier = tuple(postponed(task, -done.duration - 60 * MINUTE) for task in done.tasks)
    end = _End("FAILED", "Migration has finished; 3 projects failed.")
    running = _jira("waves", _PROJECT_FAILURES, end, _PROJECTS[13:34], "Jira wave 2")
    third = _jira_job("wave-3", (key for key, _ in _PROJECTS[34:]), "Jira wave 3")
    late = refused("migrate", _id("wave-3", "migrate"), "migrate", created_at=10 * MINUTE, message=_ATTACHED)
    return replace(
        running,
        target="wave-2",
        more=(replace(done, tasks=earlier), Scenario(name="wave-3", job=third, tasks=(late,))),
    )


_HUGE_LENGTHS = (18, 22, 25, 28, 31, 36, 44)
"""Seconds that the projects of the huge scenario take, in turn; no divisor of the lanes, so that lanes mix."""


def _huge() -> Scenario:
    begin = 10 * MINUTE
    keys = tuple(f"PRJ{number:04d}" for number in range(1, 5001))
    works = (_project(key, 1, {}, _HUGE_LENGTHS[number % len(_HUGE_LENGTHS)]) for number, key in enumerate(keys))
    hidden = _in_lanes("projects", works, lanes=8, begin=begin, report_every=0.2)
    level = (_scope("usersAndGroups", _MIGRATE_BEGIN + 5, begin - 10, 90_000), hidden)
    check = _checks("check", 5, 4 * MINUTE, {})
    task = _migrate_task("huge", check, level, _core_end(hidden.children), _End("SUCCESS", "Migration has finished."))
    return Scenario(name="huge", job=_jira_job("huge", keys), tasks=(task,))


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
