"""Values of settings: durations, addresses, limits, ids."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migstat.errors import MigstatError, UsageError
from migstat.settings import values
from migstat.settings.keys import PROFILE_KEYS, SETTING, SETTINGS, TARGET_KEYS

JOB, TASK = "3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90", "11111111-8f0e-4f0b-9a55-0c6a1d2e7b90"
URL = f"https://api.atlassian.com/migrations/public/v1/jobs/{JOB}"

GOOD: dict[str, dict[str, Any]] = {
    "interval": {
        "90": 90.0, "1.5": 1.5, "1.5s": 1.5, "15m": 900.0, "2h": 7200.0, " 3s ": 3.0, "0.001": 0.001, "1d": 86_400.0,
        "1h30m": 5400.0, "1d2h3m4.5s": 93_784.5, "2m30s": 150.0, "1.5h": 5400.0, "0h5m": 300.0,
    },
    "request_timeout": {"480h": 1_728_000.0, "15s": 15.0},
    "base_url": {
        "http://127.0.0.1:8080": "http://127.0.0.1:8080", "http://127.8.8.8": "http://127.8.8.8",
        "http://localhost:1": "http://localhost:1", "http://[::1]:8080": "http://[::1]:8080",
        " https://a.example/ ": "https://a.example", "https://xn--fa-hia.de": "https://xn--fa-hia.de",
        "https://x.example.com:8443/base": "https://x.example.com:8443/base",
    },
    "email": {"a@b": "a@b", " a@b\n": "a@b", "no-at": "no-at", "é@b": "é@b"},
    "rate_limit": {"540": 540, " 1 ": 1, "none": None, "NONE": None},
    "job": {
        JOB: (JOB, None), "not-a-uuid_but.a~word": ("not-a-uuid_but.a~word", None), URL: (JOB, None),
        f"{URL}/tasks": (JOB, None), f"{URL}/tasks/{TASK}/status?level=check&cursor=x": (JOB, TASK),
        f"http://evil.example/jobs/{JOB}?jobs=/jobs/other": (JOB, None), "https://x/jobs/%C3%A4": ("ä", None),
    },
    "task": {TASK: TASK, "latest": "latest"},
    "output": {"json": "json"},
}  # fmt: skip
BAD = {
    "interval": ["0", "0m", "0.0", "", "-5", "m", "1h1h", "30m1h", "1e3", "nan", "inf", "1,5", "1 s", "1.5h30m", "∞",
                 "10001d", "9" * 400],
    "request_timeout": ["481h", "soon"],
    "base_url": [
        "api.atlassian.com", "ftp://api.atlassian.com", "http://api.atlassian.com", "http://10.0.0.1",
        "http://0.0.0.0:8080", "http://localhost.example.com", "http://127.0.0.1.example.com", "https://",
        "https:///path", "https://user@api.atlassian.com", "https://user:hunter2@api.atlassian.com",
        "https://api.atlassian.com?x=hunter2", "https://api.atlassian.com#x", "https://api.atlassian.com:port",
        "https://api.atlassian.com:99999", "https://api.atlassian.com:0", "https://[::1", "https://a b",
        "https://a\nb", "https://xn--\u00e4", "https://xn--zz", "https://a.xn--zz.example", "file:///etc/passwd",
    ],
    "email": ["", " ", "a:hunter2", "a\nb", "a\x1bb", "\x00", "\udc80@example.com", "ATATT3xFfGF0hunter2"],
    "rate_limit": ["0", "-1", "1.5", "many", "1e3", "1000000000", "+5", "5 5", "0" * 5000 + "1", "9" * 5000],
    "ca_bundle": ["/nonexistent/bundle.pem", "/", "a\0b", "x" * 300],
    "job": [
        "", " ", "two words", "a\tb", "a\x1bb", "a/b", "a\\b", ".", "..", "\u202ea", "x" * 1025, "ATATT3xFfGF0hunter2",
        "https://api.atlassian.com/", "https://api.atlassian.com/migrations/public/v1/jobs/", "https://[::1/jobs/x",
        "https://api.atlassian.com/?u=/jobs/x", "https://x/jobs/a%2Fb", "https://x/jobs/%2E%2E", "https://x/jobs/a%20b",
        f"{URL}/tasks/a%0Ab", "://", "https://me:hunter2@x/",
    ],
    "task": ["", "a b", "a/b", ".."],
    "output": ["yaml", "", "JSON"],
}  # fmt: skip


@pytest.mark.parametrize(("key", "text"), [(key, text) for key, texts in GOOD.items() for text in texts])
def test_a_good_value_is_parsed(key: str, text: str) -> None:
    """Each setting understands what its help promises."""
    assert SETTING[key].parse(text, "SOURCE") == GOOD[key][text]


@pytest.mark.parametrize(("key", "text"), [(key, text) for key, texts in BAD.items() for text in texts])
def test_a_bad_value_names_its_source(key: str, text: str) -> None:
    """The error begins with the option, variable or key, and shows nothing that may be secret."""
    with pytest.raises(UsageError, match=r"^SOURCE") as raised:
        SETTING[key].parse(text, "SOURCE")
    assert "hunter2" not in f"{raised.value}{raised.value.hint}"


@given(st.text(max_size=30))
def test_any_text_is_a_value_or_our_error(text: str) -> None:
    """No text makes a parser fail in any other way; an accepted id is one clean word."""
    for setting in SETTINGS:
        for spelling in (text, f"https://{text}", f"https://x/jobs/{text}"):
            try:
                value = setting.parse(spelling, "SOURCE")
            except MigstatError:
                continue
            if setting.name == "job":
                assert value[0].isprintable()
                assert not set(value[0]) & set("/\\ ")


def test_the_table_agrees_with_itself() -> None:
    """Names, options and variables are unique, defaults are valid, and targets have keys of the table."""
    for names in ([each.name for each in SETTINGS], [each.variable for each in SETTINGS if each.variable],
                  [name for each in SETTINGS for name in (each.option, each.short) if name]):  # fmt: skip
        assert len(set(names)) == len(names)
    for setting in SETTINGS:
        if setting.default is not None:
            setting.parse(setting.default, "default")
    assert set(TARGET_KEYS) <= set(SETTING)
    assert "token" not in PROFILE_KEYS


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("ATATT3xFfGF0123456789abcdef=1A2B3C4D", True),
        ("0123456789abcdefghijKLMN", True),
        ("acme.token", False),
        ("/home/you/.config/migstat/acme-and-others.token", False),
        ("-", False),
        ("", False),
    ],
)
def test_one_long_word_may_be_the_token_itself(text: str, is_one: bool) -> None:
    """Such a text must not be shown in messages."""
    assert values.may_be_token(text) is is_one


@pytest.mark.zone("Europe/Berlin")  # clocks go forward on 28 March 2027 at two, and back on 25 October 2026 at three
@pytest.mark.parametrize(
    ("now", "given", "due"),
    [
        ("2026-11-28T22:00+01:00", "03:00", "2026-11-29T03:00+01:00"),
        ("2026-11-29T03:00+01:00", "3:00", "2026-11-30T03:00+01:00"),
        ("2026-11-28T22:00+01:00", "22:00:01", "2026-11-28T22:00:01+01:00"),
        ("2026-10-24T22:00+02:00", "03:00", "2026-10-25T03:00+01:00"),
        ("2026-10-24T22:00+02:00", "02:30", "2026-10-25T02:30+02:00"),
        ("2026-10-25T02:45+02:00", "02:30", "2026-10-25T02:30+01:00"),  # it comes twice
        ("2026-10-25T02:45+01:00", "02:30", "2026-10-26T02:30+01:00"),
        ("2027-03-27T22:00+01:00", "02:30", "2027-03-28T03:30+02:00"),  # it does not come
        ("2027-03-28T03:45+02:00", "02:30", "2027-03-29T02:30+02:00"),
        ("2026-10-24T22:00+02:00", " 6h ", "2026-10-25T03:00+01:00"),
        ("2026-11-28T22:00+01:00", "90", "2026-11-28T22:01:30+01:00"),
        ("2026-11-28T22:00+01:00", "2026-11-29T03:00Z", "2026-11-29T03:00+00:00"),
        ("2026-11-28T22:00+01:00", "20261128T030000-0500", "2026-11-28T08:00+00:00"),  # it may have passed
    ],
)
def test_a_deadline_is_the_next_such_time(now: str, given: str, due: str) -> None:
    """A time of day is the next one of the local clock, however clocks are set; a duration counts from now."""
    at = values.deadline(given, "--deadline", datetime.fromisoformat(now).timestamp() + 0.4)
    assert at == datetime.fromisoformat(due).timestamp() * 1000


@pytest.mark.parametrize(
    ("earlier", "later", "same"),
    [
        ("2026-11-28T03:00+01:00", "2026-11-29T03:00+01:00", True),
        ("2026-11-28T03:00+01:00", "2026-11-29T02:59+01:00", False),
        ("2026-11-28T03:00+01:00", "2026-11-30T03:00+01:00", False),
        ("2026-10-24T03:00+02:00", "2026-10-25T03:00+01:00", True),  # 25 hours
        ("2026-10-25T02:30+01:00", "2026-10-26T02:30+01:00", True),
        ("2027-03-27T03:00+01:00", "2027-03-28T03:00+02:00", True),  # 23 hours
        ("2027-03-27T02:30+01:00", "2027-03-28T03:30+02:00", True),
        ("2027-03-28T03:30+02:00", "2027-03-29T02:30+02:00", True),
        ("2026-11-28T03:00+01:00", "2026-11-29T02:00+01:00", False),  # also 23 hours
    ],
)
@pytest.mark.zone("Europe/Berlin")
def test_the_same_time_a_day_later_is_by_the_clock(earlier: str, later: str, same: bool) -> None:
    """However far clocks are set in between; a time that they skip is that of clocks that were not set."""
    first, last = (datetime.fromisoformat(at).timestamp() for at in (earlier, later))
    assert values.same_time_next_day(first, last) is same


@pytest.mark.zone("Australia/Lord_Howe")
@pytest.mark.parametrize(("earlier", "hours"), [("2026-04-04T03:00+11:00", 24.5), ("2026-10-03T03:00+10:30", 23.5)])
def test_clocks_may_be_set_by_half_an_hour(earlier: str, hours: float) -> None:
    """Then a day has 23.5 or 24.5 hours."""
    first, lengths = datetime.fromisoformat(earlier).timestamp(), (23, 23.5, 24, 24.5, 25)
    assert [each for each in lengths if values.same_time_next_day(first, first + each * 3600)] == [hours]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "--deadline is empty"), ("noon", "invalid time: 'noon'"), ("duration", "invalid time: 'duration'"),
        ("3:0", "invalid time: '3:0'"), ("0", "invalid time: '0'"), ("24:00", "no such time: '24:00'"),
        ("0300", "'0300' could be a time or seconds"), ("3", "'3' could be a time or seconds"),
        ("22", "'22' could be a time or seconds"), ("2026-11-29T03:00", "has no time zone"),
        ("2026-11-29", "has no time zone"), ("2026-13-01T00:00Z", "not a time"),
        ("0001-01-01T00:00+23:00", "not a time"), ("99999d", "longer than 10000 days"),
    ],
)  # fmt: skip
def test_an_unclear_deadline_is_refused(given: str, message: str) -> None:
    """An ambiguous value, or one that is not a time, is refused with a hint."""
    with pytest.raises(UsageError, match=message) as caught:
        values.deadline(given, "--deadline", 1_790_000_000)
    assert caught.value.hint


@given(st.text(max_size=30) | st.from_regex(r"[0-9T:Z+.-]{1,25}", fullmatch=True), st.floats(1e9, 4e9))
def test_any_deadline_is_an_instant_or_refused(given: str, now: float) -> None:
    """No text makes it fail otherwise."""
    with suppress(UsageError):
        assert values.deadline(given, "--deadline", now) > 0
