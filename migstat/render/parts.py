"""Parts shared by tables, trees and the live view. Server text enters Rich as `Text` only: a `str` could be markup."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import msgspec
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from migstat.model.acceptance import Acceptance
from migstat.model.nodes import Level, Millis, Node, State, TaskType
from migstat.model.reports import nothing_moved
from migstat.model.verdict import Reason, Snapshot
from migstat.render.text import duration, grouped, harmless, local_time, short_date, span_of_time, zone
from migstat.render.theme import QUIET, STRONG, STYLES, Glyphs, count_words, message_words, state_words

if TYPE_CHECKING:
    from migstat.model.nights import Span

ALL_LISTS = Text("--all lists them", QUIET)
"""How to see what a table only counts."""

Part = TypeVar("Part")
Item = TypeVar("Item", Node, "Span")

REASONS = 3
"""Most reasons listed below the verdict; the rest is counted."""

NARROW, WIDE = 60, 100
"""Window widths from which the live view has elapsed times, and states in the API's words."""

LOW, LOWER, LOWEST = 20, 13, 9
"""Window heights below which a message takes one line, nothing is repeated, and only verdict and failures are left.

`drawing.fitted` draws a view for lower and lower windows until its verdict stays on the screen.
"""

SHORTEST_TITLE = 12
"""Fewest cells in which a cut name still says something."""


class Canvas(msgspec.Struct, frozen=True):
    """A window of `width` cells and `height` lines, its glyphs, and whether the ids of job and task are shown."""

    width: int
    glyphs: Glyphs
    height: int = 24
    ids: bool = False


