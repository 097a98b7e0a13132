"""Reports as Rich tables for a window of a given size; nodes that need no attention are folded into counts."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from migstat.model.acceptance import MOST_SENT
from migstat.model.changes import Change, Comparison
from migstat.model.nodes import CHECK, MIGRATE, Millis, Node, State, TaskType, instant, level_is_hidden
from migstat.model.reports import (
    ArtifactsReport,
    ChecksReport,
    JobReport,
    Listed,
    ProjectsReport,
    Report,
    RunRow,
    StatusReport,
    TargetRow,
    TargetsReport,
    TasksReport,
    nothing_moved,
    worst_first,
)
from migstat.model.verdict import Snapshot, Verdict, discounted, verdict_of
from migstat.render.parts import (
    ALL_LISTS,
    LOW,
    LOWER,
    LOWEST,
    NARROW,
    REASONS,
    Canvas,
    Flow,
    Prose,
    acceptance_words,
    bar,
    counts_of,
    folded_line,
    gap,
    header,
    heading_lines,
    heading_of,
    host_of,
    line,
    mark,
    reason_lines,
    shown_and_counted,
)
from migstat.render.rows import fields
from migstat.render.text import ago, day_and_time, duration, future, grouped, harmless, local_time, zone
from migstat.render.theme import QUIET, STRONG, describe

WITH_BAR = 100
WITH_ELAPSED = 70
"""Window widths from which a table shows progress bars, and elapsed times and percentages."""

WITH_CHANGES = 76
"""Window width from which a row has a change before the name and room for a message after it."""

ROOM_FOR_LAST = 12
"""Cells that the last column of a list needs, as its text wraps."""

BAR = 14
AROUND = 11
"""Lines that header, summary, hint and prompt take from the rows, as a first guess; `drawing.fitted` corrects it."""


def view(report: Report, canvas: Canvas) -> RenderableType:
    """The report for a window of the canvas's size."""
    if draw := _VIEWS.get(type(report)):
        return draw(report, canvas)
    from migstat.render.timeline import timeline_view  # of use to `timeline` alone

    return timeline_view(report, canvas)  # type: ignore[arg-type]  # the only report that is left


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


NOTHING_TO_MOVE = "This job moves no projects or spaces."


def _table(canvas: Canvas, *names: str, name: int | None = 0, right: Sequence[str] = ()) -> Table:
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


def _row(
    node: Node, snapshot: Snapshot, canvas: Canvas, *, lines: int, indent: str = "", about: RenderableType | None = None
) -> list[RenderableType]:
    """Name, state, as far as there is room bar, percent and elapsed, and what it is `about`, or else its message."""
    words = describe(node, snapshot.fetched_at, brief=canvas.width < NARROW)
    # Before the end nothing is lost: much is only reported once its turn has come.
    message = words.message or ("not reported yet" if node.missing and not snapshot.node.ended else "")
    row: list[RenderableType] = [
        Text(indent + (harmless(node.name) or "task")),
        mark(words.state, words.words, canvas),
    ]
    if canvas.width >= WITH_ELAPSED:
        percent = Text(words.percent, State.RUNNING, justify="right")
        if percent and canvas.width >= WITH_BAR:
            grid = Table.grid(padding=(0, 1))
            grid.add_row(bar((node.percent or 0) / 100, node.state, BAR), percent)
            row.append(grid)
        else:
            row.append(percent)
        row.append(Text(words.elapsed, QUIET))
    return [*row, Prose(Text(message), lines) if about is None else about]


def _status(report: StatusReport, canvas: Canvas) -> Group:
    snapshot = report.snapshot
    root = snapshot.node
    in_heading = bool(root.children and not root.level)  # which says the root's own state
    rows = [*_tree_rows(root, report, canvas, -1 if in_heading else 0)][in_heading:]
    table = _table(canvas, *("", "", "", "", "")[: 5 if canvas.width >= WITH_ELAPSED else 3])
    for _, row in rows:
        table.add_row(*row)
    head = header(snapshot, canvas, report.not_before, rows={node.level for node, _ in rows})
    parts: list[RenderableType] = [head, *gap(canvas), table]
    if notice := nothing_moved(snapshot):
        parts += [*gap(canvas), Text(notice, State.FAILED)]
    elif report.nothing_to_move:
        parts += [*gap(canvas), Text(NOTHING_TO_MOVE, QUIET)]
    return Group(*parts)


