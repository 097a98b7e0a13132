"""Requests and responses of the simulated API, apart from any socket."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

Delivery = Literal["whole", "drip", "cut", "reset"]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the API sees it; `target` is the path with its query, the rest are headers of that name."""

    method: str
    target: str
    authorization: str | None = None
    range: str | None = None
    if_range: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """An answer and how to deliver it.

    `delay` is in real seconds: before a whole answer, or spread over a dripping one. A cut answer declares
    its whole length and stops half-way; a reset one is not sent at all.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delivery: Delivery = "whole"
    delay: float = 0.0


def json_response(status: int, content: Any, *headers: tuple[str, str]) -> Response:
    """Return an answer with a JSON body."""
    body = json.dumps(content, separators=(",", ":")).encode()
    return Response(status, body, (("Content-Type", "application/json"), *headers))


def error_response(status: int, message: str, request_id: str, *headers: tuple[str, str]) -> Response:
    """Return an error in the shape the API's errors have; `id` is that of the request."""
    return json_response(status, {"status": status, "errorMessage": message, "id": request_id}, *headers)
