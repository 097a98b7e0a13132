"""Shows a watch: as JSON lines, as lines for people and scripts, or as a live view."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from msgspec.structs import replace
from rich.console import RenderableType

from migstat.cli.context import Runtime
from migstat.cli.listening import Heard, Listener
from migstat.cli.screen import Badge, LiveScreen
from migstat.cli.streams import is_terminal
from migstat.cli.watch_options import WatchOptions
from migstat.follow.notify import failed_for_good, is_bad_news
from migstat.follow.watch import SIGN_OF_LIFE
from migstat.model.events import Changed, End, Late, Resumed, Snapped, View, Waiting
from migstat.model.nodes import Millis, State
from migstat.model.verdict import Verdict
from migstat.render.advice import WATCH, next_line, next_step
from migstat.render.drawing import Canvas, drawn
from migstat.render.ending import WatchResult, ending, last_line, status_line
from migstat.render.heading import why_not_over
from migstat.render.json import encoded, event_document
from migstat.render.live import frame, window_title
from migstat.render.log import LogLine, log_line, logged
from migstat.render.outlook import clock
from migstat.render.plain import change_line
from migstat.render.sorted_view import sorted_view
from migstat.render.text import harmless, local_time, zone
from migstat.render.theme import ASCII, UNICODE


class EventPrinter(Listener):
    """Shows what happens. Only `close` may wait, and not for long.

    `on_notice` shows notices about the first reading, and `screen` is what has the terminal; both are None for lines.
    """

    def __init__(self, runtime: Runtime, options: WatchOptions) -> None:
        self.screen: LiveScreen | None = None
        self.on_notice: Callable[[str], None] | None = None
        self._streams = runtime.streams
        self._options = options
        self._is_demo = runtime.demo is not None
        self._rung_at: Millis | None = None

    def show(self, event: Heard | LogLine) -> None:
        """Show one event. Raises ClosedPipe, or OutputError if standard output cannot be written."""
        raise NotImplementedError

    def warn(self, text: str) -> None:
        """Show a warning where it stays readable. May be called from any thread."""
        self._streams.tell(text)

    def fill(self, view: View) -> None:
        """Show what the first reading has seen so far."""

    def finish(self, result: WatchResult) -> None:
        """Show how it ended, once closed."""

    def _rings(self, event: Heard | LogLine) -> bool:
        """True for a new failure and for the end; failures of one poll ring the bell once."""
        if not is_bad_news(event) or event.at == self._rung_at:
            return False
        self._rung_at = event.at
        return True

    def _tell_end(self, result: WatchResult, *last: str) -> None:
        """Tell what does not count and, to a person, what helps next; a demo has its own suggestion."""
        for text in (*result.ended.notes, *last):
            self._streams.tell(f"migstat: {harmless(text)}")
        if is_terminal(self._streams.err) and not self._is_demo:
            snapshot = result.view.snapshot
            steps = [next_step(snapshot)]
            goes_on = snapshot is not None and snapshot.verdict in (Verdict.PENDING, Verdict.RUNNING)
            if goes_on and result.ended.end not in (End.FINISHED, End.FAILED_FAST) and steps != [WATCH]:
                steps.insert(0, WATCH)  # what has failed so far is no reason not to watch the rest
            for step in steps:
                if step == WATCH and self._options.record is not None:
                    # Without its options a watch would not be resumed, nor judge as this one did.
                    self._streams.tell("Next: run the same command to resume this watch")
                    continue
                if snapshot is not None and step.run is None:  # by now, `latest` may be another run
                    step = replace(step, run=(snapshot.job_id, snapshot.task_id))  # noqa: PLW2901
                self._streams.tell(next_line(step, self._options.shared.typed))


class JsonPrinter(EventPrinter):
    """Each event as one line of JSON, as it happens; the last one says how it ended."""

    def show(self, event: Heard | LogLine) -> None:
        """Print the event."""
        if not isinstance(event, Waiting | Resumed | LogLine):
            self._streams.print(encoded(event_document(event), ascii_only=not self._streams.unicode) + "\n")


class LinePrinter(EventPrinter):
    """Changes as lines on standard output; everything else as prose on standard error."""

    _silent_since: Millis | None = None
    _explained: frozenset[bool] = frozenset()
    """The explanations that were given: True for checks that failed, False for an end that may not be all."""

    def show(self, event: Heard | LogLine) -> None:
        """Print the event, for a script or for a person."""
        quiet = self._options.quiet
        match event:
            case Changed():
                bad = event.node.state is State.WARNING or failed_for_good(event.node)
                if not quiet or (bad and event.counts):
                    self._streams.print(change_line(event) + "\n")
                    self._silent_since = event.at
            case Snapped():
                self._begin(event)
            case Waiting():
                # Since the last line that was shown: with --quiet that may be hours ago.
                self._silent_since = self._silent_since or event.at
                if (head := event.view.snapshot) is not None and (blocked := head.shape.blocked) not in self._explained:
                    for _, words in why_not_over(head, event.at):
                        self._explained |= {blocked}
                        self._say(words, event.at)
                if event.at - self._silent_since >= SIGN_OF_LIFE * 1000:
                    self._say(status_line(event.view, event.at), event.at, always=True)
            case _ if (line := log_line(event)) is not None:
                self._say(line.text, line.at, always=isinstance(event, Late))
        if is_terminal(self._streams.out) and not quiet and self._rings(event):
            self._streams.ring()

    def finish(self, result: WatchResult) -> None:
        """Print how it ended and, to a person, what helps next."""
        self._tell_end(result, last_line(result))

    def _begin(self, event: Snapped) -> None:
        head = event.snapshot
        end = "" if event.estimated_end is None else f", ends about {clock(event.estimated_end, event.at)}"
        self._say(f"watching {head.task_type or 'task'} {head.task_id}: {head.verdict}{end}", event.at)
        for node in head.shape.leaves:
            if failed_for_good(node) and node.level not in head.accepted:
                message = f": {node.message}" if node.message else ""
                self._say(f"already failed: {node.name}{message}", event.at, always=True)

    def _say(self, text: str, at: Millis, *, always: bool = False) -> None:
        if always or not self._options.quiet:
            self._streams.tell(f"{local_time(at, at)} {zone(at)}  {harmless(text)}")
            self._silent_since = at


class ScreenPrinter(EventPrinter):
    """A live view on the terminal `out`; when it is over, a summary of one screen stays in the scrollback.

    `out` is standard output itself, not passed on by a thread.
    """

    def __init__(self, runtime: Runtime, options: WatchOptions, out: TextIO) -> None:
        super().__init__(runtime, options)
        shared = options.shared
        self.on_notice = self._notice
        # Not the stream in the background: what waits there must not be drawn over a screen that was handed back.
        self.screen = self._screen = LiveScreen(
            out, self._frame, color=shared.color, ascii_only=shared.ascii_only, environ=runtime.environ
        )
        self._glyphs = ASCII if shared.ascii_only else UNICODE
        self._now = runtime.now
        self._warnings: list[str] = []
        self._closed = False
        # Both are replaced, never changed: the thread of the screen draws them.
        self._known = sorted_view(View(at=0, snapshot=None), options.title)
        self._log: tuple[LogLine, ...] = ()

    def show(self, event: Heard | LogLine) -> None:
        """Take the event into the view."""
        if isinstance(event, Waiting):
            self._known = known = sorted_view(event.view, self._options.title)
            share = known.counts.done * 100 // known.counts.all if known.counts.all else 0
            failed = known.verdict is Verdict.FAILED or known.summary.failed > 0
            self._screen.refresh(Badge(window_title(known, self._glyphs), share, failed))
            return
        self._log = logged(self._log, event)
        if self._rings(event):
            self._screen.refresh(ring=True)

    def warn(self, text: str) -> None:
        """Log it, and print it once the view is over."""
        if self._closed:
            self._streams.tell(text)
            return
        self._warnings.append(text)
        self._log = logged(self._log, LogLine(int(self._now() * 1000), harmless(text), State.WARNING))

    def _notice(self, text: str) -> None:
        """Show what the first reading is about. May be called from any thread."""
        if self._known.view.snapshot is None:
            self._known = replace(self._known, doing=text)

    def fill(self, view: View) -> None:
        """Show what the first reading has seen so far. May be called from any thread."""
        self._known = sorted_view(view, self._options.title)

    def close(self, patience: float) -> None:
        """Hand the terminal back, and print the warnings that came meanwhile."""
        self._screen.close(min(patience, 1.0))
        self._closed = True
        while self._warnings:  # to which the threads of record and exports may still add
            self._streams.tell(self._warnings.pop(0))

    def finish(self, result: WatchResult) -> None:
        """Leave a summary on the terminal."""
        columns, lines = self._screen.size
        shared = self._options.shared
        canvas = Canvas(shared.columns or columns, self._glyphs, lines)
        self._streams.print(drawn(ending(result, canvas), canvas, color=shared.color))
        self._tell_end(result)

    def _frame(self, columns: int, lines: int) -> RenderableType:
        canvas = Canvas(columns, self._glyphs, lines)
        return frame(self._known, self._log, int(self._now() * 1000), canvas, rates=self._options.shared.verbose)
