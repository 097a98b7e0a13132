"""The command line as the scripts of the shells need it: read off the commands themselves, and a table of values."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import typer

from migstat.cli.app import COMMANDS, application, loaded
from migstat.cli.commands.demo import REFUSED
from migstat.cli.commands.help import TOPICS
from migstat.cli.commands.projects import ORDERS
from migstat.cli.options import COLORS
from migstat.completion.grammar import Argument, Command, Kind, Option, Values
from migstat.completion.shells import SHELLS
from migstat.model.nodes import Outcome, Status
from migstat.model.verdict import Until
from migstat.render.schema import KINDS
from migstat.settings.keys import FORMATS
from migstat.simulator.scenarios import NAMES

NOTHING = Values(Kind.NOTHING)
FILES = Values(Kind.FILES)
FOLDERS = Values(Kind.FOLDERS)


def _words(*words: str) -> Values:
    return Values(Kind.WORDS, words)


def _some_of(*words: str) -> Values:
    return Values(Kind.LIST, tuple(word.lower() for word in words))


def _seen(kind: str) -> Values:
    return Values(Kind.SEEN, (kind,))


_VALUES = {
    "base_url": NOTHING,
    "ca_bundle": FILES,
    "color": _words(*COLORS),
    "config get key": _seen("keys"),
    "config set key": _seen("possible-keys"),
    "config unset key": _seen("keys"),
    "config set value": NOTHING,
    "depth": _words("all"),
    "download": FOLDERS,
    "email": NOTHING,
    "export": FILES,
    "interval": NOTHING,
    "job": _seen("jobs-and-words"),
    "job job": _seen("jobs"),
    "key": _seen("projects"),
    "kind": _words(*KINDS),
    "level": _seen("levels"),
    "name": _seen("checks"),
    "outcome": _some_of(*Outcome),
    "port": NOTHING,
    "profile": _seen("profiles"),
    "rate_limit": NOTHING,
    "record": FILES,
    "request_timeout": NOTHING,
    "scenario": _words(*NAMES),
    "shell": _words(*SHELLS),
    "sort": _words(*ORDERS),
    "speed": NOTHING,
    "stall_after": NOTHING,
    "status": _some_of(*Status),
    "task": _seen("tasks"),
    "tasks job": _seen("jobs"),
    "timeout": NOTHING,
    "token_file": FILES,
    "topic": _words(*COMMANDS, *TOPICS),
    "until": _words(*Until),
}
"""What completes the values of an option or argument, by its name, or by command and name where commands differ."""


def grammar() -> Command:
    """The whole command line. Raises KeyError for an option whose values nobody has thought of."""
    root: Any = typer.main.get_command(application())
    root.commands = {name: loaded(name) for name in COMMANDS}
    return _command(root, typer.Context(root, info_name="", **root.context_settings), ())


def _command(command: Any, context: typer.Context, path: tuple[str, ...]) -> Command:
    below = getattr(command, "commands", {})
    params = [each for each in command.get_params(context) if not getattr(each, "hidden", False)]
    runs = not context.allow_interspersed_args and not below
    return Command(
        path,
        _line(command.help),
        tuple(_option(each, path) for each in params if each.param_type_name == "option"),
        () if runs else tuple(_argument(each, path) for each in params if each.param_type_name == "argument"),
        tuple(
            _command(each, typer.Context(each, info_name=name, parent=context, **each.context_settings), (*path, name))
            for name, each in below.items()
        ),
        tuple(_about_a_job()) if runs else (),
    )


def _option(option: Any, path: tuple[str, ...]) -> Option:
    names = tuple(sorted((*option.opts, *option.secondary_opts), key=lambda name: -len(name)))
    values = None if option.is_flag or option.count else _values(option.name, path)
    return Option(names, _line(option.help), option.metavar or "", values, option.multiple)


def _argument(argument: Any, path: tuple[str, ...]) -> Argument:
    return Argument((argument.metavar or argument.name).strip("[]"), _values(argument.name, path))


def _values(name: str, path: tuple[str, ...]) -> Values:
    if name == "output":
        formats = getattr(importlib.import_module(f"migstat.cli.commands.{path[0]}"), "FORMATS", FORMATS)
        return _words(*formats)
    own = " ".join((*path, name))
    return _VALUES[own] if own in _VALUES else _VALUES[name]


def _about_a_job() -> Iterator[str]:
    """The commands that a demo is of."""
    for name in COMMANDS:
        if name not in REFUSED and any(each.name == "job" for each in loaded(name).params):
            yield name


def _line(text: str | None) -> str:
    """The first sentence of a help."""
    first = " ".join((text or "").partition("\n\n")[0].split())
    return first.partition(" (env: ")[0].partition(". ")[0].removesuffix(".")
