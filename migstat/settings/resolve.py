"""What the user asked for, from flags over environment over profile, as one frozen `Settings`.

The only reader of the environment. It is handed in, so that a demo can hand in its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import msgspec

from migstat.errors import UsageError
from migstat.files.places import config_file
from migstat.settings.config import DEFAULT_PROFILE, FILE_KEYS, Config, read_config
from migstat.settings.credentials import Secret, Token, TokenFile, email_from, may_be_token, named_token, token_from
from migstat.settings.keychain import Account, Keychain
from migstat.settings.proxies import is_loopback, proxy_for

DEFAULT_BASE_URL = "https://api.atlassian.com"
DEFAULT_REQUEST_TIMEOUT = 15.0
DEFAULT_RATE_LIMIT = 540
LONGEST = 10_000 * 86_400.0
"""Seconds of a duration, at most: not much more fits into what systems sleep with."""

LONGEST_REQUEST = 20 * 86_400.0
"""The same of one request: sockets wait in milliseconds of 31 bits."""

DEFAULT_INTERVAL = "10s"
UNLIMITED = "none"
DEFAULTS = {
    "base_url": DEFAULT_BASE_URL,
    "task": "latest",
    "interval": DEFAULT_INTERVAL,
    "request_timeout": f"{DEFAULT_REQUEST_TIMEOUT:g}",
    "rate_limit": str(DEFAULT_RATE_LIMIT),
}
"""What is in force where nobody says otherwise, as it would be written in a profile."""

ENVIRONMENT = {
    "MIGSTAT_PROFILE": "a section of the config file",
    "MIGSTAT_CONFIG": "another config file",
    "MIGSTAT_JOB": "the job: an id, a URL of the API or a target of the config file",
    "MIGSTAT_TASK": "the task: an id, latest, latest-check or latest-migrate",
    "MIGSTAT_EMAIL": "e-mail of the Atlassian account",
    "MIGSTAT_TOKEN": "its API token",
    "MIGSTAT_TOKEN_FILE": "file that holds the API token",
    "MIGSTAT_BASE_URL": f"where the API is, default {DEFAULT_BASE_URL}",
    "MIGSTAT_REQUEST_TIMEOUT": f"seconds for one request, default {DEFAULT_REQUEST_TIMEOUT:g}",
    "MIGSTAT_RATE_LIMIT": f"requests in any 60 s, default {DEFAULT_RATE_LIMIT}",
    "MIGSTAT_CA_BUNDLE": "file with further certificate authorities",
    "MIGSTAT_OUTPUT": "the output format",
    "NO_COLOR": "not empty: no color",
    "FORCE_COLOR": "color even into a pipe; 0: no color",
    "CLICOLOR_FORCE": "not 0: color even into a pipe",
    "CLICOLOR": "0: no color",
    "COLUMNS": "width of the output",
    "HTTPS_PROXY": "the proxy for the API, as ALL_PROXY; never for a loopback address",
    "NO_PROXY": "hosts without a proxy",
    "SSL_CERT_FILE": "on Linux: certificate authorities in place of the system's",
}
"""Every environment variable that is read, and its meaning; `migstat help environment` prints it."""


LOOK_VARIABLES = (
    *("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"),
    *("COLUMNS", "TERM", "LC_ALL", "LC_CTYPE", "LANG"),
)
"""Those that tell of the terminal and nothing of the user."""


_NAMES: dict[str, tuple[str | None, str | None]] = {
    "email": ("--email", "MIGSTAT_EMAIL"),
    "base_url": ("--base-url", "MIGSTAT_BASE_URL"),
    "job": (None, "MIGSTAT_JOB"),
    "task": (None, "MIGSTAT_TASK"),
    "interval": ("--interval", None),
    "output": ("--output", "MIGSTAT_OUTPUT"),
    "request_timeout": ("--request-timeout", "MIGSTAT_REQUEST_TIMEOUT"),
    "rate_limit": ("--rate-limit", "MIGSTAT_RATE_LIMIT"),
    "ca_bundle": ("--ca-bundle", "MIGSTAT_CA_BUNDLE"),
    "token_file": ("--token-file", "MIGSTAT_TOKEN_FILE"),
}
"""Option and variable of each key of a profile."""


NO_TOKEN = Token(Secret(""), "")


class Flags(msgspec.Struct, frozen=True):
    """The options of the command line that say how to reach the API; None where one was not given."""

    base_url: str | None = None
    email: str | None = None
    token_file: str | None = None
    request_timeout: str | None = None
    rate_limit: str | None = None
    ca_bundle: str | None = None


class Profile(msgspec.Struct, frozen=True):
    """A section of the config file that is in force, and the named targets; nothing where there is no such file."""

    config: Config = Config("")
    name: str | None = None
    source: str = ""

    def get(self, key: str) -> tuple[str, str] | None:
        """A value and where it stands; of a file its whole name, where `~` is the user's folder."""
        value = self.config.profiles.get(self.name or "", {}).get(key)
        if value is not None and key in FILE_KEYS:
            value = str(Path(self.config.file).parent / os.path.expanduser(value))  # noqa: PTH111  a `~nobody` stays
        return None if value is None else (value, self.source_of(key))

    def source_of(self, key: str) -> str:
        """Where a key of this profile stands, for people."""
        path = ("profiles", self.name or "", key)
        return f"profile {self.name}'s {key} in {self.config.origin(path)}"

    @property
    def token_file(self) -> TokenFile | None:
        """The file that should hold the token."""
        chosen = self.get("token_file")
        return None if chosen is None else TokenFile(*chosen)


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


