"""Keeps the record of a watch on a thread of its own, so that a slow disk holds up nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

from migstat.errors import OutputError
from migstat.follow.night import read_back
from migstat.follow.record import Record
from migstat.model.events import Event, Seen
from migstat.render.json import encoded, event_document
from migstat.render.text import harmless

LAST_TRY = 2.0
"""Seconds for which the end of a watch waits for the disk."""


class Recorder:
    """Appends events to a file once it is certain that it records this task; does nothing without a path.

    A file that cannot be written is warned about once, and tried again with each event. Raises UsageError for a path
    that cannot be a record.
    """

    def __init__(self, path: Path | None, warn: Callable[[str], None]) -> None:
        self._path = path
        self._warn = warn
        self._record = Record(path) if path is not None else None
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._warned = False
        self._thread: threading.Thread | None = None

    def recall(self, job_id: str, task_id: str) -> Seen:
        """Read what an earlier watch has recorded. Raises UsageError if the file is another task's, OutputError."""
        if self._path is None:
            return Seen()
        seen, warnings = read_back(self._path, job_id, task_id)
        for warning in warnings:
            self._warn(f"migstat: warning: {harmless(warning)}")
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()
        return seen

    def append(self, event: Event) -> None:
        """Record one event."""
        if self._thread is not None:
            self._lines.put(encoded(event_document(event)))

    def close(self, patience: float = LAST_TRY) -> None:
        """Write what is left, or give up after `patience` seconds."""
        if self._thread is not None:
            self._lines.put(None)
            self._thread.join(patience)
            if (lost := self._record.unwritten if self._record else 0) or self._thread.is_alive():
                self._warn(f"migstat: warning: --record: {lost or 'the last'} events were not written to {self._path}")

    def _run(self) -> None:
        assert self._record is not None  # noqa: S101  there is no thread without one
        with self._record as record:
            while (line := self._lines.get()) is not None:
                try:
                    record.append(line)
                except OutputError as error:
                    if not self._warned:
                        self._warned = True
                        self._warn(f"migstat: warning: {harmless(error.message)}; trying again with each event")
