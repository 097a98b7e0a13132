"""Standard output and standard error as one object: terminal or not, width, color, character set."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import IO, TextIO

import msgspec

from migstat.errors import OutputError, reason
from migstat.render.text import harmless

DEFAULT_WIDTH = 80
MIN_WIDTH = 20
ERASE_LINE = "\r\x1b[K"


class ClosedPipe(Exception):
    """The reader of standard output has gone: the rest is not needed, and nothing is wrong."""


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


def _ask(prompt: str) -> str:
    # not input(), which shows the prompt on standard output, where the data goes
    sys.stderr.write(prompt)  # noqa: TID251  this is what Streams ask with
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        raise EOFError
    return answer.strip()


def _ask_secretly(prompt: str) -> str:
    import getpass
    import warnings

    with warnings.catch_warnings():
        # If echo cannot be switched off, getpass only warns and shows the secret as it is typed.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt)
        except getpass.GetPassWarning:
            raise EOFError from None


class Streams(msgspec.Struct):
    """The streams of one run.

    `ask` and `ask_secret` prompt a person, the latter without echo; they raise EOFError without an answer. `escapes`
    says that terminals obey escape sequences. `on_notice` takes notices in place of standard error.
    """

    # Python makes a stream None if its descriptor was closed before the program started (`>&-`).
    out: TextIO | None
    err: TextIO | None
    stdin: Callable[[], str] = msgspec.field(default=lambda: sys.stdin.read(65536) if sys.stdin else "")
    in_is_terminal: Callable[[], bool] = msgspec.field(default=lambda: is_terminal(sys.stdin))
    ask: Callable[[str], str] = msgspec.field(default=_ask)
    ask_secret: Callable[[str], str] = msgspec.field(default=_ask_secretly)
    escapes: bool = True
    on_notice: Callable[[str], None] | None = None
    stdin_bytes: Callable[[], IO[bytes]] = msgspec.field(
        default=lambda: sys.stdin.buffer if sys.stdin else io.BytesIO()
    )
    _notice: bool = False

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
        """True if standard output can show more than ASCII. If not, JSON is ASCII: its readers expect UTF-8."""
        encoding = getattr(self.out, "encoding", None) or "utf-8"
        return encoding.lower().replace("-", "").replace("_", "") in ("utf8", "utf16", "utf32", "cp65001")

    def size(self, columns: int | None = None) -> tuple[int, int]:
        """Width of the output in cells: `columns` if set, else the window's; and the window's lines, 0 if unknown."""
        window = window_of(self.out)
        return max(columns or window.columns or DEFAULT_WIDTH, MIN_WIDTH), window.lines

    def print(self, text: str) -> None:
        """Write to standard output. Raises ClosedPipe if its reader has gone, OutputError if it cannot be written."""
        self.clear_notice()
        if self.out is None:
            if text:
                raise unwritable(OSError(errno.EBADF, os.strerror(errno.EBADF)))
            return
        try:
            write(self.out, text)
        except (OSError, ValueError) as error:
            if is_closed_pipe(error):
                raise ClosedPipe from None
            raise unwritable(error) from error

    def print_lines(self, lines: Iterable[str]) -> None:
        """Write lines to standard output."""
        batch: list[str] = []
        for line in lines:
            batch.append(line + "\n")
            if len(batch) >= 1000:  # a system call a line would dominate a list of 100,000 projects
                self.print("".join(batch))
                batch.clear()
        if batch:
            self.print("".join(batch))

    def tell(self, text: str) -> None:
        """Write a line to standard error. If that fails, there is nowhere left to say so."""
        self.clear_notice()
        _try_to_write(self.err, self.wrapped(text) + "\n")

    @staticmethod
    def warning(text: str) -> str:
        """A warning as `warn` writes it."""
        return f"migstat: warning: {harmless(text)}"

    def warn(self, text: str) -> None:
        """Write a warning to standard error."""
        self.tell(self.warning(text))

    def wrapped(self, text: str) -> str:
        """The text as `tell` writes it: wrapped between words for a terminal.

        What is there to be copied, JSON and the next command, stays on its line.
        """
        room = window_of(self.err).columns or DEFAULT_WIDTH
        if is_terminal(self.err) and len(text) > room and not text.startswith("{"):
            # Words stay whole, however long: a path or URL that was cut in two cannot be copied.
            indent = " " * (len(text) - len(text.lstrip())) + "  "
            command = text.partition("   (")[0]
            if text.startswith("Next: ") and len(command) > room:
                return command  # the reason has no room
            return "\n".join(
                textwrap.fill(line, room, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
                for line in text.split("\n")
            )
        return text

    def ring(self) -> None:
        """Ring the bell of the terminal that standard output is."""
        _try_to_write(self.out, "\a")

    def notice(self, text: str) -> None:
        """Show a line on a terminal's standard error until the next one replaces it; do nothing elsewhere."""
        if self.on_notice is not None:
            self.on_notice(text)
        elif is_terminal(self.err) and self.escapes:
            from rich.cells import cell_len, set_cell_size  # a Chinese character takes two cells

            # In the last column the cursor would wrap, and ERASE_LINE would erase another line than the notice's.
            room = max((window_of(self.err).columns or DEFAULT_WIDTH) - 1, 1)
            _try_to_write(self.err, ERASE_LINE + (text if cell_len(text) <= room else set_cell_size(text, room)))
            self._notice = True

    def clear_notice(self) -> None:
        """Erase the last notice."""
        if self._notice:
            _try_to_write(self.err, ERASE_LINE)
        self._notice = False

    def abandon(self) -> None:
        """Point standard output at the null device, or the interpreter complains when it flushes it at exit."""
        _abandon(self.out)

    def flush(self) -> None:
        """Flush both streams, and abandon one that cannot be."""
        for stream in (self.out, self.err):
            try:
                if stream is not None:
                    stream.flush()
            except (OSError, ValueError):
                _abandon(stream)


