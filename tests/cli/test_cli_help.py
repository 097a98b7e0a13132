"""Help, topics, the version and the schemas."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migstat import __version__
from migstat.cli.app import COMMANDS, loaded
from migstat.cli.commands.help import TOPICS
from migstat.model.documents import KINDS, schema_of
from migstat.model.exit_codes import MEANINGS
from migstat.render.rows import COLUMNS
from migstat.settings.keys import ENVIRONMENT, FORMATS
from migstat.simulator.server import Server
from tests.command_line import environ_of, migstat, process


def all_commands() -> Iterator[tuple[str, Any]]:
    for name in COMMANDS:
        command = loaded(name)
        yield name, command
        yield from ((f"{name} {below}", each) for below, each in getattr(command, "commands", {}).items())


PAGES = dict(all_commands())

EXAMPLES = [
    line.strip()
    for command in PAGES.values()
    for line in command.help.splitlines()
    # Those that go on for long or that ask have tests of their own.
    if re.match("  migstat (?!simulate|watch|auth|demo$|demo timeline)", line)
]


def helped(*words: str, columns: int = 80) -> str:
    result = migstat(words, {}, columns=columns)
    assert (result.code, result.err) == (0, "")
    return result.out


@pytest.mark.parametrize("command", PAGES)
def test_a_help_begins_with_examples(command: str) -> None:
    """One sentence says what the command does, examples follow, and everything else comes after them."""
    first, second, third = re.split(r"\n\s*\n", PAGES[command].help)[:3]
    assert "\n" not in first
    assert second == "Examples:"
    assert third.startswith("  migstat ")


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(example: str, over: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every example that a help shows is understood and answers."""
    monkeypatch.chdir(tmp_path)
    for record in ("night.jsonl", "rehearsal.jsonl"):
        Path(record).touch()
    job = f'job = "{over.job_id}"\nprofile = "acme"'
    Path("config.toml").write_text(f'[profiles.acme]\nemail = "a@b"\n[targets.wave2]\n{job}\n', encoding="utf-8")
    environ = environ_of(over) | {"MIGSTAT_CONFIG": "config.toml"}
    result = migstat(shlex.split(re.split(r"(?: && | \| | >>? )", example)[0])[1:], environ)
    assert result.code in (0, 1, 8), result.err
    assert result.out or result.err or "config" in example


@pytest.mark.parametrize("command", PAGES)
def test_every_command_explains_itself(command: str) -> None:
    """-h, --help and `help COMMAND` print the same page: 24 lines of 80 cells, 28 with the options of a long night.

    Every option is named, and only arguments that may be left out are in brackets. In a narrow window nothing is cut,
    and what usage and examples continue is indented.
    """
    words = command.split()
    text, narrow = helped(*words, "-h"), helped(*words, "-h", columns=40)
    assert text == helped(*words, "--help") == helped("help", *words)
    assert text.startswith(f"Usage: migstat {command}")
    assert ("[OPTIONS] [" in text) is (command in ("artifacts", "checks", "demo", "help", "job", "projects", "status",
                                                   "tasks", "watch"))  # fmt: skip
    if "[JOB]" in text:  # what comes first on the line comes first in the help
        assert re.search(r"Options:\n +\[JOB\] ", text)
    assert len(text.splitlines()) <= (28 if command == "watch" else 24)
    assert max(map(len, text.splitlines())) <= 80
    assert command not in ("checks", "projects") or "other formats always do" in text
    names = [name for param in PAGES[command].params for name in param.opts if name.startswith("-")]
    assert [name for name in names if name not in text or name not in narrow] == []
    assert "…" not in narrow
    examples = narrow.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
    continued = [*narrow.partition("\n\n")[0].splitlines()[1:], *examples]
    assert [line for line in continued if not line.startswith("  ")] == []


@pytest.mark.parametrize("words", [(), ("-h",), ("--help",), ("help",)])
def test_the_commands_are_listed(words: tuple[str, ...]) -> None:
    """Without a command the program lists them all, and the topics of help, within 24 lines."""
    text = helped(*words)
    assert text.splitlines()[-1] == f"See also: migstat help {', '.join(['COMMAND', *TOPICS])}"
    assert [name for name, summary in COMMANDS.items() if not re.search(rf"\b{name} +{re.escape(summary)}", text)] == []
    assert len(text.splitlines()) <= 24