class Origin(msgspec.Struct, frozen=True):
    """A value in force and where it comes from, for people. A token's value is never in it."""

    key: str
    value: str
    source: str


def profile_from(flag: str | None, job: str | None, environ: Mapping[str, str], *, may_be_new: bool = False) -> Profile:
    """The profile in force: flag over environment over the job's target over the default one.

    `job` is what the command line calls the job, if anything. Raises UsageError for a config file that is damaged, and
    for a profile that it does not hold, unless that may be new.
    """
    file, named = config_file(environ)
    config = read_config(file, must_exist=named and not may_be_new)
    return profile_of(config, flag, job, environ, may_be_new=may_be_new)


def profile_of(
    config: Config, flag: str | None, job: str | None, environ: Mapping[str, str], *, may_be_new: bool = False
) -> Profile:
    """The same, of a config file that was read."""
    named = job or environ.get("MIGSTAT_JOB") or ""
    target = config.targets.get(named, {}).get("profile")
    if flag is not None:
        name, source = refuse_empty(flag, "--profile"), "--profile"
    elif environ.get("MIGSTAT_PROFILE"):
        name, source = environ["MIGSTAT_PROFILE"], "MIGSTAT_PROFILE"
    elif target is not None:
        name, source = target, f"target {named} in {config.origin(('targets', named, 'profile'))}"
    elif config.default_profile is not None:
        name, source = config.default_profile, config.origin((DEFAULT_PROFILE,))
    else:
        return Profile(config)
    if name not in config.profiles and not may_be_new:
        raise UsageError(f"{source}: there is no profile {name!r} in {config.file}", _known(name, config.profiles))
    return Profile(config, name, source)


