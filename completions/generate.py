"""Writes what completion is made of from the program: `python completions/generate.py [FOLDER]`.

The scripts of this folder, and the grammar of the command line into the package; all into FOLDER if one is given.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import migstat.completion
from migstat.cli.grammar import grammar
from migstat.completion.shells import SHELLS


def main(folders: list[str]) -> None:
    """Write the files."""
    scripts = Path(folders[0]) if folders else Path(__file__).parent
    package = Path(folders[0]) if folders else Path(migstat.completion.__file__).parent
    for shell in SHELLS.values():
        (scripts / shell.file).write_text(shell.script, encoding="utf-8", newline="\n")
    # A command per line, so that changes can be reviewed and merged.
    commands = grammar()
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(each)}" for name, each in commands["commands"].items())
    text = f'{{"keys": {json.dumps(commands["keys"])}, "commands": {{\n{lines}\n}}}}\n'
    (package / "grammar.json").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
