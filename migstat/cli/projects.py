"""`migstat projects`: how far each project or space is."""

from __future__ import annotations

from typing import Annotated

import typer

from migstat.cli.checks import unknown
from migstat.cli.context import Options, Request, Runtime, Session, session
from migstat.cli.options import (
    ExitStatus,
    Export,
    Header,
    Job,
    OutcomeFilter,
    StatusFilter,
    Task,
    asks_api,
    filter_from,
    names_from,
)
from migstat.cli.present import finish, outlet_of
from migstat.errors import UsageError
from migstat.model import Node
from migstat.reports import Filter, ProjectsReport, count_states, verdict_of_many, worst_first
from migstat.snapshot import Snapshot, summary_of, verdict_of_task
from migstat.target import TaskWord
from migstat.tree import Reading

FORMATS = ("table", "tree", "plain", "json", "ndjson", "csv", "markdown")
ORDERS = ("name", "outcome", "elapsed", "progress")


@asks_api(FORMATS)
def projects(
    runtime: Runtime,
    options: Options,
    job: Job = None,
    task: Task = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="KEY", help="Only this project or space; may be repeated."),
    ] = None,
    outcome: OutcomeFilter = None,
    status: StatusFilter = None,
    sort: Annotated[str, typer.Option("--sort", metavar="ORDER", help=f"By {', '.join(ORDERS)}.")] = "outcome",
    exit_status: ExitStatus = False,
    header: Header = False,
    export: Export = None,
) -> int:
    """The projects or spaces of a migration, and those of the job's scope that are not reported yet.

    Examples:

      migstat projects

      migstat projects --outcome failed --json

      migstat projects --key ACME --key OPS --exit-status

      migstat projects --sort elapsed
    """
    outlet = outlet_of(runtime, options, FORMATS, header=header, export=export)
    wanted, keys = filter_from(outcome, status), names_from(key, "--key")
    if sort not in ORDERS:
        raise UsageError(f"--sort: {sort!r} is no order", f"There are {', '.join(ORDERS)}.")
    with session(runtime, options, Request(job, task, TaskWord.LATEST_MIGRATE)) as asked:
        reading = asked.tree.projects(keys)
        meant, missing = _meant(reading, keys)
        report = _report(asked, reading, wanted, _sorted(meant, sort, asked.now()), missing)
        verdict = verdict_of_many(meant, missing, report.snapshot.verdict, strict=False) if exit_status else None
        return finish(runtime, outlet, report, verdict)


def _report(
    asked: Session, reading: Reading, wanted: Filter, meant: tuple[Node, ...], missing: tuple[str, ...]
) -> ProjectsReport:
    now = asked.now()
    verdict = verdict_of_task(reading.root, reading.task_type, reading.missing, now)
    snapshot = Snapshot(
        asked.job_id,
        asked.task.task_id,
        reading.task_type,
        now,
        reading.root,
        verdict,
        missing,
        reading.flaws,
    )
    return ProjectsReport(
        snapshot,
        reading.scope,
        asked.tree.job_name,
        tuple(project for project in meant if wanted.passes(project)),
        summary_of(reading.leaves),
        count_states(reading.leaves),
        str(wanted),
    )


def _meant(reading: Reading, keys: tuple[str, ...]) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """The projects the command is about, and those of them not reported. Raises NotFound for a key out of scope."""
    if not keys:
        return reading.leaves, reading.missing
    known = {project.name for project in reading.leaves}
    for key in keys:
        if key not in known and key not in reading.missing:
            raise unknown(reading.scope.removesuffix("s"), key, known | set(reading.missing))
    return (
        tuple(project for project in reading.leaves if project.name in keys),
        tuple(key for key in reading.missing if key in keys),
    )


def _sorted(projects: tuple[Node, ...], order: str, now: int) -> tuple[Node, ...]:
    """By name; by outcome, worst first; by elapsed time, longest first; by progress, furthest first."""
    if order == "outcome":
        return worst_first(projects)
    by_name = sorted(projects, key=lambda project: (project.name.casefold(), project.name))
    if order == "elapsed":
        by_name.sort(key=lambda project: -(project.elapsed_seconds(now) or 0.0))
    if order == "progress":
        by_name.sort(key=lambda project: -(100.0 if project.ended else project.percent or 0.0))
    return tuple(by_name)
