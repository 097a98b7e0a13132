"""What a failed request means, in a person's words: every error of httpx, every HTTP status, one type of ours."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from migstat.api.retry import RETRIED_STATUSES, Policy
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
from migstat.settings.resolve import Settings

CHECK_NETWORK = "Check the network, VPN and proxy; -v shows each request."
CHECK_SERVER = "Is a server listening there, and does it speak plain http? See --base-url."
CHECK_PROXY = "It is the one of HTTPS_PROXY, ALL_PROXY or the system; hosts in NO_PROXY are asked without it."


class AttemptFailed(Exception):
    """One attempt went wrong; `again` says whether another may go better, `retry_after` seconds when at the soonest."""

    def __init__(self, error: ApiError, *, again: bool, retry_after: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.again = again
        self.retry_after = retry_after

    def cleaned(self, clean: Callable[[str], str]) -> AttemptFailed:
        """The same failure in texts that `clean` has taken the secrets out of."""
        error = type(self.error)(clean(self.error.message), clean(self.error.hint))
        error.status = self.error.status
        return AttemptFailed(error, again=self.again, retry_after=self.retry_after)


def failure_of(error: httpx.HTTPError | httpx.InvalidURL | UnicodeError, settings: Settings) -> AttemptFailed:
    """What it means that a request brought no answer."""
    host = urlsplit(settings.base_url).netloc
    if isinstance(error, httpx.ProxyError) and settings.proxy is not None:
        return _failure_of_proxy(error, settings, settings.proxy)
    if isinstance(error, httpx.TimeoutException):
        told = f"{host} gave no whole answer within {settings.request_timeout:g} s"
        return AttemptFailed(Unreachable(told, CHECK_NETWORK), again=True)
    if isinstance(error, httpx.InvalidURL | UnicodeError | httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return AttemptFailed(BadAnswer(f"{host} cannot be asked: {error}"), again=False)
    no_tls = "Is --base-url right? A login page or an old proxy may be in between."
    if (untrusted := _untrusted(error, host, settings.ca_bundle, no_tls)) is not None:
        return AttemptFailed(untrusted, again=False)
    if isinstance(error, httpx.DecodingError):
        return AttemptFailed(Unreachable(f"{host} sent an answer that cannot be unpacked", CHECK_NETWORK), again=True)
    hint = CHECK_SERVER if settings.base_url.startswith("http:") else CHECK_NETWORK
    return AttemptFailed(Unreachable(f"{host} could not be reached: {_plain_reason(error)}", hint), again=True)


def _failure_of_proxy(error: httpx.ProxyError, settings: Settings, proxy_url: str) -> AttemptFailed:
    """What it means that the proxy did not lead to the API. Its own words are not told: they may hold its password."""
    api, url = urlsplit(settings.base_url), urlsplit(proxy_url)
    proxy = f"the proxy {url.netloc.rpartition('@')[2]}"
    no_tls = "The URL of a proxy that is spoken to in plain http begins with http://."
    if (untrusted := _untrusted(error, proxy, settings.ca_bundle, no_tls)) is not None:
        return AttemptFailed(untrusted, again=False)
    answered = re.match(r"\d{3}\b", str(error))
    status = int(answered[0]) if answered else None
    hint, again = CHECK_PROXY, True
    if _cause(error, httpx.TimeoutException) is not None:
        told = f"{proxy} gave no answer within {settings.request_timeout:g} s"
    elif status is None:
        told = f"{proxy} could not be reached: {_plain_reason(error.__cause__ or error)}"
    elif status == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
        told, again = f"{proxy} {'refused its' if url.username else 'wants a'} name and password ({status})", False
        hint = (
            "HTTPS_PROXY takes them: http://NAME:PASSWORD@HOST:PORT, with %40 for @, %3A for : and %2F for / in them."
        )
    elif status >= 500 or status in RETRIED_STATUSES:
        told = f"{proxy} could not reach {api.netloc} ({status})"
    else:
        told, again = f"{proxy} does not lead to {api.netloc} ({status})", False
        hint = f"Whoever runs it may allow that; with {api.hostname} in NO_PROXY it is not asked."
    return AttemptFailed(Unreachable(told, hint), again=again)


def _untrusted(error: httpx.HTTPError, who: str, bundle: str | None, no_tls: str) -> UntrustedServer | None:
    """What it means that no TLS came about that proves `who` it is; None where that is not what went wrong.

    `no_tls` is the hint where there is no certificate at all.
    """
    if (refused := _cause(error, ssl.SSLCertVerificationError)) is not None:
        reason, hint = _why_refused(refused, bundle)
        return UntrustedServer(f"the certificate of {who} was refused: {reason}", hint)
    failed = _cause(error, ssl.SSLError)
    hung_up = isinstance(failed, ssl.SSLEOFError | ssl.SSLZeroReturnError)
    if failed is None or hung_up or isinstance(error, httpx.ReadError | httpx.WriteError):  # it was there before
        return None
    return UntrustedServer(f"{who} does not speak TLS as it should: {_plain_reason(error)}", no_tls)


def _why_refused(error: ssl.SSLCertVerificationError, bundle: str | None) -> tuple[str, str]:
    """Why a certificate was refused, and what to do; by OpenSSL's numbers, which other systems do not give."""
    reason = getattr(error, "verify_message", "") or str(error)
    match getattr(error, "verify_code", None):
        case 9 | 10:
            clock = "Is this machine's date right? If it is, do not trust this server until its certificate is renewed."
            return reason, clock
        case 62 | 64:
            return reason, "Is the address right? If it is, another server answers in its place: do not trust it."
        case 18 | 19 | 20 | 21:
            reason = f"no authority that is trusted here has signed it ({reason})"
    if bundle is not None:
        return reason, f"Its authority is not in {bundle} either; ask who runs the network for the right one."
    return reason, "Behind a company proxy give its authority with --ca-bundle FILE; else do not trust this network."


