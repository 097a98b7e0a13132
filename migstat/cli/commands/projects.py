"""`migstat projects`: how far each project or space is."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec.structs import replace

from migstat.cli.context import Options, Runtime, open_session
from migstat.cli.options import PICTURES, ExitStatus, StateFilter, names_from, shared_options, states_from
from migstat.cli.output import finish
from migstat.query.reports import ORDERS, projects_report
from migstat.settings.target import TaskWord
from migstat.settings.values import one_of

FORMATS = ("table", "plain", "json", "ndjson", "csv", "markdown")


@shared_options(FORMATS, about=("job", "task"), exports=(*PICTURES, "xml"))
def projects(
    runtime: Runtime,
    options: Options,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="KEY", help="Only this project or space; may be repeated."),
    ] = None,
    state: StateFilter = None,
    sort: Annotated[str, typer.Option("--sort", metavar="ORDER", help=f"Sort by {', '.join(ORDERS)}.")] = "state",
    show_all: Annotated[bool, typer.Option("--all", help="List all rows of a table; other formats always do.")] = False,
    exit_status: ExitStatus = False,
) -> int:
    """Show the projects or spaces, problems first.

    Examples:

      migstat projects

      migstat projects --state failed --json

      migstat projects --key ACME --key OPS --exit-status

      migstat projects --sort elapsed
    """
    keys, states = names_from(key, "--key"), states_from(state)
    one_of(sort, "--sort", ORDERS)
    with open_session(runtime, options, default_task=TaskWord.LATEST_MIGRATE) as session:
        report = replace(projects_report(session, keys, states, sort), show_all=show_all)
        return finish(runtime, options, report, report.judged if exit_status else None)
