"""The simulated API: a request and the time in, a response out."""

from __future__ import annotations

import base64
import binascii
import threading
import time
from dataclasses import dataclass, replace
from email.utils import formatdate
from itertools import count
from typing import TYPE_CHECKING, Any

from migstat.simulator import artifacts
from migstat.simulator.content import describe_job, describe_node, describe_task
from migstat.simulator.exchange import ApiRequest, HttpRequest, HttpResponse, error_response, json_response, parse
from migstat.simulator.faults import FaultQueue, disturb
from migstat.simulator.limiter import Limiter
from migstat.simulator.paging import Filter, Listing, SimPage, decode_cursor, encode_cursor

if TYPE_CHECKING:
    from collections.abc import Callable

    from migstat.simulator.scenario import Scenario, SimNode, SimTask, Timeline


@dataclass(frozen=True, slots=True)
class SimUser:
    """E-mail and API token of an account."""

    email: str
    token: str

    def authorization(self) -> str:
        """Return the account's HTTP Basic credentials, without the scheme."""
        return base64.b64encode(f"{self.email}:{self.token}".encode()).decode()


ADMIN = SimUser("admin@example.com", "simulated-admin-token")
"""An admin of the destination site, who may read."""

MEMBER = SimUser("member@example.com", "simulated-member-token")
"""An account that can log in but is not an admin: the API refuses it."""


