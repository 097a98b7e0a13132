"""Runs the command of `watch --notify`, in the background."""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from functools import partial, reduce
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from migstat.api.threads import started
from migstat.cli.background import BackgroundWorker
from migstat.cli.listening import Heard, Listener
from migstat.cli.streams import Streams
from migstat.errors import Unreachable, UsageError
from migstat.follow.deadline import Stopped
from migstat.follow.notify import Alarms, Batch, recovery_beside, worst_of
from migstat.model.events import Resumed, View, Waiting
from migstat.render.ending import WatchResult, last_line
from migstat.render.json import encoded, event_document
from migstat.render.notification import sentence
from migstat.render.text import harmless
from migstat.settings.values import expanded

if TYPE_CHECKING:
    from subprocess import Popen

LONGEST_RUN = 30.0
"""Seconds that one run of the command may take."""

LAST_WORDS = 4096
"""Bytes kept of what the command writes to standard error."""

MOST_PIECES = 256
"""Maximum number of reads before a command that never stops writing is cut off."""

_OPERATOR = re.compile(r"\d*(>>?|<)(&\d|[\w./~-]*)|\|\|?|&&?|;")
"""Words that only a shell understands: a user who types them expects one."""


class Command(msgspec.Struct, frozen=True):
    """A program with its arguments, and the environment that it gets."""

    words: tuple[str, ...]
    environ: Mapping[str, str]


def command_from(text: str, environ: Mapping[str, str]) -> Command:
    """The command in a text, split as a shell would. Raises UsageError if that fails, or its program is not found."""
    import shlex
    import shutil

    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    if sys.platform == "win32":
        lexer.escape = ""  # paths are full of backslashes
    try:
        words = list(lexer)
    except ValueError as error:
        raise UsageError(
            f"--notify: {text!r} cannot be split: {str(error).lower()}", "Quote it as in a shell."
        ) from error
    if not words or not words[0]:
        raise UsageError("--notify: empty command", "See 'migstat help notify'.")
    if (operator := next((word for word in words if _OPERATOR.fullmatch(word)), None)) is not None:
        raise UsageError(
            f"--notify: {operator!r} needs a shell, and CMD runs without one",
            "Put the command into a script, or use: sh -c '...'",
        )
    program = shutil.which(expanded(words[0]), path=environ.get("PATH", os.defpath))
    if program is None:
        raise UsageError(f"--notify: command not found: {words[0]!r}", "See 'migstat help notify'.")
    return Command((program, *words[1:]), environ)