def _tree_rows(
    node: Node, report: StatusReport, canvas: Canvas, depth: int
) -> Iterator[tuple[Node, list[RenderableType]]]:
    """The row of a node, and those of what gets one below it."""
    below, counted = _below(node, report, canvas)
    in_header = report.snapshot.reasons[:REASONS] if canvas.height >= LOWER else ()
    scope = node.level == CHECK or (node.level[:1] == MIGRATE and len(node.level) == 2)
    about: RenderableType | None = None
    if counted and not node.unreadable:
        about = _counts(node, report, canvas)
    elif (
        scope
        and node.state is State.WARNING
        and (node.level, node.message) in ((reason.level, reason.message) for reason in in_header)
    ):
        about = Text()
    lines = 3 if node.state is State.FAILED and canvas.height >= LOW else 1
    yield node, _row(node, report.snapshot, canvas, lines=lines, indent="  " * depth, about=about)
    for child in below:
        yield from _tree_rows(child, report, canvas, depth + 1)


def _below(node: Node, report: StatusReport, canvas: Canvas) -> tuple[Sequence[Node], bool]:
    """The children that get a row, and whether the node's own row counts them.

    Of leaves, which may be thousands, only those that are not fine get one; in a low window the same holds for scopes.
    """
    children = node.children or ()
    leaves = has_leaves(node, report.snapshot)
    if not report.folds:
        return children, leaves and bool(children)
    if not leaves:
        fine = (State.SUCCEEDED, State.SKIPPED) if canvas.height < LOW else ()
        shown = [child for child in children if child.state not in fine]
        return shown, len(shown) < len(children)
    over = report.snapshot.node.ended and not nothing_moved(report.snapshot)
    # What is not there yet is only counted, and so are checks that run.
    dull = {*([] if over else [State.MISSING]), *([] if level_is_hidden(node.level) else [State.RUNNING])}
    shown, _ = folded(children, canvas, over=over, used=6)
    return [child for child in shown if child.state not in dull], bool(children)


def has_leaves(node: Node, snapshot: Snapshot) -> bool:
    """True if the node's children are checks, projects or spaces: many, and nothing below them."""
    of_check_task = node.level == () and snapshot.task_type == TaskType.CHECK
    return node.level == CHECK or level_is_hidden(node.level) or of_check_task


def _counts(node: Node, report: StatusReport, canvas: Canvas) -> Flow:
    """How many children are done, and the states of those that did not succeed."""
    snapshot, states = report.snapshot, Counter(child.state for child in node.children or ())
    counted = f"{sum(states[state] for state in State if state.ended)} of {states.total()}"
    if snapshot.partial and snapshot.summary is not None and level_is_hidden(node.level):
        counted = f"{grouped(snapshot.summary.total)} in scope" if snapshot.summary.unread else ""
    del states[State.SUCCEEDED]
    others = counts_of(states, canvas, words=canvas.width >= WITH_BAR, over=snapshot.node.ended)
    others = others if canvas.height >= LOWER else others[:1]  # more of them would wrap
    return Flow([*([Text(counted, QUIET)] if counted else []), *others], Text(canvas.glyphs.dot, QUIET))


def checks_head(report: ChecksReport) -> Snapshot:
    """The head of a list of checks: the verdict of the checks, not of the task that they belong to.

    Rows say what is wrong; only without any the task's own reasons do, such as that it was refused.
    """
    snapshot, parent = report.snapshot, report.parent
    if parent is None:
        return snapshot
    reasons = () if report.checks or parent.state is not State.FAILED else snapshot.reasons
    excused = parent.level in discounted(snapshot.shape, snapshot.accepted)
    verdict = Verdict.WARNING if excused else verdict_of(parent.state)
    return replace(snapshot, node=replace(parent, level=()), verdict=verdict, reasons=reasons)


