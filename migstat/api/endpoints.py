"""The thin HTTP layer: GET, authenticate, retry, decode. One method an endpoint; it never sends anything but GETs.

Requests go to the base URL and nowhere else: redirects are refused, and every id is percent-encoded into the path.
"""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable, Iterator
from copy import copy
from types import TracebackType
from typing import NoReturn, TypeVar
from urllib.parse import quote, urlencode

import httpx
import msgspec
from msgspec.structs import replace

from migstat import __version__
from migstat.api.decode import NotJson, decode_job, decode_page, decode_task, decode_tasks, mended
from migstat.api.failures import AttemptFailed, error_of_status, failure_of, refuse_redirect, wait_after
from migstat.api.redaction import Redactor
from migstat.api.retry import (
    RETRIED_STATUSES,
    Budget,
    Clock,
    Policy,
    Sleep,
    retry_after_seconds,
    seconds_until,
)
from migstat.api.transport import Deadline, open_transport
from migstat.errors import BadAnswer, RateLimited
from migstat.model.nodes import Job, Page, Question, Task, TaskPage
from migstat.settings.resolve import Settings

ROOT = "/migrations/public/v1"
LARGEST_BODY = 8 * 1024 * 1024
"""Bytes, unpacked. A page of 20 children has some 10 KB, so what is larger than this is no answer of the API."""

LARGEST_ERROR = 64 * 1024
"""Bytes of an answer other than 200 that are read for its message."""

PACKINGS = ("gzip", "deflate")
"""What bodies may be packed in, one at a time: gzip in gzip makes gigabytes of the first few kilobytes."""

BETWEEN = "A proxy or a login page may be in between; check the network and --base-url."

BARREN_PAGES = 3
MOST_TASKS = 50_000
"""Pages in a row without a new run, and runs of one job, after which their list has no end."""

_T = TypeVar("_T")


class Exchange(msgspec.Struct, frozen=True):
    """One request as it went: for the log of `--verbose`. `result` is the HTTP status or what went wrong."""

    path: str
    page: int
    result: str
    seconds: float


class Observers(msgspec.Struct, frozen=True):
    """Who is told of requests; silent by default. `waiting` is told the seconds of a wait and its reason."""

    exchanged: Callable[[Exchange], None] = lambda _: None
    waiting: Callable[[float, str], None] = lambda _seconds, _reason: None


