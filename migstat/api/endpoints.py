"""The API's endpoints, one method each. They only ever send GETs, and only to the base URL.

Redirects are refused, and every id is percent-encoded into the path.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from copy import copy
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlencode

import httpx
from msgspec.structs import replace

from migstat.api.decode import NotJson, decode_job, decode_page, decode_task, decode_tasks, mended
from migstat.api.failures import Redirect, error_of_status
from migstat.api.http import Http, Observers, Resource
from migstat.api.retry import Clock, Policy, Sleep, Timing, retry_after_seconds, seconds_until
from migstat.errors import BadAnswer
from migstat.model.nodes import Job, Page, Question, Task, TaskPage
from migstat.settings.resolve import Settings

if TYPE_CHECKING:
    from migstat.api.download import Moved
    from migstat.files.incoming import Incoming

ROOT = "/migrations/public/v1"
LARGEST_BODY = 8 * 1024 * 1024
"""Bytes, unpacked. A page of 20 children has some 10 KB, so nothing larger than this comes from the API."""

LARGEST_ERROR = 64 * 1024
"""Bytes of an answer other than 200 that are read for its message."""

PIECE = 256 * 1024
"""Bytes that are unpacked at a time."""

PACKINGS = ("gzip", "deflate")
"""Encodings of a body, one at a time: gzip in gzip makes gigabytes of a few kilobytes."""

HEADERS = {"Accept": "application/json", "Accept-Encoding": ", ".join(PACKINGS)}
BETWEEN = "A proxy or a login page may be in between; check the network and --base-url."

BARREN_PAGES = 3
MOST_TASKS = 50_000
"""Pages in a row without a new run, and runs of one job, after which their list is taken to have no end."""

Answer = TypeVar("Answer", bound=Job | Task | TaskPage | Page)


class Api(AbstractContextManager["Api"]):
    """The migration API of one account. Thread-safe; close it, or use it as a context manager.

    Its methods raise ApiError (NotFound for what does not exist), and UsageError once it is closed. A request runs in
    a daemon thread, so that a signal ends the wait for it at once, even while a name is looked up.
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
        self.http = Http(settings, timing, policy or Policy(), observers or Observers(), transport)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; nothing can be sent afterwards."""
        self.http.close()

    def waiting_with(self, policy: Policy, sleep: Sleep, ends_at: float = math.inf) -> Api:
        """The same API, connections and request budget, with this patience. For `ends_at` see Timing."""
        other = copy(self)
        other.http = self.http.waiting_with(policy, sleep, ends_at)
        return other

    def job(self, job_id: str) -> Job:
        """The definition of a job."""
        return self._get(Resource(job_id), "", {}, decode_job)

    def task(self, job_id: str, task_id: str) -> Task:
        """One run of a job."""
        below = f"/tasks/{_segment(task_id)}"
        return self._get(Resource(job_id, task_id), below, {}, lambda body: replace(decode_task(body), task_id=task_id))

    def tasks(self, job_id: str) -> Iterator[TaskPage]:
        """The runs of a job, newest first, a page at a time. Raises BadAnswer for a list without an end."""
        cursors: set[str] = set()
        known: set[str] = set()
        barren = 0
        cursor: str | None = None
        while True:
            page = self._get(Resource(job_id, page=len(cursors) + 1), "/tasks", {"cursor": cursor}, decode_tasks)
            yield page
            cursor = page.next
            if cursor is None:
                return
            fresh = {task.task_id for task in page.tasks} - known
            known |= fresh
            barren = 0 if fresh else barren + 1
            if cursor in cursors or barren >= BARREN_PAGES or len(known) >= MOST_TASKS:
                raise BadAnswer(f"the list of tasks of job {job_id} has no end", "Give the task's id.")
            cursors.add(cursor)

    def status(self, job_id: str, task_id: str, question: Question, *, keep_raw: bool = False) -> Page:
        """One page about one level of a task's status tree."""
        query = {
            "level": ",".join(question.level),
            "expandChildren": "true" if question.expand else "",
            "status": question.status,
            "outcome": question.outcome,
            "cursor": question.cursor,
        }
        return self._get(
            Resource(job_id, task_id, question.page),
            f"/tasks/{_segment(task_id)}/status",
            query,
            lambda body: decode_page(body, question.level, keep_raw=keep_raw),
        )

    def download(self, location: str | None, file: Incoming, moved: Moved, *, json_expected: bool) -> None:
        """Download the file at an artifact's location; see `download.fetch`."""
        from migstat.api.download import fetch

        fetch(self.http, location, file, moved, json_expected=json_expected)

    def _get(
        self, resource: Resource, below: str, query: dict[str, str | None], decode: Callable[[bytes], Answer]
    ) -> Answer:
        """Ask for the path `below` the job."""
        # commas as the documentation writes them
        sent = urlencode({name: value for name, value in query.items() if value}, safe=",", quote_via=quote)
        path = f"{ROOT}/jobs/{_segment(resource.job_id)}{below}" + (f"?{sent}" if sent else "")
        return self.answer(resource, path, decode)

    def answer(self, resource: Resource, path: str, decode: Callable[[bytes], Answer]) -> Answer:
        """Send a GET for a path until its answer can be decoded or the policy gives up."""
        http, what = self.http, str(resource)
        receive = partial(_body, what=what, clock=http.timing.clock, seconds=http.settings.request_timeout)

        def attempt() -> Answer:
            try:
                url = http.settings.base_url + path
                response, body = http.get(url, HEADERS, receive, shown=path, page=resource.page)
            except Redirect as redirect:
                raise redirect.refused() from redirect
            body = http.redactor.body(body)
            headers, now = response.headers, http.timing.now()
            remaining = headers.get("X-RateLimit-Remaining", "")
            reset_in = seconds_until(headers.get("X-RateLimit-Reset"), now)
            if remaining.isdecimal() and reset_in is not None:
                http.budget.heed(int(remaining[:9]), reset_in)
            if response.status_code != httpx.codes.OK:
                retry_after = retry_after_seconds(headers.get("Retry-After"), now)
                says = _says(body, http.redactor.text)
                raise error_of_status(response.status_code, what, retry_after, says=says)
            try:
                with http.decoding:
                    try:
                        return decode(body)
                    except NotJson:  # redacted again, as mending may spell out a token that was escaped
                        return decode(http.redactor.body(mended(body)))
            except NotJson as error:
                kind = headers.get("Content-Type", "").partition(";")[0][:60] or "no content type"
                came = "an empty answer" if not body.strip() else f"an answer that is not JSON ({kind})"
                raise BadAnswer(f"the server sent {came} about {what}", BETWEEN, again=True) from error
            except BadAnswer as error:
                hint = error.hint or "Is --base-url right? If it is, the API has changed: look for a newer migstat."
                raise BadAnswer(f"{error.message} (about {what})", hint) from error

        answer = http.retrying(attempt)
        http.observers.answered(resource, answer)
        return answer


