"""The scripts in completions/ are those of the program, whole, and can be read by their shells."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_powershell

from migstat.cli.grammar import grammar
from migstat.completion.grammar import Argument, Command, Kind, Option, Values, all_of, rules_of
from migstat.completion.shells import SHELLS
from tests.command_line import hermetic
from tests.completion.shells import SCRIPTS, found

POWERSHELL = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))


def errors_of(node: tree_sitter.Node) -> Iterator[str]:
    """What a parser could not make sense of."""
    if node.is_error or node.is_missing:
        yield f"line {node.start_point.row + 1}: {(node.text or b'').decode()}"
    for child in node.children:
        yield from errors_of(child)


def test_the_scripts_are_current(tmp_path: Path) -> None:
    """The one command writes just the files that are there, as they are."""
    subprocess.run([sys.executable, str(SCRIPTS / "generate.py"), str(tmp_path)], env=hermetic(), check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(shell.file for shell in SHELLS.values())
    for made in tmp_path.iterdir():
        assert made.read_text(encoding="utf-8") == (SCRIPTS / made.name).read_text(encoding="utf-8"), made.name


@pytest.mark.parametrize("name", SHELLS)
def test_a_script_says_where_it_is_from(name: str) -> None:
    """Each script is ASCII, begins with what it is and how it was made, and says what it is to a person."""
    lines = (SCRIPTS / SHELLS[name].file).read_text(encoding="ascii").splitlines()
    begin = "\n".join(lines[:3])
    assert "Completion of migstat" in begin
    assert "python completions/generate.py" in begin
    assert (lines[0] == "#compdef migstat") == (name == "zsh")


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_a_shell_can_read_its_script(name: str) -> None:
    """The shell itself finds no mistake in its script."""
    done = subprocess.run([found(name), "-n", str(SCRIPTS / SHELLS[name].file)], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_script_of_powershell_can_be_read() -> None:
    """A parser of PowerShell finds no mistake in its script."""
    tree = POWERSHELL.parse((SCRIPTS / "migstat.ps1").read_bytes())
    assert list(errors_of(tree.root_node)) == []


def test_powershell_knows_all() -> None:
    """Each command, option and value is in PowerShell's tables under the name by which it is looked up there."""
    script = (SCRIPTS / "migstat.ps1").read_text(encoding="ascii")
    tables = dict(re.findall(r"^        '(.*)' = '(.*)'$", script, re.MULTILINE))
    for command in all_of(grammar()):
        for option in command.options:
            if option.values is not None:
                keys = [f"{command.words} {name}" for name in option.names], option.names
                assert str(option.values) in (tables.get(keys[0][0]), tables.get(keys[1][0]))
        for number, argument in enumerate(command.arguments, 1):
            assert tables[f"{command.words} {number}"] == str(argument.values)


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="pwsh is not installed; Debian has no package of it")
def test_powershell_completes() -> None:
    """PowerShell itself offers commands, options and fixed choices."""
    lines = {"migstat sta": "status", "migstat watch --until co": "core", "migstat checks --det": "--details"}
    for line, completed in lines.items():
        asked = f". '{SCRIPTS / 'migstat.ps1'}'; (TabExpansion2 '{line}' {len(line)}).CompletionMatches.CompletionText"
        done = subprocess.run(["pwsh", "-NoProfile", "-Command", asked], capture_output=True, text=True, check=True)  # noqa: S607
        assert done.stdout.split() == [completed]


def test_rules_are_said_once() -> None:
    """An option that means the same everywhere is said for all commands, one that differs for each."""
    words = Values(Kind.WORDS, ("a",))
    other = Values(Kind.WORDS, ("b",))
    same, differs = Option(("--same", "-s"), "", "X", words), Option(("--differs",), "", "X", words)
    left = Command(("left",), "", (same, differs, Option(("--flag",), "")))
    right = Command(("right",), "", (same, Option(("--differs",), "", "X", other)), (Argument("X", words),))
    rules = {(rule.options[0], rule.commands): rule.values for rule in rules_of(Command((), "", (), (), (left, right)))}
    assert rules == {("--same", ()): words, ("--differs", ("left",)): words, ("--differs", ("right",)): other}
