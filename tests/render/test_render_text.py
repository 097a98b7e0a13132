"""Foreign text made harmless: whatever a server sends, nothing that a terminal would obey is left of it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migstat.model.nodes import LATEST_PLAUSIBLE
from migstat.render.outlook import clock, deadline_words
from migstat.render.text import (
    ascii_json,
    encodable,
    escape_json,
    future,
    harmless,
    iso,
    one_field,
    span_of_time,
    zone,
)

BIDIRECTIONAL = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@cache
def everything() -> dict[str, str]:
    return {chr(code): unicodedata.category(chr(code)) for code in range(0x110000)}


@cache
def dangerous() -> frozenset[str]:
    """What moves the cursor, turns the direction of reading, or hides what is shown."""
    moving = {each for each, category in everything().items() if category in ("Cc", "Cs", "Zl", "Zp")}
    tags = set(map(chr, range(0xE0000, 0xE1000)))
    return frozenset(moving | BIDIRECTIONAL | tags | {"\u200b", "\u2060", "\ufeff", "\xad", "\ufffe", "\uffff"})


@cache
def visible() -> str:
    """All letters, signs and marks, without the letters that have no shape."""
    found = (each for each, category in everything().items() if category[0] in "LNPSM" and each not in dangerous())
    return "".join(found).translate(dict.fromkeys([0x115F, 0x1160, 0x3164]))


@pytest.mark.slow
@pytest.mark.parametrize("safe", [harmless, one_field, escape_json, ascii_json])
def test_no_dangerous_character_is_left(safe: Callable[[str], str]) -> None:
    """Each of them comes out as a space or written out in ASCII, alone and among others."""
    kept = {"\t", "\n", "\r", *map(chr, range(32)), "\x7f"} if safe is ascii_json else set()
    for each in dangerous() - kept:
        assert safe(f"a{each}b").isascii(), ascii(each)
    assert not dangerous() - kept & set(safe("".join(dangerous() - kept)))


@pytest.mark.parametrize("safe", [harmless, one_field, escape_json])
def test_what_is_harmless_stays(safe: Callable[[str], str]) -> None:
    """Letters, signs and emoji of all scripts, and what joins them, are shown as they are."""
    assert safe(visible()) == visible()
    for text in ("\U0001f469\u200d\U0001f4bb", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "[bold]x[/]", "a b"):
        assert safe(text) == text


@pytest.mark.parametrize(
    ("text", "shown", "field"),
    [
        ("a\tb\nc\r\nd", "a b c d", r"a\tb\nc\r\nd"), ("\x1b[31mred", r"\x1b[31mred", r"\x1b[31mred"),
        ("\x9b2J", r"\x9b2J", r"\x9b2J"), ("\u202eevil", r"\u202eevil", r"\u202eevil"),
        ("\ud800", r"\ud800", r"\ud800"), ("\U000e0041", r"\udb40\udc41", r"\udb40\udc41"), ("\u2028", " ", r"\u2028"),
        ("\uffff", r"\uffff", r"\uffff"),
    ],
    ids=ascii,
)  # fmt: skip
def test_what_does_not_print_is_written_out(text: str, shown: str, field: str) -> None:
    """Breaks are spaces for people and escapes in a field, and the rest are escapes for both."""
    assert (harmless(text), one_field(text)) == (shown, field)


@given(st.text(alphabet=st.characters(codec=None)))
def test_what_is_harmless_is_not_changed_again(text: str) -> None:
    """Text made harmless is one printable line, and making it harmless again changes nothing."""
    shown = harmless(text)
    assert harmless(shown) == shown
    assert not dangerous() & set(shown)


@given(st.text())
def test_escaped_json_means_the_same(text: str) -> None:
    """The escapes of JSON are read back as the characters that they stand for."""
    document = json.dumps([text], ensure_ascii=False)
    assert json.loads(escape_json(document)) == [text]
    assert json.loads(ascii_json(escape_json(document))) == [text]
    assert ascii_json(escape_json(document)).isascii()


@pytest.mark.parametrize(("text", "written"), [("\udcff", r"\udcff"), ("a\ud800b", r"a\ud800b"), ("\u202e", "\u202e")])
def test_what_no_utf_8_can_hold_is_written_out(text: str, written: str) -> None:
    """Bytes that came as half a surrogate pair can be written to a file of JSON."""
    assert encodable(text) == written
    encodable(text).encode()


@given(st.integers(1, LATEST_PLAUSIBLE))
def test_an_instant_is_iso_8601_in_utc_in_whole_seconds(at: int) -> None:
    """Every instant is written as Python's own calendar has it."""
    expected = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).isoformat(timespec="seconds")
    assert iso(at) == expected.replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("name", "hours", "words"),
    [
        ("CET", 1, "CET"),
        ("-03", -3, "-03"),
        ("W. Europe Standard Time", 1, "UTC+01:00"),
        ("India Time", 5.5, "UTC+05:30"),
    ],
)
def test_a_long_name_of_a_zone_is_shown_as_its_offset(name: str, hours: float, words: str) -> None:
    """A zone whose name is a word is called by it, one with a longer name by its distance from UTC."""
    assert zone(datetime(2026, 11, 1, tzinfo=timezone(timedelta(hours=hours), name))) == words


