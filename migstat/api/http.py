"""Sends GET requests: verified TLS, proxies, deadlines, and no credentials in the log."""

from __future__ import annotations

import base64
import json
import math
import re
import ssl
import sys
import zlib
from collections.abc import Callable, Iterator
from copy import copy
from email.utils import parsedate_to_datetime
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from threading import Lock
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from msgspec.structs import replace

from migstat import __version__
from migstat.api.failures import PROXY_HINT, Redirect, failure_of
from migstat.api.retry import Budget, Clock, Policy, Sleep, Timing, epoch_seconds
from migstat.api.threads import Workers
from migstat.errors import ApiError, BadAnswer, UsageError
from migstat.model.nodes import EARLIEST_STAMP, Job, Page, Task, TaskPage
from migstat.settings.resolve import MIN_TOKEN_LENGTH, Settings, elsewhere

_T = TypeVar("_T")
Origin = tuple[str, bytes]
"""Scheme, and host with port unless it is the scheme's own: only the API's origin gets the credentials."""

GRACE = 0.25
"""Extra seconds before a request is abandoned: httpx's own time-out should fire first, as its error says more."""

KEPT_ALIVE = 30.0
"""Seconds that a connection may stay unused; longer than the usual pause between two polls."""

MAX_BODY = 8 * 1024 * 1024
"""Bytes, decompressed. A page of 20 children has some 10 KB, so nothing larger than this comes from the API."""

MAX_ERROR = 64 * 1024
"""Bytes of an answer other than 200 that are read for its message."""

PIECE = 256 * 1024
"""Bytes that are decompressed at a time."""

ENCODINGS = ("gzip", "deflate")
"""Encodings of a body, one at a time: gzip in gzip makes gigabytes of a few kilobytes."""

MASK = "***"
USER_AGENT = {"User-Agent": f"migstat/{__version__}"}
EMPTY_STREAM = httpx.ByteStream(b"")
CLOSED = "the client is closed", "Make a new one."


class Exchange(msgspec.Struct, frozen=True):
    """A request and its `result`, the HTTP status or an error message, for the log of `--verbose`."""

    path: str
    page: int
    result: str
    seconds: float


class Resource(msgspec.Struct, frozen=True):
    """The subject of a request: a job, or one of its tasks; `page` counts from 1."""

    job_id: str
    task_id: str | None = None
    page: int = 1

    def __str__(self) -> str:
        return f"task {self.task_id} of job {self.job_id}" if self.task_id else f"job {self.job_id}"


class Observers(msgspec.Struct, frozen=True):
    """Callbacks, silent by default; all may be called from several threads.

    `exchanged` is called after every request, `waiting` with the seconds of a pause and its reason, `pending` with the
    seconds for which a request has been under way, a few times a second, and `answered` with every decoded answer.
    """

    exchanged: Callable[[Exchange], None] | None = None
    waiting: Callable[[float, str], None] = lambda _seconds, _reason: None
    pending: Callable[[float], None] = lambda _: None
    answered: Callable[[Resource, Job | Task | TaskPage | Page], None] = lambda _resource, _answer: None


