"""The table of commands, and the only place that turns errors into messages and exit codes."""

from __future__ import annotations

import errno
import importlib
import signal
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperOption

from migstat import __version__
from migstat.cli.context import Runtime
from migstat.cli.help_page import MigstatCommand, MigstatGroup, Row
from migstat.cli.options import REMOVED, wants_json
from migstat.cli.output import tell_error
from migstat.cli.streams import ClosedPipe
from migstat.errors import Interrupted, MigstatError, OutputError, UsageError
from migstat.model.exit_codes import Exit, exit_of_error

PROGRAM = "migstat"


GROUPS = {
    "Status": {
        "status": "Show where a task stands and what is wrong.",
        "checks": "Show the pre-flight checks, problems first.",
        "projects": "Show the projects or spaces, problems first.",
        "watch": "Follow a task until it ends, through any outage.",
        "timeline": "Show what a recorded night looked like.",
    },
    "Jobs and runs": {
        "targets": "Show all targets of the config file, one line each.",
        "tasks": "List the runs of a job, newest first.",
        "job": "Show what a job moves, from where and to where.",
        "artifacts": "List or download a run's reports and error logs.",
    },
    "Set up": {
        "auth": "Store the API token, check it or remove it.",
        "config": "List and change the settings in the config file.",
        "completion": "Print the completion script for a shell.",
    },
    "Try": {
        "demo": "Run a command against a simulated migration.",
        "simulate": "Serve a simulated migration until Ctrl-C.",
    },
    "Reference": {
        "schema": "Print the JSON Schema of a document or event.",
        "help": "Explain a command or a topic.",
    },
}
"""The commands in groups, and the first line of each one's own help."""

COMMANDS = {name: summary for group in GROUPS.values() for name, summary in group.items()}

GUESSES = {"login": "auth login", "version": "--version", "report": "timeline FILE", "spaces": "projects"}
"""Commands that people expect, and what they mean."""

ABOUT = "Show the status of a migration to Atlassian Cloud. To try it: migstat demo"
EPILOG = "See also: migstat help COMMAND, exit-codes, environment, formatting, notify, ci"


def run(words: Sequence[str], runtime: Runtime) -> int:
    """Run one command line and return its exit code. Raises nothing, whatever the input."""
    streams = runtime.streams
    try:
        if words and words[0] == "--version":
            streams.print(f"{PROGRAM} {__version__}\n")
            return Exit.OK
        # Outside of standalone mode Typer neither prints errors nor exits, and returns what the command returned.
        result: object = Root().main(list(words or ["--help"]), PROGRAM, standalone_mode=False, obj=runtime)
        return result if isinstance(result, int) else Exit.OK
    except (ClosedPipe, SystemExit):  # Typer makes the latter of EPIPE, even outside of standalone mode
        streams.abandon()
        return Exit.OK
    except typer.TyperException as wrong:
        error: MigstatError = _wrong_usage(wrong, words)
    except MigstatError as raised:
        error = raised
    except Exception as defect:  # noqa: BLE001  a tired person gets one line, whatever happened
        error = _unexpected(defect)
    tell_error(streams, error, json=wants_json(words, runtime))
    return exit_of_error(error)