def _checks(report: ChecksReport, canvas: Canvas) -> Group:
    """The checks, what is wrong first; or by their change since an earlier run, what is new first."""
    snapshot, comparison = checks_head(report), report.comparison
    picks = not report.show_all and not report.filtered
    shown, rest = [*report.checks], list[Node]()
    if comparison is None:
        parts: list[RenderableType] = [header(snapshot, canvas)]
        stamps = [check.last_updated_at for check in (snapshot.node, *report.checks) if check.last_updated_at]
        if stamps and snapshot.node.ended:
            parts.append(Text(f"checked {ago(max(stamps), snapshot.fetched_at)}", QUIET))
        if picks:  # a list of checks may be long, but not in the lowest windows
            shown, rest = folded(shown, replace(canvas, height=999) if canvas.height >= LOWEST else canvas, over=False)
    else:
        parts = [*_compared(snapshot, comparison, report, canvas)]
        shown = [row for row in report.rows if not picks or _is_news(row, report, canvas)]
        shown.sort(key=lambda row: _GROUPS.index(change_word(row, report)))
    if report.overridden:
        parts.append(Text(f"overridden in this run: {harmless(', '.join(report.overridden))}", State.WARNING))
    parts += gap(canvas)
    if report.details:
        parts += [part for check in shown for part in _block(check, report, canvas)]
    elif shown:
        parts += _check_rows(shown, report, canvas)
    if comparison is not None:
        counts, dot = changes_line(report, canvas), Text(canvas.glyphs.dot, QUIET)
        listed = [counts] if len(shown) == len(report.rows) else [counts, ALL_LISTS]
        # A line of its own may push the verdict out of a low window, unless there are no rows.
        parts.append(Flow(listed if not shown or dot.join(listed).cell_len <= canvas.width else [counts], dot))
    return Group(*parts, *_last(report, rest, canvas, "checks"))


def _compared(
    snapshot: Snapshot, comparison: Comparison, report: ChecksReport, canvas: Canvas
) -> Iterator[RenderableType]:
    """The head of a comparison: the verdict, without counts once they are those of the last line, and both runs."""
    heading, ended = heading_of(snapshot, canvas.glyphs), snapshot.node.ended
    word = f"{snapshot.verdict if ended else heading.word}   Pre-flight checks"
    yield from heading_lines(replace(heading, word=word, counts=() if ended else heading.counts), canvas)
    yield from reason_lines(snapshot.reasons if ended and not report.checks else (), canvas)
    ids = f" (run {harmless(snapshot.task_id)}, against {harmless(comparison.earlier.task_id)})" if canvas.ids else ""
    yield Text(compared_words(comparison, snapshot.fetched_at) + ids, QUIET)


def _check_rows(shown: Sequence[Node], report: ChecksReport, canvas: Canvas) -> list[RenderableType]:
    """A row per check, its change first. Narrow windows, which would cut the name, have the message below it."""
    compares, now = report.comparison is not None, report.snapshot.fetched_at
    narrow = canvas.width < (WITH_CHANGES if compares else NARROW)
    names = ("", "", "", "", "") if compares else ("CHECK", "STATE", "", "MESSAGE")
    table, stacked = _table(canvas, *names, name=int(compares)), list[RenderableType]()
    for check in shown:
        words = describe(check, now, brief=canvas.width < NARROW)
        change = change_word(check, report)
        before = [Text(change, _CHANGE_STYLES.get(change, QUIET))] if compares else []
        name, state = Text(harmless(check.name)), Text() if check.missing else mark(words.state, words.words, canvas)
        override = _override(check, report, whole=compares and canvas.width >= WITH_BAR)
        message = _message(check, report, words.message)
        lines = 1 if check.state is State.RUNNING or canvas.height < LOW else 3
        if not narrow:
            table.add_row(*before, name, state, override, Prose(message, lines))
            continue
        # The name gives way to the state, which is what the row is there for.
        others = [part for part in (*before, state) if part]
        name.truncate(max(canvas.width - sum(part.cell_len + 2 for part in others), 1), overflow="ellipsis")
        stacked.append(line(Text("  ").join(part for part in (*before, name, state) if part)))
        between = " " if override.plain == ACCEPTED else ": "
        if below := Text(between).join(part for part in (override, message) if part):
            stacked.append(Padding(Prose(below, lines), (0, 0, 0, 2)))
    return stacked if narrow else [table]


def _block(check: Node, report: ChecksReport, canvas: Canvas) -> Iterator[RenderableType]:
    """A check with all its findings."""
    now, entry = report.snapshot.fetched_at, report.snapshot.accepted.get(check.level)
    words, override = describe(check, now, brief=canvas.width < NARROW), _override(check, report)
    change = [Text(change_word(check, report), QUIET)] if report.comparison else []
    state = [] if check.missing else [mark(words.state, words.words, canvas)]
    yield Text("  ").join([*change, *state, Text(harmless(check.name), STRONG), override])
    texts = [(acceptance_words(entry, now) if entry else "", QUIET), (words.message, "")]
    texts += [(harmless(check.description or ""), QUIET), *_occurrences(check, report, canvas)]
    yield from (Padding(Text(text, style, overflow="fold"), (0, 0, 0, 4)) for text, style in texts if text)


