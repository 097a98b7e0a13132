"""Pieces that tables, trees and the live view are made of, as Rich draws them. Server text enters as `Text` only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

import msgspec
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group
from rich.measure import Measurement
from rich.progress_bar import ProgressBar
from rich.text import Text

from migstat.model.nodes import Millis, Node, Phase, State, TaskType
from migstat.model.verdict import Reason, Snapshot
from migstat.render.grid import Line, Span, cells, fitted, wrapped
from migstat.render.text import duration, grouped, harmless, local_time, number, span_of_time, zone
from migstat.render.theme import QUIET, STRONG, STYLE_OF_STATE, STYLES, Glyphs, state_words, word_of

REASONS = 3
"""Reasons listed below the verdict before the rest is counted."""

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


class Canvas(msgspec.Struct, frozen=True):
    """What there is to draw on: a window `width` cells wide, the signs it can show, and if ids of job and task are."""

    width: int
    glyphs: Glyphs
    tree: bool = False
    ids: bool = False


class Prose:
    """Text that wraps in its column, cut with an ellipsis after so many lines."""

    def __init__(self, text: Text, lines: int = 3) -> None:
        self._text = text
        self._lines = lines

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """From its longest word to its whole length."""
        return Measurement.get(console, options, self._text)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Yield its lines."""
        width = options.max_width
        lines = self._text.wrap(console, width, overflow="fold")
        yield from lines[: self._lines - 1]
        if len(lines) > self._lines:
            last = lines[self._lines - 1]
            last.rstrip()
            while " " in last.plain and cell_len(last.plain) > width - 2:  # whole words: half of a URL is no use
                last = last[: last.plain.rindex(" ")]
            last.truncate(max(width - 1, 1))
            yield last + Text("…")
        else:
            yield from lines[self._lines - 1 :]


def state_text(node: Node, canvas: Canvas) -> Text:
    """Glyph and word of a node's state, with the API's own word where it says more."""
    state = State.FAILED if node.unreadable and not node.ended else node.state
    return Text(f"{canvas.glyphs.states[state]} {state_words(node)}", STYLES[state])


def counts_text(states: Mapping[State, int], canvas: Canvas) -> Text:
    """How many are in which state: `✔ 25 succeeded · ○ 7 pending`."""
    parts = [Text(f"{canvas.glyphs.states[state]} {n} {state}", STYLES[state]) for state, n in states.items() if n]
    return Text(canvas.glyphs.dot, QUIET).join(parts)


def folded_line(states: Mapping[State, int], canvas: Canvas, hint: str = "--all lists them") -> Text:
    """The last line of a folded table: what is fine is counted."""
    found = counts_text(states, canvas)
    return Text(canvas.glyphs.dot, QUIET).join([found, Text(hint, QUIET)]) if found and hint else found


def bar(share: float, state: State, width: int) -> ProgressBar:
    """A bar that is done to a share of 0..1, in the color of a state."""
    style = STYLES[state]
    share = min(max(share, 0.0), 1.0)
    return ProgressBar(1.0, share, width, style=QUIET, complete_style=style, finished_style=style)


def percent_text(node: Node) -> Text:
    """Percent of a running node's current phase; empty if it reports none. The API may send more than 100."""
    if node.percent is None or node.ended:
        return Text()
    return Text(f"{min(max(node.percent, 0), 100):.0f} %", STYLES[State.RUNNING])


def message_text(node: Node) -> Text:
    """What a running node's current phase counts, and the node's message; if unreadable, why."""
    phases = " ".join(phase_words(phase) for phase in node.progress)
    said = "; ".join(part for part in (phases, harmless(node.message or "").strip()) if part)
    return Text(harmless(node.unreadable) if node.unreadable else said)


def phase_words(phase: Phase) -> str:
    """One count of a phase: `issues 19 229/45 000`."""
    counts = [grouped(count) for count in (phase.processed, phase.total) if count is not None]
    return " ".join((harmless(phase.name or ""), "/".join(counts))).strip()