class Root(MigstatGroup):
    """All commands, each loaded when it is used."""

    def __init__(self) -> None:
        # Here for completion only: `run` prints the version.
        version = TyperOption(param_decls=["--version"], is_flag=True, expose_value=False, help="Show the version.")
        super().__init__(
            name=PROGRAM,
            # TyperGroup suggests a command for a mistyped one by these names; get_command makes the commands.
            commands=dict.fromkeys(COMMANDS),  # type: ignore[arg-type]
            params=[version],
            help=ABOUT,
            epilog=EPILOG,
            context_settings={"help_option_names": ["-h", "--help"]},
        )

    def rows(self) -> list[Row]:
        """The commands below the headings of their groups."""
        shown: dict[str, str] = {next(iter(commands)): group for group, commands in GROUPS.items()}
        return [(shown.get(name, ""), name, summary) for name, summary in COMMANDS.items()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Load a command, which from now on a signal ends with EndedBySignal; None for an unknown name."""
        command = loaded(cmd_name) if cmd_name in COMMANDS else None
        # Until here, while modules load, __main__ ends the process at once: in the middle of an import, an exception
        # would be a traceback, or be swallowed by the library.
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGINT", "SIGTERM", "SIGHUP"):
                number = getattr(signal, name, None)  # Windows has no SIGHUP
                if number is not None and callable(signal.getsignal(number)):  # not where it is ignored, as by nohup
                    signal.signal(number, _interrupt)
        return command

    def invoke(self, ctx: Any) -> Any:
        """Run a command. A signal that ends it raises Interrupted, so that no temporary file is left behind."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            command = loaded(ctx.invoked_subcommand) if ctx.invoked_subcommand else None
            about_a_job = command is not None and any(param.name == "job" for param in command.params)
            hint = "The migration itself continues." if about_a_job else ""
            raise Interrupted("interrupted", hint, signal=interrupt.args[0] if interrupt.args else 2) from None


class EndedBySignal(KeyboardInterrupt):
    """A signal asks the command to end; its number is the argument.

    Not KeyboardInterrupt itself: while a library loads that may pass through an `exec`, and `python -m` then ends by
    SIGINT, whatever the exit code.
    """


def _interrupt(number: int, _frame: object) -> None:
    raise EndedBySignal(number)


@cache  # Typer takes milliseconds to compile one, and a demo or a test runs several command lines in one process
def loaded(name: str) -> Any:
    """Load a command from the module of its name, and compile it."""
    module = importlib.import_module(f"migstat.cli.commands.{name}")
    command = getattr(module, "help_" if name == "help" else name)
    if isinstance(command, typer.Typer):
        return typer.main.get_group(command)
    app = typer.Typer(add_completion=False)
    # Options after demo's own command belong to that command.
    app.command(name, cls=MigstatCommand, context_settings={"allow_interspersed_args": name != "demo"})(command)
    return typer.main.get_command(app)


def _wrong_usage(wrong: typer.TyperException, words: Sequence[str]) -> UsageError:
    """Translate what Typer refused, with a hint at what to type instead."""
    message, name = wrong.format_message().rstrip(), getattr(wrong, "option_name", "")
    # For an option before the command, Typer's error does not know which command it was meant for.
    command = next((word for word in words if word in COMMANDS), None)
    if name in REMOVED:
        return UsageError(message.partition(" (Possible options:")[0], REMOVED[name])
    if meant := next((GUESSES[word] for word in GUESSES if f"No such command {word!r}" in message), None):
        return UsageError(message, f"Did you mean '{PROGRAM} {meant}'?")
    if command and name and words[0].startswith("-"):
        # Typer suggests one of the few options that go before a command, never the one that was meant.
        message = message.partition(" (Possible options:")[0]
        return UsageError(message, f"Options go after the command: {PROGRAM} {command} {name} ...")
    path = getattr(getattr(wrong, "ctx", None), "command_path", "") or f"{PROGRAM} {command or ''}".rstrip()
    return UsageError(message, f"See '{path} --help'.")


def _unexpected(error: Exception) -> MigstatError:
    """Translate a failed write to a stream, or an internal error."""
    # Rich and Typer write to the streams, too, and do not translate what goes wrong.
    # Such as a full disk, a vanished terminal or a closed descriptor.
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EIO, errno.EBADF):
        return OutputError(f"cannot write to standard output: {error.strerror}")
    import traceback

    # Not the error's own words: they may hold the token, or text of the server.
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    return MigstatError(
        f"internal error: {type(error).__name__} at {where}",
        "Please report it with the command you ran.",
    )
