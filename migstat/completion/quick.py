"""The config file's profiles and targets in a tenth of the time: TOML's parser takes longer to import than all else.

A file of plain lines, as `migstat config set` writes them and nearly everybody, is read here; any other by `config`.

Nothing is imported here that takes long.
"""

from __future__ import annotations

from collections.abc import Mapping

TYPE_CHECKING = False  # that of `typing` takes long to import
if TYPE_CHECKING:
    Table = Mapping[str, Mapping[str, str]]

_WORD = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


class Names:
    """The default profile, and profiles and targets by their names; nothing where there is no file."""

    __slots__ = ("default_profile", "profiles", "targets")

    def __init__(self, default_profile: str | None, profiles: Table, targets: Table) -> None:
        self.default_profile = default_profile
        self.profiles = profiles
        self.targets = targets


def read_names(file: str) -> Names:
    """What the file holds. Raises UsageError for a damaged one; keys that there cannot be may pass."""
    try:
        with open(file, encoding="utf-8", newline="") as opened:  # noqa: PTH123  pathlib takes long to import
            names = plain_names(opened.read(1 << 20).replace("\r\n", "\n"))
    except FileNotFoundError:
        return Names(None, {}, {})
    except (OSError, ValueError):
        names = None
    if names is not None:
        return names
    from migstat.settings.config import read_config

    config = read_config(file)
    return Names(config.default_profile, config.profiles, config.targets)


def plain_names(text: str) -> Names | None:
    """What a text of plain lines holds: tables of two words, texts without escapes; None for any other text."""
    top: dict[str, str] = {}
    tables: dict[tuple[str, str], dict[str, str]] = {}
    table = top
    for line in text.split("\n"):
        stripped = line.strip(" \t")
        if not stripped or (stripped[0] == "#" and stripped.isprintable()):
            continue
        if stripped[0] == "[":
            section, _, name = stripped[1:-1].partition(".")
            path = (section, name)
            if stripped[-1] != "]" or section not in ("profiles", "targets") or not _is_word(name) or path in tables:
                return None
            table = tables[path] = {}
            continue
        key, _, value = (part.strip(" \t") for part in stripped.partition("="))
        if not _is_word(key) or key in table or not _is_text(value):
            return None
        table[key] = value[1:-1]
    if top.keys() - {"default_profile"}:
        return None
    profiles, targets = (
        {name: entry for (of, name), entry in tables.items() if of == section} for section in ("profiles", "targets")
    )
    return Names(top.get("default_profile"), profiles, targets)


def _is_word(name: str) -> bool:
    return bool(name) and _WORD.issuperset(name)


def _is_text(value: str) -> bool:
    """Whether it stands in plain double quotes, is not empty, and says what it holds without an escape."""
    inner = value[1:-1]
    quoted = len(value) > 2 and value[0] == value[-1] == '"'
    return quoted and inner.isprintable() and not inner.isspace() and '"' not in inner and "\\" not in inner
