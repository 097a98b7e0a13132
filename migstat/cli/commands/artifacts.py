"""`migstat artifacts`: the reports and error logs of a run, and downloading them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from migstat.cli.context import Options, Runtime, Session, open_session
from migstat.cli.download_progress import shown_progress
from migstat.cli.options import shared_options
from migstat.cli.output import JSON_FORMATS, finish
from migstat.errors import ApiError, BadAnswer, Incomplete, MigstatError, NotFound, OutputError, Refused, UsageError
from migstat.files.incoming import file_names, incoming
from migstat.model.nodes import instant
from migstat.model.reports import ArtifactsReport, Listed

FORMATS = ("table", "plain", "json", "ndjson", "csv", "markdown")
NONE_HERE = "Only newer migration assistants produce them, never for Confluence, and not for a run that was refused."


@shared_options(FORMATS, about=("job", "task"))
def artifacts(
    runtime: Runtime,
    options: Options,
    download: Annotated[
        str | None,
        typer.Option(
            "--download",
            metavar="DIR",
            help="Download them into DIR, replacing files of the same names. Files appear only once complete.",
        ),
    ] = None,
) -> int:
    """List or download a run's reports and error logs.

    Examples:

      migstat artifacts

      migstat artifacts latest-check --download reports

      migstat artifacts --download . --json | jq -r '.tasks[0].artifacts[].path'
    """
    folder = None if download is None else _folder(download)
    failures: dict[str, MigstatError] = {}
    with open_session(runtime, options) as session:
        # The session took an id as it is, without a request, so only this answer names the files.
        found = session.api.task(session.job_id, session.task.task_id)
        now = session.now()
        ends = (instant(artifact.expires_at) for artifact in found.artifacts)
        expired = (end is not None and end <= now for end in ends)
        report = ArtifactsReport(session.job_id, now, found, tuple(map(Listed, found.artifacts, expired)))
        if folder is not None:
            report, failures = _download(runtime, options, session, report, folder)
        code = finish(runtime, options, report)
        if not report.artifacts and options.format not in JSON_FORMATS:
            runtime.streams.tell(NONE_HERE)
    if failures:
        raise _summary(failures, len(report.artifacts))
    return code


def _folder(text: str) -> Path:
    """The folder of `--download`. Raises UsageError for one that cannot be written to, before any request."""
    path = Path(text)
    try:
        if "\0" in text or not text.encode():
            raise ValueError
        there = next(place for place in (path, *path.absolute().parents) if place.exists())
        if not there.is_dir():
            raise UsageError(
                f"--download: {str(there)!r} is not a folder", "Choose a folder; it is created if missing."
            )
        with tempfile.TemporaryFile(dir=there):
            return path
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name, or bytes that are not UTF-8
        reason = (error.strerror if isinstance(error, OSError) else None) or "not a valid name"
        hint = "Choose a folder that you can write to, such as reports."
        raise UsageError(f"--download: {text!r} is not writable: {reason}", hint) from error


def _download(
    runtime: Runtime, options: Options, session: Session, report: ArtifactsReport, folder: Path
) -> tuple[ArtifactsReport, dict[str, MigstatError]]:
    """Download everything possible; return the report with paths, and the errors of the others."""
    names = file_names(listed.artifact.name for listed in report.artifacts)
    fetched: list[Listed] = []
    failures: dict[str, MigstatError] = {}
    for number, (listed, name) in enumerate(zip(report.artifacts, names, strict=True), 1):
        label = f"{number}/{len(names)} {name}" if len(names) > 1 else name
        try:
            with incoming(folder / name) as file, shown_progress(runtime, options, label) as moved:
                expected = name.lower().endswith(".json")
                session.api.download(listed.artifact.location, file, moved, json_expected=expected)
        except (ApiError, OutputError) as error:
            # Storage answers 400 or 403 to a signed link that has expired, which no second attempt will change.
            gone = listed.expired and isinstance(error, Refused | BadAnswer)
            failures[name] = NotFound(error.message, error.hint) if gone else error
            fetched.append(listed)
        else:
            fetched.append(replace(listed, path=str(folder / name)))
    return replace(report, artifacts=tuple(fetched), downloaded=True), failures


def _summary(failures: Mapping[str, MigstatError], count: int) -> MigstatError:
    """One error for all failed downloads: how many, and why the first one; NotFound if all are gone."""
    name, first = next(iter(failures.items()))
    many = f"{len(failures)} of {count} files" if count > 1 else "the file"
    message = f"{many} could not be downloaded; {name}: {first.message}"
    kinds: tuple[type[MigstatError], ...] = (NotFound, OutputError)
    same = (kind for kind in kinds if all(isinstance(error, kind) for error in failures.values()))
    return next(same, Incomplete)(message, first.hint)
