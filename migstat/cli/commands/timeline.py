"""`migstat timeline`: what a recorded night looked like, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from migstat.cli.context import Options, Runtime
from migstat.cli.options import PICTURES, StateFilter, shared_options, states_from
from migstat.cli.output import finish, refuse_same_file
from migstat.errors import UsageError
from migstat.follow.night import night_in, read_night
from migstat.model.nights import ORDERS, Night, timeline_report
from migstat.settings.values import one_of

FORMATS = ("table", "plain", "json", "csv", "markdown")


@shared_options(FORMATS, exports=PICTURES, offline=True)
def timeline(
    runtime: Runtime,
    options: Options,
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="Record of a watch, or output of 'projects --json'; - is standard input."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="FILE", help="Compare with another record, such as the rehearsal."),
    ] = None,
    state: StateFilter = None,
    sort: Annotated[str, typer.Option("--sort", metavar="ORDER", help=f"Sort by {', '.join(ORDERS)}.")] = "start",
    show_all: Annotated[bool, typer.Option("--all", help="List every node, however small the window.")] = False,
) -> int:
    """Show what a recorded night looked like.

    Examples:

      migstat watch --record night.jsonl

      migstat timeline night.jsonl --against rehearsal.jsonl

      migstat timeline night.jsonl --export sunday.html
    """
    states = states_from(state)
    one_of(sort, "--sort", ORDERS)
    if file is None:
        raise UsageError("no FILE given", "Name a file written by watch --record. To try it: migstat demo timeline")
    if file == against == "-":
        raise UsageError("FILE and --against cannot both be standard input", "Name a file for one of them.")
    for name, read in (("FILE", file), ("--against", against)):
        used = None if read is None else Path(read)
        refuse_same_file((name, used), *(("--export", path) for path in options.exports))
    night, rehearsal = _night(runtime, file), _night(runtime, against, "--against") if against is not None else None
    report = timeline_report(night, rehearsal, states, sort, show_all=show_all)
    if rehearsal is not None and night.spans and not any(rehearsal.spans.get(span.level) for span in report.nodes):
        runtime.streams.warn(f"--against: {against} has no names in common with this")
    return finish(runtime, options, report)


def _night(runtime: Runtime, file: str, option: str = "") -> Night:
    if file == "-":
        file = f"{option} -" if option else "standard input"
        night = read_night(runtime.streams.stdin_bytes(), file)
    else:
        night = night_in(Path(file), option)
    for warning in (*night.warnings, *(() if night.spans else (f"{file} holds no events yet",))):
        runtime.streams.warn(warning)
    return night
