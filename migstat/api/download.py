"""Fetches files that the API names, from wherever they are: over the same verified TLS, retried, gone on with by Range.

A location may lie on any host, so the password goes with a request only where scheme, host and port are those of the
API itself; the same is judged anew at every redirect. What is in a location's query signs it, so no message holds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256

import httpx

from migstat import __version__
from migstat.api.endpoints import Exchange, Observers, Timing
from migstat.api.failures import CHECK_NETWORK, AttemptFailed, failure_of, wait_after
from migstat.api.partial import Partial
from migstat.api.redaction import MASK, Redactor
from migstat.api.retry import RETRIED_STATUSES, Policy, retry_after_seconds
from migstat.api.transport import Deadline, open_transport
from migstat.errors import ApiError, BadAnswer, NotFound, RateLimited, Refused, Unreachable
from migstat.settings.resolve import Settings, elsewhere

REDIRECTS = 5
"""How often in a row a server may send us elsewhere."""

SHORTEST_SECRET = 8
"""Characters of a value in a location's query below which it says nothing to anybody."""

Moved = Callable[[int, int | None], None]
"""Is told how many bytes of a file there are, and of how many, where that is known."""

_STRONG_TAG = re.compile(r'"[\x21\x23-\x7e]{0,200}"')
_DATE = re.compile(r"[A-Z][a-z]{2}, [\w: ]{10,30} GMT", re.ASCII)
_PART = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)


def identity_of(*parts: str | None) -> str:
    """A word for a file that is named by these, the last of them its location, which may be signed anew every time."""
    *names, location = parts
    unsigned = (location or "").partition("?")[0]
    return sha256("\0".join([*(name or "" for name in names), unsigned]).encode(errors="replace")).hexdigest()


