"""Text that is safe to show, and times and durations in few characters."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from migstat.model.nodes import Millis

_NOT_PRINTED = (
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb"
    "\ufffe\uffff"  # no XML may hold them, so no picture
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Controls, C1, bidirectional marks and other invisible characters: they could move the cursor or hide text."""

_SPACES = r"[\t\n\v\f\r\x85\u2028\u2029]+"
_SHORT = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def harmless(text: str) -> str:
    """The text on one line, with every character that does not print written out, such as `\\x1b`."""
    # Nearly all names and messages are plain ASCII, and 5000 projects have thousands of them.
    if text.isascii() and text.isprintable():
        return text
    return re.sub(_NOT_PRINTED, _written_out, re.sub(_SPACES, " ", text))


def one_field(text: str) -> str:
    """The text for a tab separated line: like `harmless`, but tabs and newlines are kept, as `\\t` and `\\n`."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(_NOT_PRINTED, _written_out, text)


def encodable(text: str) -> str:
    """The text with lone surrogates, which UTF-8 cannot hold, written out; raw bytes in an argument become such."""
    return text.encode("utf-8", "backslashreplace").decode()


def escape_json(text: str) -> str:
    """JSON in which characters that do not print are `\\u` escapes; they occur inside its strings only."""
    return re.sub(_NOT_PRINTED, lambda match: _utf16_escapes(match[0]), text)


def ascii_json(text: str) -> str:
    """JSON in ASCII, for a terminal that cannot show more."""
    return re.sub(r"[^\x00-\x7f]", lambda match: _utf16_escapes(match[0]), text)


def duration(seconds: float | None) -> str:
    """A duration in at most two units: `45s`, `12m 03s`, `1h 37m`, `2d 4h`; empty if unknown."""
    if seconds is None:
        return ""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 86400}d {whole % 86400 // 3600}h"


def local_time(at: Millis | None, now: Millis, *, zoned: bool = False) -> str:
    """Local time of day; with the date if that is not the day of `now`; empty if unknown.

    It has its zone if `zoned`, or if that is not the zone of `now`: in the night in which clocks are set back, 02:30
    comes twice.
    """
    local, today = local_of(at), local_of(now)
    if local is None:
        return ""
    day = "" if today is not None and local.date() == today.date() else f"{short_date(local, now)} "
    zoned = zoned or (today is not None and zone(local) != zone(today))
    return f"{day}{local:%H:%M}{f' {zone(local)}' if zoned else ''}"


def span_of_time(since: Millis | None, until: Millis | None, now: Millis, *, zoned: bool = False) -> str:
    """A span of time, naming day and, if `zoned`, zone twice only if there are two."""
    begun, ended = local_of(since), local_of(until)
    if begun is None or ended is None:
        return local_time(since, now, zoned=zoned) or local_time(until, now, zoned=zoned)
    two = zone(begun) != zone(ended)
    same_day = begun.date() == ended.date()
    last = local_time(until, until or now if same_day else now, zoned=zoned or two)
    return f"{local_time(since, now, zoned=two)} to {last}"


def future(at: Millis, now: Millis) -> str:
    """A time to come, relative first: `in 6 days, 2 Dec` or `in 5h 10m, 18:30`."""
    local = local_of(at)
    if local is None or at < now:
        return local_time(at, now)
    days = (at - now) // 86_400_000
    if days:
        return f"in {days} day{'s' if days > 1 else ''}, {short_date(local, now)}"
    return f"in {duration((at - now) / 1000)}, {local_time(at, now)}"


def later(at: Millis | None, now: Millis) -> Millis | None:
    """The instant if it is in a later minute than `now`, else None: a lower bound that has passed says nothing."""
    return at if at is not None and at // 60_000 > now // 60_000 else None


def ago(at: Millis, now: Millis) -> str:
    """Age of an instant: `just now`, `25m ago`, `15h ago`, `3 days ago`."""
    minutes = max(now - at, 0) // 60_000
    if minutes < 2 * 1440:
        return "just now" if not minutes else f"{minutes}m ago" if minutes < 120 else f"{minutes // 60}h ago"
    return f"{minutes // 1440} days ago"


def day_and_time(at: Millis, now: Millis) -> str:
    """Weekday, date and time of day: `Fri 27 Nov 16:40`; with the year if that is not the year of `now`."""
    local, today = local_of(at), local_of(now)
    if local is None or today is None:
        return ""
    year = f" {local.year}" if local.year != today.year else ""
    return f"{local:%a} {local.day} {local:%b}{year} {local:%H:%M}"


def short_date(day: date, now: Millis) -> str:
    """A date as `1 Dec`, with the year if that is not the year of `now`."""
    today = local_of(now)
    year = "" if today is not None and today.year == day.year else f" {day.year}"
    return f"{day.day} {day:%b}{year}"


def absolute(at: Millis | None) -> str:
    """Date and time with zone, for text that is read on another day: `2 Dec 2026 18:30 CET`."""
    local = local_of(at)
    return f"{local.day} {local:%b %Y %H:%M} {zone(local)}" if local else ""


def zone(at: Millis | datetime) -> str:
    """The name of the time zone of an instant or, if that is several words as on Windows, its offset from UTC."""
    local = at if isinstance(at, datetime) else local_of(at)
    if local is None:
        return ""
    name, offset = local.tzname() or "", f"{local:%z}"
    return f"UTC{offset[:3]}:{offset[3:5]}" if " " in name else name


def iso(at: Millis | None) -> str | None:
    """An instant as ISO 8601 in UTC, in whole seconds with `Z`, as jq's `fromdate` reads it."""
    if at is None:
        return None
    minute, rest = divmod(at, 60_000)
    return _minute(minute) + _SECONDS[rest // 1000]


_SECONDS = tuple(f":{each:02}Z" for each in range(60))


@lru_cache(maxsize=1024)  # thousands of nodes share their minutes
def _minute(minute: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M")


def number(value: float) -> str:
    """A number without a meaningless fraction."""
    return str(int(value)) if value % 1 == 0 else f"{value:g}"


def grouped(value: float) -> str:
    """A count with its thousands separated: `19 229`."""
    return f"{int(value):,}".replace(",", " ") if value % 1 == 0 else number(value)


def local_of(at: Millis | None) -> datetime | None:
    """An instant on the local calendar; None if unknown, or too far away for one."""
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at / 1000, UTC).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def _written_out(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else _utf16_escapes(character))


def _utf16_escapes(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))
