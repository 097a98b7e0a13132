"""Requests and responses of the simulated API, apart from any socket."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

Delivery = Literal["whole", "drip", "cut", "reset"]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as the API sees it; `target` is the path with its query, `authorization` the header."""

    method: str
    target: str
    authorization: str | None = None


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer and how to deliver it.

    `delay` is in real seconds: before a whole answer, or spread over a dripping one. A cut answer declares
    its whole length and stops halfway; a reset one is never sent.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delivery: Delivery = "whole"
    delay: float = 0.0


def json_response(status: int, content: Any, *headers: tuple[str, str]) -> HttpResponse:
    """Return an answer with a JSON body."""
    body = json.dumps(content, separators=(",", ":")).encode()
    return HttpResponse(status, body, (("Content-Type", "application/json"), *headers))


def error_response(status: int, message: str, request_id: str, *headers: tuple[str, str]) -> HttpResponse:
    """Return an error in the API's usual shape; `id` is the request's."""
    return json_response(status, {"status": status, "errorMessage": message, "id": request_id}, *headers)
