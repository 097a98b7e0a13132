"""What the user asked for, from flags over environment, as one frozen `Settings`.

The only reader of the environment and of the token's file. The environment is handed in, so that a demo can hand in
its own.
"""

from __future__ import annotations

import math
import os
import re
import stat
import sys
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import msgspec

from migstat.errors import CredentialsError, UsageError

DEFAULT_BASE_URL = "https://api.atlassian.com"
DEFAULT_REQUEST_TIMEOUT = 15.0
DEFAULT_RATE_LIMIT = 540
UNLIMITED = "none"

ENVIRONMENT = {
    "MIGSTAT_JOB": "the job: an id or a URL of the API",
    "MIGSTAT_TASK": "the task: an id, latest, latest-check or latest-migrate",
    "MIGSTAT_EMAIL": "e-mail of the Atlassian account",
    "MIGSTAT_TOKEN": "its API token",
    "MIGSTAT_TOKEN_FILE": "file that holds the API token",
    "MIGSTAT_BASE_URL": f"where the API is, default {DEFAULT_BASE_URL}",
    "MIGSTAT_REQUEST_TIMEOUT": f"seconds for one request, default {DEFAULT_REQUEST_TIMEOUT:g}",
    "MIGSTAT_RATE_LIMIT": f"requests in any 60 s, default {DEFAULT_RATE_LIMIT}",
    "MIGSTAT_CA_BUNDLE": "file with further certificate authorities",
    "MIGSTAT_OUTPUT": "the output format",
    "NO_COLOR": "not empty: no colours",
    "FORCE_COLOR": "not empty: colours even into a pipe",
    "COLUMNS": "width of the output",
}
"""Every environment variable that is read, and its meaning; `migstat help environment` prints it."""


LOOK_VARIABLES = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "LC_ALL", "LC_CTYPE", "LANG")
"""Those that tell of the terminal and nothing of the user."""


class Secret:
    """A text that shows itself to nobody but who asks by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the request's header only."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


class Flags(msgspec.Struct, frozen=True):
    """The options of the command line that say how to reach the API; None where one was not given."""

    base_url: str | None = None
    email: str | None = None
    token_file: str | None = None
    request_timeout: str | None = None
    rate_limit: str | None = None
    ca_bundle: str | None = None


class Settings(msgspec.Struct, frozen=True):
    """How to reach the API. `request_timeout` in seconds, `rate_limit` in requests per 60 s (None: no limit).

    `proxy` is the URL of the proxy that the machine is set up to use, never for a loopback address. `warnings` are
    for the user's eyes.
    """

    base_url: str
    loopback: bool
    email: str
    token: Secret
    request_timeout: float
    rate_limit: int | None
    ca_bundle: str | None
    proxy: str | None = None
    warnings: tuple[str, ...] = ()


class Look(msgspec.Struct, frozen=True):
    """How the user wants to see it: `color` None is for the terminal to decide, `columns` None too.

    `plain_signs` says that the terminal shows ASCII only, whatever its stream could encode; `dumb` that its cursor
    cannot be moved.
    """

    output: str | None
    color: bool | None = None
    columns: int | None = None
    plain_signs: bool = False
    dumb: bool = False


def settings_from(flags: Flags, environ: Mapping[str, str], stdin: Callable[[], str]) -> Settings:
    """Flags over environment; `stdin` reads standard input for `--token-file -`.

    Raises UsageError for a value that makes no sense, CredentialsError where there is nothing to log in with.
    """
    base_url, loopback = _base_url(_chosen(flags.base_url, "--base-url", environ, "MIGSTAT_BASE_URL"))
    timeout = _chosen(flags.request_timeout, "--request-timeout", environ, "MIGSTAT_REQUEST_TIMEOUT")
    limit = _chosen(flags.rate_limit, "--rate-limit", environ, "MIGSTAT_RATE_LIMIT")
    bundle = _chosen(flags.ca_bundle, "--ca-bundle", environ, "MIGSTAT_CA_BUNDLE")
    request_timeout = seconds(*timeout) if timeout else DEFAULT_REQUEST_TIMEOUT
    rate_limit = _rate_limit(limit, loopback=loopback)
    ca_bundle = _readable(bundle)
    email = _email(_chosen(flags.email, "--email", environ, "MIGSTAT_EMAIL"))
    token, warnings = _token(flags.token_file, environ, stdin)
    proxy = None if loopback else _proxy(base_url)
    return Settings(base_url, loopback, email, token, request_timeout, rate_limit, ca_bundle, proxy, warnings)


def look_from(output: str | None, color: str, environ: Mapping[str, str]) -> Look:
    """The format asked for and whether to use colour: flag over `NO_COLOR` over `FORCE_COLOR`."""
    columns = environ.get("COLUMNS", "")
    wanted = output or environ.get("MIGSTAT_OUTPUT") or None
    width = int(columns) if columns.isascii() and columns.isdecimal() and 0 < len(columns) < 5 else 0
    return Look(wanted, _color(color, environ), width or None, _plain_signs(environ), environ.get("TERM") == "dumb")


def job_and_task(environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The job and task words of the environment; an empty variable counts as unset."""
    return environ.get("MIGSTAT_JOB") or None, environ.get("MIGSTAT_TASK") or None


