"""What a failed request means, in a person's words: every error of httpx, every HTTP status, one type of ours."""

from __future__ import annotations

import base64
import ssl
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from migstat.errors import (
    ApiError,
    BadAnswer,
    BadRequest,
    NotFound,
    RateLimited,
    Refused,
    Unreachable,
    UntrustedServer,
)
from migstat.retry import RETRIED_STATUSES
from migstat.settings import Settings

CHECK_NETWORK = "Check the network, VPN and proxy; -v shows each request."


class AttemptFailed(Exception):
    """One attempt went wrong; `again` says whether another may go better, `retry_after` seconds when at the soonest."""

    def __init__(self, error: ApiError, *, again: bool, retry_after: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.again = again
        self.retry_after = retry_after


class Redactor:
    """Takes the credentials out of texts that a server may have put them into."""

    def __init__(self, settings: Settings) -> None:
        token = settings.token.reveal()
        pair = base64.b64encode(f"{settings.email}:{token}".encode()).decode()
        self._secrets = tuple(dict.fromkeys((token, pair, token.lower(), pair.lower())))

    def text(self, text: str) -> str:
        """The text without them."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def failure(self, failed: AttemptFailed) -> AttemptFailed:
        """The failure without them."""
        error = failed.error
        clean = type(error)(self.text(error.message), self.text(error.hint))
        clean.status = error.status
        return AttemptFailed(clean, again=failed.again, retry_after=failed.retry_after)


def failure_of(error: httpx.HTTPError | httpx.InvalidURL | UnicodeError, host: str, limit: float) -> AttemptFailed:
    """What it means that a request to `host`, for which there were `limit` seconds, brought no answer."""
    if isinstance(error, httpx.TimeoutException):
        return AttemptFailed(Unreachable(f"{host} gave no whole answer within {limit:g} s", CHECK_NETWORK), again=True)
    if isinstance(error, httpx.InvalidURL | UnicodeError | httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return AttemptFailed(BadAnswer(f"{host} cannot be asked: {error}"), again=False)
    if (certificate := _cause(error, ssl.SSLCertVerificationError)) is not None:
        reason = getattr(certificate, "verify_message", "") or str(certificate)
        hint = "Behind a company proxy give its authority with --ca-bundle FILE; else do not trust this network."
        return AttemptFailed(UntrustedServer(f"the certificate of {host} was refused: {reason}", hint), again=False)
    reason = _plain_reason(error)
    return AttemptFailed(Unreachable(f"{host} could not be reached: {reason}", CHECK_NETWORK), again=True)


def with_tries(failed: AttemptFailed, attempt: int, elapsed: float) -> ApiError:
    """The error with how often and how long it was tried, or with the pause that the server asked for."""
    error = failed.error
    if attempt == 1 and failed.retry_after:
        tried = f"asked to wait {failed.retry_after:.0f} s, too long for a single query"
    else:
        tried = f"tried {attempt} times in {elapsed:.0f} s" if attempt > 1 else "tried once"
    told = type(error)(f"{error.message} ({tried})", error.hint)
    told.again, told.retry_after, told.status = True, failed.retry_after, error.status
    return told


def error_of_status(status: int, what: str, says: str) -> ApiError:
    """What an answer other than 200 about `what` means; `says` is what the server said of it."""
    match status:
        case 400:
            return BadRequest(f"the API did not understand the question about {what} (400){says}")
        case 401:
            return Refused(
                f"the API refused the credentials (401){says}",
                "Check the e-mail and the token: it must be a cloud API token that has not expired.",
            )
        case 403:
            return Refused(
                f"the account may not see {what} (403){says}",
                "It must be site or organisation admin of the destination site.",
            )
        case 404:
            return NotFound(
                f"there is no {what} (404){says}",
                "Check the ids; a run just created may take a moment to appear.",
            )
        case 429:
            return RateLimited(
                f"the API's request limit is used up (429){says}",
                "Wait a minute; colleagues share the limit.",
            )
    if status >= 500 or status in RETRIED_STATUSES:
        return Unreachable(
            f"the API failed on {what} ({status}){says}", "It is not your command; try again in some minutes."
        )
    return BadAnswer(f"the API answered {status} about {what}{says}", "Is --base-url right?")


def refuse_redirect(response: httpx.Response) -> None:
    """Raise AttemptFailed for a redirect; as a hook of the client, before anybody looks where it leads."""
    if 300 <= response.status_code < 400:
        try:
            host = urlsplit(response.headers.get("Location", "")).hostname or ""
        except ValueError:
            host = ""
        to = f" to {host}" if host else ""
        hint = "Is --base-url right? Is a login page in between?"
        error = BadAnswer(f"the server redirects{to} ({response.status_code}), which is refused", hint)
        error.status = response.status_code
        raise AttemptFailed(error, again=False)


def _plain_reason(error: Exception) -> str:
    """The reason in a person's words where the system gives one."""
    if (cause := _cause(error, OSError)) is not None and cause.strerror:
        return cause.strerror
    return str(error) or type(error).__name__


_E = TypeVar("_E", bound=BaseException)


def _cause(error: BaseException, kind: type[_E]) -> _E | None:
    """The first error of that kind among the causes."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, kind):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
