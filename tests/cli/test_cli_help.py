"""Help, topics and the version."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from migstat import __version__
from migstat.cli.app import ABOUT
from migstat.simulator.scenarios import build
from migstat.simulator.server import Server, serve
from tests.command_line import environ_of, migstat, process

CODES = ["0", "1", "2", "3", "4", "5", "8", "130"]
QUERIES = ["status", "checks", "projects", "tasks", "job", "artifacts"]
SHARED = ["--base-url", "--email", "--token-file", "--request-timeout", "--rate-limit", "--ca-bundle", "--output"]
OWN = {
    "status": ["--level", "--children", "--depth", "--raw", "--exit-status", "--header", "--export"],
    "checks": ["--name", "--outcome", "--status", "--details", "--all", "--exit-status", "--header", "--export"],
    "projects": ["--key", "--outcome", "--status", "--sort", "--exit-status", "--header", "--export"],
    "tasks": ["--header", "--export"],
    "job": [],
    "artifacts": ["--download", "--header"],
    "schema": [],
    "completion": [],
    "demo": ["--scenario", "--speed"],
    "simulate": ["--port", "--scenario", "--speed"],
    "help": [],
}


def about(command: str) -> str:
    """A command's own help text."""
    if command == "migstat":
        return ABOUT
    function = getattr(import_module(f"migstat.cli.commands.{command}"), "help_" if command == "help" else command)
    return inspect.getdoc(function) or ""


ABOUTS = {command: about(command) for command in ("migstat", "watch", *OWN)}
LASTING = ("migstat demo", "migstat simulate")
"""Those that go on for long; they have tests of their own."""

EXAMPLES = [
    line.strip()
    for text in ABOUTS.values()
    for line in text.splitlines()
    if line.startswith("  migstat ") and not line.strip().startswith("migstat simulate") and line.strip() not in LASTING
]


@pytest.fixture(scope="module")
def over() -> Iterator[Server]:
    """A cutover that has ended, in which some projects failed."""
    scenario = build("projects-failing")
    with serve(scenario, head_start=scenario.duration * 1.01, rate_limit=None) as running:
        yield running


@pytest.mark.parametrize("command", ABOUTS)
def test_a_help_begins_with_examples(command: str) -> None:
    """What is said in one sentence comes first, what one types next, and all else after that."""
    first, second, third = ABOUTS[command].split("\n\n")[:3]
    assert "\n" not in first
    assert second == "Examples:"
    assert third.startswith("  migstat ")


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(
    example: str, over: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command line that a help shows is understood and answers."""
    monkeypatch.chdir(tmp_path)
    words = shlex.split(re.split(r" (?:&&|[|>]) ", example)[0])[1:]
    result = migstat(words, environ_of(over))
    assert result.code in (0, 1, 8), result.err
    assert result.out or capsys.readouterr().out or "finished: " in result.err


def helped(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command line that prints help; its text."""
    result = migstat(words, {})
    printed = capsys.readouterr()
    assert (result.code, result.err, printed.err) == (0, "", "")
    return result.out + printed.out


@pytest.mark.parametrize("command", OWN)
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """-h, --help and `help COMMAND` print the same, with every option and an example."""
    text = helped(capsys, command, "-h")
    assert text == helped(capsys, command, "--help") == helped(capsys, "help", command)
    assert f"migstat {command}" in text
    assert "Examples:" in text
    expected = OWN[command] + ([*SHARED, "--json", "--color", "--verbose"] if command in QUERIES else [])
    assert [option for option in expected if option not in text] == []


@pytest.mark.parametrize("words", [(), ("-h",), ("--help",), ("help",)])
def test_the_commands_are_listed(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    """Without arguments the program prints its help, which lists the commands."""
    text = helped(capsys, *words)
    for command in OWN:
        assert re.search(rf"^\W*{command}\b", text, re.MULTILINE)


def test_the_topics(capsys: pytest.CaptureFixture[str]) -> None:
    """The topics tell the exit codes, the variables and the formats."""
    codes = helped(capsys, "help", "exit-codes")
    told = re.findall(r"^\s*(\d+) ", codes, re.MULTILINE)
    assert [code for code in CODES if code not in told] == []
    variables = helped(capsys, "help", "environment")
    for name in ("JOB", "TASK", "BASE_URL", "EMAIL", "TOKEN", "TOKEN_FILE", "REQUEST_TIMEOUT", "RATE_LIMIT"):
        assert re.search(rf"^MIGSTAT_{name} ", variables, re.MULTILINE)
    for name in ("NO_COLOR", "FORCE_COLOR", "MIGSTAT_OUTPUT", "MIGSTAT_CA_BUNDLE"):
        assert re.search(rf"^{name} ", variables, re.MULTILINE)
    formatting = helped(capsys, "help", "formatting")
    for form in ("table", "tree", "plain", "json", "ndjson", "csv", "markdown"):
        assert re.search(rf"^  {form} ", formatting, re.MULTILINE)
    assert "name status outcome percent elapsedSeconds message" in formatting


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version prints the program's name and version."""
    assert helped(capsys, "--version") == f"migstat {__version__}\n"


def test_help_as_a_process() -> None:
    """Help goes to standard output with code 0, in ASCII where nothing else can be shown, without any settings."""
    result = process([], {"PYTHONIOENCODING": "ascii"})
    assert (result.code, result.err) == (0, "")
    assert result.out.isascii()
    assert "checks" in result.out
    broken = process(["status", "--help"], {"MIGSTAT_BASE_URL": "nonsense", "MIGSTAT_OUTPUT": "nonsense"})
    assert (broken.code, broken.err) == (0, "")
