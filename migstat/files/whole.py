"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path


@contextmanager
def replacing(target: Path, mode: int) -> Iterator[FileIO]:
    """A new, unbuffered file that takes the place of `target` when the block ends, and is removed if that raises.

    The folder must exist. Another file of that name, or a link, is replaced. Raises OSError and ValueError.
    """
    # A name of its own, as the target's may already be as long as names can be; O_EXCL refuses one that someone has
    # planted as a link. In the same folder, as a rename is atomic within one file system only.
    partial = target.with_name(f".migstat-{os.getpid()}-{time.monotonic_ns()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(partial, flags, mode)
    try:
        with FileIO(descriptor, "w") as file:
            yield file
            os.fsync(descriptor)  # some disks report that they are full only now
        partial.replace(target)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def write_all(file: FileIO, data: bytes) -> None:
    """Write all of the data: a file without a buffer may take only a part at a time. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def write_whole(path: Path, data: str | bytes, *, private: bool = True) -> None:
    """Replace the file's content at once; text as UTF-8. Missing folders are made.

    A private file, and folders made for it, are for the owner only; other files follow the user's umask. A link stays
    a link. Raises OSError if it cannot be written, or is a device or a pipe, whose place a file would take; ValueError
    for an impossible name or text. The old file is then still there.
    """
    try:
        target = path.resolve()
    except RuntimeError as error:  # how Python up to 3.12 reports links in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from error
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    content = data.encode() if isinstance(data, str) else data
    make_folder(target.parent, private=private)
    with replacing(target, 0o600 if private else 0o666) as file:
        write_all(file, content)


def make_folder(folder: Path, *, private: bool = True) -> None:
    """Make a folder and its missing parents. Raises OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent, private=private)  # mkdir(parents=True) would let others into those
    folder.mkdir(mode=0o700 if private else 0o777, exist_ok=True)


@contextmanager
def exclusively(path: Path) -> Iterator[None]:
    """Keep other runs of migstat from changing the files beside `path` meanwhile. Raises OSError.

    The folder itself is locked, so no lock file is left behind. Windows cannot do that and goes without.
    """
    make_folder(path.resolve().parent)
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(path.resolve().parent, os.O_RDONLY)
    try:
        with suppress(OSError):  # network file systems without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
