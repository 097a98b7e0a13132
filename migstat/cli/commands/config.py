"""`migstat config`: profiles and targets of the config file, and where each value in effect comes from."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from migstat.cli.context import Runtime
from migstat.cli.help_page import MigstatTyper
from migstat.cli.options import option
from migstat.cli.output import print_rows
from migstat.errors import MigstatError, UsageError
from migstat.files.places import config_file
from migstat.render.text import harmless
from migstat.settings.config import (
    DEFAULT_PROFILE,
    Config,
    KeyPath,
    all_values,
    change,
    display_path,
    dotted,
    path_of,
    read_config,
    set_command,
    value_at,
)
from migstat.settings.keys import PROFILE_KEYS, SETTING, TARGET_KEYS
from migstat.settings.resolve import Profile, Sources, profile_from
from migstat.settings.target import TaskWord
from migstat.settings.values import holds_token, refuse_empty

Key = Annotated[str, typer.Argument(metavar="KEY", help="Such as profiles.acme.email or targets.wave2.job.")]


ABOUT = f"""List and change the settings in the config file.

Examples:

  migstat config set profiles.acme.email you@example.com

  migstat config set targets.wave2.job 3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90

  migstat config list --show-origin

Keys: default_profile, profiles.NAME.KEY and targets.NAME.KEY.

Keys of a profile: {", ".join(PROFILE_KEYS)}.

Keys of a target: {", ".join(TARGET_KEYS)}.

The file is TOML. Set MIGSTAT_CONFIG to use another one.
"""


config = MigstatTyper(help=ABOUT)


@config.command("list")
def list_(
    ctx: typer.Context,
    show_origin: Annotated[
        bool, typer.Option("--show-origin", help="Show the values in effect, defaults included, and their source.")
    ] = False,
    profile: Annotated[str | None, option(SETTING["profile"])] = None,
) -> int:
    """List the values in the file, or with --show-origin those in effect.

    Examples:

      migstat config list

      migstat config list --show-origin --profile acme
    """
    runtime: Runtime = ctx.obj
    if show_origin:
        chosen = profile_from(profile, None, runtime.environ)
        for warning in chosen.config.warnings:
            runtime.streams.warn(warning)
        # Only the presence of a token is shown, so standard input is not read for it.
        sources = Sources({}, runtime.environ, chosen, stdin=lambda: "-", keychain=runtime.keychain)
        try:
            token = sources.token()
        except MigstatError:  # `migstat auth status` says why
            token = None
        print_rows(runtime.streams, sources.rows(token))
        return 0
    if profile is not None:
        raise UsageError("--profile requires --show-origin", "Without it the whole file is listed.")
    read = _read(runtime)
    rows = [(dotted(path), value) for path, value in all_values(read)]
    print_rows(runtime.streams, rows)
    if not rows:
        runtime.streams.tell(harmless(f"{display_path(read.file)} has no values yet"))
    return 0


@config.command()
def get(ctx: typer.Context, key: Key) -> int:
    """Print one value of the file.

    Examples:

      migstat config get profiles.acme.email
    """
    runtime: Runtime = ctx.obj
    read = _read(runtime)
    print_rows(runtime.streams, [(value_at(read, _path_in(read, key)),)])
    return 0


@config.command("set")
def set_(ctx: typer.Context, key: Key, value: Annotated[str, typer.Argument(metavar="VALUE")]) -> int:
    """Set one value; the rest of the file stays unchanged, comments too.

    Examples:

      migstat config set default_profile acme

      migstat config set profiles.acme.token_file ~/.config/migstat/acme.token

      migstat config set targets.wave2.profile acme
    """
    runtime: Runtime = ctx.obj
    path = path_of(refuse_empty(key, "KEY"))
    read = _read(runtime, must_exist=False)
    _check(path, refuse_empty(value, "VALUE"), read)
    changed = change(read.file, {path: value})
    runtime.streams.tell(harmless(f"{dotted(path)} is set in {display_path(changed.file)}"))
    if path[0] == "profiles" and SETTING[path[-1]].is_file:
        file, _ = Profile(changed, path[1]).get(path[-1]) or ("", "")
        if not os.path.exists(file):  # noqa: PTH110  a name may be too long for pathlib
            runtime.streams.tell(harmless(f"note: {file} does not exist yet"))
    return 0


@config.command()
def unset(ctx: typer.Context, key: Key) -> int:
    """Remove one value.

    Examples:

      migstat config unset targets.wave2.profile
    """
    runtime: Runtime = ctx.obj
    read = _read(runtime)
    path = _path_in(read, key)
    change(read.file, {path: None})
    runtime.streams.tell(harmless(f"{dotted(path)} is no longer set in {display_path(read.file)}"))
    return 0


def _read(runtime: Runtime, *, must_exist: bool = True) -> Config:
    file, named = config_file(runtime.environ)
    read = read_config(file, must_exist=named and must_exist)
    for warning in read.warnings:
        runtime.streams.warn(warning)
    return read


def _path_in(read: Config, key: str) -> KeyPath:
    """The path that a key names. Raises UsageError, which lists what there is in a whole profile or target."""
    refuse_empty(key, "KEY")
    inside = [dotted(path) for path, _ in all_values(read) if key in (".".join(path[:-1]), dotted(path[:-1]))]
    if inside:
        raise UsageError(f"{key} is a whole {key.partition('.')[0][:-1]}, not one value", f"Keys: {', '.join(inside)}.")
    return path_of(key)


def _check(path: KeyPath, value: str, read: Config) -> None:
    """Raise UsageError for a value that would make a later command fail, maybe in the middle of a cutover."""
    source = dotted(path)
    if path[0] == "targets" and path[1] in frozenset(TaskWord):
        raise UsageError(f"{source}: {path[1]!r} means a task wherever a target can be named", "Use another name.")
    if not value.isprintable():
        raise UsageError(f"{source}: VALUE contains an unprintable character")
    if holds_token(value):
        raise UsageError(
            f"{source}: this looks like the API token, which does not belong in the config file",
            "Store it with migstat auth login. Revoke it if others can read your shell's history.",
        )
    if path[-1] in ("profile", DEFAULT_PROFILE):
        if value not in read.profiles:
            hint = f"Create it: {set_command(('profiles', value, 'email'), 'ADDR')}"
            raise UsageError(f"{source}: no profile {value!r}", hint)
    elif path[-1] == "job" and value in read.targets:
        if path[0] == "targets":
            raise UsageError(f"{source}: {value!r} is a target itself", "The job of a target is an id or an API URL.")
    elif not SETTING[path[-1]].is_file:
        SETTING[path[-1]].parse(value, source)