def _override(check: Node, report: ChecksReport, *, whole: bool = False) -> Text:
    """Whether a failure keeps the migration from starting, in `whole` words if there is room."""
    if check.level in report.snapshot.accepted:
        return Text() if report.comparison else Text(ACCEPTED, QUIET)  # the change says so
    if check.name in report.overridden:
        return Text("overridden", State.WARNING)
    if check.state is not State.FAILED or check.excludable is None:
        return Text()
    words = ("can be overridden" if whole else "overridable", "cannot be overridden" if whole else "blocks")
    state = State.WARNING if check.excludable else State.FAILED
    return Text(words[not check.excludable], state)


def _message(check: Node, report: ChecksReport, message: str) -> Text:
    """Why a check was accepted, or else its message and the number of its findings, now and before."""
    now = report.snapshot.fetched_at
    if entry := report.snapshot.accepted.get(check.level):
        return Text(acceptance_words(entry, now))
    found, before = len(check.occurrences), report.comparison.before.get(check.level) if report.comparison else None
    if check.missing and before is not None:
        return Text(f"was {before.state}: {describe(before, now).message}".removesuffix(": "))
    if found and before is not None and before.occurrences and len(before.occurrences) != found:
        head = f"{found} found, {len(before.occurrences)} before"
        return Text.assemble(head, (": ", QUIET) if message else "", message)
    return Text.assemble(message, (f" ({found} found)", QUIET)) if found else Text(message)


def _occurrences(check: Node, report: ChecksReport, canvas: Canvas) -> list[tuple[str, str]]:
    """All findings of a check; in a comparison those that came or went, and the number of the others."""
    if report.comparison is None:
        return [(canvas.glyphs.bullet + harmless(finding), "") for finding in check.occurrences]
    before = report.comparison.before.get(check.level)
    came, went = report.comparison.came_and_went(check)
    lines: list[tuple[str, str]] = [(f"+ {harmless(finding)}", State.WARNING) for finding in came]
    lines += [(f"- {harmless(finding)}", State.SUCCEEDED) for finding in went]
    if kept := len(check.occurrences) - len(came):
        lines.append((f"{kept} as before", QUIET))
    if max(len(check.occurrences), len(before.occurrences) if before else 0) >= MOST_SENT:
        lines.append((f"The API sends at most about {MOST_SENT}, so more may have come or gone.", QUIET))
    return lines


ACCEPTED = "accepted"
_GROUPS = (*list(Change)[:4], ACCEPTED, *list(Change)[4:])
"""Accepted checks come after what is wrong and before what got better."""
_CHANGE_STYLES: dict[str, str] = {
    **dict.fromkeys((Change.NEW, Change.WORSE), State.FAILED),
    **dict.fromkeys((Change.BETTER, Change.FIXED), State.SUCCEEDED),
    **dict.fromkeys((Change.STILL, Change.SKIPPED), State.WARNING),
    Change.RUNNING: State.RUNNING,
}


def change_word(check: Node, report: ChecksReport) -> str:
    """`accepted`, or else how a check changed since the earlier run; empty without a comparison."""
    if check.level in report.snapshot.accepted:
        return ACCEPTED
    return report.comparison.change(check) if report.comparison else ""


def compared_words(comparison: Comparison, now: Millis) -> str:
    """When both runs were: `Fri 27 Nov 16:40 CET, against Thu 26 Nov 09:12`."""
    earlier, at = comparison.earlier, comparison.seen_at
    other = f"run {harmless(earlier.task_id)}" if earlier.seen_at is None else day_and_time(earlier.seen_at, now)
    return f"{day_and_time(at, now)} {zone(at)}, against {other}"


def changes_line(report: ChecksReport, canvas: Canvas) -> Text:
    """The number of checks by their change: `1 new · 1 still · 42 as before`."""
    words = [change_word(check, report) for check in report.rows]
    names = {Change.SAME: "as before"}
    counts = [f"{grouped(n)} {names.get(group, group)}" for group in _GROUPS if (n := words.count(group))]  # type: ignore[call-overload]
    if report.comparison and report.comparison.pending:
        counts.append(f"{grouped(report.comparison.pending)} not reported")
    return Text(canvas.glyphs.dot.join(counts), QUIET)


