"""Pieces that tables and the frame of a watch are made of."""

from __future__ import annotations

from dataclasses import dataclass

from migstat.model.nodes import Node, Phase, State
from migstat.render.grid import Line, Span, cells, fitted, wrapped
from migstat.render.text import harmless, number
from migstat.render.theme import STYLE_OF_STATE, Glyphs, word_of

BAR = 16
SHORT_BAR = 10
"""Cells of a progress bar in a table, and in one of less than a hundred columns."""

OVERALL_BAR = 40
"""Cells of the bar over all, at most."""

NARROWEST_TITLE = 12
"""Cells below which a title goes below its state."""

WIDE = 100
NARROW = 60
"""Below this width a table leaves its bars out: name, state and percent matter more."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """What there is to draw on: a window `width` cells wide, and the signs that it can show."""

    width: int
    glyphs: Glyphs
    tree: bool = False


def state_cell(node: Node, canvas: Canvas) -> Span:
    """Glyph and word of a node's state."""
    if node.unreadable:
        return "unreadable", "failed"
    state = node.state
    return f"{canvas.glyphs.states[state]} {word_of(node)}", STYLE_OF_STATE[state]


def progress_cell(node: Node, canvas: Canvas) -> Span:
    """Bar and percent of a node that reports progress; of its current phase only, which the message names."""
    if node.percent is None or node.ended:
        return "", ""
    share = min(max(node.percent, 0), 100) / 100  # of whatever size it comes
    return drawn_bar(share, f"{share * 100:3.0f} %", canvas), "running"


def drawn_bar(share: float, text: str, canvas: Canvas) -> str:
    """A bar with a text behind it, or the text alone in a narrow window."""
    bar = "" if canvas.width < NARROW else _bar_text(share, BAR if canvas.width >= WIDE else SHORT_BAR, canvas) + " "
    return bar + text


def _bar_text(share: float, width: int, canvas: Canvas) -> str:
    return "".join(part for part, _ in bar_of(share, width, canvas))


def overall(states: dict[State, int], finished: int, missing: int, scope: str, canvas: Canvas) -> list[Line]:
    """How far many nodes are: a bar over all of them, and how many are in which state."""
    total = sum(states.values()) + missing
    if not total:
        return []
    width = min(OVERALL_BAR, max(canvas.width - 24, 8))
    text = f" {finished} of {total} {scope} done"
    told = [*counts_of(states, canvas), *([(f"{missing} not reported", "quiet")] if missing else [])]
    line = [*bar_of(finished / total, width, canvas), (text[: max(canvas.width - width, 0)], "")]
    return [line, *flowing(told, canvas)]


def bar_of(share: float, width: int, canvas: Canvas) -> list[Span]:
    """A bar that is done to a share of 0..1."""
    glyphs = canvas.glyphs
    halves = int(share * width * 2)
    done = glyphs.bar * (halves // 2) + glyphs.bar_half * (halves % 2)
    return [
        (done, "succeeded" if share >= 1 else "running"),
        (glyphs.bar_rest * (width - len(done)), "quiet"),
    ]


def message_of(node: Node) -> str:
    """What the node's current phase counts, and its message."""
    phases = " ".join(_phase(phase) for phase in node.progress)
    return "; ".join(part for part in (phases, harmless(node.message or "")) if part)


def _phase(phase: Phase) -> str:
    counts = [number(count) for count in (phase.processed, phase.total) if count is not None]
    return " ".join((harmless(phase.name or ""), "/".join(counts))).strip()


def counts_of(states: dict[State, int], canvas: Canvas) -> list[Span]:
    """How many are in which state, a span each."""
    return [
        (f"{canvas.glyphs.states[state]} {count} {STYLE_OF_STATE[state]}", STYLE_OF_STATE[state])
        for state, count in states.items()
    ]


def flowing(parts: list[Span], canvas: Canvas, *, dots: str = "quiet") -> list[Line]:
    """Parts one after the other with dots of a style between them, in as many lines as they need."""
    lines: list[Line] = []
    room = 0
    dot = canvas.glyphs.dot
    for text, style in parts:
        shown = text if cells(text) <= canvas.width else fitted(text, canvas.width, canvas.glyphs.more)
        if lines and cells(dot + shown) <= room:
            lines[-1] += [(dot, dots), (shown, style)]
            room -= cells(dot + shown)
        else:
            lines.append([(shown, style)])
            room = canvas.width - cells(shown)
    return lines


def prose(text: str, style: str, canvas: Canvas) -> list[Line]:
    """A text in as many lines as it needs."""
    return [[(line, style)] for line in wrapped(text, canvas.width)]


def titled(head: str, style: str, title: str, canvas: Canvas) -> list[Line]:
    """A state, and beside it, or below where there is no room, what it is the state of."""
    room = canvas.width - cells(head) - 2
    if room < NARROWEST_TITLE:
        return [*prose(head, style, canvas), *prose(title, "strong", canvas)]
    first, *rest = wrapped(title, room) or [""]
    margin = " " * (cells(head) + 2)
    return [[(head, style), ("  ", ""), (first, "strong")], *([(margin + each, "strong")] for each in rest)]
