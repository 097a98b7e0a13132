"""`migstat checks`: which pre-flight checks still need a hand."""

from __future__ import annotations

from typing import Annotated

import typer

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
from migstat.errors import NotFound
from migstat.model import Node
from migstat.reports import ChecksReport, Filter, count_states, verdict_of_many, worst_first
from migstat.settings import Look
from migstat.snapshot import Snapshot, summary_of, verdict_of_node, verdict_of_task

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
    """The pre-flight checks, what needs a hand first.

    Examples:

      migstat checks

      migstat checks latest-check --outcome failed,warning --details

      migstat checks --name AppVendorCheck --exit-status
    """
    outlet = outlet_of(runtime, options, FORMATS, header=header, export=export)
    wanted, names = filter_from(outcome, status), names_from(name, "--name")
    with session(runtime, options, Request(job, task)) as asked:
        report, judged = _report(asked, wanted, names, outlet.look, details=details, show_all=show_all)
        parent = verdict_of_node(report.parent or Node())
        verdict = verdict_of_many(judged, (), parent, strict=not names) if exit_status else None
        return finish(runtime, outlet, report, verdict)


def _report(
    asked: Session, wanted: Filter, names: tuple[str, ...], look: Look, *, details: bool, show_all: bool
) -> tuple[ChecksReport, tuple[Node, ...]]:
    """The report, and the checks that it is about, before the filters."""
    reading = asked.tree.checks(judged=look.output == "json")
    found = worst_first((reading.check.children or ()) if reading.check else ())
    meant = _named(found, names)
    verdict = verdict_of_task(reading.root, reading.task_type, reading.missing, asked.now())
    snapshot = Snapshot(
        asked.job_id,
        asked.task.task_id,
        reading.task_type,
        asked.now(),
        reading.root,
        verdict,
        (),
        reading.flaws,
    )
    return ChecksReport(
        snapshot,
        reading.check,
        tuple(check for check in meant if wanted.passes(check)),
        summary_of(found),
        count_states(found),
        str(wanted) or ("a name asked for" if names else ""),
        show_all=show_all,
        details=details,
    ), meant


def _named(found: tuple[Node, ...], names: tuple[str, ...]) -> tuple[Node, ...]:
    """The checks of these names, or all where none is given. Raises NotFound for a name that there is not."""
    known = {check.name for check in found}
    for name in names:
        if name not in known:
            raise unknown("check", name, known)
    return tuple(check for check in found if not names or check.name in names)


def unknown(kind: str, name: str, known: set[str]) -> NotFound:
    """The error for a name that there is not, with the likeliest one meant."""
    from difflib import get_close_matches

    folded = {each.casefold(): each for each in known}
    close = get_close_matches(name.casefold(), folded, 1)
    hint = f"Is it {folded[close[0]]}?" if close else f"{len(known)} are reported; leave the name out to list them."
    return NotFound(f"there is no {kind} {name}", hint)
