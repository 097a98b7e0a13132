"""`migstat status`: the whole task at a glance, or one node of it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from migstat.cli.context import Options, Request, Runtime, Session, session
from migstat.cli.options import ExitStatus, Export, Header, Job, Task, asks_api
from migstat.cli.output import Outlet, finish, finish_raw, outlet_of
from migstat.errors import UsageError
from migstat.model.nodes import Level, Node, Question
from migstat.model.reports import StatusReport
from migstat.query.reports import Extent, pruned, status_report
from migstat.query.tree import ALL
from migstat.settings.resolve import Look
from migstat.settings.target import level_from

FORMATS = ("table", "tree", "plain", "json", "ndjson", "csv", "markdown")
LOOKED_AT = ("table", "tree")
"""Formats for looking: a look at a task shows more than its root."""

PICTURE = Look("table")


class Wanted(msgspec.Struct, frozen=True):
    """What of the tree is asked for; `depth` None is what one look needs."""

    level: Level
    depth: int | None
    exit_status: bool


@asks_api(FORMATS)
def status(
    runtime: Runtime,
    options: Options,
    job: Job = None,
    task: Task = None,
    level: Annotated[
        str | None, typer.Option("--level", metavar="LEVEL", help="One node, such as check,AppVendorCheck.")
    ] = None,
    children: Annotated[bool, typer.Option("--children", "-c", help="Its children, too; all pages.")] = False,
    depth: Annotated[
        str | None, typer.Option("--depth", metavar="N|all", help="So many levels below it, or all.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="The API's own JSON, all pages merged.")] = False,
    exit_status: ExitStatus = False,
    header: Header = False,
    export: Export = None,
) -> int:
    """Show where a task stands and what is wrong.

    Examples:

      migstat status

      migstat status latest-check --exit-status

      migstat status --depth all -o tree

      migstat status --level migrate,projects,ACME --json
    """
    outlet = outlet_of(runtime, options, FORMATS, header=header, export=export)
    if raw:
        _refuse_with_raw(options, header=header, export=export)
    wanted = Wanted(
        level_from(level, "--level") if level is not None else (), _depth(depth, children=children), exit_status
    )
    with session(runtime, options, Request(job, task)) as asked:
        if raw:
            return _raw(runtime, asked, wanted)
        report = _report(asked, wanted, outlet.look)
        picture = _report(asked, wanted, PICTURE) if export and outlet.look.output not in LOOKED_AT else None
        return finish(runtime, outlet, report, report.snapshot.verdict if exit_status else None, picture=picture)


def _report(asked: Session, wanted: Wanted, look: Look) -> StatusReport:
    looked_at = look.output in LOOKED_AT
    return status_report(asked, wanted.level, _extent(wanted, look), named=looked_at)


def _extent(wanted: Wanted, look: Look) -> int | Extent:
    if wanted.depth is not None:
        return wanted.depth
    if look.output in LOOKED_AT:
        return Extent.GLANCE
    return 0 if look.output in ("json", "ndjson") else Extent.OUTLINE


def _raw(runtime: Runtime, asked: Session, wanted: Wanted) -> int:
    """The API's own JSON; one question only, where neither children nor a verdict are asked for."""
    tree = asked.raw_tree
    depth = wanted.depth or 0
    flaws: tuple[str, ...] = ()
    verdict = None
    answer: dict[str, Any]
    if wanted.level or depth:
        reading = tree.node(wanted.level, depth) if wanted.level else tree.read(depth, judged=wanted.exit_status)
        flaws = reading.flaws
        answer = {"data": _merged(pruned(reading.root, max(depth, 1))), "links": _links(reading.links)}
    else:
        page = asked.ask_raw(Question(()))
        answer = {"data": page.node.raw or {}, "links": _links(page.links)}
    if wanted.exit_status:
        judged = reading if wanted.level else tree.judged()
        flaws = judged.flaws
        verdict = asked.assess(judged).verdict
    return finish_raw(runtime, Outlet(Look("json")), answer, verdict, flaws)


def _merged(node: Node) -> dict[str, Any]:
    """The node as the API sent it, with the children of all pages."""
    own = dict(node.raw or {})
    if node.children is not None:
        own["children"] = {child.name: _merged(child) for child in node.children}
    return own


def _links(links: Any) -> dict[str, Any]:
    return {name: value for name, value in links.items() if name != "next"}


def _depth(text: str | None, *, children: bool) -> int | None:
    if text is None:
        return 1 if children else None
    if children:
        raise UsageError("--children and --depth contradict each other", "--children is --depth 1; leave one out.")
    if text == "all":
        return ALL
    if not text.isdecimal() or not text.isascii():
        raise UsageError(f"--depth: {text!r} is neither a number nor all")
    return min(int(text[:9]), ALL)


def _refuse_with_raw(options: Options, *, header: bool, export: str | None) -> None:
    clash = ("--header" if header else None) or ("--export" if export is not None else None)
    if options.output not in (None, "json"):
        clash = f"--output {options.output}"
    if clash:
        raise UsageError(f"--raw and {clash} contradict each other", "--raw is the API's own JSON.")
