"""Rows of cells in columns, laid out for a window's width: for a hundred rows or ten thousand.

A table of Rich measures every cell several times, which takes seconds for some thousand rows. Here each cell is
measured once. The last cell of a row is prose: it is wrapped beside the columns where there is room, else below them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells, set_cell_size

Span = tuple[str, str]
"""A text and the name of its style."""

Line = list[Span]

GAP = 2
NARROWEST_PROSE = 24
"""Cells below which long prose beside the columns is no pleasure to read."""

NARROWEST_CLIPPED = 8
"""Cells below which clipped prose says nothing."""

NARROWEST_NAME = 18
"""Cells of the first column for which other columns have to go."""


@dataclass(frozen=True, slots=True)
class Row:
    """Cells of one row, the first of them with the row's indentation; `prose` is wrapped, `below` stands under it."""

    cells: tuple[Span, ...]
    prose: str = ""
    below: tuple[Span, ...] = ()
    indent: str = ""


def laid_out(
    rows: Sequence[Row], width: int, *, header: tuple[str, ...] = (), more: str = "…", clip: bool = False
) -> list[Line]:
    """The rows as lines of at most `width` cells. `header` names the columns; `more` marks what was cut.

    With `clip` a row is one line: its prose is cut to what fits beside it.
    """
    widths = _widths(rows, header, width)
    lines: list[Line] = []
    if header:
        lines.append(_header(header, widths, width, prose=any(row.prose for row in rows)))
    for row in rows:
        # under a header prose has its column; without one it begins where the row's cells end
        shown = widths if header else widths[: _last_filled(row) + 1]
        lines += _lines(_clipped(row, width - _taken(shown), more) if clip else row, shown, width, more)
    return lines


def _clipped(row: Row, beside: int, more: str) -> Row:
    fits = cells(row.prose) <= beside
    prose = row.prose if fits else fitted(row.prose, beside, more) if beside >= NARROWEST_CLIPPED else ""
    return Row(row.cells, prose, indent=row.indent)


def _last_filled(row: Row) -> int:
    return max((at for at, (text, _) in enumerate(row.cells) if text), default=0)


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` cells, broken at spaces where possible; words are kept whole if they fit."""
    words = text.split()
    if cells(whole := " ".join(words)) <= width:
        return [whole] if whole else []
    lines: list[str] = []
    line = ""
    for word in words:
        joined = f"{line} {word}" if line else word
        if cells(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        *full, line = chop_cells(word, width) if cells(word) > width else [word]
        lines += full
    return [*lines, line] if line else lines


def cells(text: str) -> int:
    """How many cells of a terminal the text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fitted(text: str, width: int, more: str) -> str:
    """The text in exactly `width` cells: padded, or cut and marked with `more`."""
    taken = cells(text)
    if taken <= width:
        return text + " " * (width - taken)
    if width <= len(more):
        return set_cell_size(text, width)
    return set_cell_size(text, width - len(more)) + more


def cut(line: Line, width: int) -> Line:
    """The line in at most `width` cells."""
    kept: Line = []
    for text, style in line:
        taken = cells(text)
        kept.append((text if taken <= width else set_cell_size(text, width), style))
        width -= taken
        if width <= 0:
            break
    return kept


def _widths(rows: Iterable[Row], header: tuple[str, ...], width: int) -> list[int]:
    """Each column as wide as its widest cell.

    Where that is too much, columns go from the right (their width is 0 then), and at last the first one shrinks.
    """
    found = [cells(name) for name in header[:-1]]
    for row in rows:
        found += [0] * (len(row.cells) - len(found))
        for at, (text, _) in enumerate(row.cells):
            taken = cells(text) + (len(row.indent) if at == 0 else 0)
            found[at] = max(found[at], taken)
    for at in range(len(found) - 1, 1, -1):
        if _taken(found[1:]) + min(found[0], NARROWEST_NAME) <= width:
            break
        found[at] = 0
    if len(found) > 1:
        found[1] = min(found[1], max(width - _taken(found[2:]) - min(found[0], NARROWEST_NAME, width // 2) - GAP, 1))
    return [min(found[0], max(width - _taken(found[1:]), 1)), *found[1:]] if found else []


def _taken(widths: list[int]) -> int:
    """Cells that columns take with a gap before each."""
    return sum(size + GAP for size in widths if size)


def _header(names: tuple[str, ...], widths: list[int], width: int, *, prose: bool) -> Line:
    shown = [fitted(name, size, "") for name, size in zip(names[:-1], widths, strict=True) if size]
    text = (" " * GAP).join([*shown, names[-1] if prose else ""])
    return [(set_cell_size(text, min(width, cells(text))).rstrip(), "quiet")]


def _lines(row: Row, widths: list[int], width: int, more: str) -> list[Line]:
    line: Line = []
    for at, (size, (text, style)) in enumerate(zip(widths, row.cells, strict=False)):
        if size:
            shown = fitted(row.indent + text if at == 0 else text, size, more)
            line += [(shown, style), (" " * GAP, "")]
    if not row.prose and not row.below:
        return [_trimmed(line)]
    return [*_with_prose(line, row, width, width - _taken(widths)), *_below(row, width)]


def _with_prose(line: Line, row: Row, width: int, beside: int) -> list[Line]:
    if beside >= NARROWEST_PROSE or cells(row.prose) <= beside:
        first, *rest = wrapped(row.prose, beside) or [""]
        margin = width - beside
        return [_trimmed([*line, (first, "")]), *([(" " * margin + text, "")] for text in rest)]
    return [_trimmed(line), *_indented(row, row.prose, width, "")]


def _below(row: Row, width: int) -> list[Line]:
    return [line for text, style in row.below for line in _indented(row, text, width, style)]


def _indented(row: Row, text: str, width: int, style: str) -> list[Line]:
    margin = min(len(row.indent) + 4, max(width - 12, 0))
    return [[(" " * margin + each, style)] for each in wrapped(text, max(width - margin, 1))]


def _trimmed(line: Line) -> Line:
    while line and not line[-1][0].strip():
        line.pop()
    if line:
        line[-1] = (line[-1][0].rstrip(), line[-1][1])
    return line