class Notifier(Listener):
    """Runs a command whenever someone should be notified.

    One run at a time: events in between are reported by the next one. Each kind of problem is warned about once.
    `steady` counts seconds, whatever the time of the day is set to.
    """

    def __init__(
        self,
        command: Command,
        warn: Callable[[str], None],
        steady: Callable[[], float],
        *,
        patience: float = LONGEST_RUN,
    ) -> None:
        self._warn = warn
        self._patience = patience
        self._alarms = Alarms()
        self._view: View | None = None
        self._steady = steady
        self._seen_at = 0.0
        self._process: Popen[bytes] | None = None
        self._abandoned = False
        self._worker = BackgroundWorker("notifier", partial(self._work, command))

    def show(self, event: Heard) -> None:
        """Take in an event, to be reported at the end of its poll."""
        if isinstance(event, Waiting):
            self._view, self._seen_at = event.view, self._steady()
            self.look()
        elif not isinstance(event, Resumed):
            self._alarms.add(event)

    def look(self, ending: str = "") -> None:
        """Run the command if anything calls for it: at the end of a poll, and in a pause, as an outage drags on.

        `ending` says how the watch ended, if it has.
        """
        if self._view is not None:
            now = self._view.at + int((self._steady() - self._seen_at) * 1000)
            if (batch := self._alarms.due(now, self._view, ending)) is not None:
                self._worker.put(batch)

    def end(self, result: WatchResult) -> None:
        """Run the command for the end."""
        self._alarms.add(result.ended)
        self._view, self._seen_at = result.view, self._steady()
        self.look(last_line(result))

    def wait(self, interruptible: Callable[[], AbstractContextManager[None]]) -> None:
        """Wait for the command; a signal inside of `interruptible` ends it at once."""
        try:
            with interruptible():
                if not self._worker.close(1.0):
                    limit = f"at most {self._patience:g}s per run"
                    self._warn(f"migstat: waiting for --notify ({limit}); press Ctrl-C to stop it")
                    self._worker.close()
        except Stopped:
            self._abandoned = True  # its end is expected
            self._worker.drop()
            self.kill()

    def kill(self) -> None:
        """End the command and everything it has started, also from within a signal handler."""
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(OSError):
                if sys.platform == "win32":
                    process.kill()
                else:
                    os.killpg(process.pid, 9)

    def _work(self, command: Command, batches: Iterator[list[Batch]]) -> None:
        problems: set[str] = set()
        for waiting in batches:
            kind, detail = self._run(command, reduce(lambda earlier, later: later.after(earlier), waiting))
            if kind and kind not in problems and not self._abandoned:
                problems.add(kind)
                self._warn(Streams.warning(f"--notify: {kind}{detail}"))

    def _run(self, command: Command, batch: Batch) -> tuple[str, str]:
        """Run the command; the kind of problem and its details, both empty if there was none."""
        import subprocess

        alarm, more = worst_of(batch.alarms)
        over = recovery_beside(alarm, batch.alarms)
        text = sentence(alarm, batch.view, more=more, ending=batch.ending, recovered=over)
        coding = sys.getfilesystemencoding()  # that of environment variables, which may be ASCII
        variables = {
            "MIGSTAT_EVENT": str(event_document(alarm).__struct_config__.tag),
            "MIGSTAT_TEXT": text.encode(coding, "backslashreplace").decode(coding),
        }
        program = Path(command.words[0]).name
        try:
            process = subprocess.Popen(  # noqa: S603  the user wants it run
                command.words,
                env={**command.environ, **variables},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C and Ctrl-Z at the terminal are not for it; a group to kill as a whole
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same on Windows
            )
        except (OSError, ValueError) as error:
            return f"{program} cannot be run", f": {getattr(error, 'strerror', None) or error}"
        self._process = process
        if self._abandoned:  # the signal came while the command was being started
            self.kill()
        assert process.stdin is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        lines = "".join(encoded(event_document(event)) + "\n" for event in batch.events)
        # Not communicate(): what the command has left running in the background may hold both pipes open forever.
        tail: deque[bytes] = deque(maxlen=1)
        try:
            listener = started(_listen, process.stderr, tail)
            started(_feed, process.stdin, lines.encode())
        except Unreachable:  # the system allows no more; the next notification may be luckier
            self.kill()
            process.wait()
            return f"{program} cannot be run", ": no more threads are allowed"
        try:
            code = process.wait(self._patience)
        except subprocess.TimeoutExpired:
            self.kill()
            process.wait()
            return f"{program} timed out after {self._patience:g}s", ""
        if not code:
            return "", ""
        listener.join(0.2)  # its last words may still be on their way
        last_lines = b"".join(tail).decode(errors="replace").splitlines()
        words = [shown for line in last_lines if (shown := harmless(line).strip())]
        problem = f"{program} exited with {code}" if code > 0 else f"{program} was killed by signal {-code}"
        return problem, f": {words[-1][:200]}" if words else ""


def _feed(stream: IO[bytes], data: bytes) -> None:
    with suppress(OSError), stream:
        stream.write(data)


def _listen(stream: IO[bytes], tail: deque[bytes]) -> None:
    """Keep the end of what is written; one that never stops writing is cut off."""
    with suppress(OSError), stream:
        for _ in range(MOST_PIECES):
            data = os.read(stream.fileno(), LAST_WORDS)
            if not data:
                break
            # Only the end is of interest, and a command may write all night.
            tail.append((b"".join(tail) + data)[-LAST_WORDS:])
