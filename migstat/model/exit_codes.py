"""The exit codes, all of them, and the one way from a verdict and from an error to its code."""

from __future__ import annotations

from enum import IntEnum

from migstat.errors import CredentialsError, Interrupted, MigstatError, NotFound, Refused, UsageError
from migstat.model.events import End
from migstat.model.verdict import Verdict


class Exit(IntEnum):
    """The codes that scripts rely on."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4
    NOT_FOUND = 5
    RUNNING = 8
    TIMED_OUT = 124
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


MEANINGS = {
    Exit.OK: "done; for watch and --exit-status: finished with SUCCESS, WARNING or SKIPPED",
    Exit.FAILED: "watch, --exit-status: it finished and something failed",
    Exit.USAGE: "wrong usage",
    Exit.UNREACHABLE: "the API could not be reached, or its answer could not be understood, after all retries;"
    " output could not be written",
    Exit.REFUSED: "no credentials, or refused (401, 403)",
    Exit.NOT_FOUND: "no such job, task, level, check or project",
    Exit.RUNNING: "--exit-status: still running; watch: its output was closed before the end",
    Exit.TIMED_OUT: "watch --timeout ran out",
    Exit.HUNG_UP: "ended by SIGHUP; the migration itself continues",
    Exit.INTERRUPTED: "ended by Ctrl-C; the migration itself continues",
    Exit.TERMINATED: "ended by SIGTERM; the migration itself continues",
}

_OF_ERROR: tuple[tuple[type[MigstatError], Exit], ...] = (
    (UsageError, Exit.USAGE),
    (CredentialsError, Exit.REFUSED),
    (Refused, Exit.REFUSED),
    (NotFound, Exit.NOT_FOUND),
)


def exit_of(verdict: Verdict | None, *, readable: bool) -> Exit:
    """The code of a view: from its verdict if `--exit-status` asks for it (else None), and from what was unreadable.

    A failure that was seen stands; otherwise unreadable parts make every other answer worthless.
    """
    if verdict is Verdict.FAILED:
        return Exit.FAILED
    if not readable:  # even 8, still running: a script that polls must learn that reading fails
        return Exit.UNREACHABLE
    return Exit.RUNNING if verdict in (Verdict.RUNNING, Verdict.PENDING) else Exit.OK


def exit_of_end(end: End, verdict: Verdict, *, strict: bool = False, signal: int = 0) -> int:
    """The code of a watch that ended this way. With `strict` a WARNING fails; `signal` is the one that ended it."""
    match end:
        case End.FINISHED:
            failed = verdict is Verdict.FAILED or (strict and verdict is Verdict.WARNING)
            return Exit.FAILED if failed else Exit.OK
        case End.FAILED_FAST:
            return Exit.FAILED
        case End.TIMEOUT:
            return Exit.TIMED_OUT
        case End.INTERRUPTED:
            return 128 + signal  # as in shells
        case End.ERROR:
            return Exit.UNREACHABLE


def exit_of_error(error: MigstatError) -> Exit:
    """The code of an error."""
    if isinstance(error, Interrupted):
        return Exit(128 + error.signal)
    return next((code for kind, code in _OF_ERROR if isinstance(error, kind)), Exit.UNREACHABLE)
