"""The config file: profiles, named targets and a default profile. Read and checked whole, written whole or not at all.

default_profile = "acme"

[profiles.acme]
email = "you@example.com"
token_file = "~/.config/migstat/acme.token"

[targets.acme-wave2]
job = "3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90"
profile = "acme"
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from migstat.errors import NotFound, OutputError, UsageError, reason
from migstat.files.whole import exclusively, write_whole
from migstat.settings.keys import PROFILE_KEYS, TARGET_KEYS
from migstat.settings.values import closest_match, holds_token

KeyPath = tuple[str, ...]
"""The names that lead to a value, such as `("profiles", "acme", "email")`."""

DEFAULT_PROFILE = "default_profile"
SECRETS = ("token", "api_token", "password", "secret")
"""Names under which people store the token itself; they are ignored with a warning."""

MAX_BYTES = 1 << 20
"""Bytes of a config file."""

_SECTIONS = {"profiles": PROFILE_KEYS, "targets": TARGET_KEYS}
_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Config(msgspec.Struct, frozen=True):
    """The file's content, all values as text. `text` is the file itself; `warnings` are for the user."""

    file: str
    text: str = ""
    default_profile: str | None = None
    profiles: Mapping[str, Mapping[str, str]] = {}
    targets: Mapping[str, Mapping[str, str]] = {}
    warnings: tuple[str, ...] = ()

    def origin(self, path: KeyPath) -> str:
        """File and key of a value, for people."""
        return f"{display_path(self.file)}: {dotted(path)}"

    def error(self, path: KeyPath, what: str, hint: str) -> UsageError:
        """An error that names the file and the key at fault."""
        return UsageError(f"{self.origin(path)}: {what}", hint)


def read_config(file: str, *, must_exist: bool = False) -> Config:
    """The file's content; an empty one if it does not exist, unless it must.

    Raises UsageError, which names file and key, for a file that cannot be read or is invalid.
    """
    try:
        text = read_text(file)
    except (FileNotFoundError, NotADirectoryError):  # the latter if HOME is /dev/null
        if must_exist:
            hint = "Correct or unset it. migstat config set KEY VALUE creates the file."
            raise UsageError(f"MIGSTAT_CONFIG: no such file: {file!r}", hint) from None
        return Config(file)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        hint = "Make it readable, or name another one with MIGSTAT_CONFIG."
        raise UsageError(f"cannot read the config file {file!r}: {reason(error)}", hint) from error
    return parsed(text, file) if text else Config(file)


def read_text(file: str, source: str = "") -> str:
    """The text of a small file that `source` names. Raises UsageError, OSError, and ValueError for its name."""
    with open(file, "rb") as opened:  # noqa: PTH123  pathlib refuses some names with other errors
        data = opened.read(MAX_BYTES)
    if len(data) == MAX_BYTES:
        raise UsageError(f"{source}{display_path(file)} is larger than 1 MiB", "Is it the right file?")
    try:
        return data.decode("utf-8-sig")  # Windows editors begin files with a byte order mark
    except UnicodeDecodeError as error:
        raise UsageError(f"{source}{display_path(file)}: not UTF-8", "Save the file as UTF-8.") from error