class Sources(msgspec.Struct, frozen=True):
    """Where values come from: flags over environment over profile; of the token also the keyring, last.

    `stdin` reads standard input for `--token-file -`; without a `keychain` no keyring is asked.
    """

    flags: Flags
    environ: Mapping[str, str]
    profile: Profile
    stdin: Callable[[], str]
    keychain: Keychain | None = None

    def get(self, key: str) -> tuple[str, str] | None:
        """A value and its source, or None.

        An empty flag is an unset shell variable: refused. An empty variable counts as unset.
        """
        option, variable = _NAMES[key]
        flag = getattr(self.flags, key, None)
        if flag is not None and option is not None:
            return refuse_empty(flag, option), option
        value = self.environ.get(variable or "")
        return (value, variable) if value and variable else self.profile.get(key)

    def check(self) -> None:
        """Raise UsageError for a value that makes no sense."""
        self.settings("", NO_TOKEN)

    @property
    def base_url(self) -> str:
        """Where the API is. Raises UsageError."""
        return _base_url(self.get("base_url"))[0]

    def account(self) -> Account:
        """Whose token is asked for. Raises CredentialsError where there is no e-mail, UsageError for nonsense."""
        return Account(self.base_url, email_from(self.get("email")))

    def token(self) -> Token:
        """The token from the first source that is there. Raises CredentialsError, UsageError."""
        profile = self.profile.token_file
        return token_from(self.flagged_token, self.environ, profile, self.account, self.stdin, self.keychain)

    @property
    def flagged_token(self) -> TokenFile | None:
        """The file of `--token-file`. Raises UsageError."""
        flag = self.flags.token_file
        return None if flag is None else TokenFile(refuse_empty(flag, "--token-file"), "--token-file")

    @property
    def named_token(self) -> str | None:
        """What is asked for the token before the keyring is, for people. Raises UsageError."""
        named = named_token(self.flagged_token, self.environ, self.profile.token_file)
        return named.source if isinstance(named, TokenFile) else named

    def settings(self, email: str, token: Token) -> Settings:
        """How to reach the API with this e-mail and token. Raises UsageError for a value that makes no sense."""
        base_url, loopback = _base_url(self.get("base_url"))
        timeout = self.get("request_timeout")
        request_timeout = seconds(*timeout, LONGEST_REQUEST) if timeout else DEFAULT_REQUEST_TIMEOUT
        rate_limit = _rate_limit(self.get("rate_limit"), loopback=loopback)
        ca_bundle = _readable(self.get("ca_bundle"))
        proxy = proxy_for(base_url)
        return Settings(
            base_url, loopback, email, token.secret, request_timeout, rate_limit, ca_bundle, proxy, token.warnings
        )

    def origins(self, token: Token | None) -> tuple[Origin, ...]:
        """Every value in force and where it comes from, the config file and `token` among them.

        A default's source is `default`, and that of a value of the file its line.
        """
        profile, config = self.profile, self.profile.config
        named = "MIGSTAT_CONFIG" if self.environ.get("MIGSTAT_CONFIG") else "default"
        origins = [Origin("config", config.file, named if config.text else f"{named}, not there yet")]
        origins += [Origin("profile", profile.name, profile.source)] if profile.name else []
        given = {key: self.get(key) for key in _NAMES}
        for key, chosen in given.items():
            if chosen is not None:
                of_profile = chosen[1] == profile.source_of(key)
                where = config.origin(("profiles", profile.name or "", key)) if of_profile else chosen[1]
                origins.append(Origin(key, chosen[0], where))
        origins += [Origin("token", "***", token.source)] if token is not None else []
        origins += [Origin(key, value, "default") for key, value in DEFAULTS.items() if given[key] is None]
        return tuple(msgspec.structs.replace(each, source=config.shortened(each.source)) for each in origins)


def settings_from(
    flags: Flags,
    environ: Mapping[str, str],
    stdin: Callable[[], str],
    profile: Profile | None = None,
    keychain: Keychain | None = None,
) -> Settings:
    """How to reach the API, from these sources.

    Raises UsageError for a value that makes no sense, CredentialsError where there is nothing to log in with.
    """
    sources = Sources(flags, environ, profile or Profile(), stdin, keychain)
    settings = sources.settings("", NO_TOKEN)  # what makes no sense is told before what is missing
    email, token = email_from(sources.get("email")), sources.token()
    return msgspec.structs.replace(settings, email=email, token=token.secret, warnings=token.warnings)


