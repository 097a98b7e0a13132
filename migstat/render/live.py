"""The live view of a watch: as much as fits into the window, with what went wrong first.

It draws a `SortedView`, which is made once per poll: thousands of projects are not sorted every second.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.styled import Styled
from rich.table import Table
from rich.text import Text

from migstat.model.events import PhaseSeen, View
from migstat.model.nodes import CHECK, Millis, Node, State
from migstat.model.verdict import Verdict
from migstat.render.drawing import NARROW, WIDE, Canvas, Prose, bar, dotted, fitting, line
from migstat.render.folding import counts_of
from migstat.render.heading import Counted, Heading, facts_line, heading_lines, why_not_over
from migstat.render.log import LogLine, name_of, no_answer
from migstat.render.outlook import outlook
from migstat.render.sorted_view import SortedView, progress_of
from migstat.render.text import duration, grouped, harmless, later, local_time
from migstat.render.theme import BAD, QUIET, Glyphs, count_words, describe

FOOTER = "Ctrl-C stops watching; the migration goes on"

ROOMY = 18
"""Window height from which blank lines separate the parts, and the log has three lines."""

SMALL = 10
"""Window height below which only the header, what went wrong and what is running are shown."""

LONGEST_REASON = 4
"""Lines of one message at most; `checks --details` and `projects` show all of it."""

NODE_BAR = 8
"""Cells of the bar of one node."""

DISPENSABLE = 4
"""Importance from which times are left out rather than put into fewer words."""

RARE = 60.0
"""Seconds between two readings from which the next one is announced: meanwhile the screen stands still."""

LONGEST_NAME = 24
"""Cells of a name at most; in a narrow window a third of it, as messages matter more."""


def frame(
    known: SortedView,
    log: Sequence[LogLine],
    now: Millis,
    canvas: Canvas,
    *,
    rates: bool = False,
    footer: str | None = FOOTER,
) -> RenderableType:
    """Lines that never exceed the canvas, neither in number nor in width. `rates` adds how often the API is polled.

    Without a footer it is for a picture, which does not change: it ends with its last line and dates the data.
    """
    outage = known.view.outage
    head = heading_lines(heading(known, now), replace(canvas, height=1))
    head += progress_lines(known, now, canvas, rates=rates, still=footer is None)
    # The header takes at most a third of a low window, the verdict first: failures must be on the screen, too.
    head = head[: max(1, min(3, canvas.height // 3))]
    body = _body(known, log, now, replace(canvas, height=canvas.height - len(head)), footer)
    # What was known before an outage is dim: it may no longer be true.
    return Group(*head, *body) if outage is None else Group(*head, Styled(Group(*body), "dim"))


def heading(known: SortedView, now: Millis) -> Heading:
    """The verdict, or why there is none: no answer yet, none any more, or not everything was read.

    The counts are those of the summary, as in a report; what else failed or warns has a row. Only failed checks of a
    migration, which keep it from starting, are counted apart.
    """
    view, summary = known.view, known.summary
    state, word = State(known.verdict), str(known.verdict)
    if view.outage is not None:
        state = State.FAILED
        word = no_answer(view.outage, now)
    elif view.snapshot is None:
        state, word = State.PENDING, harmless(known.doing) or "waiting for the first answer"
    elif view.reading is not None:
        seen, total = view.reading
        state, word = State.PENDING, f"reading {grouped(seen)}" + (f" of {grouped(total)}" if total else "")
    counts = list[Counted]()
    checks = [node for node in known.problems if node.level[:1] == CHECK and node.state is State.FAILED]
    if known.scopes and checks:
        counts.append(Counted(f"{len(checks)} check{'s' if len(checks) > 1 else ''} failed", State.FAILED))
    bad = {State.FAILED: summary.failed, State.WARNING: summary.warning}
    counts += [Counted(count_words(count, state), state, grouped(count)) for state, count in bad.items() if count]
    if view.snapshot is not None and view.snapshot.accepted:
        counts.append(Counted(f"{grouped(len(view.snapshot.accepted))} accepted", State.SKIPPED))
    destination = view.snapshot.destination if view.snapshot is not None else None
    return Heading(state=state, word=word, counts=counts, name=known.title, destination=destination)


def progress_lines(
    known: SortedView, now: Millis, canvas: Canvas, *, rates: bool = False, still: bool = False, wrap: bool = False
) -> list[RenderableType]:
    """The bar with its counts, once anything is known, and the times, each on one line unless the times may `wrap`."""
    parts = times(known, now, rates=rates, still=still, brief=canvas.width < NARROW)
    needed = [Text(fact) for importance, fact in parts if importance < DISPENSABLE]
    if not wrap and dotted(needed, canvas.glyphs).cell_len > canvas.width:
        parts = times(known, now, rates=rates, still=still, brief=True)
    facts = facts_line(parts, canvas if wrap else replace(canvas, height=1))
    if known.view.snapshot is None:
        return [facts]
    counts = known.counts
    if not counts.all:
        return [Text("Nothing is reported yet.", QUIET), facts]
    label = line(counts.words)
    width = min(40, canvas.width // 2, canvas.width - label.cell_len - 1)
    if width < 4:
        return [label, facts]
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=width)
    grid.add_column(no_wrap=True)
    state = State.SUCCEEDED if counts.done >= counts.all else State.RUNNING
    grid.add_row(bar(counts.done / counts.all, state, width, canvas.glyphs), label)
    return [grid, facts]


def times(
    known: SortedView, now: Millis, *, rates: bool = False, still: bool = False, brief: bool = False
) -> list[tuple[int, str]]:
    """Elapsed time, expected end, and age of the data or, in an outage, the next try; each with its importance.

    A picture is `still`: it has a time instead of an age. In a narrow window they are `brief`.
    """
    view, snapshot = known.view, known.view.snapshot
    read_at = snapshot.fetched_at if snapshot else None
    parts: list[tuple[int, str]] = []
    if (outage := view.outage) is not None:
        left = (outage.next_try - now) / 1000
        if not still:
            parts.append((0, f"next try in {duration(left)}" if left >= 1 else "trying again"))
        if read_at is not None:
            parts.append((1, f"{known.verdict} as of {local_time(read_at, now)}"))
    if snapshot is not None:
        elapsed = snapshot.elapsed_seconds(known.clock(now))
        if elapsed is not None:
            parts.insert(0, (2 if outage is None else 3, duration(elapsed)))
        parts += why_not_over(snapshot, now, brief=brief)
    if known.verdict in (Verdict.PENDING, Verdict.RUNNING):
        if outage is None and view.estimated_end is None and (end := later(view.not_before, now)) is not None:
            parts.append((DISPENSABLE, f"not before {local_time(end, now, zoned=True)}"))
        # In an outage the last estimate stays until it is certainly wrong, and then the deadline.
        passed = outage is not None and view.estimated_end is not None and view.estimated_end < now
        parts += outlook(replace(view, estimated_end=None) if passed else view, now, brief=brief)
    if outage is None and read_at is not None:
        age = [f"as of {local_time(read_at, now, zoned=True)}"] if still else _age(view, read_at, now)
        parts += [(1, fact) for fact in age]
    if rates:
        parts += [(5, f"every {duration(view.interval)}"), (5, f"{view.requests_a_minute:.0f} requests/min")]
    return parts


def _age(view: View, read_at: Millis, now: Millis) -> Iterator[str]:
    """How old the data is, and when it is read again if that is rare."""
    yield f"updated {duration(max(now - read_at, 0) / 1000)} ago"
    following = read_at + int(view.interval * 1000)
    if view.interval >= RARE and now < following:
        yield f"next reading at {local_time(following, now)}"


def _body(
    known: SortedView, log: Sequence[LogLine], now: Millis, canvas: Canvas, footer: str | None
) -> list[RenderableType]:
    """Everything below the header: each part gets what the more important ones leave of the lines.

    Running nodes keep a third of the lines if they need it, however much went wrong. Long reasons wrap only into lines
    that are left over, and the log takes the rest. Rich's Layout divides a screen by ratio, regardless of content, so
    the lines are counted here.
    """
    view, height = known.view, canvas.height
    roomy, small = height >= ROOMY, height < SMALL
    when, blank = known.clock(now), Text("")
    gap = [blank] * roomy
    scopes = [] if small or not known.scopes else [*gap, _scope_line(known.scopes, canvas)]
    logged = min(len(log), 0 if small else 3 if roomy else 1)
    between = gap if known.problems and known.running else []
    # Without the footer, and a blank line above all.
    room = height - (0 if small else 2) - len(scopes) - logged - (len(gap) if logged else 0) - len(between)
    for_running = min(len(known.running), max(room // 3, room - len(known.problems)))
    for_problems = room - for_running
    wrong, more_problems = _first(known.problems, for_problems, canvas)
    runs, more_running = _first(known.running, for_running, canvas)
    problems = [_problem(node, when, canvas) for node in wrong]
    running = [_running(node, view, when, canvas) for node in runs]
    spare = room - len(problems) - len(more_problems) - len(running) - len(more_running)
    counted = [] if small or spare < 1 else _counts(known, canvas)
    spare -= len(counted)
    rows = (*problems, *running)
    parts: list[RenderableType] = [] if small else [blank]
    if known.problems:
        table, wraps = _table(problems, rows, canvas, spare)
        spare -= wraps
        parts += [*table, *more_problems, *between]
    parts += [*_table(running, rows, canvas, 0)[0], *more_running]
    names = _folded(known, canvas, spare + len(counted)) if roomy else []
    if names:
        spare += len(counted) - len(names) - len(gap)
        counted = [*gap, *names]
    parts += counted
    parts += scopes
    # The log comes last and gets all lines that are still left, so that the window is full.
    if logged:
        latest = log[-(logged + spare) :]
        spare -= len(latest) - logged
        parts += [*gap, *(_log_line(each, now, canvas) for each in latest)]
    if not small and footer is not None:
        footer = footer if len(footer) <= canvas.width else footer.partition(";")[0]
        parts += [*([blank] * spare), line((footer, QUIET))]
    return parts


class _Row(msgspec.Struct, frozen=True):
    """A line about one node."""

    state: State
    name: str
    words: str
    elapsed: str
    message: str | RenderableType


def _first(nodes: Sequence[Node], room: int, canvas: Canvas) -> tuple[Sequence[Node], list[Text]]:
    """As many nodes as there is room for, or one less and a line that counts the others."""
    if len(nodes) <= room or room <= 0:
        return nodes[: max(room, 0)], []
    rest = nodes[room - 1 :]
    counts = Counter(State.FAILED if node.says_nothing else node.state for node in rest)
    states = dotted(counts_of(counts, canvas, over=True), canvas.glyphs)
    more = count_words(len(rest), *counts) if len(counts) == 1 else f"{grouped(len(rest))} more: {states}"
    return nodes[: room - 1], [line((f"+{more}", QUIET))]


def _table(rows: Sequence[_Row], among: Sequence[_Row], canvas: Canvas, spare: int) -> tuple[list[Table], int]:
    """A line per row, and more for long messages as long as lines are `spare`; also returns how many of those it took.

    Names and elapsed times stand below each other in all tables `among` whose rows these are.
    """
    if not rows:
        return [], 0
    longest = LONGEST_NAME if canvas.width >= NARROW else max(canvas.width // 3 - 2, 8)
    names = min(max(cell_len(row.name) for row in among), longest) + 2
    elapsed = max(len(row.elapsed) for row in among) if canvas.width >= NARROW else 0
    words = max(cell_len(row.words) for row in rows) if canvas.width >= WIDE else 0
    room = max(canvas.width - sum(width + 2 for width in (names, elapsed, words) if width), 1)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=names, no_wrap=True)
    if elapsed:
        table.add_column(width=elapsed, no_wrap=True, justify="right", style=QUIET)
    if words:
        table.add_column(width=words, no_wrap=True)
    table.add_column(width=room, no_wrap=True)
    taken, measure = 0, Console(width=room)
    for row in rows:
        message = row.message
        if isinstance(message, str):
            lines = min(LONGEST_REASON, 1 + max(spare - taken, 0))
            message = Prose(Text(message), lines)
            taken += len(measure.render_lines(message)) - 1 if lines > 1 else 0
        name = Text.assemble((f"{canvas.glyphs.states[row.state]} ", row.state), row.name)
        table.add_row(
            name, *([row.elapsed] if elapsed else []), *([Text(row.words, row.state)] if words else []), message
        )
    return [table], taken


def _problem(node: Node, now: Millis, canvas: Canvas) -> _Row:
    # Below WIDE there is no column for the API's own word, and INCOMPLETE is not just failed.
    words = describe(node, now, brief=canvas.width < WIDE)
    return _Row(words.state, name_of(node), words.words, words.elapsed, words.message)


def _running(node: Node, view: View, now: Millis, canvas: Canvas) -> _Row:
    elapsed = duration(node.elapsed_seconds(now))
    return _Row(State.RUNNING, name_of(node), "", elapsed, _Progress(node, view, now, canvas.glyphs))


class _Progress(msgspec.Struct, frozen=True):
    """What a running node is doing, in as much detail as its column has room for."""

    node: Node
    view: View
    now: Millis
    glyphs: Glyphs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Choose what fits."""
        level = self.node.level
        phases, stalled = self.view.phases.get(level, ()), self.view.stalled.get(level)
        yield progress_text(self.node, phases, stalled, self.now, self.glyphs, options.max_width)


