"""Standard output and standard error as one object: terminal or not, width, colour, character set."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
import textwrap
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import IO, TextIO, cast

import msgspec

from migstat.errors import OutputError

DEFAULT_WIDTH = 80
NARROWEST = 20
ERASE_LINE = "\r\x1b[K"


class ClosedPipe(Exception):
    """Whoever read standard output has gone: nobody wants the rest, and nothing is wrong."""


def wants_color(flag: str, environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """The one rule for color, in output and help alike.

    `--color` beats NO_COLOR, which beats FORCE_COLOR and CLICOLOR_FORCE (`0` turns both off), which beat TERM=dumb and
    CLICOLOR=0; otherwise a terminal gets color. Nothing else counts, not even the variables of CI services.
    """
    if flag != "auto":
        return flag == "always"
    if environ.get("NO_COLOR"):
        return False
    if forced := environ.get("FORCE_COLOR"):
        return forced.lower() not in ("0", "false")
    if environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return is_terminal and environ.get("TERM") != "dumb" and environ.get("CLICOLOR") != "0"


def _asked(prompt: str) -> str:
    sys.stderr.write(prompt)
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        raise EOFError
    return answer.strip()


def _asked_secretly(prompt: str) -> str:
    import getpass
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)  # it would echo
        try:
            return getpass.getpass(prompt)
        except getpass.GetPassWarning:
            raise EOFError from None


class Streams(msgspec.Struct):
    """The streams of one run.

    `ask` and `ask_secret` let a person type an answer, the latter without showing it; they raise EOFError where nobody
    answers. `escapes` says that terminals obey escape sequences. `on_notice` takes notices in place of standard error.
    """

    out: TextIO | None
    err: TextIO | None
    stdin: Callable[[], str] = msgspec.field(default=lambda: sys.stdin.read(65536) if sys.stdin else "")
    in_is_terminal: Callable[[], bool] = msgspec.field(default=lambda: _is_terminal(sys.stdin))
    ask: Callable[[str], str] = msgspec.field(default=_asked)
    ask_secret: Callable[[str], str] = msgspec.field(default=_asked_secretly)
    escapes: bool = True
    on_notice: Callable[[str], None] | None = None
    stdin_bytes: Callable[[], IO[bytes]] = msgspec.field(
        default=lambda: sys.stdin.buffer if sys.stdin else io.BytesIO()
    )
    _notice: bool = False

    @property
    def out_is_terminal(self) -> bool:
        """True if a person looks at standard output."""
        return _is_terminal(self.out)

    @property
    def out_is_foreground(self) -> bool:
        """True if standard output is a terminal that the shell has given to this job, unlike after `watch &`."""
        return self.out is not None and self.out_is_terminal and in_foreground(self.out)

    @property
    def err_is_terminal(self) -> bool:
        """True if a person looks at standard error."""
        return _is_terminal(self.err)

    def token_input(self) -> str:
        """Standard input, or what a person types there without echo."""
        if not self.in_is_terminal():
            return self.stdin()
        try:
            return self.ask_secret("API token (not shown): ")
        except EOFError:
            return ""

    @property
    def unicode(self) -> bool:
        """True if standard output can show more than ASCII. Where not, JSON is ASCII: its readers take it for UTF-8."""
        encoding = getattr(self.out, "encoding", None) or "utf-8"
        return encoding.lower().replace("-", "").replace("_", "") in ("utf8", "utf16", "utf32", "cp65001")

    def width(self, columns: int | None) -> int:
        """Width of the output in cells: `columns` where set, else the window's."""
        return max(columns or _window(self.out).columns or DEFAULT_WIDTH, NARROWEST)

    @property
    def height(self) -> int | None:
        """Lines of the window that standard output is, if it is one that knows."""
        return _window(self.out).lines or None

    @property
    def room(self) -> int:
        """Cells of a line on standard error that can be replaced."""
        return max((_window(self.err).columns or DEFAULT_WIDTH) - 1, 1)

    def print(self, text: str) -> None:
        """Write to standard output. Raises ClosedPipe where nobody reads on, OutputError where it cannot be written."""
        self.clear_notice()
        if self.out is None:  # it was closed before the program started
            if text:
                raise _unwritable(OSError(errno.EBADF, os.strerror(errno.EBADF)))
            return
        try:
            write(self.out, text)
        except (OSError, ValueError) as error:
            if _nobody_reads(error):
                raise ClosedPipe from None
            raise _unwritable(error) from error

    def print_lines(self, lines: Iterable[str]) -> None:
        """Write lines to standard output, some thousand at a time."""
        batch: list[str] = []
        for line in lines:
            batch.append(line + "\n")
            if len(batch) >= 1000:
                self.print("".join(batch))
                batch.clear()
        if batch:
            self.print("".join(batch))

    def tell(self, text: str) -> None:
        """Write a line to standard error; a closed one is ignored.

        A terminal gets prose wrapped between words. JSON stays on its line, for whoever copies it.
        """
        self.clear_notice()
        if self.err_is_terminal and len(text) > self.room + 1 and not text.startswith("{"):
            indent = " " * (len(text) - len(text.lstrip())) + "  "
            lines = (
                textwrap.fill(
                    line, self.room + 1, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
                )
                for line in text.split("\n")
            )
            text = "\n".join(lines)
        if self.err is not None:
            with suppress(OSError, ValueError):
                write(self.err, text + "\n")

    def ring(self) -> None:
        """Ring the bell of the terminal that standard output is."""
        if self.out is not None:
            with suppress(OSError, ValueError):
                write(self.out, "\a")

    def notice(self, text: str) -> None:
        """A line to a terminal's standard error that the next one replaces; nothing elsewhere."""
        if self.on_notice is not None:
            self.on_notice(text)
            return
        if self.err is None or not self.err_is_terminal or not self.escapes:
            return
        with suppress(OSError, ValueError):
            write(self.err, ERASE_LINE + text[: self.room])
        self._notice = True

    def clear_notice(self) -> None:
        """Take the replaceable line away."""
        if self._notice and self.err is not None:
            with suppress(OSError, ValueError):
                write(self.err, ERASE_LINE)
        self._notice = False

    def abandon(self) -> None:
        """Point standard output at nothing, so that closing it at the end of the process does not complain."""
        _abandon(self.out)

    def flush(self) -> None:
        """Flush both streams, and give up on one that cannot be."""
        for stream in (self.out, self.err):
            try:
                if stream is not None:
                    stream.flush()
            except (OSError, ValueError):
                _abandon(stream)


