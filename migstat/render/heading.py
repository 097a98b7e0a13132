"""What stands above everything else: the verdict and its counts, the reasons, and the facts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from urllib.parse import urlsplit

import msgspec
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from migstat.model.nodes import Level, Millis, State, TaskType
from migstat.model.reports import nothing_moved
from migstat.model.verdict import Reason, Snapshot
from migstat.render.drawing import LOWER, LOWEST, Canvas, Flow, Prose, dotted, fitting, line, mark
from migstat.render.text import duration, grouped, harmless, later, local_time, span_of_time, zone
from migstat.render.theme import QUIET, STRONG, Glyphs, count_words, describe

REASONS = 3
"""Most reasons listed below the verdict; the rest is counted."""

SHORTEST_TITLE = 12
"""Fewest cells in which a cut name still says something."""


class Counted(msgspec.Struct, frozen=True):
    """A count of a heading. A state gives it glyph and color; narrow windows have its `short` form, if there is one."""

    words: str
    state: State | None = None
    short: str = ""


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """What stands above everything else: the verdict, counts, and what it is about.

    `name` is harmless, `destination` is the URL of the site, and `level` that of a single node.
    """

    state: State
    word: str
    counts: Sequence[Counted] = ()
    name: str = ""
    destination: str | None = None
    level: Level = ()

    def title(self, glyphs: Glyphs) -> str:
        """Name and host, and the level if that is not the root: `Jira to the cloud → acme-cloud.example.com`."""
        host, level = host_of(self.destination), ",".join(map(harmless, self.level))
        return self.name + (f" {glyphs.arrow} {host}" if host else "") + (f" ({level})" if level else "")


def heading_of(snapshot: Snapshot, unit: str = "") -> Heading:
    """The heading of a report: `● running`, `27 of 40`, `✖ 1 failed`, and its title.

    The `unit` is what is counted, for readers who see no list below.
    """
    verdict, root, summary = State(snapshot.verdict), snapshot.node, snapshot.summary
    words = describe(root, snapshot.fetched_at)
    counts = list[Counted]()
    # Checks that have not begun are not reported, so counting them would be wrong: a running check task counts itself.
    own = next((phase for phase in root.progress if phase.total), None)
    if snapshot.task_type == TaskType.CHECK and own is not None and not root.ended:
        counts.append(Counted(f"{grouped(own.processed or 0)} of {grouped(own.total or 0)} checks"))
        counts += [Counted(words.percent)] if words.percent else []
    elif snapshot.partial:
        counts += [Counted(f"{grouped(summary.total)} in scope")] if summary.unread else []
    elif summary.total:
        counts.append(Counted(f"{grouped(summary.finished)} of {grouped(summary.total)} {unit}".rstrip()))
    missing = summary.missing if root.ended and snapshot.missing else 0
    bad = ((State.FAILED, summary.failed), (State.WARNING, summary.warning), (State.MISSING, missing))
    counts += [Counted(count_words(count, state), state, grouped(count)) for state, count in bad if count]
    if snapshot.accepted:
        counts.append(Counted(f"{grouped(len(snapshot.accepted))} accepted"))
    return Heading(
        state=verdict,
        word=words.words if root.state is verdict else str(verdict),
        counts=counts,
        name=harmless(snapshot.job_name or f"job {snapshot.job_id}"),
        destination=snapshot.destination,
        level=root.level,
    )


def heading_lines(heading: Heading, canvas: Canvas) -> list[RenderableType]:
    """A heading on one line, or two where the window is not one of the lowest.

    No count is cut: counts lose their nouns, then the title goes to a line of its own; in the lowest windows it gives
    way, then the last counts.
    """
    title = line((heading.title(canvas.glyphs), STRONG))
    verdict = mark(heading.state, heading.word, canvas)
    verdict.stylize(STRONG)
    for brief in (False, True):
        texts = [verdict]
        for count in heading.counts:
            shown = count.short if brief and count.short else count.words
            texts.append(mark(count.state, shown, canvas) if count.state is not None else Text(shown))
        head = dotted(texts, canvas.glyphs)
        if head.cell_len <= canvas.width:
            break
    room = canvas.width - head.cell_len - 3
    if title and room >= title.cell_len:
        return [line(head, "   ", title)]
    # A destination that is cut cannot be told from another.
    if canvas.height >= LOWEST:
        title.no_wrap = canvas.height < LOWER
        return [Flow(texts, canvas), *([title] if title else [])]
    if room >= min(cell_len(heading.name), SHORTEST_TITLE):
        return [line(head, "   ", (heading.name, STRONG))]
    return [line(fitting(enumerate(texts), canvas.width, lambda kept: dotted(kept, canvas.glyphs)))]


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
    grid = Table.grid(expand=True)
    grid.add_column()
    grid.add_column(ratio=1)
    for reason in reasons[:most]:
        name = f"{harmless(reason.level[-1])}  " if reason.level else ""
        words = Prose(Text(name + harmless(reason.text).strip()), 3 if wrap else 1)
        grid.add_row(Text(f"  {canvas.glyphs.states[reason.state]} ", reason.state), words)
    more = [Text(f"  +{len(reasons) - most} more", QUIET)] if len(reasons) > most else []
    return [*([grid] if reasons else []), *more]


def facts_line(facts: Iterable[tuple[int, str]], canvas: Canvas) -> RenderableType:
    """Facts by importance, those below 0 as warnings; a low window has only as many as fit on one line."""
    texts = [(rank, Text(fact, State.WARNING if rank < 0 else QUIET)) for rank, fact in facts if fact]
    if canvas.height < LOWER:
        return line(fitting(texts, canvas.width, lambda kept: dotted(kept, canvas.glyphs)))
    return Flow([text for _, text in texts], canvas)


def why_not_over(snapshot: Snapshot, now: Millis, *, brief: bool = False) -> list[tuple[int, str]]:
    """Why a task that seems to have ended still runs, with its importance; nothing for any other."""
    if snapshot.settles_at is None:
        return []
    by = local_time(snapshot.settles_at, now)
    if not snapshot.shape.blocked:
        return [(0, f"ended; late reports until {by}" if brief else f"ended; waiting for late reports until {by}")]
    if brief:
        return [(-1, f"failed unless migration starts by {by}")]
    return [(-1, f"checks failed; counts as failed unless the migration starts by {by}")]


def header(
    snapshot: Snapshot, canvas: Canvas, not_before: Millis | None = None, *, rows: Collection[Level] = ()
) -> Group:
    """The verdict, up to three reasons, and the facts: start, duration, earliest end, and the age of the data.

    `rows` are the levels that have a row below; low windows do not give their reasons twice.
    """
    lines = heading_lines(heading_of(snapshot), canvas)
    reasons = snapshot.reasons
    if nothing_moved(snapshot):  # that no key was reported is no news then
        reasons = tuple(reason for reason in reasons if reason.state is not State.MISSING)
    if canvas.height < LOWER:
        reasons = tuple(reason for reason in reasons if reason.level not in rows)
    if canvas.height < LOWEST:
        reasons = tuple(reason for reason in reasons if reason.state is not State.WARNING)
    lines += reason_lines(reasons, canvas)
    node, now = snapshot.node, snapshot.fetched_at
    began = node.started_at or node.created_at
    facts = []
    if began is not None:
        ended = snapshot.ended_at
        started = local_time(began, now, zoned=True)
        ran = f"started {started}" if snapshot.goes_on else span_of_time(began, ended, now, zoned=True)
        facts.append((0, ran))
    facts.append((1, duration(snapshot.elapsed_seconds(now))))
    facts += why_not_over(snapshot, now)
    end = later(not_before, now)
    facts.append((2, f"not before {local_time(end, now)}" if end is not None else ""))
    facts.append((3, f"as of {local_time(now, now)}" + ("" if began is not None else f" {zone(now)}")))
    if canvas.ids:
        ids = f"job {harmless(snapshot.job_id)}, {snapshot.task_type or 'task'} {harmless(snapshot.task_id)}"
        facts.append((4, ids))
    return Group(*lines, facts_line(facts, canvas))
