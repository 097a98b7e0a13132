"""Writes the scripts of this folder anew from the program: `python completions/generate.py [FOLDER]`."""

from __future__ import annotations

import sys
from pathlib import Path

from migstat.cli.grammar import grammar
from migstat.completion.shells import SHELLS

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    """Write the script of each shell into the folder."""
    root = grammar()
    for shell in SHELLS.values():
        (folder / shell.file).write_text(shell.script(root), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