def _abandon(stream: TextIO | None) -> None:
    with suppress(OSError, ValueError, AttributeError):
        if stream is not None:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, stream.fileno())
            os.close(nothing)


CAPACITY = 64 * 1024 * 1024
"""Characters that may wait for a reader; what comes after them is dropped."""

PIECE = 16 * 1024
"""Characters written at once, so that a slow reader is seen to read."""


class BackgroundStream(io.TextIOBase):
    """A stream whose writes return at once: a daemon thread passes them on.

    Errors surface at the next write, as with any buffered stream. A terminal that has gone away is not an error: there
    is just nobody left to show anything to. `unwritten` is True if something that was to be written never was.
    """

    def __init__(self, stream: TextIO) -> None:
        self.error: Exception | None = None
        self.unwritten = False
        self._stream = stream
        self._is_terminal = _is_terminal(stream)
        self._texts: deque[str] = deque()
        self._size = 0
        self._taken = 0
        # `with` a condition is Python code: a signal that raises in it would leave the lock locked forever
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The character set of the stream behind it."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """True if a terminal is behind it."""
        return self._is_terminal

    def write(self, text: str) -> int:
        """Take the text. Raises the error of an earlier write."""
        if self.error is not None:
            raise self.error
        pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
        with self._lock:
            if self._size + len(text) > CAPACITY:
                self.unwritten = True
            else:
                self._size += len(text)
                self._texts.extend(pieces)
                self._changed.notify_all()
        return len(text)

    def reader_is_gone(self) -> bool:
        """True if this is a pipe whose other end was closed, even if nothing was written since."""
        if self._is_terminal or sys.platform == "win32":
            return False
        try:
            poll = select.poll()
            poll.register(self._stream.fileno(), 0)
            return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
        except (OSError, ValueError, AttributeError):
            return False

    def finish(self, patience: float) -> None:
        """Wait until all is written, or until nothing has been taken for `patience` seconds; then drop the rest."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
            if self._is_terminal and not self._drained(patience):
                unfreeze(self._stream)
            if not self._drained(patience):
                self.unwritten = self.unwritten or not self._is_terminal

    def _drained(self, patience: float) -> bool:
        """Wait for the reader for as long as it reads; False if it has taken nothing for `patience` seconds."""
        while self._size:
            before = self._taken
            if not self._changed.wait_for(lambda: self._taken != before or not self._size, patience):  # noqa: B023
                return False
        return True

    def _run(self) -> None:
        while True:
            with self._lock:
                self._changed.wait_for(lambda: self._texts or self._closing)
                if not self._texts:
                    return
                text = self._texts.popleft()
            try:
                write(self._stream, text)
            except (OSError, ValueError) as error:
                gone = self._is_terminal and isinstance(error, OSError)
                with self._lock:
                    self.error = None if gone else error
                    self.unwritten = self.unwritten or not (gone or _nobody_reads(error))
                    self._texts.clear()
                    self._size = 0
                    self._changed.notify_all()
                if not gone:
                    return
            else:
                with self._lock:
                    self._size -= len(text)
                    self._taken += 1
                    self._changed.notify_all()


