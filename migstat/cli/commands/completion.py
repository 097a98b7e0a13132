"""`migstat completion`: the script that completes migstat in a shell."""

from __future__ import annotations

from typing import Annotated

import typer

from migstat.cli.options import runtime_of
from migstat.completion.shells import SHELLS
from migstat.errors import UsageError

INSTALL = "\n\n      ".join(shell.install for shell in SHELLS.values())


def completion(
    ctx: typer.Context,
    shell: Annotated[str | None, typer.Argument(metavar="SHELL", help=f"One of {', '.join(SHELLS)}.")] = None,
) -> int:
    """Print the completion script for a shell."""
    if shell not in SHELLS:
        wrong = "no SHELL is named" if shell is None else f"there is no completion for {shell!r}"
        raise UsageError(f"completion: {wrong}", f"There are {', '.join(SHELLS)}.")
    from migstat.cli.grammar import grammar

    runtime_of(ctx).streams.print(SHELLS[shell].script(grammar()))
    return 0


completion.__doc__ = f"""{completion.__doc__}

    Examples:

      {INSTALL}
    """
