"""The settings, one row each: flags, environment, config file, `config list`, help and completion derive from it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from migstat.errors import UsageError
from migstat.settings import values

FORMATS = ("table", "tree", "plain", "json", "ndjson", "csv", "markdown")
"""The formats of `--output`; each command has some of them."""

CONNECTION, OUTPUT = "Connection", "Output"
"""The panels of a command's help that the shared options are in."""


def _one_of(choices: tuple[str, ...], text: str, source: str) -> str:
    if text not in choices:
        raise UsageError(f"{source}: unknown value {text!r}", f"Choose from {', '.join(choices)}.")
    return text


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting and all the places that it can be set in.

    `options` are its names on the command line, the long one first; a `shared` one is an option of every command that
    asks the API. `key` is True if a profile may hold it. `default` is written as in a profile. `parse` takes text and
    source, and raises UsageError. `completes` names the kind of completion. `is_file` marks a path: `~` is expanded,
    and in the config file it is relative to that file. `terminal` marks variables that describe the terminal and
    nothing about the user, which a demo may see.
    """

    name: str
    help: str
    options: tuple[str, ...] = ()
    metavar: str = ""
    variable: str = ""
    key: bool = False
    default: str | None = None
    parse: Callable[[str, str], Any] = values.refuse_empty
    completes: str = "nothing"
    panel: str = CONNECTION
    shared: bool = False
    is_file: bool = False
    terminal: bool = False

    @property
    def option(self) -> str:
        """Its long name on the command line; empty if it has none."""
        return self.options[0] if self.options else ""


SETTINGS = (
    Setting(
        name="profile",
        help="Section of the config file",
        options=("--profile", "-p"),
        metavar="NAME",
        variable="MIGSTAT_PROFILE",
        completes="profiles",
        shared=True,
    ),
    Setting(name="config", help="Another config file", variable="MIGSTAT_CONFIG", is_file=True),
    Setting(
        name="job",
        help="Job: an id, a target of the config file, or an API URL",
        variable="MIGSTAT_JOB",
        key=True,
        parse=values.job_ids,
        completes="jobs",
    ),
    Setting(
        name="task",
        help="Task: an id, latest, latest-check or latest-migrate",
        variable="MIGSTAT_TASK",
        key=True,
        default="latest",
        parse=values.clean_id,
        completes="tasks",
    ),
    Setting(
        name="base_url",
        help="URL of the API",
        options=("--base-url",),
        metavar="URL",
        variable="MIGSTAT_BASE_URL",
        key=True,
        default=values.DEFAULT_BASE_URL,
        parse=values.base_url,
        shared=True,
    ),
    Setting(
        name="email",
        help="E-mail of the Atlassian account",
        options=("--email",),
        metavar="ADDR",
        variable="MIGSTAT_EMAIL",
        key=True,
        parse=values.email,
        shared=True,
    ),
    Setting(name="token", help="API token", variable="MIGSTAT_TOKEN"),
    Setting(
        name="token_file",
        help="File with the API token; - reads standard input",
        options=("--token-file",),
        metavar="FILE",
        variable="MIGSTAT_TOKEN_FILE",
        key=True,
        completes="files",
        shared=True,
        is_file=True,
    ),
    Setting(
        name="interval",
        help="Minimum time between polls",
        options=("--interval",),
        metavar="T",
        key=True,
        default="10s",
        parse=values.seconds,
    ),
    Setting(
        name="request_timeout",
        help="Time limit for one request",
        variable="MIGSTAT_REQUEST_TIMEOUT",
        key=True,
        default=f"{values.DEFAULT_REQUEST_TIMEOUT:g}s",
        parse=partial(values.seconds, longest=values.LONGEST_REQUEST),
    ),
    Setting(
        name="rate_limit",
        help="Requests allowed in any 60 s",
        variable="MIGSTAT_RATE_LIMIT",
        key=True,
        default=str(values.DEFAULT_RATE_LIMIT),
        parse=values.rate_limit,
    ),
    Setting(
        name="ca_bundle",
        help="File with more certificate authorities",
        variable="MIGSTAT_CA_BUNDLE",
        key=True,
        parse=values.readable_file,
        completes="files",
        is_file=True,
    ),
    Setting(
        name="output",
        help="Output format",
        options=("--output", "-o"),
        metavar="FORMAT",
        variable="MIGSTAT_OUTPUT",
        key=True,
        parse=partial(_one_of, FORMATS),
        completes="formats",
        panel=OUTPUT,
        shared=True,
    ),
    Setting(name="no_color", help="Not empty: no color", variable="NO_COLOR", terminal=True),
    Setting(name="force_color", help="Color even into a pipe; 0: no color", variable="FORCE_COLOR", terminal=True),
    Setting(name="clicolor", help="0: no color", variable="CLICOLOR", terminal=True),
    Setting(name="clicolor_force", help="Not 0: color even into a pipe", variable="CLICOLOR_FORCE", terminal=True),
    Setting(name="columns", help="Width of the output", variable="COLUMNS", terminal=True),
    Setting(
        name="https_proxy", help="Proxy for the API, as ALL_PROXY; not for loopback addresses", variable="HTTPS_PROXY"
    ),
    Setting(name="no_proxy", help="Hosts that are reached without a proxy", variable="NO_PROXY"),
    Setting(
        name="ssl_cert_file",
        help="On Linux: certificate authorities instead of the system's",
        variable="SSL_CERT_FILE",
        is_file=True,
    ),
)
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

TERMINAL_VARIABLES = (*(each.variable for each in SETTINGS if each.terminal), "TERM", "LC_ALL", "LC_CTYPE", "LANG")
"""Variables that describe the terminal and nothing about the user."""
