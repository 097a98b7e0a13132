"""`migstat projects`: how far each project or space is."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec.structs import replace

from migstat.cli.context import Options, Runtime, open_session
from migstat.cli.options import ExitStatus, Exports, Job, StateFilter, Task, asks_api, names_from, states_from
from migstat.cli.output import PICTURES, finish, output_of
from migstat.query.reports import ORDERS, projects_report
from migstat.settings.target import TaskWord
from migstat.settings.values import one_of

FORMATS = ("table", "plain", "json", "ndjson", "csv", "markdown")


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
    state: StateFilter = None,
    sort: Annotated[str, typer.Option("--sort", metavar="ORDER", help=f"Sort by {', '.join(ORDERS)}.")] = "state",
    show_all: Annotated[bool, typer.Option("--all", help="Also list what succeeded, is pending or skipped.")] = False,
    exit_status: ExitStatus = False,
    export: Exports = None,
) -> int:
    """Show the projects or spaces, problems first.

    Examples:

      migstat projects

      migstat projects --state failed --json

      migstat projects --key ACME --key OPS --exit-status

      migstat projects --sort elapsed
    """
    output = output_of(runtime, options, FORMATS, export=export, kinds=(*PICTURES, "xml"), words=(job, task))
    keys, states = names_from(key, "--key"), states_from(state)
    one_of(sort, "--sort", ORDERS)
    with open_session(runtime, options, job=job, task=task, default_task=TaskWord.LATEST_MIGRATE) as session:
        report = replace(projects_report(session, keys, states, sort), show_all=show_all)
        return finish(runtime, output, report, report.judged if exit_status else None)
