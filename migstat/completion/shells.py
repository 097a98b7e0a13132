"""The scripts beside this file, which make four shells ask `migstat __complete` at each Tab.

A script passes the shell's name and the words up to the cursor. The first line of the answer says how to complete:
`files` and `folders` are left to the shell, `list` takes no space behind it, and `words` is the rest. The other lines
are the candidates, with descriptions behind a tab. `answer` knows the rest, so the scripts need no update.
"""

from __future__ import annotations

from pathlib import Path

import msgspec


class Shell(msgspec.Struct, frozen=True):
    """The file with a shell's script, under the name that the shell expects, and the command that installs it."""

    file: Path
    install: str


_FOLDER = Path(__file__).parent

SHELLS = {
    "bash": Shell(_FOLDER / "migstat.bash", "migstat completion bash >> ~/.bashrc"),
    "zsh": Shell(_FOLDER / "_migstat", "migstat completion zsh >> ~/.zshrc"),
    "fish": Shell(_FOLDER / "migstat.fish", "migstat completion fish > ~/.config/fish/completions/migstat.fish"),
    "powershell": Shell(
        _FOLDER / "migstat.ps1", "mkdir -Force (Split-Path $PROFILE); migstat completion powershell >> $PROFILE"
    ),
}
