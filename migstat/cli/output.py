"""Shows a report in the format asked for, and an error to who has to read it."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from migstat.cli.context import Options, Runtime, look_of
from migstat.cli.streams import ClosedPipe, Streams, show
from migstat.errors import Incomplete, MigstatError, OutputError, UsageError
from migstat.files.whole import write_whole
from migstat.model.exit_codes import exit_of
from migstat.model.reports import ArtifactsReport, JobReport, Report, TasksReport
from migstat.model.verdict import Verdict
from migstat.render.text import harmless, one_field
from migstat.settings.resolve import Look

if TYPE_CHECKING:
    from migstat.render.grid import Line, Span

PICTURE_WIDTH = 100
"""Cells of an exported picture."""

JSON_FORMATS = ("json", "ndjson")


class Outlet(msgspec.Struct, frozen=True):
    """Where a report goes: its format, whether `plain` gets a header, and the file of a picture."""

    look: Look
    header: bool = False
    export: str | None = None


def outlet_of(
    runtime: Runtime,
    options: Options,
    formats: tuple[str, ...],
    *,
    header: bool = False,
    export: str | None = None,
) -> Outlet:
    """The outlet that the options ask for, out of the formats of the command. Raises UsageError."""
    look = look_of(runtime, options, formats, header=header)
    _check_export(export)
    return Outlet(look, header, export)


def finish(
    runtime: Runtime,
    outlet: Outlet,
    report: Report,
    verdict: Verdict | None = None,
    *,
    picture: Report | None = None,
) -> int:
    """Compute the code, then show the report, draw its picture and tell what could not be read.

    `verdict` None asks for no judgement; `picture` is the report to draw where it is another one.
    """
    flaws = _flaws_of(report)
    code = _shown(runtime, outlet, verdict, flaws, lambda: _present(runtime, outlet, report))
    if outlet.export is not None:
        _write_picture(picture or report, Path(outlet.export))
    return code


def _flaws_of(report: Report) -> tuple[str, ...]:
    if isinstance(report, JobReport | ArtifactsReport):
        return ()
    return report.flaws if isinstance(report, TasksReport) else report.snapshot.flaws


def finish_raw(runtime: Runtime, outlet: Outlet, value: object, verdict: Verdict | None, flaws: tuple[str, ...]) -> int:
    """The same for a JSON value that is none of the documents."""
    return _shown(runtime, outlet, verdict, flaws, lambda: _print_value(runtime, value))


def _shown(
    runtime: Runtime, outlet: Outlet, verdict: Verdict | None, flaws: tuple[str, ...], show_it: Callable[[], None]
) -> int:
    code = exit_of(verdict, readable=not flaws)
    try:
        show_it()
    except ClosedPipe:
        runtime.streams.abandon()
    if flaws:
        tell_error(runtime.streams, incomplete(flaws), json=outlet.look.output in JSON_FORMATS)
    return code


def incomplete(flaws: tuple[str, ...]) -> Incomplete:
    """The error that names what could not be read."""
    more = f" and {len(flaws) - 1} more" if len(flaws) > 1 else ""
    return Incomplete(f"could not be read: {flaws[0][:500]}{more}", "What was read is shown; ask again for the rest.")


def print_rows(streams: Streams, rows: Sequence[tuple[str, ...]]) -> None:
    """Rows of texts: in columns on a terminal, tab separated into a pipe."""
    if not streams.out_is_terminal:
        streams.print_lines("\t".join(map(one_field, row)) for row in rows)
        return
    from migstat.render.grid import cells

    shown = [[harmless(each) for each in row] for row in rows]
    widths = [max(map(cells, column)) for column in zip(*shown, strict=True)]
    padded = (
        "  ".join(text + " " * (width - cells(text)) for text, width in zip(row, widths, strict=True)) for row in shown
    )
    streams.print_lines(map(str.rstrip, padded))


def tell_error(streams: Streams, error: MigstatError, *, json: bool) -> None:
    """One or two lines for a person, one JSON line for a script."""
    if json:
        from migstat.render.json import encoded, error_document

        streams.tell(encoded(error_document(error), ascii_only=True))
        return
    streams.tell(f"migstat: {harmless(error.message)}")
    if error.hint:
        streams.tell(f"  {harmless(error.hint)}")


def _present(runtime: Runtime, outlet: Outlet, report: Report) -> None:
    """Write the report to standard output."""
    streams = runtime.streams
    match outlet.look.output:
        case "json":
            _print_json(runtime, report)
        case "ndjson":
            from migstat.render.json import encoded, lines

            escaped = ascii_only(streams)
            streams.print_lines(encoded(line, ascii_only=escaped) for line in lines(report))
        case "plain":
            from migstat.render.plain import plain_lines

            streams.print_lines(plain_lines(report, header=outlet.header))
        case "csv":
            from migstat.render.csv import csv_text

            streams.print(csv_text(report))
        case "markdown":
            from migstat.render.markdown import markdown_lines

            streams.print_lines(markdown_lines(report))
        case _:
            _draw(runtime, outlet.look, report)


def _print_json(runtime: Runtime, report: Report) -> None:
    """Write the report's document."""
    from migstat.render.json import document

    _print_value(runtime, document(report))


