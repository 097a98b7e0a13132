"""`migstat help`: a command's help, or a topic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from migstat.cli.options import runtime_of
from migstat.errors import UsageError
from migstat.model.exit_codes import MEANINGS
from migstat.settings.resolve import ENVIRONMENT

_FORMATTING = """\
On a terminal the default is a table with colours. Into a pipe it is plain: one record a line, tab separated, no
colour, nothing cut. --output (-o) chooses:

  table      for looking; fits the window
  tree       the same, with its branches
  plain      for grep, cut and awk; --header names the columns
  json       one document; for jq
  ndjson     one node, task or artifact a line
  csv        with a line of names; for spreadsheets
  markdown   for an issue or a chat

Columns of plain and csv, an unknown value empty:

  checks     name status outcome excludable message
  projects   name status outcome percent elapsedSeconds message
  status     level status outcome percent elapsedSeconds message
  tasks      taskId taskType createdAt artifacts
  artifacts  name expiresAt location

--color, NO_COLOR and FORCE_COLOR say whether there are colours.
--export FILE.svg or FILE.html writes a picture, too."""


def help_(
    ctx: typer.Context,
    topic: Annotated[
        str | None,
        typer.Argument(metavar="[COMMAND | exit-codes | environment | formatting]", help="What to explain."),
    ] = None,
) -> int:
    """Explain a command or a topic.

    Examples:

      migstat help exit-codes

      migstat help checks
    """
    from migstat.cli.app import COMMANDS, run

    runtime = runtime_of(ctx)
    if topic in TOPICS:
        runtime.streams.print(TOPICS[topic]() + "\n")
        return 0
    if topic is None:
        return run(["--help"], runtime)
    if topic not in COMMANDS:
        raise UsageError(
            f"help: there is no command or topic {topic!r}",
            f"There are {', '.join(COMMANDS)}, {', '.join(TOPICS)}.",
        )
    return run([topic, "--help"], runtime)


def _exit_codes() -> str:
    return "\n".join(f"{code.value:>4}  {meaning}" for code, meaning in MEANINGS.items())


def _environment() -> str:
    width = max(map(len, ENVIRONMENT))
    return "\n".join(f"{name:<{width}}  {meaning}" for name, meaning in ENVIRONMENT.items())


def _formatting() -> str:
    return _FORMATTING


TOPICS: dict[str, Callable[[], str]] = {
    "exit-codes": _exit_codes,
    "environment": _environment,
    "formatting": _formatting,
}
