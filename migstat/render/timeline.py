"""A recorded night as a view: bars over an axis of local time, their legend, and the summary."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

import msgspec
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from migstat.model.nights import Night, Span, TimelineReport
from migstat.model.nodes import Millis, State
from migstat.render.drawing import LOW, LOWEST, Canvas, Prose, gap
from migstat.render.folding import folded_line, shown_and_counted
from migstat.render.heading import REASONS, facts_line, heading_lines
from migstat.render.night_words import (
    DAY,
    MINUTE,
    difference_words,
    elapsed_words,
    failures,
    night_heading,
    summary_of_night,
    when_words,
)
from migstat.render.text import harmless, local_of, zone
from migstat.render.theme import QUIET, UNICODE

AROUND_BARS = 13
"""Lines that everything but the bars takes, as a first guess; `drawing.fitted` corrects it."""

SHORTEST_BAR = 8
"""Minimum cells of the axis: in a narrow window names are cut for it, as the durations are what one looks for."""

WITH_DIFFERENCE = 36
WITH_MESSAGE = 140
"""Window widths from which a row has the difference from the rehearsal, and its message."""

HOUR = 60 * MINUTE
STEPS = [
    *(count * MINUTE for count in (1, 2, 5, 10, 15, 30)),
    *(count * HOUR for count in (1, 2, 3, 6, 12)),
    *(count * DAY for count in (1, 2, 7, 14, 28)),
]
"""Distances between the marks of the axis."""


class Signs(msgspec.Struct, frozen=True):
    """What bars are made of: a sign per phase, and those for times without a known phase."""

    phases: str
    unphased: str
    unseen: str
    going: str


SIGNS = Signs("░▒█▚▄▞", "▓", "·", "▸")
ASCII_SIGNS = Signs("-=#%ox", "+", ".", ">")


class Axis(msgspec.Struct, frozen=True):
    """A stretch of time on a number of cells. A mark is the cell where it begins, and its words."""

    since: Millis
    to: Millis
    cells: int
    marks: tuple[tuple[int, str], ...] = ()

    def cell(self, at: Millis) -> int:
        """The cell that holds an instant."""
        return min(max(math.floor((at - self.since) * self.cells / (self.to - self.since)), 0), self.cells - 1)


def axis_of(report: TimelineReport, cells: int, *, letter: float = 1) -> Axis:
    """The axis of a night. It begins at a mark, and has as many marks as their words leave room for.

    Each `letter` takes so many cells. If the zone changes, the first mark of each has it.
    """
    night = report.night
    ends = [at for span in report.rows for at in (span.started, span.ended) if at is not None]
    ends += [at for at in (night.started, night.ended or night.as_of) if at is not None] or [0]
    since, to = min(ends), max(*ends, min(ends) + MINUTE)
    step = next((step for step in STEPS if cells * step >= 8 * letter * (to - since)), (to - since) // 4)
    first, *_ = marks = [*_marks(since, to, step)]
    axis, labels, free = Axis(first, to, cells), list[tuple[int, str]](), 0.0
    named = "" if zone(first) != zone(to) else zone(first)
    for at in marks:
        local = local_of(at)
        if local is None:
            continue
        midnight = local.hour == local.minute == 0
        dated = step >= DAY or (midnight and to - first > DAY)
        words = f"{local.day} {local:%b}" if dated else f"{local:%H:%M}"
        words += f" {zone(local)}" if not dated and zone(local) != named else ""
        cell = axis.cell(at)
        if free <= cell <= cells - len(words) * letter:
            labels.append((cell, words))
            free = cell + (len(words) + 2) * letter
            named = named if dated else zone(local)
    return msgspec.structs.replace(axis, marks=tuple(labels))


def _marks(since: Millis, to: Millis, step: Millis) -> Iterator[Millis]:
    """Round local times, the first of them not after `since`. An hour may come twice when the clocks change."""
    local = local_of(since)
    if local is None or step > STEPS[-1]:
        yield from range(since, to, max(step, 1))
    elif step <= HOUR:
        offset = int((local.utcoffset() or timedelta()).total_seconds()) * 1000
        yield from range(since - (since + offset) % step, to + 1, step)
    else:  # by the clock on the wall, which may jump
        wall = local.replace(minute=0, second=0, microsecond=0, tzinfo=None)
        wall -= timedelta(hours=wall.hour % max(1, min(step // HOUR, 24)))
        while (at := int(wall.timestamp() * 1000)) <= to:
            yield at
            wall += timedelta(milliseconds=step)


def bar_of(span: Span, night: Night, axis: Axis, phases: Sequence[str], signs: Signs) -> str:
    """The bar of a node, from the start of the axis on, without the sign of how it ended."""
    end = span.ended if span.state.ended else night.as_of
    if span.started is None or end is None:
        return " " * axis.cell(span.ended) if span.ended is not None else ""
    first, last = axis.cell(span.started), axis.cell(max(end - 1, span.started))
    # Phases between polls are a guess while nothing polled; start and end are the API's own times.
    unseen = night.unseen if span.phases else ()
    cells = []
    for cell in range(first, last + 1):
        middle = axis.since + (axis.to - axis.since) * (cell + 0.5) / axis.cells
        at = min(max(middle, span.started), end - 1)
        phase = next((seen for seen in reversed(span.phases) if seen.begun <= at < (seen.to or end + 1)), None)
        if any(gap.since <= at < gap.to for gap in unseen):
            cells.append(signs.unseen)
        elif phase is not None and phase.name in phases:
            cells.append(signs.phases[phases.index(phase.name) % len(signs.phases)])
        else:
            cells.append(signs.unphased)
    return " " * first + "".join(cells)


def timeline_view(report: TimelineReport, canvas: Canvas) -> RenderableType:
    """Verdict, times, bars, their legend, and the summary."""
    night = report.night
    lowest = canvas.height < LOWEST
    head = heading_lines(night_heading(night), canvas)
    head += [facts_line(enumerate(when_words(report)), canvas), *gap(canvas)]
    if not night.spans:
        return Group(*head, Text("Nothing has been recorded yet.", QUIET))
    rows, rest = folded_rows(report, canvas)
    if rows:
        head += _bars(report, rows, canvas)
    if report.filtered:
        head.append(Text(f"{len(report.rows)} of {len(report.nodes)}: {report.filtered}", QUIET))
    elif rest:
        head.append(folded_line(rest, canvas, over=night.over, listed={span.state for span in rows}))
    summary = Table.grid(expand=True, padding=(0, 2, 0, 0))
    summary.add_column()
    summary.add_column(ratio=1)
    for label, words in () if lowest else summary_of_night(report):
        summary.add_row(Text(label, QUIET, no_wrap=True), Prose(Text(words), 2 if canvas.height >= LOW else 1))
    failed_rows = failures(report, 2 if lowest else REASONS)
    lines = 2 if len(failed_rows) == 1 and canvas.height >= LOW else 1
    for at, (name, words) in enumerate(failed_rows):
        failed = Text.assemble((name, State.FAILED), "  " if name and words else "", words)
        summary.add_row(Text("" if at else "failed", QUIET), Prose(failed, lines))
    return Group(*head, *gap(canvas), summary)


def folded_rows(report: TimelineReport, canvas: Canvas) -> tuple[list[Span], dict[State, int]]:
    """The nodes that get a row, and the others counted by state.

    What failed always gets one; then what warns, what is still running, and what took longest.
    """
    if report.show_all or report.filtered:
        return [*report.rows], {}
    night = report.night
    bad = {State.FAILED, *([State.MISSING] if report.counts_missing else [])}
    dull = {State.PENDING, State.SKIPPED, State.MISSING} - bad
    others = [span for span in report.rows if span.state not in bad | dull]
    others.sort(key=lambda span: (span.state.rank, -(night.elapsed_of(span) or 0)))
    shown, rest = shown_and_counted(report.rows, bad, others, canvas.height - AROUND_BARS, canvas)
    return shown, Counter(span.state for span in rest)


def _bars(report: TimelineReport, rows: Sequence[Span], canvas: Canvas) -> list[RenderableType]:
    """Axis, bars and legend.

    Rich would only choose the widths of columns while it draws. The axis, on whose cells bars and legend depend, needs
    its own before, so the other columns are added up here.
    """
    night, width = report.night, canvas.width
    signs = SIGNS if canvas.glyphs is UNICODE else ASCII_SIGNS
    elapsed = [elapsed_words(span, night) for span in rows]
    differences = [difference_words(report.difference(span)) for span in rows]
    taken = 2 + 2 + 1 + 2 + max(7, *map(len, elapsed))
    with_difference = report.against is not None and width >= WITH_DIFFERENCE
    if with_difference:
        taken += 2 + max(3, *map(len, differences))
    longest = max(cell_len(harmless(span.name)) for span in rows)
    names = min(longest, max(width // 4, 10), max(width - taken - SHORTEST_BAR, 4))
    message = 2 + min(max(width - 100, 0), 60) if width >= WITH_MESSAGE else 0
    phases = report.phase_names
    axis = axis_of(report, max(width - taken - names - message, SHORTEST_BAR))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=QUIET)
    table.add_column("", no_wrap=True, width=names + 2)
    head = Text()
    for cell, words in axis.marks:
        head.append(" " * (cell - len(head)) + words)
    table.add_column(head, no_wrap=True, width=axis.cells + 1)
    table.add_column("ELAPSED", no_wrap=True)
    if with_difference:
        table.add_column("+/-", no_wrap=True, justify="right")
    if message:
        table.add_column("MESSAGE", ratio=1)
    used = ""
    for span, took, difference in zip(rows, elapsed, differences, strict=True):
        glyph = "" if span.state in (State.RUNNING, State.SUCCEEDED) else canvas.glyphs.states[span.state]
        bar = bar_of(span, night, axis, phases, signs)
        end = canvas.glyphs.states[State.FAILED] if span.state is State.FAILED and span.ended is not None else ""
        end = signs.going if span.state is State.RUNNING and span.started is not None else end
        used += bar + end + took
        cells: list[RenderableType] = [
            Text.assemble((f"{glyph or ' '} ", span.state), harmless(span.name)),
            Text(bar + end, span.state),
            Text(took, QUIET),
        ]
        if with_difference:
            more, rehearsed = report.difference(span), report.rehearsed(span) or 0
            # Less than a minute may just be the time between two polls.
            slow = more is not None and more >= max(60, rehearsed / 10)
            cells.append(Text(difference, State.WARNING if slow else QUIET))
        cells += [Prose(Text(harmless(span.message or "").strip()), 1)] if message else []
        table.add_row(*cells)
    return [table, *legend(phases, used, signs, width)[: 3 if canvas.height >= LOWEST else 1]]


def legend(phases: Sequence[str], used: str, signs: Signs, width: int) -> list[Text]:
    """The meaning of the signs that were used."""
    meanings = [(signs.phases[at % len(signs.phases)], harmless(name)) for at, name in enumerate(phases)]
    meanings += [(signs.unphased, "no phases"), (signs.unseen, "not watched"), (signs.going, "still running")]
    meanings.append(("~", "approximate"))
    lines = [""]
    for words in [f"{sign} {words}" for sign, words in meanings if sign in used]:
        if lines[-1] and cell_len(lines[-1]) + 2 + cell_len(words) > width:
            lines.append("")
        lines[-1] += f"{'  ' if lines[-1] else ''}{words}"
    return [Text(line, QUIET, overflow="ellipsis", no_wrap=True) for line in lines if line]