def elsewhere(settings: Settings, url: str) -> Settings:
    """The same settings for another server, at `url`: with the proxy that is right for it, none for a loopback address.

    Raises ValueError for what is no URL.
    """
    parts = urlsplit(url)
    if parts.port == 0:  # one that is too high raises on its own
        raise ValueError("port 0")
    loopback = is_loopback(parts.hostname or "")
    proxy = proxy_for(url)
    base_url = f"{parts.scheme}://{parts.netloc}"
    return msgspec.structs.replace(settings, base_url=base_url, loopback=loopback, proxy=proxy)


def look_from(output: str | None, environ: Mapping[str, str], preferred: str | None = None) -> Look:
    """The format asked for, and the window.

    `preferred` is the format of the profile, where nothing else asks for one.
    """
    columns = environ.get("COLUMNS", "")
    wanted = output or environ.get("MIGSTAT_OUTPUT") or preferred
    width = int(columns) if columns.isascii() and columns.isdecimal() and 0 < len(columns) < 5 else 0
    return Look(wanted, None, width or None, _plain_signs(environ), environ.get("TERM") == "dumb")


def job_and_task(environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The job and task words of the environment; an empty variable counts as unset."""
    return environ.get("MIGSTAT_JOB") or None, environ.get("MIGSTAT_TASK") or None


def process_environ() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


def seconds(text: str, source: str, longest: float = LONGEST) -> float:
    """A duration such as `90`, `1.5s`, `15m` or `2h`, in seconds; `source` names the option in errors.

    Raises UsageError for 0, and for what is longer than a system can wait.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    value = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
    if not 0 < value <= longest:
        what = "is no duration" if value <= 0 else f"is longer than {longest / 86_400:g} days"
        raise UsageError(
            f"{source}: {text!r} {what}",
            "Give seconds, or a number with s, m or h: 90, 1.5s, 15m, 2h.",
        )
    return value


def check_base_url(value: str, source: str) -> None:
    """Raise UsageError where the API cannot be there."""
    _base_url((value, source))


def check_rate_limit(value: str, source: str) -> None:
    """Raise UsageError where this is no limit, whatever the address."""
    _rate_limit((value, source), loopback=True)


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
    loopback = is_loopback(parts.hostname or "")
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"{source}: a URL with a user or password in it is refused",
            "Use MIGSTAT_EMAIL and MIGSTAT_TOKEN.",
        )
    if parts.query or parts.fragment:
        raise UsageError(
            f"{source}: {shown_url(text)!r} has a query or fragment", f"Give scheme and host only: {DEFAULT_BASE_URL}"
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
        raise UsageError(f"{source}: {shown_url(text)!r} is no http or https URL", f"The default is {DEFAULT_BASE_URL}")
    return parts


def shown_url(text: str) -> str:
    """What was given for a URL, for messages: without what may be secret in it, be it a URL or not."""
    return "***" if may_be_token(text) else re.sub(r"([?#]).+", r"\1***", re.sub("//.*@", "//***@", text))


_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE | re.ASCII)


def _is_host(host: str | None) -> bool:
    """Whether this is a name that can be looked up, or an address."""
    if not host or ":" in host or host.replace(".", "").isdigit():
        try:
            return bool(host) and ip_address(host or "") is not None
        except ValueError:
            return False
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in host.removesuffix(".").split("."))


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


def _plain_signs(environ: Mapping[str, str]) -> bool:
    """Whether the locale is C, for which Python writes UTF-8 all the same, or the console has but few glyphs."""
    locale = next((value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := environ.get(name))), "")
    return locale in ("C", "POSIX") or environ.get("TERM") == "linux"


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _known(name: str, profiles: Mapping[str, object]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, profiles, 1)
    return f"Is it {close[0]}?" if close else f"There are {', '.join(profiles) or 'none yet'}."
