"""When to try again, and how fast to send requests at all: the policy, the request budget, and trying within both.

Clock and sleep are handed in. Both count seconds and must keep counting while the machine is suspended, so that a
deadline survives a closed lid.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from threading import RLock
from typing import TypeVar

import msgspec

from migstat.errors import ApiError, RateLimited

_T = TypeVar("_T")
Clock = Callable[[], float]
Sleep = Callable[[float], None]

RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses of trouble that may pass in a moment."""

MAX_WAIT = 30.0
"""Seconds at which waits stop growing."""

MAX_PAUSE = 1e9
"""Seconds, some thirty years, to which a server's `Retry-After` is cut: more would fill a message with digits."""

MAX_HOLD = 300.0
"""Seconds after which requests resume, however long a pause the server asked for."""

WINDOW = 60.5
"""Seconds over which requests are counted: the API's minute, and a little more, as some take longer to arrive."""

BURST = 100
"""Requests in a window that are sent at once; the others are spread over the rest of it."""

NOTEWORTHY = 1.0
"""Seconds of a wait for the budget below which it is merely a place in the queue."""


steady_clock: Clock = time.monotonic
"""Seconds, still counted while the machine is suspended, where the system has such a clock."""

if sys.platform == "darwin":  # where `time.monotonic` is another clock than this one, and stops
    steady_clock = partial(time.clock_gettime, time.CLOCK_MONOTONIC)
elif sys.platform != "win32" and hasattr(time, "CLOCK_BOOTTIME"):  # `time.monotonic` stops there
    steady_clock = partial(time.clock_gettime, time.CLOCK_BOOTTIME)


class Policy(msgspec.Struct, frozen=True):
    """How long to keep trying one request; seconds throughout.

    Waits double from `base` on, and a random share of each is taken so that many clients do not come back at once.
    No attempt starts later than `give_up_after` after the first; None never gives up.
    """

    base: float = 0.5
    give_up_after: float | None = 20.0

    def wait(self, attempt: int, elapsed: float, soonest: float, share: float) -> float | None:
        """Seconds until the next attempt, at least `soonest`, or None to give up.

        `attempt` counts those made (1 after the first), `elapsed` is the seconds since the first began, `share` a
        random number in 0..1.
        """
        # without the bound on the exponent a watch that outlasts a night's outage would overflow
        wait = max(share * min(MAX_WAIT, self.base * 2.0 ** min(attempt - 1, 32)), soonest)
        return None if self.give_up_after is not None and elapsed + wait > self.give_up_after else wait


class Timing(msgspec.Struct, frozen=True):
    """Clocks and chance for retries. `clock` is in seconds and goes on while the machine is suspended.

    `now` is epoch seconds, `share` a random number in 0..1. At `ends_at`, a reading of `clock`, a request under way is
    abandoned, and `sleep` is called to raise whatever ends the caller.
    """

    clock: Clock
    sleep: Sleep
    share: Callable[[], float] = random.random
    now: Clock = time.time
    ends_at: float = math.inf


def retry_after_seconds(header: str | None, now: float) -> float | None:
    """Seconds that `Retry-After` asks for, given as such or as an HTTP date; None for anything else.

    `now` is epoch seconds.
    """
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        from email.utils import parsedate_to_datetime  # slow to import, and rarely needed

        return seconds_until(header, now, parsedate_to_datetime)
    return min(max(0.0, seconds), MAX_PAUSE) if math.isfinite(seconds) else None


def seconds_until(
    instant: str | None, now: float, parse: Callable[[str], datetime] = datetime.fromisoformat
) -> float | None:
    """Seconds from `now` (epoch seconds) to an ISO 8601 instant, as in `X-RateLimit-Reset`; None for anything else.

    `parse` reads another form of it.
    """
    then = epoch_seconds(instant, parse)
    return None if then is None else max(0.0, then - now)


