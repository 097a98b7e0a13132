"""The API's endpoints, one method each. They only ever send GETs, and only to the base URL.

Redirects are refused, and every id is percent-encoded into the path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlencode

import httpx
from msgspec.structs import replace

from migstat.api.decode import (
    NotJson,
    decode_job,
    decode_object,
    decode_page,
    decode_task,
    decode_tasks,
    repaired_json,
)
from migstat.api.failures import PROXY_HINT, Redirect, error_of_status
from migstat.api.http import ENCODINGS, Http, Resource, read_body
from migstat.api.retry import retry_after_seconds, retrying, seconds_until
from migstat.errors import BadAnswer
from migstat.model.nodes import Job, Page, Question, Task, TaskPage

if TYPE_CHECKING:
    from migstat.api.download import Moved
    from migstat.files.incoming import Incoming

ROOT = "/migrations/public/v1"
HEADERS = {"Accept": "application/json", "Accept-Encoding": ", ".join(ENCODINGS)}

PAGES_WITHOUT_NEWS = 3
MAX_TASKS = 50_000
"""Pages in a row without a new run, and runs of one job, after which their list is taken to have no end."""

Answer = TypeVar("Answer", bound=Job | Task | TaskPage | Page)


class Api(Http):
    """The migration API of one account. Thread-safe; must be closed.

    Its methods raise ApiError (NotFound for what does not exist), and UsageError once it is closed. A request runs in
    a daemon thread, so that a signal ends the wait for it at once, even while a name is looked up.
    """

    def job(self, job_id: str) -> Job:
        """The definition of a job."""
        return self.request(Resource(job_id), "", {}, decode_job)

    def task(self, job_id: str, task_id: str) -> Task:
        """One run of a job."""
        below = f"/tasks/{_segment(task_id)}"
        return self.request(
            Resource(job_id, task_id), below, {}, lambda body: replace(decode_task(body), task_id=task_id)
        )

    def tasks(self, job_id: str) -> Iterator[TaskPage]:
        """The runs of a job, newest first, a page at a time. Raises BadAnswer for a list without an end."""
        cursors: set[str] = set()
        known: set[str] = set()
        without_news = 0
        cursor: str | None = None
        while True:
            page = self.request(Resource(job_id, page=len(cursors) + 1), "/tasks", {"cursor": cursor}, decode_tasks)
            yield page
            cursor = page.next
            if cursor is None:
                return
            fresh = {task.task_id for task in page.tasks} - known
            known |= fresh
            without_news = 0 if fresh else without_news + 1
            if cursor in cursors or without_news >= PAGES_WITHOUT_NEWS or len(known) >= MAX_TASKS:
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
        return self.request(
            Resource(job_id, task_id, question.page),
            f"/tasks/{_segment(task_id)}/status",
            query,
            lambda body: decode_page(body, question.level, keep_raw=keep_raw),
        )

    def download(self, location: str | None, file: Incoming, moved: Moved, *, json_expected: bool) -> None:
        """Download the file at an artifact's location; see `download.fetch`."""
        from migstat.api.download import fetch

        fetch(self, location, file, moved, json_expected=json_expected)

    def request(
        self, resource: Resource, below: str, query: dict[str, str | None], decode: Callable[[bytes], Answer]
    ) -> Answer:
        """Send a GET for the path `below` the job until its answer can be decoded or the policy gives up."""
        path = path_of(resource, below, query)
        timing, clean = self.timing, self.redactor.text
        receive = partial(read_body, resource=resource, clock=timing.clock, seconds=self.settings.request_timeout)

        def attempt() -> Answer:
            url = self.settings.base_url + path
            try:
                response, body = self.get(url, HEADERS, receive, shown=path, clean=clean, page=resource.page)
            except Redirect as redirect:
                raise redirect.refused() from redirect
            body = self.redactor.body(body)
            headers = response.headers
            if (remaining := headers.get("X-RateLimit-Remaining", "")).isdecimal():
                reset_in = seconds_until(headers.get("X-RateLimit-Reset"), timing.now())
                if reset_in is not None:
                    self.budget.observe_quota(int(remaining[:9]), reset_in)
            if response.status_code != httpx.codes.OK:
                retry_after = retry_after_seconds(headers.get("Retry-After"), timing.now())
                absent = resource if response.status_code == httpx.codes.NOT_FOUND else None
                says = _says(body, clean, absent)
                raise error_of_status(response.status_code, resource, retry_after, says=says)
            try:
                with self.decoding:
                    try:
                        answer = decode(body)
                    except NotJson:  # redacted again, as the repair may spell out a token that was escaped
                        answer = decode(self.redactor.body(repaired_json(body)))
            except NotJson as error:
                kind = headers.get("Content-Type", "").partition(";")[0][:60] or "no content type"
                came = "an empty response" if not body.strip() else f"a response that is not JSON ({kind})"
                raise BadAnswer(f"the server sent {came} for {resource}", PROXY_HINT, again=True) from error
            except BadAnswer as error:
                hint = error.hint or "Is --base-url right? If it is, the API has changed: look for a newer migstat."
                raise BadAnswer(f"{error.message} (for {resource})", hint) from error
            self.note_date(headers.get("Date"))  # not that of an error, or a page, which may be a proxy's
            return answer

        answer = retrying(attempt, policy=self.policy, timing=timing, budget=self.budget, clean=clean)
        self.observers.answered(resource, answer)
        return answer


_NOT_THERE = frozenset(("a", "does", "exist", "found", "id", "job", "no", "not", "such", "task", "the", "was", "with"))
"""Words that say nothing more than the status 404 does."""


def _says(body: bytes, clean: Callable[[str], str], absent: Resource | None) -> str:
    """Message and request id of an error body, for the end of a sentence.

    A message that says no more than that the `absent` one is not there is left out.
    """
    try:
        raw = decode_object(body)
    except BadAnswer:
        return ""
    # cleaned before they are cut: half a token is one, too
    message, request_id = (
        clean(text) if isinstance(text := raw.get(key), str) else "" for key in ("errorMessage", "id")
    )
    words = {word.strip(".:'\"") for word in message.lower().split()}
    if absent is not None and words <= _NOT_THERE | {(absent.task_id or absent.job_id).lower()}:
        message = ""
    return (f': "{message[:200]}"' if message else "") + (f" (request id {request_id[:80]})" if request_id else "")


def path_of(resource: Resource, below: str, query: dict[str, str | None]) -> str:
    """The path `below` a job with the query, without empty values and with commas as the documentation writes them."""
    sent = urlencode({name: value for name, value in query.items() if value}, safe=",", quote_via=quote)
    return f"{ROOT}/jobs/{_segment(resource.job_id)}{below}" + (f"?{sent}" if sent else "")


_segment = partial(quote, safe="")
"""Encodes a name as one segment of a path."""
