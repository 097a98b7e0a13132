"""Reports as Rich tables for a window of a given size; nodes that need no attention are folded into counts."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from migstat.model.acceptance import MOST_SENT
from migstat.model.changes import Change, Comparison
from migstat.model.nodes import CHECK, MIGRATE, Level, Millis, Node, State, TaskType, instant, level_is_hidden
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
    states_of,
    worst_first,
)
from migstat.model.verdict import Snapshot, Verdict, discounted, summary_of, verdict_of
from migstat.render.parts import (
    ALL_LISTS,
    LOW,
    LOWER,
    LOWEST,
    NARROW,
    REASONS,
    Canvas,
    Prose,
    acceptance_words,
    bar,
    counts_text,
    folded_line,
    gap,
    header,
    headline,
    host_of,
    message_text,
    percent_text,
    reason_lines,
    shown_and_counted,
    state_text,
    verdict_lines,
)
from migstat.render.rows import fields
from migstat.render.text import ago, day_and_time, duration, future, grouped, harmless, local_time, zone
from migstat.render.theme import QUIET, STYLES

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
    match report:
        case StatusReport():
            return _status(report, canvas)
        case ChecksReport():
            return _checks(report, canvas)
        case ProjectsReport():
            return _projects(report, canvas)
        case TasksReport():
            return _tasks(report, canvas)
        case TargetsReport():
            return _targets(report, canvas)
        case JobReport():
            found = [
                (Text(harmless(name)), Text(harmless(value))) for name, value in fields(report.job.raw, joint=", ")
            ]
            return _list(("FIELD", "VALUE"), found, canvas, lines=sys.maxsize)
        case ArtifactsReport():
            return _artifacts(report, canvas)
        case _:
            from migstat.render.timeline import timeline_view

            return timeline_view(report, canvas)


def folds(report: Report) -> bool:
    """True if the table may only count what is fine. Details, or all rows, are shown if requested."""
    match report:
        case StatusReport():
            return report.folds
        case TasksReport() | TargetsReport() | JobReport() | ArtifactsReport():
            return False
        case ChecksReport(details=True):
            return False
        case _:
            return not report.show_all


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


def _table(*names: str, right: Sequence[str] = ()) -> Table:
    """A table without borders, whose last column wraps."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=QUIET, show_header=any(names))
    for at, name in enumerate(names, 1):
        last = at == len(names)
        table.add_column(
            name,
            no_wrap=not last,
            overflow="fold" if last else "ellipsis",
            justify="right" if name in right else "left",
        )
    return table