def parsed(text: str, file: str) -> Config:
    """The content of a config file's text. Raises UsageError as `read_config` does."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        content = tomlkit.parse(text).unwrap()
    except (TOMLKitError, ValueError, RecursionError) as error:
        what = f"{error}"[:200] if isinstance(error, TOMLKitError) else "too deep, or a number too large"
        raise UsageError(f"{display_path(file)}: invalid TOML: {what}", "Quote all values.") from error
    config, warnings = Config(file, text), list[str]()
    default = content.pop(DEFAULT_PROFILE, None)
    profiles, targets = (_section(config, name, content.pop(name, {}), warnings) for name in _SECTIONS)
    for name in content:
        if name not in SECRETS:
            raise config.error((name,), "unknown key", _hint((name,)))
        warnings.append(f"{config.origin((name,))}: {_WARNING}")
    return msgspec.structs.replace(
        config,
        default_profile=None if default is None else _text(config, (DEFAULT_PROFILE,), default),
        profiles=profiles,
        targets=targets,
        warnings=tuple(warnings),
    )


def _section(config: Config, section: str, content: object, warnings: list[str]) -> dict[str, dict[str, str]]:
    """Profiles or targets by name, without anything secret, which is added to `warnings`."""
    if not isinstance(content, dict):
        raise config.error((section,), "must be a table", f"For example [{section}.acme].")
    entries: dict[str, dict[str, str]] = {}
    for name, entry in content.items():
        if not name.strip():
            raise config.error((section, name), "empty name", f"For example [{section}.acme].")
        if not isinstance(entry, dict):
            known = "NAME" if name in _SECTIONS[section] else name
            raise config.error((section, name), "must be a table", f"It begins with [{section}.{known}].")
        values = entries[name] = {}
        for key, value in entry.items():
            path = (section, name, key)
            if key in SECRETS or (isinstance(value, str) and holds_token(value)):
                warnings.append(f"{config.origin(path)}: {_WARNING}")
            elif key not in _SECTIONS[section]:
                raise config.error(path, "unknown key", _hint(path))
            else:
                values[key] = _text(config, path, value)
    return entries


def _text(config: Config, path: KeyPath, value: object) -> str:
    """The value as text; numbers, which people write without quotes, become text."""
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
        return str(value)
    raise config.error(path, "must be a non-empty string", "Put the value in quotes.")


_WARNING = (
    "an API token in this file is ignored and not safe there. Remove it, revoke it if others could read the file, and "
    "run migstat auth login or set token_file."
)


def path_of(key: str) -> KeyPath:
    """The path that a key such as `profiles.acme.email` names; a name may contain dots. Raises UsageError."""
    path: KeyPath
    if quoted := re.fullmatch(r"(\w+)\.(\"[^\"]+\"|'[^']+')\.(\w+)", key):
        path = (quoted[1], quoted[2][1:-1], quoted[3])
    else:
        first, _, rest = key.partition(".")
        name, dot, last = rest.rpartition(".")
        path = (first, name, last) if dot else (first, rest) if rest else (first,)
    if len(path) == 3 and path[0] in _SECTIONS and path[2] in SECRETS:
        hint = "Store it with migstat auth login, or set token_file to a file that only you can read."
        raise UsageError(f"{key}: the API token does not belong in the config file", hint)
    if path == (DEFAULT_PROFILE,) or (len(path) == 3 and path[1].strip() and path[2] in _SECTIONS.get(path[0], ())):
        return path
    raise UsageError(f"unknown key {key!r}", _hint(path))


def all_values(config: Config) -> Iterator[tuple[KeyPath, str]]:
    """Every value of the file with its path."""
    if config.default_profile is not None:
        yield (DEFAULT_PROFILE,), config.default_profile
    for section, entries in (("profiles", config.profiles), ("targets", config.targets)):
        for name, entry in entries.items():
            yield from (((section, name, key), value) for key, value in entry.items())


def value_at(config: Config, path: KeyPath) -> str:
    """The value of a key. Raises NotFound if it is not set."""
    if value := dict(all_values(config)).get(path):
        return value
    raise NotFound(f"{dotted(path)} is not set", f"See migstat config list for {display_path(config.file)}.")


def with_changes(config: Config, changes: Mapping[KeyPath, str | None]) -> Config:
    """The file with values set, or removed (None); everything else stays, comments too. Nothing is written.

    A table that has nothing left is removed, unless it is a profile in use. Raises NotFound for a value
    that is to be removed but not set, UsageError if the change cannot be made.
    """
    for path, value in changes.items():
        if value is None:
            value_at(config, path)
    before = dict(all_values(config))
    expected = {path: value for path, value in {**before, **changes}.items() if value is not None}
    named = {value for path, value in expected.items() if path[-1] in ("profile", DEFAULT_PROFILE)}
    # tomlkit keeps comments, but in unusual files it loses tables, writes them twice, or raises all kinds of errors. So
    # the result is read again, and a file that does not say exactly what it should is never written.
    with suppress(Exception):
        text, newline = config.text.replace("\r\n", "\n"), "\r\n" if "\r\n" in config.text else "\n"
        for path, value in changes.items():
            if value is None:
                text = _without_value(text, path, keep_empty=path[0] == "profiles" and path[1] in named)
            else:
                text = _with_value(text, path, value)
        result = parsed(text.replace("\n", newline), config.file)
        result.text.encode()
        if dict(all_values(result)) == expected:
            return result
    raise UsageError(f"{display_path(config.file)} could not be changed safely; it is unchanged", "Edit it yourself.")


def change(file: str, changes: Mapping[KeyPath, str | None]) -> Config:
    """Change the file as `with_changes` does; its new content. Also raises OutputError; the file is then unchanged."""
    try:
        with exclusively(Path(file)):  # two runs at once must not undo each other's changes
            config = with_changes(read_config(file), changes)
            write_whole(Path(file), config.text)
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot write {file}: {reason(error)}", "It is unchanged.") from error
    return config


def dotted(path: KeyPath) -> str:
    """The path as it is typed."""
    quoted = (f"'{name}'" if '"' in name else f'"{name}"' for name in path)
    return ".".join(name if _BARE.fullmatch(name) else literal for name, literal in zip(path, quoted, strict=True))


def set_command(path: KeyPath, value: str) -> str:
    """The command that sets a value, for a shell."""
    return f"migstat config set {shlex.quote(dotted(path))} {value}"


def display_path(file: str | Path) -> str:
    """The file's name for people, with `~` for the home folder."""
    name, home = str(file), os.path.expanduser("~")  # noqa: PTH111
    return f"~{name[len(home) :]}" if home not in ("", "/") and name.startswith(f"{home}{os.sep}") else name


