"""What can go wrong between the API and its client: kinds of faults, a queue of them and a schedule."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from email.utils import formatdate
from http.client import responses

from migstat.simulator.exchange import Response, error_response

NAMED_KINDS = ("429-date", "cut", "drip", "empty", "garbage", "html", "login", "redirect", "reset", "slow")
"""Kinds beside the HTTP status codes 400 to 599."""

ELSEWHERE = "https://elsewhere.invalid/login"
"""Where the redirect leads: another host, which no client may send its credentials to."""

_JSON = ("Content-Type", "application/json")
_HTML = ("Content-Type", "text/html; charset=utf-8")
_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad gateway</h1></body></html>\n"
_LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Log in</title></head><body><form>Who are you?</form></body></html>\n"
_LOWEST_STATUS, _HIGHEST_STATUS = 400, 599


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    `kind` is an HTTP status or one of NAMED_KINDS. `retry_after` is the `Retry-After` in seconds, which kind
    `429-date` sends as an HTTP date. `seconds` is the real time a `slow` or `drip` answer takes.
    """

    kind: str
    retry_after: int | None = None
    seconds: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a kind that does not exist."""
        if self.kind not in NAMED_KINDS and not self._is_status():
            kinds = ", ".join(NAMED_KINDS)
            msg = f"unknown fault kind {self.kind!r}: know HTTP statuses 400 to 599, {kinds}"
            raise ValueError(msg)

    def _is_status(self) -> bool:
        return self.kind.isdecimal() and _LOWEST_STATUS <= int(self.kind) <= _HIGHEST_STATUS


@dataclass(frozen=True, slots=True)
class Schedule:
    """Faults all along: every `every`-th request meets the next of `rotation`.

    With `every` above 1 no two requests in a row meet one, so whoever retries gets through.
    """

    every: int
    rotation: tuple[Fault, ...]

    def at(self, number: int) -> Fault | None:
        """Return the fault of the API's request `number`, counted from 1."""
        turn, rest = divmod(number, self.every)
        return None if rest else self.rotation[(turn - 1) % len(self.rotation)]


class FaultQueue:
    """Faults for the next requests, first in first out; they take precedence over the schedule."""

    def __init__(self, schedule: Schedule | None = None) -> None:
        """Begin with an empty queue before `schedule`."""
        self._schedule = schedule
        self._queue: deque[Fault | Response] = deque()
        self._requests = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of faults still waiting."""
        return len(self._queue)

    def add(self, kind: str, times: int = 1, *, retry_after: int | None = None, seconds: float = 1.0) -> None:
        """Queue `times` faults; see Fault. Raise ValueError for a kind that does not exist."""
        fault = Fault(kind, retry_after, seconds)
        with self._lock:
            self._queue.extend([fault] * times)

    def add_answer(self, response: Response, times: int = 1) -> None:
        """Queue `times` times an answer that comes instead of the true one."""
        with self._lock:
            self._queue.extend([response] * times)

    def clear(self) -> None:
        """Forget the waiting faults; the schedule stays."""
        with self._lock:
            self._queue.clear()

    def take(self) -> Fault | Response | None:
        """Return the fault that the next request meets, if any."""
        with self._lock:
            self._requests += 1
            if self._queue:
                return self._queue.popleft()
            return self._schedule.at(self._requests) if self._schedule else None


def disturb(fault: Fault | Response, response: Response, wall: float, request_id: str) -> Response:
    """Return what becomes of `response` at epoch second `wall` when it meets `fault`."""
    if isinstance(fault, Response):
        return fault
    match fault.kind:
        case "slow":
            return replace(response, delay=fault.seconds)
        case "drip":
            return replace(response, delivery="drip", delay=fault.seconds)
        case "cut":
            return replace(response, delivery="cut")
        case "reset":
            return replace(response, delivery="reset")
        case _:
            return _instead(fault, wall, request_id)


def _instead(fault: Fault, wall: float, request_id: str) -> Response:
    match fault.kind:
        case "html":
            return Response(502, _GATEWAY_PAGE, (_HTML,))
        case "login":
            return Response(200, _LOGIN_PAGE, (_HTML,))
        case "garbage":
            return Response(200, b'{"data": {"status": FINI\x00\xff', (_JSON,))
        case "empty":
            return Response(200, b"", (_JSON,))
        case "redirect":
            return Response(302, b"", (("Location", ELSEWHERE),))
        case "429-date":
            date = formatdate(wall + (fault.retry_after or 1), usegmt=True)
            return error_response(429, responses[429], request_id, ("Retry-After", date))
        case status:
            return _status_fault(int(status), fault.retry_after, request_id)


def _status_fault(status: int, retry_after: int | None, request_id: str) -> Response:
    headers = () if retry_after is None else (("Retry-After", str(retry_after)),)
    return error_response(status, responses.get(status, f"Error {status}"), request_id, *headers)
