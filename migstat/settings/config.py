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
from collections.abc import Callable, Iterator, Mapping
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
FILE_KEYS = ("token_file", "ca_bundle")
"""Keys of a profile that name files."""

TARGET_KEYS = ("job", "task", "profile")
SECRETS = ("token", "api_token", "password", "secret")
"""Names under which people put the token itself; they are not used, and a warning says so."""

_SECTIONS = {"profiles": PROFILE_KEYS, "targets": TARGET_KEYS}
_BARE = r"[A-Za-z0-9_-]+"  # these are compiled where they are used: hardly any run writes a config file
_NAME = rf"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|{_BARE})"""
_DOTTED = rf"{_NAME}(?:[ \t]*\.[ \t]*{_NAME})*"
_HEADER = rf"[ \t]*\[{{1,2}}[ \t]*({_DOTTED})[ \t]*\]{{1,2}}[ \t]*(?:#.*)?"
_ASSIGNMENT = rf"[ \t]*({_DOTTED})[ \t]*="
_LONG_TEXTS = r'''(?s)("""(?:[^\\]|\\.)*?"""|\'{3}.*?\'{3})|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|\#[^\n]*'''
"""Texts of several lines, as a group; texts of one line and comments are found so that nothing is sought in them."""

_TOKENS = "ATATT"
"""What an API token of Atlassian begins with."""


class Config(NamedTuple):
    """What the file says, as texts. `warnings` are for the user's eyes.

    `text` is the file's own, with `\\n` at the ends of lines; `newline` is what the file has there.
    """

    file: str
    text: str = ""
    default_profile: str | None = None
    profiles: Mapping[str, Mapping[str, str]] = {}
    targets: Mapping[str, Mapping[str, str]] = {}
    warnings: tuple[str, ...] = ()
    newline: str = "\n"

    def origin(self, path: Path) -> str:
        """File and line of a value, for people."""
        return f"{self.file}, line {line_of(self.text, path)}"

    def shortened(self, origin: str) -> str:
        """A text that holds an origin, where the file's name has been told."""
        return origin.replace(f"{self.file}, line", "config, line") if self.file else origin


def read_config(file: str, *, must_exist: bool = False) -> Config:
    """What the file holds; nothing where it does not exist, unless it must.

    Raises UsageError, which names file and line, for what cannot be read or makes no sense.
    """
    text = _text(file, must_exist=must_exist)
    newline = "\r\n" if text and text.count("\r\n") == text.count("\n") > 0 else "\n"
    return parsed(text.replace("\r\n", "\n"), file)._replace(newline=newline) if text else Config(file)


def parsed(text: str, file: str) -> Config:
    """What a config file's text holds. Raises UsageError as `read_config` does."""
    import tomllib

    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _damaged(error, text, file) from error
    except (RecursionError, ValueError) as error:  # ValueError: a number of thousands of digits
        raise UsageError(f"{file} holds what no config file of migstat does", "See migstat help config.") from error
    flaws = _Checker(text, file)
    for name, value in content.items():
        flaws.top(name, value)
    default = flaws.text((DEFAULT_PROFILE,), content[DEFAULT_PROFILE]) if DEFAULT_PROFILE in content else None
    profiles = {name: flaws.section(("profiles", name), each) for name, each in content.get("profiles", {}).items()}
    targets = {name: flaws.section(("targets", name), each) for name, each in content.get("targets", {}).items()}
    return Config(file, text, default, profiles, targets, tuple(flaws.warnings))


def path_of(key: str) -> Path:
    """The path that a key such as `profiles.acme.email` names; a name may hold dots. Raises UsageError."""
    path = _typed(key)
    if len(path) == 3 and path[0] in _SECTIONS and path[2] in SECRETS:
        raise UsageError(
            f"{key}: the API token does not belong in the config file",
            "migstat auth login keeps it in the keyring; or set token_file to a file that only you can read.",
        )
    if path == (DEFAULT_PROFILE,) or (len(path) == 3 and path[2] in _SECTIONS.get(path[0], ()) and path[1].strip()):
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
    there = {"profiles": config.profiles, "targets": config.targets}
    edit = _edited if len(path) == 1 or path[1] in there[path[0]] else _appended
    return _changed(config, dict(all_values(config)) | {path: value}, lambda text: edit(text, path, value))


