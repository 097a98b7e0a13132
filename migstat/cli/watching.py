"""Runs a watch: every event goes to the record and to the printer, and the exit code is that of the data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec.structs import replace

from migstat.cli.background import BackgroundStreams
from migstat.cli.context import Options, Runtime, Session, open_session
from migstat.cli.exporting import Exporter
from migstat.cli.notifying import Command, Notifier
from migstat.cli.output import JSON_FORMATS, OutputOptions, incomplete, tell_error
from migstat.cli.recording import LAST_TRY, Recorder
from migstat.cli.screen import LiveScreen
from migstat.cli.signals import Signals
from migstat.cli.streams import ClosedPipe
from migstat.cli.watch_output import EventPrinter, JsonPrinter, LinePrinter, PrinterOptions, ScreenPrinter
from migstat.errors import MigstatError, OutputError
from migstat.follow.deadline import PATIENCE, Deadline
from migstat.follow.watch import Plan, Watch
from migstat.model.events import End, Ended, Event, Resumed, View, Waiting
from migstat.model.exit_codes import Exit, exit_of_error
from migstat.render.ending import Story, last_line
from migstat.render.log import LogLine, absence
from migstat.render.outlook import deadline_words
from migstat.render.text import duration, harmless
from migstat.render.theme import ASCII, UNICODE

HURRY = 0.2
"""Seconds that terminals and readers of pipes get after a signal or a timeout."""

LAST_PAGE = 0.5
"""Seconds that exported files get after a signal or a timeout, so that they show it."""

PATIENT = 30.0
"""Seconds for which the reader of a pipe may be stuck after the end before the rest is dropped."""

SLICE = 1.0
"""Seconds after which a pause looks at whether standard output still takes something."""


class WatchOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `migstat watch`, checked; `job` and `task` are as the user typed them."""

    output: OutputOptions
    plan: Plan
    job: str | None = None
    task: str | None = None
    quiet: bool = False
    ends_after: float | None = None
    record: Path | None = None
    notify: Command | None = None
    warnings: tuple[str, ...] = ()


def follow_task(runtime: Runtime, options: Options, wanted: WatchOptions) -> int:
    """Follow a task until it ends; the exit code. Raises MigstatError."""
    with Signals() as signals, BackgroundStreams(runtime.streams) as background:
        watcher = Watcher(runtime, background, signals, wanted)
        # A demo runs an hour in seconds: an outage has to be short to be one.
        patience = replace(PATIENCE, give_up_after=3.0) if runtime.sealed else PATIENCE
        with open_session(
            watcher.runtime, options, job=wanted.job, task=wanted.task, watching=patience, ends_at=watcher.ends_at
        ) as task_session:
            return watcher.follow(task_session)


