"""Values of settings and arguments: durations, addresses, ids.

Each function takes the text and its source (an option, a variable, a key), which its UsageError names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit, urlunsplit

from migstat.errors import TOKEN_PREFIX, UsageError, reason
from migstat.model.nodes import Millis, millis

DEFAULT_BASE_URL = "https://api.atlassian.com"
DEFAULT_REQUEST_TIMEOUT = 15.0
"""Seconds."""

DEFAULT_RATE_LIMIT = 540
"""Requests in any 60 seconds, a tenth below what the API allows."""

MAX_DURATION = 10_000 * 86_400.0
"""Seconds of a duration, at most: systems cannot sleep much longer."""

MAX_REQUEST_TIMEOUT = 20 * 86_400.0
"""The same for one request: sockets count milliseconds in 31 bits."""

MAX_ID_LENGTH = 1024
"""Characters of an id; anything longer was pasted by mistake."""

UNLIMITED = "none"

_UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1, "": 1}
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE | re.ASCII)


def refuse_empty(text: str, source: str) -> str:
    """The text itself; an empty one is most likely an unset shell variable."""
    if not text.strip():
        raise UsageError(f"{source} is empty", "Is a shell variable unset? Omit the argument or give it a value.")
    return text


def one_of(text: str, source: str, choices: Iterable[str]) -> str:
    """The text itself, if it is one of the choices."""
    if text not in (known := [*choices]):  # an enum contains no plain texts before Python 3.12
        raise UsageError(f"{source}: unknown value {text!r}", f"Choose from {', '.join(known)}.")
    return text


def expanded(path: str) -> str:
    """The path with `~` replaced by the user's home folder; shells leave it alone in `--option=~/x`."""
    return os.path.expanduser(path)  # noqa: PTH111  pathlib raises for an unknown `~user`


def seconds(text: str, source: str, longest: float = MAX_DURATION) -> float:
    """A duration such as `90`, `1.5s`, `15m`, `2h`, `1h30m` or `1d`, in seconds; more than 0, at most `longest`."""
    # Units once each and in order, and a fraction in the last one only: `1h1h` and `30m1h` are more likely mistakes.
    match = re.fullmatch(
        r"(?:\d+(?:\.\d+)?|(?=\d)(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+(?:\.\d+)?s)?|\d+\.\d+[dhm])", text.strip()
    )
    parts = re.findall(r"([\d.]+)([dhms]?)", text) if match else []
    value = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if value > longest:
        raise UsageError(f"{source}: {text!r} is longer than {longest / 86_400:g} days")
    if value <= 0:
        hint = "Use seconds or a number with s, m, h or d: 90, 1.5s, 15m, 1h30m, 1d."
        raise UsageError(f"{source}: invalid duration: {text!r}", hint)
    return value


def deadline(text: str, source: str, now: float) -> Millis:
    """An instant in epoch milliseconds: the next `03:00` of the local clock, ISO 8601 with a zone, or a duration.

    `now` in epoch seconds; a duration counts from it. The instant is a whole second, and may have passed.
    """
    hint = "Use a time such as 03:00, 2026-11-29T03:00+01:00, or a duration such as 4h."
    moment = refuse_empty(text, source).strip()
    if re.fullmatch(r"\d{1,2}:\d\d(:\d\d)?", moment, re.ASCII):
        try:
            clock = time.fromisoformat(moment.zfill(5 if len(moment) < 6 else 8))
        except ValueError as error:
            raise UsageError(f"{source}: no such time: {text!r}", hint) from error
        return next_time(clock, now) * 1000
    # `--deadline 0300` and `--deadline 3` are most likely meant as three o'clock, but would parse as seconds.
    if unclear := re.fullmatch(r"([012]?\d)([0-5]\d)|0?[1-9]|1\d|2[0-3]", moment, re.ASCII):
        meant = f"{unclear[1]}:{unclear[2]}" if unclear[1] else f"{moment}:00"
        raise UsageError(f"{source}: {text!r} could be a time or seconds", f"Use {meant} or {moment}s.")
    if re.match(r"\d{4}-?\d\d", moment, re.ASCII) or "T" in moment:
        try:
            when = datetime.fromisoformat(moment)
        except ValueError as error:
            raise UsageError(f"{source}: not a time: {text!r}", hint) from error
        if when.tzinfo is None:
            raise UsageError(f"{source}: {text!r} has no time zone", "Add one to date and time, such as Z or +01:00.")
        if (at := millis(int(when.timestamp()) * 1000)) is None:
            raise UsageError(f"{source}: not a time: {text!r}", hint)
        return at
    try:
        return int(now + seconds(moment, source)) * 1000
    except UsageError as error:
        raise UsageError(error.message.replace("invalid duration", "invalid time", 1), hint) from error


