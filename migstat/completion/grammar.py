"""What a command line can hold, and the parts of the scripts that are the same in every shell."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

GENERATED = "Generated from the program by `python completions/generate.py`; changes made here get lost."


class Kind(StrEnum):
    """How a value completes: not at all, from fixed words, from several of them with commas between, or as a path.

    `seen` is asked of the program, `migstat __complete`, which does not start all of it.
    """

    NOTHING = "nothing"
    WORDS = "words"
    LIST = "list"
    FILES = "files"
    FOLDERS = "folders"
    SEEN = "seen"


class Values(msgspec.Struct, frozen=True):
    """What can stand for a value: the words, or of `seen` the name under which the program is asked."""

    kind: Kind
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One text of it for a script's table."""
        return " ".join((self.kind, *self.words))


class Option(msgspec.Struct, frozen=True):
    """An option by its names, the short one last; a flag has no `values`."""

    names: tuple[str, ...]
    help: str
    metavar: str = ""
    values: Values | None = None
    repeats: bool = False


class Argument(msgspec.Struct, frozen=True):
    """A word that is no option."""

    metavar: str
    values: Values


class Command(msgspec.Struct, frozen=True):
    """A command: its options, its arguments in their order, and the commands below it.

    `runs` are those that may follow it with all that is theirs, as behind `demo`.
    """

    path: tuple[str, ...]
    help: str
    options: tuple[Option, ...]
    arguments: tuple[Argument, ...] = ()
    commands: tuple[Command, ...] = ()
    runs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name alone."""
        return self.path[-1] if self.path else ""

    @property
    def words(self) -> str:
        """Its whole name as it is typed; that of the program itself is empty."""
        return " ".join(self.path)


def all_of(command: Command) -> Iterator[Command]:
    """The command and all that are below it."""
    yield command
    for each in command.commands:
        yield from all_of(each)


class Rule(msgspec.Struct, frozen=True):
    """What stands behind one option, by all its names, in these commands; in all where there are none."""

    options: tuple[str, ...]
    commands: tuple[str, ...]
    values: Values


def rules_of(root: Command) -> list[Rule]:
    """What stands behind the options that take a value, each said once."""
    found: dict[tuple[tuple[str, ...], Values], list[str]] = {}
    variants: dict[tuple[str, ...], set[Values]] = {}
    for command in all_of(root):
        for option in command.options:
            if option.values is not None:
                found.setdefault((option.names, option.values), []).append(command.words)
                variants.setdefault(option.names, set()).add(option.values)
    return [
        Rule(names, () if len(variants[names]) == 1 else tuple(commands), values)
        for (names, values), commands in found.items()
    ]
