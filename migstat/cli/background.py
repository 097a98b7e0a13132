"""Threads that a watch hands its work to, so that a slow disk, a full pipe or a frozen terminal never delays a poll.

They are daemon threads: one that hangs in a system call must not keep the process from ending.
"""

from __future__ import annotations

import io
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from queue import SimpleQueue
from typing import Generic, TextIO, TypeVar, cast

import msgspec

from migstat.cli.streams import ClosedPipe, Streams, is_closed_pipe, is_terminal, unfreeze, unwritable, window_of, write
from migstat.errors import OutputError

_T = TypeVar("_T")

CAPACITY = 64 * 1024 * 1024
"""Characters that may wait for a reader; anything after them is dropped."""

PIECE = 16 * 1024
"""Characters written at once: small enough that a slow reader is seen to read."""

LOOKED_EVERY = 0.05
"""Seconds between two looks at whether it does."""


class BackgroundWorker(Generic[_T]):
    """A thread that runs `work` on batches: each holds everything put while the one before was processed.

    With `kept`, only the newest items wait.
    """

    def __init__(self, name: str, work: Callable[[Iterator[list[_T]]], None], *, kept: int | None = None) -> None:
        self._waiting: deque[_T] = deque(maxlen=kept)
        # Signals may raise anywhere. Both of these are C code, unlike an Event or a Condition, which would leave a lock
        # locked forever if a signal raised within them.
        self._wakes: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=lambda: work(self._batches()), name=name, daemon=True)
        self._thread.start()

    def put(self, item: _T) -> None:
        """Add an item to the next batch, and return at once."""
        self._waiting.append(item)
        self._wakes.put(item=True)

    def drop(self) -> None:
        """Drop the items that still wait."""
        self._waiting.clear()

    def end(self) -> None:
        """Let it end once it has finished what was put; nothing is put after this."""
        self._wakes.put(item=False)

    def close(self, patience: float | None = None) -> bool:
        """Let it finish what was put, for `patience` seconds at most; True if it has finished."""
        self.end()
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _batches(self) -> Iterator[list[_T]]:
        while self._wakes.get():
            batch: list[_T] = []
            with suppress(IndexError):  # until it is empty; asking first would race with `drop`
                while True:
                    batch.append(self._waiting.popleft())
            if batch:
                yield batch


class BackgroundStream(io.TextIOBase):
    """A stream whose writes return at once: a thread passes them on.

    Errors surface at the next write, as with any buffered stream. A terminal that has gone away is not an error: no
    one is left to read it. `unwritten` is True if some output was never written. `encoding` is that of the stream.
    """

    encoding = "utf-8"

    def __init__(self, stream: TextIO) -> None:
        self.error: Exception | None = None
        self.unwritten = False
        self.encoding = getattr(stream, "encoding", None) or self.encoding
        self._stream = stream
        self._is_terminal = is_terminal(stream)
        # One text at a time, each whole: whatever a signal raises within `write`, no half of a line is left to write.
        self._texts: SimpleQueue[str | None] = SimpleQueue()
        self._given = self._taken = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def isatty(self) -> bool:
        """True if a terminal is behind it."""
        return self._is_terminal

    def window(self) -> os.terminal_size:
        """Columns and lines of the terminal behind it."""
        return window_of(self._stream)

    def write(self, text: str) -> int:
        """Take the text. Raises the error of an earlier write."""
        if self.error is not None:
            raise self.error
        if self._given - self._taken + len(text) > CAPACITY:
            self.unwritten = True
        else:
            self._texts.put(text)
            self._given += len(text)
        return len(text)

    def reader_is_gone(self) -> bool:
        """True if this is a pipe whose other end was closed, even if nothing was written since."""
        if self._is_terminal or sys.platform == "win32":
            return False
        try:
            # poll() reports errors and hang-ups even if not requested; select() would call the pipe writable.
            poll = select.poll()
            poll.register(self._stream.fileno(), 0)
            return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
        except (OSError, ValueError, AttributeError):
            return False

    def finish(self, patience: float) -> None:
        """Wait until all is written, or until nothing has been taken for `patience` seconds; then drop the rest."""
        if self._closing:
            return
        self._closing = True
        self._texts.put(None)
        if self._is_terminal:
            patience = min(patience, 1.0)  # a person is waiting for the prompt
            if not self._drained(patience):
                unfreeze(self._stream)
        if not self._drained(patience):
            self.unwritten = self.unwritten or not self._is_terminal

    def _drained(self, patience: float) -> bool:
        """Wait for the reader for as long as it reads; False if it has taken nothing for `patience` seconds."""
        waited, taken = 0.0, self._taken
        while self._thread.is_alive() and waited < patience:
            self._thread.join(LOOKED_EVERY)
            waited = waited + LOOKED_EVERY if taken == self._taken else 0.0
            taken = self._taken
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (text := self._texts.get()) is not None:
            for at in range(0, len(text), PIECE):
                piece = text[at : at + PIECE]
                try:
                    write(self._stream, piece)
                except (OSError, ValueError) as error:
                    if not (self._is_terminal and isinstance(error, OSError)):
                        self.error = error
                        self.unwritten = self.unwritten or not is_closed_pipe(error)
                        return
                self._taken += len(piece)


class BackgroundStreams(AbstractContextManager["BackgroundStreams"]):
    """Standard output and standard error passed on by threads, for as long as it is entered as a context manager.

    At the end, the rest is dropped once a reader has taken nothing for `patience` seconds.
    """

    def __init__(self, streams: Streams) -> None:
        self.patience = 1.0
        self._out = None if streams.out is None else BackgroundStream(streams.out)
        # One thread for one terminal, file or pipe, or lines of the two would change places.
        both = [each for each in (streams.out, streams.err) if each is not None]
        shared = sys.platform == "win32" and all(map(is_terminal, both))  # where a process has at most one console
        with suppress(OSError, ValueError, AttributeError):
            shared = len(both) == 2 and (shared or os.path.sameopenfile(*(each.fileno() for each in both)))
        self._err = self._out if shared else None if streams.err is None else BackgroundStream(streams.err)
        self.streams = msgspec.structs.replace(
            streams, out=cast("TextIO | None", self._out), err=cast("TextIO | None", self._err)
        )

    def __exit__(self, *_: object) -> None:
        for stream in (self._out, self._err):
            if stream is not None:
                stream.finish(self.patience)

    def loss(self) -> OutputError | None:
        """Wait for the reader of standard output; the error if something was dropped or could not be written."""
        out = self._out
        if out is None:
            return None
        out.finish(self.patience)
        # On a slow machine the patience may run out before it is known that the reader has gone, which is no loss.
        if not out.unwritten or out.reader_is_gone() or (out.error is not None and is_closed_pipe(out.error)):
            return None
        if out.error:
            return unwritable(out.error)
        return OutputError("output was lost: the reader of standard output stopped reading")

    def check(self) -> None:
        """Raise ClosedPipe or OutputError if standard output no longer takes anything."""
        self.streams.print("")  # raises the error of an earlier write
        if self._out is not None and self._out.reader_is_gone():
            raise ClosedPipe
