"""Parts shared by tables, trees and the live view. Server text enters Rich as `Text` only: a `str` could be markup."""

from __future__ import annotations

import re
from collections import Counter
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
from rich.theme import Theme

from migstat.model.nodes import Level, Millis, Node, State, TaskType
from migstat.model.reports import ChecksReport, ProjectsReport, nothing_moved, worst_first
from migstat.model.verdict import Reason, Snapshot, Verdict
from migstat.render.text import duration, grouped, harmless, local_time, span_of_time, zone
from migstat.render.theme import QUIET, STRONG, STYLES, Glyphs, count_words, describe

if TYPE_CHECKING:
    from migstat.model.nights import Span

ALL_LISTS = Text("--all lists them", QUIET)
"""How to see what a table only counts."""

THEME = Theme(STYLES)
"""For every console: with it a state is the name of its own style."""

Part = TypeVar("Part")
Joined = TypeVar("Joined", str, Text)
Item = TypeVar("Item", Node, "Span")

REASONS = 3
"""Most reasons listed below the verdict; the rest is counted."""

NARROW, WIDE = 60, 100
"""Window widths from which there is room for elapsed times, and for bars, the API's own words and whole phrases."""

LOW, LOWER, LOWEST = 20, 13, 9
"""Window heights below which a message takes one line, nothing is repeated, and only verdict and failures are left.

`drawing.fitted` draws a view for lower and lower windows until its verdict stays on the screen.
"""

AROUND = 11
"""Lines that header, summary, hint and prompt take from the rows, as a first guess; `drawing.fitted` corrects it."""

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


def folded(nodes: Sequence[Node], canvas: Canvas, *, over: bool, used: int = 0) -> tuple[list[Node], list[Node]]:
    """Split nodes into those that get a row and those that are counted, both worst first.

    What failed or warns gets a row, and what is missing once it is `over`. What is running, or not reported yet, gets
    one if the failures above it stay on the screen. The lowest windows only count warnings.
    """
    bad = {State.FAILED, *([State.WARNING] if canvas.height >= LOWEST else []), *([State.MISSING] if over else [])}
    ordered = worst_first(nodes)
    going = [
        node for state in (State.RUNNING, State.MISSING) if state not in bad for node in ordered if node.state is state
    ]
    return shown_and_counted(ordered, bad, going, canvas.height - AROUND - used, canvas)


def gap(canvas: Canvas) -> tuple[str, ...]:
    """A blank line, if there is room for one."""
    return ("",) if canvas.height >= LOW else ()


def wrapped(text: Text, width: int, console: Console) -> list[Text]:
    """The lines of a text, which end between words but never within a number: half a number is a wrong one.

    Rich breaks at any kind of space, so `_SPACE` stands for the spaces in numbers, also in what is returned.
    """
    text = text.copy()
    text.plain = _IN_NUMBER.sub(_SPACE, text.plain)
    return [*text.wrap(console, width, overflow="fold")]


_IN_NUMBER = re.compile(r"(?<=\d) (?=\d{3}\b)")
_SPACE = "\ue000"
"""One cell wide and for private use, so no message has it."""


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
        lines = wrapped(self.text, width, console)
        if len(lines) > self.lines:
            last = lines[self.lines - 1]
            last.rstrip()
            while " " in last.plain and cell_len(last.plain) > width - 2:
                last = last[: last.plain.rindex(" ")]
            last.truncate(max(width - 1, 1))
            lines[self.lines - 1 :] = [last + Text("…")]
        for each in lines:
            each.plain = each.plain.replace(_SPACE, " ")
            yield each


class Flow(msgspec.Struct, frozen=True):
    """Texts with dots between them, on as many lines as they need. Lines end at a dot: half a number is a wrong one."""

    texts: Sequence[Text]
    canvas: Canvas

    @property
    def joined(self) -> Text:
        """All of it on one line."""
        return Text(self.canvas.glyphs.dot, QUIET).join(self.texts)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Measure it as if it were on one line."""
        return Measurement.get(console, options, self.joined)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Fill one line after the other."""
        kept: list[Text] = []
        for text in self.texts:
            if kept and Flow([*kept, text], self.canvas).joined.cell_len > options.max_width:
                yield Flow(kept, self.canvas).joined
                kept = []
            kept.append(text)
        yield Flow(kept, self.canvas).joined


