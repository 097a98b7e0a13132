"""The thin HTTP layer: GET, authenticate, retry, decode. One method an endpoint; it never sends anything but GETs.

Requests go to the base URL and nowhere else: redirects are refused, and every id is percent-encoded into the path.
"""

from __future__ import annotations

import base64
import random
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import NoReturn, TypeVar
from urllib.parse import quote, urlencode

import httpx

from migstat import __version__
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
from migstat.model import (
    Job,
    NotJson,
    Page,
    Question,
    Task,
    TaskPage,
    decode_job,
    decode_page,
    decode_task,
    decode_tasks,
)
from migstat.retry import (
    RETRIED_STATUSES,
    Budget,
    Clock,
    Policy,
    Sleep,
    retry_after_seconds,
    seconds_until,
)
from migstat.settings import Settings
from migstat.transport import Deadline, open_transport

ROOT = "/migrations/public/v1"
LARGEST_BODY = 32 * 1024 * 1024
"""Bytes, unpacked. A page of 20 children has some 10 KB, so what is larger than this is no answer of the API."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as it went: for the log of `--verbose`. `result` is the HTTP status or what went wrong."""

    path: str
    page: int
    result: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Observers:
    """Who is told of requests; silent by default. `waiting` is told the seconds of a wait and its reason."""

    exchanged: Callable[[Exchange], None] = lambda _: None
    waiting: Callable[[float, str], None] = lambda _seconds, _reason: None


@dataclass(frozen=True, slots=True)
class Timing:
    """The clocks and chances that retries rest on. `clock` must go on while the machine is suspended."""

    clock: Clock
    sleep: Sleep
    share: Callable[[], float] = random.random
    now: Clock = time.time


class _AttemptFailed(Exception):
    """One attempt went wrong; `again` says whether another may go better."""

    def __init__(self, error: ApiError, *, again: bool, retry_after: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.again = again
        self.retry_after = retry_after


class Api:
    """The migration API of one account. Thread-safe; close it, or use it as a context manager."""

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
        self._budget = Budget(settings.rate_limit, timing.clock, timing.sleep, self._budget_waits)
        self._auth = httpx.BasicAuth(settings.email, settings.token.reveal())
        self._client = httpx.Client(
            transport=transport or open_transport(settings),
            headers={"Accept": "application/json", "User-Agent": f"migstat/{__version__}"},
            trust_env=False,
        )

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def job(self, job_id: str) -> Job:
        """The definition of a job. Raises ApiError, as all of these do; NotFound where there is none."""
        return self._get(f"/jobs/{_segment(job_id)}", decode_job, f"job {job_id}")

    def task(self, job_id: str, task_id: str) -> Task:
        """One run of a job."""
        path = f"/jobs/{_segment(job_id)}/tasks/{_segment(task_id)}"
        return self._get(path, decode_task, f"task {task_id} of job {job_id}")

    def tasks(self, job_id: str) -> Iterator[TaskPage]:
        """The runs of a job, newest first, a page at a time. A cursor that comes again ends them with BadAnswer."""
        seen: set[str] = set()
        cursor: str | None = None
        while True:
            path = f"/jobs/{_segment(job_id)}/tasks" + (f"?{urlencode({'cursor': cursor})}" if cursor else "")
            page = self._get(path, decode_tasks, f"job {job_id}", len(seen) + 1)
            yield page
            if page.next is None:
                return
            if page.next in seen:
                raise BadAnswer(f"the list of tasks of job {job_id} has no end: a cursor came twice")
            seen.add(page.next)
            cursor = page.next

    def status(self, job_id: str, task_id: str, question: Question, *, keep_raw: bool = False) -> Page:
        """One page about one level of a task's status tree."""
        asked = {
            "level": ",".join(question.level),
            "expandChildren": "true" if question.expand else "",
            "status": question.status,
            "outcome": question.outcome,
            "cursor": question.cursor,
        }
        query = urlencode({name: value for name, value in asked.items() if value}, safe=",", quote_via=quote)
        path = f"/jobs/{_segment(job_id)}/tasks/{_segment(task_id)}/status" + (f"?{query}" if query else "")

        def decode(body: bytes) -> Page:
            return decode_page(body, question.level, keep_raw=keep_raw)

        return self._get(path, decode, f"task {task_id} of job {job_id}", question.page)

    def _get(self, path: str, decode: Callable[[bytes], _T], what: str, page: int = 1) -> _T:
        """Ask until an answer can be decoded or the policy gives up."""
        first = self._timing.clock()
        attempt = 0
        while True:
            attempt += 1
            self._budget.take()
            try:
                return self._attempt(path, decode, what, page)
            except _AttemptFailed as failed:
                self._wait_or_raise(failed, attempt, self._timing.clock() - first)

    def _wait_or_raise(self, failed: _AttemptFailed, attempt: int, elapsed: float) -> None:
        if not failed.again:
            raise failed.error from failed.error.__cause__
        wait = self._policy.wait(attempt, elapsed, failed.retry_after, self._timing.share())
        if wait is None:
            raise _with_tries(failed, attempt, elapsed) from failed.error.__cause__
        self._observers.waiting(wait, failed.error.message)
        if isinstance(failed.error, RateLimited):
            self._budget.slow_down(wait)  # the quota is everybody's, so all threads wait
        self._timing.sleep(wait)

    def _attempt(self, path: str, decode: Callable[[bytes], _T], what: str, page: int) -> _T:
        began = self._timing.clock()
        result = "failed"
        try:
            status, headers, body = self._send(path)
            result = str(status)
            self._heed_quota(headers)
            if status != httpx.codes.OK:
                self._refuse(status, headers, body, what)
            return _decode(decode, body, headers)
        except _AttemptFailed as failed:
            result = result if result != "failed" else failed.error.message
            raise
        finally:
            seconds = self._timing.clock() - began
            self._observers.exchanged(Exchange(ROOT + path, page, result, seconds))

    def _send(self, path: str) -> tuple[int, httpx.Headers, bytes]:
        """One request from start to last byte, within one deadline."""
        limit = self._settings.request_timeout
        request = self._client.build_request(
            "GET",
            self._settings.base_url + ROOT + path,
            timeout=httpx.Timeout(Deadline(limit, self._timing.clock)),
        )
        try:
            response = self._client.send(request, auth=self._auth, stream=True)
            try:
                return response.status_code, response.headers, _body(response)
            finally:
                response.close()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._failure(error) from error

    def _failure(self, error: httpx.HTTPError | httpx.InvalidURL) -> _AttemptFailed:
        """What a failed request means; every error of httpx is mapped here."""
        host = httpx.URL(self._settings.base_url).netloc.decode()
        if isinstance(error, httpx.TimeoutException):
            limit = self._settings.request_timeout
            return _failed(
                Unreachable(f"{host} gave no whole answer within {limit:g} s", CHECK_NETWORK),
                error,
                again=True,
            )
        if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | httpx.LocalProtocolError):
            return _failed(BadAnswer(f"{host} cannot be asked: {error}"), error, again=False)
        if (certificate := _cause(error, ssl.SSLCertVerificationError)) is not None:
            reason = getattr(certificate, "verify_message", "") or str(certificate)
            hint = "Behind a company proxy give its authority with --ca-bundle FILE; else do not trust this network."
            return _failed(
                UntrustedServer(f"the certificate of {host} was refused: {reason}", hint), error, again=False
            )
        reason = _plain_reason(error)
        return _failed(Unreachable(f"{host} could not be reached: {reason}", CHECK_NETWORK), error, again=True)

    def _refuse(self, status: int, headers: httpx.Headers, body: bytes, what: str) -> NoReturn:
        """Raise what an answer other than 200 means."""
        says = self._says(body)
        retry_after = retry_after_seconds(headers.get("Retry-After"), self._timing.now())
        error = _error_of(status, headers, what, says)
        error.status = status
        raise _AttemptFailed(error, again=status in RETRIED_STATUSES, retry_after=retry_after)

    def _says(self, body: bytes) -> str:
        """The message in an error body, shortened; a server that repeats the credentials is not quoted on them."""
        try:
            message = decode_job(body).raw.get("errorMessage")
        except BadAnswer:
            return ""
        text = message if isinstance(message, str) else ""
        token = self._settings.token.reveal()
        pair = base64.b64encode(f"{self._settings.email}:{token}".encode()).decode()
        for secret in (token, pair):
            text = text.replace(secret, "***")
        return f': "{text[:200]}"' if text else ""

    def _heed_quota(self, headers: httpx.Headers) -> None:
        remaining = headers.get("X-RateLimit-Remaining", "")
        reset_in = seconds_until(headers.get("X-RateLimit-Reset"), self._timing.now())
        if remaining.isdecimal() and reset_in is not None:
            self._budget.heed(int(remaining[:9]), reset_in)

    def _budget_waits(self, seconds: float) -> None:
        self._observers.waiting(seconds, "the request budget is used up")