def progress_text(
    node: Node, phases: Sequence[PhaseSeen], stalled: Millis | None, now: Millis, glyphs: Glyphs, width: int | None
) -> Text:
    """Describe what a running node is doing: `42 %  export ✔ import`, with counts, rate and time left.

    Without a `width` there is no bar, and nothing is left out.
    """
    running, tick = State.RUNNING, glyphs.states[State.SUCCEEDED]
    phase, share = progress_of(node, phases)
    # Each with its importance, and whether it is a fact: facts have dots between them. Two spaces make columns of
    # percentage and bar: they are not about the first phase that is named.
    parts = [] if share is None else [(1, (False, Text(f"{int(share * 100):>3} % ", running)))]
    if share is not None and width is not None and width >= 50:
        parts.append((6, (False, bar(share, running, NODE_BAR, glyphs).append(" "))))
    parts += [(5, (False, Text(f"{harmless(seen.name)} {tick}", QUIET))) for seen in phases if seen.to is not None]
    if phase is not None and phase.name:
        parts.append((3, (False, Text(harmless(phase.name)))))
    if phase is not None and phase.processed is not None:
        total = f"/{grouped(phase.total)}" if phase.total is not None else ""
        parts.append((2, (True, Text(grouped(phase.processed) + total))))
    if stalled is not None:
        stood = duration((now - stalled) / 1000).split()[0]
        parts.append((0, (True, Text(f"no progress for {stood}", State.WARNING))))
    elif phase is not None and phase.rate:
        parts.append((5, (True, Text(f"{phase.rate:.0f}/s" if phase.rate >= 10 else f"{phase.rate:.1f}/s"))))
        if phase.total is not None and phase.processed is not None and phase.total >= phase.processed:
            parts.append((4, (True, Text(f"{duration((phase.total - phase.processed) / phase.rate)} left"))))

    def line_of(kept: Sequence[tuple[bool, Text]]) -> Text:
        facts = dotted((part for is_fact, part in kept if is_fact), glyphs)
        return Text(" ").join([*(part for is_fact, part in kept if not is_fact), *([facts] if facts else [])])

    if not parts:
        return Text(harmless(node.message or ""))
    return fitting(parts, sys.maxsize if width is None else width, line_of)


