"""`migstat projects`: how far each project or space is."""

from __future__ import annotations

from typing import Annotated

import typer

from migstat.cli.context import Options, Request, Runtime, session
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
from migstat.cli.output import finish, outlet_of
from migstat.errors import UsageError
from migstat.model.nodes import Node, by_name
from migstat.model.reports import verdict_of_many, worst_first
from migstat.query.reports import projects_of, projects_report
from migstat.settings.target import TaskWord

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
    """Show the projects or spaces, problems first.

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
        meant, missing = projects_of(reading, keys)
        report = projects_report(asked, reading, _sorted(meant, sort, asked.now()), missing, wanted)
        verdict = verdict_of_many(meant, missing, report.snapshot.verdict, strict=False) if exit_status else None
        return finish(runtime, outlet, report, verdict)


def _sorted(projects: tuple[Node, ...], order: str, now: int) -> tuple[Node, ...]:
    """By name; by outcome, worst first; by elapsed time, longest first; by progress, furthest first."""
    if order == "outcome":
        return worst_first(projects)
    ordered = by_name(projects)
    if order == "elapsed":
        ordered.sort(key=lambda project: -(project.elapsed_seconds(now) or 0.0))
    if order == "progress":
        ordered.sort(key=lambda project: -(100.0 if project.ended else project.percent or 0.0))
    return tuple(ordered)