CHECK_NETWORK = "Check the network, VPN and proxy; -v shows each request."


def _failed(error: ApiError, cause: Exception, *, again: bool) -> _AttemptFailed:
    error.__cause__ = cause
    return _AttemptFailed(error, again=again)


def _with_tries(failed: _AttemptFailed, attempt: int, elapsed: float) -> ApiError:
    """The error with how often and how long it was tried, or with the pause that the server asked for."""
    error = failed.error
    if attempt == 1 and failed.retry_after:
        tried = f"asked to wait {failed.retry_after:.0f} s, too long for a single query"
    else:
        tried = f"tried {attempt} times in {elapsed:.0f} s" if attempt > 1 else "tried once"
    told = type(error)(f"{error.message} ({tried})", error.hint)
    told.again, told.retry_after, told.status = True, failed.retry_after, error.status
    return told


def _error_of(status: int, headers: httpx.Headers, what: str, says: str) -> ApiError:
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
    if httpx.codes.is_redirect(status):
        where = httpx.URL(headers["Location"]).host if "Location" in headers else ""
        to = f" to {where}" if where else ""
        return BadAnswer(
            f"the server redirects{to} ({status}), which is refused",
            "Is --base-url right? Is a login page in between?",
        )
    if status >= 500 or status in RETRIED_STATUSES:
        return Unreachable(
            f"the API failed on {what} ({status}){says}", "It is not your command; try again in some minutes."
        )
    return BadAnswer(f"the API answered {status} about {what}{says}", "Is --base-url right?")


def _decode(decode: Callable[[bytes], _T], body: bytes, headers: httpx.Headers) -> _T:
    try:
        return decode(body)
    except NotJson as error:
        kind = headers.get("Content-Type", "").partition(";")[0] or "no content type"
        what = "an empty answer" if not body.strip() else f"an answer that is not JSON ({kind})"
        hint = "A proxy or a login page may be in between; check the network and --base-url."
        raise _AttemptFailed(BadAnswer(f"the server sent {what}", hint), again=True) from error
    except BadAnswer as error:
        raise _AttemptFailed(error, again=False) from error


def _body(response: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        size += len(part)
        if size > LARGEST_BODY:
            raise _AttemptFailed(BadAnswer(f"the answer is larger than {LARGEST_BODY >> 20} MiB"), again=False)
        parts.append(part)
    return b"".join(parts)


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


def _segment(name: str) -> str:
    return quote(name, safe="")
