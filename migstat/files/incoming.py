"""Files that arrive from elsewhere: safe names for them, and files that are there only once they are whole."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path

import msgspec

from migstat.errors import OutputError, reason
from migstat.files.whole import replacing, write_all

MAX_NAME_BYTES = 240
"""Bytes of a name in UTF-8; most file systems allow 255."""

MAX_ENDING_BYTES = 16
NAMELESS = "artifact"

_UNSAFE = re.compile('[/\\\\<>:"|?*\u115f\u1160\u3164\uffa0]')
"""Separators, characters that Windows refuses, and invisible characters."""

_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)", re.IGNORECASE)
"""Names that are devices on Windows, with any extension."""


def file_names(wanted: Iterable[str | None]) -> list[str]:
    """A safe name for each file wanted, all of them different, even to a file system that ignores case.

    Each is a single component of a path, whatever the server called the file.
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
    text = "".join(sign if sign.isprintable() else "_" for sign in _UNSAFE.sub("_", text))
    text = re.sub(r"\.{2,}", ".", text)
    text = text.lstrip("._- ").rstrip(". ") or NAMELESS
    return _shortened(f"_{text}" if _DEVICE.match(text) else text)


def _shortened(name: str, mark: str = "") -> str:
    """The name with a mark before its ending, shortened if it would be too long."""
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending.encode()) > MAX_ENDING_BYTES:
        stem, dot, ending = name, "", ""
    tail = f"{mark}{dot}{ending}"
    room = MAX_NAME_BYTES - len(tail.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + tail


class Incoming(msgspec.Struct):
    """A file that is being downloaded: it can be appended to, and started over. Raises OutputError if that fails."""

    _target: Path
    _file: FileIO
    size: int = 0

    def restart(self) -> None:
        """Discard all that was written."""
        with _explained(self._target):
            self._file.seek(0)
            self._file.truncate()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append to the file."""
        with _explained(self._target):
            write_all(self._file, data)
        self.size += len(data)


@contextmanager
def incoming(target: Path) -> Iterator[Incoming]:
    """A file that gets the name `target` when the block ends, and is removed if that raises.

    Another file of that name, or a link, is replaced. Missing folders are made. Raises OutputError if it cannot be
    written.
    """
    with ExitStack() as stack:
        # Only errors on the file itself are translated: an OSError from inside the block is the network's.
        with _explained(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(replacing(target, 0o666))
        yield Incoming(target, file)
        with _explained(target):
            stack.close()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a NUL in the folder's name
        raise OutputError(f"cannot write {path}: {reason(error)}", "Make room, or choose another folder.") from error
