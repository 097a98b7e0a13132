"""The command line as completion needs it, read from the commands themselves. See `completion.answer`.

`python -m migstat.cli.grammar` writes it into the package.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

import typer

from migstat.cli.app import COMMANDS, Root, loaded
from migstat.cli.commands.demo import REFUSED
from migstat.cli.commands.help import TOPICS
from migstat.completion.answer import GRAMMAR
from migstat.completion.shells import SHELLS
from migstat.model.documents import KINDS
from migstat.model.nights import ORDERS as TIMELINE_ORDERS
from migstat.model.nodes import State
from migstat.query.reports import ORDERS
from migstat.settings.keys import FORMATS, PROFILE_KEYS, SETTING, TARGET_KEYS
from migstat.simulator.scenarios import NAMES

_METAVARS = {"FILE": ["files"], "DIR": ["folders"]}
_VALUES = {
    "checks against": ["seen", "earlier", "files"],
    "config get key": ["seen", "keys"],
    "config set key": ["seen", "possible-keys"],
    "config unset key": ["seen", "keys"],
    "depth": ["words", "all"],
    "job": ["seen", "jobs-and-words"],
    "job job": ["seen", "jobs"],
    "key": ["seen", "projects"],
    "kind": ["words", *KINDS],
    "level": ["seen", "levels"],
    "name": ["seen", "checks"],
    "scenario": ["words", *NAMES],
    "shell": ["words", *SHELLS],
    "sort": ["words", *ORDERS],
    "timeline sort": ["words", *TIMELINE_ORDERS],
    "state": ["list", *State],
    "tasks job": ["seen", "jobs"],
    "topic": ["words", *COMMANDS, *TOPICS],
}
"""How values complete, by the parameter's name, or by command and name if commands differ."""


def grammar() -> str:
    """JSON of the commands by the words that name them, and of the config file's keys.

    Each command has its options, its arguments and what may follow, on a line of its own, so that changes can be
    reviewed and merged.
    """
    root: Any = Root()
    root.commands = {name: loaded(name) for name in COMMANDS}
    commands: dict[str, Any] = {}
    _add(commands, root, context=typer.Context(root, info_name="", **root.context_settings), name="")
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(command)}" for name, command in commands.items())
    keys = json.dumps({"profiles": PROFILE_KEYS, "targets": TARGET_KEYS})
    return f'{{"keys": {keys}, "commands": {{\n{lines}\n}}}}\n'


def _add(commands: dict[str, Any], command: Any, *, context: typer.Context, name: str) -> None:
    below = list(getattr(command, "commands", {}))
    params = [param for param in command.get_params(context) if not getattr(param, "hidden", False)]
    if name == "demo":  # any command about a job or a night may follow, with its own options
        about = {"job", "file"}
        below = [word for word in COMMANDS if word not in REFUSED and about & {p.name for p in loaded(word).params}]
    commands[name] = {
        "help": _summary(command.help),
        "options": {
            max(param.opts, key=len): {
                "short": sorted(param.opts, key=len)[:-1],
                "help": _summary(param.help),
                "values": None if param.is_flag or param.count else _values(param, name),
                "repeats": param.multiple,
            }
            for param in params
            if param.param_type_name == "option"
        },
        "arguments": [] if below else [_values(param, name) for param in params if param.param_type_name == "argument"],
        "commands": below,
    }
    for word, sub in getattr(command, "commands", {}).items():
        path = f"{name} {word}".strip()
        below_it = typer.Context(sub, info_name=word, parent=context, **sub.context_settings)
        _add(commands, sub, context=below_it, name=path)


def _values(param: Any, command: str) -> list[str]:
    """How a parameter's value completes: `files`, `folders`, `words` or `list` with these words, or `seen` names."""
    metavar = (param.metavar or "").strip("[]")
    if param.name == "output":
        # The option is the same for all commands; the formats that one of them has are a constant of its module.
        module = importlib.import_module(f"migstat.cli.commands.{command.partition(' ')[0]}")
        return ["words", *getattr(module, "FORMATS", FORMATS)]
    for known in (f"{command} {param.name}", param.name):
        if known in _VALUES:
            return _VALUES[known]
    if param.name in SETTING and SETTING[param.name].completes:
        return ["seen", SETTING[param.name].completes]
    if metavar in _METAVARS:
        return _METAVARS[metavar]
    return ["words", *metavar.split("|")] if "|" in metavar and " " not in metavar else ["words"]


def _summary(text: str | None) -> str:
    """The first sentence of a help text."""
    first = " ".join((text or "").partition("\n\n")[0].split())
    return first.partition(" (env: ")[0].partition(". ")[0].removesuffix(".")


if __name__ == "__main__":
    with open(GRAMMAR, "w", encoding="utf-8", newline="\n") as file:  # noqa: PTH123
        file.write(grammar())
