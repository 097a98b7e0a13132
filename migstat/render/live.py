"""The live view of a watch: as much as fits into the window, with what went wrong first.

A `Digest` is made once per poll, so that drawing it every second costs little however many projects there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.styled import Styled
from rich.table import Table
from rich.text import Text

from migstat.model.crowd import tally_of
from migstat.model.events import PhaseSeen, View
from migstat.model.nodes import (
    CHECK,
    MIGRATE,
    Millis,
    Node,
    State,
    TaskType,
    by_name,
    child_of,
    leaves_of,
    level_is_hidden,
    levels_above,
)
from migstat.model.reports import worst_first
from migstat.model.verdict import Snapshot, Summary, Verdict, discounted
from migstat.render.log import LogLine, cause_of, name_of
from migstat.render.outlook import LATE, outlook
from migstat.render.parts import NARROW, WIDE, Canvas, Prose, bar, counts_text, fitting, host_of, most_important
from migstat.render.text import duration, grouped, harmless, local_time, zone
from migstat.render.theme import BAD, QUIET, STATE_OF_VERDICT, STRONG, STYLES, Glyphs, count_words, state_words

FOOTER = "Ctrl-C stops watching; the migration goes on"

ROOMY = 18
"""Window height from which blank lines separate the parts, and the log has three lines."""

SMALL = 10
"""Window height below which only the header, what went wrong and what is running are shown."""

LONGEST_REASON = 4
"""Lines of one message at most; `checks --details` and `projects` show all of it."""

NODE_BAR = 8
"""Cells of the bar of one node."""

LONGEST_NAME, SHORT_NAME = 24, 16
"""Cells of a name at most, in a window from `NARROW` on and in one below."""


class Counts(msgspec.Struct, frozen=True):
    """Progress as `done` of `all`, which is 0 if nothing is known yet."""

    done: int
    all: int
    noun: str

    @property
    def words(self) -> str:
        """`27 of 40 projects`; empty if nothing is known yet."""
        return f"{grouped(self.done)} of {grouped(self.all)} {self.noun}" if self.all else ""


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """A view sorted for drawing: what went wrong, what is running, the scopes, and the names of everything else.

    Until there is a snapshot, `doing` says what is being read. `summary` does not count accepted checks as failed or as
    warnings.
    """

    view: View
    title: str
    counts: Counts
    verdict: Verdict = Verdict.PENDING
    destination: str = ""
    summary: Summary | None = None
    problems: tuple[Problem, ...] = ()
    running: tuple[Node, ...] = ()
    scopes: tuple[Node, ...] = ()
    missing: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    succeeded: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    doing: str = ""
    accepted: int = 0

    @property
    def folded(self) -> Iterator[tuple[State, tuple[str, ...]]]:
        """The states whose nodes have no rows, and the names of those nodes, the most important first."""
        yield State.MISSING, self.missing
        yield State.PENDING, self.pending
        yield State.SUCCEEDED, self.succeeded
        yield State.SKIPPED, self.skipped


Problem = Node | str
"""A node that went wrong, or a line about something that could not be read."""

Shown = TypeVar("Shown", bound=Problem)


def digest(view: View, title: str = "") -> Digest:
    """Sort a view. `title` stands for the job until its name is known."""
    snapshot = view.snapshot
    if snapshot is None:
        return Digest(view=view, title=title, counts=counts_of_view(view))
    root, checks = snapshot.node, snapshot.task_type == TaskType.CHECK
    leaves = leaves_of(root, snapshot.task_type)
    tally = tally_of(leaves)
    scopes = () if checks else scopes_of(root)
    ended = snapshot.verdict not in (Verdict.PENDING, Verdict.RUNNING)
    apps = [app for scope in scopes if scope.level[:-1] == MIGRATE for app in scope.children or ()]
    problems = [
        node
        for node in (
            *(root, *_failed_checks(scopes), *scopes, *apps),
            *tally.nodes[State.FAILED].values(),
            *tally.nodes[State.WARNING].values(),
            *(leaves if tally.counts[State.MISSING] else ()),
        )
        if node.state in BAD and (node.level or node.ended)
    ]
    settled = discounted(root, snapshot.task_type, snapshot.accepted)
    problems = [node for node in problems if node.level not in settled]
    # A failure makes everything above it fail: only the failure itself is news.
    above = levels_above(problems)
    problems = [node for node in problems if node.level not in above]
    if ended:
        known = {node.level for node in problems}
        missing = [reason.level for reason in snapshot.reasons if reason.state is State.MISSING]
        problems += [Node(level, missing=True) for level in missing if level not in known]
    runs = [node for node in scopes if node.state is State.RUNNING and (node.progress or node.percent is not None)]
    runs += by_name(tally.nodes[State.RUNNING].values())
    runs.sort(key=lambda node: node.level not in view.stalled)  # those that do not move first
    return Digest(
        view=view,
        verdict=snapshot.verdict,
        title=harmless(snapshot.job_name or title or f"job {snapshot.job_id}"),
        destination=host_of(snapshot.destination),
        counts=counts_of_view(view),
        summary=_without_accepted(snapshot, leaves),
        accepted=len(snapshot.accepted),
        problems=(*worst_first(tuple(problems)), *map(harmless, snapshot.flaws)),
        running=tuple(runs),
        scopes=scopes,
        missing=() if ended else tuple(sorted(snapshot.missing, key=str.casefold)),
        pending=tally.names(State.PENDING, nodes=leaves),
        succeeded=tally.names(State.SUCCEEDED, nodes=leaves),
        skipped=tally.names(State.SKIPPED, nodes=leaves),
    )


def _without_accepted(snapshot: Snapshot, leaves: Sequence[Node]) -> Summary | None:
    if snapshot.summary is None or not snapshot.accepted:
        return snapshot.summary
    states = [leaf.state for leaf in leaves if leaf.level in snapshot.accepted]
    failed, warning = snapshot.summary.failed, snapshot.summary.warning
    return replace(
        snapshot.summary,
        failed=failed - states.count(State.FAILED),
        warning=warning - states.count(State.WARNING),
    )


def counts_of_view(view: View) -> Counts:
    """The counts for the bar of the header: of checks, projects or spaces, or else of scopes or steps."""
    snapshot = view.snapshot
    if snapshot is None:
        return Counts(0, 0, view.scope)
    root, summary = snapshot.node, snapshot.summary
    checking = root if snapshot.task_type == TaskType.CHECK else child_of(root, "check")
    migrating = child_of(root, "migrate")
    begun = migrating is not None and migrating.state is not State.PENDING
    if checking is not None and not checking.ended and not begun:
        # Checks that have not begun are not reported, so the API's own count says more than their number.
        for phase in checking.progress:
            if phase.processed is not None and phase.total:
                return Counts(int(phase.processed), int(phase.total), "checks")
    if summary is not None and summary.total:
        return Counts(summary.finished, summary.total, view.scope)
    steps = scopes_of(root)
    scopes = [step for step in steps if step.level[:-1] == MIGRATE]
    return Counts(sum(scope.ended for scope in scopes or steps), len(scopes or steps), "scopes" if scopes else "steps")


def scopes_of(root: Node) -> tuple[Node, ...]:
    """`check`, `migrate` and the scopes below it, without the hidden levels."""
    found: list[Node] = []
    for child in root.children or ():
        found.append(child)
        if child.level == MIGRATE:
            found += [scope for scope in child.children or () if not level_is_hidden(scope.level)]
    return tuple(found)


def _failed_checks(scopes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The checks that failed, unless `check` ended well: then they were overridden."""
    check = next((scope for scope in scopes if scope.level == CHECK), None)
    if check is None or (check.ended and check.state is not State.FAILED):
        return ()
    return tuple(child for child in check.children or () if child.state is State.FAILED)


