"""The config file: profiles, named targets and a default profile. Read and checked whole, written whole or not at all.

    default_profile = "acme"

    [profiles.acme]
    email = "you@example.com"
    token_file = "~/.config/migstat/acme.token"

    [targets.acme-wave2]
    job = "3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90"
    profile = "acme"

It is read for completion, too, so that nothing is imported here that takes long.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from migstat.errors import NotFound, OutputError, UsageError

Path = tuple[str, ...]
"""The names that lead to a value, such as `("profiles", "acme", "email")`."""

DEFAULT_PROFILE = "default_profile"
PROFILE_KEYS = (
    "email",
    "base_url",
    "token_file",
    "job",
    "task",
    "interval",
    "output",
    "request_timeout",
    "rate_limit",
    "ca_bundle",
)
TARGET_KEYS = ("job", "task", "profile")
SECRETS = ("token", "api_token", "password", "secret")
"""Names under which people put the token itself; they are not used, and a warning says so."""

_SECTIONS = {"profiles": PROFILE_KEYS, "targets": TARGET_KEYS}
_HEADER = re.compile(r"\s*\[\[?\s*(.+?)\s*\]\]?\s*(?:#.*)?")
_NAME = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[\w-]+)"""
_ASSIGNMENT = re.compile(rf"\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*=")


class Config(NamedTuple):
    """What the file says, as texts. `warnings` are for the user's eyes; `text` is the file's own."""

    file: str
    text: str = ""
    default_profile: str | None = None
    profiles: Mapping[str, Mapping[str, str]] = {}
    targets: Mapping[str, Mapping[str, str]] = {}
    warnings: tuple[str, ...] = ()

    def origin(self, path: Path) -> str:
        """File and line of a value, for people."""
        return f"{self.file}, line {line_of(self.text, path)}"


def read_config(file: str, *, must_exist: bool = False) -> Config:
    """What the file holds; nothing where it does not exist, unless it must.

    Raises UsageError, which names file and line, for what cannot be read or makes no sense.
    """
    text = _text(file, must_exist=must_exist)
    return parsed(text, file) if text else Config(file)


def parsed(text: str, file: str) -> Config:
    """What a config file's text holds. Raises UsageError as `read_config` does."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _damaged(error, text, file) from error
    except RecursionError as error:
        raise UsageError(f"{file} is nested too deeply", "See migstat help config.") from error
    flaws = _Checker(text, file)
    for name, value in content.items():
        flaws.top(name, value)
    default = content.get(DEFAULT_PROFILE)
    profiles = {name: flaws.section(("profiles", name), each) for name, each in content.get("profiles", {}).items()}
    targets = {name: flaws.section(("targets", name), each) for name, each in content.get("targets", {}).items()}
    return Config(file, text, default, profiles, targets, tuple(flaws.warnings))


def path_of(key: str) -> Path:
    """The path that a key such as `profiles.acme.email` names. Raises UsageError for one that there cannot be."""
    try:
        path = _keys(key)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError):
        path = ()
    if len(path) == 3 and path[0] in _SECTIONS and path[2] in SECRETS:
        raise UsageError(
            f"{key}: the API token does not belong in the config file",
            "migstat auth login keeps it in the keyring; or set token_file to a file that only you can read.",
        )
    if path == (DEFAULT_PROFILE,) or (len(path) == 3 and path[2] in _SECTIONS.get(path[0], ()) and path[1]):
        return path
    raise UsageError(f"there is no key {key!r}", _hint(path))


def all_values(config: Config) -> Iterator[tuple[Path, str]]:
    """Every value of the file with its path; what is not used is left out."""
    if config.default_profile is not None:
        yield (DEFAULT_PROFILE,), config.default_profile
    for section, entries in (("profiles", config.profiles), ("targets", config.targets)):
        for name, entry in entries.items():
            yield from (((section, name, key), value) for key, value in entry.items())


def with_value(config: Config, path: Path, value: str) -> Config:
    """The file with a value set, not yet written; all else stays as it is, comments too. Raises UsageError."""
    return _edited(config, path, value)


def without_value(config: Config, path: Path) -> Config:
    """The file without a value, not yet written. Raises NotFound where it is not set."""
    if path not in dict(all_values(config)):
        raise NotFound(f"{spelt(path)} is not set", f"migstat config list shows what {config.file} holds.")
    return _edited(config, path, None)


def write_config(config: Config) -> None:
    """Replace the file, for its owner's eyes only. Raises OutputError; the file is then as it was."""
    from pathlib import Path as FilePath

    from migstat.files import write_whole

    try:
        write_whole(FilePath(config.file), config.text)
    except (OSError, ValueError) as error:
        raise OutputError(f"{config.file} could not be written: {_reason(error)}", "It is as it was.") from error


def spelt(path: Path) -> str:
    """The path as it is typed."""
    return ".".join(name if re.fullmatch(r"[\w-]+", name, re.ASCII) else _quoted(name) for name in path)


def line_of(text: str, path: Path) -> int:
    """The line, from 1, that sets the path or the nearest table around it."""
    table: Path = ()
    best, line = 0, 1
    for number, content in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(content):
            table = found = _keys_or_none(header[1])
        elif assignment := _ASSIGNMENT.match(content):
            found = table + _keys_or_none(assignment[1])
        else:
            continue
        if len(found) > best and path[: len(found)] == found:
            best, line = len(found), number
    return line


