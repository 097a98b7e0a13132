"""Scripts that complete the command line in four shells, made from what the command line is."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from migstat.completion import bash, fish, powershell, zsh
from migstat.completion.grammar import Command


class Shell(msgspec.Struct, frozen=True):
    """How a shell gets its script: the file's usual name, and the line that installs it."""

    file: str
    install: str
    script: Callable[[Command], str]


SHELLS = {
    "bash": Shell(
        "migstat.bash",
        "migstat completion bash > ~/.migstat.bash && echo '. ~/.migstat.bash' >> ~/.bashrc",
        bash.script,
    ),
    "zsh": Shell(
        "_migstat",
        "migstat completion zsh > ~/.migstat.zsh && echo '. ~/.migstat.zsh' >> ~/.zshrc",
        zsh.script,
    ),
    "fish": Shell(
        "migstat.fish",
        "mkdir -p ~/.config/fish/completions && migstat completion fish > ~/.config/fish/completions/migstat.fish",
        fish.script,
    ),
    "powershell": Shell(
        "migstat.ps1",
        "mkdir -Force (Split-Path $PROFILE) | Out-Null; migstat completion powershell | Add-Content $PROFILE",
        powershell.script,
    ),
}
"""The shells by the names under which they are asked for."""