def headline(snapshot: Snapshot, canvas: Canvas) -> Text:
    """The verdict and the counts: `● running · 27 of 40 · ✖ 1 failed`.

    A running check task says itself how far it is: those that have not begun are not listed, so counting is wrong.
    """
    verdict = State(snapshot.verdict)
    root = snapshot.node
    word = state_words(root) if root.state is verdict else str(verdict)
    parts = [Text(f"{canvas.glyphs.states[verdict]} {word}", f"bold {STYLES[verdict]}")]
    summary = snapshot.summary
    own = next((phase for phase in root.progress if phase.total), None)
    if snapshot.task_type == TaskType.CHECK and own is not None and not root.ended:
        parts.append(Text(f"{grouped(own.processed or 0)} of {grouped(own.total or 0)} checks"))
    elif summary is not None and summary.total:
        parts.append(Text(f"{summary.finished} of {summary.total}"))
    if summary is not None:
        bad = {State.FAILED: summary.failed, State.WARNING: summary.warning}
        if root.ended and snapshot.missing:
            bad[State.MISSING] = summary.missing
        parts += [counts_text({state: n}, canvas) for state, n in bad.items() if n]
    return Text(canvas.glyphs.dot, QUIET).join(parts)


def title_words(snapshot: Snapshot, canvas: Canvas) -> str:
    """Name and destination: `Jira to the cloud → acme-cloud.example.com`, and the level if one was asked for."""
    name = harmless(snapshot.job_name) if snapshot.job_name else f"job {snapshot.job_id}"
    where = host_of(snapshot.destination)
    level = ",".join(map(harmless, snapshot.node.level))
    parts = [name, *((canvas.glyphs.arrow, where) if where else ()), *((f"({level})",) if level else ())]
    return " ".join(parts)


def host_of(url: str | None) -> str:
    """The host of a URL, made harmless; empty if there is none."""
    try:
        return harmless(urlsplit(url or "").hostname or "")
    except ValueError:
        return ""


def verdict_lines(snapshot: Snapshot, canvas: Canvas) -> list[Text]:
    """The verdict line. Counts are never cut: without room beside them, the name goes to a line of its own."""
    head, title = headline(snapshot, canvas), Text(title_words(snapshot, canvas), STRONG)
    room = canvas.width - cell_len(head.plain) - 3
    if cell_len(title.plain) <= max(room, 0):
        return [Text.assemble(head, "   ", title)]
    title.truncate(canvas.width, overflow="ellipsis")
    return [head, title]


def reason_lines(reasons: Sequence[Reason], canvas: Canvas, most: int = REASONS) -> list[Text]:
    """Why the verdict is what it is, a line each, and `+N more`."""
    lines = []
    for reason in reasons[:most]:
        name = f"{harmless(reason.level[-1])}  " if reason.level else ""
        said = harmless(reason.message or reason.outcome or str(reason.state)).strip()
        line = Text.assemble((f"  {canvas.glyphs.states[reason.state]} ", STYLES[reason.state]), name, said)
        line.truncate(canvas.width, overflow="ellipsis")
        lines.append(line)
    if len(reasons) > most:
        lines.append(Text(f"  +{len(reasons) - most} more", QUIET))
    return lines


def facts(snapshot: Snapshot, canvas: Canvas, not_before: Millis | None = None) -> list[str]:
    """When it started, how long it takes, when it ends at the earliest, and how old the data is."""
    node, now = snapshot.node, snapshot.fetched_at
    began = node.started_at or node.created_at
    found = []
    if began is not None:
        ran = span_of_time(began, node.last_updated_at, now) if node.ended else f"started {local_time(began, now)}"
        found.append(f"{ran} {zone(began)}")
    found.append(duration(node.elapsed_seconds(now)))
    found.append(f"not before {local_time(not_before, now)}" if not_before is not None else "")
    found.append(f"as of {local_time(now, now)}" if began is not None else f"as of {local_time(now, now)} {zone(now)}")
    if canvas.ids:
        found.append(f"job {harmless(snapshot.job_id)}, {snapshot.task_type or 'task'} {harmless(snapshot.task_id)}")
    return [fact for fact in found if fact]


def header(snapshot: Snapshot, canvas: Canvas, not_before: Millis | None = None) -> Group:
    """The verdict line, up to three reasons, and the facts."""
    told = Text(canvas.glyphs.dot.join(facts(snapshot, canvas, not_before)), QUIET)
    return Group(*verdict_lines(snapshot, canvas), *reason_lines(snapshot.reasons, canvas), told)


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
