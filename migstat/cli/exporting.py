"""Writes the files of `watch --export`, each in the background."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from migstat.cli.background import BackgroundWorker
from migstat.files.whole import write_whole
from migstat.model.events import End, Event, View, Waiting
from migstat.render.ending import Story
from migstat.render.live import digest
from migstat.render.log import LogLine, logged
from migstat.render.page import RELOAD, page_text
from migstat.render.prometheus import metrics_text
from migstat.render.scene import Scene, picture_text
from migstat.render.text import harmless

WRITERS: dict[str, Callable[[Scene], str]] = {".svg": picture_text, ".html": page_text, ".prom": metrics_text}
"""The text of an export, by the end of the file's name."""

EVERY = 5.0
"""Minimum seconds between two versions of a file: more would wear out a disk or a network share."""

_WRITE = partial(write_whole, private=False)

_Sight = tuple[View, tuple[LogLine, ...], float, Story | None]
"""The parts of a Scene. The thread builds it: for 5000 projects that takes longer than the watch may wait."""


class Exporter:
    """Keeps files up to date with a watch, each version whole or not at all.

    A file that cannot be written is warned about once, and tried again after each poll. While a write hangs, only the
    newest state waits for it, and the other files are written all the same. `clock` gives steady seconds.
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
        """Take in what happened; files are written in the pauses."""
        if isinstance(event, Waiting):
            if self._clock() >= self._due:
                self._due = self._clock() + EVERY
                interval = event.view.interval
                # A page warns that it is stale after three missed polls, and not because of a requested pause.
                stale_after = 3 * max(interval, RELOAD) + max(event.seconds - interval, 0)
                self._put((event.view, self._log, stale_after, None))
        else:
            self._log = logged(self._log, event)

    def finish(self, story: Story) -> None:
        """Write how it ended, however recently the last version was written.

        A watch that failed before it knew anything writes nothing: the file may be another watch's.
        """
        if self._begun or story.ended.end is not End.ERROR or story.view.snapshot is not None:
            self._put((story.view, self._log, 0.0, story))

    def close(self, patience: float) -> None:
        """Write the rest, or give up after `patience` seconds."""
        until = self._clock() + patience
        for file in self._files:
            file.close(max(until - self._clock(), 0.0))

    def _put(self, sight: _Sight) -> None:
        self._begun = True
        for file in self._files:
            file.worker.put(sight)


class _File:
    """One file, and the thread that writes it."""

    def __init__(self, path: Path, warn: Callable[[str], None], title: str, write: Callable[[Path, str], None]) -> None:
        self._path = path
        self._warn = warn
        self._title = title
        self._write = write
        self._failure = ""
        self.worker: BackgroundWorker[_Sight] = BackgroundWorker("exporter", self._run, kept=1)

    def close(self, patience: float) -> None:
        """Write the rest, or give up after `patience` seconds."""
        done = self.worker.close(patience)
        if failure := self._failure if done else "timed out":
            self._tell(f"the final state was not written: {failure}")

    def _run(self, batches: Iterator[list[_Sight]]) -> None:
        text_of = WRITERS[self._path.suffix.lower()]
        warned = False
        for batch in batches:
            view, log, stale_after, story = batch[-1]
            try:
                scene = Scene(known=digest(view, self._title), log=log, stale_after=stale_after, story=story)
                self._write(self._path, text_of(scene))
                self._failure = ""
            except Exception as error:  # noqa: BLE001  whatever is wrong with a file, the watch goes on
                self._failure = harmless((error.strerror if isinstance(error, OSError) else None) or str(error))
                if not warned and story is None:  # `close` reports on the last version
                    warned = True
                    self._tell(f"{self._failure}; trying again after each poll")

    def _tell(self, text: str) -> None:
        self._warn(f"migstat: warning: --export: {harmless(str(self._path))}: {text}")
