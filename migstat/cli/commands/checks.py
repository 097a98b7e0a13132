"""`migstat checks`: which pre-flight checks still need a hand."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec.structs import replace

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
from migstat.model.nodes import Node
from migstat.model.reports import verdict_of_many
from migstat.model.verdict import verdict_of_node
from migstat.query.reports import checks_of, checks_report

FORMATS = ("table", "tree", "plain", "json", "ndjson", "csv", "markdown")


@asks_api(FORMATS)
def checks(
    runtime: Runtime,
    options: Options,
    job: Job = None,
    task: Task = None,
    name: Annotated[
        list[str] | None, typer.Option("--name", metavar="CHECK", help="Only this check; may be repeated.")
    ] = None,
    outcome: OutcomeFilter = None,
    status: StatusFilter = None,
    details: Annotated[bool, typer.Option("--details", help="What each check looks at and what it found.")] = False,
    show_all: Annotated[bool, typer.Option("--all", help="List those that are well or skipped, too.")] = False,
    exit_status: ExitStatus = False,
    header: Header = False,
    export: Export = None,
) -> int:
    """Show the pre-flight checks, problems first.

    Examples:

      migstat checks

      migstat checks latest-check --outcome failed,warning --details

      migstat checks --name AppVendorCheck --exit-status
    """
    outlet = outlet_of(runtime, options, FORMATS, header=header, export=export)
    wanted, names = filter_from(outcome, status), names_from(name, "--name")
    with session(runtime, options, Request(job, task)) as asked:
        reading = asked.tree.checks()
        meant = checks_of(reading, names)
        report = checks_report(asked, reading, meant, wanted, "a name asked for" if names else "")
        report = replace(report, show_all=show_all, details=details)
        parent = verdict_of_node(report.parent or Node())
        verdict = verdict_of_many(meant, (), parent, strict=not names) if exit_status else None
        return finish(runtime, outlet, report, verdict)