def process_environ() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


def seconds(text: str, source: str) -> float:
    """A duration such as `90`, `1.5s`, `15m` or `2h`, in seconds; 0 is refused. `source` names the option in errors."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    value = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
    if not math.isfinite(value) or value <= 0:
        raise UsageError(
            f"{source}: {text!r} is no duration",
            "Give seconds, or a number with s, m or h: 90, 1.5s, 15m, 2h.",
        )
    return value


def _chosen(flag: str | None, name: str, environ: Mapping[str, str], variable: str) -> tuple[str, str] | None:
    """The value and where it came from, or None. An empty flag is an unset shell variable: refused."""
    if flag is not None:
        return refuse_empty(flag, name), name
    value = environ.get(variable)
    return (value, variable) if value else None


def refuse_empty(value: str, name: str) -> str:
    """The value of an argument; raises UsageError where it is empty."""
    if not value.strip():
        raise UsageError(f"{name} is empty", "Is a shell variable unset? Leave the argument out or give it a value.")
    return value


def _base_url(chosen: tuple[str, str] | None) -> tuple[str, bool]:
    """The base URL without its last slash, and whether it is a loopback address."""
    if chosen is None:
        return DEFAULT_BASE_URL, False
    text, source = chosen
    parts = _split(text, source)
    loopback = _is_loopback(parts.hostname or "")
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"{source}: a URL with a user or password in it is refused",
            "Use MIGSTAT_EMAIL and MIGSTAT_TOKEN.",
        )
    if parts.query or parts.fragment:
        raise UsageError(
            f"{source}: {text!r} has a query or fragment", f"Give scheme and host only: {DEFAULT_BASE_URL}"
        )
    if parts.scheme == "http" and not loopback:
        raise UsageError(
            f"{source}: plain http to {parts.hostname} would send the API token in the clear",
            "Use https; plain http is for loopback addresses only.",
        )
    return text.strip().rstrip("/"), loopback


def _split(text: str, source: str) -> SplitResult:
    try:
        parts = urlsplit(text.strip())
        usable = parts.scheme in ("http", "https") and _is_host(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not re.fullmatch(r"[!-~]+", text.strip()):
        raise UsageError(f"{source}: {text!r} is no http or https URL", f"The default is {DEFAULT_BASE_URL}")
    return parts


_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE | re.ASCII)


def _is_host(host: str | None) -> bool:
    """Whether this is a name that can be looked up, or an address."""
    if not host or ":" in host or host.replace(".", "").isdigit():
        try:
            return bool(host) and ip_address(host or "") is not None
        except ValueError:
            return False
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in host.removesuffix(".").split("."))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _proxy(base_url: str) -> str | None:
    """The proxy that environment or system name for this URL, with `http://` before one that is a bare host."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(base_url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _rate_limit(chosen: tuple[str, str] | None, *, loopback: bool) -> int | None:
    if chosen is None:
        return DEFAULT_RATE_LIMIT
    text, source = chosen
    if text.strip().lower() == UNLIMITED:
        if not loopback:
            raise UsageError(
                f"{source}: no limit is for loopback addresses only",
                "The API allows 600 requests in 60 s; give a number.",
            )
        return None
    if not re.fullmatch(r"0{0,8}[1-9]\d{0,8}", text.strip(), re.ASCII):
        raise UsageError(
            f"{source}: {text!r} is no number of requests", "Give how many requests may be sent in 60 s: 540"
        )
    return int(text)