def frame(
    known: Digest,
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
    # The header takes at most a third of a low window, the verdict first: failures must be on the screen, too.
    head = header_lines(known, now, canvas, rates=rates, still=footer is None)[: max(1, min(3, canvas.height // 3))]
    body = _body(known, log, now, replace(canvas, height=canvas.height - len(head)), footer)
    # What was known before an outage is dim: it may no longer be true.
    return Group(*head, *body) if outage is None else Group(*head, Styled(Group(*body), "dim"))


def header_lines(
    known: Digest, now: Millis, canvas: Canvas, *, rates: bool = False, still: bool = False
) -> list[RenderableType]:
    """Three lines: the verdict with counts, name and destination; the bar; the times."""
    verdict = _verdict_line(known, now, canvas)
    parts = times(known, now, rates=rates, still=still, brief=canvas.width < NARROW)
    line = Text(fitting(parts, canvas), QUIET, no_wrap=True)
    if late := [
        text for importance, text in parts if importance == LATE
    ]:  # an empty text would match between all letters
        line.highlight_words(late, STYLES[State.WARNING])
    return [verdict, line] if known.view.snapshot is None else [verdict, _bar_line(known.counts, canvas), line]


def verdict_words(known: Digest, now: Millis) -> tuple[State, str]:
    """The verdict, or why there is none: no answer yet, none any more, or not everything was read."""
    outage = known.view.outage
    if outage is not None:
        return State.FAILED, f"no answer since {local_time(outage.since, now)} ({cause_of(outage)})"
    if known.view.snapshot is None:
        return State.PENDING, harmless(known.doing) or "waiting for the first answer"
    if known.view.reading is not None:
        seen, total = map(grouped, known.view.reading)
        return State.PENDING, f"reading {seen} of {total}" if known.view.reading[1] else f"reading {seen}"
    return STATE_OF_VERDICT[known.verdict], str(known.verdict)


def verdict_text(known: Digest, now: Millis, canvas: Canvas) -> Text:
    """The verdict, and the counts of what went wrong."""
    glyphs = canvas.glyphs
    state, word = verdict_words(known, now)
    line = Text(f"{glyphs.states[state]} {word}", f"bold {STYLES[state]}")
    for bad_state, words in bad_counts(known):
        line.append(glyphs.dot, QUIET).append(f"{glyphs.states[bad_state]} {words}", STYLES[bad_state])
    return line


def _verdict_line(known: Digest, now: Millis, canvas: Canvas) -> Text:
    line = verdict_text(known, now, canvas)
    if known.title and canvas.width - line.cell_len >= 13:
        line.append("   ").append(known.title, STRONG)
        if known.destination and canvas.width - line.cell_len >= 13:
            line.append(f" {canvas.glyphs.arrow} {known.destination}")
    return _cut(line, canvas)


def bad_counts(known: Digest) -> list[tuple[State, str]]:
    """Counts of what went wrong. Checks and scopes are counted here, as the summary is about projects."""
    summary, found = known.summary, []
    failed = [
        problem
        for problem in known.problems
        if isinstance(problem, Node) and problem.level and problem.state is State.FAILED
    ]
    if known.scopes and (checks := sum(node.level[:1] == CHECK for node in failed)):
        found.append((State.FAILED, f"{checks} check{'s' if checks > 1 else ''} failed"))
        failed = [node for node in failed if node.level[:1] != CHECK]
    if count := max(len(failed), summary.failed if summary else 0):
        found.append((State.FAILED, count_words(count, State.FAILED)))
    if summary is not None and summary.warning:
        found.append((State.WARNING, count_words(summary.warning, State.WARNING)))
    return [*found, *([(State.SKIPPED, f"{known.accepted} accepted")] if known.accepted else [])]


def _bar_line(counts: Counts, canvas: Canvas) -> RenderableType:
    if not counts.all:
        return Text("Nothing is reported yet.", QUIET)
    label = Text(counts.words)
    width = min(40, canvas.width // 2, canvas.width - label.cell_len - 1)
    if width < 4:
        return _cut(label, canvas)
    line = Table.grid(padding=(0, 1, 0, 0))
    line.add_column(width=width)
    line.add_column(no_wrap=True)
    state = State.SUCCEEDED if counts.done >= counts.all else State.RUNNING
    line.add_row(bar(counts.done / counts.all, state, width), label)
    return line


def times(
    known: Digest, now: Millis, *, rates: bool = False, still: bool = False, brief: bool = False
) -> list[tuple[int, str]]:
    """Elapsed time, expected end, and age of the data or, in an outage, the next try; each with its importance.

    A picture is `still`: it has a time instead of an age. Narrow windows are `brief`.
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
        elapsed = snapshot.node.elapsed_seconds(now if outage is None else snapshot.fetched_at)
        if elapsed is not None:
            parts.insert(0, (1 if outage is None else 3, duration(elapsed)))
    if known.verdict in (Verdict.PENDING, Verdict.RUNNING):
        if outage is None and view.estimated_end is None and view.not_before is not None and view.not_before > now:
            parts.append((2, f"not before {local_time(view.not_before, now)} {zone(view.not_before)}"))
        # In an outage the end cannot be estimated, but the deadline stays.
        parts += outlook(view if outage is None else replace(view, estimated_end=None), now, brief=brief)
    if outage is None and read_at is not None:
        age = f"updated {duration(max(now - read_at, 0) / 1000)} ago"
        parts.append((0, f"as of {local_time(read_at, now)} {zone(read_at)}" if still else age))
    if rates:
        parts += [(4, f"every {duration(view.interval)}"), (4, f"{view.requests_a_minute:.0f} requests/min")]
    return parts


def _body(
    known: Digest, log: Sequence[LogLine], now: Millis, canvas: Canvas, footer: str | None
) -> list[RenderableType]:
    """Everything below the header: each part gets what the more important ones leave of the lines.

    Running nodes keep a third of the lines if they need it, however much went wrong. Long reasons wrap only into lines
    that are left over, and the log takes the rest. Rich's Layout divides a screen by ratio, regardless of content, so
    the lines are counted here.
    """
    view, height = known.view, canvas.height
    roomy, small = height >= ROOMY, height < SMALL
    # In an outage clocks stand still: it is unknown whether anything still runs.
    when = view.snapshot.fetched_at if view.outage is not None and view.snapshot is not None else now
    scopes = None if small or not known.scopes else _scope_line(known.scopes, canvas)
    logged = min(len(log), 0 if small else 3 if roomy else 1)
    gap = Text("")
    room = height - (0 if small else 2) - logged - (scopes is not None)  # the footer, and a blank line above all
    room -= roomy * ((scopes is not None) + bool(logged))  # a blank line above each
    between = int(roomy and bool(known.problems and known.running))
    for_running = min(len(known.running), max(room // 3, room - between - len(known.problems)))
    problems, more_problems = _rows(
        known.problems, room - between - for_running, lambda problem: _problem(problem, canvas), canvas
    )
    running, more_running = _rows(known.running, for_running, lambda node: _running(node, known, when, canvas), canvas)
    spare = room - len(problems) - len(more_problems) - len(running) - len(more_running) - between
    longest = max((cell_len(row.name) for row in (*problems, *running)), default=0)
    names_width = min(longest, LONGEST_NAME if canvas.width >= NARROW else SHORT_NAME) + 2
    parts: list[RenderableType] = [] if small else [gap]
    if known.problems:
        table, wraps = _table(problems, names_width, canvas, spare)
        spare -= wraps
        parts += [*table, *more_problems, *([gap] * between)]
    parts += [*_table(running, names_width, canvas, 0)[0], *more_running]
    names: list[Text] = []
    for state, group in known.folded:
        if roomy and group and spare >= 3:
            lines = _names(state, group, canvas, max(min(spare // 3, 4), 1))
            spare -= len(lines) + (not names)
            names += lines
    parts += [gap, *names] if names else []
    # The log comes last and gets all lines that are still left, so that the window is full.
    if scopes is not None:
        parts += [*([gap] * roomy), scopes]
    if logged:
        lines = [_log_line(line, now, canvas) for line in log[-(logged + spare) :]]
        spare -= len(lines) - logged
        parts += [*([gap] * roomy), *lines]
    if not small and footer is not None:
        footer = footer if len(footer) <= canvas.width else footer.partition(";")[0]
        parts += [*([gap] * spare), _cut(Text(footer, QUIET), canvas)]
    return parts


class _Row(msgspec.Struct, frozen=True):
    """A line about one node. `message` may depend on the number of cells that are left for it."""

    state: State
    name: str
    words: str = ""
    elapsed: str = ""
    message: str | Callable[[int], Text] = ""


def _rows(
    nodes: Sequence[Shown], room: int, row_of: Callable[[Shown], _Row], canvas: Canvas
) -> tuple[list[_Row], list[Text]]:
    """As many rows as there is room for, or one less and a line that counts the others."""
    if len(nodes) <= room or room <= 0:
        return [row_of(node) for node in nodes[: max(room, 0)]], []
    rest = nodes[room - 1 :]
    counts = Counter(State.FAILED if isinstance(node, str) else node.state for node in rest)
    only = next(iter(counts)) if len(counts) == 1 else None
    states = counts_text({state: counts[state] for state in State}, canvas).plain  # State is in order, worst first
    more = f"+{count_words(len(rest), only)}" if only else f"+{grouped(len(rest))} more: {states}"
    return [row_of(node) for node in nodes[: room - 1]], [_cut(Text(more, QUIET), canvas)]


def _table(rows: Sequence[_Row], name_width: int, canvas: Canvas, spare: int) -> tuple[list[Table], int]:
    """A line per row, and more for long messages as long as lines are `spare`; also returns how many of those it took.

    Columns have fixed widths, as the tables of what went wrong and of what runs stand below each other.
    """
    if not rows:
        return [], 0
    words = max(cell_len(row.words) for row in rows) if canvas.width >= WIDE else 0
    elapsed = max(len(row.elapsed) for row in rows) if canvas.width >= NARROW else 0
    room = max(canvas.width - sum(width + 2 for width in (name_width, words, elapsed) if width), 1)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=name_width, no_wrap=True)
    if words:
        table.add_column(width=words, no_wrap=True)
    if elapsed:
        table.add_column(width=elapsed, no_wrap=True, justify="right", style=QUIET)
    table.add_column(width=room, no_wrap=True)
    taken = 0
    for row in rows:
        style = STYLES[row.state]
        name = Text.assemble((f"{canvas.glyphs.states[row.state]} ", style), row.name)
        name.truncate(name_width, overflow="ellipsis")
        message = row.message if isinstance(row.message, str) else row.message(room)
        if isinstance(message, str):
            lines = 1 if cell_len(message) <= room else len(Text(message).wrap(Console(), room, overflow="fold"))
            lines = min(lines, LONGEST_REASON, 1 + max(spare - taken, 0))
            taken += lines - 1
        cell = message if isinstance(message, Text) else Prose(Text(message), lines)
        table.add_row(
            name, *([Text(row.words, style)] if words else []), *([Text(row.elapsed)] if elapsed else []), cell
        )
    return [table], taken


def _problem(problem: Problem, canvas: Canvas) -> _Row:
    if isinstance(problem, str):
        return _Row(State.FAILED, "unreadable", message=problem)
    message = harmless(problem.message or ("not reported by the API" if problem.missing else ""))
    words = state_words(problem)
    if canvas.width < WIDE and words != problem.state:  # there is no column for it, and INCOMPLETE is not just failed
        message = f"{words}: {message}" if message else words
    return _Row(problem.state, name_of(problem), words, duration(problem.elapsed_seconds(0)), message)


def _running(node: Node, known: Digest, now: Millis, canvas: Canvas) -> _Row:
    view = known.view

    def message(width: int) -> Text:
        phases = view.phases.get(node.level, ())
        return progress_text(node, phases, view.stalled.get(node.level), now, canvas.glyphs, width)

    return _Row(State.RUNNING, name_of(node), elapsed=duration(node.elapsed_seconds(now)), message=message)


def progress_text(
    node: Node, phases: Sequence[PhaseSeen], stalled: Millis | None, now: Millis, glyphs: Glyphs, width: int | None
) -> Text:
    """Describe what a running node is doing: `export ✔ import 42 %`, with counts, rate and time left.

    Without a `width` there is no bar, and nothing is left out.
    """
    running, tick = STYLES[State.RUNNING], glyphs.states[State.SUCCEEDED]
    phase, share = current_phase(node, phases), share_of(node, current_phase(node, phases))
    # Each with its importance. What follows the percentage are facts, with dots between them.
    parts = [(5, (False, Text(f"{harmless(seen.name)} {tick}", QUIET))) for seen in phases if seen.to is not None]
    if phase is not None and phase.name:
        parts.append((3, (False, Text(harmless(phase.name)))))
    if share is not None and width is not None and width >= 50:
        # Rich's ProgressBar takes a line of its own and cannot stand within a text.
        done = int(share * NODE_BAR)
        bar_of_node = Text.assemble((glyphs.bar * done, running), (glyphs.bar_rest * (NODE_BAR - done), QUIET))
        parts.append((6, (False, bar_of_node)))
    if share is not None:
        parts.append((1, (False, Text(f"{int(share * 100)} %", running))))
    if phase is not None and phase.processed is not None:
        total = f"/{grouped(phase.total)}" if phase.total is not None else ""
        parts.append((2, (True, Text(grouped(phase.processed) + total))))
    if stalled is not None:
        stood = duration((now - stalled) / 1000).split()[0]
        parts.append((0, (True, Text(f"no progress for {stood}", STYLES[State.WARNING]))))
    elif phase is not None and phase.rate:
        parts.append((5, (True, Text(f"{phase.rate:.0f}/s" if phase.rate >= 10 else f"{phase.rate:.1f}/s"))))
        if phase.total is not None and phase.processed is not None and phase.total >= phase.processed:
            parts.append((4, (True, Text(f"{duration((phase.total - phase.processed) / phase.rate)} left"))))

    def line_of(kept: Sequence[tuple[bool, Text]]) -> Text:
        facts = Text(glyphs.dot, QUIET).join(part for is_fact, part in kept if is_fact)
        return Text(" ").join([*(part for is_fact, part in kept if not is_fact), *([facts] if facts else [])])

    if not parts:
        return Text(harmless(node.message or ""))
    return line_of(most_important(parts, lambda kept: width is None or line_of(kept).cell_len <= width))


def current_phase(node: Node, phases: Sequence[PhaseSeen]) -> PhaseSeen | None:
    """The current phase of a running node, as the watch saw it or else as the node reports it."""
    now_in = next((phase for phase in phases if phase.to is None), None)
    return now_in or next(
        (PhaseSeen(reported.name or "", 0, None, reported.processed, reported.total) for reported in node.progress),
        None,
    )


def share_of(node: Node, phase: PhaseSeen | None) -> float | None:
    """The share of the current phase that is done, 0..1. The API's percent may be any number."""
    if node.percent is not None:
        return min(max(node.percent, 0), 100) / 100
    if phase is not None and phase.processed is not None and phase.total:
        return min(max(phase.processed / phase.total, 0), 1)
    return None


def _scope_line(scopes: Sequence[Node], canvas: Canvas) -> Text:
    """All scopes on one line; if they do not fit, those that are fine are only counted."""

    def line_of(shown: Sequence[Node]) -> Text:
        line = Text(canvas.glyphs.dot, QUIET).join(
            Text.assemble((canvas.glyphs.states[node.state], STYLES[node.state]), f" {harmless(node.name)}")
            for node in shown
        )
        left_out = len(scopes) - len(shown)
        return line.append(f"{canvas.glyphs.dot}+{left_out}", QUIET) if left_out else line

    worst = sorted(scopes, key=lambda node: node.state.rank)
    parts = [(worst.index(node), node) for node in scopes]
    return _cut(line_of(most_important(parts, lambda shown: line_of(shown).cell_len <= canvas.width)), canvas)


def _names(state: State, names: Sequence[str], canvas: Canvas, room: int) -> list[Text]:
    """The names of the nodes in a state, on at most `room` lines, and how many were left out."""
    head = f"{canvas.glyphs.states[state]} {grouped(len(names))} {state}: "
    lines = [Text(head, STYLES[state])]
    for at, name in enumerate(map(harmless, names)):
        more = f" +{grouped(len(names) - at)}"
        is_last = at + 1 == len(names)
        needed = cell_len(name) + (0 if is_last else 2 + (len(more) if len(lines) == room else 0))
        if lines[-1].cell_len + needed > canvas.width:
            if len(lines) == room:
                lines[-1].append(more, QUIET)
                break
            lines.append(Text("  "))
        lines[-1].append(name if is_last else f"{name}  ")
    return [_cut(line, canvas) for line in lines]


def _log_line(line: LogLine, now: Millis, canvas: Canvas) -> Text:
    text = Text(f"{local_time(line.at, now)} ", QUIET)
    if line.state is not None:
        text.append(f"{canvas.glyphs.states[line.state]} ", STYLES[line.state])
        text.append(line.text, STYLES[line.state] if line.state in BAD else "")
    else:
        text.append(line.text)
    return _cut(text, canvas)


def window_title(known: Digest, signs: Glyphs) -> str:
    """The verdict in the few characters that a terminal's tab shows."""
    failed = known.summary.failed if known.summary else 0
    glyphs = signs.states
    state = State.FAILED if failed else STATE_OF_VERDICT[known.verdict]
    if known.view.outage is not None:
        return f"? no answer {known.counts.done}/{known.counts.all}"
    return f"{glyphs[state]}{failed or ''} {known.counts.done}/{known.counts.all}"


def _cut(text: Text, canvas: Canvas) -> Text:
    text.truncate(canvas.width, overflow="ellipsis")
    text.no_wrap = True
    return text
