"""Keeps the record of a watch, in the background."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from migstat.cli.background import BackgroundWorker
from migstat.cli.listening import Heard, Listener
from migstat.cli.streams import Streams
from migstat.errors import MigstatError, OutputError, UsageError
from migstat.follow.night import read_back
from migstat.follow.record import Record
from migstat.model.events import Resumed, Seen, Waiting
from migstat.render.json import encoded, event_document


class Recorder(Listener):
    """Appends events to a file once it is certain that it records this task.

    A file that cannot be written is warned about once, and tried again with each event. In a demo nothing `resumes`:
    its migration begins anew each time. Raises UsageError for a path that cannot be a record.
    """

    def __init__(self, path: Path, warn: Callable[[str], None], *, resumes: bool = True) -> None:
        self._path = path
        self._warn = warn
        self._resumes = resumes
        self._record = Record(path)
        self._worker: BackgroundWorker[str] | None = None

    def recall(self, job_id: str, task_id: str) -> Seen:
        """Read what an earlier watch has recorded. Raises UsageError if the file is another task's, or OutputError."""
        self._record.claim()
        try:
            seen, warnings = read_back(self._path, job_id, task_id)
            if seen.last is not None and not self._resumes:
                raise UsageError(
                    f"--record: {self._path} already records a demo", "Each demo is a new migration; use another file."
                )
        except MigstatError:
            self._record.close()
            raise
        for warning in warnings:
            self._warn(Streams.warning(warning))
        self._worker = BackgroundWorker("recorder", self._write)
        return seen

    def show(self, event: Heard) -> None:
        """Record an event."""
        if self._worker is not None and not isinstance(event, Waiting | Resumed):
            self._worker.put(encoded(event_document(event)))

    def close(self, patience: float) -> None:
        """Write the rest, or give up after `patience` seconds."""
        if self._worker is not None:
            done = self._worker.close(patience)
            if (lost := self._record.unwritten) or not done:
                self._warn(Streams.warning(f"--record: {lost or 'the last'} events were not written to {self._path}"))

    def _write(self, batches: Iterator[list[str]]) -> None:
        warned = False
        with self._record as record:  # closed in this thread, too: closing a file on a share may hang
            for lines in batches:
                for line in lines:
                    try:
                        record.append(line)
                    except OutputError as error:
                        if not warned:
                            warned = True
                            self._warn(Streams.warning(f"{error.message}; trying again with each event"))
