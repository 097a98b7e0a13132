"""Shows a watch: as JSON lines, as lines for people and scripts, or as a live view."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec.structs import replace
from rich.console import RenderableType

from migstat.cli.screen import Badge, LiveScreen
from migstat.cli.streams import Streams
from migstat.follow.notify import failed_for_good, is_bad_news
from migstat.model.events import Changed, Event, Late, Snapped, View, Waiting
from migstat.model.nodes import Millis, State, leaves_of
from migstat.model.verdict import Verdict
from migstat.render.advice import WATCH, next_line, next_step
from migstat.render.drawing import drawn
from migstat.render.ending import Story, ending, last_line, standing
from migstat.render.json import encoded, event_document
from migstat.render.live import digest, frame, window_title
from migstat.render.log import LogLine, log_line, logged
from migstat.render.outlook import clock
from migstat.render.parts import Canvas
from migstat.render.plain import change_line
from migstat.render.text import harmless, local_time, zone
from migstat.render.theme import Glyphs

SIGN_OF_LIFE = 300.0
"""Seconds of silence after which a line says that the watch goes on."""

Shown = Event | Waiting | LogLine


class PrinterOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to show a watch. `title` stands for the job until its name is known, `words` are what the user typed for it.

    `hint` is for the command that helps next, which demos print. `recorded`: the same command resumes the watch.
    """

    glyphs: Glyphs
    color: bool = True
    quiet: bool = False
    rates: bool = False
    columns: int | None = None
    title: str = ""
    words: tuple[str, ...] = ()
    hint: bool = True
    recorded: bool = False


class EventPrinter:
    """Shows what happens, as lines that need no terminal to themselves. Only `close` may wait, and not for long.

    `on_notice` shows notices about the first reading; it is None if they would be in the way.
    """

    def __init__(self, streams: Streams, on_notice: Callable[[str], None] | None = None) -> None:
        self._streams = streams
        self.on_notice = on_notice

    def show(self, event: Shown) -> None:
        """Show one event."""
        raise NotImplementedError

    def warn(self, text: str) -> None:
        """Show a warning where it stays readable. May be called from any thread."""
        self._streams.tell(text)

    def fill(self, view: View) -> None:
        """Show what the first reading has seen so far."""

    def open(self) -> None:
        """Take the terminal."""

    def close(self, patience: float) -> None:
        """Hand back the terminal, which gets `patience` seconds for it."""

    def finish(self, story: Story) -> None:
        """Show how it ended, once closed."""


class JsonPrinter(EventPrinter):
    """Each event as one line of JSON, as it happens; the last one says how it ended."""

    def show(self, event: Shown) -> None:
        """Print the event."""
        if not isinstance(event, Waiting | LogLine):
            self._streams.print(encoded(event_document(event), ascii_only=not self._streams.unicode) + "\n")


class LinePrinter(EventPrinter):
    """Changes as lines on standard output; everything else as prose on standard error."""

    def __init__(self, streams: Streams, options: PrinterOptions) -> None:
        super().__init__(streams)
        self._options = options
        self._bell = Bell()
        self._silent_since: Millis | None = None

    def show(self, event: Shown) -> None:
        """Print the event, for a script or for a person."""
        match event:
            case Changed():
                bad = event.node.state is State.WARNING or failed_for_good(event.node)
                if not self._options.quiet or (bad and event.counts):
                    self._streams.print(change_line(event) + "\n")
                    self._silent_since = event.at
            case Snapped():
                self._begin(event)
            case Waiting():
                # Since the last line that was shown: with --quiet that may be hours ago.
                self._silent_since = self._silent_since or event.at
                if event.at - self._silent_since >= SIGN_OF_LIFE * 1000:
                    self._say(standing(event.view, event.at), event.at, always=True)
            case LogLine():
                self._say(event.text, event.at)
            case _ if (line := log_line(event)) is not None:
                self._say(line.text, line.at, always=isinstance(event, Late))
        if self._streams.out_is_terminal and not self._options.quiet and self._bell.rings(event):
            self._streams.ring()

    def finish(self, story: Story) -> None:
        """Print how it ended and, to a person, what helps next."""
        _tell_end(self._streams, self._options, story, last_line(story))

    def _begin(self, event: Snapped) -> None:
        head = event.snapshot
        end = "" if event.estimated_end is None else f", ends about {clock(event.estimated_end, event.at)}"
        self._say(f"watching {head.task_type or 'task'} {head.task_id}: {head.verdict}{end}", event.at)
        for node in leaves_of(head.node, head.task_type):
            if failed_for_good(node) and node.level not in head.accepted:
                message = f": {node.message}" if node.message else ""
                self._say(f"already failed: {node.name}{message}", event.at, always=True)

    def _say(self, text: str, at: Millis, *, always: bool = False) -> None:
        if always or not self._options.quiet:
            self._streams.tell(f"{local_time(at, at)} {zone(at)}  {harmless(text)}")
            self._silent_since = at


