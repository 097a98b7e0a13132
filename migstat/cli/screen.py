"""The live view on the terminal: the one thread that touches Rich's `Live`."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TextIO

import msgspec
from rich.console import Console, ConsoleDimensions, RenderableType
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, Segment

from migstat.cli.streams import in_foreground, unfreeze, window_of, write
from migstat.render.drawing import THEME

TICK = 0.25
"""Seconds between two looks at the window's size, and at whether the shell has the terminal.

Polled, as Windows has no SIGWINCH, and no signal says that the shell has taken the terminal back.
"""

TICKS = 4
"""Ticks between two frames if nothing else happens, so that clocks go on while an answer is awaited."""

ORDINARY = (80, 24)

Draw = Callable[[int, int], RenderableType]
"""Draws a frame for a window of this many columns and lines."""


class Badge(msgspec.Struct, frozen=True):
    """What a terminal shows outside of its window: a title, and progress in percent, red if something failed."""

    title: str
    percent: int = 0
    failed: bool = False


class LiveScreen:
    """Shows what `draw` returns, anew every second and whenever the window changes, on the terminal's second screen.

    A thread draws. The watch hands it the latest state and goes on, so a terminal that has stopped reading holds
    up the view and nothing else. While the process is in the background nothing is drawn.
    """

    def __init__(self, out: TextIO, draw: Draw, *, color: bool, ascii_only: bool, environ: Mapping[str, str]) -> None:
        self._file = _Unbuffered(out, "ascii" if ascii_only else "utf-8")
        self._draw = draw
        self._taskbar = (
            # To other terminals OSC 9 is a notification to pop up, once a second.
            "WT_SESSION" in environ
            or environ.get("ConEmuANSI") == "ON"
            or environ.get("TERM_PROGRAM") in ("ghostty", "WezTerm", "vscode")
        )
        self._console = Console(
            file=self._file,
            force_terminal=True,
            force_interactive=True,
            no_color=not color,
            theme=THEME,
            highlight=False,
            legacy_windows=False,
            _environ={**environ, "TERM": environ.get("TERM") or "xterm-256color"},
        )
        self._badge: Badge | None = None
        self._bell = False
        # Not an Event: Ctrl-Z calls `suspend` in the middle of whatever the main thread does, which may be `refresh`,
        # holding the lock of the event that `suspend` sets. A SimpleQueue may be put to at any time.
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._closing = False
        self._suspended = False
        self._away = threading.Event()  # set while the shell's screen is shown
        self._away.set()
        self._thread = threading.Thread(target=self._run, name="screen", daemon=True)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines of the window; those of an ordinary one if the terminal does not know."""
        columns, lines = window_of(self._file.out)
        return (columns, lines) if columns and lines else ORDINARY

    def start(self) -> None:
        """Take the terminal."""
        self._thread.start()

    def refresh(self, badge: Badge | None = None, *, ring: bool = False) -> None:
        """Draw soon, with a new badge if there is one, and ring the bell: once for all that comes before that frame."""
        self._badge = badge or self._badge
        if ring:
            self._bell = True
        self._wake.put(None)

    def suspend(self) -> None:
        """Hand the terminal back for now; waits half a second for it at most."""
        self._suspended = True
        self._wake.put(None)
        self._away.wait(0.5)  # no longer: a frozen terminal must not keep Ctrl-Z from stopping the process

    def resume(self) -> None:
        """Take the terminal again."""
        self._suspended = False
        self._wake.put(None)

    def close(self, patience: float) -> None:
        """Hand the terminal back, or give up after `patience` seconds.

        Paused output (Ctrl-S) is resumed, and queued output dropped: the shell needs its screen back.
        """
        self._closing = True
        self._wake.put(None)
        self._thread.join(patience)
        if self._thread.is_alive():
            unfreeze(self._file.out, drop=True)
            self._thread.join(patience)

    def give_up(self) -> None:
        """Restore the terminal from within a signal handler, if it takes that much at once."""
        if self._away.is_set() or sys.platform == "win32":  # whose consoles cannot be made non-blocking
            return
        # Neither Rich nor Python's streams: the thread that was interrupted may hold their locks.
        codes = f"{Control.home()}{Control.clear()}{Control.alt_screen(enable=False)}{Control.show_cursor(show=True)}"
        with suppress(OSError, ValueError):
            terminal = self._file.out.fileno()
            os.set_blocking(terminal, False)
            with suppress(BlockingIOError):
                os.write(terminal, codes.encode())
            os.set_blocking(terminal, True)  # the shell reads from the same terminal

    def _run(self) -> None:
        with suppress(OSError, ValueError):  # a terminal that has gone; SIGHUP reports that
            while not self._closing:
                # From the background, a write to the terminal would draw over the shell, or stop the process (SIGTTOU).
                if not self._suspended and in_foreground(self._file.out):
                    self._show()
                self._wait()

    def _show(self) -> None:
        """Use the second screen for as long as the terminal is ours."""
        # No refresh thread and no redirection of streams: this thread is the only one that writes to the terminal.
        live = Live(
            console=self._console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._away.clear()
        self._console.size = ConsoleDimensions(*self.size)
        live.start()
        try:
            while not self._closing and not self._suspended and in_foreground(self._file.out):
                size = self.size
                # Pinned for the frame: Rich asks anew whenever it needs the size, and a window may change in between.
                self._console.size = ConsoleDimensions(*size)
                live.update(self._draw(*size), refresh=True)
                self._announce(self._badge)
                for _ in range(TICKS):
                    if self._wait() or self.size != size:
                        break
        finally:
            self._announce(None)
            # Or tmux, if its window has grown meanwhile, keeps lines of the frame in the shell's scrollback.
            self._console.control(Control.home(), Control.clear())
            live.stop()
            self._away.set()

    def _announce(self, badge: Badge | None) -> None:
        """Ring if someone should look; show the badge, or remove the one that is shown."""
        if self._bell:
            self._bell = False
            self._console.bell()
        if self._badge is None:
            return
        self._console.set_window_title(badge.title if badge else "")
        if self._taskbar:  # OSC 9;4, which Rich does not know: 1 is progress, 2 red, 0 takes it away
            state, percent = (2 if badge.failed else 1, badge.percent) if badge else (0, 0)
            control = Control()
            control.segment = Segment(f"\x1b]9;4;{state};{percent}\x07", None, [(ControlType.BELL,)])
            self._console.control(control)

    def _wait(self) -> bool:
        """Wait for a tick, or until there is something to do; True then."""
        try:
            self._wake.get(timeout=TICK)
        except Empty:
            return False
        while not self._wake.empty():  # one frame is enough for all that came while the terminal was frozen
            self._wake.get()
        return True


class _Unbuffered(io.StringIO):
    """A terminal without Python's buffers: their lock, held by a frozen write, would hang the end of the process.

    `encoding` is the character set that Rich draws for.
    """

    encoding = "utf-8"

    def __init__(self, out: TextIO, encoding: str) -> None:
        super().__init__()
        self.out = out
        self.encoding = encoding

    def flush(self) -> None:
        """Write what Rich has put together, to the last byte."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        if text:  # Rich cuts with an ellipsis of one cell
            write(self.out, text.replace("…", "~") if self.encoding == "ascii" else text)
