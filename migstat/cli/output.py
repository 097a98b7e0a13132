"""Shows a report in the requested format, and errors to people or to scripts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from migstat.cli.context import Options, Runtime
from migstat.cli.streams import ClosedPipe, Streams, is_terminal
from migstat.errors import Incomplete, MigstatError, NotFound, OutputError, TaskFailed, UsageError, reason
from migstat.files.whole import write_whole
from migstat.model.exit_codes import exit_of
from migstat.model.nodes import State
from migstat.model.reports import (
    ArtifactsReport,
    ChecksReport,
    JobReport,
    ListReport,
    ProjectsReport,
    Report,
    StatusReport,
    TargetsReport,
    TasksReport,
)
from migstat.model.verdict import Verdict
from migstat.render.advice import NextStep, next_line, step_after_report
from migstat.render.text import harmless, one_field

MAX_PICTURE_ROWS = 500
"""Rows of an exported picture that is not folded."""

PICTURE_WIDTH = 100
"""Cells of an exported picture."""

JSON_FORMATS = ("json", "ndjson")

UNFOLDED = (TasksReport, TargetsReport, JobReport, ArtifactsReport)
"""Reports whose tables fold nothing."""


def finish(runtime: Runtime, options: Options, report: Report, verdict: Verdict | None = None) -> int:
    """Compute the code, then show the report, draw its pictures, and say what could not be read.

    With `verdict` None nothing is judged. Raises OutputError if something could not be written.
    """
    streams, json = runtime.streams, options.format in JSON_FORMATS
    unread = _unread(report)
    code = _code(report, verdict, unread)  # before anything is shown: a closed pipe must not change it
    for path in options.exports:  # a usage error, so before anything is printed
        _refuse_endless(report, path)
    step = step_after_report(report) if is_terminal(streams.out) and is_terminal(streams.err) else None
    program = runtime.demo.program if runtime.demo else "migstat"
    suggestion = next_line(step, options.typed, program) if step else ""
    note = "" if json else _note(report, options, program, suggests=step is not None)
    # What to warn of: entries of a file of accepted checks, and the earlier run of a comparison.
    doubts: tuple[str, ...] = ()
    if isinstance(report, ChecksReport):
        doubts = (*report.doubts, *(report.comparison.earlier.notes if report.comparison else ()))
    # Known in advance, as they take lines of the window that the report folds to fit.
    around = (note, *map(streams.warning, doubts), suggestion, runtime.demo.label if runtime.demo else "")
    width = streams.size()[0]
    below = (-(-len(line) // width) for text in around if text for line in streams.wrapped(text).split("\n"))
    try:
        _present(streams, options, report, below=1 + sum(below))  # and the prompt
    except ClosedPipe:
        streams.abandon()
    for path in options.exports:
        _write_export(report, path)
    if unread:
        tell_error(streams, unread, json=json)
    if note:
        streams.tell(note)
    for doubt in doubts:
        streams.warn(doubt)
    listed = report if isinstance(report, ChecksReport | ProjectsReport) else None
    # Records have no place for what is wrong with the task itself, such as why it could not start.
    if listed and options.format in ("plain", "csv", "ndjson") and (reason := _reason_beside_rows(listed)):
        # checks may have failed in a task that goes on
        what = "the task" if listed.snapshot.node.ended or isinstance(listed, ProjectsReport) else "the checks"
        tell_error(streams, TaskFailed(f"{what} failed: {reason}"), json=json)
    if suggestion:
        streams.tell(suggestion)
    return code


def _note(report: Report, options: Options, program: str, *, suggests: bool) -> str:
    """What does not count. An older run that goes on comes with a command, unless the next step `suggests` one."""
    snapshot = report.snapshot if isinstance(report, StatusReport | ListReport) else None
    if snapshot is None or not snapshot.notes:
        return ""
    note = f"migstat: {harmless('; '.join(snapshot.notes))}"
    if snapshot.older and not suggests:  # which the last note is about
        step = NextStep("status", run=(snapshot.job_id, snapshot.older))
        note += f": {next_line(step, options.typed, program).removeprefix('Next: ')}"
    return note


def _code(report: Report, verdict: Verdict | None, unread: Incomplete | None) -> int:
    # A task is judged alike however much of it is shown, and that may be more than its verdict needs.
    if isinstance(report, ChecksReport) or (verdict is not None and isinstance(report, StatusReport)):
        return exit_of(verdict, readable=report.readable)
    return exit_of(verdict, readable=unread is None)


def finish_raw(runtime: Runtime, value: object, report: StatusReport | None, flaws: tuple[str, ...]) -> int:
    """Print a JSON value that is not a published document; return the exit code, of the `report` if it is judged."""
    try:
        _print_value(runtime.streams, value)
    except ClosedPipe:
        runtime.streams.abandon()
    if flaws:
        tell_error(runtime.streams, incomplete(flaws), json=True)
    return exit_of(report.snapshot.verdict, readable=report.readable) if report else exit_of(None, readable=not flaws)


def _unread(report: Report) -> Incomplete | None:
    """The error that names what could not be read, if anything."""
    hint = ""
    match report:
        case TargetsReport():
            failed = [(row.target, row.error) for row in report.targets if row.error]
            # The first one is named: an API that cannot be reached before a job that is not there.
            errors = dict(sorted(failed, key=lambda each: isinstance(each[1], NotFound)))
            flaws = tuple(f"{target}: {error.message}" for target, error in errors.items())
            # A target may need more than another attempt, such as a login.
            hint = next((error.hint for error in errors.values()), "")
        case TasksReport():
            flaws = report.flaws
        case StatusReport() | ListReport():
            flaws = report.snapshot.flaws
        case _:
            flaws = ()
    return incomplete(flaws, hint) if flaws else None


def _reason_beside_rows(report: ChecksReport | ProjectsReport) -> str | None:
    """Why the task failed, if no row shows it: its own message, else the phase that failed or was never reported."""
    told = report.snapshot.reasons
    # what could not be read has no level, and is told already
    reasons = [each for each in told if each.state is State.FAILED or (each.state is State.MISSING and each.level)]
    rows = report.checks if isinstance(report, ChecksReport) else report.projects
    if own := next((reason for reason in reasons if not reason.level and reason.state is State.FAILED), None):
        return own.text
    shown = any(row.state in (State.FAILED, State.MISSING) for row in rows)
    if shown or report.judged is not Verdict.FAILED or not reasons:
        return None
    return f"{','.join(reasons[0].level)}: {reasons[0].text}"


def incomplete(flaws: tuple[str, ...], hint: str = "") -> Incomplete:
    """The error that names what could not be read."""
    more = f" and {len(flaws) - 1} more" if len(flaws) > 1 else ""
    hint = hint or "What was read is shown; try again for the rest."
    return Incomplete(f"could not be read: {flaws[0][:500]}{more}", hint)


def print_rows(streams: Streams, rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows of text: in columns on a terminal, tab separated into a pipe.

    Of three columns the last stands below the others where the window is too narrow for a row.
    """
    if not is_terminal(streams.out):
        streams.print_lines("\t".join(map(one_field, row)) for row in rows)
        return
    from rich.cells import cell_len  # names may be Chinese, whose characters take two cells

    shown = [[harmless(text) for text in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*shown, strict=True)]
    lines = list[str]()
    for row in shown:
        padded = [text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)]
        line = "  ".join(padded).rstrip()
        if len(row) > 2 and cell_len(line) > streams.size()[0]:
            line = f"{'  '.join(padded[:-1]).rstrip()}\n  {row[-1]}"
        lines.append(line)
    streams.print_lines(lines)


