"""`migstat watch`: follow a task until it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from migstat.cli.context import Options, Request, Runtime, Session, look_of, session
from migstat.cli.options import Job, Task, asks_api
from migstat.cli.output import JSON_FORMATS, incomplete
from migstat.cli.signals import Signals
from migstat.cli.streams import ClosedPipe
from migstat.cli.watch_output import JsonTeller, LineTeller, PictureTeller, Subject, Teller, is_new_failure
from migstat.errors import MigstatError, OutputError, UsageError
from migstat.follow.clockwork import PATIENCE, Clockwork, watch_of
from migstat.follow.night import read_back
from migstat.follow.record import Record
from migstat.follow.watch import Plan, Watch
from migstat.model.events import End, Ended, Event, Seen
from migstat.model.exit_codes import Exit, exit_of_error
from migstat.model.nodes import Millis
from migstat.model.verdict import Until
from migstat.render.json import encoded, event_document
from migstat.render.text import harmless
from migstat.settings.keys import SETTING
from migstat.settings.resolve import Look, Profile
from migstat.settings.values import refuse_empty, seconds

FORMATS = ("table", "plain", "json", "ndjson")


@asks_api(FORMATS)
def watch(
    runtime: Runtime,
    options: Options,
    job: Job = None,
    task: Task = None,
    interval: Annotated[
        str | None, typer.Option("--interval", metavar="T", help="Between two polls, at least. Default: 10s.")
    ] = None,
    stall_after: Annotated[
        str, typer.Option("--stall-after", metavar="T", help="Tell of what runs and has not moved for so long.")
    ] = "15m",
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="T", help="End with 124 after so long. Default: none.")
    ] = None,
    until: Annotated[
        str, typer.Option("--until", metavar="done|core|checks", help="What to wait for; core is all but apps.")
    ] = "done",
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="End with 1 on the first failure.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="A WARNING fails.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Lines of bad news and the verdict only.")] = False,
    record: Annotated[
        str | None, typer.Option("--record", metavar="FILE", help="Append the events; a later watch goes on from them.")
    ] = None,
    no_bell: Annotated[bool, typer.Option("--no-bell", help="Do not ring on a failure and on the end.")] = False,
) -> int:
    """Follow a task until it ends, through any outage.

    Examples:

      migstat watch

      migstat watch --until core --timeout 8h

      migstat watch --json --record night.jsonl

      migstat watch latest-migrate --quiet --strict && ./open-the-site

    Durations take s, m or h; a bare number is seconds.
    """
    look = _look(runtime, options)
    plan = Plan(
        seconds(*_interval(interval, options.profile)),
        seconds(stall_after, "--stall-after"),
        _until(until),
        fail_fast,
        strict,
    )
    ends_after = seconds(timeout, "--timeout") if timeout is not None else None
    path = Path(refuse_empty(record, "--record")) if record is not None else None
    clockwork = Clockwork(runtime.clock, runtime.sleep, ends_after)
    patient = replace(runtime, sleep=clockwork.sleep)
    # The outage of a demo lasts a few seconds, which is long enough to show one.
    patience = replace(PATIENCE, give_up_after=3.0) if runtime.sealed else PATIENCE
    with (
        Signals() as signals,
        session(patient, options, Request(job, task), watching=patience, ends_at=clockwork.ends_at) as asked,
        Recorder(path, asked) as recorder,
    ):
        watched = watch_of(
            asked, plan, clockwork, runtime.now, interruptible=signals.interruptible, seen=recorder.recall
        )
        teller = _teller(runtime, look, Subject(watched, asked), quiet=quiet)

        def idle() -> None:
            asked.remember()  # what a long watch sees can be completed in other windows
            teller.idle()

        clockwork.before_pause, recorder.warn = idle, teller.warn
        rings = look.output in ("table", "plain") and runtime.streams.out_is_terminal and not no_bell
        return _follow(runtime, watched, teller, recorder, rings=rings)


class Recorder:
    """The record of a watch, opened once it is sure that the file is this task's; nothing without a path."""

    def __init__(self, path: Path | None, asked: Session) -> None:
        self.warn: Callable[[str], None] = lambda _: None
        self._path = path
        self._asked = asked
        self._usable = None if path is None else Record(path)
        self._record: Record | None = None

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._record is not None:
            self._record.close()

    def recall(self) -> Seen:
        """What the file tells of an earlier watch. Raises UsageError where it is another's, OutputError."""
        if self._path is None:
            return Seen()
        seen, warnings = read_back(self._path, self._asked.job_id, self._asked.task.task_id)
        for warning in warnings:
            self.warn(f"migstat: warning: {harmless(warning)}")
        self._record = self._usable
        return seen

    def append(self, event: Event) -> None:
        """Record one event."""
        if self._record is not None:
            self._record.append(encoded(event_document(event)))


