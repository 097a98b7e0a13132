"""Fetches files that the API names, from wherever they are: over the same verified TLS, and with the same retries.

A location may be on any host, so the password goes with a request only where scheme, host and port are those of the
API itself; this is decided anew at every redirect. The query of a location signs it, so no message contains it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import httpx

from migstat.api.connection import Redirect
from migstat.api.failures import CHECK_NETWORK, error_of_file
from migstat.api.http import Http
from migstat.api.redaction import MASK, Redactor
from migstat.api.retry import RETRIED_STATUSES, AttemptFailed, retry_after_seconds
from migstat.errors import BadAnswer, Unreachable
from migstat.files.incoming import Incoming
from migstat.settings.resolve import elsewhere

REDIRECTS = 5
"""Redirects in a row that are followed."""

SHORTEST_SECRET = 8
"""Characters of a value in a location's query below which it cannot be a signature."""

LARGEST_LINK = 64 * 1024
"""Bytes of a JSON answer in which a link to the file is looked for."""

Moved = Callable[[int, int | None], None]
"""Called with the bytes of a file so far, and with all of them where that is known."""

_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity"}
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
_LINK = re.compile(rb'"https?://([\w.-]{1,100})')


def fetch(http: Http, location: str | None, file: Incoming, moved: Moved, *, json_expected: bool = False) -> None:
    """Write what is at `location`, absolute or relative to the API, to the file, until it is whole.

    Files may be of any size, so only silence is limited: for as long as a request may take. JSON with a URL is refused
    as a mere link unless it is `json_expected`. Raises ApiError (NotFound where it is gone for good), and OutputError
    where it cannot be written.
    """

    def receive(response: httpx.Response) -> None:
        status = response.status_code
        if status != httpx.codes.OK:
            retry_after = retry_after_seconds(response.headers.get("Retry-After"), http.timing.now())
            error = error_of_file(status, response.url.host, retry_after)
            raise AttemptFailed(error, again=status in RETRIED_STATUSES, retry_after=retry_after)
        _write(response, file, moved, json_expected=json_expected)

    def attempt() -> None:
        url = _checked(http, httpx.URL(f"{http.settings.base_url}/"), location, None)
        for _ in range(REDIRECTS + 1):
            with http.exchange(f"{url.netloc.decode()}{url.path}") as result:
                try:
                    http.get(url, _HEADERS, receive, limit=math.inf)
                    result.append("200")
                    return
                except Redirect as redirect:
                    result.append(str(redirect.status))
                    if not redirect.location:
                        message = f"{url.host} redirects without a location ({redirect.status})"
                        raise AttemptFailed(BadAnswer(message), again=False) from redirect
                    following = redirect.location
                except AttemptFailed as failed:
                    raise _without_secrets(failed, url, http.redactor) from failed.__cause__
            url = _checked(http, url, following, url)
        raise AttemptFailed(BadAnswer(f"{url.host} redirects more than {REDIRECTS} times"), again=False)

    http.retrying(attempt)


def _checked(http: Http, base: httpx.URL, location: str | None, before: httpx.URL | None) -> httpx.URL:
    """The URL of a location, if it may be asked; `before` is the one that redirects to it."""
    if not location:
        raise AttemptFailed(BadAnswer("the API does not say where it is"), again=False)
    try:
        url = base.join(location)
        loopback = elsewhere(http.settings, str(url)).loopback
    except (httpx.InvalidURL, ValueError) as error:
        raise AttemptFailed(BadAnswer("its location is not a URL"), again=False) from error
    plain = url.scheme == "http" and loopback and http.settings.loopback
    if not url.host or url.userinfo or not (url.scheme == "https" or plain):
        source = "it is" if before is None else f"{before.host} redirects to a location"
        where = f"{url.scheme}://{url.host}" if url.host else url.scheme or "an address without a host"
        hint = "Files are fetched over https only, without a user in the URL; plain http is for loopback addresses."
        refused = AttemptFailed(BadAnswer(f"{source} at {where}, which is not allowed", hint), again=False)
        raise _without_secrets(refused, before or url, http.redactor)
    if before is not None and (before.scheme, url.scheme) == ("https", "http"):
        message = f"{before.host} redirects from https to plain http, which is not allowed"
        raise AttemptFailed(BadAnswer(message), again=False)
    return url


def _write(response: httpx.Response, file: Incoming, moved: Moved, *, json_expected: bool) -> None:
    """Write the whole answer to the file. Raises AttemptFailed where it is cut, or a link instead of the file."""
    headers, host = response.headers, response.url.host
    packed = headers.get("Content-Encoding", "identity").strip().lower() != "identity"
    length = headers.get("Content-Length", "")
    total = int(length) if _LENGTH.fullmatch(length) and not packed else None
    file.restart()
    moved(0, total)
    head = b""
    for part in response.iter_bytes():
        file.write(part)
        moved(file.size, total)
        head = head or part
    if total is not None and file.size != total:
        message = f"{host} sent {file.size} of {total} bytes"
        raise AttemptFailed(Unreachable(message, CHECK_NETWORK), again=True)
    is_json = headers.get("Content-Type", "").partition(";")[0].strip().lower() == "application/json"
    if is_json and not json_expected and (link := _LINK.search(head[:LARGEST_LINK].replace(b"\\/", b"/"))):
        message = f"{host} sent JSON with a link to {link[1].decode()} instead of the file"
        raise AttemptFailed(BadAnswer(message, "'migstat artifacts --json' shows where it should be."), again=False)


def _without_secrets(failed: AttemptFailed, url: httpx.URL, redactor: Redactor) -> AttemptFailed:
    """The same failure without the credentials, and without what signs the URL."""
    query = url.query.decode("ascii", "replace")
    values = {query, *re.split("[&=]", query), *(value for _, value in url.params.multi_items())}
    secrets = sorted((each for each in values if len(each) >= SHORTEST_SECRET), key=len, reverse=True)

    def mask(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, MASK)
        return redactor.text(text)

    return failed.rephrased(mask)