def line(*parts: Text | str | tuple[str, str]) -> Text:
    """A text on one line, which Rich cuts with an ellipsis where it does not fit."""
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def mark(state: State, words: str, canvas: Canvas) -> Text:
    """The glyph of a state, and words in its color."""
    return Text(f"{canvas.glyphs.states[state]} {words}", state)


def counts_of(states: Mapping[State, int], canvas: Canvas, *, over: bool, words: bool = True) -> list[Text]:
    """Counts by state, worst first: `✔ 25 succeeded` and `○ 7 pending`, or without the words."""
    return [
        mark(state, count_words(n, state, over=over) if words else grouped(n), canvas)
        for state in State
        if (n := states.get(state))
    ]


def folded_line(states: Mapping[State, int], canvas: Canvas, *, over: bool) -> Flow:
    """The last line of a folded table, which counts what has no row; without words if they do not fit."""
    flow = Flow([*counts_of(states, canvas, over=over), ALL_LISTS], canvas)
    if flow.joined.cell_len <= canvas.width:
        return flow
    return Flow([*counts_of(states, canvas, over=over, words=False), ALL_LISTS], canvas)


def fitting(parts: Iterable[tuple[int, Part]], width: int, join: Callable[[list[Part]], Joined]) -> Joined:
    """Join parts to one line without the least important ones that do not fit; 0 is the most important.

    Rich would cut the last part in the middle instead, and a number that is cut is a wrong number.
    """
    kept = list(parts)
    while True:
        joined = join([part for _, part in kept])
        if len(kept) <= 1 or cell_len(str(joined)) <= width:
            return joined
        kept.remove(max(kept, key=lambda part: part[0]))


def bar(share: float, state: State, width: int) -> ProgressBar:
    """A bar for a share of 0..1, in the color of a state."""
    return ProgressBar(1.0, min(max(share, 0.0), 1.0), width, style=QUIET, complete_style=state, finished_style=state)


