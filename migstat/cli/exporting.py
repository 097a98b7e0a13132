"""Writes the files of `watch --export` on a thread of its own, so that no slow disk or share delays a poll."""

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
    """Keeps files up to date with a watch, each whole or not at all; does nothing without paths.

    What cannot be written is warned about once, and tried again after each poll. Of what happens while a write hangs,
    only the newest state is kept. `clock` gives steady seconds.
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
        self._paths = tuple(dict.fromkeys(paths))
        self._warn = warn
        self._clock = clock
        self._title = title
        self._write_to = write
        self._log: tuple[LogLine, ...] = ()
        self._due = clock()
        self._next: deque[_Sight] = deque(maxlen=1)
        self._wake = threading.Event()
        self._closed = False
        self._failed: dict[Path, str] = {}
        self._warned: set[Path] = set()
        self._thread: threading.Thread | None = None

    def show(self, event: Event | Waiting | LogLine) -> None:
        """Take in what happened; a pause is when to write."""
        if isinstance(event, Waiting):
            if self._clock() >= self._due:
                self._due = self._clock() + EVERY
                interval = event.view.interval
                self._write((event.view, self._log, 3 * max(interval, RELOAD) + max(event.seconds - interval, 0), None))
        elif self._paths and (line := event if isinstance(event, LogLine) else log_line(event)) is not None:
            self._log = (*self._log[1 - LOGGED :], line)

    def finish(self, story: Story) -> None:
        """Write the end's state, however short ago the last one was written. An error at the start leaves no file."""
        if self._thread is None and story.ended.end is End.ERROR and story.view.snapshot is None:
            return
        self._write((story.view, self._log, 0.0, story))

    def close(self, patience: float) -> None:
        """Write what is left, or give up after `patience` seconds."""
        if self._thread is None:
            return
        self._closed = True
        self._wake.set()
        self._thread.join(patience)
        late = self._paths if self._thread.is_alive() else ()
        for path, reason in {**dict.fromkeys(late, "it takes too long"), **self._failed}.items():
            self._warn(f"migstat: warning: --export: {harmless(str(path))} does not show the end: {reason}")

    def _write(self, sight: _Sight) -> None:
        if not self._paths:
            return
        self._next.append(sight)
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="exporter", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._closed or self._next:
            self._wake.wait()
            self._wake.clear()
            if self._next:
                view, log, stale_after, story = self._next.pop()
                known = digest(view, self._title)
                scene = Scene(known=known, log=log, stale_after=stale_after, story=story)
                for path in self._paths:
                    self._write_one(path, scene)

    def _write_one(self, path: Path, scene: Scene) -> None:
        try:
            self._write_to(path, WRITERS[path.suffix.lower()](scene))
        except Exception as error:  # noqa: BLE001  whatever is wrong with a file, the watch goes on
            reason = harmless((error.strerror if isinstance(error, OSError) else None) or str(error))
            self._failed[path] = reason
            if path not in self._warned and scene.story is None:
                told = f"{harmless(str(path))} could not be written: {reason}; trying again after each poll"
                self._warn(f"migstat: warning: --export: {told}")
            self._warned.add(path)
        else:
            self._failed.pop(path, None)