def _hint(path: KeyPath) -> str:
    """The likely key, or all keys."""
    keys = _SECTIONS.get(path[0], ()) if len(path) > 2 else ()
    sought, known = (path[-1], keys) if keys else (path[0], (DEFAULT_PROFILE, *_SECTIONS))
    if close := closest_match(sought, known):
        return f"Did you mean {close}?"
    if keys and sought not in keys:
        return f"Keys of {path[0]}: {', '.join(keys)}."
    if len(path) == 1 and (key := sought if sought in PROFILE_KEYS else closest_match(sought, PROFILE_KEYS)):
        return f"{key} belongs to a profile: profiles.NAME.{key}"
    return "Keys are default_profile, profiles.NAME.KEY and targets.NAME.KEY. See migstat help config."


def _with_value(text: str, path: KeyPath, value: str) -> str:
    """The text with a value set: in its table if there is one, else in a new table at the end."""
    import tomlkit

    document: Any = tomlkit.parse(text)
    table = document
    for name in path[:-1]:
        if name not in table:
            new: dict[str, Any] = {path[-1]: value}
            for outer in reversed(path[:-1]):
                new = {outer: new}
            # Appended as text: tomlkit would put a new table between the next one and the comment above that.
            before = text if not text or text.endswith("\n") else f"{text}\n"
            return before + ("\n" if before else "") + tomlkit.dumps(new)
        table = table[name]
    table[path[-1]] = value
    return tomlkit.dumps(document)


def _without_value(text: str, path: KeyPath, *, keep_empty: bool) -> str:
    """The text without a value, and without the tables around it that have nothing left, not even a comment."""
    import tomlkit

    document: Any = tomlkit.parse(text)
    tables = [document]
    for name in path[:-1]:
        tables.append(tables[-1][name])
    del tables[-1][path[-1]]
    for depth in range(len(tables) - 1, 0, -1):
        table = tables[depth]
        if keep_empty or len(table) or not hasattr(table, "as_string") or "#" in table.as_string():
            break
        del tables[depth - 1][path[depth - 1]]
    left = tomlkit.dumps(document).strip("\n")
    return f"{left}\n" if left else ""
