"""The API's limit of requests per minute."""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

WINDOW = 60.0
"""Seconds over which requests are counted."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the limit says to one request; `reset_at` is an epoch second, `retry_after` seconds or None if admitted."""

    limit: int
    remaining: int
    reset_at: float
    retry_after: int | None = None

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers for the client; the reset is ISO 8601 UTC."""
        reset = datetime.fromtimestamp(math.ceil(self.reset_at), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        headers = [
            ("X-RateLimit-Limit", str(self.limit)),
            ("X-RateLimit-Remaining", str(self.remaining)),
            ("X-RateLimit-Reset", reset),
        ]
        if self.retry_after is not None:
            headers.append(("Retry-After", str(self.retry_after)))
        return tuple(headers)


class Limiter:
    """Admits `limit` requests in any 60 seconds; refused ones do not count."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._admitted: deque[float] = deque()
        self._lock = threading.Lock()

    def admit(self, wall: float) -> Allowance:
        """Count a request at epoch second `wall`, or refuse it with a `retry_after`."""
        with self._lock:
            while self._admitted and self._admitted[0] <= wall - WINDOW:
                self._admitted.popleft()
            if len(self._admitted) >= self._limit:
                reset_at = self._admitted[0] + WINDOW
                return Allowance(self._limit, 0, reset_at, max(1, math.ceil(reset_at - wall)))
            self._admitted.append(wall)
            return Allowance(self._limit, self._limit - len(self._admitted), self._admitted[0] + WINDOW)
