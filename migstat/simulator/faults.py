"""Faults between the API and its client.

Three sources of faults, in order of precedence: a queue for the next requests, incidents addressed to a part of the API
for a while, and a schedule that hits every n-th request.
"""

from __future__ import annotations

import json
import math
import threading
from collections import deque
from dataclasses import dataclass, replace
from email.utils import formatdate
from http.client import responses
from typing import TYPE_CHECKING, Literal

from migstat.simulator.exchange import HttpResponse, error_response, json_response

if TYPE_CHECKING:
    from migstat.simulator.exchange import ApiRequest, Route

NAMED_KINDS = (
    "429-date", "cut", "drip", "empty", "garbage", "html", "login", "nothing", "redirect", "reset", "slow",
)  # fmt: skip
"""Kinds besides the HTTP status codes 400 to 599."""

ELSEWHERE = "https://elsewhere.invalid/login"
"""Where `redirect` leads: another host, to which no client may send its credentials."""

_JSON = ("Content-Type", "application/json")
_HTML = ("Content-Type", "text/html; charset=utf-8")
_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad gateway</h1></body></html>\n"
_LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Log in</title></head><body><form>Who are you?</form></body></html>\n"
_INSTEAD = {
    "empty": HttpResponse(200, b"", (_JSON,)),
    "garbage": HttpResponse(200, b'{"data": {"status": FINI\x00\xff', (_JSON,)),
    "html": HttpResponse(502, _GATEWAY_PAGE, (_HTML,)),
    "login": HttpResponse(200, _LOGIN_PAGE, (_HTML,)),
    "redirect": HttpResponse(302, b"", (("Location", ELSEWHERE),)),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    `kind` is an HTTP status or one of NAMED_KINDS; `nothing` is a good response whose `data` is empty. `retry_after` is
    the `Retry-After` in seconds, which kind `429-date` sends as an HTTP date. `seconds` is the real time a `slow` or
    `drip` response takes.
    """

    kind: str
    retry_after: int | None = None
    seconds: float = 1.0

    def __post_init__(self) -> None:
        """Refuse unknown kinds."""
        is_status = self.kind.isdecimal() and 400 <= int(self.kind) <= 599
        if self.kind not in NAMED_KINDS and not is_status:
            kinds = ", ".join(NAMED_KINDS)
            raise ValueError(f"unknown fault kind {self.kind!r}: choose an HTTP status from 400 to 599, {kinds}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A fault that hits part of the API from scenario second `begin` until `end`.

    None matches everything. `level` is as in the query, "" being the root; `status` and `outcome` are values of the
    filters, "*" being any value; `page` tells requests without a cursor (`first`) from those with one (`next`).
    """

    fault: Fault
    begin: float = -math.inf
    end: float = math.inf
    route: Route | None = None
    level: str | None = None
    status: str | None = None
    outcome: str | None = None
    expanded: bool | None = None
    page: Literal["first", "next"] | None = None

    def hits(self, parsed: ApiRequest, now: float) -> bool:
        """Return True if a request at scenario second `now` meets the fault."""
        query = parsed.query
        route = self.route or (None if self.level is None and self.expanded is None else "status")
        return (
            self.begin <= now < self.end
            and route in (None, parsed.route)
            and self.level in (None, query.get("level", ""))
            and all(
                wanted in (None, query.get(name)) or (wanted == "*" and name in query)
                for name, wanted in (("status", self.status), ("outcome", self.outcome))
            )
            and self.expanded in (None, query.get("expandChildren") == "true")
            and self.page in (None, "next" if "cursor" in query else "first")
        )


@dataclass(frozen=True, slots=True)
class Schedule:
    """Recurring faults: every `every`-th request meets the next one of `rotation`.

    With `every` above 1 no two requests in a row fail, so a retry always gets through.
    """

    every: int
    rotation: tuple[Fault, ...]

    def at(self, number: int) -> Fault | None:
        """Return the fault for the API's request `number`, counted from 1."""
        turn, rest = divmod(number, self.every)
        return None if rest else self.rotation[(turn - 1) % len(self.rotation)]


class FaultQueue:
    """Faults for the next requests, first in first out, then those of the schedule."""

    def __init__(self, schedule: Schedule | None = None) -> None:
        self._schedule = schedule
        self._queue: deque[Fault | HttpResponse] = deque()
        self._requests = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of faults still queued."""
        return len(self._queue)

    def add(
        self, kind: str | HttpResponse, times: int = 1, *, retry_after: int | None = None, seconds: float = 1.0
    ) -> None:
        """Queue a fault `times` times, or a response to send instead of the true one; see Fault.

        Raises ValueError for unknown kinds.
        """
        fault = Fault(kind, retry_after, seconds) if isinstance(kind, str) else kind
        with self._lock:
            self._queue.extend([fault] * times)

    def clear(self) -> None:
        """Drop the queued faults; the schedule stays."""
        with self._lock:
            self._queue.clear()

    def take(self, incident: Fault | None = None) -> Fault | HttpResponse | None:
        """Return the fault that the next request meets, if any; `incident` is the one that would hit it anyway."""
        with self._lock:
            self._requests += 1
            if self._queue:
                return self._queue.popleft()
            return incident or (self._schedule.at(self._requests) if self._schedule else None)


def disturb(fault: Fault | HttpResponse, response: HttpResponse, wall: float, request_id: str) -> HttpResponse:
    """Return `response` as altered by `fault` at epoch second `wall`."""
    if isinstance(fault, HttpResponse):
        return fault
    if fault.kind in _INSTEAD:
        return _INSTEAD[fault.kind]
    match fault.kind:
        case "slow":
            return replace(response, delay=fault.seconds)
        case "drip":
            return replace(response, delivery="drip", delay=fault.seconds)
        case "cut" | "reset" as delivery:
            return replace(response, delivery=delivery)
        case "nothing":  # a list of tasks without tasks, or a level that does not exist
            if response.status != 200 or _JSON not in response.headers:
                return response
            content = json.loads(response.body)
            return json_response(200, {"data": type(content.get("data", {}))(), "links": {}})
        case "429-date":
            date = formatdate(wall + (fault.retry_after or 1), usegmt=True)
            return error_response(429, responses[429], request_id, ("Retry-After", date))
        case status:
            headers = () if fault.retry_after is None else (("Retry-After", str(fault.retry_after)),)
            return error_response(int(status), responses.get(int(status), f"Error {status}"), request_id, *headers)
