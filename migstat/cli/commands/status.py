"""`migstat status`: the whole task at a glance, or one node of it."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from migstat.cli.context import Options, Runtime, Session, open_session
from migstat.cli.options import PICTURES, ExitStatus, shared_options
from migstat.cli.output import finish, finish_raw
from migstat.errors import UsageError
from migstat.model.nodes import Level, Node, Question
from migstat.query.reports import pruned, status_report
from migstat.query.tree import ALL
from migstat.settings.target import level_from

FORMATS = ("table", "tree", "plain", "json", "ndjson", "csv", "markdown")


@shared_options(FORMATS, about=("job", "task"), exports=PICTURES)
def status(
    runtime: Runtime,
    options: Options,
    level: Annotated[
        str | None, typer.Option("--level", metavar="LEVEL", help="One node, such as check,AppVendorCheck.")
    ] = None,
    depth: Annotated[
        str | None, typer.Option("--depth", metavar="N|all", help="This many levels below it; 0 is the node alone.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="The API's own JSON, all pages merged.")] = False,
    exit_status: ExitStatus = False,
) -> int:
    """Show where a task stands and what is wrong.

    Examples:

      migstat status

      migstat status latest-check --exit-status

      migstat status --depth all -o tree

      migstat status --level migrate,projects,ACME --json
    """
    if raw and ((options.format_given and options.format != "json") or options.exports):
        other = "--export" if options.exports else f"--output {options.format}"
        raise UsageError(f"--raw cannot be combined with {other}", "--raw is the API's own JSON.")
    names, levels = level_from(level, "--level") if level is not None else (), None
    if depth is not None:
        if depth != "all" and not re.fullmatch("[0-9]+", depth):
            raise UsageError(f"invalid --depth: {depth!r}", "Give a number, or all.")
        levels = ALL if depth == "all" else min(int(depth[:9]), ALL)
    with open_session(runtime, options, keep_raw=raw) as session:
        if raw:
            return _raw(runtime, session, names, levels or 0, judged=exit_status)
        report = status_report(session, names, levels, judged=exit_status)
        return finish(runtime, options, report, report.snapshot.verdict if exit_status else None)


def _raw(runtime: Runtime, session: Session, level: Level, depth: int, *, judged: bool) -> int:
    """The API's own JSON, in one request unless levels below it or a verdict are requested."""
    report = status_report(session, level, 0, judged=True) if judged else None
    flaws = report.snapshot.flaws if report else ()
    if level or depth:
        reading = session.tree.node(level, depth) if level else session.tree.read(depth)
        data, links, flaws = _merged(pruned(reading.root, max(depth, 1))), reading.links, (*flaws, *reading.flaws)
    else:
        page = session.ask(Question(()))
        data, links = dict(page.node.raw or {}), page.links
    # All pages are in `data`, so a cursor for the next one would lead a script to read them twice.
    answer = {"data": data, "links": {name: value for name, value in links.items() if name != "next"}}
    return finish_raw(runtime, answer, report, flaws)


def _merged(node: Node) -> dict[str, Any]:
    """The node as the API sent it, with the children of all pages."""
    own = dict(node.raw or {})
    if node.children is not None:
        own["children"] = {child.name: _merged(child) for child in node.children}
    return own