def tell_error(streams: Streams, error: MigstatError, *, json: bool) -> None:
    """One or two lines for a person, one JSON line for a script."""
    if json:
        from migstat.render.json import encoded, error_document

        streams.tell(encoded(error_document(error), ascii_only=True))
        return
    streams.tell(f"migstat: {harmless(error.message)}")
    if error.hint:
        streams.tell(f"  {harmless(error.hint)}")


def _present(streams: Streams, options: Options, report: Report, *, below: int) -> None:
    """Write the report to standard output; on a terminal `below` more lines will follow.

    Each format is loaded only when it is used: Rich alone takes 40 ms.
    """
    match options.format:
        case "json" if is_terminal(streams.out):
            from migstat.render.json import document

            _print_value(streams, document(report))
        case "json":  # in pieces, or a document of 100,000 projects would be in memory twice
            from migstat.render.json import chunks

            for piece in chunks(report, ascii_only=not streams.unicode):
                streams.print(piece)
        case "ndjson":
            from migstat.render.json import encoded, lines

            ascii_only = not streams.unicode  # asked once, for there may be 100,000 lines
            streams.print_lines(encoded(line, ascii_only=ascii_only) for line in lines(report))
        case "plain":
            from migstat.render.plain import plain_lines

            streams.print_lines(plain_lines(report))
        case "csv":
            from migstat.render.csv import csv_text

            streams.print(csv_text(report))
        case "markdown":
            from migstat.render.markdown import markdown_lines

            streams.print_lines(markdown_lines(report))
        case drawing:
            from migstat.render.drawing import LOWER, Canvas, drawn, fitted
            from migstat.render.table import view
            from migstat.render.theme import ASCII, UNICODE

            width, height = streams.size(options.columns)
            canvas = Canvas(width, ASCII if options.ascii_only else UNICODE, height or 24, ids=options.verbose)
            if drawing == "tree" and isinstance(report, StatusReport):
                from migstat.render.tree import tree_view

                text = drawn(tree_view(report, canvas), canvas, color=options.color)
            elif height:
                lowest = LOWER if isinstance(report, UNFOLDED) or not report.folds else 0
                text = fitted(partial(view, report), canvas, color=options.color, below=below, lowest=lowest)
            else:
                text = drawn(view(report, canvas), canvas, color=options.color)
            streams.print(text)