def _abandon(stream: TextIO | None) -> None:
    with suppress(OSError, ValueError, AttributeError):
        if stream is not None:
            # The descriptor and not `sys.stdout`: the stream object still holds what it could not write.
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, stream.fileno())
            os.close(nothing)


def write(stream: TextIO, text: str) -> None:
    """Write all of the text now; characters that the stream's character set lacks are written as escapes.

    Raises OSError or ValueError.
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
        return
    # Python's own streams lose the rest of a short write if they are unbuffered (PYTHONUNBUFFERED), and of any write if
    # the descriptor is non-blocking, as a pipe from Node.js is.
    stream.flush()
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            select.select([], [descriptor], [])


def _try_to_write(stream: TextIO | None, text: str) -> None:
    if stream is not None:
        with suppress(OSError, ValueError):
            write(stream, text)


def unwritable(error: Exception) -> OutputError:
    """The error of standard output that cannot be written."""
    return OutputError(f"cannot write to standard output: {reason(error)}")


def is_closed_pipe(error: Exception) -> bool:
    """True for the error of a pipe whose reader has gone. Windows reports that as an invalid argument."""
    closed = sys.platform == "win32" and isinstance(error, OSError) and error.errno == errno.EINVAL
    return closed or isinstance(error, BrokenPipeError)


def is_terminal(stream: TextIO | None) -> bool:
    """True if the stream is open and a terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def in_foreground(terminal: TextIO) -> bool:
    """False if another job of the shell has the terminal, as after `watch &`, or Ctrl-Z and `bg`."""
    if sys.platform == "win32":
        return True
    try:
        return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except (OSError, ValueError):  # not the controlling terminal, so no shell has it
        return True


def unfreeze(terminal: TextIO, *, drop: bool = False) -> None:
    """Resume output of a terminal that a person has paused (Ctrl-S); `drop` discards what is queued for it."""
    if sys.platform != "win32":
        import termios

        with suppress(termios.error, OSError, ValueError):
            termios.tcflow(terminal.fileno(), termios.TCOON)
            if drop:
                termios.tcflush(terminal.fileno(), termios.TCOFLUSH)


def window_of(stream: TextIO | None) -> os.terminal_size:
    """Columns and lines of a terminal; 0 if they are unknown."""
    if (behind := getattr(stream, "window", None)) is not None:  # a thread writes, so it has no descriptor of its own
        size: os.terminal_size = behind()
        return size
    try:
        return os.get_terminal_size(stream.fileno() if stream is not None else -1)
    except (OSError, ValueError, AttributeError):
        return os.terminal_size((0, 0))
