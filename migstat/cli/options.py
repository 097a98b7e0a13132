"""Options that commands share, and the decorator that gives them to a command."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from migstat.cli.context import Options, Runtime, profile_for
from migstat.errors import UsageError
from migstat.model.nodes import State
from migstat.settings.keys import SETTING, SETTINGS, Setting
from migstat.settings.resolve import Profile as ProfileInForce
from migstat.settings.target import TaskWord
from migstat.settings.values import expanded, likely, one_of, refuse_empty

COLORS = ("auto", "always", "never")
SHARED = "Shared options"
"""The panel of options that are explained in one place, `migstat help environment`."""

PATHS = ("FILE", "DIR")
"""Metavars of options that take a path, in which `~` is expanded."""

REMOVED = {
    "--outcome": "Use --state LIST, such as --state failed,warning.",
    "--status": "Use --state LIST, such as --state running.",
    **{
        f"--{name.replace('_', '-')}": f"Set {SETTING[name].variable}, or {name} in the profile."
        for name in ("request_timeout", "rate_limit", "ca_bundle")
    },
}
"""Options that have been removed, and what to use instead."""


def option(setting: Setting, values: str = "") -> Any:
    """The annotation of a setting's option, with the values that it may have as its help, or the setting's own."""
    text = values or f"{setting.help}." + (f" (env: {setting.variable})" if setting.variable else "")
    return Annotated[
        str | None,
        typer.Option(
            *setting.options,
            metavar=setting.metavar,
            help=text,
            rich_help_panel=SHARED if setting.shared else None,
        ),
    ]


Job = Annotated[str | None, typer.Argument(metavar="[JOB]", help="Job id, target name or API URL. (env: MIGSTAT_JOB)")]
Task = Annotated[
    str | None,
    typer.Argument(metavar="[TASK]", help="Task id, latest, latest-check or latest-migrate."),
]
Profile = option(SETTING["profile"])
ExitStatus = Annotated[bool, typer.Option("--exit-status", help="Exit with 1 if something failed, 8 if it still runs.")]
AcceptedFile = option(SETTING["accepted"], "Accepted checks, which do not count (see help ci).")
AcceptedUntilChecks = option(SETTING["accepted"], "With --until checks: those accepted (see help ci).")
Exports = Annotated[
    list[str] | None,
    typer.Option("--export", metavar="FILE", help="Also write FILE (see help formatting)."),
]
StateFilter = Annotated[
    str | None, typer.Option("--state", metavar="LIST", help="Only these states, such as failed,warning.")
]

_JSON = Annotated[bool, typer.Option("--json", help="Short for -o json.", rich_help_panel=SHARED)]
_COLOR = Annotated[
    str,
    typer.Option(
        "--color", metavar="|".join(COLORS), help="Use colors. (env: NO_COLOR, FORCE_COLOR)", rich_help_panel=SHARED
    ),
]
_VERBOSE = Annotated[
    bool, typer.Option("--verbose", "-v", help="Log each request to standard error.", rich_help_panel=SHARED)
]

Command = Callable[..., int]


def asks_api(
    formats: tuple[str, ...], *, new_profile: bool = False, offline: bool = False
) -> Callable[[Command], Command]:
    """Give a command the shared options; it gets them as `options`, and the runtime as `runtime`.

    The help of `--output` lists `formats`; a command without any writes for people only. With `new_profile` it takes a
    profile that does not exist yet. An `offline` command has the options of output only, and the config file is
    not read.
    """
    shared: dict[str, tuple[Any, Any]] = {
        setting.name: (option(setting), None) for setting in SETTINGS if setting.shared and not offline
    }
    flags = tuple(shared)
    if formats:
        output = option(SETTING["output"], f"{', '.join(formats)}.")
        shared |= {"output": (output, None), "json": (_JSON, False), "color": (_COLOR, "auto")}
    if not offline:
        shared["verbose"] = (_VERBOSE, False)

    def decorate(command: Command) -> Command:
        # Typer reads options from the signature, so the function gets one that has the shared options, too. They are
        # keyword-only, as one without a default may follow one that has one only there.
        signature = inspect.signature(command, eval_str=True)
        own = [param for param in signature.parameters.values() if param.name not in ("runtime", "options")]
        parameters = [inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
        parameters += [param.replace(kind=inspect.Parameter.KEYWORD_ONLY) for param in own]
        parameters += [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for name, (annotation, default) in shared.items()
        ]

        @wraps(command)
        def with_shared(*, ctx: typer.Context, **words: Any) -> int:
            runtime: Runtime = ctx.obj
            for param in ctx.command.params:
                if param.name in words:
                    words[param.name] = _clean(param, words[param.name])
            common = {name: words.pop(name) for name in shared}
            one_of(common.get("color", "auto"), "--color", COLORS)
            settings = {name: common.pop(name) for name in flags}
            account = tuple(
                f"{SETTING[name].options[0]} {shlex.quote(value)}"
                for name, value in settings.items()
                if value not in (None, "-")
            )
            profile = ProfileInForce()
            if not offline:
                job = words.get("job")
                if job in frozenset(TaskWord) and words.get("task", "") is None:
                    job = None  # a lone task word; MIGSTAT_JOB may name the target, and so the profile
                profile = profile_for(runtime, settings.pop("profile"), job, may_be_new=new_profile)
            options = Options(flags=settings, account=account, profile=profile, **common)
            return command(runtime=runtime, options=options, **words)

        with_shared.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        with_shared.__annotations__ = {param.name: param.annotation for param in parameters}
        return with_shared

    return decorate


def states_from(text: str | None) -> frozenset[State]:
    """The states that `--state` lists; none means all. Raises UsageError for an unknown one."""
    words = [] if text is None else [word.strip().lower() for word in text.split(",")]
    for word in words:
        if word not in frozenset(State):
            close = likely(word, State)
            hint = f"Did you mean {close}? " if close else ""
            raise UsageError(f"--state: unknown state {word!r}", f"{hint}Choose from {', '.join(State)}.")
    return frozenset(map(State, words))


def names_from(names: list[str] | None, source: str) -> tuple[str, ...]:
    """The names of a repeatable option without duplicates. Raises UsageError for one that does not print."""
    for name in names or ():
        if not name.isprintable():
            raise UsageError(f"{source}: {name!r} contains an unprintable character")
    return tuple(dict.fromkeys(names or ()))


def _clean(parameter: Any, value: Any) -> Any:
    """Expand `~` in a path, and refuse an empty value, which is most likely an unset shell variable."""
    if isinstance(value, list):
        return [_clean(parameter, item) for item in value]
    if not isinstance(value, str):
        return value
    is_option = parameter.param_type_name == "option"
    refuse_empty(value, max(parameter.opts, key=len) if is_option else parameter.metavar.strip("[]"))
    return expanded(value) if parameter.metavar in PATHS else value
