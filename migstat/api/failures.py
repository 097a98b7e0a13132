"""What a failed request means to a person: the one place where httpx's errors and HTTP statuses become ours."""

from __future__ import annotations

import re
import ssl
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from migstat.api.retry import RETRIED_STATUSES
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
CHECK_PROXY = "The proxy comes from HTTPS_PROXY, ALL_PROXY or the system; hosts in NO_PROXY are reached without it."
PROXY_HINT = "A proxy or a login page may be in between; check the network and --base-url."
LATER = "The problem is on the server's side; try again in a few minutes."


class Redirect(Exception):
    """The server answered with a redirect, which only a download may follow."""

    def __init__(self, status: int, location: str) -> None:
        super().__init__(status)
        self.status = status
        self.location = location

    def refused(self) -> BadAnswer:
        """The error if it must not be followed."""
        try:
            host = urlsplit(self.location).hostname or ""
        except ValueError:
            host = ""
        to = f" to {host[:100]}" if host else ""
        message = f"the server redirects{to} ({self.status}), which is not allowed"
        return BadAnswer(message, "Is --base-url right? Is a login page in between?", status=self.status)


def failure_of(error: Exception, settings: Settings, *, at_proxy: bool) -> ApiError:
    """The failure behind an error of httpx; `at_proxy` if it happened before the proxy connected us to the server."""
    host = urlsplit(settings.base_url).netloc
    if settings.proxy is not None and (at_proxy or isinstance(error, httpx.ProxyError)):
        return _failure_of_proxy(error, settings, settings.proxy)
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        message = f"no complete response from {host} within {settings.request_timeout:g} s"
        return Unreachable(message, CHECK_NETWORK, again=True)
    if isinstance(error, httpx.InvalidURL | UnicodeError | httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return BadAnswer(f"no request can be sent to {host}: {error}")
    if isinstance(error, httpx.DecodingError):
        return Unreachable(f"{host} sent a response that cannot be decompressed", CHECK_NETWORK, again=True)
    no_tls = "Is --base-url right? A login page or an old proxy may be in between."
    if (untrusted := _untrusted(error, host, settings.ca_bundle, no_tls)) is not None:
        return untrusted
    hint = CHECK_SERVER if settings.base_url.startswith("http:") else CHECK_NETWORK
    return Unreachable(f"cannot reach {host}: {_plain_reason(error)}", hint, again=True)


def _failure_of_proxy(error: Exception, settings: Settings, proxy_url: str) -> ApiError:
    """The failure of a proxy that did not connect us. Its own words are not quoted: they may hold its password."""
    api, url = urlsplit(settings.base_url), urlsplit(proxy_url)
    proxy = f"the proxy {url.netloc.rpartition('@')[2]}"
    no_tls = "The URL of a proxy that speaks plain http starts with http://."
    if (untrusted := _untrusted(error, proxy, settings.ca_bundle, no_tls)) is not None:
        return untrusted
    answered = re.match(r"\d{3}\b", str(error))
    status = int(answered[0]) if answered else None
    hint, again = CHECK_PROXY, True
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        message = f"{proxy} did not answer within {settings.request_timeout:g} s"
    elif status is None:
        message = f"cannot reach {proxy}: {_plain_reason(error)}"
    elif status == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
        message = f"{proxy} {'rejected its' if url.username else 'requires a'} user name and password ({status})"
        hint = "Set HTTPS_PROXY to http://NAME:PASSWORD@HOST:PORT, with %40 for @, %3A for : and %2F for /."
        again = False
    elif status >= 500 or status in RETRIED_STATUSES:
        message = f"{proxy} cannot reach {api.netloc} ({status})"
    else:
        message, again = f"{proxy} does not allow connections to {api.netloc} ({status})", False
        hint = f"Ask its administrator, or add {api.hostname} to NO_PROXY to bypass it."
    return Unreachable(message, hint, again=again)


def _untrusted(error: Exception, who: str, bundle: str | None, no_tls: str) -> UntrustedServer | None:
    """The error if TLS failed to prove who it is, else None; `no_tls` is the hint if there is no certificate."""
    if (refused := _cause(error, ssl.SSLCertVerificationError)) is not None:
        reason, hint = _why_refused(refused, bundle)
        return UntrustedServer(f"the certificate of {who} is not valid: {reason}", hint)
    failed = _cause(error, ssl.SSLError)
    hung_up = isinstance(failed, ssl.SSLEOFError | ssl.SSLZeroReturnError)
    # once bytes were read or written the handshake was over, so it is a broken connection
    if failed is None or hung_up or isinstance(error, httpx.ReadError | httpx.WriteError):
        return None
    return UntrustedServer(f"{who} does not speak proper TLS: {_plain_reason(error)}", no_tls)


def _why_refused(error: ssl.SSLCertVerificationError, bundle: str | None) -> tuple[str, str]:
    """The reason and a hint, by OpenSSL's numbers; the verifiers of Windows and macOS have none."""
    reason = getattr(error, "verify_message", "") or str(error)
    match getattr(error, "verify_code", None):
        case 9 | 10:
            return (
                reason,
                "Is this machine's date right? If so, do not trust this server until it has a new certificate.",
            )
        case 62 | 64:
            return reason, "Is the address right? If so, another server answers in its place: do not trust it."
        case 18 | 19 | 20 | 21:
            reason = f"it is not signed by a trusted authority ({reason})"
    if bundle is not None:
        return reason, f"Its authority is not in {bundle} either; ask your network team for the right one."
    return reason, "Behind a company proxy, set MIGSTAT_CA_BUNDLE to its CA file; otherwise do not trust this network."


BUSY, OTHER = 503, 0
_OF_API: dict[int, tuple[type[ApiError], str, str]] = {
    400: (
        BadRequest, "the API rejected the request for {what} (400)",
        "Check the ids and names you asked for; -v shows the requests.",
    ),
    401: (
        Refused, "the API rejected the credentials (401)",
        "Check the e-mail address and the API token, which may have expired.",
    ),
    403: (
        Refused, "this account may not see {what} (403)",
        "It must be a site or organization admin of the destination site.",
    ),
    404: (NotFound, "{what} not found (404)", "Check the ids; a new run may take a moment to appear."),
    410: (NotFound, "{what} is gone (410)", "The API no longer keeps it; 'migstat tasks' lists the runs it has."),
    429: (RateLimited, "the API's request limit is used up (429)", "{pause}; the limit is shared with colleagues."),
    BUSY: (Unreachable, "the API returned an error for {what} ({status})", LATER),
    OTHER: (BadAnswer, "the API responded with {status} for {what}", "Is --base-url right?"),
}  # fmt: skip
_GONE = (NotFound, "{what} no longer has it ({status})", "Files of a run are kept for a few days only.")
_EXPIRED = (Refused, "{what} refused it ({status})", "Links expire; run the command again for a new one.")
_OF_FILE: dict[int, tuple[type[ApiError], str, str]] = {
    401: _EXPIRED,
    403: _EXPIRED,
    404: _GONE,
    410: _GONE,
    429: (RateLimited, "{what} gets too many requests (429)", "{pause}."),
    BUSY: (Unreachable, "{what} failed to send it ({status})", LATER),
    OTHER: (BadAnswer, "{what} responded with {status}", ""),
}


def error_of_status(
    status: int, what: object, retry_after: float | None, *, says: str = "", of_file: bool = False
) -> ApiError:
    """The error for a response other than 200 for `what`, the host if it is the response `of_file`.

    `says` is the server's own message, ready to be appended.
    """
    again, words = status in RETRIED_STATUSES, _OF_FILE if of_file else _OF_API
    kind, message, hint = words.get(status) or words[BUSY if again or status >= 500 else OTHER]
    message, hint = message.format(what=what, status=status) + says, hint.format(pause=_pause(retry_after))
    return kind(message, hint, again=again, retry_after=retry_after, status=status)


def _pause(retry_after: float | None) -> str:
    if retry_after is None or retry_after <= 60:
        return "Wait a minute"
    minutes = -(-retry_after // 60)
    return f"Wait {minutes:.0f} minutes" if minutes < 180 else f"Wait {minutes / 60:.0f} hours"


_REASONS = {
    "illegal": "it did not respond with HTTP",
    "Receive buffer too long": "its response headers never end",
    "Server disconnected": "it closed the connection without a response",
    "peer closed connection": "it closed the connection in the middle of its response",
}
"""How messages of httpx about broken protocol begin, and what they mean."""


def _plain_reason(error: BaseException) -> str:
    """The reason in plain words: those of the system where it gave any."""
    cause = _cause(error, OSError)
    if isinstance(cause, ssl.SSLError):
        return (cause.reason or "no TLS").lower().replace("_", " ")
    if cause is not None and cause.strerror:
        return cause.strerror
    for words, meaning in _REASONS.items():
        if str(error).startswith(words):
            return meaning
    return str(error)[:200] or type(error).__name__


_E = TypeVar("_E", bound=BaseException)


def _cause(error: BaseException, kind: type[_E]) -> _E | None:
    """The first error of that kind in the chain of causes."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, kind):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