class Downloads:
    """Fetches files with the account of the settings; close it when done.

    Files may be of any size, so only silence is limited: a server may send nothing for as long as one request may take.
    """

    def __init__(
        self,
        settings: Settings,
        timing: Timing,
        *,
        policy: Policy | None = None,
        observers: Observers | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._timing = timing
        self._policy = policy or Policy()
        self._observers = observers or Observers()
        self._transport = transport
        self._own = _origin(httpx.URL(settings.base_url))
        self._auth = httpx.BasicAuth(settings.email, settings.token.reveal())
        self._redactor = Redactor(settings)
        self._clients: dict[tuple[str, str, int | None], httpx.Client] = {}

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()

    def fetch(self, location: str | None, partial: Partial, moved: Moved) -> None:
        """Fetch what is at `location`, relative to the API or not, until it is whole and has its name.

        Patience begins anew as long as attempts bring more of it than there ever was. Raises ApiError (NotFound where
        it is gone for good), and OutputError where it cannot be written.
        """
        first, attempt, most = self._timing.clock(), 1, partial.size
        while True:
            try:
                self._attempt(location, partial, moved)
                return
            except AttemptFailed as failed:
                if partial.size > most:
                    first, attempt, most = self._timing.clock(), 1, partial.size
                self._wait_or_raise(failed, attempt, self._timing.clock() - first)
            attempt += 1

    def _wait_or_raise(self, failed: AttemptFailed, attempt: int, elapsed: float) -> None:
        soonest = failed.retry_after
        wait = wait_after(failed, self._policy, attempt, elapsed, soonest=soonest, share=self._timing.share)
        self._observers.waiting(wait, failed.error.message)
        self._timing.sleep(wait)

    def _attempt(self, location: str | None, partial: Partial, moved: Moved) -> None:
        """One attempt, with as many requests as redirects make of it."""
        if not partial.validator:
            partial.restart()  # nobody knows what it was of
        url = self._judged(httpx.URL(f"{self._settings.base_url}/"), location, None)
        for _ in range(REDIRECTS + 1):
            try:
                with self._answer(url, partial) as (response, patience):
                    self._take(response, patience, partial, moved)
                    return
            except _Redirected as redirected:
                url = self._judged(url, redirected.location, url)
        raise AttemptFailed(BadAnswer(f"{url.host} redirects more than {REDIRECTS} times"), again=False)

    def _judged(self, base: httpx.URL, location: str | None, before: httpx.URL | None) -> httpx.URL:
        """The address that `location` means, if it may be asked; `before` is the one that redirects to it."""
        if not location:
            raise AttemptFailed(BadAnswer("the API does not say where it is"), again=False)
        try:
            url = base.join(location)
            reached = elsewhere(self._settings, str(url))
        except (httpx.InvalidURL, ValueError) as error:
            raise AttemptFailed(BadAnswer("its location is no URL"), again=False) from error
        plain = url.scheme == "http" and reached.loopback and self._settings.loopback
        if not url.host or url.userinfo or not (url.scheme == "https" or plain):
            what = "it lies at" if before is None else f"{before.host} redirects to"
            refused = AttemptFailed(BadAnswer(f"{what} {_shown(url)}, which is refused", _ONLY_HTTPS), again=False)
            raise refused.cleaned(lambda text: self._harmless(text, before or url))
        if before is not None and (before.scheme, url.scheme) == ("https", "http"):
            message = f"{before.host} redirects from https to plain http, which is refused"
            raise AttemptFailed(BadAnswer(message), again=False)
        return url

    @contextmanager
    def _answer(self, url: httpx.URL, partial: Partial) -> Iterator[tuple[httpx.Response, Deadline]]:
        """Ask for what is missing of the file; what goes wrong until the end of the block is AttemptFailed."""
        began = self._timing.clock()
        result = ""
        try:
            with self._sent(url, _missing(partial)) as (response, patience):
                result = str(response.status_code)
                yield response, patience
        except _Redirected as redirected:
            result = str(redirected.status)
            raise
        except AttemptFailed as failed:
            clean = failed.cleaned(lambda text: self._harmless(text, url))
            result = str(clean.error.status or clean.error.message)
            raise clean from failed.__cause__
        finally:
            seconds = self._timing.clock() - began
            path = self._redactor.text(f"{url.netloc.decode()}{url.path}")
            self._observers.exchanged(Exchange(path, 1, result, seconds))

    @contextmanager
    def _sent(self, url: httpx.URL, headers: dict[str, str]) -> Iterator[tuple[httpx.Response, Deadline]]:
        patience = Deadline(self._settings.request_timeout, self._timing.clock)
        own = _origin(url) == self._own
        client = self._client(url)
        try:
            request = client.build_request("GET", url, headers=headers, timeout=httpx.Timeout(patience))
            response = client.send(request, auth=self._auth if own else None, stream=True)
            try:
                yield response, patience
            finally:
                response.close()
        except httpx.TimeoutException as error:
            message = f"{url.host} sent nothing for {self._settings.request_timeout:g} s"
            raise AttemptFailed(Unreachable(message, CHECK_NETWORK), again=True) from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise failure_of(error, self._there(url)) from error

    def _client(self, url: httpx.URL) -> httpx.Client:
        """The client for a host."""
        origin = _origin(url)
        if origin not in self._clients:
            self._clients[origin] = httpx.Client(
                transport=self._transport or open_transport(self._there(url)),
                event_hooks={"response": [_tell_redirect]},
                headers={"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": f"migstat/{__version__}"},
                trust_env=False,
            )
        return self._clients[origin]

    def _there(self, url: httpx.URL) -> Settings:
        """The settings for a host: with the proxy and the kind of TLS that are right for it."""
        return self._settings if _origin(url) == self._own else elsewhere(self._settings, str(url))

    def _take(self, response: httpx.Response, patience: Deadline, partial: Partial, moved: Moved) -> None:
        """Write the answer behind what there is, and give the file its name if that was all of it."""
        total = self._begun(response, partial)
        moved(partial.size, total)
        for part in response.iter_bytes():
            partial.write(part)
            moved(partial.size, total)
            patience.at = self._timing.clock() + patience
        if total is not None and partial.size != total:
            message = f"{response.url.host} sent {partial.size} of {total} bytes"
            raise AttemptFailed(Unreachable(message, CHECK_NETWORK), again=True)
        partial.finish()

    def _begun(self, response: httpx.Response, partial: Partial) -> int | None:
        """Make ready for what the answer holds; how many bytes the whole file has, where that is known."""
        headers = response.headers
        packed = headers.get("Content-Encoding", "identity").strip().lower() != "identity"
        validator = None if packed else _validator(headers)  # a part of what is packed is of no use
        if response.status_code == httpx.codes.OK:
            partial.restart(validator)
            length = headers.get("Content-Length", "")
            return int(length) if _LENGTH.fullmatch(length) and not packed else None
        if response.status_code == httpx.codes.PARTIAL_CONTENT and partial.size:
            part = _PART.fullmatch(headers.get("Content-Range", "").strip())
            first, last, total = map(int, part.groups()) if part else (0, 0, 0)
            fits = first == partial.size <= last < total
            if fits and not packed and validator in (None, partial.validator):
                return total
        if response.status_code in _NOT_THE_REST and partial.size:
            partial.restart()
            message = f"{response.url.host} does not send the rest of it"
            raise AttemptFailed(Unreachable(message, "Start again from its beginning."), again=True)
        failed = self._refusal(response)
        if isinstance(failed.error, NotFound):
            partial.restart()  # nobody will ever need what there is of it
        raise failed

    def _refusal(self, response: httpx.Response) -> AttemptFailed:
        """What an answer means that does not hold the file."""
        status = response.status_code
        retry_after = retry_after_seconds(response.headers.get("Retry-After"), self._timing.now())
        error = _error_of_status(status, response.url.host)
        error.status = status
        return AttemptFailed(error, again=status in RETRIED_STATUSES, retry_after=retry_after)

    def _harmless(self, text: str, url: httpx.URL) -> str:
        """The text without credentials, and without what signs the address."""
        query = url.query.decode("ascii", "replace")
        secrets = {query, *re.split("[&=]", query), *(value for _, value in url.params.multi_items())}
        for secret in sorted(secrets, key=len, reverse=True):
            if len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, MASK)
        return self._redactor.text(text)


