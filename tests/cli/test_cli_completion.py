"""`migstat completion`: the scripts of the shells, and that the command line they know is the real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from migstat.cli.app import COMMANDS
from migstat.cli.grammar import grammar
from migstat.completion.grammar import Kind, all_of
from migstat.completion.shells import SHELLS
from tests.command_line import migstat

SCRIPTS = Path(__file__).parents[2] / "completions"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_printed(shell: str) -> None:
    """The script that is printed is the one in the folder completions."""
    result = migstat(["completion", shell], {})
    assert (result.code, result.err) == (0, "")
    assert result.out == (SCRIPTS / SHELLS[shell].file).read_text(encoding="utf-8")


@pytest.mark.parametrize(("words", "told"), [(["completion"], "no SHELL"), (["completion", "tcsh"], "'tcsh'")])
def test_a_shell_that_there_is_not_is_refused(words: list[str], told: str) -> None:
    """Without a shell, or with an unknown one, those that there are are told."""
    result = migstat(words, {})
    assert (result.code, result.out) == (2, "")
    assert told in result.err
    assert "bash, zsh, fish, powershell" in result.err


def test_the_help_tells_how_to_install_each() -> None:
    """Each shell's line for installing is one line, and asks the program for that shell's script."""
    for name, shell in SHELLS.items():
        assert f"migstat completion {name} " in shell.install
        assert "\n" not in shell.install


def test_every_command_is_known() -> None:
    """Commands, those below others, and the commands that a demo is of are known by their names."""
    root = grammar()
    assert [command.name for command in root.commands if command.name not in COMMANDS] == []
    assert {command.name for command in root.commands} == set(COMMANDS)
    words = {command.words for command in all_of(root)}
    assert {"auth login", "auth status", "auth logout", "config set", "demo"} <= words
    (demo,) = (command for command in root.commands if command.name == "demo")
    assert set(demo.runs) == {"status", "checks", "projects", "watch", "tasks", "job", "artifacts"}


def test_words_of_a_script_need_no_quotes() -> None:
    """No fixed word holds a sign that a shell could take for something else."""
    for command in all_of(grammar()):
        values = [option.values for option in command.options if option.values is not None]
        values += [argument.values for argument in command.arguments]
        words = [word for each in values for word in each.words]
        words += [command.name, *(name for option in command.options for name in option.names)]
        assert [word for word in words if not word.replace("-", "").replace("_", "").isalnum() and word] == []
        assert [each for each in values if (each.kind in (Kind.WORDS, Kind.LIST, Kind.SEEN)) != bool(each.words)] == []
