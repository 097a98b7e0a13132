"""Options that commands share: paths, states, and what replaces options that people look for."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from migstat.cli.options import REMOVED, states_from
from migstat.errors import UsageError
from migstat.model.nodes import State
from migstat.simulator.server import Server
from tests.cli.rehearsals import ask, migration, still
from tests.command_line import environ_of, hermetic, migstat


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Return a server of job-1."""
    with still(migration()) as started:
        yield started


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, set()),
        ("failed", {State.FAILED}),
        (" Failed, MISSING,running", {State.FAILED, State.MISSING, State.RUNNING}),
        (",".join(State), set(State)),
        ("failde", "Did you mean failed? Choose from failed, missing, warning, running, pending, succeeded, skipped."),
        ("failed,", "Choose from failed, missing"),
        ("FINISHED", "Choose from failed, missing"),
    ],
)
def test_states_are_words_of_the_one_vocabulary(text: str | None, expected: set[State] | str) -> None:
    """A list with commas, in any case; an unknown word gets the likely one and all others."""
    if isinstance(expected, set):
        assert states_from(text) == expected
        return
    with pytest.raises(UsageError, match=r"^--state: unknown state") as raised:
        states_from(text)
    assert raised.value.hint.startswith(expected)


@pytest.mark.parametrize("name", REMOVED)
def test_a_removed_option_names_its_successor(name: str) -> None:
    """Old habits get a hint."""
    result = migstat(["job", "job-1", name, "x"], {})
    assert result.code == 2
    assert result.err.startswith(f"migstat: No such option: {name}")
    assert result.err.splitlines()[1].strip() == REMOVED[name]


@pytest.mark.parametrize(
    ("words", "order"),
    [
        ("-p acme status", "migstat status -p ..."),
        ("--json status", "migstat status --json ..."),
        ("--email a@b checks job-1", "migstat checks --email ..."),
    ],
)
def test_options_before_the_command_are_refused_with_the_right_order(words: str, order: str) -> None:
    """The hint shows the command first, and nothing else is suggested."""
    result = migstat(words.split(), {"MIGSTAT_OUTPUT": "plain"})
    assert result.code == 2
    assert f"Options go after the command: {order}" in result.err
    assert "Possible options" not in result.err


def test_a_tilde_is_the_home_folder(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shells leave it alone behind an equals sign."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ask(server, "status", "--export=~/status.svg").code == 0
    assert (tmp_path / "status.svg").exists()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the umask is POSIX's")
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_exports_follow_the_umask(server: Server, tmp_path: Path, umask: int) -> None:
    """A user who lets nobody read new files gets exports that nobody else can read."""
    file = tmp_path / "x.svg"
    command = [sys.executable, "-m", "migstat", "status", "--export", str(file)]
    subprocess.run(command, env=hermetic() | environ_of(server), umask=umask, check=True, capture_output=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask
