"""Options that commands share, and the decorator that gives them to a command."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from migstat.cli.context import Options, Runtime, profile_for
from migstat.errors import Interrupted, UsageError
from migstat.model.nodes import Outcome, Status
from migstat.model.reports import Filter
from migstat.settings.resolve import Flags, refuse_empty
from migstat.settings.resolve import Profile as InForce
from migstat.settings.target import TaskWord

CONNECTION = "Connection"
OUTPUT = "Output"
COLORS = ("auto", "always", "never")

Job = Annotated[
    str | None,
    typer.Argument(
        metavar="[JOB]",
        help="Id of the job, a target, or a URL of the API that holds it. (env: MIGSTAT_JOB)",
    ),
]
Task = Annotated[
    str | None,
    typer.Argument(
        metavar="[TASK]", help="Id of the task, latest, latest-check or latest-migrate. (env: MIGSTAT_TASK)"
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        "-p",
        metavar="NAME",
        help="A section of the config file. (env: MIGSTAT_PROFILE)",
        rich_help_panel=CONNECTION,
    ),
]
ExitStatus = Annotated[
    bool,
    typer.Option("--exit-status", help="Exit with 0 if it went well, 1 if something failed, 8 while it runs."),
]
Header = Annotated[
    bool, typer.Option("--header", help="Begin plain output with a line of names.", rich_help_panel=OUTPUT)
]
Export = Annotated[
    str | None,
    typer.Option(
        "--export",
        metavar="FILE",
        help="Write a picture, too: FILE.svg or FILE.html.",
        rich_help_panel=OUTPUT,
    ),
]
OutcomeFilter = Annotated[
    str | None, typer.Option("--outcome", metavar="LIST", help="Only these outcomes, such as failed,warning.")
]
StatusFilter = Annotated[
    str | None, typer.Option("--status", metavar="LIST", help="Only these statuses, such as in_progress.")
]


def _connection(flag: str, metavar: str, text: str) -> Any:
    return Annotated[str | None, typer.Option(flag, metavar=metavar, help=text, rich_help_panel=CONNECTION)]


_SHARED: dict[str, tuple[Any, Any]] = {
    "profile": (Profile, None),
    "base_url": (_connection("--base-url", "URL", "Where the API is. (env: MIGSTAT_BASE_URL)"), None),
    "email": (_connection("--email", "ADDR", "E-mail of the Atlassian account. (env: MIGSTAT_EMAIL)"), None),
    "token_file": (
        _connection(
            "--token-file",
            "FILE",
            "File with the API token; - reads standard input. (env: MIGSTAT_TOKEN_FILE, or the token in MIGSTAT_TOKEN)",
        ),
        None,
    ),
    "request_timeout": (
        _connection(
            "--request-timeout", "S", "One request, from start to last byte; 15 s. (env: MIGSTAT_REQUEST_TIMEOUT)"
        ),
        None,
    ),
    "rate_limit": (_connection("--rate-limit", "N", "Requests in any 60 s; 540. (env: MIGSTAT_RATE_LIMIT)"), None),
    "ca_bundle": (
        _connection("--ca-bundle", "FILE", "Further certificate authorities. (env: MIGSTAT_CA_BUNDLE)"),
        None,
    ),
    "output": (str | None, None),
    "json": (Annotated[bool, typer.Option("--json", help="Short for -o json.", rich_help_panel=OUTPUT)], False),
    "color": (
        Annotated[
            str,
            typer.Option(
                "--color",
                metavar="|".join(COLORS),
                help="Whether to use colours. (env: NO_COLOR, FORCE_COLOR)",
                rich_help_panel=OUTPUT,
            ),
        ],
        "auto",
    ),
    "verbose": (
        Annotated[
            bool,
            typer.Option("--verbose", "-v", help="Log each request on standard error.", rich_help_panel=OUTPUT),
        ],
        False,
    ),
}
"""Parameter name to annotation and default; `--output` gets its help from the command's formats."""

_OF_FORMATS = ("output", "json", "color")
"""Those of a command that has formats."""

Command = Callable[..., int]


