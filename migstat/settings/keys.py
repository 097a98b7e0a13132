"""The settings, one row each: flags, environment, config file, `config list`, help and completion derive from it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from migstat.settings import values

FORMATS = ("table", "tree", "plain", "json", "ndjson", "csv", "markdown")
"""The formats of `--output`; each command has some of them."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting and every place where it can be set.

    `option` and `short` are its names on the command line; a `shared` one is an option of every command that
    asks the API. `key`: a profile may contain it. `default` is written as in a profile. `parse` takes text and source,
    and raises UsageError. `completes` is the kind of names that complete it; files and formats need none. `is_file`
    marks a path: `~` is expanded, and in the config file it is relative to that file. `terminal` marks variables that
    describe the terminal and nothing about the user, which a demo may see. A `secret` is kept from other programs.
    """

    name: str
    help: str
    option: str = ""
    short: str = ""
    metavar: str = ""
    variable: str = ""
    key: bool = False
    default: str | None = None
    parse: Callable[[str, str], Any] = values.refuse_empty
    completes: str = ""
    shared: bool = False
    is_file: bool = False
    terminal: bool = False
    secret: bool = False


# fmt: off
SETTINGS = (
    Setting(name="profile", option="--profile", short="-p", metavar="NAME", variable="MIGSTAT_PROFILE",
            help="Section of the config file", completes="profiles", shared=True),
    Setting(name="config", variable="MIGSTAT_CONFIG", help="Another config file", is_file=True),
    Setting(name="job", variable="MIGSTAT_JOB", key=True, parse=values.job_ids, completes="jobs",
            help="Job: an id, a target of the config file, or an API URL"),
    Setting(name="task", variable="MIGSTAT_TASK", key=True, default="latest", parse=values.clean_id, completes="tasks",
            help="Task: an id, latest, latest-check or latest-migrate"),
    Setting(name="base_url", option="--base-url", metavar="URL", variable="MIGSTAT_BASE_URL", key=True,
            default=values.DEFAULT_BASE_URL, parse=values.base_url, help="URL of the API", shared=True),
    Setting(name="email", option="--email", metavar="ADDR", variable="MIGSTAT_EMAIL", key=True,
            parse=values.email, help="E-mail of the Atlassian account", shared=True),
    Setting(name="token", variable="MIGSTAT_TOKEN", help="API token", secret=True),
    Setting(name="token_file", option="--token-file", metavar="FILE", variable="MIGSTAT_TOKEN_FILE", key=True,
            help="File with the API token; - reads standard input", shared=True, is_file=True, secret=True),
    Setting(name="accepted", option="--accepted", metavar="FILE", key=True, is_file=True,
            help="TOML file of accepted checks, which do not count"),
    Setting(name="interval", option="--interval", metavar="T", key=True, default="10s", parse=values.seconds,
            help="Minimum time between polls"),
    Setting(name="request_timeout", variable="MIGSTAT_REQUEST_TIMEOUT", key=True,
            default=f"{values.DEFAULT_REQUEST_TIMEOUT:g}s", help="Time limit for one request",
            parse=partial(values.seconds, longest=values.MAX_REQUEST_TIMEOUT)),
    Setting(name="rate_limit", variable="MIGSTAT_RATE_LIMIT", key=True, default=str(values.DEFAULT_RATE_LIMIT),
            parse=values.rate_limit, help="Requests allowed in any 60 s"),
    Setting(name="ca_bundle", variable="MIGSTAT_CA_BUNDLE", key=True, parse=values.readable_file,
            help="File with more certificate authorities", is_file=True),
    Setting(name="output", option="--output", short="-o", metavar="FORMAT", variable="MIGSTAT_OUTPUT", key=True,
            parse=partial(values.one_of, choices=FORMATS), help="Output format"),
    Setting(name="no_color", variable="NO_COLOR", help="Not empty: no color", terminal=True),
    Setting(name="force_color", variable="FORCE_COLOR", help="Color even into a pipe; 0: no color", terminal=True),
    Setting(name="clicolor", variable="CLICOLOR", help="0: no color", terminal=True),
    Setting(name="clicolor_force", variable="CLICOLOR_FORCE", help="Not 0: color even into a pipe", terminal=True),
    Setting(name="columns", variable="COLUMNS", help="Width of the output", terminal=True),
    Setting(name="https_proxy", variable="HTTPS_PROXY", help="Proxy for the API, as ALL_PROXY; not for loopback"),
    Setting(name="no_proxy", variable="NO_PROXY", help="Hosts that are reached without a proxy"),
    Setting(name="ssl_cert_file", variable="SSL_CERT_FILE",
            help="On Linux: certificate authorities instead of the system's"),
)
# fmt: on
"""Every setting, in the order of `migstat help environment`."""

SETTING = {setting.name: setting for setting in SETTINGS}
PROFILE_KEYS = tuple(setting.name for setting in SETTINGS if setting.key)
TARGET_KEYS = ("job", "task", "profile")
DEFAULTS = {setting.name: setting.default for setting in SETTINGS if setting.default is not None}

ENVIRONMENT = {
    setting.variable: setting.help + (f" (default: {setting.default})" if setting.default else "")
    for setting in SETTINGS
    if setting.variable
}
"""Every environment variable and its meaning, as `migstat help environment` prints it."""

TERMINAL_VARIABLES = (
    *(setting.variable for setting in SETTINGS if setting.terminal),
    "TERM",
    "LC_ALL",
    "LC_CTYPE",
    "LANG",
)
"""Variables that describe the terminal and nothing about the user."""