class Watcher:
    """Follows a task, records and shows it."""

    def __init__(
        self, runtime: Runtime, background: BackgroundStreams, signals: Signals, options: WatchOptions
    ) -> None:
        self._background = background
        self._signals = signals
        self._plan = options.plan
        self._json = options.output.format in JSON_FORMATS
        self._now = runtime.now
        self._printer = printer = self._printer_for(runtime, options)
        for warning in options.warnings:
            printer.warn(warning)
        title = f"job {options.job}" if options.job else ""
        exports = options.output.exports
        self._recorder = Recorder(options.record, printer.warn, resumes=not runtime.sealed) if options.record else None
        self._exporter = Exporter(exports, printer.warn, runtime.clock, title=title) if exports else None
        self._notifier = Notifier(options.notify, printer.warn) if options.notify else None
        if self._notifier:
            signals.give_up.append(self._notifier.kill)
        self._deadline = Deadline(runtime.clock, self._sleep, options.ends_after)
        self.ends_at = self._deadline.ends_at
        self._real_sleep = runtime.sleep
        self._patience = HURRY
        self._ended: Ended | None = None
        self._error: MigstatError | None = None
        self._loss: OutputError | None = None
        self._introduced = self._compared = False
        streams = replace(background.streams, on_notice=printer.on_notice)
        self.runtime = replace(runtime, streams=streams, sleep=self._deadline.sleep)

    def _printer_for(self, runtime: Runtime, options: WatchOptions) -> EventPrinter:
        streams, output, out = self._background.streams, options.output, runtime.streams.out
        if self._json:
            return JsonPrinter(streams)
        ascii_only = output.plain_signs or not streams.unicode
        shown = PrinterOptions(
            glyphs=ASCII if ascii_only else UNICODE,
            color=output.color,
            quiet=options.quiet,
            rates=output.verbose,
            columns=output.columns,
            title=f"job {options.job}" if options.job else "",
            words=output.words,
            hint=not runtime.sealed,
            recorded=options.record is not None,
        )
        if output.format != "table" or out is None:
            return LinePrinter(streams, shown)
        printer = ScreenPrinter(
            streams,
            shown,
            # Bypasses the background stream: what waits there must not be drawn over a screen that was handed back.
            lambda draw: LiveScreen(out, draw, color=shown.color, ascii_only=ascii_only, environ=runtime.environ),
            runtime.now,
        )
        screen, signals = printer.screen, self._signals
        signals.suspend, signals.resume = screen.suspend, screen.resume
        signals.give_up.append(screen.give_up)
        return printer

    def follow(self, task_session: Session) -> int:
        """Show and record every event to the last; the exit code. Raises MigstatError."""
        recall = self._recorder.recall if self._recorder else None
        watched = Watch(task_session, self._plan, self._deadline, recall=recall, filling=self._printer.fill)
        try:
            self._printer.open()
            ended = self._play(task_session, watched)
        except ClosedPipe:
            return self._abandon(watched, End.INTERRUPTED, watched.code_now)
        except OutputError as error:
            self._abandon(watched, End.ERROR, exit_of_error(error), error)
            raise
        finally:
            # The record first: after a signal one second must do for everything, and a later watch needs the record.
            if self._recorder:
                self._recorder.close(min(self._patience, LAST_TRY))
            if self._exporter:
                self._exporter.close(min(max(self._patience, LAST_PAGE), LAST_TRY))
            self._printer.close(min(self._patience, 1.0))
            self._background.patience = self._patience
        story = self._story(ended, watched.view)
        if self._error is not None:
            self._notify(story, self._error)
            raise self._error
        loss = self._finish(story)
        if ended.end is End.ERROR:
            raise incomplete(watched.view.snapshot.flaws if watched.view.snapshot else ())
        if loss is not None and ended.exit_code == Exit.OK:
            raise loss
        return ended.exit_code

    def _play(self, task_session: Session, watched: Watch) -> Ended:
        """Record and show the events; the last one."""
        warned: set[str] = set()
        for event in self._events(watched):
            for doubt in watched.doubts:
                if doubt not in warned:
                    self._printer.warn(f"migstat: warning: {harmless(doubt)}")
            warned.update(watched.doubts)
            if isinstance(event, Waiting):
                task_session.remember()  # other windows complete what a long watch has seen
                if self._notifier:
                    self._notifier.look(event.at, event.view)
                self._introduce(event.view)
            else:
                self._keep(event)
            if not isinstance(event, Ended):
                self._show(event)
                continue
            self._ended = event
            # Before it is shown, which raises without a reader: the files must not keep saying that it runs.
            if self._exporter:
                self._exporter.finish(self._story(event, watched.view))
            hurried = event.end in (End.TIMEOUT, End.INTERRUPTED)
            self._patience = HURRY if hurried else PATIENT
            try:
                self._show(event)
            except (ClosedPipe, OutputError) as error:
                # A timeout or a signal has a code of its own, with or without a reader.
                if not hurried:
                    raise
                self._loss = error if isinstance(error, OutputError) else None
            return event
        raise AssertionError("a watch ends with an Ended")

    def _introduce(self, view: View) -> None:
        """Say once when the deadline is and how much of tonight was rehearsed, as soon as its names are known."""
        if view.deadline is not None and not self._introduced:
            self._printer.show(LogLine(view.at, deadline_words(view.deadline, view.at)[1]))
        self._introduced = True
        same, names = view.rehearsed or (0, 0)
        if names and not self._compared:
            self._compared = True
            text = f"{same} of {names} {view.scope} were rehearsed"
            if same == names and not self._json:
                self._printer.show(LogLine(view.at, text))
                return
            if not same:
                text += "; there is no estimate of the end"
            elif same < names and view.scope != "checks":
                text += "; the rest are assumed to take the median time"
            self._printer.warn(f"migstat: {text}")

    def _events(self, watched: Watch) -> Iterator[Event | Waiting | Resumed]:
        """The events; an error ends them like anything else, and is kept to be raised."""
        try:
            yield from watched.events(self._signals.interruptible)
        except MigstatError as error:
            self._error = error
            yield watched.ended(End.ERROR, exit_of_error(error))

    def _keep(self, event: Event | Resumed) -> None:
        """Record an event, and notify of it at the end of its poll."""
        if isinstance(event, Resumed):
            return
        if self._recorder:
            self._recorder.append(event)
        if self._notifier:
            self._notifier.add(event)

    def _abandon(self, watched: Watch, end: End, code: int, error: OutputError | None = None) -> int:
        """Record the end, and notify of it, if standard output no longer takes anything; the exit code.

        Raises the MigstatError that had ended the watch before.
        """
        ended = self._ended
        if ended is None:
            ended = watched.ended(end, code)
            self._keep(ended)
            if self._exporter:
                self._exporter.finish(self._story(ended, watched.view))
        self._notify(self._story(ended, watched.view), error or self._error)
        if self._error is not None:
            raise self._error
        return ended.exit_code

    def _notify(self, story: Story, error: MigstatError | None = None) -> None:
        """Notify of the end, and wait until that is done."""
        if self._notifier is None:
            return
        stopped = f"stopped after {duration(story.view.watched_seconds)}"
        words = last_line(story) if error is None else f"{stopped}: {error.message}"
        self._notifier.look(story.ended.at, story.view, words)
        self._notifier.close(self._signals.interruptible)

    def _story(self, ended: Ended, view: View) -> Story:
        return Story(ended=ended, view=view, until=self._plan.until)

    def _finish(self, story: Story) -> OutputError | None:
        """Show how it ended; the error if standard output lost something, reported here if the code is not 0 anyway."""
        with suppress(ClosedPipe, OutputError):  # `loss` will tell
            self._printer.finish(story)
        self._notify(story)
        loss = self._background.loss() or self._loss
        if loss is not None and story.ended.exit_code != Exit.OK:
            # In the background as well: standard error may be the same frozen terminal or full pipe.
            tell_error(self._background.streams, loss, json=self._json)
        self._background.finish()
        return loss

    def _show(self, event: Event | Waiting | Resumed) -> None:
        shown = absence(event) if isinstance(event, Resumed) else event
        if self._exporter:
            self._exporter.show(shown)
        self._printer.show(shown)

    def _sleep(self, seconds: float) -> None:
        """Sleep, but no longer than standard output has a reader. Raises ClosedPipe, OutputError."""
        while seconds > 0:
            self._background.check()  # in slices: nothing else would notice a reader that has gone between two events
            self._real_sleep(min(seconds, SLICE))
            seconds -= SLICE
            if self._notifier:
                self._notifier.look(
                    int(self._now() * 1000)
                )  # an outage may become worth a notification in a pause of five minutes