@pytest.mark.parametrize(
    ("topic", "first"),
    [
        ("exit-codes", [*(str(code.value) for code in MEANINGS), "An end is believed"]),
        ("environment", [*ENVIRONMENT]),
        ("formatting", [*FORMATS, "not before 03:10", "PROGRESS, percent", "excludable"]),
        ("ci", ["until", "- run:", "node"]),
        ("notify", ["MIGSTAT_EVENT", "MIGSTAT_TEXT", "curl", "notify-send", "osascript"]),
    ],
)
def test_a_topic_is_complete(topic: str, first: list[str]) -> None:
    """A topic has a line for every exit code, variable, format or recipe, and fits the window; scripts stay whole."""
    text = helped("help", topic)
    assert max(map(len, text.splitlines())) <= 80
    narrow = helped("help", topic, columns=40)
    assert (narrow == text) is (topic in ("ci", "notify"))
    too_long = [line for line in narrow.splitlines() if len(line) > 40 and len(line.strip()) < 30]
    assert topic in ("ci", "notify") or not too_long
    assert [word for word in first if not re.search(rf"^ *{word} ", text, re.MULTILINE)] == []
    if topic == "formatting":
        assert [
            names for names in COLUMNS.values() if f"  {' '.join(names)}\n" not in helped("help", topic, columns=100)
        ] == []


@pytest.mark.parametrize("topic", ["ci", "notify"])
def test_the_prose_between_scripts_is_wrapped_for_a_narrow_terminal(topic: str) -> None:
    """No word of it is cut there; scripts stay whole, and so does everything in a pipe."""
    whole, narrow = helped("help", topic), migstat(["help", topic], {}, terminal=True, columns=40).out
    assert narrow.split() == whole.split()
    scripts = [line for line in whole.splitlines() if re.match(r"[ #\-{]|curl|text=|steps:|END|osa|notify-send", line)]
    assert [line for line in narrow.splitlines() if len(line) > 40 and line not in scripts] == []
    assert [line for line in scripts if line not in narrow.splitlines()] == []


def test_the_version() -> None:
    """--version prints the name and the version of the program."""
    assert process(["--version"], {}).out == f"migstat {__version__}\n"
    assert helped("--version") == f"migstat {__version__}\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environ", "colored"),
    [
        ({"GITHUB_ACTIONS": "true", "PY_COLORS": "0", "TERMINAL_WIDTH": "abc"}, False),
        ({"FORCE_COLOR": "1", "PY_COLORS": "0"}, True),
        ({"MIGSTAT_BASE_URL": "nonsense", "MIGSTAT_OUTPUT": "nonsense", "COLUMNS": "x"}, False),
    ],
    ids=str,
)
def test_help_is_colored_by_the_rule_for_output(environ: dict[str, str], colored: bool) -> None:
    """Into a pipe, help has escape sequences only if they are asked for, and no variable breaks it."""
    result = process(["status", "--help"], environ | {"PYTHONIOENCODING": "ascii"})
    assert (result.code, result.err, "\x1b[" in result.out) == (0, "", colored)
    assert result.out.isascii()


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_printed(kind: str) -> None:
    """A schema is indented into a pipe as on a terminal, and is the program's own; no setting is needed."""
    names = ("BASE_URL", "EMAIL", "TOKEN_FILE", "JOB", "OUTPUT", "RATE_LIMIT", "CA_BUNDLE", "PROFILE", "CONFIG")
    nonsense = {f"MIGSTAT_{name}": "\tnonsense" for name in names}
    piped = migstat(["schema", kind], nonsense)
    assert (piped.code, piped.err) == (0, "")
    assert piped == migstat(["schema", kind], {}, terminal=True)
    assert json.loads(piped.out) == schema_of(kind)
    assert piped.out.startswith('{\n  "$schema": "https://json-schema.org/draft/2020-12/schema",\n')
    assert piped.out.endswith("\n}\n")
    assert piped.out.isascii()
