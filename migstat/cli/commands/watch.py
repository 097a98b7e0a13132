"""`migstat watch`: follow a task until it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from migstat.cli.context import Options, Runtime
from migstat.cli.notifying import command_from
from migstat.cli.options import shared_options
from migstat.cli.output import refuse_same_file
from migstat.cli.streams import in_foreground, is_terminal
from migstat.cli.watch_options import WatchOptions, rehearsal_in
from migstat.cli.watching import follow_task
from migstat.errors import UsageError
from migstat.follow.watch import Plan
from migstat.model.verdict import Until
from migstat.settings.acceptances import acceptances_from
from migstat.settings.resolve import environ_of_commands
from migstat.settings.values import deadline as instant_of
from migstat.settings.values import one_of, seconds

FORMATS = ("table", "plain", "json", "ndjson")


@shared_options(
    FORMATS,
    about=("job", "task"),
    settings={
        "interval": "Minimum time between polls. Default: 10s.",
        "accepted": "With --until checks: those accepted (see help ci).",
    },
    exports=("html", "svg", "prom"),
)
def watch(
    runtime: Runtime,
    options: Options,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="T", help="Give up after this long (exit 124).")
    ] = None,
    until: Annotated[
        str, typer.Option("--until", metavar="done|core|checks", help="What to wait for; core is all but apps.")
    ] = "done",
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first failure (exit 1).")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Treat a WARNING as a failure.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only failures, warnings and the verdict.")] = False,
    record: Annotated[
        str | None, typer.Option("--record", metavar="FILE", help="Append all events; resume from them next time.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="FILE", help="Record of a rehearsal, to estimate the end.")
    ] = None,
    deadline: Annotated[
        str | None,
        typer.Option("--deadline", metavar="WHEN", help="Warn if it will end after this: 03:00, 4h, ISO 8601."),
    ] = None,
    stall_after: Annotated[
        str, typer.Option("--stall-after", metavar="T", help="Warn when a node makes no progress for this long.")
    ] = "15m",
    notify: Annotated[
        str | None, typer.Option("--notify", metavar="CMD", help="Run CMD when someone should look (see help notify).")
    ] = None,
) -> int:
    """Follow a task until it ends, through any outage.

    Examples:

      migstat watch --record night.jsonl --deadline 03:00 && ./open-the-site
    """
    if options.format == "table":
        out, err = runtime.streams.out, runtime.streams.err
        if out is not None and is_terminal(out):
            shared = options.verbose and is_terminal(err)  # which logs requests there
            live = in_foreground(out) and not (options.dumb or shared or quiet)
        elif options.format_given:
            raise UsageError("--output table: a live view needs a terminal", "Leave it out for lines, or use --json.")
        else:
            live = False
        options = options if live else replace(options, format="plain")
    one_of(until, "--until", Until)
    environ = runtime.demo.user_environ if runtime.demo else runtime.environ
    command = command_from(notify, environ_of_commands(environ)) if notify else None
    record_file, baseline_file = Path(record) if record else None, Path(baseline) if baseline else None
    exported = (("--export", file) for file in options.exports)
    refuse_same_file(("--baseline", baseline_file), ("--record", record_file), *exported)
    rehearsal, warnings = rehearsal_in(baseline_file) if baseline_file else (None, ())
    if options.sources.flags["accepted"] is not None and until != Until.CHECKS:
        raise UsageError("--accepted needs --until checks", "Accepted checks change nothing about a migration.")
    plan = Plan(
        interval=options.sources.parsed("interval"),
        stall_after=seconds(stall_after, "--stall-after"),
        until=Until(until),
        fail_fast=fail_fast,
        strict=strict,
        rehearsal=rehearsal,
        due=instant_of(deadline, "--deadline", runtime.now()) if deadline is not None else None,
        acceptances=acceptances_from(options.sources.get("accepted")) if until == Until.CHECKS else None,
    )
    wanted = WatchOptions(
        shared=options,
        plan=plan,
        title=f"job {options.typed.job}" if options.typed.job else "",
        quiet=quiet,
        ends_after=seconds(timeout, "--timeout") if timeout is not None else None,
        record=record_file,
        notify=command,
        warnings=warnings,
    )
    return follow_task(runtime, wanted)