def without_value(config: Config, path: Path) -> Config:
    """The file without a value, not yet written. Raises NotFound where it is not set, UsageError.

    A table that has nothing left goes too, unless it is a profile that is named elsewhere in the file.
    """
    expected = dict(all_values(config))
    if path not in expected:
        raise NotFound(f"{spelt(path)} is not set", f"migstat config list shows what {config.file} holds.")
    del expected[path]
    named = [value for each, value in expected.items() if each[-1] in ("profile", DEFAULT_PROFILE)]
    stays = path[0] == "profiles" and path[1] in named

    def without(text: str) -> str:
        left = _edited(text, path, None)
        left = left if text.startswith("\n") else left.lstrip("\n")
        return left if stays else _without_empty(left, path[:-1])

    return _changed(config, expected, without)


def write_config(config: Config) -> None:
    """Replace the file, for its owner's eyes only. Raises OutputError; the file is then as it was."""
    from pathlib import Path as FilePath

    from migstat.files.whole import write_whole

    try:
        write_whole(FilePath(config.file), config.text.replace("\n", config.newline))
    except (OSError, ValueError) as error:
        raise OutputError(f"{config.file} could not be written: {_reason(error)}", "It is as it was.") from error


def spelt(path: Path) -> str:
    """The path as it is typed."""
    return ".".join(name if re.fullmatch(_BARE, name) else _quoted(name) for name in path)


def line_of(text: str, path: Path) -> int:
    """The line, from 1, that sets the path or the first value below it, else that of the nearest table around it."""
    table: Path = ()
    best, line = 0, 1
    text = re.sub(_LONG_TEXTS, lambda found: "\n" * found[1].count("\n") if found[1] else found[0], text)
    for number, content in enumerate(text.split("\n"), 1):
        if header := re.fullmatch(_HEADER, content):
            table = found = _names(header[1])
        elif assignment := re.match(_ASSIGNMENT, content):
            found = table + _names(assignment[1])
        else:
            continue
        shared = min(len(found), len(path))
        if shared > best and path[:shared] == found[:shared]:
            best, line = shared, number
    return line


