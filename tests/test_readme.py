"""The README says what is so: its pictures, its exit codes, its recipes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import jq
import pytest
from keyring.backends import fail

from migstat.cli.app import run
from migstat.cli.context import Runtime
from migstat.cli.streams import Streams
from migstat.completion.shells import SHELLS
from migstat.model.exit_codes import MEANINGS
from migstat.settings.keychain import Keychain
from migstat.simulator.scenarios import NAMES, build
from migstat.simulator.server import Server, serve
from tests.command_line import CapturedStream, environ_of, hermetic, migstat
from tests.keyrings import in_force

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"^(migstat .*) \| jq (?:-\w+ )?'(.*)'$", README, re.MULTILINE)
assert len(RECIPES) >= 4
COMMANDS = re.findall(r"^(?:mkdir .* && )?(migstat [^|#&>]*?)(?: +[#&>].*)?$", README, re.MULTILINE)
PICTURES = sorted(path.name for path in (ROOT / "docs").glob("*.svg"))


@pytest.fixture(scope="module")
def failed_checks() -> Iterator[Server]:
    with serve(build("failing"), head_start=3600.0, clock=lambda: 1_793_496_360.0) as running:
        yield running


def _texts(svg: str) -> list[str]:
    """What an SVG shows, in order, without spaces: the drawing itself differs between versions of Rich."""
    found = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    return [text for each in found if (text := unescape(each).replace("\xa0", " ").strip())]


@pytest.mark.slow
def test_the_pictures_are_current(tmp_path: Path) -> None:
    """The pictures in docs show what the program draws now."""
    environ = hermetic() | {"TZ": "UTC"}
    subprocess.run(
        [sys.executable, str(ROOT / "docs" / "pictures.py"), str(tmp_path)],
        env=environ,
        check=True,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == PICTURES
    for name in PICTURES:
        made, kept = (folder / name for folder in (tmp_path, ROOT / "docs"))
        assert _texts(made.read_text(encoding="utf-8")) == _texts(kept.read_text(encoding="utf-8"))


def test_every_picture_is_shown_and_exists() -> None:
    """The README shows pictures that exist."""
    assert set(re.findall(r"docs/([\w-]+\.svg)", README)) <= set(PICTURES)


def test_the_exit_codes_are_those_of_the_program() -> None:
    """The README's table of exit codes is the program's own."""
    table = re.findall(r"^\| (\d+) \| (.*) \|$", README, re.MULTILINE)
    assert table == [(str(code.value), meaning) for code, meaning in MEANINGS.items()]


def test_all_scenarios_are_named() -> None:
    """The README names every scenario of the simulator."""
    assert all(f"`{name}`" in README for name in NAMES)


@pytest.mark.parametrize(("command", "program"), RECIPES)
def test_a_jq_recipe_finds_something(command: str, program: str, going: Server, failed_checks: Server) -> None:
    """Each jq recipe runs on the command's own output and answers something."""
    asked = failed_checks if command.startswith("migstat checks") else going
    result = migstat(shlex.split(command)[1:], environ_of(asked))
    assert result.code == 0, result.err
    compiled = jq.compile(program)
    assert [each for line in result.out.splitlines() for each in compiled.input_text(line).all()]


def test_completion_is_installed_as_its_help_says() -> None:
    """The README has the tested line of every shell."""
    assert [name for name, shell in SHELLS.items() if shell.install not in README] == []


def test_the_first_minutes_go_as_they_are_shown(going: Server, tmp_path: Path) -> None:
    """`auth login` asks and says what the README shows, with the reader's values in place of the simulator's."""
    (shown,) = re.findall(r"^```console\n\$ migstat auth login\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    answers = iter((going.email, going.token, going.job_id, "wave2"))
    screen = CapturedStream(terminal=True, encoding="utf-8")

    def typed(prompt: str) -> str:
        answer = next(answers)
        screen.write(f"{prompt}{answer}\n".replace(f" {going.token}", ""))
        return answer

    environ = {"HOME": str(tmp_path), "MIGSTAT_BASE_URL": going.base_url}
    streams = Streams(screen, screen, in_is_terminal=lambda: True, ask=typed, ask_secret=typed)
    keychain = Keychain(tmp_path / ".config" / "migstat" / "credentials.toml")
    with in_force(fail.Keyring()):  # type: ignore[no-untyped-call]
        assert run(["auth", "login"], Runtime(environ, streams, keychain=lambda: keychain)) == 0
    output = screen.text().replace("\n  ", " ")  # a terminal wraps what is longer than its lines
    values = {
        going.email: "you@example.com", going.base_url: "https://api.atlassian.com", str(tmp_path): "~",
        going.job_id: "3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90",
    }  # fmt: skip
    for ours, theirs in values.items():
        output = output.replace(ours, theirs)
    note = "note: MIGSTAT_BASE_URL is not stored; in other shells, set it to https://api.atlassian.com\n"
    assert output.replace(note, "") == shown  # the reader has no such variable
    assert f"export MIGSTAT_JOB={shown.split()[-1]} " in README  # or the commands that follow would find no job


def test_the_python_example_runs(
    over: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example from Python runs as it stands and tells checks, projects and how it ended."""
    (example,) = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    for name, value in (environ_of(over) | {"MIGSTAT_CONFIG": os.devnull}).items():
        monkeypatch.setenv(name, value)
    exec(example, {})  # noqa: S102  it is ours
    lines = capsys.readouterr().out.splitlines()
    assert any("FAILED" in line and "not reported: ()" in line for line in lines)
    assert lines[-1] == "failed 1"


@pytest.mark.parametrize("command", [each for each in COMMANDS if each != "migstat auth login"])
def test_a_command_of_the_readme_runs(
    command: str, going: Server, failed_checks: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command line that the README shows is understood and answers."""
    monkeypatch.chdir(tmp_path)
    over = command.startswith("migstat watch")  # a watch of what goes on would not end while time stands still
    environ = environ_of(failed_checks if over else going) | {"MIGSTAT_CONFIG": str(tmp_path / "config.toml")}
    for name in ("config.toml", "night.jsonl"):
        (tmp_path / name).touch()
    result = migstat(shlex.split(command)[1:], environ)
    assert result.code in (0, 1, 8), result.err
    assert result.out or result.err or over
