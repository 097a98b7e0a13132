"""Own files: written whole or not at all, and for their owner's eyes only unless told otherwise."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from pathlib import Path

PRIVATE = 0o600
PRIVATE_FOLDER = 0o700


def write_whole(path: Path, data: str | bytes, *, mode: int = PRIVATE) -> None:
    """Put `data` in place of the file's content, at once; text as UTF-8. Missing folders are made, for the owner only.

    Raises OSError where it cannot be written, ValueError for a name or a text that cannot be; the file is then as it
    was. A link stays a link, and a device or a pipe is refused: a file would take its place.
    """
    try:
        target = path.resolve()
    except RuntimeError as error:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from error
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "it is no ordinary file", str(path))
    _make_folder(target.parent)
    partial = target.with_name(f".migstat-{os.getpid()}-{time.monotonic_ns()}")  # the target's name may be the longest
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(mode)
        partial.replace(target)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing; `mkdir` would let others into these."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
