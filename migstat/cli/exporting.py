"""Writes the files of `watch --export`, each on a thread of its own, so that no slow disk or share delays a poll."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from migstat.files.whole import write_whole
from migstat.model.events import End, Event, View, Waiting
from migstat.render.ending import Story
from migstat.render.live import LogLine, digest, log_line
from migstat.render.page import RELOAD, page_text
from migstat.render.prometheus import metrics_text
from migstat.render.scene import Scene, picture_text
from migstat.render.text import harmless

WRITERS: dict[str, Callable[[Scene], str]] = {".svg": picture_text, ".html": page_text, ".prom": metrics_text}
"""The text of an export, by the end of the file's name."""

EVERY = 5.0
"""Seconds between two versions of a file, at least."""

LOGGED = 200
"""Lines of the log that a page shows."""

_WRITE = partial(write_whole, private=False)

_Sight = tuple[View, tuple[LogLine, ...], float, Story | None]
"""What a Scene is made of, which takes too long to make for the watch to wait for."""


class Exporter:
    """Keeps files up to date with a watch, each version whole or not at all; does nothing without paths.

    What cannot be written is warned about once, and tried again after each poll. Of what happens while a write hangs,
    only the newest state is kept, and the other files are written all the same. `clock` gives steady seconds.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        warn: Callable[[str], None],
        clock: Callable[[], float],
        *,
        title: str = "",
        write: Callable[[Path, str], None] = _WRITE,
    ) -> None:
        self._files = [_File(path, warn, title, write) for path in dict.fromkeys(paths)]
        self._clock = clock
        self._log: tuple[LogLine, ...] = ()
        self._due = clock()
        self._begun = False

    def show(self, event: Event | Waiting | LogLine) -> None:
        """Take in what happened; a pause is when to write."""
        if isinstance(event, Waiting):
            if self._clock() >= self._due:
                self._due = self._clock() + EVERY
                interval = event.view.interval
                self._put((event.view, self._log, 3 * max(interval, RELOAD) + max(event.seconds - interval, 0), None))
        elif (line := event if isinstance(event, LogLine) else log_line(event)) is not None:
            self._log = (*self._log[1 - LOGGED :], line)

    def finish(self, story: Story) -> None:
        """Write the end's state, however short ago the last one was written. An error at the start leaves no file."""
        if self._begun or story.ended.end is not End.ERROR or story.view.snapshot is not None:
            self._put((story.view, self._log, 0.0, story))

    def close(self, patience: float) -> None:
        """Write what is left, or give up after `patience` seconds."""
        until = self._clock() + patience
        for file in self._files:
            file.close(max(until - self._clock(), 0.0))

    def _put(self, sight: _Sight) -> None:
        self._begun = True
        for file in self._files:
            file.put(sight)


class _File:
    """One file, and the thread that writes it."""

    def __init__(self, path: Path, warn: Callable[[str], None], title: str, write: Callable[[Path, str], None]) -> None:
        self._path = path
        self._warn = warn
        self._title = title
        self._write = write
        self._next: deque[_Sight] = deque(maxlen=1)
        self._wake = threading.Event()
        self._closed = False
        self._failure = ""
        self._warned = False
        self._thread: threading.Thread | None = None

    def put(self, sight: _Sight) -> None:
        """Write this next, instead of what still waits."""
        self._next.append(sight)
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="exporter", daemon=True)
            self._thread.start()

    def close(self, patience: float) -> None:
        """Write what is left, or give up after `patience` seconds."""
        if self._thread is None:
            return
        self._closed = True
        self._wake.set()
        self._thread.join(patience)
        if failure := "it takes too long" if self._thread.is_alive() else self._failure:
            self._tell(f"does not show the end: {failure}")

    def _run(self) -> None:
        text_of = WRITERS[self._path.suffix.lower()]
        while not self._closed or self._next:
            self._wake.wait()
            self._wake.clear()
            if not self._next:
                continue
            view, log, stale_after, story = self._next.pop()
            try:
                known = digest(view, self._title)
                scene = Scene(known=known, log=log, stale_after=stale_after, story=story)
                self._write(self._path, text_of(scene))
                self._failure = ""
            except Exception as error:  # noqa: BLE001  whatever is wrong with a file, the watch goes on
                self._failure = harmless((error.strerror if isinstance(error, OSError) else None) or str(error))
                if not self._warned and story is None:
                    self._warned = True
                    self._tell(f"could not be written: {self._failure}; trying again after each poll")

    def _tell(self, text: str) -> None:
        self._warn(f"migstat: warning: --export: {harmless(str(self._path))} {text}")