def shown_and_counted(
    items: Sequence[Item], bad: Collection[State], others: Sequence[Item], room: int, canvas: Canvas
) -> tuple[list[Item], list[Item]]:
    """Split the items into those that get a row and those that are only counted. Both keep their order.

    Whatever is `bad` gets a row. The `others`, the most important first, get what is left of the `room`, but at least
    a few rows: a screen full of failures must still show whether anything is running.
    """
    few = min(3, canvas.height // 4)
    kept = {item.level for item in others[: max(room - sum(item.state in bad for item in items), few)]}
    shown = [item for item in items if item.state in bad or item.level in kept]
    return shown, [item for item in items if item.state not in bad and item.level not in kept]


def gap(canvas: Canvas) -> tuple[str, ...]:
    """A blank line, if there is room for one."""
    return ("",) if canvas.height >= LOW else ()


class Prose(msgspec.Struct, frozen=True):
    """Text that wraps in its column, cut with an ellipsis after `lines` lines. Rich can only cut the first."""

    text: Text
    lines: int = 3

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Measure it as plain text: without this, a table would give its column all the width there is."""
        return Measurement.get(console, options, self.text)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Wrap it into lines, and cut the last between words: half a URL is useless."""
        width = options.max_width
        lines = self.text.wrap(console, width, overflow="fold")
        yield from lines[: self.lines - 1]
        if len(lines) > self.lines:
            last = lines[self.lines - 1]
            last.rstrip()
            while " " in last.plain and cell_len(last.plain) > width - 2:
                last = last[: last.plain.rindex(" ")]
            last.truncate(max(width - 1, 1))
            yield last + Text("…")
        else:
            yield from lines[self.lines - 1 :]


def state_text(node: Node, canvas: Canvas) -> Text:
    """Glyph and word of a node's state, with the API's own word if it says more and the window has room for it."""
    state = State.FAILED if node.unreadable and not node.ended else node.state
    words = state_words(node) if canvas.width >= NARROW else state_words(node).partition(" (")[0]
    return Text(f"{canvas.glyphs.states[state]} {words}", STYLES[state])


def counts_text(states: Mapping[State, int], canvas: Canvas, *, words: bool = True) -> Text:
    """Counts by state: `✔ 25 succeeded · ○ 7 pending`, or without the words."""
    return Text(canvas.glyphs.dot, QUIET).join(
        Text(f"{canvas.glyphs.states[state]} {count_words(n, state) if words else grouped(n)}", STYLES[state])
        for state, n in states.items()
        if n
    )


def folded_line(states: Mapping[State, int], canvas: Canvas) -> Text:
    """The last line of a folded table, which counts what has no row; without words if they do not fit."""
    dot = Text(canvas.glyphs.dot, QUIET)
    line = dot.join([counts_text(states, canvas), ALL_LISTS])
    return line if line.cell_len <= canvas.width else dot.join([counts_text(states, canvas, words=False), ALL_LISTS])


def fitting(parts: Sequence[tuple[int, str]], canvas: Canvas, *, wrap: bool = False) -> str:
    """Join parts to one line, which may `wrap` or else loses its least important parts; 0 is the most important."""
    dot, width = canvas.glyphs.dot, canvas.width
    return dot.join(most_important(parts, lambda kept: wrap or cell_len(dot.join(kept)) <= width))


def most_important(parts: Iterable[tuple[int, Part]], fits: Callable[[list[Part]], bool]) -> list[Part]:
    """Leave out the least important parts until the rest `fits`; 0 is the most important.

    Rich would cut the last part in the middle instead, and a number that is cut is a wrong number.
    """
    kept = list(parts)
    while len(kept) > 1 and not fits([part for _, part in kept]):
        kept.remove(max(kept, key=lambda part: part[0]))
    return [part for _, part in kept]


def bar(share: float, state: State, width: int) -> ProgressBar:
    """A bar for a share of 0..1, in the color of a state."""
    style = STYLES[state]
    return ProgressBar(1.0, min(max(share, 0.0), 1.0), width, style=QUIET, complete_style=style, finished_style=style)


def percent_text(node: Node) -> Text:
    """Percent of a running node's current phase; empty if it reports none. The API may send more than 100."""
    if node.percent is None or node.ended:
        return Text()
    return Text(f"{min(max(node.percent, 0), 100):.0f} %", STYLES[State.RUNNING], justify="right")


def message_text(node: Node, canvas: Canvas | None = None) -> Text:
    """Counts of a running node's current phase, and its message or the reason why it could not be read.

    On a narrow canvas it begins with the API's own word for the state, which has no room in the column of states.
    """
    phases = []
    for phase in node.progress:
        counts = [grouped(count) for count in (phase.processed, phase.total) if count is not None]
        phases.append(f"{harmless(phase.name or '')} {'/'.join(counts)}".strip())
    message = "; ".join(part for part in (" ".join(phases), harmless(message_words(node) or "").strip()) if part)
    own = state_words(node).partition(" (")[2].removesuffix(")") if canvas and canvas.width < NARROW else ""
    return Text(": ".join(part for part in (own, message) if part))


def headline(snapshot: Snapshot, canvas: Canvas, *, words: bool = True) -> Text:
    """The verdict and the counts: `● running · 27 of 40 · ✖ 1 failed`, or only `✖ 1` without `words`."""
    verdict = State(snapshot.verdict)
    root = snapshot.node
    word = state_words(root) if root.state is verdict else str(verdict)
    parts = [Text(f"{canvas.glyphs.states[verdict]} {word}", f"bold {STYLES[verdict]}")]
    summary = snapshot.summary
    # Checks that have not begun are not reported, so counting them would be wrong: a running check task counts itself.
    own = next((phase for phase in root.progress if phase.total), None)
    if snapshot.task_type == TaskType.CHECK and own is not None and not root.ended:
        parts.append(Text(f"{grouped(own.processed or 0)} of {grouped(own.total or 0)} checks"))
        parts += [percent_text(root)] if root.percent is not None else []
    elif snapshot.partial and summary is not None:
        parts += [Text(f"{grouped(summary.total)} in scope")] if summary.unread else []
    elif summary is not None and summary.total:
        parts.append(Text(f"{grouped(summary.finished)} of {grouped(summary.total)}"))
    if summary is not None:
        bad: dict[State, int] = {State.FAILED: summary.failed, State.WARNING: summary.warning}
        if root.ended and snapshot.missing:
            bad[State.MISSING] = summary.missing
        parts += [counts_text(bad, canvas, words=words)] if any(bad.values()) else []
    if snapshot.accepted:
        parts.append(Text(f"{grouped(len(snapshot.accepted))} accepted"))
    return Text(canvas.glyphs.dot, QUIET).join(parts)


def title_words(snapshot: Snapshot, canvas: Canvas) -> str:
    """Name, destination, and the level if it is not the root: `Jira to the cloud → acme-cloud.example.com`."""
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


def verdict_lines(snapshot: Snapshot, canvas: Canvas, head: Text | None = None) -> list[Text]:
    """The headline, or another `head`, with name and destination.

    Counts are never cut: the name goes to a line of its own instead, and has none in the lowest windows.
    """
    head = head or headline(snapshot, canvas)
    if head.cell_len > canvas.width:
        head = headline(snapshot, canvas, words=False)
    title, room = Text(title_words(snapshot, canvas), STRONG), canvas.width - head.cell_len - 3
    if title.cell_len > room and canvas.height >= LOWEST:
        title.truncate(canvas.width, overflow="ellipsis")
        return [head, title]
    if title.cell_len > room and room < SHORTEST_TITLE:
        return [head]
    title.truncate(room, overflow="ellipsis")
    return [Text.assemble(head, "   ", title)]


def reason_lines(
    reasons: Sequence[Reason], canvas: Canvas, most: int = REASONS, *, wrap: bool = False
) -> list[RenderableType]:
    """The reasons for the verdict, on one line each unless they `wrap`, and `+N more`."""
    lines: list[RenderableType] = []
    for reason in reasons[:most]:
        name = f"{harmless(reason.level[-1])}  " if reason.level else ""
        message = harmless(reason.text).strip()
        sign = (f"  {canvas.glyphs.states[reason.state]} ", STYLES[reason.state])
        if wrap:
            line = Table.grid()
            line.add_row(Text(*sign), Prose(Text(name + message)))
            lines.append(line)
        else:
            cut = Text.assemble(sign, name, message)
            cut.truncate(canvas.width, overflow="ellipsis")
            lines.append(cut)
    if len(reasons) > most:
        lines.append(Text(f"  +{len(reasons) - most} more", QUIET))
    return lines


def acceptance_words(entry: Acceptance, now: Millis) -> str:
    """How long a check is accepted, by whom and why: `until 1 Dec, Maria: merged on purpose`."""
    by = f", {harmless(entry.by)}" if entry.by else ""
    return f"until {short_date(entry.until, now)}{by}: {harmless(entry.reason)}"


def header(
    snapshot: Snapshot, canvas: Canvas, not_before: Millis | None = None, *, rows: Collection[Level] = ()
) -> Group:
    """The verdict, up to three reasons, and the facts: start, duration, earliest end, and the age of the data.

    `rows` are the levels that have a row below; low windows do not give their reasons twice.
    """
    node, now = snapshot.node, snapshot.fetched_at
    began = node.started_at or node.created_at
    facts = []
    if began is not None:
        ran = span_of_time(began, node.last_updated_at, now) if node.ended else f"started {local_time(began, now)}"
        facts.append((0, f"{ran} {zone(began)}"))
    facts.append((1, duration(node.elapsed_seconds(now))))
    facts.append((2, f"not before {local_time(not_before, now)}" if not_before is not None else ""))
    facts.append((3, f"as of {local_time(now, now)}" + ("" if began is not None else f" {zone(now)}")))
    if canvas.ids:
        ids = f"job {harmless(snapshot.job_id)}, {snapshot.task_type or 'task'} {harmless(snapshot.task_id)}"
        facts.append((4, ids))
    facts = [(importance, fact) for importance, fact in facts if fact]
    reasons = snapshot.reasons
    if nothing_moved(snapshot):  # that no key was reported is no news then
        reasons = tuple(reason for reason in reasons if reason.state is not State.MISSING)
    if canvas.height < LOWER:
        reasons = tuple(reason for reason in reasons if reason.level not in rows)
    if canvas.height < LOWEST:
        reasons = tuple(reason for reason in reasons if reason.state is not State.WARNING)
    return Group(
        *verdict_lines(snapshot, canvas),
        *reason_lines(reasons, canvas),
        Text(fitting(facts, canvas, wrap=canvas.height >= LOWER), QUIET),
    )
