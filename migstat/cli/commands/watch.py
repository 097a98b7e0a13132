"""`migstat watch`: follow a task until it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from migstat.cli.context import Options, Runtime, session
from migstat.cli.notifying import command_from
from migstat.cli.options import AcceptedUntilChecks, Exports, Job, Task, asks_api
from migstat.cli.output import OutputOptions, output_of, refuse_same_file
from migstat.cli.signals import Signals
from migstat.cli.streams import Background
from migstat.cli.watching import Watcher, printer_for
from migstat.errors import UsageError
from migstat.follow.deadline import PATIENCE
from migstat.follow.estimate import Rehearsal, rehearsal_of
from migstat.follow.night import night_in
from migstat.follow.watch import Plan
from migstat.model.verdict import Until
from migstat.settings.acceptances import acceptances_from
from migstat.settings.keys import SETTING
from migstat.settings.resolve import Profile, environ_of_commands
from migstat.settings.values import deadline as instant_of
from migstat.settings.values import expanded, refuse_empty, seconds

FORMATS = ("table", "plain", "json", "ndjson")


@asks_api(FORMATS)
def watch(
    runtime: Runtime,
    options: Options,
    job: Job = None,
    task: Task = None,
    interval: Annotated[
        str | None, typer.Option("--interval", metavar="T", help="Minimum time between polls. Default: 10s.")
    ] = None,
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
    export: Exports = None,
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="FILE", help="Record of a rehearsal, to estimate the end.")
    ] = None,
    deadline: Annotated[
        str | None, typer.Option("--deadline", metavar="WHEN", help="Say if it ends later: 03:00, 4h or ISO 8601.")
    ] = None,
    accepted: AcceptedUntilChecks = None,
    stall_after: Annotated[
        str, typer.Option("--stall-after", metavar="T", help="Warn when a node makes no progress for this long.")
    ] = "15m",
    notify: Annotated[
        str | None, typer.Option("--notify", metavar="CMD", help="Run CMD when somebody should look (see help notify).")
    ] = None,
) -> int:
    """Follow a task until it ends, through any outage.

    Examples:

      migstat watch --record night.jsonl --deadline 03:00 && ./open-the-site
    """
    output = _output(runtime, options, export, quiet=quiet)
    if until not in frozenset(Until):
        raise UsageError(f"--until: invalid value {until!r}", f"Choose from {', '.join(Until)}.")
    pause = ("1s", "") if runtime.sealed and interval is None else _interval(interval, options.profile)
    ends_after = seconds(timeout, "--timeout") if timeout is not None else None
    path = Path(expanded(refuse_empty(record, "--record"))) if record is not None else None
    command = command_from(notify, environ_of_commands(runtime.outside or runtime.environ)) if notify else None
    due = instant_of(deadline, "--deadline", runtime.now()) if deadline is not None else None
    rehearsed = Path(expanded(refuse_empty(baseline, "--baseline"))) if baseline is not None else None
    refuse_same_file(("--baseline", rehearsed), ("--record", path), *(("--export", each) for each in output.exports))
    rehearsal, warnings = _rehearsal(rehearsed)
    if accepted is not None and until != Until.CHECKS:
        raise UsageError("--accepted needs --until checks", "Accepted checks change nothing about a migration.")
    plan = Plan(
        seconds(*pause),
        seconds(stall_after, "--stall-after"),
        Until(until),
        fail_fast,
        strict,
        rehearsal,
        due,
        acceptances_from(accepted, options.profile) if until == Until.CHECKS else None,
    )
    with Signals() as signals, Background(runtime.streams) as background:
        printer = printer_for(runtime, background, signals, output, quiet=quiet, job=job)
        for warning in warnings:
            printer.warn(warning)
        watcher = Watcher(
            runtime,
            background,
            signals,
            printer,
            plan=plan,
            ends_after=ends_after,
            record=path,
            exports=output.exports,
            title=f"job {job}" if job else "",
            notify=command,
        )
        # A demo runs an hour in seconds: it is polled often, and an outage of a few seconds is long enough to show.
        patience = replace(PATIENCE, give_up_after=3.0) if runtime.sealed else PATIENCE
        with session(watcher.runtime, options, job=job, task=task, watching=patience, ends_at=watcher.ends_at) as asked:
            return watcher.follow(asked)


def _rehearsal(path: Path | None) -> tuple[Rehearsal | None, tuple[str, ...]]:
    """The rehearsal that was recorded, and warnings about its file. Raises UsageError."""
    if path is None:
        return None, ()
    night = night_in(path, "--baseline")
    rehearsal = rehearsal_of(night)
    if not rehearsal.work and not rehearsal.scopes:
        raise UsageError(
            f"--baseline: {path} does not say how long anything took",
            "Use the record of a rehearsal that went to its end.",
        )
    return rehearsal, tuple(f"migstat: warning: {warning}" for warning in night.warnings)


def _interval(flag: str | None, profile: Profile) -> tuple[str, str]:
    """The interval and its source: flag over profile over default."""
    if flag is not None:
        return flag, "--interval"
    return profile.get("interval") or (SETTING["interval"].default or "", "--interval")


def _output(runtime: Runtime, options: Options, export: list[str] | None, *, quiet: bool) -> OutputOptions:
    """A live view needs a capable terminal to itself, in the foreground; everything else gets lines."""
    output = output_of(runtime, options, FORMATS, export=export, kinds=("html", "svg", "prom"))
    streams = runtime.streams
    if output.format != "table":
        return output
    if not streams.out_is_terminal and options.output is not None:
        raise UsageError("--output table: a live view needs a terminal", "Leave it out for lines, or use --json.")
    alone = streams.out_is_foreground and not (options.verbose and streams.err_is_terminal)
    return output if alone and not output.dumb and not quiet else replace(output, format="plain")