def _counts(known: SortedView, canvas: Canvas) -> list[Text]:
    """How many run, wait or are well, on a line where their names do not fit; nothing until anything is reported."""
    states = {state: getattr(known.summary, state) for state in State}
    for in_heading in (State.FAILED, State.WARNING):
        states[in_heading] = 0
    if sum(states.values()) == states[State.MISSING]:
        return []
    words, short = (
        dotted(counts_of(states, canvas, over=False, words=words), canvas.glyphs) for words in (True, False)
    )
    return [line(words if words.cell_len <= canvas.width else short)]


def _folded(known: SortedView, canvas: Canvas, spare: int) -> list[Text]:
    """The names of what has no row, each state on up to a third of the lines that are left."""
    names: list[Text] = []
    for state, group in known.folded:
        if group and spare >= 3:
            lines = _names(state, group, canvas, max(min(spare // 3, 4), 1))
            spare -= len(lines) + (not names)
            names += lines
    return names


def _scope_line(scopes: Sequence[Node], canvas: Canvas) -> Text:
    """All scopes on one line; if they do not fit, those that are fine are only counted."""

    def line_of(shown: Sequence[Node]) -> Text:
        glyphs = canvas.glyphs
        names = (Text.assemble((glyphs.states[node.state], node.state), f" {harmless(node.name)}") for node in shown)
        joined = dotted(names, glyphs)
        left_out = len(scopes) - len(shown)
        return joined.append(f"{glyphs.dot}+{left_out}", QUIET) if left_out else joined

    worst = sorted(scopes, key=lambda node: node.state.rank)
    parts = [(worst.index(node), node) for node in scopes]
    return line(fitting(parts, canvas.width, line_of))


def _names(state: State, names: Sequence[str], canvas: Canvas, room: int) -> list[Text]:
    """The names of the nodes in a state, on at most `room` lines, and how many were left out."""
    lines = [line((f"{canvas.glyphs.states[state]} {count_words(len(names), state, over=False)}: ", state))]
    for at, name in enumerate(map(harmless, names)):
        more = f" +{grouped(len(names) - at)}"
        is_last = at + 1 == len(names)
        needed = cell_len(name) + (0 if is_last else 2 + (len(more) if len(lines) == room else 0))
        if lines[-1].cell_len + needed > canvas.width:
            if len(lines) == room:
                lines[-1].append(more, QUIET)
                break
            lines.append(line("  "))
        lines[-1].append(name if is_last else f"{name}  ")
    return lines


def _log_line(logged: LogLine, now: Millis, canvas: Canvas) -> Prose:
    state = logged.state
    glyph = () if state is None else ((f"{canvas.glyphs.states[state]} ", state),)
    texts = [logged.text, *([logged.brief] if logged.brief and canvas.width < NARROW else [])]
    lines = [
        Text.assemble((f"{local_time(logged.at, now)} ", QUIET), *glyph, (text, state if state in BAD else QUIET))
        for text in texts
    ]
    return Prose(next((each for each in lines if each.cell_len <= canvas.width), lines[-1]), 1)


def window_title(known: SortedView, glyphs: Glyphs) -> str:
    """The verdict in the few characters that a terminal's tab shows."""
    failed, done = known.summary.failed, f"{known.counts.done}/{known.counts.all}"
    if known.view.outage is not None:
        return f"? no answer {done}"
    state = State.FAILED if failed else State(known.verdict)
    return f"{glyphs.states[state]}{failed or ''} {done}"