def _print_value(runtime: Runtime, value: object) -> None:
    """Write a JSON value: on one line into a pipe, indented on a terminal."""
    from migstat.render.json import encoded

    streams = runtime.streams
    indent = 2 if streams.out_is_terminal else 0
    streams.print(encoded(value, indent=indent, ascii_only=ascii_only(streams)) + "\n")


def _check_export(export: str | None) -> None:
    """Refuse, before anything is asked, a picture that could not be written."""
    if export is None:
        return
    path = Path(export)
    if path.suffix.lower() not in (".svg", ".html"):
        raise UsageError(f"--export: {export!r} is neither .svg nor .html", "Name the file FILE.svg or FILE.html.")
    try:
        if path.is_dir():
            raise UsageError(f"--export: {export!r} is a folder", "Name a file in it.")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise UsageError(f"--export: {export!r} cannot be written: {reason}") from error


def _draw(runtime: Runtime, look: Look, report: Report) -> None:
    from migstat.render.parts import Canvas
    from migstat.render.table import view
    from migstat.render.theme import ASCII, UNICODE

    streams = runtime.streams
    width = streams.width(look.columns)
    glyphs = UNICODE if streams.unicode and not look.plain_signs else ASCII
    streams.draw(view(report, Canvas(width, glyphs, tree=look.output == "tree")), color=look.color, width=width)


def _write_picture(report: Report, path: Path) -> None:
    """Draw the table into a file, whole or not at all."""
    from migstat.render.parts import Canvas
    from migstat.render.table import view
    from migstat.render.theme import UNICODE

    lines = view(report, Canvas(PICTURE_WIDTH, UNICODE))
    text = picture(lines, PICTURE_WIDTH, html=path.suffix.lower() == ".html")
    try:
        write_whole(path, text, private=False)
    except OSError as error:
        raise OutputError(f"--export: {path} could not be written: {error.strerror or error}") from error


def picture(lines: Sequence[Line], width: int, *, html: bool = False) -> str:
    """Lines as an SVG picture, or as a page."""
    from rich.console import Console

    console = Console(
        file=io.StringIO(),
        record=True,
        width=width,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    show(console, [[part for span in line for part in _apart(span)] for line in lines])
    return console.export_html(inline_styles=True) if html else console.export_svg(title="migstat")


def _apart(span: Span) -> list[Span]:
    """Leading spaces as a span of their own: some viewers drop them from the beginning of an SVG text."""
    text, style = span
    words = text.lstrip(" ")
    return [(text[: len(text) - len(words)], ""), (words, style)] if len(words) < len(text) else [span]


def ascii_only(streams: Streams) -> bool:
    """Whether JSON must be ASCII: what reads it takes it for UTF-8, and standard output has another character set."""
    return not streams.unicode