class Http:
    """Connections to the API's server and to the servers of its files. Thread-safe."""

    def __init__(
        self,
        settings: Settings,
        timing: Timing,
        *,
        policy: Policy | None = None,
        observers: Observers | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.settings = settings
        self.timing = timing
        self.observers = observers or Observers()
        # seconds by which the API's clock is ahead of `timing.clock`, which unlike the local time is never set
        self._ahead: float | None = None
        self.redactor = Redactor(settings)
        self.budget = Budget(settings.rate_limit, timing.clock, self.observers.waiting)
        try:
            url = httpx.URL(settings.base_url)
        except (httpx.InvalidURL, UnicodeError) as error:
            raise UsageError(f"{settings.base_url} is not a valid URL: {error}", "Check --base-url.") from error
        pair = base64.b64encode(f"{settings.email}:{settings.token.secret}".encode()).decode()
        self._credentials = {"Authorization": f"Basic {pair}"}
        self.policy = policy or Policy()
        self._transport = transport
        # one at a time: a hostile answer takes many times its size while it is decoded
        self.decoding = Lock()
        self._lock = Lock()
        self._own: Origin = (url.scheme, url.netloc)
        # by origin, and none once all are closed; shared with copies of another patience
        self._clients = {self._own: open_client(settings, transport)}
        self._workers = Workers()

    def close(self) -> None:
        """Close all connections; requests under way and later ones raise UsageError."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
        self._workers.close()

    def with_policy(self, policy: Policy, sleep: Sleep, ends_at: float = math.inf) -> Self:
        """The same connections and request budget with another patience. For `ends_at` see Timing."""
        other = copy(self)
        other.policy = policy
        other.timing = replace(self.timing, sleep=sleep, ends_at=ends_at)
        return other

    def note_date(self, date: str | None) -> None:
        """Compare the clocks by the `Date` of an answer of the API, if it has one that can be read."""
        then = epoch_seconds(date, parsedate_to_datetime)
        if then is None or then * 1000 < EARLIEST_STAMP:
            return
        ahead = then - self.timing.clock()
        # An answer is older than its arrival, and much older if a cache kept it: the latest date is the nearest.
        with self._lock:
            self._ahead = ahead if self._ahead is None else max(self._ahead, ahead)

    def server_time(self) -> float | None:
        """The time by the API's own clock, in epoch seconds; None until an answer bears a date."""
        return None if self._ahead is None else self.timing.clock() + self._ahead

    def get(
        self,
        url: str | httpx.URL,
        headers: dict[str, str],
        receive: Callable[[httpx.Response], _T],
        *,
        shown: str,
        clean: Callable[[str], str],
        page: int = 1,
        limit: float | None = None,
    ) -> tuple[httpx.Response, _T]:
        """Send one request in a daemon thread; the closed response, and what `receive` made of it there.

        All of it may take `limit` seconds, by default the request time-out. The credentials go to the API's own origin
        only. `shown` is the URL for the log, and `clean` removes secrets from the log; errors that are raised may still
        contain them. Raises Redirect, and ApiError for everything that httpx raises or that takes too long.
        """
        settings, route = self.settings, _Route()
        began, result = self.timing.clock(), "no answer"
        try:
            url = httpx.URL(url)
            origin = (url.scheme, url.netloc)
            headers = headers | USER_AGENT
            if origin == self._own:
                headers |= self._credentials
            else:
                settings = elsewhere(settings, str(url))  # it may be behind another proxy
            with self._lock:
                if not self._clients:
                    raise UsageError(*CLOSED)
                if origin not in self._clients:
                    self._clients[origin] = open_client(settings, self._transport)
                client = self._clients[origin]
            trace = {"trace": route} if settings.proxy else None
            longest = settings.request_timeout + GRACE if limit is None else limit
            response, received = self._workers.call(
                lambda: _send(client, receive, url=url, headers=headers, extensions=trace),
                min(longest, self.timing.ends_at - began),
                self.observers.pending,
            )
            result = str(response.status_code)
        except Redirect as redirect:
            result = str(redirect.status)
            raise
        except ApiError as error:  # of `receive`
            result = str(error.status or error.message)
            raise
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, TimeoutError) as error:
            failure = failure_of(error, settings, at_proxy=route.at_proxy)
            result = failure.message
            raise failure from error
        except RuntimeError as error:  # what httpx raises if the client was closed meanwhile
            if not self._clients:
                raise UsageError(*CLOSED) from error
            raise
        finally:
            if (exchanged := self.observers.exchanged) is not None:
                seconds = self.timing.clock() - began
                exchanged(Exchange(clean(shown), page, clean(result), seconds))
        return response, received


def _send(
    client: httpx.Client,
    receive: Callable[[httpx.Response], _T],
    *,
    url: httpx.URL,
    headers: dict[str, str],
    extensions: dict[str, Any] | None,
) -> tuple[httpx.Response, _T]:
    # Not `client.build_request`, which merges the client's headers and cookies, and with an empty stream, or httpx
    # looks for a body: each takes longer than decoding the answer.
    headers = {"Host": url.netloc.decode(), **headers}  # what httpx adds only where it makes the stream
    request = httpx.Request("GET", url, headers=headers, extensions=extensions, stream=EMPTY_STREAM)
    response = client.send(request, stream=True)
    try:
        return response, receive(response)
    finally:
        response.close()
        # it refers back to the response, and the collector, which runs seldom, would keep both for hours
        response.stream = EMPTY_STREAM


def read_body(response: httpx.Response, resource: Resource, clock: Clock, seconds: float) -> bytes:
    """Read and decompress the body within `seconds`; of an error only as much as a message needs."""
    good = response.status_code == httpx.codes.OK
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", *ENCODINGS):
        if not good:
            return b""
        message = f"the response for {resource} is encoded as {encoding[:40]!r}, which was not requested"
        raise BadAnswer(message, PROXY_HINT)
    # httpx's own time-out is for a single read: a drip of bytes would keep an abandoned thread for hours
    ends_at = clock() + seconds
    body = bytearray()
    for part in _decompressed(response, encoding):
        body += part
        if len(body) > MAX_ERROR and not good:
            return b""
        if len(body) > MAX_BODY:
            raise BadAnswer(f"the response for {resource} is larger than {MAX_BODY >> 20} MiB", PROXY_HINT)
        if clock() > ends_at:
            raise httpx.ReadTimeout("")
    return bytes(body)


def _decompressed(response: httpx.Response, encoding: str) -> Iterator[bytes]:
    """Yield the body in pieces; httpx would decompress all it received at once, up to a thousand times its size."""
    if encoding not in ENCODINGS or response.is_stream_consumed:
        yield from response.iter_bytes() if response.is_stream_consumed else response.iter_raw()
        return
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # either of gzip's and zlib's headers
    begun = False
    try:
        for part in response.iter_raw():
            if part and not begun and encoding == "deflate" and part[0] & 0x0F != zlib.DEFLATED:
                inflater = zlib.decompressobj(-zlib.MAX_WBITS)  # some servers send it without a header
            begun = begun or bool(part)
            rest = part
            while rest:
                if inflater.eof:
                    if encoding != "gzip" or rest[0] != 0x1F:  # not another member, so padding
                        return
                    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
                yield inflater.decompress(rest, PIECE)
                rest = inflater.unused_data or inflater.unconsumed_tail
        yield inflater.flush()
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error