def wait_after(
    failed: AttemptFailed,
    policy: Policy,
    attempt: int,
    elapsed: float,
    *,
    soonest: float | None,
    share: Callable[[], float],
) -> float:
    """Seconds until the next try after failure number `attempt`, `elapsed` seconds after the first try began.

    Raises the failure's ApiError where no other try may go better, or the policy gives up. For `soonest` and `share`
    see Policy.wait.
    """
    if not failed.again:
        raise failed.error from failed.__cause__
    wait = policy.wait(attempt, elapsed, soonest, share())
    if wait is None:
        raise _with_tries(failed, attempt, elapsed) from failed.__cause__
    return wait


def _with_tries(failed: AttemptFailed, attempt: int, elapsed: float) -> ApiError:
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
            return BadRequest(
                f"the API did not understand the question about {what} (400){says}",
                "Check the ids and names that were asked for; -v shows the requests.",
            )
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
    """Raise AttemptFailed for a redirect: nobody looks where it leads."""
    if 300 <= response.status_code < 400:
        try:
            host = urlsplit(response.headers.get("Location", "")).hostname or ""
        except ValueError:
            host = ""
        to = f" to {host[:100]}" if host else ""
        hint = "Is --base-url right? Is a login page in between?"
        error = BadAnswer(f"the server redirects{to} ({response.status_code}), which is refused", hint)
        error.status = response.status_code
        raise AttemptFailed(error, again=False)


_REASONS = {
    "illegal": "what it sent is no HTTP",
    "Server disconnected": "it hung up without an answer",
    "peer closed connection": "it hung up in the middle of its answer",
}
"""How protocol errors of the HTTP library begin, and what they mean."""


def _plain_reason(error: BaseException) -> str:
    """The reason in a person's words where the system gives one."""
    cause = _cause(error, OSError)
    if isinstance(cause, ssl.SSLError):
        return (cause.reason or "no TLS").lower().replace("_", " ")
    if cause is not None and cause.strerror:
        return cause.strerror
    for words, told in _REASONS.items():
        if str(error).startswith(words):
            return told
    return str(error)[:200] or type(error).__name__


_E = TypeVar("_E", bound=BaseException)


def _cause(error: BaseException, kind: type[_E]) -> _E | None:
    """The first error of that kind among the causes."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, kind):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