class ScreenPrinter(EventPrinter):
    """A live view; when it is over, a summary of one screen stays in the scrollback."""

    def __init__(
        self,
        streams: Streams,
        options: PrinterOptions,
        screen_of: Callable[[Callable[[int, int], RenderableType]], LiveScreen],
        now: Callable[[], float],
    ) -> None:
        super().__init__(streams, on_notice=self.notice)
        self._options = options
        self._now = now
        self._bell = Bell()
        self._warnings: list[str] = []
        self._closed = False
        self._known = digest(View(at=self._millis(), snapshot=None), options.title)
        self._log: tuple[LogLine, ...] = ()  # replaced, never changed: the screen's thread draws it
        self.screen = screen_of(self._frame)

    def show(self, event: Shown) -> None:
        """Take the event into the view."""
        if isinstance(event, Waiting):
            self._known = digest(event.view, self._options.title)
            counts = self._known.counts
            self.screen.refresh(
                Badge(
                    window_title(self._known, self._options.glyphs),
                    counts.done * 100 // counts.all if counts.all else 0,
                    self._known.verdict is Verdict.FAILED or bool(self._known.summary and self._known.summary.failed),
                )
            )
        else:
            self._log = logged(self._log, event)
        if self._bell.rings(event):
            self.screen.ring()

    def warn(self, text: str) -> None:
        """Log it, and print it once the view is over."""
        if self._closed:
            self._streams.tell(text)
            return
        self._warnings.append(text)
        self._log = logged(self._log, LogLine(self._millis(), harmless(text), State.WARNING))

    def open(self) -> None:
        """Take the terminal."""
        self.screen.start()

    def notice(self, text: str) -> None:
        """Show what the first reading is about. May be called from any thread."""
        if self._known.view.snapshot is None:
            self._known = replace(self._known, doing=text)

    def fill(self, view: View) -> None:
        """Show what the first reading has seen so far. May be called from any thread."""
        self._known = digest(view, self._options.title)  # replaced as a whole, like the log

    def close(self, patience: float) -> None:
        """Hand the terminal back, and print the warnings that came meanwhile."""
        self.screen.close(patience)
        self._closed = True
        while self._warnings:  # to which the threads of record and exports may still add
            self._streams.tell(self._warnings.pop(0))

    def finish(self, story: Story) -> None:
        """Leave a summary on the terminal."""
        columns, lines = self.screen.size
        canvas = Canvas(self._options.columns or columns, self._options.glyphs, lines)
        self._streams.print(drawn(ending(story, canvas), canvas, color=self._options.color))
        _tell_end(self._streams, self._options, story)

    def _frame(self, columns: int, lines: int) -> RenderableType:
        canvas = Canvas(columns, self._options.glyphs, lines)
        return frame(self._known, self._log, self._millis(), canvas, rates=self._options.rates)

    def _millis(self) -> Millis:
        return int(self._now() * 1000)


def _tell_end(streams: Streams, options: PrinterOptions, story: Story, *last: str) -> None:
    for text in (*story.ended.notes, *last):
        streams.tell(f"migstat: {harmless(text)}")
    if options.hint and streams.err_is_terminal:
        step = next_step(story.view.snapshot)
        # Without its options a watch would not be resumed, nor judge as this one did.
        resumes = step == WATCH and options.recorded
        streams.tell("Next: run the same command to resume this watch" if resumes else next_line(step, options.words))


class Bell(msgspec.Struct):
    """Rings for a new failure and for the end; failures of one poll ring once."""

    _rung_at: Millis | None = None

    def rings(self, event: Shown) -> bool:
        """True if the user should take a look."""
        if not is_bad_news(event) or event.at == self._rung_at:
            return False
        self._rung_at = event.at
        return True
