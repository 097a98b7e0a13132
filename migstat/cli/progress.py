"""How far a download is: one line on a terminal's standard error, drawn anew as bytes come."""

from __future__ import annotations

import io
import threading

from rich.console import Console
from rich.progress import (
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from migstat.api.retry import Clock
from migstat.cli.streams import Streams
from migstat.render.grid import cells, fitted
from migstat.render.parts import SHORT_BAR, Canvas, bar_of
from migstat.render.theme import Glyphs

DRAWN_EVERY = 0.1
"""Seconds between two looks of the line, so that drawing takes no time from fetching."""

ROOM_FOR_SPEED = 50
ROOM_FOR_BAR = 72
"""Cells of the window from which on there is room for them."""

BESIDE_NAME = 24
"""Cells that bytes and time take where there is no room for more."""


class Meter:
    """Bytes, speed and time remaining of one file, called `label`, while it is entered as a context manager.

    Told of its bytes so far, and of all where that is known, it draws the line. A thread draws what has come since, so
    that a line that stands still tells of a server that does.
    """

    def __init__(self, streams: Streams, glyphs: Glyphs, clock: Clock, label: str) -> None:
        self._streams = streams
        self._glyphs = glyphs
        self._clock = clock
        self._label = label
        self._bytes: int | None = None
        self._drawn = True
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._begin(0, None)

    def __enter__(self) -> Meter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def __call__(self, done: int, total: int | None) -> None:
        """Have the line drawn soon, and at once where it is the first or the last of a file."""
        with self._lock:
            if self._bytes is None or done < self._bytes:
                self._begin(done, total)
            else:
                self._progress.update(self._task, completed=done, total=total)
            first, self._bytes, self._drawn = self._bytes is None, done, False
        if first or done == total:
            self._draw()

    def _begin(self, done: int, total: int | None) -> None:
        """Measure from here: what was there before tells nothing about the speed."""
        room = self._streams.room
        columns = (
            TextColumn("{task.description}", markup=False),
            *((_Bar(self._glyphs),) if room >= ROOM_FOR_BAR else ()),
            DownloadColumn(),
            *((TransferSpeedColumn(),) if room >= ROOM_FOR_SPEED else ()),
            TimeRemainingColumn(compact=True),
        )
        widest = room // 3 if room >= ROOM_FOR_SPEED else max(room - BESIDE_NAME, 1)
        name = fitted(self._label, min(cells(self._label), widest), self._glyphs.more)
        self._progress = Progress(*columns, auto_refresh=False, get_time=self._clock)
        self._task = self._progress.add_task(name, completed=done, total=total)

    def _run(self) -> None:
        while not self._closing.wait(DRAWN_EVERY):
            if not self._drawn:
                self._draw()

    def _draw(self) -> None:
        with self._lock:
            self._drawn = True
            room = self._streams.room
            console = Console(file=io.StringIO(), width=room, color_system=None, legacy_windows=False)
            with console.capture() as captured:
                console.print(self._progress.get_renderable(), no_wrap=True, crop=True)
            self._streams.notice(captured.get().partition("\n")[0].rstrip())


class _Bar(ProgressColumn):
    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._canvas = Canvas(ROOM_FOR_BAR, glyphs)

    def render(self, task: Task) -> Text:
        """The bar of what is done; nothing where nobody knows of how much."""
        if not task.total:
            return Text()
        drawn = bar_of(min(task.completed / task.total, 1.0), SHORT_BAR, self._canvas)
        return Text("".join(text for text, _ in drawn))
