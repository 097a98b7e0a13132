"""`migstat config`: profiles and targets of the config file, and where each value in force comes from."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated

import typer

from migstat.cli.context import ALL_FORMATS, Runtime, profile_for, warn
from migstat.cli.help_page import MigstatTyper
from migstat.cli.options import Profile, runtime_of
from migstat.cli.output import print_rows
from migstat.errors import MigstatError, NotFound, UsageError
from migstat.files.places import config_file
from migstat.render.text import harmless
from migstat.settings.config import (
    DEFAULT_PROFILE,
    FILE_KEYS,
    PROFILE_KEYS,
    TARGET_KEYS,
    Config,
    Path,
    all_values,
    may_be_secret,
    path_of,
    read_config,
    spelt,
    with_value,
    without_value,
    write_config,
)
from migstat.settings.credentials import Token, email_from
from migstat.settings.resolve import (
    LONGEST_REQUEST,
    Flags,
    Sources,
    check_base_url,
    check_rate_limit,
    refuse_empty,
    seconds,
)
from migstat.settings.resolve import Profile as InForce
from migstat.settings.target import check_job, check_task

config = MigstatTyper()
Key = Annotated[str, typer.Argument(metavar="KEY", help="Such as profiles.acme.email or targets.wave2.job.")]


ABOUT = f"""List and change the settings in the config file.

Examples:

  migstat config set profiles.acme.email you@example.com

  migstat config set targets.wave2.job 3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90

  migstat config list --show-origin

Keys are default_profile, profiles.NAME.KEY and targets.NAME.KEY.

KEY of a profile: {", ".join(PROFILE_KEYS)}.

KEY of a target: {", ".join(TARGET_KEYS)}.

The file is TOML; MIGSTAT_CONFIG names another one.
"""


@config.callback(invoke_without_command=True, help=ABOUT)
def about(ctx: typer.Context) -> None:
    """Show the help where nothing else is asked for."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@config.command("list")
def list_(
    ctx: typer.Context,
    show_origin: Annotated[
        bool, typer.Option("--show-origin", help="What is in force, defaults too, and where it comes from.")
    ] = False,
    profile: Profile = None,
) -> int:
    """What the file holds; with --show-origin what is in force.

    Examples:

      migstat config list

      migstat config list --show-origin --profile acme
    """
    runtime = runtime_of(ctx)
    if show_origin:
        in_force = profile_for(runtime, profile, None)
        sources = Sources(Flags(), runtime.environ, in_force, lambda: "-", runtime.keychain)
        origins = sources.origins(_token(sources))
        print_rows(runtime.streams, [(each.key, each.value, each.source) for each in origins])
        return 0
    if profile is not None:
        raise UsageError("--profile is for --show-origin", "Without it the whole file is listed.")
    read = _read(runtime)
    rows = [(spelt(path), value) for path, value in all_values(read)]
    print_rows(runtime.streams, rows)
    if not rows:
        runtime.streams.tell(harmless(f"{read.file} holds nothing yet"))
    return 0


@config.command()
def get(ctx: typer.Context, key: Key) -> int:
    """One value of the file.

    Examples:

      migstat config get profiles.acme.email
    """
    runtime = runtime_of(ctx)
    path, read = path_of(refuse_empty(key, "KEY")), _read(runtime)
    value = dict(all_values(read)).get(path)
    if value is None:
        raise NotFound(f"{spelt(path)} is not set", f"migstat config list shows what {read.file} holds.")
    print_rows(runtime.streams, [(value,)])
    return 0


@config.command("set")
def set_(ctx: typer.Context, key: Key, value: Annotated[str, typer.Argument(metavar="VALUE")]) -> int:
    """Set one value; the rest of the file stays as it is, comments too.

    Examples:

      migstat config set default_profile acme

      migstat config set profiles.acme.token_file ~/.config/migstat/acme.token

      migstat config set targets.wave2.profile acme
    """
    runtime = runtime_of(ctx)
    path, read = path_of(refuse_empty(key, "KEY")), _read(runtime, must_exist=False)
    _check(path, refuse_empty(value, "VALUE"), read)
    changed = with_value(read, path, value)
    write_config(changed)
    runtime.streams.tell(harmless(f"{spelt(path)} is set in {read.file}"))
    _tell_of_missing_file(runtime, changed, path)
    return 0


@config.command()
def unset(ctx: typer.Context, key: Key) -> int:
    """Remove one value.

    Examples:

      migstat config unset targets.wave2.profile
    """
    runtime = runtime_of(ctx)
    path, read = path_of(refuse_empty(key, "KEY")), _read(runtime)
    write_config(without_value(read, path))
    runtime.streams.tell(harmless(f"{spelt(path)} is no longer set in {read.file}"))
    return 0


def _read(runtime: Runtime, *, must_exist: bool = True) -> Config:
    file, named = config_file(runtime.environ)
    read = read_config(file, must_exist=named and must_exist)
    warn(runtime, read.warnings)
    return read


def _token(sources: Sources) -> Token | None:
    try:
        return sources.token()
    except MigstatError:  # `migstat auth status` tells it
        return None


def _tell_of_missing_file(runtime: Runtime, changed: Config, path: Path) -> None:
    """Tell where a file is looked for that is not there: a relative name begins at the config file."""
    file = InForce(changed, path[1]).get(path[2]) if path[-1] in FILE_KEYS else None
    if file is not None and not os.path.exists(file[0]):  # noqa: PTH110  a name may be too long for pathlib
        runtime.streams.tell(harmless(f"note: there is no file {file[0]} yet"))


def _check(path: Path, value: str, read: Config) -> None:
    """Raise UsageError for a value that would make a later command fail."""
    if not value.isprintable():
        raise UsageError(f"{spelt(path)}: VALUE holds a character that does not print")
    if may_be_secret(value):
        raise UsageError(
            f"{spelt(path)}: this looks like the API token, which does not belong in the config file",
            "migstat auth login keeps it in the keyring. Revoke it if others can read your shell's history.",
        )
    if path[-1] in ("profile", DEFAULT_PROFILE):
        if value not in read.profiles:
            makes = f"migstat config set {spelt(('profiles', value, 'email'))} ADDR"
            raise UsageError(f"there is no profile {value!r}", f"{makes} makes one.")
        return
    if path[0] == "targets" and path[-1] == "job" and value in read.targets:
        raise UsageError(f"{value!r} is a target itself", "The job of a target is an id, or a URL that holds it.")
    if path[-1] in _CHECKS:
        _CHECKS[path[-1]](value, spelt(path), read)


def _check_output(value: str, source: str, _read: Config) -> None:
    if value not in ALL_FORMATS:
        raise UsageError(f"{source}: {value!r} is no format", f"There are {', '.join(ALL_FORMATS)}.")


_CHECKS: dict[str, Callable[[str, str, Config], object]] = {
    "email": lambda value, source, _: email_from((value, source)),
    "base_url": lambda value, source, _: check_base_url(value, source),
    "interval": lambda value, source, _: seconds(value, source),
    "request_timeout": lambda value, source, _: seconds(value, source, LONGEST_REQUEST),
    "rate_limit": lambda value, source, _: check_rate_limit(value, source),
    "job": lambda value, source, read: check_job(value, source, InForce(read)),
    "task": lambda value, source, _: check_task(value, source),
    "output": _check_output,
}
