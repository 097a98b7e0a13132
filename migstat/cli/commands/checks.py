"""`migstat checks`: the pre-flight checks, and which of them need attention."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from migstat.cli.context import Options, Runtime, open_session
from migstat.cli.options import PICTURES, ExitStatus, StateFilter, names_from, shared_options, states_from
from migstat.cli.output import finish, refuse_same_file
from migstat.model.changes import EarlierRun
from migstat.query.reports import checks_report
from migstat.settings.acceptances import acceptances_from
from migstat.settings.values import expanded

FORMATS = ("table", "plain", "json", "ndjson", "csv", "markdown")


@shared_options(
    FORMATS,
    about=("job", "task"),
    settings={"accepted": "Accepted checks, which do not count (see help ci)."},
    exports=(*PICTURES, "xml"),
)
def checks(
    runtime: Runtime,
    options: Options,
    name: Annotated[
        list[str] | None, typer.Option("--name", metavar="CHECK", help="Only this check; may be repeated.")
    ] = None,
    state: StateFilter = None,
    details: Annotated[bool, typer.Option("--details", help="Also show what each check looks at and found.")] = False,
    show_all: Annotated[bool, typer.Option("--all", help="List all rows of a table; other formats always do.")] = False,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="WHAT", help="Compare with a run: previous, TASK, or a FILE of --json."),
    ] = None,
    exit_status: ExitStatus = False,
) -> int:
    """Show the pre-flight checks, problems first.

    Examples:

      migstat checks latest-check --state failed,warning --details

      migstat checks --against previous --exit-status
    """
    names, states = names_from(name, "--name"), states_from(state)
    acceptances = acceptances_from(options.sources.get("accepted"))
    earlier: str | EarlierRun | None = None
    if against is not None:
        from migstat.query.earlier import against_from

        refuse_same_file(("--against", Path(expanded(against))), *(("--export", path) for path in options.exports))
        earlier = against_from(against)
    with open_session(runtime, options) as session:
        report = checks_report(session, names, states, against=earlier, acceptances=acceptances)
        report = replace(report, show_all=show_all, details=details, against=against or "")
        return finish(runtime, options, report, report.judged if exit_status else None)
