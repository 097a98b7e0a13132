"""Everything that can go wrong, as one tree: the class, and the code that scripts rely on.

    MigstatError
    ├── UsageError           usage
    ├── CredentialsError     no-credentials
    ├── OutputError          output
    ├── Interrupted          interrupted
    ├── TaskFailed           task-failed
    └── ApiError
        ├── Unreachable      unreachable
        ├── UntrustedServer  untrusted-server
        ├── RateLimited      rate-limited
        ├── BadAnswer        bad-answer
        │   └── BadRequest   bad-request
        ├── Incomplete       incomplete
        ├── Refused          refused
        └── NotFound         not-found

Each error has a `message` (what happened, to what) and a `hint` (what to do next, may be empty). None of them knows an
exit code: `model/exit_codes.py` gives each its own.
"""

from __future__ import annotations

import re
from typing import ClassVar, Self

TOKEN_PREFIX = "ATATT"  # noqa: S105
"""What Atlassian's API tokens begin with."""

_TOKEN = re.compile(rf"{TOKEN_PREFIX}[\w=+/-]*")


def without_tokens(text: str) -> str:
    """The text with each of Atlassian's API tokens in it replaced."""
    return _TOKEN.sub("***", text)


class MigstatError(Exception):
    """Base of all errors that are reported to the user; a subclass without a `code` has that of its base."""

    # Spelled out in every class, not made of its name: renaming a class must not break a script.
    code: ClassVar[str] = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        # Messages quote what the user typed, and a token gets pasted into the wrong place sooner or later.
        self.message = without_tokens(message)
        self.hint = without_tokens(hint)
        super().__init__(self.message)


class UsageError(MigstatError):
    """The command line, the environment or a config file contains something invalid."""

    code = "usage"


class CredentialsError(MigstatError):
    """No e-mail or no API token was found, or the file that holds it could not be read."""

    code = "no-credentials"


class OutputError(MigstatError):
    """Standard output, an export file or a download could not be written."""

    code = "output"


class Interrupted(MigstatError):
    """A signal ended the command: Ctrl-C, or another `signal`."""

    code = "interrupted"

    def __init__(self, message: str, hint: str = "", *, signal: int = 2) -> None:
        super().__init__(message, hint)
        self.signal = signal


class TaskFailed(MigstatError):
    """The task itself failed: reported, never raised, beside formats whose records have no place for it."""

    code = "task-failed"


class ApiError(MigstatError):
    """Base of all errors between this program and the API.

    `again` marks an error that may pass: the request is retried until the policy gives up. `retry_after` is the
    pause in seconds that the server asked for, if it did. `status` is the HTTP status, if there was an answer.
    """

    code = "api"

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        again: bool = False,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.again = again
        self.retry_after = retry_after
        self.status = status

    def reworded(self, message: str, hint: str) -> Self:
        """The same error in other words."""
        return type(self)(message, hint, again=self.again, retry_after=self.retry_after, status=self.status)


class Unreachable(ApiError):
    """No usable answer after all retries: connection refused, time-out, truncated body or 5xx."""

    code = "unreachable"


class UntrustedServer(ApiError):
    """The server, or the proxy, did not prove over TLS who it is; never retried."""

    code = "untrusted-server"


class RateLimited(ApiError):
    """The API kept answering 429, or asked for a longer pause than a single query waits."""

    code = "rate-limited"


class BadAnswer(ApiError):
    """The content or status of the answer cannot be understood."""

    code = "bad-answer"


class BadRequest(BadAnswer):
    """400: the API did not understand the question, for example a filter that it does not know."""

    code = "bad-request"


class Incomplete(ApiError):
    """Part of the requested data could not be read; the rest was shown."""

    code = "incomplete"


class Refused(ApiError):
    """401 or 403: this account may not make the request."""

    code = "refused"


class NotFound(ApiError):
    """There is no such job, task, level, check or project (a 404, or the API's empty `data`)."""

    code = "not-found"


def reason(error: Exception) -> str:
    """The system's reason why a file could not be read or written, without the path, which messages name anyway."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
