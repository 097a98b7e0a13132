"""`migstat completion`: the script that completes migstat in a shell."""

from __future__ import annotations

from typing import Annotated

import typer

from migstat.completion.shells import SHELLS
from migstat.errors import UsageError

INSTALL = "\n\n      ".join(shell.install for shell in SHELLS.values())


def completion(
    ctx: typer.Context,
    shell: Annotated[str | None, typer.Argument(metavar="SHELL", help=f"One of {', '.join(SHELLS)}.")] = None,
) -> int:
    """Print the completion script for a shell."""
    if shell not in SHELLS:
        wrong = "no shell given" if shell is None else f"unknown shell: {shell!r}"
        raise UsageError(wrong, f"Choose from {', '.join(SHELLS)}.")
    ctx.obj.streams.print(SHELLS[shell].file.read_text(encoding="utf-8"))
    return 0


completion.__doc__ = f"""{completion.__doc__}

    Examples:

      {INSTALL}
    """