def in_foreground(terminal: TextIO) -> bool:
    """False if another job of the shell has the terminal, as after `watch &`, or Ctrl-Z and `bg`."""
    if sys.platform == "win32":
        return True
    try:
        return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except (OSError, ValueError):  # not the controlling terminal, so no shell has it
        return True


def unfreeze(terminal: TextIO) -> None:
    """Let output of a terminal run that a person has paused (Ctrl-S)."""
    if sys.platform != "win32":
        import termios

        with suppress(termios.error, OSError, ValueError):
            termios.tcflow(terminal.fileno(), termios.TCOON)


class Background:
    """Standard output and standard error passed on by threads, for as long as it is entered as a context manager.

    At the end what is still to be written is dropped after a reader has taken nothing for `patience` seconds.
    """

    def __init__(self, streams: Streams) -> None:
        self.patience = 1.0
        out = None if streams.out is None else BackgroundStream(streams.out)
        if streams.err is not None and streams.out is not None and _are_one_terminal(streams.out, streams.err):
            err = out  # lines stay in their order
        else:
            err = None if streams.err is None else BackgroundStream(streams.err)
        self._own = [out, err]
        self.streams = msgspec.structs.replace(streams, out=cast("TextIO", out), err=cast("TextIO", err))

    def __enter__(self) -> Background:
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    def finish(self) -> None:
        """Wait for the readers, as long as there is patience with them."""
        for stream in self._own:
            if stream is not None:
                self._finish(stream)

    def _finish(self, stream: BackgroundStream) -> None:
        stream.finish(min(self.patience, 1.0) if stream.isatty() else self.patience)

    def loss(self) -> OutputError | None:
        """Wait for the reader of standard output; the error if something was dropped or could not be written."""
        out = self._own[0]
        if out is None:
            return None
        self._finish(out)
        # a slow machine may take a reader that has gone for one that does not read
        if not out.unwritten or out.reader_is_gone() or (out.error is not None and _nobody_reads(out.error)):
            return None
        return _unwritable(out.error) if out.error else OutputError("standard output was not read to its end")

    def check(self) -> None:
        """Raise ClosedPipe or OutputError if standard output takes nothing any more."""
        self.streams.print("")
        if self._own[0] is not None and self._own[0].reader_is_gone():
            raise ClosedPipe


def write(stream: TextIO, text: str) -> None:
    """Write all of the text now; what the stream's character set cannot show is written as escapes.

    Python's own streams lose the rest of a short write if they are unbuffered, and of any write if the descriptor is
    non-blocking, so the bytes go to the descriptor directly. Raises OSError or ValueError.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    data = text.encode(encoding, "backslashreplace")
    try:
        descriptor = None if sys.platform == "win32" else stream.fileno()
    except (OSError, AttributeError):
        descriptor = None
    if descriptor is None:  # in memory; or Windows, whose console takes text and not bytes
        stream.write(data.decode(encoding))
        stream.flush()
    else:
        stream.flush()
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BlockingIOError:
                select.select([], [descriptor], [])


def _unwritable(error: Exception) -> OutputError:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return OutputError(f"standard output could not be written: {reason}")


def _nobody_reads(error: Exception) -> bool:
    """True for the error of a closed pipe; Windows has no name of its own for it."""
    closed = sys.platform == "win32" and isinstance(error, OSError) and error.errno == errno.EINVAL
    return closed or isinstance(error, BrokenPipeError)


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _are_one_terminal(one: TextIO, other: TextIO) -> bool:
    if sys.platform == "win32":  # where a process has one console at most
        return _is_terminal(one) and _is_terminal(other)
    try:
        same = os.fstat(one.fileno()).st_rdev == os.fstat(other.fileno()).st_rdev
    except (OSError, ValueError, AttributeError):
        return False
    return same and _is_terminal(one) and _is_terminal(other)


def _window(stream: TextIO | None) -> os.terminal_size:
    """Columns and lines of a terminal; 0 where they are unknown."""
    try:
        return os.get_terminal_size(stream.fileno() if stream is not None else -1)
    except (OSError, ValueError, AttributeError):
        return os.terminal_size((0, 0))