def _is_news(check: Node, report: ChecksReport, canvas: Canvas) -> bool:
    """True unless a check is as before, is still running, or is gone and was fine.

    The lowest windows have room for failures only, unless they were accepted.
    """
    before = report.comparison.before.get(check.level) if report.comparison else None
    if canvas.height < LOWEST and (check.level in report.snapshot.accepted or check.state is not State.FAILED):
        return False
    if check.missing:
        return before is not None and before.state in (State.FAILED, State.WARNING)
    return change_word(check, report) not in (Change.SAME, Change.RUNNING)


def _last(
    report: ChecksReport | ProjectsReport, rest: Sequence[Node], canvas: Canvas, kind: str
) -> list[RenderableType]:
    """The last line: the counts of what has no row, or of what a filter let through."""
    found = report.checks if isinstance(report, ChecksReport) else report.projects
    total = report.snapshot.summary.total if report.snapshot.summary else len(found)
    if report.filtered:
        return [Text(f"{len(found)} of {total} {kind}: {report.filtered}", QUIET)]
    if rest:
        return [folded_line(Counter(node.state for node in rest), canvas, over=report.snapshot.node.ended)]
    refused = report.snapshot.verdict is Verdict.FAILED
    return [] if found else [Text(f"No {kind} were reported." if refused else f"No {kind} are reported yet.", QUIET)]


def _projects(report: ProjectsReport, canvas: Canvas) -> Group:
    snapshot = report.snapshot
    shown: list[Node] = [*report.projects]
    rest: list[Node] = []
    notice = nothing_moved(snapshot) if not report.filtered else None
    if report.nothing_to_move or (notice and not report.show_all):
        shown, rest = [], shown
    elif not report.show_all and not report.filtered:
        kept, rest = folded(report.projects, canvas, over=snapshot.node.ended, used=min(len(snapshot.reasons), 4))
        kept_levels = {node.level for node in kept}
        shown = [node for node in report.projects if node.level in kept_levels]
    head = header(snapshot, canvas, report.not_before, rows={node.level for node in shown})
    parts: list[RenderableType] = [head, *gap(canvas)]
    if report.nothing_to_move:
        return Group(*parts, Text(NOTHING_TO_MOVE))
    parts += [Text(notice, State.FAILED)] if notice else []
    if shown:
        names = ["SPACE" if report.scope == "spaces" else "PROJECT", "STATE"]
        names += ["PROGRESS", "ELAPSED"] if canvas.width >= WITH_ELAPSED else []
        table = _table(canvas, *names, "MESSAGE", right=("ELAPSED",))
        for project in shown:
            whole = report.show_all or (canvas.height >= LOW and project.state in (State.FAILED, State.WARNING))
            table.add_row(*_row(project, snapshot, canvas, lines=3 if whole else 1))
        parts.append(table)
    parts += _last(report, rest, canvas, report.scope)
    return Group(*parts)


def _list(
    names: Sequence[str], rows: Sequence[Sequence[Text]], canvas: Canvas, *, right: Sequence[str] = (), lines: int = 99
) -> RenderableType:
    """A table whose last column takes up to `lines` lines a row.

    Where other columns would be cut, each row becomes its first cell with the other cells in a line below it.
    """
    # Rich shrinks columns that do not fit, and a shortened id cannot be copied, so the widths are added up before.
    *widths, last = (max([cell_len(name), *(row[at].cell_len for row in rows)]) for at, name in enumerate(names))
    if sum(width + 2 for width in widths) + min(last, ROOM_FOR_LAST) <= canvas.width:
        table = _table(canvas, *names, name=None, right=right)
        for *cells, words in rows:
            table.add_row(*cells, Prose(words, lines))
        return table
    parts: list[RenderableType] = []
    for first, *cells in rows:
        labelled = []
        for name, cell in zip(names[1:], cells, strict=True):
            speaks = name in ("", "STATE", "TYPE", "VALUE") or cell.plain.startswith("expired")
            label = "" if speaks else f"{name.partition(' (')[0].lower()} "
            labelled += [Text.assemble((label, QUIET), cell)] if cell else []
        parts += [first, Padding(Text(canvas.glyphs.dot, QUIET).join(labelled), (0, 0, 0, 2))]
    return Group(*parts)