class Timing(msgspec.Struct, frozen=True):
    """The clocks and chances that retries rest on. `clock` must go on while the machine is suspended."""

    clock: Clock
    sleep: Sleep
    share: Callable[[], float] = random.random
    now: Clock = time.time


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
        self._budget = Budget(settings.rate_limit, timing.clock, self._budget_waits)
        self._redactor = Redactor(settings)
        # no httpx.Client above it: its cookies, redirects and hooks are not wanted, and double the cost of a request
        self._transport = transport or open_transport(settings)
        pair = base64.b64encode(f"{settings.email}:{settings.token.reveal()}".encode()).decode()
        self._headers = httpx.Headers(
            {
                "Accept": "application/json",
                "Accept-Encoding": ", ".join(PACKINGS),
                "Authorization": f"Basic {pair}",
                "User-Agent": f"migstat/{__version__}",
            }
        )

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def waiting_with(self, policy: Policy, sleep: Sleep) -> Api:
        """The same API over the same connections and request budget, with this policy and this sleep between tries."""
        other = copy(self)
        other._policy = policy  # noqa: SLF001
        other._timing = replace(self._timing, sleep=sleep)  # noqa: SLF001
        return other

    def job(self, job_id: str) -> Job:
        """The definition of a job. Raises ApiError, as all of these do; NotFound where there is none."""
        return self._get(f"/jobs/{_segment(job_id)}", decode_job, f"job {job_id}")

    def task(self, job_id: str, task_id: str) -> Task:
        """One run of a job."""
        path = f"/jobs/{_segment(job_id)}/tasks/{_segment(task_id)}"
        return replace(self._get(path, decode_task, f"task {task_id} of job {job_id}"), task_id=task_id)

    def tasks(self, job_id: str) -> Iterator[TaskPage]:
        """The runs of a job, newest first, a page at a time. A list without an end is left with BadAnswer."""
        cursors: set[str] = set()
        known: set[str] = set()
        barren = 0
        cursor: str | None = None
        while True:
            path = f"/jobs/{_segment(job_id)}/tasks" + (f"?{urlencode({'cursor': cursor})}" if cursor else "")
            page = self._get(path, decode_tasks, f"job {job_id}", len(cursors) + 1)
            yield page
            if page.next is None:
                return
            fresh = {task.task_id for task in page.tasks} - known
            known |= fresh
            barren = 0 if fresh else barren + 1
            if page.next in cursors or barren >= BARREN_PAGES or len(known) >= MOST_TASKS:
                raise BadAnswer(f"the pages of tasks of job {job_id} have no end", "Name the task by its id.")
            cursors.add(page.next)
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
        self._budget.take(self._timing.sleep)
        first = self._timing.clock()
        attempt = 1
        while True:
            try:
                return self._attempt(path, decode, what, page)
            except AttemptFailed as failed:
                self._wait_or_raise(failed, attempt, self._timing.clock() - first)
            attempt += 1
            self._budget.take(self._timing.sleep)

    def _wait_or_raise(self, failed: AttemptFailed, attempt: int, elapsed: float) -> None:
        if isinstance(failed.error, RateLimited) and failed.retry_after is not None:
            self._budget.slow_down(failed.retry_after)  # the quota is everybody's, so all threads wait
        soonest = max(failed.retry_after or 0.0, self._budget.wait())
        wait = wait_after(failed, self._policy, attempt, elapsed, soonest=soonest, share=self._timing.share)
        self._observers.waiting(wait, failed.error.message)
        self._timing.sleep(wait)

    def _attempt(self, path: str, decode: Callable[[bytes], _T], what: str, page: int) -> _T:
        began = self._timing.clock()
        result = ""
        try:
            status, headers, body = self._send(path, what)
            result = str(status)
            self._heed_quota(headers)
            if status != httpx.codes.OK:
                self._refuse(status, headers, body, what)
            return self._decode(decode, body, headers, what)
        except AttemptFailed as failed:
            clean = failed.cleaned(self._redactor.text)
            result = result or clean.error.message
            raise clean from failed.__cause__
        finally:
            seconds = self._timing.clock() - began
            self._observers.exchanged(Exchange(self._redactor.text(ROOT + path), page, result, seconds))

    def _send(self, path: str, what: str) -> tuple[int, httpx.Headers, bytes]:
        """One request from start to last byte, within one deadline."""
        limit = self._settings.request_timeout
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), Deadline(limit, self._timing.clock))
        url = self._settings.base_url + ROOT + path
        try:
            request = httpx.Request("GET", url, headers=self._headers, extensions={"timeout": timeout})
            response = self._transport.handle_request(request)
            try:
                refuse_redirect(response)
                return response.status_code, response.headers, _body(response, what)
            finally:
                response.close()
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise failure_of(error, self._settings) from error

    def _refuse(self, status: int, headers: httpx.Headers, body: bytes, what: str) -> NoReturn:
        """Raise what an answer other than 200 means."""
        retry_after = retry_after_seconds(headers.get("Retry-After"), self._timing.now())
        error = error_of_status(status, what, self._says(body))
        error.status = status
        raise AttemptFailed(error, again=status in RETRIED_STATUSES, retry_after=retry_after)

    def _says(self, body: bytes) -> str:
        """The message in an error body, shortened."""
        try:
            message = decode_job(body).raw.get("errorMessage")
        except BadAnswer:
            return ""
        return f': "{self._redactor.text(message)[:200]}"' if isinstance(message, str) and message else ""

    def _decode(self, decode: Callable[[bytes], _T], body: bytes, headers: httpx.Headers, what: str) -> _T:
        """What an answer about `what` holds, without the credentials. Raises AttemptFailed."""
        try:
            try:
                return decode(self._redactor.body(body))
            except NotJson:
                return decode(self._redactor.body(mended(body)))
        except NotJson as error:
            kind = headers.get("Content-Type", "").partition(";")[0][:60] or "no content type"
            told = "an empty answer" if not body.strip() else f"an answer that is not JSON ({kind})"
            raise AttemptFailed(BadAnswer(f"the server sent {told} about {what}", BETWEEN), again=True) from error
        except BadAnswer as error:
            hint = "Is --base-url right? If it is, the API has changed: look for a newer migstat."
            raise AttemptFailed(BadAnswer(f"{error.message} (about {what})", hint), again=False) from error

    def _heed_quota(self, headers: httpx.Headers) -> None:
        remaining = headers.get("X-RateLimit-Remaining", "")
        if not remaining.isdecimal():
            return
        reset_in = seconds_until(headers.get("X-RateLimit-Reset"), self._timing.now())
        if reset_in is not None:
            self._budget.heed(int(remaining[:9]), reset_in)

    def _budget_waits(self, seconds: float) -> None:
        self._observers.waiting(seconds, "the request budget is used up")


def _body(response: httpx.Response, what: str) -> bytes:
    """The unpacked body of an answer about `what`; of an error only what is no longer than a message."""
    good = response.status_code == httpx.codes.OK
    packing = response.headers.get("Content-Encoding", "").strip().lower()
    if packing not in ("", "identity", *PACKINGS):
        if not good:
            return b""
        told = f"the answer about {what} is packed as {packing[:40]!r}, which was not asked for"
        raise AttemptFailed(BadAnswer(told, BETWEEN), again=False)
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        size += len(part)
        if size > LARGEST_ERROR and not good:
            return b""
        if size > LARGEST_BODY:
            told = f"the answer about {what} is larger than {LARGEST_BODY >> 20} MiB"
            raise AttemptFailed(BadAnswer(told, BETWEEN), again=False)
        parts.append(part)
    return b"".join(parts)


def _segment(name: str) -> str:
    return quote(name, safe="")
