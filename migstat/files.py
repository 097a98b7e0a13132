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
    """Put `data` in place of the file's content, at once; text as UTF-8. Missing folders are made.

    Raises OSError where it cannot be written; the file is then as it was. A link stays a link, and a device or a pipe
    is refused: a file would take its place.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "it is no ordinary file", str(path))
    target.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}-{time.monotonic_ns()}")
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
