"""The retry policy and the request budget, over clocks that only move when told."""

from __future__ import annotations

from email.utils import formatdate
from itertools import pairwise
from threading import Lock, local

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from migstat.api.retry import WINDOW, Budget, Policy, retry_after_seconds, seconds_until
from migstat.api.threads import together
from tests.api.apis import Time

NOW = 1_700_000_000.0


@pytest.fixture
def time() -> Time:
    return Time()


def budget(time: Time, limit: int | None) -> Budget:
    return Budget(limit, time.clock, lambda _seconds, _reason: None)


@pytest.mark.parametrize(
    ("attempt", "share", "wait"),
    [(1, 1.0, 0.5), (2, 1.0, 1.0), (4, 1.0, 4.0), (4, 0.25, 1.0), (4, 0.0, 0.0), (7, 1.0, 30.0), (10**6, 1.0, 30.0)],
)
def test_waits_double_up_to_a_cap_with_full_jitter(attempt: int, share: float, wait: float) -> None:
    """Half a second doubles with every attempt and ends at 30 s; without a limit it goes on for days."""
    assert Policy(give_up_after=None).wait(attempt, 1e6, 0.0, share) == wait


@given(st.integers(1, 10**9), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1))
def test_a_wait_keeps_all_its_bounds(attempt: int, elapsed: float, soonest: float, share: float) -> None:
    """Whatever the numbers, a wait is at least what the server asks for and ends within the limit."""
    wait = Policy().wait(attempt, elapsed, soonest, share)
    assert wait is None or soonest <= wait <= max(20.0 - elapsed, 0.0) + 1e-6


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        *((none, None) for none in (None, "", "soon", "nan", "inf", "9" * 400)),
        *((none, None) for none in ("Tue, 99 Nov 2023 99:99:99 GMT", "Mon, 01 Jan 99999 00:00:00 GMT")),
        *((text, float(text)) for text in ("0", "7", " 7 ", "1.5")),
        *((soon, 30.0) for soon in (formatdate(NOW + 30, usegmt=True), formatdate(NOW + 30))),
        *((past, 0.0) for past in ("-3", formatdate(NOW - 30, usegmt=True))),
    ],
)
def test_retry_after_comes_in_two_forms(header: str | None, expected: float | None) -> None:
    """Seconds and an HTTP date are understood, the past is now, and anything else means no pause."""
    assert retry_after_seconds(header, NOW) == expected


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        *((none, None) for none in (None, "", "tomorrow")),
        *((f"2023-11-1{soon}", 30.0) for soon in ("4T22:13:50Z", "4T22:13:50", "5T00:13:50+02:00")),
        (" 2023-11-14T22:13:50.500Z ", 30.5),
        ("2001-01-01T00:00:00Z", 0.0),
    ],
)
def test_the_quota_is_reset_at_an_instant_in_utc(instant: str | None, expected: float | None) -> None:
    """ISO 8601 instants are understood with and without a zone, and anything else is None."""
    assert seconds_until(instant, NOW) == expected


@given(
    st.text()
    | st.builds(
        str.format,
        st.sampled_from(["Mon, 01 Jan {:04} 00:00:00 {}", "{:04}-01-01T00:00:00{}"]),
        st.integers(0, 10000),
        st.sampled_from(["GMT", "Z", "", "+2359", "-2359", "+23:59", "-23:59", "-0000", "+9999"]),
    )
)
@example("1e308")
@example("9" * 300)
def test_no_header_can_break_the_reading_of_it(text: str) -> None:
    """Whatever a server sends, also dates at the edges of the calendar, becomes seconds from now on, or nothing.

    No pause has more than a dozen digits, so that it fits a message.
    """
    for seconds in (retry_after_seconds(text, NOW), seconds_until(text, NOW)):
        assert seconds is None or 0 <= seconds < 1e12


@pytest.mark.parametrize(("limit", "requests"), [(5, 5), (None, 2000)])
def test_what_stays_below_the_limit_is_not_slowed(limit: int | None, requests: int, time: Time) -> None:
    """As many requests as the limit allows go out without any wait."""
    taken = budget(time, limit)
    for _ in range(requests):
        taken.acquire(time.sleep)
    assert time.slept == []


def test_one_request_more_waits_for_the_window(time: Time) -> None:
    """The limit counts requests in any 60 s, so the next one waits for the oldest to leave the window."""
    waits: list[float] = []
    taken = Budget(2, time.clock, lambda seconds, _: waits.append(seconds))
    taken.acquire(time.sleep)
    time.now += 10
    taken.acquire(time.sleep)
    taken.acquire(time.sleep)
    assert time.slept == [WINDOW - 10] == waits
    taken.acquire(time.sleep)
    assert time.slept == [WINDOW - 10, 10.0]


def test_a_burst_is_followed_by_an_even_flow() -> None:
    """A hundred requests go out at once, the others evenly, and what arrives half a second late breaks no limit."""
    time = Time()
    taken = budget(time, 540)
    sent = []
    for _ in range(1000):
        taken.acquire(time.sleep)
        sent.append(time.now)
        time.now += 0.02  # which an answer takes
    assert sent[99] - sent[0] == pytest.approx(99 * 0.02)
    assert max(later - earlier for earlier, later in pairwise(sent)) < 1.0
    assert sent[539] - sent[0] <= WINDOW
    assert sent[999] - sent[0] < 115.0
    assert all(sent[at + 540] - sent[at] > 60.4 for at in range(460))


@given(st.integers(1, 7), st.lists(st.floats(0, 40), max_size=60))
@example(1, [1.740804457850734, 0.0, 0.0])
def test_no_window_ever_holds_more_than_the_limit(limit: int, pauses: list[float]) -> None:
    """Whenever the requests come, any 60 s see at most as many as the limit."""
    time = Time()
    taken = budget(time, limit)
    sent = []
    for pause in pauses:
        time.now += pause
        taken.acquire(time.sleep)
        sent.append(time.now)
    for first, over in zip(sent, sent[limit:], strict=False):
        assert over - first >= WINDOW - 1e-6
    assert all(later >= earlier for earlier, later in pairwise(sent))


def test_threads_share_one_limit() -> None:
    """Whichever of several connections sends a request, any 60 s see no more of them than the limit."""
    time, lock, here, sent = Time(), Lock(), local(), list[float]()

    def clock() -> float:
        here.at = time.now
        return time.now

    def sleep(seconds: float) -> None:
        with lock:
            time.now += max(seconds / 4, 0.01)  # the others sleep meanwhile

    taken = Budget(50, clock, lambda _seconds, _reason: None)

    def ask(_number: int) -> None:
        taken.acquire(sleep)
        sent.append(here.at)

    together(ask, range(300), 6)
    sent.sort()
    assert len(sent) == 300
    assert all(later - earlier >= WINDOW - 1e-6 for earlier, later in zip(sent, sent[50:], strict=False))


@pytest.mark.parametrize(
    ("limit", "remaining", "reset_in", "expected"),
    [
        (540, 300, 30.0, []), (540, 54, 30.0, []), (540, 10, 30.0, [3.0]), (540, 0, 30.0, [30.0]),
        (540, 0, 1e9, [WINDOW]), (None, 0, 30.0, [30.0]), (None, 1, 30.0, []),
    ],
)  # fmt: skip
def test_the_servers_count_slows_down_further(
    time: Time, limit: int | None, remaining: int, reset_in: float, expected: list[float]
) -> None:
    """The rest of the account's quota is spread until it is filled up again, for at most a window."""
    taken = budget(time, limit)
    taken.observe_quota(remaining, reset_in)
    taken.acquire(time.sleep)
    assert time.slept == expected