def epoch_seconds(instant: str | None, parse: Callable[[str], datetime]) -> float | None:
    """Epoch seconds of an instant that `parse` can read; None for anything else."""
    try:
        then = parse((instant or "").strip())
        return (then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


class Budget(msgspec.Struct):
    """At most `limit` requests in any 60 s, shared by all threads: a burst, then evenly spread.

    Without the spreading a large migration would use up the limit within seconds, and then show nothing new for the
    rest of the minute. The quota belongs to the account, so colleagues use it, too: what the server says about
    it (`slow_down`) counts besides our own window. `limit` None lifts only our own window. `waiting` is called with the
    seconds of each wait of a second or more, and its reason.
    """

    _limit: int | None
    _clock: Clock
    waiting: Callable[[float, str], None]
    _sent: deque[float] = msgspec.field(default_factory=deque)
    _held_until: float = 0.0
    _lock: RLock = msgspec.field(default_factory=RLock)

    def acquire(self, sleep: Sleep) -> None:
        """Wait until one more request may be sent, and count it."""
        while True:
            with self._lock:
                wait = self.wait()
                if wait <= 0:
                    self._sent.append(self._clock())
                    return
            # without the lock, and from the start again: another thread may have taken the place meanwhile
            if wait >= NOTEWORTHY:
                self.waiting(wait, "the request limit is used up")
            sleep(wait)

    def wait(self) -> float:
        """Seconds until one more request may be sent, 0 if now."""
        with self._lock:
            now = self._clock()
            while self._sent and self._sent[0] + WINDOW <= now:
                self._sent.popleft()
            wait = max(0.0, self._held_until - now)
            if self._limit is not None and len(self._sent) >= min(BURST, self._limit):
                frees_at, left = self._sent[0] + WINDOW, self._limit - len(self._sent)
                wait = max(wait, self._sent[-1] + (frees_at - now) / left - now if left else frees_at - now)
            return wait

    def slow_down(self, seconds: float) -> None:
        """Pause all requests for this many seconds, five minutes at most."""
        with self._lock:
            self._held_until = max(self._held_until, self._clock() + min(seconds, MAX_HOLD))

    def observe_quota(self, remaining: int, reset_in: float) -> None:
        """Spread the `remaining` requests of the account's quota over the seconds until it is filled up again.

        Only the last tenth of our own limit is spread: above it there is room for everyone.
        """
        if remaining <= 0:
            self.slow_down(min(reset_in, WINDOW))
        elif self._limit is not None and remaining < self._limit // 10:
            self.slow_down(min(reset_in, WINDOW) / remaining)


def retrying(
    attempt: Callable[[], _T], *, policy: Policy, timing: Timing, budget: Budget, clean: Callable[[str], str]
) -> _T:
    """Call `attempt`, within the budget, until it raises no ApiError that may pass.

    Raises the last one if another attempt cannot succeed or the policy gives up, and RateLimited if it would have
    to wait for longer than any budget: the server asked for that when another request was refused. `clean` removes
    secrets from the text of errors.
    """
    if policy.give_up_after is not None and (held := budget.wait()) > WINDOW:
        message = f"the API asked for a pause of {held:.0f} s"
        raise RateLimited(message, "Try again after that.", again=True, retry_after=held)
    budget.acquire(timing.sleep)
    # only from here on: time spent in the queue is not time spent trying
    first, tries = timing.clock(), 1
    while True:
        try:
            return attempt()
        except ApiError as raw:
            if timing.clock() >= timing.ends_at:
                timing.sleep(0.0)  # which raises if the caller must stop
            error = raw.reworded(clean(raw.message), clean(raw.hint))
            if not error.again:
                raise error from raw.__cause__
            if isinstance(error, RateLimited) and error.retry_after is not None:
                budget.slow_down(error.retry_after)  # the quota is everybody's, so all threads wait
            elapsed = timing.clock() - first
            soonest = max(error.retry_after or 0.0, budget.wait())
            wait = policy.wait(tries, elapsed, soonest, timing.share())
            if wait is None:
                if tries == 1 and error.retry_after:
                    tried = f"asked to wait {error.retry_after:.0f} s, too long for a single query"
                else:
                    tried = f"tried {tries} times in {elapsed:.0f} s" if tries > 1 else "tried once"
                raise error.reworded(f"{error.message} ({tried})", error.hint) from raw.__cause__
        budget.waiting(wait, error.message)
        timing.sleep(wait)
        tries += 1
        budget.acquire(timing.sleep)