def next_time(clock: time, now: float) -> int:
    """The next instant, in epoch seconds, at which local clocks show a time.

    It may occur twice when clocks are set back. If setting them forward skips it, they count as not set.
    """
    # Three days, as today's may have passed and tomorrow's may not exist; fold=1 is the second of two equal times.
    today = datetime.fromtimestamp(now, UTC).astimezone().date()
    days = [datetime.combine(today + timedelta(days=day), clock) for day in range(3)]
    found = [int(day.timestamp()) for day in days]
    found += [later for day in days if (later := int(day.replace(fold=1).timestamp())) > day.timestamp()]
    return min(at for at in found if at > now)


def same_time_next_day(earlier: float, later: float) -> bool:
    """True if local clocks show the same time at both instants, in epoch seconds, one day apart.

    Between them lie 23 to 25 hours if clocks are set. A time that this skips counts as in `next_time`.
    """
    day = timedelta(days=1)
    first, last = (datetime.fromtimestamp(at, UTC).astimezone().replace(tzinfo=None) for at in (earlier, later))
    return (first + day).timestamp() == later or (last - day).timestamp() == earlier


def email(text: str, source: str) -> str:
    """An e-mail address without the spaces around it."""
    address = text.strip()
    if not address or ":" in address or not address.isprintable() or holds_token(address):
        # The text is not shown: people put NAME:TOKEN here, as curl takes it.
        raise UsageError(
            f"{source} is not an e-mail address", "Give the address only. The token goes into MIGSTAT_TOKEN."
        )
    return address


def rate_limit(text: str, source: str) -> int | None:
    """Requests in any 60 seconds; None for `none`."""
    if text.strip().lower() == UNLIMITED:
        return None
    if not re.fullmatch(r"0{0,8}[1-9]\d{0,8}", text.strip(), re.ASCII):
        raise UsageError(f"{source}: not a number of requests: {text!r}", "Requests allowed in 60 s, such as 540.")
    return int(text)


def readable_file(text: str, source: str) -> str:
    """The path of a file that can be read."""
    try:
        with open(text, "rb"):  # noqa: PTH123  pathlib refuses some names with other errors
            return text
    except (OSError, ValueError) as error:
        raise UsageError(f"{source}: cannot read {text!r}: {reason(error)}") from error


def base_url(text: str, source: str) -> str:
    """The URL of the API without its last slash; plain http, which would expose the token, for loopback only."""
    try:
        parts = urlsplit(text.strip())
        host = parts.hostname or ""
        if ":" in host or host.replace(".", "").isdigit():
            ip_address(host)
            is_host = True
        else:  # a name that can be looked up
            labels = host.removesuffix(".").split(".")
            is_host = len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
            for label in labels:
                if label.startswith("xn--"):
                    label[4:].encode().decode("punycode")  # raises a ValueError if it stands for no other name
        usable = is_host and parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:  # an impossible address, brackets that do not match, or a port that is not a number
        usable = False
    if not usable or not re.fullmatch(r"[!-~]+", text.strip()):
        hint = f"The default is {DEFAULT_BASE_URL}"
        raise UsageError(f"{source}: not an http or https URL: {shown_url(text)!r}", hint)
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"{source}: the URL must not contain a user or password", "Use MIGSTAT_EMAIL and MIGSTAT_TOKEN."
        )
    if parts.query or parts.fragment:
        hint = f"Give scheme and host only: {DEFAULT_BASE_URL}"
        raise UsageError(f"{source}: {shown_url(text)!r} has a query or fragment", hint)
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(
            f"{source}: plain http to {parts.hostname} would send the API token unencrypted",
            "Use https. Plain http is for loopback addresses only.",
        )
    return text.strip().rstrip("/")