_ONLY_HTTPS = "Files are fetched over https, without a user in the address; plain http is for loopback only."
_NOT_THE_REST = (httpx.codes.PARTIAL_CONTENT, httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE)


class _Redirected(Exception):
    """A server sends us to another location."""

    def __init__(self, status: int, location: str) -> None:
        super().__init__(status)
        self.status = status
        self.location = location


def _tell_redirect(response: httpx.Response) -> None:
    """Raise _Redirected for a redirect; as a hook of the client, which else looks by itself where it leads."""
    if response.has_redirect_location:
        raise _Redirected(response.status_code, response.headers["Location"])


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"https": 443, "http": 80}.get(url.scheme)


def _shown(url: httpx.URL) -> str:
    """An address for people: nothing that signs it, no password."""
    return f"{url.scheme}://{url.host}" if url.host else url.scheme or "an address without a host"


def _missing(partial: Partial) -> dict[str, str]:
    """What asks for the rest of a file, if it is still that version; nothing where the whole is needed."""
    if not partial.size or not partial.validator:
        return {}
    return {"Range": f"bytes={partial.size}-", "If-Range": partial.validator}


def _validator(headers: httpx.Headers) -> str | None:
    """What names this version to the byte: a strong tag, else the date of its last change."""
    tag, date = headers.get("ETag", "").strip(), headers.get("Last-Modified", "").strip()
    return tag if _STRONG_TAG.fullmatch(tag) else date if _DATE.fullmatch(date) else None


def _error_of_status(status: int, host: str) -> ApiError:
    match status:
        case 404 | 410:
            return NotFound(f"{host} does not have it any more ({status})", "What a run leaves is kept for some days.")
        case 401 | 403:
            return Refused(f"{host} refused it ({status})", "Addresses expire; ask again for a new one.")
        case 429:
            return RateLimited(f"{host} is asked too often (429)", "Wait a minute.")
    if status >= 500 or status in RETRIED_STATUSES:
        return Unreachable(f"{host} failed on it ({status})", "It is not your command; try again in some minutes.")
    return BadAnswer(f"{host} answered {status}")