def _body(response: httpx.Response, what: str, clock: Clock, seconds: float) -> bytes:
    """Read and unpack the body within `seconds`; of an error only as much as a message needs."""
    good = response.status_code == httpx.codes.OK
    packing = response.headers.get("Content-Encoding", "").strip().lower()
    if packing not in ("", "identity", *PACKINGS):
        if not good:
            return b""
        message = f"the answer about {what} is packed as {packing[:40]!r}, which was not requested"
        raise BadAnswer(message, BETWEEN)
    # httpx's own time-out is for a single read: a drip of bytes would keep an abandoned thread for hours
    ends_at = clock() + seconds
    body = bytearray()
    for part in _unpacked(response, packing):
        body += part
        if len(body) > LARGEST_ERROR and not good:
            return b""
        if len(body) > LARGEST_BODY:
            raise BadAnswer(f"the answer about {what} is larger than {LARGEST_BODY >> 20} MiB", BETWEEN)
        if clock() > ends_at:
            raise httpx.ReadTimeout("")
    return bytes(body)


def _unpacked(response: httpx.Response, packing: str) -> Iterator[bytes]:
    """Yield the body in pieces; httpx would unpack all that it received at once, up to a thousand times its size."""
    if packing not in PACKINGS or response.is_stream_consumed:
        yield from response.iter_bytes() if response.is_stream_consumed else response.iter_raw()
        return
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # either of gzip's and zlib's headers
    begun = False
    try:
        for part in response.iter_raw():
            if part and not begun and packing == "deflate" and part[0] & 0x0F != zlib.DEFLATED:
                unpacker = zlib.decompressobj(-zlib.MAX_WBITS)  # some servers send it without a header
            begun = begun or bool(part)
            rest = part
            while rest:
                yield unpacker.decompress(rest, PIECE)
                rest = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error


def _says(body: bytes, clean: Callable[[str], str]) -> str:
    """Message and request id of an error body, for the end of a sentence."""
    try:
        raw = decode_job(body).raw
    except BadAnswer:
        return ""
    # cleaned before they are cut: half a token is one, too
    message, request_id = (
        clean(text) if isinstance(text := raw.get(key), str) else "" for key in ("errorMessage", "id")
    )
    return (f': "{message[:200]}"' if message else "") + (f" (request id {request_id[:80]})" if request_id else "")


_segment = partial(quote, safe="")
"""Encodes a name as one segment of a path."""
