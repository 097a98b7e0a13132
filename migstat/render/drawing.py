"""Rich's renderables as text for a terminal, or as a picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace
from rich.console import Console, RenderableType
from rich.segment import Segment, Segments
from rich.text import Text

from migstat.render.parts import THEME, Canvas
from migstat.render.theme import UNICODE


def drawn(renderable: RenderableType, canvas: Canvas, *, color: bool) -> str:
    """The text of a renderable for a window of the canvas's width, with escape sequences if in `color`."""
    ascii_only = canvas.glyphs is not UNICODE
    sheet = io.StringIO()
    settings: dict[str, Any] = {"file": sheet, "width": canvas.width, "force_terminal": color, "no_color": not color}
    settings |= {"theme": THEME, "highlight": False, "legacy_windows": False}
    console = Console(color_system="auto" if color else None, **settings)
    if color and console.color_system is None:  # color was requested, whatever the terminal claims to be
        console = Console(color_system="256", **settings)
    _print(console, renderable, ascii_only=ascii_only)
    text = sheet.getvalue()
    return text.replace("…", "~") if ascii_only else text  # Rich cuts with an ellipsis of one cell


def fitted(
    view: Callable[[Canvas], RenderableType], canvas: Canvas, *, color: bool, below: int, lowest: int = 0
) -> str:
    """The text of a view, folded as if for a lower window until its first line fits on the screen above `below` lines.

    Never as for less than `lowest` lines. Failures are not folded: if they alone are too many, nothing is folded.
    """
    whole = text = drawn(view(canvas), canvas, color=color)
    height, step = canvas.height, 1
    while (over := text.count("\n") + below - canvas.height) > 0:
        # Thousands of requested rows take seconds to draw, and shorter messages would not make them fit.
        if height <= lowest or (lowest and over > 3 * canvas.height):
            return whole
        # One line less mostly means one row less, but some heights fold nothing: doubling steps soon reach the bottom.
        height, step = max(height - max(over, step), lowest), step * 2
        text = drawn(view(replace(canvas, height=height)), canvas, color=color)
    return text


def picture(renderable: RenderableType, width: int, *, html: bool = False) -> str:
    """A renderable as an SVG picture, or as a page."""
    console = Console(
        file=io.StringIO(),
        record=True,
        width=width,
        force_terminal=True,
        color_system="truecolor",
        theme=THEME,
        highlight=False,
        legacy_windows=False,
    )
    _print(console, renderable)
    return console.export_html(inline_styles=True) if html else console.export_svg(title="migstat")


def _print(console: Console, renderable: RenderableType, *, ascii_only: bool = False) -> None:
    """Print without the trailing spaces that Rich pads lines with: they would end up in copied text.

    Leading spaces become segments of their own, since some SVG viewers drop them within a text.
    """
    if isinstance(renderable, str):
        renderable = Text(renderable)  # never markup
    found: list[Segment] = []
    options = console.options.copy()
    options.encoding = "ascii" if ascii_only else "utf-8"  # by which Rich chooses how bars and branches look
    for line in console.render_lines(renderable, options, pad=False):
        segments = [segment for segment in line if not segment.control]
        while segments and not segments[-1].text.strip(" "):
            segments.pop()
        for at, (text, style, _) in enumerate(segments):
            kept = text.rstrip(" ") if at == len(segments) - 1 else text
            words = kept.lstrip(" ")
            if len(words) < len(kept):
                found.append(Segment(kept[: len(kept) - len(words)]))
            found.append(Segment(words, style))
        found.append(Segment.line())
    console.print(Segments(found), end="", crop=False, no_wrap=True)
