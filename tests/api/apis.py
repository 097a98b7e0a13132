"""A client whose requests end in a function or at a server of the test, and a clock that moves by sleeping."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import httpx
import pytest

from migstat.api.endpoints import Api
from migstat.api.http import Observers
from migstat.api.retry import Policy, Timing
from migstat.settings.credentials import Token
from migstat.settings.resolve import Settings

EPOCH = 1_700_000_000.0
EMAIL, TOKEN = "a@example.com", "s3cret-t0ken-of-the-test"


class Time:
    """Clocks that a sleep moves, and by `step` every look at them; `sent` is when requests were sent."""

    def __init__(self, step: float = 0.0) -> None:
        self.now = 100.0
        self.step = step
        self.slept: list[float] = []
        self.sent: list[float] = []

    def clock(self) -> float:
        self.now += self.step
        return self.now

    def wall(self) -> float:
        return EPOCH + self.now - 100.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Script:
    """A server that answers with these responses, one a request, and fails the test on any further request."""

    def __init__(self, time: Time, *answers: httpx.Response | Exception) -> None:
        self._time = time
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self._time.sent.append(self._time.now)
        self.requests.append(request)
        if not self.answers:
            pytest.fail(f"an unexpected request: {request.url}")
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def settings_of(
    base_url: str = "https://api.example",
    *,
    token: str = TOKEN,
    request_timeout: float = 15.0,
    rate_limit: int | None = 540,
    ca_bundle: str | None = None,
    proxy: str | None = None,
) -> Settings:
    return Settings(
        base_url=base_url,
        email=EMAIL,
        token=Token(token),
        request_timeout=request_timeout,
        rate_limit=rate_limit,
        ca_bundle=ca_bundle,
        proxy=proxy,
    )


def api_of(
    handler: Callable[[httpx.Request], httpx.Response] | None,
    time: Time,
    *,
    settings: Settings | None = None,
    policy: Policy | None = None,
    observers: Observers | None = None,
) -> closing[Api]:
    """A client whose requests end in `handler`, or without one at the server of the settings."""
    timing = Timing(time.clock, time.sleep, share=lambda: 1.0, now=time.wall)
    transport = None if handler is None else httpx.MockTransport(handler)
    return closing(Api(settings or settings_of(), timing, policy=policy, observers=observers, transport=transport))
