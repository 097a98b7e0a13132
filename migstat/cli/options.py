"""Options that commands share, and the decorator that gives them to a command."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache, wraps
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer

from migstat.cli.context import Options, Runtime
from migstat.cli.output import JSON_FORMATS, refuse_same_file
from migstat.cli.streams import is_terminal, wants_color
from migstat.errors import MigstatError, UsageError, reason
from migstat.files.places import config_file
from migstat.model.nodes import State
from migstat.render.advice import Typed
from migstat.settings.keys import SETTING, SETTINGS, Setting
from migstat.settings.resolve import Profile, Sources, profile_from
from migstat.settings.target import TaskWord, job_and_task
from migstat.settings.values import closest_match, expanded, one_of, refuse_empty, without_login

PICTURES = ("svg", "html")
"""Kinds of files that `--export` writes for every command that has it."""

COLORS = ("auto", "always", "never")
SHARED = "Shared options"
"""The panel of options that are explained in one place, `migstat help environment`."""

PATHS = ("FILE", "DIR")
"""Metavars of options that take a path, in which `~` is expanded."""

REMOVED = {
    "--outcome": "Use --state LIST, such as --state failed,warning.",
    "--status": "Use --state LIST, such as --state running.",
    "--failed": "Use --state failed, which checks, projects and timeline have.",
    "--format": "Use -o FORMAT, such as -o json.",
    **dict.fromkeys(("--watch", "-w", "--follow", "-f"), "Use migstat watch."),
    "--every": "Use --interval T, such as --interval 30s.",
    "-V": "Use migstat --version.",
    **{
        f"--{name.replace('_', '-')}": f"Set {SETTING[name].variable}, or {name} in the profile."
        for name in ("request_timeout", "rate_limit", "ca_bundle")
    },
}
"""Options that have been removed, or that people expect, and what to use instead."""


def option(setting: Setting, values: str = "") -> Any:
    """A setting's option, with the values that it may have as its help, or the setting's own."""
    return typer.Option(
        *filter(None, (setting.option, setting.short)),
        metavar=setting.metavar,
        help=values or f"{setting.help}." + (f" (env: {setting.variable})" if setting.variable else ""),
        rich_help_panel=SHARED if setting.shared else None,
    )


ARGUMENTS = {
    "job": Annotated[
        str | None, typer.Argument(metavar="[JOB]", help="Job id, target name or API URL. (env: MIGSTAT_JOB)")
    ],
    "task": Annotated[
        str | None, typer.Argument(metavar="[TASK]", help="Task id, latest, latest-check or latest-migrate.")
    ],
}
ExitStatus = Annotated[bool, typer.Option("--exit-status", help="Exit with 1 if something failed, 8 if it still runs.")]
StateFilter = Annotated[
    str | None, typer.Option("--state", metavar="LIST", help="Only these states, such as failed,warning.")
]

_EXPORT = Annotated[
    list[str] | None, typer.Option("--export", metavar="FILE", help="Also write FILE (see help formatting).")
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


def shared_options(
    formats: tuple[str, ...],
    *,
    about: tuple[str, ...] = (),
    settings: Mapping[str, str] = {},
    exports: tuple[str, ...] = (),
    new_profile: bool = False,
    offline: bool = False,
) -> Callable[[Command], Command]:
    """Give a command the options that commands share, all of them as `options`, and the runtime as `runtime`.

    The command writes one of the `formats` (without any, it writes for people only) and exports files of the kinds of
    `exports`. `about` are the arguments for what it asks the API: "job", or "job" and "task". `settings` are settings
    that only this command has options for, with their help. With `new_profile` the profile need not exist yet. An
    `offline` command has the options of output only, and the config file is not read.
    """
    shared: dict[str, tuple[Any, Any]] = {name: (ARGUMENTS[name], None) for name in about}
    shared |= {name: (Annotated[str | None, option(SETTING[name], text)], None) for name, text in settings.items()}
    if exports:
        shared["export"] = (_EXPORT, None)
    if not offline:
        shared |= {each.name: (Annotated[str | None, option(each)], None) for each in SETTINGS if each.shared}
    if formats:
        output = Annotated[str | None, option(SETTING["output"], f"{', '.join(formats)}.")]
        shared |= {"output": (output, None), "json": (_JSON, False), "color": (_COLOR, "auto")}
    if not offline:
        shared["verbose"] = (_VERBOSE, False)

    def decorate(command: Command) -> Command:
        # Typer reads options from the signature, so the function gets one that has the shared options, too. They are
        # keyword-only, as one without a default may follow one that has one only there.
        signature = inspect.signature(command, eval_str=True)
        every = {"ctx": (typer.Context, inspect.Parameter.empty)} | {name: shared[name] for name in about}
        own = [param for param in signature.parameters.values() if param.name not in ("runtime", "options")]
        every |= {param.name: (param.annotation, param.default) for param in own} | shared
        parameters = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for name, (annotation, default) in every.items()
        ]

        @wraps(command)
        def with_shared(*, ctx: typer.Context, **words: Any) -> int:
            runtime: Runtime = ctx.obj
            for param in ctx.command.params:
                if param.name in words:
                    words[param.name] = _clean(param, words[param.name])
            given = {name: words.pop(name) for name in shared}
            one_of(given.get("color", "auto"), "--color", COLORS)
            options = options_from(runtime, given, formats=formats, exports=exports, new_profile=new_profile)
            return command(runtime=runtime, options=options, **words)

        with_shared.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        with_shared.__annotations__ = {param.name: param.annotation for param in parameters}
        return with_shared

    return decorate


def options_from(
    runtime: Runtime,
    given: Mapping[str, Any],
    *,
    formats: tuple[str, ...],
    exports: tuple[str, ...],
    new_profile: bool,
) -> Options:
    """The options of a command, from those given, the environment and the profile. Raises UsageError."""
    environ, streams = runtime.environ, runtime.streams
    if given.get("json") and given["output"] not in (None, "json"):
        raise UsageError(f"--json cannot be combined with --output {given['output']}", "Omit one of them.")
    flags = {name: given[name] for name in given if name in SETTING and SETTING[name].option}
    if given.get("json"):
        flags["output"] = "json"
    job, task = job_and_task(given.get("job"), given["task"]) if "task" in given else (given.get("job"), None)
    account = {SETTING[name].option: flags[name] for name in flags if SETTING[name].shared and flags[name] is not None}
    if runtime.demo and account:
        raise UsageError("a demo has its own account", f"Omit {', '.join(account)}.")
    profile = Profile()
    if "profile" in given:
        profile = profile_from(given["profile"], job, environ, may_be_new=new_profile)
        for warning in profile.config.warnings:
            streams.warn(warning)
    # Several targets may need the token of `--token-file -`, which can be read only once.
    sources = Sources(flags, environ, profile, stdin=cache(streams.token_input), keychain=runtime.keychain)

    setting = SETTING["output"]
    format_, source = sources.get("output") or ("", "")
    if formats and format_ not in formats:
        if source in (setting.option, setting.variable):
            message = f"{source}: format {format_!r} is not available for this command"
            raise UsageError(message, f"Choose from {', '.join(formats)}.")
        if format_:  # a profile's format is a preference for all commands, so one that this command lacks is ignored
            setting.parse(format_, source)
        format_ = "table" if is_terminal(streams.out) else "plain"
    columns = environ.get("COLUMNS", "")
    locale = next((value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := environ.get(name))), "")
    terminal = environ.get("TERM")
    repeated = (f"{option} {shlex.quote(value)}" for option, value in account.items() if value != "-")
    return Options(
        sources=sources,
        typed=Typed(None if job is None else without_login(job), task, tuple(repeated)),
        format=format_,
        format_given=flags.get("output") is not None,
        color=wants_color(given.get("color", "auto"), environ, is_terminal=is_terminal(streams.out)),
        columns=int(columns) or None if re.fullmatch("[0-9]{1,4}", columns) else None,
        # Python writes UTF-8 even in the C locale, and the Linux console has few glyphs.
        ascii_only=locale in ("C", "POSIX") or terminal == "linux" or not streams.unicode,
        dumb=terminal == "dumb",
        verbose=given.get("verbose", False),
        exports=_exported(given.get("export") or (), exports, formats, sources),
    )


def _exported(
    named: Sequence[str], kinds: tuple[str, ...], formats: tuple[str, ...], sources: Sources
) -> tuple[Path, ...]:
    """The files of `--export`, none of which is one that a setting names. Raises UsageError."""
    files = tuple(_export(file, kinds, formats) for file in named)
    for setting in SETTINGS if files else ():
        if setting.is_file and (chosen := sources.get(setting.name)):
            refuse_same_file((chosen[1], Path(chosen[0])), *(("--export", file) for file in files))
    return files


def _export(export: str, kinds: tuple[str, ...], formats: tuple[str, ...]) -> Path:
    path = Path(export)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in kinds:
        hint = f"Choose from FILE.{', FILE.'.join(kinds)}."
        format_ = "markdown" if kind == "md" else kind
        if format_ in formats:
            hint = f"Use -o {format_} > {shlex.quote(export)}; --export writes FILE.{', FILE.'.join(kinds)}."
        raise UsageError(f"--export: unsupported file type: {export!r}", hint)
    try:
        if path.is_dir():
            raise UsageError(f"--export: {export!r} is a folder", "Name a file in it.")
        # Only trying tells: permissions, a full disk and a read-only mount each look different beforehand.
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        hint = "Name a file in a folder that exists and that you can write to."
        raise UsageError(f"--export: cannot write {export!r}: {reason(error)}", hint) from error
    return path


def wants_json(words: Sequence[str], runtime: Runtime) -> bool:
    """True if errors must be JSON: if the words, the environment or the profile in effect ask for such a format.

    The words may be invalid, so they are scanned instead of parsed; an invalid config file is ignored. So is one that
    is a pipe: it was read, and reading it again might never end.
    """
    flags: dict[str, str | None] = dict.fromkeys(_SCANNED)
    # The last one counts, as for Typer, and nothing behind `--` is an option.
    for word, following in pairwise([*words, ""]):
        if word == "--":
            break
        if word in ("--json", "--raw"):
            return True
        for name, pattern in _SCANNED.items():
            if match := pattern.fullmatch(word):
                flags[name] = match[1] or match[2] or following
    job = next((word for word in words[1:] if not word.startswith("-") and word not in frozenset(TaskWord)), None)
    profile = Profile()
    with suppress(MigstatError):
        if os.path.isfile(config_file(runtime.environ)[0]):  # noqa: PTH113  pathlib refuses some names with other errors
            profile = profile_from(flags["profile"], job, runtime.environ)
    # An empty option is the error itself.
    chosen = Sources({"output": (flags["output"] or "").strip() or None}, runtime.environ, profile).get("output")
    return chosen is not None and chosen[0] in JSON_FORMATS


_SCANNED = {
    "output": re.compile("--output(?:=(.*))?|-[hv]*o(.*)"),
    "profile": re.compile("--profile(?:=(.*))?|-[hv]*p(.*)"),
}
"""`--output`, `--output=json`, `-o`, `-ojson`, and `-o` behind other short flags."""


def states_from(text: str | None) -> frozenset[State]:
    """The states that `--state` lists; none means all. Raises UsageError for an unknown one."""
    words = [] if text is None else [word.strip().lower() for word in text.split(",")]
    for word in words:
        if word not in frozenset(State):
            close = closest_match(word, State)
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
