"""Reads a record back: for a watch that resumes it, for `timeline`, and for the rehearsal of a later night.

A record may be cut anywhere, as the disk may fill up: a line that makes no sense is skipped.
"""

from __future__ import annotations

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO

import msgspec

from migstat.errors import UsageError, reason
from migstat.follow.record import unusable
from migstat.follow.replay import RecordedEvent, RecordedProgress, Replay
from migstat.model.events import Seen
from migstat.model.nights import Night

LONGEST_LINE = 128 * 1024 * 1024
"""Maximum bytes of a line: a file without newlines must not fill the memory. 100,000 projects take half as much."""


def night_in(path: Path, option: str = "") -> Night:
    """Read a record, or a `projects` document, from a file; `option` is named in errors.

    Raises UsageError if the file cannot be read, is neither, or records two tasks.
    """
    source = f"{option}: {path}" if option else str(path)
    try:
        with path.open("rb") as file:
            return read_night(file, source)
    except OSError as error:
        raise UsageError(f"{source}: {reason(error)}", "Use a file written by watch --record.") from error


def read_night(file: IO[bytes], source: str) -> Night:
    """Read a record, or a `projects` document, from an open file that errors call `source`.

    It is streamed: memory grows with the number of nodes, not with the length of the night. Raises UsageError if it is
    neither or records two tasks, OSError if it cannot be read.
    """
    found = _read(file, Replay(source))
    if found is None:
        raise UsageError(f"{source} is not the record of a watch", "Use a file written by watch --record.")
    return found


def read_back(path: Path, job_id: str, task_id: str | None) -> tuple[Seen, tuple[str, ...]]:
    """Return what an earlier watch has said about the task, and warnings.

    Raises UsageError if the file records another task, or is not a record at all; OutputError if it cannot be read.
    """
    source = f"--record: {path}"
    try:
        with path.open("rb") as file:
            night = _read(file, Replay(source, job_id, task_id, resumes=True))
    except FileNotFoundError:
        return Seen(), ()
    except OSError as error:
        raise unusable(path, error) from error
    if night is None:
        raise UsageError(f"{source} is not the record of a watch", "Use another file, or remove this one.")
    began = night.watches[0].since if night.watches else None
    seen = Seen(readings=night.readings, stalled=night.stalled, began=began, last=night.as_of, late=night.late)
    return seen, night.warnings


_DECODER = msgspec.json.Decoder(RecordedEvent)
_PROGRESS_DECODER = msgspec.json.Decoder(RecordedProgress)
_EVENT = b'{"event":'
_PROGRESS = _EVENT + b'"progress",'
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _read(file: IO[bytes], replay: Replay) -> Night | None:
    """The night, or None if this is not a record."""
    skipped = first = 0
    begins_as_record = False
    # nearly all lines of a long night are progress, so these take a short cut: 50 MB have to be read in a second
    decode, decode_progress, add_progress = _DECODER.decode, _PROGRESS_DECODER.decode, replay.add_progress
    for number, line in enumerate(_lines(file), 1):
        try:
            if line.startswith(_PROGRESS):
                add_progress(decode_progress(line))
                continue
            event = decode(line)
        except _UNREADABLE:
            if not line.strip():
                continue
        else:
            if replay.add(event):
                continue
        skipped, first = skipped + 1, first or number
        if number == 1:  # a crash may have cut it, even in its first word
            begins_as_record = line.startswith(_EVENT) or _EVENT.startswith(line.rstrip())
    if replay.empty and skipped and not begins_as_record:
        return None
    return replay.night(skipped, first)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a record, and a document of several lines as one."""
    first = file.readline(LONGEST_LINE)
    if first.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):  # Windows PowerShell redirects into UTF-16
        file = BytesIO((first + file.read(LONGEST_LINE)).decode("utf-16", "replace").encode())
        first = file.readline()
    first = first.removeprefix(BOM_UTF8)
    if first.strip() == b"{":  # indented for people, or a record cut in its first word
        second = file.readline(LONGEST_LINE)
        if not second.startswith(_EVENT):
            yield first + second + file.read(LONGEST_LINE)
            return
        yield first
        first = second
    yield first
    yield from iter(partial(file.readline, LONGEST_LINE), b"")