def _teller(runtime: Runtime, look: Look, subject: Subject, *, quiet: bool) -> Teller:
    if look.output in JSON_FORMATS:
        return JsonTeller(runtime)
    return (
        PictureTeller(runtime, subject, look) if look.output == "table" else LineTeller(runtime, subject, quiet=quiet)
    )


def _follow(runtime: Runtime, watched: Watch, teller: Teller, recorder: Recorder, *, rings: bool) -> int:
    """Tell and record every event to the last; the exit code."""
    errors: list[MigstatError] = []
    ended: Ended | None = None
    try:
        with teller.showing():
            ended = _told(runtime, _events(watched, errors), teller, recorder, rings=rings)
        if not errors:
            teller.conclude(ended)
    except ClosedPipe:
        runtime.streams.abandon()
        code = watched.code_now
        if ended is None:  # in the middle of it
            recorder.append(watched.ended(End.INTERRUPTED, Exit.RUNNING if code is None else code))
        return Exit.RUNNING if code is None else code
    except OutputError:
        if ended is None or not _is_interrupted(ended):
            raise
    if errors:
        raise errors[0]
    if ended.end is End.ERROR:
        raise incomplete(watched.flaws)
    return ended.exit_code


def _told(runtime: Runtime, events: Iterator[Event], teller: Teller, recorder: Recorder, *, rings: bool) -> Ended:
    """Tell and record the events; the last one."""
    rung_at: Millis | None = None
    for event in events:
        recorder.append(event)
        with suppress(OutputError) if _is_interrupted(event) else nullcontext():
            teller.tell(event)
        if rings and event.at != rung_at and (is_new_failure(event) or isinstance(event, Ended)):
            rung_at = event.at  # what fails together rings once
            runtime.streams.ring()
        if isinstance(event, Ended):
            return event
    raise AssertionError("a watch ends with an Ended")


def _is_interrupted(event: Event) -> bool:
    """Whether a signal ended it: that of a terminal that has gone leaves nothing to write on."""
    return isinstance(event, Ended) and event.end is End.INTERRUPTED


def _events(watched: Watch, errors: list[MigstatError]) -> Iterator[Event]:
    """The events; an error ends them like anything else, and is kept to be told."""
    try:
        yield from watched.events()
    except MigstatError as error:
        errors.append(error)
        yield watched.ended(End.ERROR, exit_of_error(error))


def _interval(flag: str | None, profile: Profile) -> tuple[str, str]:
    """The interval and its source, of flag over profile over default."""
    if flag is not None:
        return flag, "--interval"
    return profile.get("interval") or (SETTING["interval"].default or "", "--interval")


def _until(text: str) -> Until:
    if text not in frozenset(Until):
        raise UsageError(f"--until: {text!r} is none of {', '.join(Until)}")
    return Until(text)


def _look(runtime: Runtime, options: Options) -> Look:
    """A picture needs a terminal for itself, and one that can: with `-v` on the same one there are lines instead."""
    look = look_of(runtime, options, FORMATS)
    streams = runtime.streams
    if look.output == "table" and not streams.out_is_terminal:
        if options.output is None:  # a habit, of variable or profile, must not end the watch of a script
            return replace(look, output="plain")
        raise UsageError("--output table: a watch draws on a terminal only", "Leave it out for lines, or use --json.")
    if look.output == "table" and (look.dumb or (options.verbose and streams.err_is_terminal)):
        return replace(look, output="plain")
    return look