def _tasks(report: TasksReport, canvas: Canvas) -> RenderableType:
    if not report.runs:
        return Text("No runs yet.", QUIET)
    wide = canvas.width >= WITH_BAR
    names = ("TASK", "TYPE", "STATE", f"CREATED ({zone(report.fetched_at)})", "ELAPSED", *(("",) if wide else ()))
    rows, notes = list[list[Text]](), list[RenderableType]()
    for run in report.runs:
        task, note = run.task, _run_note(run, files=wide)
        cells = [
            Text(harmless(task.task_id)),
            Text(harmless(task.task_type or "")),
            mark(run.state, run.state, canvas) if run.state else Text(),
            Text(local_time(instant(task.created_at), report.fetched_at), QUIET),
            Text(duration(run.elapsed_seconds), QUIET),
        ]
        rows.append([*cells, *((Text(note, QUIET),) if wide else ())])
        if note and not wide:
            notes.append(Text(f"{harmless(task.task_id)[:8]}: {note}", QUIET))
    return Group(_list(names, rows, canvas), *notes)


def _run_note(run: RunRow, *, files: bool) -> str:
    """The checks that were overridden in a run, and its files."""
    names = [harmless(artifact.name or "") for artifact in run.task.artifacts] if files else []
    left = ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
    overridden = f"overridden: {harmless(', '.join(run.overridden))}" if run.overridden else ""
    return "; ".join(part for part in (overridden, left) if part)


def _targets(report: TargetsReport, canvas: Canvas) -> RenderableType:
    if not report.targets:
        return Text("No targets.", QUIET)
    names = ("TARGET", "STATE", "DONE", "FAILED", "ELAPSED", "NOT BEFORE", "")
    rows = [[Text(harmless(row.target)), *_target(row, report.fetched_at, canvas)] for row in report.targets]
    return _list(names, rows, canvas, right=("DONE", "FAILED", "ELAPSED"), lines=1)


def _target(row: TargetRow, now: Millis, canvas: Canvas) -> list[Text]:
    snapshot = row.snapshot
    if snapshot is None:
        reason = harmless(row.error.message) if row.error else ""
        return [mark(State.MISSING, "unknown", canvas), *[Text()] * 4, Text(reason)]
    state = State(snapshot.verdict)
    summary, done = snapshot.summary, ""
    if summary is not None and snapshot.partial:
        done = f"{grouped(summary.total)} in scope" if summary.unread else ""
    elif summary is not None and summary.total:
        done = f"{grouped(summary.finished)} of {grouped(summary.total)}"
    failed = summary.failed if summary else 0
    first = next(iter(snapshot.reasons), None) if snapshot.verdict is Verdict.FAILED else None
    return [
        mark(state, state, canvas),
        Text(done),
        Text(grouped(failed) if failed else "", State.FAILED),
        Text(duration(snapshot.node.elapsed_seconds(now)), QUIET),
        Text(local_time(row.not_before, now), QUIET),
        Text(harmless(first.message or "") if first else ""),
    ]


def _artifacts(report: ArtifactsReport, canvas: Canvas) -> RenderableType:
    """The files of a run, when they expire, and where they come from or were downloaded to."""
    if not report.artifacts:
        return Text("No reports or logs.", QUIET)
    names = ("NAME", f"EXPIRES ({zone(report.fetched_at)})", "FILE" if report.downloaded else "FROM")
    rows = []
    for listed in report.artifacts:
        artifact = listed.artifact
        place = (listed.path or "not downloaded") if report.downloaded else host_of(artifact.location)
        rows.append([Text(harmless(artifact.name or "")), _expiry(listed, report.fetched_at), Text(harmless(place))])
    return _list(names, rows, canvas)


def _expiry(listed: Listed, now: Millis) -> Text:
    at = instant(listed.artifact.expires_at)
    if at is None:
        return Text(harmless(str(listed.artifact.expires_at or "")), QUIET)
    return Text(f"expired {local_time(at, now)}", State.WARNING) if listed.expired else Text(future(at, now), QUIET)


def _job(report: JobReport, canvas: Canvas) -> RenderableType:
    found = [(Text(harmless(name)), Text(harmless(value))) for name, value in fields(report.job.raw, joint=", ")]
    return _list(("FIELD", "VALUE"), found, canvas, lines=sys.maxsize)


_VIEWS: dict[type[Report], Callable[[Any, Canvas], RenderableType]] = {
    StatusReport: _status,
    ChecksReport: _checks,
    ProjectsReport: _projects,
    TasksReport: _tasks,
    TargetsReport: _targets,
    JobReport: _job,
    ArtifactsReport: _artifacts,
}
