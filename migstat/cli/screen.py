"""Draws frames in place on a terminal's second screen, which leaves the scrollback as it was."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from migstat.cli.streams import color_console, show
from migstat.render.grid import Line

if TYPE_CHECKING:
    from rich.console import Console

ENTER = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J"
LEAVE = "\x1b[?25h\x1b[?1049l"
BEGIN_UPDATE, END_UPDATE = "\x1b[?2026h", "\x1b[?2026l"
"""Terminals that know this show a frame when it is whole; the others ignore it."""

HOME = "\x1b[H"
CLEAR_TO_END_OF_LINE = "\x1b[K"
CLEAR_BELOW = "\x1b[J"
NO_WRAP, WRAP = "\x1b[?7l", "\x1b[?7h"

Draw = Callable[[int, int], Sequence[Line]]
"""Makes the frame for a window of so many columns and lines."""


LOOK_EVERY = 0.25
TICKS = 4
"""Seconds between two looks at the window's size, and looks between two frames of an unchanged window."""


class Screen:
    """A terminal that shows what `draw` makes, anew every second and whenever the window changes.

    A context manager: afterwards the terminal is as it was, whatever happened. A thread draws, so that the clock on
    the screen goes on while an answer is waited for.
    """

    def __init__(self, out: TextIO, draw: Draw, *, color: bool) -> None:
        self._out = out
        self._draw = draw
        self._console: Console | None = color_console(out) if color else None
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Screen:
        self._write(ENTER)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()
        self._write(WRAP + LEAVE)

    def draw(self) -> None:
        """Draw the frame now."""
        with self._lock:
            columns, lines = _size(self._out)
            frame = self._texts(self._draw(columns, lines))[:lines]
            body = f"{CLEAR_TO_END_OF_LINE}\r\n".join(frame) + CLEAR_TO_END_OF_LINE
            below = "\r\n" + CLEAR_BELOW if len(frame) < lines else ""
            self._write(BEGIN_UPDATE + NO_WRAP + HOME + body + below + WRAP + END_UPDATE)

    def _texts(self, lines: Sequence[Line]) -> list[str]:
        if self._console is None:
            return ["".join(text for text, _ in line) for line in lines]
        with self._console.capture() as capture:
            show(self._console, lines)
        return capture.get().split("\n")[: len(lines)]

    def _run(self) -> None:
        shown, looks = _size(self._out), 0
        self.draw()
        while not self._closing.wait(LOOK_EVERY):
            looks += 1
            if looks >= TICKS or _size(self._out) != shown:
                shown, looks = _size(self._out), 0
                self.draw()

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # a terminal that has gone is told by SIGHUP
            self._out.write(text)
            self._out.flush()


def _size(out: TextIO) -> tuple[int, int]:
    """Columns and lines of the window; of an ordinary one where the terminal does not know."""
    try:
        size = os.get_terminal_size(out.fileno())
    except (OSError, ValueError):
        return ORDINARY
    return (size.columns, size.lines) if size.columns and size.lines else ORDINARY


ORDINARY = (80, 24)