def _print_value(streams: Streams, value: object) -> None:
    """Write a JSON value: on one line into a pipe, indented on a terminal."""
    from migstat.render.json import encoded

    indent = 2 if is_terminal(streams.out) else 0
    streams.print(encoded(value, indent=indent, ascii_only=not streams.unicode) + "\n")


def refuse_same_file(*named: tuple[str, Path | None]) -> None:
    """Raise UsageError if two options name the same file, as one would overwrite what the other keeps there.

    Neither standard input, `-`, nor a device keeps anything.
    """
    options: dict[str, str] = {}
    for option, path in named:
        if path is None or str(path) == "-":
            continue
        try:
            real = os.path.realpath(path)
        except (OSError, ValueError) as error:  # the current folder was removed; a NUL in the name
            hint = "Give a path that begins with /, or change to a folder that exists."
            raise UsageError(f"{option}: cannot find {str(path)!r}: {reason(error)}", hint) from error
        device = os.path.exists(real) and not os.path.isfile(real)  # noqa: PTH110, PTH113  pathlib raises for some names
        other = option if device else options.setdefault(real, option)
        if other != option:
            raise UsageError(f"{other} and {option} name the same file", "Use another file for one of them.")


def _refuse_endless(report: Report, path: Path) -> None:
    """Raise UsageError for a picture with too many rows to look at; a page can be scrolled and searched."""
    if path.suffix.lower() != ".svg" or not isinstance(report, ChecksReport | ProjectsReport):
        return
    rows = len(report.checks if isinstance(report, ChecksReport) else report.projects)
    if (report.show_all or report.filtered) and rows > MAX_PICTURE_ROWS:
        why = "--all" if report.show_all else "the filter"
        message = f"--export: {why} leaves {rows} rows; a picture can have at most {MAX_PICTURE_ROWS}"
        raise UsageError(message, f"Export {path.with_suffix('.html').name} instead.")


def _write_export(report: Report, path: Path) -> None:
    """Write the table as a picture, or the nodes as JUnit XML, whole or not at all."""
    from migstat.model.nights import TimelineReport
    from migstat.render.drawing import Canvas, picture
    from migstat.render.table import view
    from migstat.render.theme import UNICODE

    kind = path.suffix.lower()
    if kind == ".xml" and isinstance(report, ChecksReport | ProjectsReport):
        from migstat.render.junit import junit_text

        text = junit_text(report)
    elif kind == ".html" and isinstance(report, TimelineReport):
        from migstat.render.timeline_page import timeline_page

        text = timeline_page(report)
    else:
        drawn = view(report, Canvas(PICTURE_WIDTH, UNICODE, height=60))
        text = picture(drawn, PICTURE_WIDTH, html=kind == ".html")
    try:
        write_whole(path, text, private=False)
    except OSError as error:
        raise OutputError(f"--export: cannot write {path}: {reason(error)}") from error