class _Route:
    """How far a request got on its way through a proxy, which httpx reports to its `trace` extension only."""

    at_proxy = False

    def __call__(self, step: str, _: object) -> None:
        if step.endswith(".connect_tcp.started"):
            self.at_proxy = True
        elif step in ("proxy.start_tls.started", "socks.start_tls.started"):
            self.at_proxy = False


def open_client(settings: Settings, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """Open a client for the server of the settings; it raises Redirect for every redirect.

    Raises UsageError for a proxy or a CA bundle that cannot be used. `transport` replaces the network in tests.
    """
    if settings.base_url.startswith("https:"):
        context = _tls(settings.ca_bundle, ssl.get_default_verify_paths())
    else:  # unused, so without authorities: loading them is slower than the request
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    proxy = None
    try:
        if settings.proxy is not None and transport is None:
            # a proxy that is spoken to over TLS is verified like the API
            verified = context if httpx.URL(settings.proxy).scheme == "https" else None
            proxy = httpx.Proxy(settings.proxy, ssl_context=verified)
        return httpx.Client(
            transport=transport,
            verify=context,
            proxy=proxy,
            timeout=settings.request_timeout,
            limits=httpx.Limits(keepalive_expiry=KEPT_ALIVE),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # else they would grow all night
            event_hooks={"response": [_raise_redirect]},
            trust_env=False,
        )
    except ImportError as error:
        raise UsageError(
            "the configured proxy is a SOCKS proxy, which needs an extra package",
            "Run pip install 'migstat[socks]', or set HTTPS_PROXY to an http:// proxy.",
        ) from error
    except (ValueError, httpx.InvalidURL) as error:  # its text may hold the proxy's password
        raise UsageError(
            "the proxy in the environment is not a valid URL",
            "Set HTTPS_PROXY or ALL_PROXY to a URL such as http://proxy.example:3128.",
        ) from error


def _raise_redirect(response: httpx.Response) -> None:
    # in a hook, since httpx parses the location of any redirect, followed or not, and fails on a bad one
    if 300 <= response.status_code < 400:
        raise Redirect(response.status_code, response.headers.get("Location", ""))


@cache  # one context per CA bundle: all servers are verified in the same way, and parsing authorities is slow
def _tls(ca_bundle: str | None, paths: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    """Verification against the system's authorities, and those of MIGSTAT_CA_BUNDLE in addition.

    `paths` are OpenSSL's, after SSL_CERT_FILE and SSL_CERT_DIR.
    """
    if sys.platform in ("win32", "darwin") or not (paths.cafile or paths.capath):
        import truststore

        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        # truststore would parse the whole bundle for every connection here, which takes 30 ms; of a directory of
        # hashed names OpenSSL reads the one authority that it needs
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        hashed = re.compile(r"[0-9a-f]{8}\.\d+")
        if paths.capath is not None and any(hashed.fullmatch(path.name) for path in Path(paths.capath).iterdir()):
            context.load_verify_locations(capath=paths.capath)
            if paths.cafile != paths.openssl_cafile:  # SSL_CERT_FILE names a different file than the system's
                _load(context, paths.cafile, "SSL_CERT_FILE")
        else:
            context.set_default_verify_paths()
    _load(context, ca_bundle, "MIGSTAT_CA_BUNDLE")
    return context


def _load(context: ssl.SSLContext, bundle: str | None, source: str) -> None:
    try:
        if bundle is not None:
            context.load_verify_locations(cafile=bundle)
    except (ssl.SSLError, OSError) as error:
        hint = "Use a PEM file of certificate authorities."
        raise UsageError(f"{source}: {bundle!r} holds no certificates", hint) from error


class Redactor:
    """Removes the credentials from anything a server sent: debugging proxies and error pages echo the request."""

    def __init__(self, settings: Settings) -> None:
        token = settings.token.secret
        in_url = quote(token, safe="")
        in_json = json.dumps(token)[1:-1]
        spellings = (
            token,
            base64.b64encode(f"{settings.email}:{token}".encode()).decode(),
            in_url,
            re.sub("%..", lambda match: match[0].lower(), in_url),
            in_json,
            in_json.replace("/", "\\/"),
            json.dumps(token, ensure_ascii=False)[1:-1],
        )
        known = sorted(filter(None, set(spellings)), key=len, reverse=True)
        # host names come out in lower case
        self._pattern = re.compile("|".join(map(re.escape, known)) or "(?!)", re.IGNORECASE)
        self._bytes = [spelling.encode() for spelling in known if len(spelling) >= MIN_TOKEN_LENGTH]

    def text(self, text: str) -> str:
        """The text of an error or a log line without them."""
        return self._pattern.sub(MASK, text)

    def body(self, body: bytes) -> bytes:
        """The bytes of an answer without them, before anything decodes or quotes them."""
        for spelling in self._bytes:
            body = body.replace(spelling, MASK.encode())
        return body
