"""A night made up of everything that can go wrong; `TZ=UTC python -m tests.render.screens` writes its screens."""

from __future__ import annotations

from msgspec.structs import replace

from migstat.model.crowd import summary_of
from migstat.model.events import End, Ended, NoAnswer, PhaseSeen, View
from migstat.model.nodes import Level, Node, Phase, State
from migstat.model.verdict import Reason, Snapshot, Verdict
from migstat.render.ending import WatchResult
from migstat.render.log import LogLine
from tests.render.nights import FOLDER, Moment, drawn_at_all_sizes

NOW = 1_790_000_000_000
MINUTE = 60_000
PROJECTS: Level = ("migrate", "projects")

WORKFLOW = "Workflow 'Change control' refers to a status that does not exist."
LONG = "Import stopped: custom field 'Cost centre' has a type the destination lacks. 1204 of 27000 issues are affected."


def node(*level: str, state: str = "SUCCESS", message: str | None = None, ago: float = 60, ran: float = 15) -> Node:
    """A node that began so many minutes ago; `state` is an outcome, or a status if it has not ended."""
    ended = state not in ("PENDING", "IN_PROGRESS")
    began = NOW - int(ago * MINUTE)
    details = {} if state == "PENDING" else {"startedAt": began, "lastUpdatedAt": began + int(ran * MINUTE)}
    return Node(level, "FINISHED" if ended else state, state if ended else None, message, details)


def moving(name: str, phase: str, done: int, total: int, *, ago: float = 13) -> Node:
    running = node(*PROJECTS, name, state="IN_PROGRESS", ago=ago)
    return replace(running, percent=100 * done / total, progress=(Phase(phase, done, total),))


def night(*projects: Node, verdict: Verdict = Verdict.RUNNING, root: str = "IN_PROGRESS") -> View:
    apps = replace(node("migrate", "apps", state="IN_PROGRESS"), percent=25.0, progress=(Phase("apps", 3, 12),))
    scopes = (node("migrate", "usersAndGroups"), node("migrate", "customers"), apps)
    migrate = replace(node("migrate", state=root), children=(*scopes, Node(PROJECTS, children=projects)))
    check = node("check", state="WARNING", message="3 checks passed with a warning.")
    top = replace(node(state=root, ago=98, ran=98), children=(check, migrate))
    bad = [each for each in projects if each.state is State.FAILED]
    snapshot = Snapshot(
        "job-1",
        "task-1",
        "migrate",
        NOW - 4000,
        top,
        verdict,
        job_name="Jira to the cloud",
        destination="https://acme-cloud.example.com",
        reasons=tuple(Reason(each.level, State.FAILED, each.outcome, each.message) for each in bad),
        summary=summary_of(projects),
    )
    phases = {
        (*PROJECTS, "BILL"): (
            PhaseSeen("export", NOW - 13 * MINUTE, NOW - 9 * MINUTE),
            PhaseSeen("upload", NOW - 9 * MINUTE, NOW - 5 * MINUTE),
            PhaseSeen("import", NOW - 5 * MINUTE, None, 12058, 18000, 41.0),
        ),
        (*PROJECTS, "ITSM"): (
            PhaseSeen("export", NOW - 26 * MINUTE, NOW - 20 * MINUTE),
            PhaseSeen("upload", NOW - 20 * MINUTE, None, 19229, 45000),
        ),
    }
    stalled = {(*PROJECTS, "ITSM"): NOW - 16 * MINUTE}
    return View(at=NOW, snapshot=snapshot, not_before=NOW + 57 * MINUTE, phases=phases, stalled=stalled)


WELL = [
    node(*PROJECTS, name)
    for name in ("ACME", "API", "ARCH", "BI", "CRM", "DATA", "DBA", "DOCS", "EDGE", "FAC", "FIN", "GIT", "HR", "HUB")
]
WAITS = [node(*PROJECTS, name, state="PENDING") for name in ["LAB", "LEGAL", "MKT", "OPS", "PAY", "PMO", "QA"]]
RUNS = [
    moving("BILL", "import", 12058, 18000),
    moving("EMEA", "import", 3904, 5000, ago=6),
    moving("ITSM", "upload", 19229, 45000, ago=26),
]
BAD = [
    node(*PROJECTS, "ERP", state="FAILED", message=LONG, ran=31),
    node(*PROJECTS, "INFRA", state="FAILED", message=WORKFLOW),
    node(*PROJECTS, "SHOP", state="INCOMPLETE", message="1204 of 27000 issues could not be imported."),
    node(*PROJECTS, "HELP", state="WARNING", message="3 request types were imported without their icons."),
]
LOG = [
    *(
        LogLine(NOW - (40 - at) * MINUTE, f"{each.name} succeeded after 15m 00s", each.state)
        for at, each in enumerate(WELL)
    ),
    LogLine(NOW - 13 * MINUTE, "BILL started", State.RUNNING),
]
FAILURES = [
    LogLine(NOW - 9 * MINUTE, f"INFRA failed after 15m 00s: {WORKFLOW}", State.FAILED),
    LogLine(NOW - 8 * MINUTE, "no answer: the API failed on the status (503); next try in 12s", State.FAILED),
    LogLine(NOW - 7 * MINUTE, "API back after 43s"),
    LogLine(NOW - 1 * MINUTE, "migrate,projects,ITSM: no progress for 15m 00s", State.WARNING),
]

START = View(at=NOW, snapshot=None)
MIDDLE = night(*WELL, *RUNS, *WAITS)
FAILURE = night(*BAD, *WELL, *RUNS, *WAITS)
OUTAGE = replace(
    FAILURE,
    outage=NoAnswer(NOW - 5 * MINUTE, "unreachable", "the API failed on the status (503)", NOW + 12_000),
    snapshot=replace(FAILURE.snapshot, fetched_at=NOW - 5 * MINUTE) if FAILURE.snapshot else None,
)
SILENT_LEVEL = replace(
    FAILURE,
    outage=NoAnswer(NOW - 10 * MINUTE, "incomplete", "cannot read migrate,projects: down (503)", NOW + 12_000),
)
"""A level does not answer, although the root does."""

OVER = night(*BAD, *WELL, verdict=Verdict.FAILED, root="FAILED")
RESULT = WatchResult(
    ended=Ended(
        NOW,
        End.FINISHED,
        Verdict.FAILED,
        1,
        summary_of([*BAD, *WELL]),
        (),
        5880.0,
        OVER.snapshot.reasons if OVER.snapshot else (),
    ),
    view=replace(OVER, outages=2, outage_seconds=103),
)


def screens() -> dict[str, str]:
    moments = {
        "start": Moment(NOW, START, ()),
        "middle": Moment(NOW, MIDDLE, tuple(LOG)),
        "failure": Moment(NOW, FAILURE, (*LOG, *FAILURES)),
        "outage": Moment(NOW, OUTAGE, (*LOG, *FAILURES[:2])),
    }
    return drawn_at_all_sizes("night", moments, RESULT)


if __name__ == "__main__":
    for title, text in screens().items():
        (FOLDER / f"{title}.txt").write_text(text, encoding="utf-8")