@pytest.mark.zone("Europe/Berlin")
@pytest.mark.parametrize(
    ("since", "hours", "words"),
    [
        ("2026-11-26T12:00+01:00", 5, "in 5h 00m, 17:00"),
        ("2026-11-26T12:00+01:00", 24, "in 1 day, 27 Nov"),
        ("2026-10-25T00:10+02:00", 24, "in 1 day, 25 Oct"),  # clocks go back, so the day has 25 hours
    ],
)
def test_a_time_to_come_is_shown_relative_first(since: str, hours: int, words: str) -> None:
    """Within a day the time follows, later the date."""
    now = int(datetime.fromisoformat(since).timestamp() * 1000)
    assert future(now + hours * 3_600_000, now) == words


CHANGE = "2026-10-25T%s"


@pytest.mark.zone("Europe/Berlin")
@pytest.mark.parametrize(
    ("since", "until", "now", "zoned", "words"),
    [
        ("02:30+02:00", "02:10+01:00", "03:00+01:00", False, "02:30 CEST to 02:10 CET"),
        ("02:30+02:00", "02:50+02:00", "03:00+01:00", False, "02:30 CEST to 02:50"),
        ("02:30+01:00", "02:50+01:00", "03:00+01:00", False, "02:30 to 02:50"),
        ("02:30+01:00", "02:50+01:00", "03:00+01:00", True, "02:30 to 02:50 CET"),
        ("00:30+02:00", None, "03:00+01:00", False, "00:30 CEST"),
        (None, "02:10+01:00", "02:30+02:00", False, "02:10 CET"),
        ("01:00+02:00", "02:10+01:00", "02:30+02:00", True, "01:00 CEST to 02:10 CET"),
    ],
)
def test_where_the_zone_changes_times_have_it(
    since: str | None, until: str | None, now: str, zoned: bool, words: str
) -> None:
    """A time of day that comes twice, as clocks are set back, has the zone that tells which one it is."""
    first, last, read = (
        None if each is None else int(datetime.fromisoformat(CHANGE % each).timestamp() * 1000)
        for each in (since, until, now)
    )
    assert span_of_time(first, last, read or 0, zoned=zoned) == words


@pytest.mark.zone("Europe/Berlin")
def test_a_deadline_says_which_of_two_equal_times_it_is() -> None:
    """What is expected within hours has no date, but has its zone if that is another one."""
    first = int(datetime.fromisoformat("2026-10-25T01:30+02:00").timestamp() * 1000)
    assert [clock(first + hours * 3_600_000, first) for hours in (1, 2, 3)] == ["02:30", "02:30 CET", "03:30 CET"]
    assert deadline_words(first + 7_200_000, first) == (3, "deadline 02:30 CET, in 2h 00m")