def is_loopback(host: str) -> bool:
    """True if the host is this machine, without looking it up."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def job_ids(text: str, source: str) -> tuple[str, str | None]:
    """Job id and, if it is a URL that contains one, task id. The URL's host and query are ignored."""
    if "://" not in text:
        return clean_id(text, source), None
    if holds_token(text):  # suggested commands repeat the URL, and titles of pages show it
        raise UsageError(f"{source} contains an API token", "Omit it from the URL. It goes into MIGSTAT_TOKEN.")
    try:
        match = re.search(r"/jobs/([^/]+)(?:/tasks/([^/]+))?", urlsplit(text).path)
    except ValueError:
        match = None
    if match is None:
        hint = "It must contain /jobs/JOB, and may contain /tasks/TASK after it."
        raise UsageError(f"{source}: no job id in the URL {shown_url(text)!r}", hint)
    job_id = clean_id(unquote(match[1]), f"{source}, the job in the URL")
    return job_id, clean_id(unquote(match[2]), f"{source}, the task in the URL") if match[2] else None


def without_login(job: str) -> str:
    """The job as typed; of a URL only the part that `job_ids` uses, so that it may be shown and repeated."""
    with suppress(ValueError):
        parts = urlsplit(job)
        # an API token in it is refused later
        if "://" in job and "/jobs/" in parts.path and not holds_token(job):
            return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return job


def clean_id(text: str, source: str) -> str:
    """The id as it is. Ids are opaque: anything that is one printable word without slashes is accepted."""
    # It becomes part of a path: a slash, or `..`, would lead to another resource.
    hint = "An id is one word, such as 3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90."
    refuse_empty(text, source)
    if holds_token(text):
        raise UsageError(f"{source} looks like an API token, not an id", "The token goes into MIGSTAT_TOKEN.")
    if not text.isprintable() or " " in text:
        raise UsageError(f"{source}: {text!r} contains a space or an unprintable character", hint)
    if len(text) > MAX_ID_LENGTH:
        raise UsageError(f"{source}: {text[:20]!r}... is {len(text)} characters long", hint)
    if "/" in text or "\\" in text:
        raise UsageError(f"{source}: {text!r} contains a slash", f"{hint} A URL must begin with https://.")
    if text in (".", ".."):
        raise UsageError(f"{source}: invalid id: {text!r}", hint)
    return text


def holds_token(text: str) -> bool:
    """True for a text with one of Atlassian's API tokens in it, such as an e-mail and a token as curl takes them."""
    return TOKEN_PREFIX in text


def may_be_token(text: str) -> bool:
    """True for one long word, unlike names of files or hosts: messages must not show it."""
    return re.fullmatch(r"[\w=+-]{20,}", text.strip()) is not None


def shown_url(text: str) -> str:
    """The URL, or the text in its place, without possible secrets."""
    return "***" if may_be_token(text) else re.sub(r"([?#]).+", r"\1***", re.sub("//.*@", "//***@", text))


def closest_match(typed: str | None, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that an unknown one was probably meant to be, or None."""
    from difflib import get_close_matches

    close = get_close_matches(typed, known, 1, cutoff) if typed is not None else []
    return close[0] if close and close[0] != typed else None
