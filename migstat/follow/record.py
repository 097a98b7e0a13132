"""The file of `watch --record`: events as JSON, a line each, appended to and read back by a later watch."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from migstat.errors import OutputError, UsageError
from migstat.model.events import Reading, Seen
from migstat.model.nodes import Level, Millis


class Record:
    """Appends whole lines to a file that only its owner can read. Close it, or use it as a context manager."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises OutputError where that cannot be."""
        self._path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            size = os.fstat(self._file).st_size
            cut_short = size > 0 and _last_byte(self._file, size) != b"\n"
        except OSError as error:
            raise _unwritable(path, error) from error
        if cut_short:  # by a crash: what comes next must not be glued to it
            self.append("")

    def __enter__(self) -> Record:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def append(self, line: str) -> None:
        """Write one line, whole in one go. Raises OutputError."""
        data = f"{line}\n".encode()
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            raise _unwritable(self._path, error) from error


def read_back(path: Path, job_id: str, task_id: str | None) -> tuple[Seen, tuple[str, ...]]:
    """What an earlier watch recorded of the task, and warnings about lines that cannot be read.

    Raises UsageError where the file records another task, or no watch at all.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UsageError(f"--record: {path} is no ordinary file", "Name another file.")
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Seen(), ()
    except OSError as error:
        raise _unwritable(path, error) from error
    events, warnings = _events(path, text)
    if text.strip() and not events:
        raise UsageError(f"--record: {path} is not the record of a watch", "Name another file, or remove it.")
    _refuse_another_task(path, events, job_id, task_id)
    return _seen(events), warnings


def _events(path: Path, text: bytes) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    events: list[dict[str, Any]] = []
    warnings: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            event = msgspec.json.decode(line) if line.strip() else {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            event = None
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            events.append(event)
        elif event != {}:
            warnings.append(f"{path}, line {number}, was cut short or damaged and is left out")
    return events, tuple(warnings)


def _refuse_another_task(path: Path, events: Iterable[dict[str, Any]], job_id: str, task_id: str | None) -> None:
    for event in events:
        if event["event"] != "snapshot":
            continue
        other_job = event.get("jobId") != job_id
        if other_job or (task_id is not None and event.get("taskId") != task_id):
            other = f"job {event.get('jobId')}" if other_job else f"task {event.get('taskId')}"
            raise UsageError(f"--record: {path} records {other}", "Name another file for this task.")


def _seen(events: Iterable[dict[str, Any]]) -> Seen:
    """Replay the events: the first view, and what changed since.

    A later watch begins with a view, too, but only its changes say that they were told.
    """
    readings: dict[Level, Reading] = {}
    stalled: set[Level] = set()
    began: Millis | None = None
    for event in events:
        match event["event"]:
            case "snapshot":
                began = began or _instant(event.get("at"))
                readings = readings or _readings(event.get("node"))
            case "change":
                readings[_level(event)] = _reading(event.get("to"))
            case "stalled":
                stalled.add(_level(event))
    return Seen(readings, frozenset(stalled), began)


def _readings(node: object) -> dict[Level, Reading]:
    if not isinstance(node, dict):
        return {}
    found = {_level(node): _reading(node)}
    children = node.get("children")
    for child in children if isinstance(children, list) else ():
        found.update(_readings(child))
    return found


def _level(value: dict[str, Any]) -> Level:
    names = value.get("level")
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def _reading(value: object) -> Reading:
    own = value if isinstance(value, dict) else {}
    status, outcome = own.get("status"), own.get("outcome")
    return Reading(status if isinstance(status, str) else None, outcome if isinstance(outcome, str) else None)


def _instant(value: object) -> Millis | None:
    from datetime import datetime

    try:
        return int(datetime.fromisoformat(str(value)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _last_byte(file: int, size: int) -> bytes:
    os.lseek(file, size - 1, os.SEEK_SET)
    return os.read(file, 1)


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(f"--record: {path} cannot be used: {error.strerror or error}", "Name another file.")
