"""Files under way into a folder: safe names for them, and partial files that go on where they stopped.

`report.csv` grows as `.report.csv.partial` and gets its name at once, when it is whole. Beside it `.report.csv.resume`
notes how many of its bytes are surely on disk, and of what they are, so that neither Ctrl-C nor a power failure ends in
a damaged file.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

import msgspec

from migstat.errors import OutputError

LONGEST_NAME = 255 - len("..partial")
"""Bytes of a name in UTF-8, so that the names of the partial file and its note fit most file systems."""

LONGEST_ENDING = 16
NAMELESS = "artifact"
CHECKPOINT = 8 * 1024 * 1024
"""Bytes after which what was written is brought to disk and noted."""

LONGEST_NOTE = 4096

_UNSAFE = re.compile('[/\\\\<>:"|?*\u115f\u1160\u3164\uffa0]')
"""Separators, what Windows refuses, and letters that nobody can see."""

_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)", re.IGNORECASE)
"""Names that are devices on Windows, whatever their ending."""


def file_names(wanted: Iterable[str | None]) -> list[str]:
    """A safe name for each file wanted, no two of them the same, not even to a file system that ignores case.

    Each is one component of a path and lies directly in the folder that it is joined to, whatever the server called it.
    """
    taken: set[str] = set()
    names = []
    for name in map(_safe, wanted):
        number, chosen = 1, name
        while (key := unicodedata.normalize("NFKC", chosen).casefold()) in taken:
            number += 1
            chosen = _shortened(name, f"-{number}")
        taken.add(key)
        names.append(chosen)
    return names


def _safe(wanted: str | None) -> str:
    text = unicodedata.normalize("NFC", wanted or "")
    text = "".join(each if each.isprintable() else "_" for each in _UNSAFE.sub("_", text))
    text = re.sub(r"\.{2,}", ".", text)
    text = text.lstrip("._- ").rstrip(". ") or NAMELESS
    return _shortened(f"_{text}" if _DEVICE.match(text) else text)


def _shortened(name: str, mark: str = "") -> str:
    """The name with a mark before its ending, cut where it would be too long."""
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending.encode()) > LONGEST_ENDING:
        stem, dot, ending = name, "", ""
    tail = f"{mark}{dot}{ending}"
    room = LONGEST_NAME - len(tail.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + tail


class _Note(msgspec.Struct, frozen=True):
    """What a partial file is of, what the server calls that version of it, and how many bytes of it are on disk."""

    of: str
    validator: str
    size: int


class Partial:
    """One file under way to its name; a context manager. Missing folders are made.

    All of it raises OutputError where it cannot be written.

    `of` says what is written, in a word that is no secret: only a partial file of the same is gone on with. `size` is
    how many bytes there are, `validator` the server's word for the version that they are of; without one nobody could
    go on with them, so they are not kept. Nobody else can write to the same file meanwhile.
    """

    def __init__(self, target: Path, of: str) -> None:
        self.target = target
        self.size = 0
        self.validator: str | None = None
        self._of = of
        self._path = target.with_name(f".{target.name}.partial")
        self._note = target.with_name(f".{target.name}.resume")
        self._checked = 0
        with _telling(self.target):
            target.parent.mkdir(parents=True, exist_ok=True)
            self._file = _opened(self._path)
            try:
                self._go_on()
            except BaseException:
                self._file.close()
                raise

    def __enter__(self) -> Partial:
        return self

    def __exit__(self, *_: object) -> None:
        """Keep what can be gone on with, and leave nothing else behind."""
        if self._file.closed:
            return
        with suppress(OSError):
            if self.size and self.validator:
                self._checkpoint()
            else:
                if sys.platform == "win32":  # where a file that is open cannot be removed
                    self._file.close()
                self._path.unlink(missing_ok=True)
                self._note.unlink(missing_ok=True)
        self._file.close()

    def restart(self, validator: str | None = None) -> None:
        """Throw away what there is, and begin with another version."""
        with _telling(self.target):
            self._note.unlink(missing_ok=True)
            self._file.seek(0)
            self._file.truncate()
            self.size, self.validator, self._checked = 0, validator, 0

    def write(self, data: bytes) -> None:
        """Write more of it."""
        with _telling(self.target):
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
            self.size += len(data)
            if self.validator and self.size - self._checked >= CHECKPOINT:
                self._checkpoint()

    def finish(self) -> None:
        """Give the file its name: all of it is there. Another file of that name, or a link, is replaced."""
        with _telling(self.target):
            os.fsync(self._file.fileno())
            if sys.platform == "win32":  # where a file that is open cannot be renamed
                self._file.close()
            self._path.replace(self.target)
            self._file.close()
            self._note.unlink(missing_ok=True)

    def _go_on(self) -> None:
        """Go on after the bytes that are surely there, if there are any of this."""
        note = self._noted()
        there = os.fstat(self._file.fileno()).st_size
        if note is None or note.of != self._of or not 0 < note.size <= there:
            self.restart()
            return
        self._file.truncate(note.size)
        self._file.seek(note.size)
        self.size = self._checked = note.size
        self.validator = note.validator

    def _noted(self) -> _Note | None:
        try:
            with _opened(self._note) as file:
                return msgspec.json.decode(file.read(LONGEST_NOTE), type=_Note)
        except (OSError, msgspec.MsgspecError, UnicodeError):  # torn, or not ours
            return None

    def _checkpoint(self) -> None:
        """Bring it to disk, then note how far that is; a note that is torn counts as none."""
        os.fsync(self._file.fileno())
        note = msgspec.json.encode(_Note(self._of, self.validator or "", self.size))
        with _opened(self._note) as file:
            file.truncate()
            file.write(note)
        self._checked = self.size


def _opened(path: Path) -> FileIO:
    """A file for reading and writing that is nobody else's: no link, no device, not open in another migstat."""
    with suppress(FileNotFoundError):
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            path.unlink()
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    file = FileIO(os.open(path, flags, 0o666), "r+")
    try:
        _lock(file, path)
    except BaseException:
        file.close()
        raise
    return file


def _lock(file: FileIO, path: Path) -> None:
    """Hold the file until it is closed. Raises BlockingIOError where another process does."""
    if sys.platform == "win32":  # where a file that another process has open cannot get its name
        return
    import fcntl

    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BlockingIOError(error.errno, "another migstat is writing it") from error
    except OSError:  # a file system that has no locks
        return
    if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.lstat()):  # it just got its name
        raise BlockingIOError(0, "another migstat is writing it")


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a NUL in the folder's name
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise OutputError(f"{path} could not be written: {reason}", "Make room, or name another folder.") from error
