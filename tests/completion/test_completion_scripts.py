"""The scripts that complete migstat: their shells can read them, and the program prints them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
import tree_sitter
import tree_sitter_powershell

from migstat.completion.shells import SHELLS
from tests.command_line import migstat
from tests.completion.shells import found

POWERSHELL = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))


def errors_of(node: tree_sitter.Node) -> Iterator[str]:
    if node.is_error or node.is_missing:
        yield f"line {node.start_point.row + 1}: {(node.text or b'').decode()}"
    for child in node.children:
        yield from errors_of(child)


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_a_shell_can_read_its_script(name: str) -> None:
    """The shell itself finds no mistake in its script."""
    done = subprocess.run([found(name), "-n", str(SHELLS[name].file)], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_script_of_powershell_can_be_read() -> None:
    """A parser of PowerShell finds no mistake in its script."""
    assert list(errors_of(POWERSHELL.parse(SHELLS["powershell"].file.read_bytes()).root_node)) == []


@pytest.mark.parametrize("name", SHELLS)
def test_a_script_is_printed(name: str) -> None:
    """`migstat completion` prints the script, in ASCII, and its help the one line that installs it."""
    result = migstat(["completion", name], {})
    assert (result.code, result.err) == (0, "")
    assert result.out.encode("ascii") == SHELLS[name].file.read_bytes()
    assert f"migstat completion {name} " in SHELLS[name].install
    assert len(SHELLS[name].install) < 78
