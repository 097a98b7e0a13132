"""What views are made of, and views as text for a terminal or as a picture.

Server text enters Rich as `Text` only: a `str` could be markup.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment, Segments
from rich.table import Table
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from rich.text import Text
from rich.theme import Theme

from migstat.model.nodes import State
from migstat.render.theme import QUIET, STYLES, UNICODE, Glyphs

THEME = Theme(STYLES)
"""For every console: with it a state is the name of its own style."""

Part = TypeVar("Part")

NARROW, WIDE = 60, 100
"""Window widths from which there is room for elapsed times, and for bars, the API's own words and whole phrases."""

LOW, LOWER, LOWEST = 20, 13, 9
"""Window heights below which a message takes one line, nothing is repeated, and only verdict and failures are left.

`fitted` draws a view for lower and lower windows until its verdict stays on the screen.
"""


class Canvas(msgspec.Struct, frozen=True):
    """A window of `width` cells and `height` lines, its glyphs, and whether the ids of job and task are shown."""

    width: int
    glyphs: Glyphs
    height: int = 24
    ids: bool = False


def gap(canvas: Canvas) -> tuple[str, ...]:
    """A blank line, if there is room for one."""
    return ("",) if canvas.height >= LOW else ()


def line(*parts: Text | str | tuple[str, str]) -> Text:
    """A text on one line, which Rich cuts with an ellipsis where it does not fit."""
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def mark(state: State, words: str, canvas: Canvas) -> Text:
    """The glyph of a state, and words in its color."""
    return Text(f"{canvas.glyphs.states[state]} {words}", state)


_IN_NUMBER = re.compile(r"(?<=\d) (?=\d{3}\b)")
_SPACE = "\ue000"
"""Stands for a space in a number, as Rich breaks lines at any kind of space: one cell wide, and in no message."""


class Prose(msgspec.Struct, frozen=True):
    """Text that wraps in its column, cut with an ellipsis after `lines` lines. Rich can only cut the first.

    Lines end between words, but never within a number: half a number is a wrong one.
    """

    text: Text
    lines: int = 3

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Wrap it into lines, and cut the last between words: half a URL is useless."""
        width = options.max_width
        text = self.text.copy()
        text.plain = _IN_NUMBER.sub(_SPACE, text.plain)
        lines = [*text.wrap(console, width, overflow="fold")]
        if len(lines) > self.lines:
            last = lines[self.lines - 1]
            last.rstrip()
            while " " in last.plain and cell_len(last.plain) > width - 2:
                last = last[: last.plain.rindex(" ")]
            last.truncate(max(width - 1, 0))
            lines[self.lines - 1 :] = [last + Text("…")]
        for each in lines:
            each.plain = each.plain.replace(_SPACE, " ")
            yield each


def dotted(texts: Iterable[Text], glyphs: Glyphs) -> Text:
    """Texts on one line, with dots between them."""
    return Text(glyphs.dot, QUIET).join(texts)


class Flow(msgspec.Struct, frozen=True):
    """Texts with dots between them, on as many lines as they need. Lines end at a dot: half a number is a wrong one."""

    texts: Sequence[Text]
    canvas: Canvas

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Fill one line after the other."""
        glyphs, kept = self.canvas.glyphs, list[Text]()
        for text in self.texts:
            if kept and dotted([*kept, text], glyphs).cell_len > options.max_width:
                yield dotted(kept, glyphs)
                kept = []
            kept.append(text)
        yield dotted(kept, glyphs)


def fitting(parts: Iterable[tuple[int, Part]], width: int, join: Callable[[list[Part]], Text]) -> Text:
    """Join parts to one line without the least important ones that do not fit; 0 is the most important.

    Rich would cut the last part in the middle instead, and a number that is cut is a wrong number.
    """
    kept = list(parts)
    while True:
        joined = join([part for _, part in kept])
        if len(kept) <= 1 or joined.cell_len <= width:
            return joined
        kept.remove(max(kept, key=lambda part: part[0]))


def bar(share: float, state: State, width: int, glyphs: Glyphs) -> Text:
    """A bar for a share of 0..1, in the color of a state.

    Rich's ProgressBar tells what is done from what is left by color alone.
    """
    done = int(min(max(share, 0.0), 1.0) * width)
    return Text.assemble((glyphs.bar * done, state), (glyphs.bar_rest * (width - done), QUIET))


def table_of(canvas: Canvas, *names: str, name: int | None = 0, right: Sequence[str] = ()) -> Table:
    """A table without borders, whose last column wraps and takes what room the others leave.

    Column number `name` is cut at a third of the window.
    """
    table = Table(
        box=None, expand=True, pad_edge=False, padding=(0, 2, 0, 0), header_style=QUIET, show_header=any(names)
    )
    for at, head in enumerate(names):
        last = at == len(names) - 1
        table.add_column(
            head,
            no_wrap=not last,
            overflow="fold" if last else "ellipsis",
            justify="right" if head in right else "left",
            max_width=max(canvas.width // 3, 12) if at == name else None,
            ratio=1 if last else None,
        )
    return table


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
    if html:
        return console.export_html(inline_styles=True)
    # On Rich's dark grey failures would be the hardest to read; like a page, a picture is for documents and projectors.
    return console.export_svg(title="migstat", theme=DEFAULT_TERMINAL_THEME)


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
