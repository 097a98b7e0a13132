"""Runs a watch: every event goes to all listeners, and the exit code is that of the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from migstat.cli.background import BackgroundStreams
from migstat.cli.context import Runtime, Session, open_session
from migstat.cli.exporting import Exporter
from migstat.cli.listening import Listener
from migstat.cli.notifying import Notifier
from migstat.cli.output import JSON_FORMATS, incomplete, tell_error
from migstat.cli.recording import Recorder
from migstat.cli.signals import Signals
from migstat.cli.streams import ClosedPipe, Streams
from migstat.cli.watch_options import WatchOptions
from migstat.cli.watch_output import EventPrinter, JsonPrinter, LinePrinter, ScreenPrinter
from migstat.errors import MigstatError, OutputError
from migstat.follow.deadline import WATCH_POLICY, Deadline
from migstat.follow.watch import Watch
from migstat.model.events import End, Ended, View, Waiting
from migstat.model.exit_codes import Exit, exit_of_error
from migstat.render.ending import WatchResult
from migstat.render.log import LogLine
from migstat.render.outlook import deadline_words, rehearsed_words

HURRY = 0.2
"""Seconds that terminals and readers of pipes get after a signal or a timeout."""

PATIENT = 30.0
"""Seconds for which the reader of a pipe may be stuck after the end before the rest is dropped."""

LAST_WRITES, HURRIED_WRITES = 2.0, 0.5
"""Seconds that the record and all exports together get to write the end; fewer after a signal or a timeout."""

CHECKED_EVERY = 1.0
"""Seconds between two checks, during a pause, that standard output still has a reader."""


def follow_task(runtime: Runtime, wanted: WatchOptions) -> int:
    """Follow a task until it ends; the exit code. Raises MigstatError."""
    background, out = BackgroundStreams(runtime.streams), runtime.streams.out
    behind = replace(runtime, streams=background.streams)
    printer: EventPrinter
    if wanted.shared.format in JSON_FORMATS:
        printer = JsonPrinter(behind, wanted)
    elif wanted.shared.format == "table" and out is not None:
        printer = ScreenPrinter(behind, wanted, out)
    else:
        printer = LinePrinter(behind, wanted)
    pace = runtime.demo.pace if runtime.demo else 1.0
    steady = lambda: runtime.clock() * pace  # noqa: E731
    notifier = Notifier(wanted.notify, printer.warn, steady) if wanted.notify else None

    def sleep(seconds: float) -> None:
        """Sleep, but no longer than standard output has a reader. Raises ClosedPipe, OutputError."""
        while seconds > 0:
            background.check()  # in slices: nothing else would notice a reader that has gone between two events
            runtime.sleep(min(seconds, CHECKED_EVERY))
            seconds -= CHECKED_EVERY
            if notifier:  # an outage may become worth a notification in a pause of five minutes
                notifier.look()

    with Signals(printer.screen, notifier) as signals, background:
        for warning in wanted.warnings:
            printer.warn(warning)
        recorder = Recorder(wanted.record, printer.warn, resumes=runtime.demo is None) if wanted.record else None
        exporters = [
            Exporter(path, printer.warn, runtime.clock, title=wanted.title)
            for path in dict.fromkeys(wanted.shared.exports)
        ]
        deadline = Deadline(runtime.clock, sleep, wanted.ends_after)
        # A demo runs an hour in seconds: an outage has to be short to be one.
        patience = replace(WATCH_POLICY, give_up_after=3.0) if runtime.demo else WATCH_POLICY
        streams = replace(background.streams, on_notice=printer.on_notice)
        with open_session(
            replace(runtime, streams=streams, sleep=deadline.sleep),
            wanted.shared,
            watching=patience,
            ends_at=deadline.ends_at,
        ) as session:
            recall = recorder.recall if recorder else None
            return Watcher(
                session=session,
                watch=Watch(session, wanted.plan, deadline, recall=recall, show=printer.fill, steady=steady),
                # The record first: after a signal one second must do for everything, and a later watch needs it.
                listeners=[each for each in (recorder, notifier, *exporters) if each is not None],
                printer=printer,
                notifier=notifier,
                background=background,
                signals=signals,
                options=wanted,
                clock=runtime.clock,
            ).follow()


class Watcher(msgspec.Struct, frozen=True, kw_only=True):
    """Passes the events of a watch on to all listeners, and computes the exit code."""

    session: Session
    watch: Watch
    listeners: Sequence[Listener]
    printer: EventPrinter
    notifier: Notifier | None
    background: BackgroundStreams
    signals: Signals
    options: WatchOptions
    clock: Callable[[], float]

    def follow(self) -> int:
        """Pass on every event to the last; the exit code. Raises MigstatError."""
        hurried = True
        loss: OutputError | None = None
        try:
            ended, failure = self._pass_on()
            defect = ended.end is End.ERROR and failure is not None
            error = failure.message if isinstance(failure, MigstatError) else "internal error" if defect else ""
            result = WatchResult(
                ended=ended,
                view=self.watch.view,
                until=self.options.plan.until,
                error=error,
                warnings=self.watch.strict_warnings,
            )
            # A timeout or a signal has a code of its own, with or without a reader.
            hurried = ended.end in (End.TIMEOUT, End.INTERRUPTED)
            for wrong in self._tell_end(result):
                if isinstance(wrong, OutputError):
                    loss = wrong
                elif not (hurried and isinstance(wrong, ClosedPipe)):
                    failure = failure or wrong
        finally:
            patience = HURRY if hurried else PATIENT
            close_all(self.listeners, HURRIED_WRITES if hurried else LAST_WRITES, self.clock)
            self.printer.close(patience)
            self.background.patience = patience
        if failure is None:
            with suppress(ClosedPipe, OutputError):  # `loss` will tell
                self.printer.finish(result)
        if self.notifier:
            self.notifier.wait(self.signals.interruptible)
        if failure is not None and not isinstance(failure, ClosedPipe):
            raise failure
        loss = (self.background.loss() or loss) if failure is None else None
        if loss is not None:
            if ended.exit_code == Exit.OK:
                raise loss
            # In the background as well: standard error may be the same frozen terminal or full pipe.
            tell_error(self.background.streams, loss, json=self.options.shared.format in JSON_FORMATS)
        if ended.end is End.ERROR and failure is None:
            raise incomplete(result.view.snapshot.flaws if result.view.snapshot else ())
        return ended.exit_code

    def _pass_on(self) -> tuple[Ended, Exception | None]:
        """Pass on all events but the last; the last, and what has ended them before their time, a defect included."""
        said = set[str]()
        try:
            if self.printer.screen:
                self.printer.screen.start()
            for event in self.watch.events(self.signals.interruptible):
                self._say_once(said, event.view if isinstance(event, Waiting) else None)
                if isinstance(event, Ended):
                    return event, None
                if isinstance(event, Waiting):
                    self.session.memory.keep()  # other windows complete what a long watch has seen
                # The printer last: it raises if standard output fails, which must not keep the others from an event.
                for listener in (*self.listeners, self.printer):
                    listener.show(event)
        except ClosedPipe as closed:
            return self.watch.ended(End.INTERRUPTED, self.watch.code_now), closed
        except MigstatError as error:
            return self.watch.ended(End.ERROR, exit_of_error(error)), error
        except Exception as defect:  # noqa: BLE001  the listeners must hear that the watch is over
            return self.watch.ended(End.ERROR, Exit.UNREACHABLE), defect
        raise AssertionError("a watch ends with an Ended")

    def _tell_end(self, result: WatchResult) -> list[Exception]:
        """Tell all listeners how it ended; what went wrong with some of them."""
        wrong: list[Exception] = []
        for listener in (*self.listeners, self.printer):
            try:
                listener.end(result)
            except Exception as error:  # noqa: BLE001  which must not silence the others
                wrong.append(error)
        return wrong

    def _say_once(self, said: set[str], view: View | None) -> None:
        """Print doubts, the deadline and the extent of the rehearsal, each once; `said` remembers which."""
        for doubt in self.watch.doubts:
            if doubt not in said:
                said.add(doubt)
                self.printer.warn(Streams.warning(doubt))
        if view is None:
            return
        if view.deadline is not None and "deadline" not in said:
            said.add("deadline")
            self.printer.show(LogLine(view.at, deadline_words(view.deadline, view.at)[1]))
        if "rehearsed" not in said and (words := rehearsed_words(view)):  # once the names are known
            said.add("rehearsed")
            same, names = view.rehearsed or (0, 0)
            if same == names and self.options.shared.format not in JSON_FORMATS:
                self.printer.show(LogLine(view.at, words))
            else:
                self.printer.warn(f"migstat: {words}")


def close_all(listeners: Sequence[Listener], patience: float, clock: Callable[[], float]) -> None:
    """Let all of them finish, or give up after `patience` seconds in total: they work at the same time."""
    until = clock() + patience
    for listener in listeners:
        listener.close(max(until - clock(), 0.0))