def table_of(canvas: Canvas, *names: str, name: int | None = 0, right: Sequence[str] = ()) -> Table:
    """A table without borders, whose last column wraps. Column number `name` is cut at a third of the window."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=QUIET, show_header=any(names))
    for at, head in enumerate(names):
        last = at == len(names) - 1
        table.add_column(
            head,
            no_wrap=not last,
            overflow="fold" if last else "ellipsis",
            justify="right" if head in right else "left",
            max_width=max(canvas.width // 3, 12) if at == name else None,
        )
    return table


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """What stands above everything else: the verdict, counts, and what it is about.

    A count may have a state, which gives it glyph and color, and a shorter form for narrow windows. `name` is harmless,
    `destination` is the URL of the site, and `level` that of a single node.
    """

    state: State
    word: str
    counts: tuple[tuple[State | None, str, str], ...] = ()
    name: str = ""
    destination: str | None = None
    level: Level = ()

    def title(self, glyphs: Glyphs) -> str:
        """Name and host, and the level if that is not the root: `Jira to the cloud → acme-cloud.example.com`."""
        host, level = host_of(self.destination), ",".join(map(harmless, self.level))
        return self.name + (f" {glyphs.arrow} {host}" if host else "") + (f" ({level})" if level else "")


def heading_of(snapshot: Snapshot) -> Heading:
    """The heading of a report: `● running`, `27 of 40`, `✖ 1 failed`, and its title."""
    verdict, root, summary = State(snapshot.verdict), snapshot.node, snapshot.summary
    words = describe(root, snapshot.fetched_at)
    counts: list[tuple[State | None, str, str]] = []
    # Checks that have not begun are not reported, so counting them would be wrong: a running check task counts itself.
    own = next((phase for phase in root.progress if phase.total), None)
    if snapshot.task_type == TaskType.CHECK and own is not None and not root.ended:
        counts.append((None, f"{grouped(own.processed or 0)} of {grouped(own.total or 0)} checks", ""))
        counts += [(None, words.percent, "")] if words.percent else []
    elif snapshot.partial:
        counts += [(None, f"{grouped(summary.total)} in scope", "")] if summary.unread else []
    elif summary.total:
        counts.append((None, f"{grouped(summary.finished)} of {grouped(summary.total)}", ""))
    missing = summary.missing if root.ended and snapshot.missing else 0
    bad = ((State.FAILED, summary.failed), (State.WARNING, summary.warning), (State.MISSING, missing))
    counts += [(state, count_words(count, state), grouped(count)) for state, count in bad if count]
    if snapshot.accepted:
        counts.append((None, f"{grouped(len(snapshot.accepted))} accepted", ""))
    return Heading(
        state=verdict,
        word=words.words if root.state is verdict else str(verdict),
        counts=tuple(counts),
        name=harmless(snapshot.job_name) if snapshot.job_name else f"job {snapshot.job_id}",
        destination=snapshot.destination,
        level=root.level,
    )


def heading_lines(heading: Heading, canvas: Canvas) -> list[RenderableType]:
    """A heading on one line, or two where the window is not one of the lowest.

    No count is cut: counts lose their nouns, then the title goes to a line of its own; in the lowest windows it gives
    way, then the last counts.
    """
    verdict = mark(heading.state, heading.word, canvas)
    verdict.stylize(STRONG)
    for brief in (False, True):
        texts = [verdict]
        for state, words, short in heading.counts:
            shown = short if brief and short else words
            texts.append(mark(state, shown, canvas) if state is not None else Text(shown))
        head = Flow(texts, canvas).joined
        if head.cell_len <= canvas.width:
            break
    room, title = canvas.width - head.cell_len - 3, line((heading.title(canvas.glyphs), STRONG))
    if title and room >= title.cell_len:
        return [line(head, "   ", title)]
    # A destination that is cut cannot be told from another.
    if canvas.height >= LOWEST:
        title.no_wrap = canvas.height < LOWER
        return [Flow(texts, canvas), *([title] if title else [])]
    if room >= min(cell_len(heading.name), SHORTEST_TITLE):
        return [line(head, "   ", (heading.name, STRONG))]
    return [line(fitting(enumerate(texts), canvas.width, lambda kept: Flow(kept, canvas).joined))]


def host_of(url: str | None) -> str:
    """The host of a URL, made harmless; empty if there is none."""
    try:
        return harmless(urlsplit(url or "").hostname or "")
    except ValueError:
        return ""


def reason_lines(
    reasons: Sequence[Reason], canvas: Canvas, most: int = REASONS, *, wrap: bool = False
) -> list[RenderableType]:
    """The reasons for the verdict, on one line each unless they `wrap`, and `+N more`."""
    grid, lines = Table.grid(), list[RenderableType]()
    for reason in reasons[:most]:
        name = f"{harmless(reason.level[-1])}  " if reason.level else ""
        sign, words = f"  {canvas.glyphs.states[reason.state]} ", name + harmless(reason.text).strip()
        grid.add_row(Text(sign, reason.state), Prose(Text(words)))
        lines.append(line((sign, reason.state), words))
    more = [Text(f"  +{len(reasons) - most} more", QUIET)] if len(reasons) > most else []
    return [*([grid] if wrap and reasons else lines), *more]


def facts_line(facts: Iterable[tuple[int, str]], canvas: Canvas) -> RenderableType:
    """Facts by importance, those below 0 as warnings; a low window has only as many as fit on one line."""
    texts = [(rank, Text(fact, State.WARNING if rank < 0 else QUIET)) for rank, fact in facts if fact]
    if canvas.height < LOWER:
        return line(fitting(texts, canvas.width, lambda kept: Flow(kept, canvas).joined))
    return Flow([text for _, text in texts], canvas)


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
    reasons = snapshot.reasons
    if nothing_moved(snapshot):  # that no key was reported is no news then
        reasons = tuple(reason for reason in reasons if reason.state is not State.MISSING)
    if canvas.height < LOWER:
        reasons = tuple(reason for reason in reasons if reason.level not in rows)
    if canvas.height < LOWEST:
        reasons = tuple(reason for reason in reasons if reason.state is not State.WARNING)
    return Group(
        *heading_lines(heading_of(snapshot), canvas),
        *reason_lines(reasons, canvas),
        facts_line(facts, canvas),
    )


def rest_line(
    report: ChecksReport | ProjectsReport, rest: Sequence[Node], canvas: Canvas, kind: str
) -> list[RenderableType]:
    """The last line of a list: the counts of what has no row, or of what a filter let through."""
    found = report.checks if isinstance(report, ChecksReport) else report.projects
    total = report.snapshot.summary.total
    if report.filtered:
        return [Text(f"{len(found)} of {total} {kind}: {harmless(report.filtered)}", QUIET)]
    if rest:
        return [folded_line(Counter(node.state for node in rest), canvas, over=report.snapshot.node.ended)]
    refused = report.snapshot.verdict is Verdict.FAILED
    return [] if found else [Text(f"No {kind} were reported." if refused else f"No {kind} are reported yet.", QUIET)]
