"""Writes the files of `watch --export`, each in the background."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from migstat.cli.background import BackgroundWorker
from migstat.cli.listening import Heard, Listener
from migstat.cli.streams import Streams
from migstat.files.whole import write_whole
from migstat.model.events import End, Waiting
from migstat.render.ending import WatchResult
from migstat.render.exported import ExportedView, picture_text
from migstat.render.log import LogLine, logged
from migstat.render.page import RELOAD, page_text
from migstat.render.prometheus import metrics_text
from migstat.render.text import harmless

WRITERS: dict[str, Callable[[ExportedView], str]] = {".svg": picture_text, ".html": page_text, ".prom": metrics_text}
"""The text of an export, by the end of the file's name."""

WRITTEN_EVERY = 5.0
"""Minimum seconds between two versions of a file: more would wear out a disk or a network share."""

_WRITE = partial(write_whole, private=False)


class Exporter(Listener):
    """Keeps a file up to date with a watch, each version whole or not at all.

    A file that cannot be written is warned about once, and tried again after each poll. While a write hangs, only the
    newest state waits for it. `clock` gives steady seconds.
    """

    def __init__(
        self,
        path: Path,
        warn: Callable[[str], None],
        clock: Callable[[], float],
        *,
        title: str = "",
        write: Callable[[Path, str], None] = _WRITE,
    ) -> None:
        self._path = path
        self._warn = warn
        self._clock = clock
        self._title = title
        self._write = write
        self._log: tuple[LogLine, ...] = ()
        self._due = clock()
        self._begun = False
        self._failure = ""
        self._worker: BackgroundWorker[ExportedView] = BackgroundWorker("exporter", self._run, kept=1)

    def show(self, event: Heard) -> None:
        """Take in what has happened; the file is written in the pauses."""
        if not isinstance(event, Waiting):
            self._log = logged(self._log, event)
        elif self._clock() >= self._due:
            self._due, self._begun = self._clock() + WRITTEN_EVERY, True
            interval = event.view.interval
            # A page warns that it is stale after three missed polls, and not because of a requested pause.
            stale_after = 3 * max(interval, RELOAD) + max(event.seconds - interval, 0)
            self._worker.put(ExportedView(view=event.view, title=self._title, log=self._log, stale_after=stale_after))

    def end(self, result: WatchResult) -> None:
        """Write how it ended, however recently the last version was written.

        A watch that failed before it knew anything writes nothing: the file may be another watch's.
        """
        if self._begun or result.ended.end is not End.ERROR or result.view.snapshot is not None:
            self._worker.put(ExportedView(view=result.view, title=self._title, log=self._log, result=result))
        self._worker.end()  # now: another file that hangs may leave no time for `close`

    def close(self, patience: float) -> None:
        """Write the rest, or give up after `patience` seconds."""
        done = self._worker.close(patience)
        if failure := self._failure if done else "timed out":
            self._tell(f"the final state was not written: {failure}")

    def _run(self, batches: Iterator[list[ExportedView]]) -> None:
        text_of = WRITERS[self._path.suffix.lower()]
        warned = False
        for batch in batches:
            try:
                self._write(self._path, text_of(batch[-1]))
                self._failure = ""
            except Exception as error:  # noqa: BLE001  whatever is wrong with a file, the watch goes on
                self._failure = harmless((error.strerror if isinstance(error, OSError) else None) or str(error))
                if not warned and batch[-1].result is None:  # `close` reports on the last version
                    warned = True
                    self._tell(f"{self._failure}; trying again after each poll")

    def _tell(self, text: str) -> None:
        self._warn(Streams.warning(f"--export: {self._path}: {text}"))