class _Checker:
    """Checks the file's content; raises UsageError for the first thing that makes no sense."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self.warnings: list[str] = []

    def top(self, name: str, value: object) -> None:
        """Check a name at the top."""
        if name in SECRETS:
            self._warn((name,))
        elif name in _SECTIONS:
            self._entries(name, value)
        elif name != DEFAULT_PROFILE:
            raise self._wrong((name,), f"unknown key {name!r}", _hint((name,)))

    def section(self, path: Path, entry: Mapping[str, Any]) -> dict[str, str]:
        """The values of one profile or target, without those that are secret."""
        values = {}
        for name, value in entry.items():
            if name in SECRETS or (isinstance(value, str) and may_be_secret(value)):
                self._warn((*path, name))
            elif name not in _SECTIONS[path[0]]:
                raise self._wrong((*path, name), f"unknown key {name!r} in {spelt(path)}", _hint((*path, name)))
            else:
                values[name] = self.text((*path, name), value)
        return values

    def text(self, path: Path, value: object) -> str:
        """The value as text; numbers are texts, too."""
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
            return str(value)
        raise self._wrong(path, f"{spelt(path)} must be a text", "In quotes, and not empty.")

    def _entries(self, section: str, value: object) -> None:
        if not isinstance(value, dict):
            raise self._wrong((section,), f"{section} must hold tables", f"Such as [{section}.acme].")
        for name, entry in value.items():
            path = (section, name)
            if not name.strip():
                raise self._wrong(path, f"a name in {section} is empty", f"Such as [{section}.acme].")
            if not isinstance(entry, dict):
                hint = f"[{section}.NAME]" if name in _SECTIONS[section] else f"[{section}.{name}]"
                raise self._wrong(path, f"{spelt(path)} must be a table", f"{hint} begins one.")

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
    except (FileNotFoundError, NotADirectoryError):  # the latter where HOME is /dev/null
        if must_exist:
            hint = "Correct it, or unset it; migstat config set KEY VALUE makes the file."
            raise UsageError(f"MIGSTAT_CONFIG: there is no file {file!r}", hint) from None
        return ""
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        hint = "Make it readable, or name another one with MIGSTAT_CONFIG."
        raise UsageError(f"the config file {file!r} cannot be read: {_reason(error)}", hint) from error
    if len(data) == 1 << 20:
        raise UsageError(f"{file} is larger than 1 MiB", "That is no config file of migstat.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{file}, line {line}: this is no UTF-8", "Save the file as UTF-8.") from error


def _damaged(error: ValueError, text: str, file: str) -> UsageError:
    told = str(error)
    match = re.search(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$", told)
    line = int(match[1]) if match and match[1] else text.rstrip("\n").count("\n") + 1
    what = told[: match.start()] if match else told
    return UsageError(f"{file}, line {line}: this is no TOML: {what[:1].lower()}{what[1:]}", "Texts stand in quotes.")


def _typed(key: str) -> Path:
    """The path that somebody typed: as TOML has it where it holds quotes, else a name is what is between two dots."""
    if '"' in key or "'" in key:
        try:
            return _names(key) if re.fullmatch(_DOTTED, key) else ()
        except ValueError:
            return ()
    section, *name = key.split(".")
    return (section, ".".join(name[:-1]), name[-1]) if len(name) > 1 else (section, *name)


def _names(dotted: str) -> Path:
    """The names of a dotted key. Raises ValueError for a quoted one that makes no sense."""
    import tomllib

    return tuple(
        str(tomllib.loads(f"name = {name}")["name"]) if name[0] in "\"'" else name for name in re.findall(_NAME, dotted)
    )


def _hint(path: Path) -> str:
    """The likely key, or all that there are."""
    from difflib import get_close_matches

    below = _SECTIONS.get(path[0], ()) if len(path) > 2 else ()
    sought, known = (path[-1], below) if below else ("".join(path[:1]), (DEFAULT_PROFILE, *_SECTIONS))
    if sought not in known and (close := get_close_matches(sought, known, 1)):
        return f"Is it {close[0]}?"
    if below and sought not in below:
        return f"Keys of {path[0]} are {', '.join(below)}."
    if len(path) == 1 and (close := get_close_matches(sought, PROFILE_KEYS, 1)):
        return f"{close[0]} is a key of a profile: profiles.NAME.{close[0]}"
    return "Keys are default_profile, profiles.NAME.KEY and targets.NAME.KEY; migstat help config tells them."


def _changed(config: Config, expected: dict[Path, str], change: Callable[[str], str]) -> Config:
    """The file as `change` makes it, read back before that is believed."""
    try:
        edited = parsed(change(config.text), config.file)
        edited.text.encode()
        found = dict(all_values(edited))
    except Exception:  # noqa: BLE001  what edits may raise whatever it likes
        found = None
    if found != expected:
        raise UsageError(f"{config.file} could not be changed safely; it is as it was", "Change it with an editor.")
    return edited._replace(newline=config.newline)


def _edited(text: str, path: Path, value: str | None) -> str:
    """The text with one value of a table that there is changed, or without it."""
    import tomlkit

    document = tomlkit.parse(text)
    table: Any = document
    for name in path[:-1]:
        table = table[name]
    if value is None:
        del table[path[-1]]
    else:
        table[path[-1]] = tomlkit.value(_quoted(value))
    return tomlkit.dumps(document)


def _appended(text: str, path: Path, value: str) -> str:
    """The text with a table of one value behind it."""
    before = text if not text or text.endswith("\n") else text + "\n"
    apart = "\n" if before and not before.endswith("\n\n") else ""
    return f"{before}{apart}[{spelt(path[:-1])}]\n{path[-1]} = {_quoted(value)}\n"


def _without_empty(text: str, path: Path) -> str:
    """The text without a table's header where nothing but blank lines is left of the table."""
    lines = text.split("\n")
    begin = line_of(text, path) - 1
    header = re.fullmatch(_HEADER, lines[begin])
    if not path or not header or _names(header[1]) != path:
        return text
    end = next((at for at in range(begin + 1, len(lines)) if lines[at].strip()), len(lines))
    if end < len(lines) and not re.fullmatch(_HEADER, lines[end]):
        return text
    before, between, rest = lines[:begin], lines[begin + 1 : end], lines[end:]
    while before and not before[-1].strip():
        before.pop()
    if before:
        rest = [*between, *rest] if rest else [""]
    return "\n".join([*before, *rest])


def _quoted(text: str) -> str:
    """The text as TOML has it in quotes."""
    return f'"{"".join(map(_written, text))}"'


def _written(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    code = ord(character)
    return character if character.isprintable() else f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def may_be_secret(value: str) -> bool:
    """Whether the value looks like an API token."""
    return value.strip().startswith(_TOKENS)


def is_readable_by_others(mode: int) -> bool:
    """Whether a POSIX mode lets others than the owner read. Windows modes say nothing of readers."""
    return os.name == "posix" and bool(mode & 0o044)
