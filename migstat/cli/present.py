"""Shows a report in the format asked for, and an error to who has to read it."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from migstat.cli.context import Runtime
from migstat.cli.exits import exit_of
from migstat.cli.streams import ClosedPipe, Streams, show
from migstat.errors import Incomplete, MigstatError, OutputError, UsageError
from migstat.render.text import harmless
from migstat.reports import Report
from migstat.settings import Look
from migstat.snapshot import Verdict

if TYPE_CHECKING:
    from migstat.render.table import Canvas

PICTURE_WIDTH = 100
"""Cells of an exported picture."""

JSON_FORMATS = ("json", "ndjson")


def present(runtime: Runtime, look: Look, report: Report, *, header: bool = False, export: str | None = None) -> None:
    """Write the report to standard output, and its picture to the file `export` names."""
    streams = runtime.streams
    match look.output:
        case "json":
            print_json(runtime, report)
        case "ndjson":
            from migstat.render.json import encoded, lines

            streams.print_lines(encoded(line, ascii_only=_ascii_only(streams)) for line in lines(report))
        case "plain":
            from migstat.render.plain import plain_lines

            streams.print_lines(plain_lines(report, header=header))
        case "csv":
            from migstat.render.csv import csv_text

            streams.print(csv_text(report))
        case "markdown":
            from migstat.render.markdown import markdown_lines

            streams.print_lines(markdown_lines(report))
        case _:
            _draw(runtime, look, report)
    if export is not None:
        _write_picture(report, Path(export))


def print_json(runtime: Runtime, report: Report) -> None:
    """Write the report's document."""
    from migstat.render.json import document

    print_value(runtime, document(report))


def print_value(runtime: Runtime, value: object) -> None:
    """Write a JSON value: on one line into a pipe, indented on a terminal."""
    from migstat.render.json import encoded

    streams = runtime.streams
    indent = 2 if streams.out_is_terminal else 0
    streams.print(encoded(value, indent=indent, ascii_only=_ascii_only(streams)) + "\n")


def check_export(export: str | None) -> None:
    """Refuse, before anything is asked, a picture that could not be written."""
    if export is None:
        return
    path = Path(export)
    if path.suffix.lower() not in (".svg", ".html"):
        raise UsageError(f"--export: {export!r} is neither .svg nor .html", "Name the file FILE.svg or FILE.html.")
    if not path.parent.is_dir():
        raise UsageError(f"--export: there is no folder {str(path.parent)!r}")


def finish(
    runtime: Runtime, look: Look, verdict: Verdict | None, flaws: tuple[str, ...], show_it: Callable[[], None]
) -> int:
    """Compute the code, show the view, then tell what could not be read; `verdict` None asks for no judgement."""
    code = exit_of(verdict, readable=not flaws)
    try:
        show_it()
    except ClosedPipe:
        runtime.streams.abandon()
    if flaws:
        more = f" and {len(flaws) - 1} more" if len(flaws) > 1 else ""
        hint = "What was read is shown; ask again for the rest."
        tell_error(
            runtime.streams,
            Incomplete(f"could not be read: {flaws[0]}{more}", hint),
            json=look.output in JSON_FORMATS,
        )
    return code


def tell_error(streams: Streams, error: MigstatError, *, json: bool) -> None:
    """One or two lines for a person, one JSON line for a script."""
    if json:
        from migstat.render.json import encoded, error_document

        streams.tell(encoded(error_document(error), ascii_only=True))
        return
    streams.tell(f"migstat: {harmless(error.message)}")
    if error.hint:
        streams.tell(f"  {harmless(error.hint)}")


def _draw(runtime: Runtime, look: Look, report: Report) -> None:
    from migstat.render.table import Canvas, view
    from migstat.render.theme import ASCII, UNICODE

    streams = runtime.streams
    width = streams.width(look.columns)
    glyphs = UNICODE if streams.unicode else ASCII
    streams.draw(view(report, Canvas(width, glyphs, tree=look.output == "tree")), color=look.color, width=width)


def _write_picture(report: Report, path: Path) -> None:
    """Draw the table into a file, whole or not at all."""
    from migstat.render.table import Canvas
    from migstat.render.theme import UNICODE

    text = _picture(report, Canvas(PICTURE_WIDTH, UNICODE), html=path.suffix.lower() == ".html")
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
            partial = Path(file.name)
            file.write(text)
        partial.chmod(0o644)
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"--export: {path} could not be written: {error.strerror or error}") from error


def _picture(report: Report, canvas: Canvas, *, html: bool) -> str:
    from rich.console import Console

    from migstat.render.table import view

    console = Console(
        file=io.StringIO(),
        record=True,
        width=canvas.width,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    show(console, view(report, canvas))
    return console.export_html(inline_styles=True) if html else console.export_svg(title="migstat")


def _ascii_only(streams: Streams) -> bool:
    return streams.out_is_terminal and not streams.unicode
