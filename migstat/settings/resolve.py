"""The settings in effect, from flags over environment over profile, as one frozen `Settings`.

The environment is handed in, so that a demo can hand in its own.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from migstat.errors import CredentialsError, MigstatError, UsageError, without_tokens
from migstat.files.places import config_file
from migstat.settings.config import DEFAULT_PROFILE, Config, display_path, read_config, set_command
from migstat.settings.credentials import Token, token_of, token_of_file
from migstat.settings.keychain import Account, Keychain
from migstat.settings.keys import DEFAULTS, PROFILE_KEYS, SETTING, SETTINGS
from migstat.settings.proxies import proxy_for
from migstat.settings.values import closest_match, expanded, holds_token, is_loopback, refuse_empty

MIN_TOKEN_LENGTH = 8
"""Characters of a token below which it may occur in a text by chance; no API token is that short."""

Flags = dict[str, str | None]
"""Options of the command line that are settings, by their names in the table; None for those not given."""

Chosen = tuple[str, str]
"""A value and its source, for people."""


class Profile(msgspec.Struct, frozen=True):
    """The section of the config file in effect, and the file itself; empty if there is no such file."""

    config: Config = Config("")
    name: str | None = None
    source: str = ""

    def get(self, key: str) -> Chosen | None:
        """A value and its source. A path is absolute: `~` is expanded, and the rest relative to the config file."""
        value = self.config.profiles.get(self.name or "", {}).get(key)
        if value is None:
            return None
        if SETTING[key].is_file:
            value = str(Path(self.config.file).parent / expanded(value))
        return value, self.config.origin(("profiles", self.name or "", key))


class Settings(msgspec.Struct, frozen=True):
    """How to reach the API. `request_timeout` in seconds, `rate_limit` in requests per 60 s (None: no limit).

    `email` and `token` are empty before a login. `proxy` is the URL of the proxy that the machine is set up
    to use, never for a loopback address.
    """

    base_url: str
    request_timeout: float
    rate_limit: int | None
    ca_bundle: str | None
    proxy: str | None = None
    email: str = ""
    token: Token = Token("")

    @property
    def loopback(self) -> bool:
        """True if the API is on this machine, as the simulator is."""
        return is_loopback(urlsplit(self.base_url).hostname or "")


def profile_from(
    flag: str | None,
    job: str | None,
    environ: Mapping[str, str],
    *,
    config: Config | None = None,
    may_be_new: bool = False,
) -> Profile:
    """The profile in effect: flag over environment over the job's target over the default one.

    `job` is what the command line calls the job, if anything. Without a `config` the user's config file is read. Raises
    UsageError for a damaged file, and for a profile that it lacks, unless that may be new.
    """
    if config is None:
        file, named = config_file(environ)
        config = read_config(file, must_exist=named and not may_be_new)
    target = job or environ.get("MIGSTAT_JOB") or ""
    of_target = config.targets.get(target, {}).get("profile")
    if flag is not None:
        name, source = refuse_empty(flag, "--profile"), "--profile"
    elif environ.get("MIGSTAT_PROFILE"):
        name, source = environ["MIGSTAT_PROFILE"], "MIGSTAT_PROFILE"
    elif of_target is not None:
        name, source = of_target, config.origin(("targets", target, "profile"))
    elif config.default_profile is not None:
        name, source = config.default_profile, config.origin((DEFAULT_PROFILE,))
    else:
        return Profile(config)
    if name not in config.profiles and not may_be_new:
        if close := closest_match(name, config.profiles):
            hint = f"Did you mean {close}?"
        elif len(config.profiles) == 1:
            hint = f"The only one is {next(iter(config.profiles))!r}."
        elif config.profiles:
            hint = f"Choose from {', '.join(config.profiles)}."
        else:
            hint = f"Create it: {set_command(('profiles', name, 'email'), 'ADDR')}"
        shown = display_path(config.file)
        place = "" if source.startswith(f"{shown}: ") else f" in {shown}"
        raise UsageError(f"{source}: no profile {name!r}{place}", hint)
    return Profile(config, name, source)


class Sources(msgspec.Struct, frozen=True):
    """The sources of values: flags over environment over profile; the token may also be stored.

    `stdin` reads standard input for `--token-file -`. Without a `keychain` stored tokens are ignored.
    """

    flags: Flags
    environ: Mapping[str, str] = {}
    profile: Profile = Profile()
    stdin: Callable[[], str] = str
    keychain: Callable[[], Keychain] | None = None

    def get(self, key: str) -> Chosen | None:
        """The value in effect and its source, or None. An empty flag is refused; an empty variable counts as unset."""
        setting = SETTING[key]
        if (flag := self.flags.get(key)) is not None:
            value, source = refuse_empty(flag, setting.option), setting.option
        elif variable := self.environ.get(setting.variable):
            value, source = variable, setting.variable
        else:
            return self.profile.get(key) or ((DEFAULTS[key], "default") if key in DEFAULTS else None)
        return expanded(value) if setting.is_file else value, source

    def parsed(self, key: str) -> Any:
        """The value that is in effect, parsed; None if there is none. Raises UsageError."""
        chosen = self.get(key)
        return SETTING[key].parse(*chosen) if chosen else None

    def email(self, hint: str = "") -> str:
        """The e-mail of the account. Raises CredentialsError if there is none, UsageError for an invalid one."""
        address: str | None = self.parsed("email")
        if address is None:
            hint = hint or f"{self._log_in} Or set MIGSTAT_EMAIL, and MIGSTAT_TOKEN or --token-file FILE."
            raise CredentialsError("no Atlassian account e-mail given", hint)
        return address

    @property
    def _log_in(self) -> str:
        name = self.profile.name
        needed = f" --profile {shlex.quote(name)}" if name and name != self.profile.config.default_profile else ""
        return f"Run migstat auth login{needed}."

    def token(self) -> Token:
        """The token from the first source that has one.

        Raises CredentialsError if there is none, or the first source has no usable one; UsageError.
        """
        if self.named_source == "MIGSTAT_TOKEN":
            return token_of(self.environ["MIGSTAT_TOKEN"], "MIGSTAT_TOKEN")
        if file := self.get("token_file"):
            return token_of_file(*file, self.stdin)
        try:
            account = Account(self.parsed("base_url"), self.email())
            stored = self.keychain().recall(account) if self.keychain else None
        except MigstatError as error:
            raise CredentialsError(f"no API token: {error.message}", error.hint) from error
        if stored is None:
            hint = f"{self._log_in} Or set MIGSTAT_TOKEN, or use --token-file FILE (- reads standard input)."
            raise CredentialsError(f"no API token for {account.email} at {account.base_url}", hint)
        return token_of(*stored)

    @property
    def named_source(self) -> str | None:
        """What gives the token or its file, and takes precedence over the stored one; None if nothing does.

        MIGSTAT_TOKEN comes between `--token-file` and all other files.
        """
        if self.flags.get("token_file") is None and self.environ.get("MIGSTAT_TOKEN"):
            return "MIGSTAT_TOKEN"
        file = self.get("token_file")
        return file[1] if file else None

    def open(self) -> Settings:
        """How to reach the API, and as whom.

        Raises UsageError for an invalid value, CredentialsError if there is nothing to log in with.
        """
        # Invalid values are reported before missing ones, and before a keyring asks for its password.
        return replace(self.settings(), email=self.email(), token=self.token())

    def settings(self) -> Settings:
        """How to reach the API, still without credentials. Raises UsageError for an invalid value."""
        base_url = self.parsed("base_url")
        settings = Settings(
            base_url=base_url,
            request_timeout=self.parsed("request_timeout"),
            rate_limit=self.parsed("rate_limit"),
            ca_bundle=self.parsed("ca_bundle"),
            proxy=proxy_for(base_url),
        )
        if settings.rate_limit is None and not settings.loopback:
            _, source = self.get("rate_limit") or ("", "")
            hint = "The API allows 600 requests in 60 s. Use a number."
            raise UsageError(f"{source}: 'none' is allowed for loopback addresses only", hint)
        return settings

    def rows(self, token: Token | None) -> list[tuple[str, str, str]]:
        """Key, value and source of every value in effect, of the config file and the `token`.

        No token is shown, not even one that was put into another setting.
        """
        config = self.profile.config
        named = "MIGSTAT_CONFIG" if self.environ.get("MIGSTAT_CONFIG") else "default"
        rows = [("config", config.file, named if config.text else f"{named}, does not exist yet")]
        if self.profile.name:
            rows.append(("profile", self.profile.name, self.profile.source))
        if token is not None:
            rows.append(("token", "***", token.source))
        rows += [(key, *chosen) for key in PROFILE_KEYS if (chosen := self.get(key))]
        return [(key, without_tokens(value), source) for key, value, source in rows]


def elsewhere(settings: Settings, url: str) -> Settings:
    """The same settings for another server, at `url`, with the proxy that is right for it.

    Raises ValueError if it is not a URL.
    """
    parts = urlsplit(url)
    if parts.port == 0:  # one that is too high raises on its own
        raise ValueError("port 0")
    return replace(settings, base_url=f"{parts.scheme}://{parts.netloc}", proxy=proxy_for(url))


def environ_of_commands(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a program that the user wants to run: without the API token, whichever variable holds it."""
    secrets = {setting.variable for setting in SETTINGS if setting.secret}
    # People export the token under names of their own, too, and build headers and URLs from it.
    token = environ.get("MIGSTAT_TOKEN", "").strip()
    return {
        name: value
        for name, value in environ.items()
        if name not in secrets and not holds_token(value) and not (len(token) >= MIN_TOKEN_LENGTH and token in value)
    }


def process_environ() -> Mapping[str, str]:
    """The environment that this process was given: in the C locale, Python has changed LC_CTYPE to UTF-8 (PEP 538)."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LANG") or "C"
    if locale not in ("C", "POSIX") or "LC_CTYPE" not in os.environ or not sys.flags.utf8_mode:
        return os.environ
    try:
        variables = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        variables = []
    was_set = any(variable.startswith(b"LC_CTYPE=") for variable in variables)
    return os.environ if was_set else {**os.environ, "LC_CTYPE": locale}
