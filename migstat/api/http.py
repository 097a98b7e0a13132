"""Sends GET requests for one account: a client per server, retries within the budget, deadlines and a log."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from threading import Event, Lock
from typing import TypeVar

import httpx
import msgspec
from msgspec.structs import replace

from migstat.api.connection import open_client
from migstat.api.failures import failure_of
from migstat.api.redaction import Redactor
from migstat.api.retry import AttemptFailed, Budget, Policy, Sleep, Timing, retrying
from migstat.api.threads import Workers
from migstat.errors import UsageError
from migstat.model.nodes import Job, Page, Task, TaskPage
from migstat.settings.resolve import Settings, elsewhere

_T = TypeVar("_T")
Origin = tuple[str, str, int | None]
"""Scheme, host and port: what decides who may see the credentials."""

GRACE = 0.25
"""Seconds after which a request is abandoned whose own time-outs should have ended it: they know better what failed."""


class Exchange(msgspec.Struct, frozen=True):
    """One request as it went: for the log of `--verbose`. `result` is the HTTP status or what went wrong."""

    path: str
    page: int
    result: str
    seconds: float


class Resource(msgspec.Struct, frozen=True):
    """What a request is about: a job, or one of its tasks; `page` counts from 1."""

    job_id: str
    task_id: str | None = None
    page: int = 1

    def __str__(self) -> str:
        return f"task {self.task_id} of job {self.job_id}" if self.task_id else f"job {self.job_id}"


class Observers(msgspec.Struct, frozen=True):
    """Callbacks for what happens meanwhile; silent by default.

    `exchanged` is called after every request, `waiting` with the seconds of a pause and its reason, `pending` with the
    seconds for which a request has been under way, a few times a second, and `answered` with every decoded answer. All
    may be called from several threads.
    """

    exchanged: Callable[[Exchange], None] = lambda _: None
    waiting: Callable[[float, str], None] = lambda _seconds, _reason: None
    pending: Callable[[float], None] = lambda _: None
    answered: Callable[[Resource, Job | Task | TaskPage | Page], None] = lambda _asked, _answer: None


NOTHING = httpx.ByteStream(b"")
"""What is left of an answer that was read."""


class Http:
    """The way to the API's server and to those that it names. Thread-safe."""

    def __init__(
        self,
        settings: Settings,
        timing: Timing,
        policy: Policy,
        observers: Observers,
        transport: httpx.BaseTransport | None,
    ) -> None:
        self.settings = settings
        self.timing = timing
        self.observers = observers
        self.redactor = Redactor(settings)
        self.decoding = Lock()  # what a hostile answer takes while it is decoded, it takes once
        try:
            self._own = origin_of(httpx.URL(settings.base_url))
        except (httpx.InvalidURL, UnicodeError) as error:
            raise UsageError(f"{settings.base_url} is not a valid URL: {error}", "Check --base-url.") from error
        pair = base64.b64encode(f"{settings.email}:{settings.token.reveal()}".encode()).decode()
        self._credentials = {"Authorization": f"Basic {pair}"}
        self._policy = policy
        self.budget = Budget(settings.rate_limit, timing.clock, self._budget_waits)
        self._transport = transport
        self._workers = Workers()
        self._lock = Lock()
        self._closed = Event()
        self._clients: dict[Origin, httpx.Client] = {self._own: open_client(settings, transport)}

    def close(self) -> None:
        """Close all connections; later requests raise UsageError."""
        with self._lock:
            self._closed.set()
            for client in self._clients.values():
                client.close()
        self._workers.close()

    def waiting_with(self, policy: Policy, sleep: Sleep, ends_at: float) -> Http:
        """The same connections and budget with another patience."""
        other = copy(self)
        other._policy = policy  # noqa: SLF001
        other.timing = replace(self.timing, sleep=sleep, ends_at=ends_at)
        return other

    def retrying(self, attempt: Callable[[], _T]) -> _T:
        """Call `attempt` until it succeeds; see `retry.retrying`."""
        return retrying(
            attempt, policy=self._policy, timing=self.timing, budget=self.budget, waiting=self.observers.waiting
        )

    @contextmanager
    def exchange(self, path: str, page: int = 1) -> Iterator[list[str]]:
        """Log one request and keep credentials out of its failure; the block may append its result to the list."""
        began = self.timing.clock()
        result: list[str] = []
        try:
            yield result
        except AttemptFailed as failed:
            clean = failed.rephrased(self.redactor.text)
            result.append(str(clean.error.status or clean.error.message))
            raise clean from failed.__cause__
        finally:
            seconds = self.timing.clock() - began
            outcome = result[0] if result else "no answer"
            self.observers.exchanged(Exchange(self.redactor.text(path), page, outcome, seconds))

    def get(
        self,
        url: httpx.URL,
        headers: dict[str, str],
        receive: Callable[[httpx.Response], _T],
        *,
        limit: float | None = None,
    ) -> _T:
        """Send one request in a daemon thread, and return what `receive` makes of the answer there.

        All of it may take `limit` seconds, by default the request time-out. The credentials go to the API's own origin
        only. Raises Redirect, and AttemptFailed for everything that httpx raises or that takes too long.
        """
        origin, path = origin_of(url), _Path()
        own = origin == self._own
        settings = self.settings if own else elsewhere(self.settings, str(url))  # which may be behind another proxy
        client = self._client(origin, settings)
        credentials = self._credentials if own else {}
        trace = {"trace": path} if settings.proxy else None
        request = client.build_request("GET", url, headers={**headers, **credentials}, extensions=trace)

        def send() -> _T:
            response = client.send(request, stream=True)
            try:
                return receive(response)
            finally:
                response.close()
                response.stream = NOTHING  # the two refer to each other, and garbage may wait for hours to be collected

        longest = settings.request_timeout + GRACE if limit is None else limit
        try:
            limit = min(longest, self.timing.ends_at - self.timing.clock())
            return self._workers.call(send, limit, self.observers.pending)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, TimeoutError) as error:
            raise failure_of(error, settings, at_proxy=path.at_proxy) from error
        except RuntimeError as error:  # what httpx raises where it was closed meanwhile
            if self._closed.is_set():
                raise _closed_error() from error
            raise

    def _client(self, origin: Origin, settings: Settings) -> httpx.Client:
        with self._lock:
            if self._closed.is_set():
                raise _closed_error()
            if origin not in self._clients:
                self._clients[origin] = open_client(settings, self._transport)
            return self._clients[origin]

    def _budget_waits(self, seconds: float) -> None:
        if seconds >= 1.0:  # and not merely a place in the queue
            self.observers.waiting(seconds, "the request limit is used up")


class _Path:
    """How far a request came on its way through a proxy, from the steps that httpx reports to its `trace` extension."""

    at_proxy = False

    def __call__(self, step: str, _: object) -> None:
        if step.endswith(".connect_tcp.started"):
            self.at_proxy = True
        elif step in ("proxy.start_tls.started", "socks.start_tls.started"):
            self.at_proxy = False


def _closed_error() -> UsageError:
    return UsageError("the client is closed", "Make a new one.")


def origin_of(url: httpx.URL) -> Origin:
    """Scheme, host and port of a URL."""
    return url.scheme, url.host, url.port or {"https": 443, "http": 80}.get(url.scheme)