def asks_api(formats: tuple[str, ...], *, new_profile: bool = False) -> Callable[[Command], Command]:
    """Give a command the shared options; it gets them as `options`, and the runtime as `runtime`.

    `formats` are named in the help of `--output`; a command without any tells people only. With `new_profile` it takes
    a profile that is not there yet.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own = [each for each in signature.parameters.values() if each.name not in ("runtime", "options")]
        names = [name for name in _SHARED if formats or name not in _OF_FORMATS]
        shared = [_parameter(name, formats) for name in names]
        context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)

        @wraps(command)
        def with_shared(*, ctx: typer.Context, **given: Any) -> int:
            runtime = runtime_of(ctx)
            job = None if _is_lone_task_word(given) else given.get("job")
            profile = profile_for(runtime, given.pop("profile"), job, may_be_new=new_profile)
            options = _options(profile, {name: given.pop(name, default) for name, (_, default) in _SHARED.items()})
            try:
                return command(runtime=runtime, options=options, **given)
            except KeyboardInterrupt:
                raise Interrupted("interrupted", "The migration itself goes on.") from None

        keyword_only = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
        with_shared.__signature__ = signature.replace(parameters=[context, *keyword_only, *shared])  # type: ignore[attr-defined]
        with_shared.__annotations__ = {each.name: each.annotation for each in (context, *keyword_only, *shared)}
        return with_shared

    return decorate


def filter_from(outcome: str | None, status: str | None) -> Filter:
    """The filter that `--outcome` and `--status` describe. Raises UsageError for what is but a slip of the pen."""
    return Filter(
        _words(outcome, "--outcome", [*Outcome], {}),
        _words(status, "--status", [*Status], {"RUNNING": Status.IN_PROGRESS}),
    )


def names_from(names: list[str] | None, source: str) -> tuple[str, ...]:
    """Names given by a repeatable option, each once; empty ones are refused."""
    for name in names or ():
        if not refuse_empty(name, source).isprintable():
            raise UsageError(f"{source}: {name!r} holds a character that does not print")
    return tuple(dict.fromkeys(names or ()))


def _words(text: str | None, source: str, known: list[Any], aliases: dict[str, Any]) -> frozenset[str]:
    if text is None:
        return frozenset()
    words = [word.strip().upper().replace("-", "_") for word in text.split(",")]
    spelt = [*map(str, known), *aliases]
    return frozenset(aliases.get(word, word) for word in (_word(word, source, spelt) for word in words))


def _word(word: str, source: str, known: list[str]) -> str:
    """A word that is known, or far enough from all that are to be the API's next invention."""
    from difflib import get_close_matches

    refuse_empty(word, source)
    if word not in known and (close := get_close_matches(word, known, 1)):
        raise UsageError(
            f"{source}: {word.lower()!r} is not known; is it {close[0].lower()}?",
            f"Known are {', '.join(known).lower()}.",
        )
    return word


def _is_lone_task_word(given: dict[str, Any]) -> bool:
    """Whether what stands in place of the job is the task."""
    return given.get("job") in frozenset(TaskWord) and given.get("task", "") is None


def _parameter(name: str, formats: tuple[str, ...]) -> inspect.Parameter:
    annotation, default = _SHARED[name]
    if name == "output":
        text = f"{', '.join(formats)}. (env: MIGSTAT_OUTPUT)"
        option = typer.Option("--output", "-o", metavar="FORMAT", help=text, rich_help_panel=OUTPUT)
        annotation = Annotated[annotation, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _options(profile: InForce, given: dict[str, Any]) -> Options:
    color = given.pop("color")
    if color not in COLORS:
        raise UsageError(f"--color: {color!r} is none of {', '.join(COLORS)}")
    output, json, verbose = given.pop("output"), given.pop("json"), given.pop("verbose")
    if output is not None:
        refuse_empty(output, "--output")
    del given["profile"]
    return Options(Flags(**given), profile, output, json, color, verbose)


def runtime_of(ctx: typer.Context) -> Runtime:
    """The runtime of this run."""
    runtime = ctx.obj
    assert isinstance(runtime, Runtime)  # noqa: S101  the command line hands it in
    return runtime