def _readable(chosen: tuple[str, str] | None) -> str | None:
    if chosen is None:
        return None
    path, source = chosen
    try:
        with Path(path).open("rb"):
            return path
    except (OSError, ValueError) as error:
        raise UsageError(f"{source}: {path!r} cannot be read: {_reason(error)}") from error


def _email(chosen: tuple[str, str] | None) -> str:
    if chosen is None:
        raise CredentialsError(
            "no e-mail of an Atlassian account", "Set MIGSTAT_EMAIL, and MIGSTAT_TOKEN or --token-file FILE."
        )
    text, source = chosen[0].strip(), chosen[1]
    if not text or ":" in text or not text.isprintable():
        raise UsageError(f"{source}: {text!r} is no e-mail address")
    return text


def _token(flag: str | None, environ: Mapping[str, str], stdin: Callable[[], str]) -> tuple[Secret, tuple[str, ...]]:
    """The token from the first source that is there, with warnings about it."""
    if flag is not None:
        return _token_from_file(refuse_empty(flag, "--token-file"), "--token-file", stdin)
    if environ.get("MIGSTAT_TOKEN"):
        return _secret(environ["MIGSTAT_TOKEN"], "MIGSTAT_TOKEN"), ()
    if environ.get("MIGSTAT_TOKEN_FILE"):
        return _token_from_file(environ["MIGSTAT_TOKEN_FILE"], "MIGSTAT_TOKEN_FILE", stdin)
    raise CredentialsError("no API token", "Set MIGSTAT_TOKEN, or give --token-file FILE (- reads standard input).")


def _token_from_file(path: str, source: str, stdin: Callable[[], str]) -> tuple[Secret, tuple[str, ...]]:
    if path == "-":
        return _secret(stdin(), f"{source} - (standard input)"), ()
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(65536)
            mode = os.fstat(file.fileno()).st_mode
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, or a NUL in the path
        raise CredentialsError(f"{source}: {path!r} cannot be read: {_reason(error)}") from error
    return _secret(text, f"{source} {path}"), _warnings_about(path, mode)


def _warnings_about(path: str, mode: int) -> tuple[str, ...]:
    others = stat.S_IRGRP | stat.S_IROTH
    if sys.platform == "win32" or not mode & others or not stat.S_ISREG(mode):  # Windows modes say nothing of readers
        return ()
    return (f"other users can read the token in {path}: chmod 600 {path}",)


def _secret(text: str, source: str) -> Secret:
    token = text.strip()
    if not token:
        raise CredentialsError(f"{source} holds no API token")
    if not token.isprintable() or " " in token:
        raise CredentialsError(
            f"{source} holds more than one word, so no API token", "It must hold the token and nothing else."
        )
    return Secret(token)


def _color(flag: str, environ: Mapping[str, str]) -> bool | None:
    if flag != "auto":
        return flag == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return False if environ.get("TERM") == "dumb" else None


def _plain_signs(environ: Mapping[str, str]) -> bool:
    """Whether the locale is C, for which Python writes UTF-8 all the same, or the console has but few glyphs."""
    locale = next((value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := environ.get(name))), "")
    return locale in ("C", "POSIX") or environ.get("TERM") == "linux"


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
