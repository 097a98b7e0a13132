"""`migstat artifacts`: the reports and error logs of a run, and fetching them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from msgspec.structs import replace

from migstat.api.partial import Partial, file_names
from migstat.cli.context import Options, Request, Runtime, Session, session
from migstat.cli.options import Header, Job, Task, asks_api
from migstat.cli.output import finish, outlet_of
from migstat.errors import (
    ApiError,
    BadAnswer,
    Incomplete,
    Interrupted,
    MigstatError,
    NotFound,
    OutputError,
    Refused,
    UsageError,
)
from migstat.model.reports import ArtifactsReport, Listed
from migstat.render.text import instant
from migstat.settings.resolve import Look, refuse_empty

if TYPE_CHECKING:
    from migstat.api.download import Moved

FORMATS = ("table", "plain", "json", "ndjson", "csv", "markdown")
GOES_ON = "What came of it stays; the same command goes on from there, where the server lets it."


class Failure(msgspec.Struct, frozen=True):
    """A file that could not be fetched, and why; `gone` is for good."""

    name: str
    error: MigstatError
    gone: bool


@asks_api(FORMATS)
def artifacts(
    runtime: Runtime,
    options: Options,
    job: Job = None,
    task: Task = None,
    download: Annotated[
        str | None,
        typer.Option(
            "--download",
            metavar="DIR",
            help="Fetch them into DIR, which is made where it is missing. A file gets its name once it is whole, and"
            " replaces one that had it; the same command goes on with what was interrupted.",
        ),
    ] = None,
    header: Header = False,
) -> int:
    """List or download a run's reports and error logs.

    Examples:

      migstat artifacts

      migstat artifacts latest-check --download reports

      migstat artifacts --download . --json | jq -r '.tasks[0].artifacts[].path'
    """
    outlet = outlet_of(runtime, options, FORMATS, header=header)
    folder = None if download is None else _folder(download)
    failures: list[Failure] = []
    with session(runtime, options, Request(job, task)) as asked:
        found = asked.api.task(asked.job_id, asked.task.task_id)
        now = asked.now()
        ends = (instant(artifact.expires_at) for artifact in found.artifacts)
        expired = (end is not None and end <= now for end in ends)
        report = ArtifactsReport(asked.job_id, now, found, tuple(map(Listed, found.artifacts, expired)))
        if folder is not None:
            report, failures = _download(asked, report, folder, _meters(runtime, options, outlet.look))
        code = finish(runtime, outlet, report)
    if failures:
        raise _summed_up(failures, len(report.artifacts))
    return code


def _folder(text: str) -> Path:
    """The folder of `--download`; one that could not be written to is refused before anything is asked."""
    path = Path(refuse_empty(text, "--download"))
    try:
        if "\0" in text or not text.encode():
            raise ValueError
        there = next(each for each in (path, *path.absolute().parents) if each.exists())
        if not there.is_dir():
            raise UsageError(f"--download: {str(there)!r} is no folder", "Name one, or one that can be made.")
        with tempfile.TemporaryFile(dir=there):
            return path
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name, or what is no UTF-8
        reason = (error.strerror if isinstance(error, OSError) else None) or "no name of a folder"
        raise UsageError(f"--download: {text!r} cannot be written to: {reason}") from error


def _download(
    asked: Session, report: ArtifactsReport, folder: Path, meter: Callable[[str], AbstractContextManager[Moved]]
) -> tuple[ArtifactsReport, list[Failure]]:
    """Fetch all that can be; the report with where they are now, and what went wrong."""
    names = file_names(listed.artifact.name for listed in report.artifacts)
    fetched: list[Listed] = []
    failures: list[Failure] = []
    for number, (listed, name) in enumerate(zip(report.artifacts, names, strict=True), 1):
        label = f"{number}/{len(names)} {name}" if len(names) > 1 else name
        with meter(label) as moved:
            error = _fetch(asked, report.task.task_id, listed, folder / name, moved)
        if error is None:
            fetched.append(replace(listed, path=str(folder / name)))
            continue
        fetched.append(listed)
        refused = isinstance(error, Refused | BadAnswer)  # which is what servers make of addresses that have expired
        failures.append(Failure(name, error, isinstance(error, NotFound) or (listed.expired and refused)))
    return replace(report, artifacts=tuple(fetched), downloaded=True), failures


def _fetch(asked: Session, task_id: str, listed: Listed, target: Path, moved: Moved) -> MigstatError | None:
    """Fetch one file; why it could not be, so that the others still are."""
    from migstat.api.download import identity_of

    location = listed.artifact.location
    try:
        with Partial(target, identity_of(asked.job_id, task_id, target.name, location)) as partial:
            asked.downloads.fetch(location, partial, moved)
    except (ApiError, OutputError) as error:
        return error
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; {target.name} is not whole", GOES_ON) from None
    return None


def _meters(runtime: Runtime, options: Options, look: Look) -> Callable[[str], AbstractContextManager[Moved]]:
    """What tells a person, by the name of a file, how far it is; nobody where standard error is no terminal."""
    streams = runtime.streams
    if options.verbose or look.dumb or not streams.err_is_terminal:
        return lambda _: nullcontext(lambda _done, _total: None)
    from migstat.cli.progress import Meter
    from migstat.render.theme import ASCII, UNICODE

    glyphs = UNICODE if streams.unicode and not look.plain_signs else ASCII
    return lambda label: Meter(streams, glyphs, runtime.clock, label)


def _summed_up(failures: Sequence[Failure], count: int) -> MigstatError:
    """One error for all that could not be fetched: how many, and what the first one was."""
    first = failures[0]
    many = f"{len(failures)} of {count} files" if count > 1 else "the file"
    message = f"{many} could not be downloaded; {first.name}: {first.error.message}"
    if all(failure.gone for failure in failures):
        return NotFound(message, first.error.hint)
    if all(isinstance(failure.error, OutputError) for failure in failures):
        return OutputError(message, first.error.hint)
    return Incomplete(message, first.error.hint)
