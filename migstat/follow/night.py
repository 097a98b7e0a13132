"""Reads a record back: what an earlier watch of the same task has said, for one that resumes it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec

from migstat.errors import UsageError
from migstat.follow.record import unusable
from migstat.model.events import Condition, Seen
from migstat.model.nodes import Level, Millis

LONGEST_LINE = 128 * 1024 * 1024
"""Bytes; a snapshot of 100,000 projects is half as long. A file without newlines must not fill the memory."""


class RecordedNode(msgspec.Struct, gc=False):
    """The part of a node that resuming needs."""

    level: tuple[str, ...] = ()
    status: str | None = None
    outcome: str | None = None
    children: tuple[RecordedNode, ...] | None = None

    @property
    def reading(self) -> Condition:
        """Status and outcome."""
        return Condition(self.status, self.outcome)


class RecordedEvent(msgspec.Struct, rename="camel", gc=False):
    """The part of a line that resuming needs. All other keys are skipped undecoded, which makes it fast."""

    event: str
    at: str = ""
    job_id: str | None = None
    task_id: str | None = None
    level: tuple[str, ...] = ()
    to: RecordedNode | None = None
    node: RecordedNode | None = None

    @property
    def instant(self) -> Millis | None:
        """The time of the event in epoch milliseconds; None if it is not a time."""
        try:
            return int(datetime.fromisoformat(self.at).timestamp() * 1000)
        except (ValueError, OverflowError):
            return None


def read_back(path: Path, job_id: str, task_id: str | None) -> tuple[Seen, tuple[str, ...]]:
    """Return what an earlier watch has said about the task, and warnings.

    The file is streamed: memory grows with the number of nodes, not with the length of the night. Raises UsageError if
    the file records another task, or is not a record at all; OutputError if it cannot be read.
    """
    night, damaged = _Night(job_id, task_id), _Damage()
    try:
        with path.open("rb") as file:
            for number, line in enumerate(_lines(file), 1):
                try:
                    event = _DECODER.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    if line.strip():
                        damaged.add(number, line)
                    continue
                if (other := night.another(event)) is not None:
                    raise UsageError(f"--record: {path} records {other}", "Use another file for this task.")
                night.add(event)
    except FileNotFoundError:
        return Seen(), ()
    except OSError as error:
        raise unusable(path, error) from error
    if night.empty and damaged.count and not damaged.began_as_record:
        raise UsageError(f"--record: {path} is not the record of a watch", "Use another file, or remove this one.")
    return night.seen(), damaged.warnings(path)


_DECODER = msgspec.json.Decoder(RecordedEvent)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(LONGEST_LINE):
        yield line


class _Damage:
    """Lines that cannot be read: a crash cuts one, a bad disk any number, and either is one warning."""

    def __init__(self) -> None:
        self.count = 0
        self.began_as_record = False
        self._first = 0

    def add(self, number: int, line: bytes) -> None:
        if not self.count:
            self._first = number
        self.count += 1
        self.began_as_record = self.began_as_record or (number == 1 and line.startswith(b'{"event":'))

    def warnings(self, path: Path) -> tuple[str, ...]:
        if not self.count:
            return ()
        if self.count == 1:
            return (f"{path}: line {self._first} is truncated or corrupt; skipped",)
        return (f"{path}: {self.count:,} lines are truncated or corrupt, the first is line {self._first}; skipped",)


class _Night:
    """The events replayed: the first snapshot, and every change since.

    A resumed watch writes a snapshot, too, but only its changes say what it has shown: a crash may have come between.
    """

    def __init__(self, job_id: str, task_id: str | None) -> None:
        self.empty = True
        self._job_id = job_id
        self._task_id = task_id
        self._readings: dict[Level, Condition] = {}
        self._stalled: set[Level] = set()
        self._began: Millis | None = None
        self._last = ""
        self._has_snapshot = False

    def another(self, event: RecordedEvent) -> str | None:
        """The job or task that the event is about, if it is another one."""
        if event.event != "snapshot":
            return None
        if event.job_id != self._job_id:
            return f"job {event.job_id}"
        return f"task {event.task_id}" if self._task_id is not None and event.task_id != self._task_id else None

    def add(self, event: RecordedEvent) -> None:
        self.empty = False
        self._last = event.at or self._last
        if self._began is None:
            self._began = event.instant
        match event.event:
            case "snapshot" if event.node is not None and not self._has_snapshot:
                self._has_snapshot = True
                for node in _flat(event.node):
                    self._readings.setdefault(node.level, node.reading)
            case "change":
                self._readings[event.level] = event.to.reading if event.to else Condition(None, None)
                self._stalled.discard(event.level)
            case "progress":
                self._stalled.discard(event.level)
            case "stalled":
                self._stalled.add(event.level)

    def seen(self) -> Seen:
        last = RecordedEvent("", at=self._last).instant
        return Seen(self._readings, frozenset(self._stalled), self._began, last)


def _flat(node: RecordedNode) -> Iterator[RecordedNode]:
    yield node
    for child in node.children or ():
        yield from _flat(child)