def _name(text: str, canvas: Canvas) -> Text:
    """A name, cut if it would take more than a third of the window."""
    name = Text(text)
    name.truncate(max(canvas.width // 3, 12), overflow="ellipsis")
    return name


def _progress(node: Node, now: Millis, canvas: Canvas) -> list[RenderableType]:
    """The cells between state and message, as far as there is room: bar and percent, and elapsed."""
    if canvas.width < WITH_ELAPSED:
        return []
    percent, elapsed = percent_text(node), Text(duration(node.elapsed_seconds(now)), QUIET)
    if canvas.width < WITH_BAR or not percent:
        return [percent, elapsed]
    grid = Table.grid(padding=(0, 1))
    grid.add_row(bar(min(max(node.percent or 0, 0), 100) / 100, node.state, BAR), percent)
    return [grid, elapsed]


def _status(report: StatusReport, canvas: Canvas) -> Group:
    snapshot = report.snapshot
    root = snapshot.node
    tops: Sequence[Node] = (root,)
    if root.children and not root.level:  # the root's own state is in the verdict line
        tops = _shown_below(root, report, canvas)
    table = _table(*("", "", "", "", "")[: 5 if canvas.width >= WITH_ELAPSED else 3])
    table.show_header = False
    listed = set[Level]()
    for node, row in _tree_rows(tops, report, canvas, ""):
        table.add_row(*row)
        listed.add(node.level)
    head = header(snapshot, canvas, report.not_before, rows=listed)
    parts: list[RenderableType] = [head, *gap(canvas), table]
    if notice := nothing_moved(snapshot):
        parts += [*gap(canvas), Text(notice, STYLES[State.FAILED])]
    elif report.nothing_to_move:
        parts += [*gap(canvas), Text(NOTHING_TO_MOVE, QUIET)]
    return Group(*parts)


def _tree_rows(
    nodes: Sequence[Node], report: StatusReport, canvas: Canvas, indent: str
) -> Iterator[tuple[Node, list[RenderableType]]]:
    now = report.snapshot.fetched_at
    in_header = report.snapshot.reasons[:REASONS] if canvas.height >= LOWER else ()
    above = [(reason.level, reason.message) for reason in in_header]
    for node in nodes:
        below = node.children or ()
        scope = node.level == CHECK or (node.level[:1] == MIGRATE and len(node.level) == 2)
        below_rows = _shown_below(node, report, canvas)
        counted = below and (has_leaves(node, report.snapshot) or len(below_rows) < len(below))
        if counted and not node.unreadable:
            cell: RenderableType = _counts(node, report, canvas)
        elif scope and (node.level, node.message) in above and node.state is State.WARNING:
            cell = Text()
        else:
            lines = 3 if node.state is State.FAILED and canvas.height >= LOW else 1
            cell = Prose(message_text(node, canvas), lines)
        name = _name(indent + (harmless(node.name) or "task"), canvas)
        yield node, [name, state_text(node, canvas), *_progress(node, now, canvas), cell]
        yield from _tree_rows(below_rows, report, canvas, indent + "  ")


def _shown_below(node: Node, report: StatusReport, canvas: Canvas) -> Sequence[Node]:
    """The children that get a row: of leaves, which may be thousands, only those that are not fine.

    In a low window the same holds for scopes.
    """
    children = node.children or ()
    if not report.folds or (canvas.height >= LOW and not has_leaves(node, report.snapshot)):
        return children
    if not has_leaves(node, report.snapshot):
        return [child for child in children if child.state not in (State.SUCCEEDED, State.SKIPPED)]
    over = report.snapshot.node.ended and not nothing_moved(report.snapshot)
    shown, _ = folded(children, canvas, over=over, used=6)
    if not over:  # what is not there yet is counted in the row above
        shown = [child for child in shown if child.state is not State.MISSING]
    checks = not level_is_hidden(node.level)
    return [child for child in shown if not (checks and child.state is State.RUNNING)]


def has_leaves(node: Node, snapshot: Snapshot) -> bool:
    """True if the node's children are checks, projects or spaces: many, and nothing below them."""
    of_check_task = node.level == () and snapshot.task_type == TaskType.CHECK
    return node.level == CHECK or level_is_hidden(node.level) or of_check_task


def _counts(node: Node, report: StatusReport, canvas: Canvas) -> Text:
    """How many children are done, and the states of those that did not succeed."""
    states = states_of(summary_of(node.children or ()))
    total = sum(states.values())
    done = sum(count for state, count in states.items() if state.ended)
    counted = Text(f"{done} of {total}", QUIET)
    if report.snapshot.partial and report.snapshot.summary is not None and level_is_hidden(node.level):
        summary = report.snapshot.summary
        counted = Text(f"{grouped(summary.total)} in scope" if summary.unread else "", QUIET)
    others: dict[State, int] = {state: n for state, n in states.items() if state is not State.SUCCEEDED}
    if canvas.height < LOWER:  # more of them would wrap
        others = dict([*others.items()][:1])
    rest = counts_text(others, canvas, words=canvas.width >= WITH_BAR)
    return Text(canvas.glyphs.dot, QUIET).join(part for part in (counted, rest) if part)


def checks_head(report: ChecksReport) -> Snapshot:
    """The head of a list of checks: the verdict of the checks, not of the task that they belong to.

    Rows say what is wrong; only without any the task's own reasons do, such as that it was refused.
    """
    snapshot, parent = report.snapshot, report.parent
    if parent is None:
        return snapshot
    reasons = () if report.checks or parent.state is not State.FAILED else snapshot.reasons
    excused = parent.level in discounted(snapshot.node, snapshot.task_type, snapshot.accepted)
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
        parts.append(Text(f"overridden in this run: {harmless(', '.join(report.overridden))}", STYLES[State.WARNING]))
    parts += gap(canvas)
    if report.details:
        parts += [part for check in shown for part in _block(check, report, canvas)]
    elif shown:
        parts += _check_rows(shown, report, canvas)
    if comparison is not None:
        counts = changes_line(report, canvas)
        line = Text(canvas.glyphs.dot, QUIET).join([counts, ALL_LISTS])
        if len(shown) == len(report.rows):
            parts.append(counts)
        elif line.cell_len <= canvas.width:
            parts.append(line)
        else:  # a line of its own may push the verdict out of a low window, unless there are no rows
            parts += [counts] if shown else [counts, ALL_LISTS]
    return Group(*parts, *_last(report, rest, canvas, "checks"))


def _compared(
    snapshot: Snapshot, comparison: Comparison, report: ChecksReport, canvas: Canvas
) -> Iterator[RenderableType]:
    """The head of a comparison: the verdict, without counts once they are those of the last line, and both runs."""
    state = State(snapshot.verdict)
    head = Text(f"{canvas.glyphs.states[state]} {state}", f"bold {STYLES[state]}")
    head = head if snapshot.node.ended else headline(snapshot, canvas)
    yield from verdict_lines(snapshot, canvas, Text.assemble(head, "   Pre-flight checks"))
    yield from reason_lines(snapshot.reasons if snapshot.node.ended and not report.checks else (), canvas)
    ids = f" (run {harmless(snapshot.task_id)}, against {harmless(comparison.earlier.task_id)})" if canvas.ids else ""
    yield Text(compared_words(comparison, snapshot.fetched_at) + ids, QUIET)


def _check_rows(shown: Sequence[Node], report: ChecksReport, canvas: Canvas) -> list[RenderableType]:
    """A row per check, its change first. Narrow windows, which would cut the name, have the message below it."""
    compares, wide = report.comparison is not None, report.comparison is not None and canvas.width >= WITH_BAR
    table, stacked = _table(*([""] if compares else []), "CHECK", "STATE", "", "MESSAGE"), list[RenderableType]()
    table.show_header = not compares
    for check in shown:
        word = change_word(check, report)
        change = [Text(word, _CHANGE_STYLES.get(word, QUIET))] if compares else []
        state = Text() if check.missing else state_text(check, canvas)
        override, message = _override(check, report, whole=wide), _message(check, report, canvas)
        lines = 1 if check.state is State.RUNNING or canvas.height < LOW else 3
        table.add_row(*change, _name(harmless(check.name), canvas), state, override, Prose(message, lines))
        # The name gives way to the state, which is what the row is there for.
        name, others = Text(harmless(check.name)), [part for part in (*change, state) if part]
        name.truncate(max(canvas.width - sum(part.cell_len + 2 for part in others), 1), overflow="ellipsis")
        line = Text("  ").join(part for part in (*change, name, state) if part)
        line.truncate(canvas.width, overflow="ellipsis")
        between = " " if override.plain == ACCEPTED else ": "
        below = Text(between).join(part for part in (override, message) if part)
        stacked += [line, *([Padding(Prose(below, lines), (0, 0, 0, 2))] if below else [])]
    return [table] if canvas.width >= (WITH_CHANGES if compares else NARROW) else stacked


def _block(check: Node, report: ChecksReport, canvas: Canvas) -> Iterator[RenderableType]:
    """A check with all its findings."""
    override = _override(check, report)
    word = [Text(change_word(check, report), QUIET)] if report.comparison else []
    name = Text(harmless(check.name), "bold")
    yield Text("  ").join([*word, *([] if check.missing else [state_text(check, canvas)]), name, override])
    entry, now = report.snapshot.accepted.get(check.level), report.snapshot.fetched_at
    texts = [(acceptance_words(entry, now) if entry else "", QUIET), (message_text(check, canvas).plain, "")]
    texts += [(harmless(check.description or ""), QUIET), *_occurrences(check, report, canvas)]
    yield from (Padding(Text(text, style, overflow="fold"), (0, 0, 0, 4)) for text, style in texts if text)


def _override(check: Node, report: ChecksReport, *, whole: bool = False) -> Text:
    """Whether a failure keeps the migration from starting, in `whole` words if there is room."""
    if check.level in report.snapshot.accepted:
        return Text() if report.comparison else Text(ACCEPTED, QUIET)  # the change says so
    if check.name in report.overridden:
        return Text("overridden", STYLES[State.WARNING])
    if check.state is not State.FAILED or check.excludable is None:
        return Text()
    words = ("can be overridden" if whole else "overridable", "cannot be overridden" if whole else "blocks")
    state = State.WARNING if check.excludable else State.FAILED
    return Text(words[not check.excludable], STYLES[state])


def _message(check: Node, report: ChecksReport, canvas: Canvas) -> Text:
    """Why a check was accepted, or else its message and the number of its findings, now and before."""
    if entry := report.snapshot.accepted.get(check.level):
        return Text(acceptance_words(entry, report.snapshot.fetched_at))
    message, found = message_text(check, canvas), len(check.occurrences)
    before = report.comparison.before.get(check.level) if report.comparison else None
    if check.missing and before is not None:
        return Text(f"was {before.state}: {message_text(before).plain}".removesuffix(": "))
    if found and before is not None and before.occurrences and len(before.occurrences) != found:
        return Text.assemble(
            f"{found} found, {len(before.occurrences)} before", (": ", QUIET) if message else "", message
        )
    return Text.assemble(message, (f" ({found} found)", QUIET)) if found else message


def _occurrences(check: Node, report: ChecksReport, canvas: Canvas) -> list[tuple[str, str]]:
    """All findings of a check; in a comparison those that came or went, and the number of the others."""
    if report.comparison is None:
        return [(canvas.glyphs.bullet + harmless(finding), "") for finding in check.occurrences]
    before = report.comparison.before.get(check.level)
    came, went = report.comparison.came_and_went(check)
    lines = [(f"+ {harmless(finding)}", STYLES[State.WARNING]) for finding in came]
    lines += [(f"- {harmless(finding)}", STYLES[State.SUCCEEDED]) for finding in went]
    if kept := len(check.occurrences) - len(came):
        lines.append((f"{kept} as before", QUIET))
    if max(len(check.occurrences), len(before.occurrences) if before else 0) >= MOST_SENT:
        lines.append((f"The API sends at most about {MOST_SENT}, so more may have come or gone.", QUIET))
    return lines


ACCEPTED = "accepted"
_GROUPS = (*list(Change)[:4], ACCEPTED, *list(Change)[4:])
"""Accepted checks come after what is wrong and before what got better."""
_CHANGE_STYLES: dict[str, str] = {
    **dict.fromkeys((Change.NEW, Change.WORSE), STYLES[State.FAILED]),
    **dict.fromkeys((Change.BETTER, Change.FIXED), STYLES[State.SUCCEEDED]),
    **dict.fromkeys((Change.STILL, Change.SKIPPED), STYLES[State.WARNING]),
    Change.RUNNING: STYLES[State.RUNNING],
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
        return [folded_line(states_of(summary_of(rest)), canvas)]
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
    parts += [Text(notice, STYLES[State.FAILED])] if notice else []
    if shown:
        names = ["SPACE" if report.scope == "spaces" else "PROJECT", "STATE"]
        names += ["PROGRESS", "ELAPSED"] if canvas.width >= WITH_ELAPSED else []
        table = _table(*names, "MESSAGE", right=("ELAPSED",))
        for project in shown:
            lines = 3 if report.show_all or project.state in (State.FAILED, State.WARNING) else 1
            lines = lines if report.show_all or canvas.height >= LOW else 1
            table.add_row(
                _name(harmless(project.name), canvas),
                state_text(project, canvas),
                *_progress(project, snapshot.fetched_at, canvas),
                Prose(message_text(project, canvas), lines),
            )
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
        table = _table(*names, right=right)
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
            Text(f"{canvas.glyphs.states[run.state]} {run.state}", STYLES[run.state]) if run.state else Text(),
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
        unasked = Text(f"{canvas.glyphs.states[State.MISSING]} unknown", STYLES[State.MISSING])
        return [unasked, *[Text()] * 4, Text(reason)]
    state = State(snapshot.verdict)
    summary, done = snapshot.summary, ""
    if summary is not None and snapshot.partial:
        done = f"{grouped(summary.total)} in scope" if summary.unread else ""
    elif summary is not None and summary.total:
        done = f"{grouped(summary.finished)} of {grouped(summary.total)}"
    failed = summary.failed if summary else 0
    first = next(iter(snapshot.reasons), None) if snapshot.verdict is Verdict.FAILED else None
    return [
        Text(f"{canvas.glyphs.states[state]} {state}", STYLES[state]),
        Text(done),
        Text(grouped(failed) if failed else "", STYLES[State.FAILED]),
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
    return (
        Text(f"expired {local_time(at, now)}", STYLES[State.WARNING])
        if listed.expired
        else Text(future(at, now), QUIET)
    )
