"""The file of `watch --record`: events as JSON, one per line, only ever appended to."""

from __future__ import annotations

import os
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path

from migstat.errors import OutputError, UsageError, reason

KEPT = 100_000
"""Lines kept in memory while the file cannot be written; the oldest go first."""

TAKEN = "another watch is writing to it"


class Record:
    """Appends whole lines to a file that only its owner can read. Close it, or use it as a context manager.

    While it is open no other watch writes to the file, as far as system and file system have locks.

    A line that could not be written is kept, and written before the next one, so a disk that is full for an hour costs
    only a warning.
    """

    def __init__(self, path: Path) -> None:
        """Check that the file can be appended to, without making it or keeping it open. Raises UsageError."""
        self._path = path
        self._file: int | None = None
        self._pending: deque[bytes] = deque(maxlen=KEPT)
        try:
            exists = path.exists()
            if exists and not path.is_file():
                raise UsageError(f"--record: {path} is not a regular file", "Use another file.")
            if not exists and not path.parent.is_dir():
                raise UsageError(f"--record: {path}: no such folder", "Create it, or use another file.")
            if not os.access(path if exists else path.parent, os.W_OK):
                raise UsageError(f"--record: {path} is not writable", "Use another file.")
            if exists:
                self.claim()
                self.close()
        except OSError as error:
            raise UsageError(f"--record: {path}: {reason(error)}", "Use another file.") from error

    def __enter__(self) -> Record:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def unwritten(self) -> int:
        """Number of lines that are not in the file yet."""
        return len(self._pending)

    def claim(self) -> None:
        """Open the file, so that no other watch can. Raises UsageError if another one has."""
        try:
            self._file = self._file or self._opened()
        except BlockingIOError as error:
            raise UsageError(f"--record: {self._path}: {TAKEN}", "Stop that watch, or use another file.") from error
        except OSError:  # with the first line it is tried again, and told
            return

    def append(self, line: str) -> None:
        """Append one line after those that are still to be written. Raises OutputError; the line is kept then."""
        self._pending.append(f"{line}\n".encode())
        self.flush()

    def flush(self) -> None:
        """Write the lines kept so far. Raises OutputError."""
        try:
            if self._file is not None and not self._is_there(self._file):
                self.close()
            while self._pending:
                if self._file is None:
                    self._file = self._opened()
                _write_line(self._file, self._pending[0])
                self._pending.popleft()
        except BlockingIOError as error:  # after the file was moved away, or had to be closed
            raise OutputError(f"--record: {self._path}: {TAKEN}", "Use another file.") from error
        except OSError as error:
            self.close()  # and open it again next time, as a network share may have come back
            raise unusable(self._path, error) from error

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(OSError):
                os.close(file)

    def _is_there(self, file: int) -> bool:
        """False if the file was moved or removed, in which case no one would find what is written to it."""
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False

    def _opened(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        file = os.open(self._path, flags, 0o600)
        try:
            _lock(file)
            size = os.fstat(file).st_size
            if size:
                os.lseek(file, size - 1, os.SEEK_SET)
                if os.read(file, 1) != b"\n":  # cut by a crash; the next line must not be glued to it
                    _write_line(file, b"\n")
        except OSError:
            os.close(file)
            raise
        return file


def _lock(file: int) -> None:
    """Lock it until it is closed. Raises BlockingIOError if another watch has; where there are no locks, go without."""
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return


def _write_line(file: int, data: bytes) -> None:
    """Write all of it or, as far as the file system allows, nothing: half a line would spoil the next one."""
    before, done = os.fstat(file).st_size, 0
    try:
        while done < len(data):
            done += os.write(file, data[done:])
    except OSError:
        with suppress(OSError):
            if done and os.fstat(file).st_size == before + done:  # no other process has appended meanwhile
                os.ftruncate(file, before)
        raise


def unusable(path: Path, error: OSError) -> OutputError:
    """The error of a record that cannot be read or written."""
    return OutputError(f"--record: {path}: {reason(error)}", "Use another file.")
