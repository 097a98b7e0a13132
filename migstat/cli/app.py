"""Registers the commands, and alone turns errors into messages and exit codes."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from migstat import __version__
from migstat.cli.context import Runtime
from migstat.cli.exits import Exit, exit_of_error
from migstat.cli.present import JSON_FORMATS, tell_error
from migstat.cli.streams import ClosedPipe, Streams
from migstat.errors import MigstatError, UsageError
from migstat.keychain import Keychain
from migstat.settings import process_environ, profile_from

PROGRAM = "migstat"


COMMANDS = {
    "status": "status",
    "checks": "checks",
    "projects": "projects",
    "watch": "watch",
    "tasks": "tasks",
    "job": "job",
    "auth": "auth",
    "config": "config",
    "schema": "schema",
    "demo": "demo",
    "simulate": "simulate",
    "help": "help_",
}
"""The commands in the order of their help, and the function of each in the module of its name."""


def main_of_process() -> int:
    """Run the command line of this process; the exit code."""
    streams = Streams(sys.stdout, sys.stderr)
    code = run(sys.argv[1:], Runtime(process_environ(), streams, keychain=Keychain()))
    streams.flush()
    return code


def run(words: Sequence[str], runtime: Runtime) -> int:
    """Run one command line and answer its exit code; raises nothing, whatever the input."""
    streams = runtime.streams
    try:
        return _invoke(words or ["--help"], runtime)
    except (ClosedPipe, SystemExit):  # typer ends itself where help is piped into a closed pipe
        streams.abandon()
        return Exit.OK
    except typer.TyperException as wrong:
        error: MigstatError = UsageError(wrong.format_message().rstrip(), _where_to_look(words))
    except MigstatError as told:
        error = told
    except Exception as defect:  # noqa: BLE001  a tired person gets one line, whatever happened
        error = _defect(defect)
    tell_error(streams, error, json=_wants_json(words, runtime))
    return exit_of_error(error)


def _invoke(words: Sequence[str], runtime: Runtime) -> int:
    """Parse the words and run the command that they name."""
    command = typer.main.get_command(_app(words[0]))
    result: object = command.main(args=list(words), prog_name=PROGRAM, standalone_mode=False, obj=runtime)
    return result if isinstance(result, int) else Exit.OK


def _app(first: str) -> typer.Typer:
    """The application; of its commands only the one named first is loaded, or all for a help or a slip of the pen."""
    app = typer.Typer(
        name=PROGRAM,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(help="The status of a migration to Atlassian Cloud. It only reads.")(_global)
    for name in [first] if first in COMMANDS else COMMANDS:
        module = importlib.import_module(f"migstat.cli.{name}")
        if isinstance(group := getattr(module, COMMANDS[name]), typer.Typer):
            app.add_typer(group, name=name)
            continue
        # what follows demo's command belongs to that command
        settings = {"allow_interspersed_args": False} if name == "demo" else {}
        app.command(name, context_settings=settings)(group)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


def _global(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Show the version.",
        ),
    ] = False,
) -> None:
    """Options before the command."""


def _where_to_look(words: Sequence[str]) -> str:
    command = f" {words[0]}" if words and words[0] in COMMANDS else ""
    return f"{PROGRAM}{command} --help shows what there is."


def _defect(error: Exception) -> MigstatError:
    import traceback

    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    return MigstatError(
        f"a defect of migstat itself: {type(error).__name__} at {where}",
        "Please report it with the command you ran.",
    )


def _wants_json(words: Sequence[str], runtime: Runtime) -> bool:
    """Whether the words ask for a JSON format; they may be wrong otherwise, so they are not parsed."""
    chosen: str | None = None
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--":
            break
        if word in ("--json", "--raw"):
            return True
        if (match := _OUTPUT.fullmatch(word)) is not None:
            chosen = match[1] or match[2] or following
    chosen = chosen if chosen is not None else runtime.environ.get("MIGSTAT_OUTPUT") or _preferred(words, runtime)
    return chosen in JSON_FORMATS


def _preferred(words: Sequence[str], runtime: Runtime) -> str | None:
    """The format of the profile that the words seem to mean, as far as the config file can be read."""
    if runtime.sealed:
        return None
    flags = [match[1] or following for word, following in pairwise([*words, ""]) if (match := _PROFILE.fullmatch(word))]
    try:
        job = next((word for word in words[1:] if not word.startswith("-")), None)
        chosen = profile_from(flags[-1] if flags else None, job, runtime.environ).get("output")
    except MigstatError:
        return None
    return None if chosen is None else chosen[0]


_PROFILE = re.compile("(?:--profile=|--profile|-p)(.*)")
_OUTPUT = re.compile("--output(?:=(.*))?|-[chv]*o(.*)")
"""`--output`, `--output=json`, `-o`, `-ojson`, and `-o` behind other short flags."""
