"""Requests, the routes that they ask for, and responses of the simulated API, apart from any socket."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "/migrations/public/v1"
ARTIFACTS = "/artifacts"
FAULTS = "/_simulator/faults"

Route = Literal["job", "tasks", "task", "status", "artifact", "faults", "unknown"]
Delivery = Literal["whole", "drip", "cut", "reset"]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as the API sees it; `target` is the path with its query, `authorization` the header."""

    method: str
    target: str
    authorization: str | None = None


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A parsed request: its route, the decoded ids in its path, and its query.

    The ids are those of job and task; of an artifact they are the task's id and the file's name.
    """

    route: Route
    ids: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> tuple[str, ...]:
        """The names in `level`, from the root down."""
        return tuple(self.query["level"].split(",")) if self.query.get("level") else ()

    @property
    def filtered(self) -> bool:
        """True if the request filters children by status or outcome."""
        return bool(self.query.keys() & {"status", "outcome"})


def parse(target: str) -> ApiRequest:
    """Parse the path and query of a request."""
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.path == FAULTS:
        return ApiRequest("faults", (), query)
    for prefix in (PREFIX, ARTIFACTS):
        if parts.path.startswith(f"{prefix}/"):
            segments = tuple(unquote(segment) for segment in parts.path.removeprefix(f"{prefix}/").split("/"))
            match prefix, segments:
                case "/artifacts", (task_id, name):
                    return ApiRequest("artifact", (task_id, name), query)
                case _, ("jobs", job_id):
                    return ApiRequest("job", (job_id,), query)
                case _, ("jobs", job_id, "tasks"):
                    return ApiRequest("tasks", (job_id,), query)
                case _, ("jobs", job_id, "tasks", task_id):
                    return ApiRequest("task", (job_id, task_id), query)
                case _, ("jobs", job_id, "tasks", task_id, "status"):
                    return ApiRequest("status", (job_id, task_id), query)
    return ApiRequest("unknown", (), query)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response and how to deliver it.

    `delay` is in real seconds: before a whole response, or spread over a dripping one. A cut response declares its
    whole length and stops halfway; a reset one is never sent.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delivery: Delivery = "whole"
    delay: float = 0.0


def json_response(status: int, content: Any, *headers: tuple[str, str]) -> HttpResponse:
    """Return a response with a JSON body."""
    body = json.dumps(content, separators=(",", ":")).encode()
    return HttpResponse(status, body, (("Content-Type", "application/json"), *headers))


def error_response(status: int, message: str, request_id: str, *headers: tuple[str, str]) -> HttpResponse:
    """Return an error in the API's usual shape; `id` is the request's."""
    return json_response(status, {"status": status, "errorMessage": message, "id": request_id}, *headers)
