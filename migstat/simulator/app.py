"""The routes of the simulated API: a request and the time in, a response out."""

from __future__ import annotations

import base64
import binascii
import threading
import time
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from migstat.simulator import artifacts
from migstat.simulator.exchange import Request, Response, error_response, json_response
from migstat.simulator.faults import FaultQueue, disturb
from migstat.simulator.limiter import Limiter
from migstat.simulator.paging import Filter, Listing, Page, decode_cursor, encode_cursor
from migstat.simulator.scenario import describe_job, describe_node, describe_task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from migstat.simulator.scenario import Node, Scenario, Task, Timeline

PREFIX = "/migrations/public/v1"
FAULTS_PATH = "/_simulator/faults"


@dataclass(frozen=True, slots=True)
class Account:
    """E-mail and API token of an account."""

    email: str
    token: str

    def authorization(self) -> str:
        """Return what HTTP Basic sends for the account, without the scheme."""
        return base64.b64encode(f"{self.email}:{self.token}".encode()).decode()


ADMIN = Account("admin@example.com", "simulated-admin-token")
"""An admin of the destination site, who may read."""

MEMBER = Account("member@example.com", "simulated-member-token")
"""Somebody who can log in and is no admin: the API refuses them."""


class ApiError(Exception):
    """A request the API refuses with an HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        """Keep status and message for the answer."""
        super().__init__(message)
        self.status = status
        self.message = message


class App:
    """The API of one scenario; safe to call from many threads.

    `clock` answers epoch seconds and is read exactly once per request to the API, so that a clock that steps
    with each reading moves the scenario between two pages. `rate_limit` is in requests per 60 seconds. `base_url` is
    where the files that tasks leave are said to be.
    """

    def __init__(
        self,
        scenario: Scenario,
        timeline: Timeline,
        *,
        clock: Callable[[], float] = time.time,
        rate_limit: int | None = 600,
        base_url: str = "",
    ) -> None:
        """Serve `scenario` along `timeline`."""
        self._base_url = base_url
        self.faults = FaultQueue(scenario.faults)
        self._scenario = scenario
        self._timeline = timeline
        self._clock = clock
        self._limiter = None if rate_limit is None else Limiter(rate_limit)
        self._listings: dict[tuple[str, tuple[str, ...]], Listing] = {}
        self._listings_lock = threading.Lock()
        self._request_numbers = count(1)

    def handle(self, request: Request) -> Response:
        """Answer a request."""
        request_id = f"request-{next(self._request_numbers):06d}"
        if urlsplit(request.target).path == FAULTS_PATH:
            return _guarded(lambda: self._queue_fault(request), request_id)
        wall = self._clock()
        if urlsplit(request.target).path.startswith(f"{artifacts.PREFIX}/"):
            return self._disturbed(_guarded(lambda: self._artifact(request, wall), request_id), wall, request_id)
        allowance = self._limiter.admit(wall) if self._limiter else None
        if allowance is not None and allowance.retry_after is not None:
            return _with_headers(error_response(429, "Rate limit exceeded", request_id), allowance.headers())
        response = self._disturbed(_guarded(lambda: self._answer(request, wall), request_id), wall, request_id)
        return response if allowance is None else _with_headers(response, allowance.headers())

    def _disturbed(self, response: Response, wall: float, request_id: str) -> Response:
        fault = self.faults.take()
        return response if fault is None else disturb(fault, response, wall, request_id)

    def _queue_fault(self, request: Request) -> Response:
        if request.method != "POST":
            raise ApiError(405, "Only POST")
        query = _query(request)
        try:
            retry_after = int(query["retryAfter"]) if "retryAfter" in query else None
            times, seconds = int(query.get("times", "1")), float(query.get("seconds", "1"))
            self.faults.add(query.get("kind", ""), times, retry_after=retry_after, seconds=seconds)
        except ValueError as error:
            raise ApiError(400, str(error)) from error
        return Response(204)

    def _answer(self, request: Request, wall: float) -> Response:
        if request.method != "GET":
            raise ApiError(405, "Only GET")
        _authorize(request.authorization)
        now = self._timeline.scenario_time(wall)
        return json_response(200, self._content(_segments(request), _query(request), now))

    def _content(self, segments: tuple[str, ...], query: Mapping[str, str], now: float) -> dict[str, Any]:
        match segments:
            case ("jobs", job_id) if self._is_job(job_id):
                return describe_job(self._scenario.job)
            case ("jobs", job_id, "tasks") if self._is_job(job_id):
                return self._task_list(query.get("cursor"), now)
            case ("jobs", job_id, "tasks", task_id) if self._is_job(job_id):
                return self._describe(self._task(task_id, now), now)
            case ("jobs", job_id, "tasks", task_id, "status") if self._is_job(job_id):
                return self._status(self._task(task_id, now), query, now)
            case _:
                raise ApiError(404, "Not found")

    def _is_job(self, job_id: str) -> bool:
        if job_id != self._scenario.job.job_id:
            raise ApiError(404, f"No job {job_id}")
        return True

    def _tasks(self, now: float) -> list[Task]:
        """Return the tasks created by now, newest first."""
        created = [task for task in self._scenario.tasks if task.created_at <= now]
        return sorted(created, key=lambda task: (-task.created_at, task.task_id))

    def _task(self, task_id: str, now: float) -> Task:
        for task in self._tasks(now):
            if task.task_id == task_id:
                return task
        raise ApiError(404, f"No task {task_id}")

    def _task_list(self, cursor: str | None, now: float) -> dict[str, Any]:
        tasks = self._tasks(now)
        start = 0
        if cursor is not None:
            last = _decode_task_cursor(cursor)
            start = next((i + 1 for i, task in enumerate(tasks) if task.task_id == last), len(tasks))
        end = start + self._scenario.page_size
        listed = tasks[start:end]
        links = {"next": _task_cursor(listed[-1])} if len(tasks) > end else {}
        return {"data": [self._describe(task, now) for task in listed], "links": links}

    def _describe(self, task: Task, now: float) -> dict[str, Any]:
        return describe_task(task, now, self._timeline, self._base_url)

    def _artifact(self, request: Request, wall: float) -> Response:
        if request.method != "GET":
            raise ApiError(405, "Only GET")
        if not artifacts.is_signed(request.target):
            raise ApiError(403, "The signature is not that of this address")
        now = self._timeline.scenario_time(wall)
        task_id, name = artifacts.names_in(request.target) or ("", "")
        task = self._task(task_id, now)
        for each in task.artifacts:
            if each.name == name and each.location is None and now >= each.available_at:
                if now >= each.expires_at:
                    raise ApiError(410, "The address has expired")
                return artifacts.serve(artifacts.content_of(task, name), name, request)
        raise ApiError(404, f"No file {name}")

    def _status(self, task: Task, query: Mapping[str, str], now: float) -> dict[str, Any]:
        if not task.has_status(now):
            raise ApiError(404, f"No status of task {task.task_id}")
        filtered = bool(query.keys() & {"status", "outcome"})
        if filtered and self._scenario.filters == "rejected":
            raise ApiError(400, "Filters are not supported")
        path = tuple(query["level"].split(",")) if query.get("level") else ()
        node = task.root.find(path, now)
        if node is None:
            return {"data": {}, "links": {}}
        data = describe_node(node, task, now, self._timeline)
        if query.get("expandChildren") != "true":
            return {"data": data, "links": {}}
        page = self._page(task, path, node, query, now)
        if page.nodes:
            data["children"] = {c.name: describe_node(c, task, now, self._timeline) for c in page.nodes}
        return {"data": data, "links": _links(path, page)}

    def _page(self, task: Task, path: tuple[str, ...], node: Node, query: Mapping[str, str], now: float) -> Page:
        after = None
        if "cursor" in query:
            try:
                after = decode_cursor(path, query["cursor"])
            except ValueError as error:
                raise ApiError(400, str(error)) from error
        wanted = Filter(query.get("status"), query.get("outcome"))
        if self._scenario.filters == "empty" and wanted != Filter():
            return Page((), (), has_more=False)
        if self._scenario.filters == "ignored":
            wanted = Filter()
        return self._listing(task, path, node).page(now, after, wanted, self._scenario.page_size)

    def _listing(self, task: Task, path: tuple[str, ...], node: Node) -> Listing:
        with self._listings_lock:
            known = self._listings.get((task.task_id, path))
            if known is None:
                known = self._listings[task.task_id, path] = Listing(node.children)
            return known


def _guarded(answer: Callable[[], Response], request_id: str) -> Response:
    try:
        return answer()
    except ApiError as error:
        return error_response(error.status, error.message, request_id)


def _authorize(authorization: str | None) -> None:
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() != "basic" or credentials not in (ADMIN.authorization(), MEMBER.authorization()):
        raise ApiError(401, "Authentication failed")
    if credentials == MEMBER.authorization():
        raise ApiError(403, "Only admins of the destination site may read migrations")


def _segments(request: Request) -> tuple[str, ...]:
    """Return the decoded path segments below the API's prefix."""
    path = urlsplit(request.target).path
    if not path.startswith(PREFIX + "/"):
        raise ApiError(404, "Not found")
    return tuple(unquote(segment) for segment in path.removeprefix(PREFIX + "/").split("/"))


def _query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(request.target).query, keep_blank_values=True))


def _links(path: tuple[str, ...], page: Page) -> dict[str, str]:
    links = {}
    if page.has_more:
        links["next"] = encode_cursor(path, page.keys[-1])
    if page.keys:
        links["self"] = encode_cursor(path, page.keys[0])
    return links


def _task_cursor(task: Task) -> str:
    return base64.b64encode(f"tasks#{task.task_id}".encode()).decode()


def _decode_task_cursor(cursor: str) -> str:
    try:
        kind, _, task_id = base64.b64decode(cursor, validate=True).decode().partition("#")
    except (binascii.Error, UnicodeError) as error:
        raise ApiError(400, "cursor is not valid") from error
    if kind != "tasks":
        raise ApiError(400, "cursor is not one of a task list")
    return task_id


def _with_headers(response: Response, headers: tuple[tuple[str, str], ...]) -> Response:
    return replace(response, headers=(*response.headers, *headers))