class _Checker:
    """Checks the file's content; raises UsageError for the first thing that makes no sense."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self.warnings: list[str] = []

    def top(self, name: str, value: object) -> None:
        """Check a name at the top."""
        if name == DEFAULT_PROFILE:
            self._value((name,), value)
        elif name in SECRETS:
            self._warn((name,))
        elif name not in _SECTIONS:
            raise self._wrong((name,), f"unknown key {name!r}", _hint((name,)))
        elif not isinstance(value, dict) or not all(isinstance(each, dict) for each in value.values()):
            raise self._wrong((name,), f"{name} must hold tables", f"Such as [{name}.acme].")

    def section(self, path: Path, entry: Mapping[str, Any]) -> dict[str, str]:
        """The values of one profile or target."""
        for name in entry:
            if name in SECRETS:
                self._warn((*path, name))
            elif name not in _SECTIONS[path[0]]:
                raise self._wrong((*path, name), f"unknown key {name!r} in {spelt(path)}", _hint((*path, name)))
        return {name: self._value((*path, name), value) for name, value in entry.items() if name not in SECRETS}

    def _value(self, path: Path, value: object) -> str:
        """The value as text; numbers are texts, too."""
        if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
            return str(value)
        raise self._wrong(path, f"{spelt(path)} must be a text", "In quotes, and not empty.")

    def _wrong(self, path: Path, what: str, hint: str) -> UsageError:
        return UsageError(f"{self._file}, line {line_of(self._text, path)}: {what}", hint)

    def _warn(self, path: Path) -> None:
        line = line_of(self._text, path)
        self.warnings.append(
            f"{self._file}, line {line}: an API token in this file is not used and is not safe there; remove it, "
            "revoke it if others could read the file, and use migstat auth login or token_file"
        )


def _text(file: str, *, must_exist: bool) -> str:
    try:
        with open(file, "rb") as opened:  # noqa: PTH123  pathlib takes long to import
            data = opened.read(1 << 20)
    except FileNotFoundError:
        if must_exist:
            raise UsageError(f"MIGSTAT_CONFIG: there is no file {file!r}", "Correct it, or unset it.") from None
        return ""
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise UsageError(f"the config file {file!r} cannot be read: {_reason(error)}") from error
    if len(data) == 1 << 20:
        raise UsageError(f"{file} is larger than 1 MiB", "That is no config file of migstat.")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{file}, line {line}: this is no UTF-8", "Save the file as UTF-8.") from error


def _damaged(error: tomllib.TOMLDecodeError, text: str, file: str) -> UsageError:
    told = str(error)
    match = re.search(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$", told)
    line = int(match[1]) if match and match[1] else text.count("\n") + 1
    what = told[: match.start()] if match else told
    return UsageError(f"{file}, line {line}: this is no TOML: {what[:1].lower()}{what[1:]}", "Texts stand in quotes.")


def _keys(key: str) -> Path:
    """The names of a dotted key as TOML reads it."""
    if "=" in key or "#" in key or "\n" in key:
        raise ValueError
    content: object = tomllib.loads(f"{key} = 0")
    path: list[str] = []
    while isinstance(content, dict):
        ((name, content),) = content.items()
        path.append(name)
    return tuple(path)


def _keys_or_none(key: str) -> Path:
    try:
        return _keys(key)
    except (ValueError, RecursionError):
        return ()


def _hint(path: Path) -> str:
    """The likely key, or all that there are."""
    from difflib import get_close_matches

    known = [*(_SECTIONS.get(path[0], ()) if len(path) > 2 else (DEFAULT_PROFILE, *_SECTIONS))] if path else []
    close = get_close_matches(path[-1], known, 1) if path else []
    if close:
        return f"Is it {close[0]}?"
    if len(path) == 1 and (close := get_close_matches(path[0], PROFILE_KEYS, 1)):
        return f"{close[0]} belongs below [profiles.NAME]."
    if len(path) > 2 and known:
        return f"Keys of {path[0]} are {', '.join(known)}."
    return "Keys are default_profile, profiles.NAME.KEY and targets.NAME.KEY; migstat help config tells them."


def _edited(config: Config, path: Path, value: str | None) -> Config:
    """The file with one value changed, by a library that leaves the rest as it is; read back before it is believed."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    expected = dict(all_values(config))
    try:
        document = tomlkit.parse(config.text)
        table: Any = document
        for name in path[:-1]:
            if name not in table:
                table.add(name, tomlkit.table(is_super_table=name == path[0]))
            table = table[name]
        if value is None:
            del table[path[-1]], expected[path]
            if not table.as_string().strip():  # neither values nor comments are left
                del document[path[0]][path[1]]
        else:
            table[path[-1]] = expected[path] = value
        text = tomlkit.dumps(document).strip("\n") + "\n"
    except TOMLKitError as error:
        raise UsageError(f"{config.file} could not be changed: {error}", "Change it with an editor.") from error
    edited = parsed(text, config.file)
    if dict(all_values(edited)) != expected:
        raise UsageError(f"{config.file} could not be changed safely; it is as it was", "Change it with an editor.")
    return edited


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def is_readable_by_others(mode: int) -> bool:
    """Whether a POSIX mode lets others than the owner read. Windows modes say nothing of readers."""
    return os.name == "posix" and bool(mode & 0o044)
