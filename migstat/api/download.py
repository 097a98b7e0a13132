"""Fetches files that the API names, from wherever they are: over the same verified TLS, and with the same retries.

A location may be on any host, so the password goes with a request only where scheme, host and port are those of the
API itself; this is decided anew at every redirect. The query of a location signs it, so no message contains it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import httpx

from migstat.api.failures import CHECK_NETWORK, Redirect, error_of_status
from migstat.api.http import MASK, Http
from migstat.api.retry import retry_after_seconds, retrying
from migstat.errors import BadAnswer, Unreachable
from migstat.files.incoming import Incoming
from migstat.settings.resolve import Settings, elsewhere

MAX_REDIRECTS = 5
"""Redirects in a row that are followed."""

MIN_SECRET = 8
"""Characters of a value in a location's query below which it cannot be a signature."""

MAX_LINK = 64 * 1024
"""Bytes of a JSON answer that are searched for a link to the file."""

Moved = Callable[[int, int | None], None]
"""Called with the bytes of a file so far, and with the total if it is known."""

HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity"}
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
_LINK = re.compile(rb'"https?://([\w.-]{1,100})')


def fetch(http: Http, location: str | None, file: Incoming, moved: Moved, *, json_expected: bool = False) -> None:
    """Download the file at `location`, absolute or relative to the API, until it is complete.

    Files may be of any size, so only silence is limited: for as long as a request may take. JSON with a URL is refused
    as a mere link unless it is `json_expected`. Raises ApiError (NotFound if it is gone for good), and OutputError
    if it cannot be written.
    """

    def receive(response: httpx.Response) -> None:
        if response.status_code != httpx.codes.OK:
            retry_after = retry_after_seconds(response.headers.get("Retry-After"), http.timing.now())
            raise error_of_status(response.status_code, response.url.host, retry_after, of_file=True)
        _write(response, file, moved, json_expected=json_expected)

    secrets: set[str] = set()  # of every location on the way

    def clean(text: str) -> str:
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return http.redactor.text(text)

    def attempt() -> None:
        following, url = location, None
        for _ in range(MAX_REDIRECTS + 1):
            url = _checked(http.settings, following, url)
            secrets.update(_secrets_of(url))
            shown = f"{url.netloc.decode()}{url.path}"
            try:
                http.get(url, HEADERS, receive, shown=shown, limit=math.inf, clean=clean)
                return
            except Redirect as redirect:
                if not redirect.location:
                    raise BadAnswer(f"{url.host} redirects without a location ({redirect.status})") from redirect
                following = redirect.location
        raise BadAnswer(f"{url.host if url else ''} redirects more than {MAX_REDIRECTS} times")

    retrying(attempt, policy=http.policy, timing=http.timing, budget=http.budget, clean=clean)


def _checked(settings: Settings, location: str | None, before: httpx.URL | None) -> httpx.URL:
    """The URL of a location, if it may be requested; `before` is the one that redirects to it."""
    if not location:
        raise BadAnswer("the API gives no location for it")
    try:
        url = (before or httpx.URL(f"{settings.base_url}/")).join(location)
        loopback = elsewhere(settings, str(url)).loopback
    except (httpx.InvalidURL, ValueError) as error:
        raise BadAnswer("its location is not a URL") from error
    plain = url.scheme == "http" and loopback and settings.loopback
    if not url.host or url.userinfo or not (url.scheme == "https" or plain):
        where = f"{url.scheme}://{url.host}" if url.host else url.scheme or "an address without a host"
        named = "its location," if before is None else f"{before.host} redirects to"
        message = f"{named} {where}, {'' if before is None else 'which '}is not allowed"
        hint = "Files are fetched over https only, without a user in the URL; plain http is for loopback addresses."
        raise BadAnswer(message, hint)
    if before is not None and (before.scheme, url.scheme) == ("https", "http"):
        raise BadAnswer(f"{before.host} redirects from https to plain http, which is not allowed")
    return url


def _write(response: httpx.Response, file: Incoming, moved: Moved, *, json_expected: bool) -> None:
    """Write the whole answer to the file. Raises ApiError if it is truncated, or a link instead of the file."""
    headers, host = response.headers, response.url.host
    encoded = headers.get("Content-Encoding", "identity").strip().lower() != "identity"
    length = headers.get("Content-Length", "")
    total = int(length) if _LENGTH.fullmatch(length) and not encoded else None
    file.restart()
    moved(0, total)
    head = b""
    for part in response.iter_bytes():
        file.write(part)
        moved(file.size, total)
        head = head or part
    if total is not None and file.size != total:
        raise Unreachable(f"{host} sent {file.size} of {total} bytes", CHECK_NETWORK, again=True)
    is_json = headers.get("Content-Type", "").partition(";")[0].strip().lower() == "application/json"
    if is_json and not json_expected and (link := _LINK.search(head[:MAX_LINK].replace(b"\\/", b"/"))):
        message = f"{host} sent JSON with a link to {link[1].decode()} instead of the file"
        raise BadAnswer(message, "'migstat artifacts --json' shows where it should be.")


def _secrets_of(url: httpx.URL) -> set[str]:
    """Everything in a URL that may sign it."""
    query = url.query.decode("ascii", "replace")
    values = {query, *re.split("[&=]", query), *(value for _, value in url.params.multi_items())}
    return {value for value in values if len(value) >= MIN_SECRET}