class HttpError(Exception):
    """A request that the API refuses with an HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class App:
    """The API of one server and all its jobs; safe to call from many threads.

    `clock` returns epoch seconds and is read exactly once per request to the API, so that a clock that advances
    with each reading moves the scenario between two pages. `rate_limit` is in requests per 60 seconds. `base_url` is
    where the tasks' files are said to be.
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
        self.faults = FaultQueue(scenario.faults)
        self._base_url = base_url
        self._scenarios = {each.job.job_id: each for each in scenario.all}
        self._timeline = timeline
        self._clock = clock
        self._limiter = None if rate_limit is None else Limiter(rate_limit)
        self._lock = threading.Lock()
        self._listings: dict[tuple[str, tuple[str, ...]], Listing] = {}
        self._asked: set[tuple[str, tuple[str, ...], Filter]] = set()
        self._request_numbers = count(1)

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Return the response to a request."""
        request_id = f"request-{next(self._request_numbers):06d}"
        parsed = parse(request.target)
        if parsed.route == "faults":
            return _guarded(lambda: self._queue_fault(request, parsed), request_id)
        wall = self._clock()
        limited = self._limiter is not None and parsed.route != "artifact"
        allowance = self._limiter.admit(wall) if self._limiter and limited else None
        dated = ("Date", formatdate(wall, usegmt=True))
        headers = (dated,) if allowance is None else (dated, *allowance.headers())
        if allowance is not None and allowance.retry_after is not None:
            return error_response(429, "Rate limit exceeded", request_id, *headers)
        now = self._timeline.scenario_time(wall)
        response = _guarded(lambda: self._respond(request, parsed, now), request_id)
        incidents = self._scenario_of(parsed).incidents
        fault = self.faults.take(next((each.fault for each in incidents if each.hits(parsed, now)), None))
        if fault is not None:
            response = disturb(fault, response, wall, request_id)
        return replace(response, headers=(*response.headers, *headers))

    def _scenario_of(self, parsed: ApiRequest) -> Scenario:
        """Return the scenario that a request is about, else the first one."""
        scenarios = tuple(self._scenarios.values())
        if parsed.route == "artifact":
            found = (each for each in scenarios if any(task.task_id == parsed.ids[0] for task in each.tasks))
            return next(found, scenarios[0])
        return self._scenarios.get(parsed.ids[0] if parsed.ids else "", scenarios[0])

    def _queue_fault(self, request: HttpRequest, parsed: ApiRequest) -> HttpResponse:
        if request.method != "POST":
            raise HttpError(405, "Only POST")
        query = parsed.query
        try:
            retry_after = int(query["retryAfter"]) if "retryAfter" in query else None
            times, seconds = int(query.get("times", "1")), float(query.get("seconds", "1"))
            self.faults.add(query.get("kind", ""), times, retry_after=retry_after, seconds=seconds)
        except ValueError as error:
            raise HttpError(400, str(error)) from error
        return HttpResponse(204)

    def _respond(self, request: HttpRequest, parsed: ApiRequest, now: float) -> HttpResponse:
        if request.method != "GET":
            raise HttpError(405, "Only GET")
        if parsed.route == "artifact":
            return self._artifact(request.target, parsed, now)
        _authorize(request.authorization)
        if parsed.route == "unknown":
            raise HttpError(404, "Not found")
        if parsed.ids[0] not in self._scenarios:
            raise HttpError(404, f"No job {parsed.ids[0]}")
        return json_response(200, self._content(self._scenarios[parsed.ids[0]], parsed, now))

    def _content(self, scenario: Scenario, parsed: ApiRequest, now: float) -> dict[str, Any]:
        match parsed.route:
            case "job":
                return describe_job(scenario.job)
            case "tasks":
                return self._task_list(scenario, parsed.query.get("cursor"), now)
            case "task":
                task = _find_task(scenario, parsed.ids[1], now)
                return describe_task(task, now, self._timeline, self._base_url)
            case _:
                return self._status(scenario, _find_task(scenario, parsed.ids[1], now), parsed, now)

    def _task_list(self, scenario: Scenario, cursor: str | None, now: float) -> dict[str, Any]:
        tasks = _tasks(scenario, now)
        start = 0
        if cursor is not None:
            try:
                kind, _, last = base64.b64decode(cursor, validate=True).decode().partition("#")
            except (binascii.Error, UnicodeError) as error:
                raise HttpError(400, "cursor is not valid") from error
            if kind != "tasks":
                raise HttpError(400, "cursor is not one of a task list")
            start = next((i + 1 for i, task in enumerate(tasks) if task.task_id == last), len(tasks))
        end = start + scenario.page_size
        listed = tasks[start:end]
        links = {}
        if len(tasks) > end:
            links["next"] = base64.b64encode(f"tasks#{listed[-1].task_id}".encode()).decode()
        return {"data": [describe_task(task, now, self._timeline, self._base_url) for task in listed], "links": links}

    def _artifact(self, target: str, parsed: ApiRequest, now: float) -> HttpResponse:
        if not artifacts.is_signed(target):
            raise HttpError(403, "The signature does not match the address")
        task_id, name = parsed.ids
        task = _find_task(self._scenario_of(parsed), task_id, now)
        for each in task.artifacts:
            if each.name == name and each.location is None and now >= each.available_at:
                if now >= each.expires_at:
                    raise HttpError(410, "The address has expired")
                return artifacts.serve(task, each)
        raise HttpError(404, f"No file {name}")

    def _status(self, scenario: Scenario, task: SimTask, parsed: ApiRequest, now: float) -> dict[str, Any]:
        if not task.has_status(now):
            raise HttpError(404, f"No status of task {task.task_id}")
        if parsed.filtered and scenario.filters == "rejected":
            raise HttpError(400, "Filters are not supported")
        path, below_check = parsed.path, parsed.path[:1] == ("check",)
        if below_check and task.check_level != "none":
            path = path[1:]
        is_there = below_check or not path or task.check_level != "only"
        node = task.root.find(path, now) if is_there else None
        if node is None:
            return {"data": {}, "links": {}}
        data = describe_node(node, task, now, self._timeline)
        lists_children = below_check or task.check_level != "only"
        if parsed.query.get("expandChildren") != "true" or not lists_children:
            return {"data": data, "links": {}}
        page = self._page(scenario, task, node, parsed, path, now)
        links = {}
        if page.nodes:
            data["children"] = {child.name: describe_node(child, task, now, self._timeline) for child in page.nodes}
            links["self"] = encode_cursor(parsed.path, page.keys[0])
        if page.has_more:
            links["next"] = encode_cursor(parsed.path, page.keys[-1])
        return {"data": data, "links": links}

    def _page(
        self, scenario: Scenario, task: SimTask, node: SimNode, parsed: ApiRequest, path: tuple[str, ...], now: float
    ) -> SimPage:
        query, after = parsed.query, None
        if "cursor" in query:
            try:
                after = decode_cursor(parsed.path, query["cursor"])
            except ValueError as error:
                raise HttpError(400, str(error)) from error
        wanted = Filter(query.get("status"), query.get("outcome"))
        with self._lock:
            listing = self._listings.get((task.task_id, path))
            if listing is None:
                listing = self._listings[task.task_id, path] = Listing(node.children)
            question = (task.task_id, path, wanted)
            repeated = after is None and question in self._asked
            self._asked.add(question)
        if parsed.filtered:
            match scenario.filters:
                case "empty":
                    return SimPage((), (), has_more=False)
                case "once" if repeated:
                    return SimPage((), (), has_more=False)
                case "ignored":
                    wanted = Filter()
                case "first-page" if after is not None:
                    wanted = Filter()
                case _:
                    pass
        return listing.page(now, after, wanted, scenario.page_size)


def _guarded(respond: Callable[[], HttpResponse], request_id: str) -> HttpResponse:
    try:
        return respond()
    except HttpError as error:
        return error_response(error.status, error.message, request_id)


def _authorize(authorization: str | None) -> None:
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() != "basic" or credentials not in (ADMIN.authorization(), MEMBER.authorization()):
        raise HttpError(401, "Authentication failed")
    if credentials == MEMBER.authorization():
        raise HttpError(403, "Only admins of the destination site may read migrations")


def _tasks(scenario: Scenario, now: float) -> list[SimTask]:
    """Return the tasks known by now, newest first."""
    known = [task for task in scenario.tasks if task.is_listed(now)]
    return sorted(known, key=lambda task: (-task.created_at, task.task_id))


def _find_task(scenario: Scenario, task_id: str, now: float) -> SimTask:
    for task in _tasks(scenario, now):
        if task.task_id == task_id:
            return task
    raise HttpError(404, f"No task {task_id}")
