"""Everything that can go wrong, as one tree.

    MigstatError
    ├── UsageError           usage            what was typed or configured makes no sense
    ├── CredentialsError     no-credentials   there is no e-mail or no token to send
    ├── OutputError          output           what was asked for could not be written
    ├── Interrupted          interrupted      Ctrl-C
    ├── TaskFailed           task-failed      said beside records that have no place for why the task itself failed
    └── ApiError             what the migration API answered, or that it did not
        ├── Unreachable      unreachable      no usable answer came, after all retries
        ├── UntrustedServer  untrusted-server the server did not prove over TLS who it is
        ├── RateLimited      rate-limited     429 until the retries were used up
        ├── BadAnswer        bad-answer       an answer came that cannot be understood
        │   └── BadRequest   bad-request      400: the API did not understand the question
        ├── Incomplete       incomplete       a part of what was asked for could not be read
        ├── Refused          refused          401 or 403
        └── NotFound         not-found        no such job, task, level, check or project

Each has a stable `code` for scripts, a `message` (what happened, to what) and a `hint` (what to do next, may be
empty). None of them knows an exit code: that is the command line's business.
"""

from __future__ import annotations

import re
from typing import ClassVar

_TOKEN = re.compile(r"ATATT[\w=+/-]*")
"""An API token as Atlassian makes them."""


class MigstatError(Exception):
    """Base of all errors that a user is told of."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        # Messages quote what the user typed, and a token gets pasted into the wrong place sooner or later.
        self.message = _TOKEN.sub("***", message)
        self.hint = _TOKEN.sub("***", hint)
        super().__init__(self.message)


class UsageError(MigstatError):
    """The command line, the environment or a file that configures holds something that makes no sense."""

    code = "usage"


class CredentialsError(MigstatError):
    """No e-mail or no API token was found, or the file that holds it could not be read."""

    code = "no-credentials"


class OutputError(MigstatError):
    """Standard output, an export file or a download could not be written."""

    code = "output"


class Interrupted(MigstatError):
    """The user pressed Ctrl-C."""

    code = "interrupted"


class TaskFailed(MigstatError):
    """The task itself failed: told, never raised, beside records that have no place for it."""

    code = "task-failed"


class ApiError(MigstatError):
    """Base of what goes wrong between this program and the API.

    `again` says that it may pass: it was tried again until the policy gave up. `retry_after` is for how many seconds
    the server asked not to be asked, where it did. `status` is the HTTP status where one came.
    """

    code = "api"
    again: bool = False
    retry_after: float | None = None
    status: int | None = None


class Unreachable(ApiError):
    """No usable answer came: connection, time-out, cut body or 5xx, until the retries were used up."""

    code = "unreachable"


class UntrustedServer(ApiError):
    """The server, or the proxy, did not prove over TLS who it is; never retried."""

    code = "untrusted-server"


class RateLimited(ApiError):
    """The API kept answering 429, or asked for a longer pause than a single query waits."""

    code = "rate-limited"


class BadAnswer(ApiError):
    """An answer came whose content or status cannot be understood."""

    code = "bad-answer"


class BadRequest(BadAnswer):
    """400: the API did not understand the question, for example a filter that it does not know."""

    code = "bad-request"


class Incomplete(ApiError):
    """A part of what was asked for could not be read; the rest was shown."""

    code = "incomplete"


class Refused(ApiError):
    """401 or 403: the API knows the request but not the right of this account to make it."""

    code = "refused"


class NotFound(ApiError):
    """There is no such job, task, level, check or project (a 404, or the API's empty `data`)."""

    code = "not-found"
