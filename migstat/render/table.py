"""Reports as Rich tables for a window of a given size; nodes that need no attention are folded into counts."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from migstat.model.nodes import CHECK, HIDDEN_LEVELS, MIGRATE, Millis, Node, State, TaskType, instant
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
)
from migstat.model.verdict import Snapshot, Verdict
from migstat.render.drawing import LOW, LOWER, NARROW, WIDE, Canvas, Flow, Prose, bar, gap, mark, table_of
from migstat.render.folding import counts_below, folded, rest_line
from migstat.render.heading import REASONS, header, host_of
from migstat.render.text import duration, future, grouped, harmless, later, local_time, zone
from migstat.render.theme import QUIET, describe

WITH_ELAPSED = 70
"""Window width from which a table shows elapsed times and percentages."""

ROOM_FOR_LAST = 12
"""Cells that the last column of a list needs, as its text wraps."""

BAR = 14


def view(report: Report, canvas: Canvas) -> RenderableType:
    """The report for a window of the canvas's size. What only one command needs is loaded here."""
    match report:
        case StatusReport():
            return _status(report, canvas)
        case ProjectsReport():
            return _projects(report, canvas)
        case ChecksReport():
            from migstat.render.checks import checks_view

            return checks_view(report, canvas)
        case TasksReport():
            return _tasks(report, canvas)
        case TargetsReport():
            return _targets(report, canvas)
        case JobReport():
            return _job(report, canvas)
        case ArtifactsReport():
            return _artifacts(report, canvas)
        case _:
            from migstat.render.timeline import timeline_view

            return timeline_view(report, canvas)


NOTHING_TO_MOVE = "This job moves no projects or spaces."


def _row(
    node: Node, snapshot: Snapshot, canvas: Canvas, *, lines: int, indent: str = "", about: RenderableType | None = None
) -> list[RenderableType]:
    """Name, state, as far as there is room bar, percent and elapsed, and what it is `about`, or else its message."""
    words = describe(node, snapshot.fetched_at, brief=canvas.width < NARROW, over=snapshot.node.ended)
    row: list[RenderableType] = [Text(indent + (harmless(node.name) or "task")), mark(words.state, words.words, canvas)]
    if canvas.width >= WITH_ELAPSED:
        percent = Text(words.percent, State.RUNNING, justify="right")
        if percent and canvas.width >= WIDE:
            percent.pad_left(len("100 %") - percent.cell_len)
            grid = Table.grid(padding=(0, 1))
            grid.add_row(bar((node.percent or 0) / 100, node.state, BAR, canvas.glyphs), percent)
            row.append(grid)
        else:
            row.append(percent)
        row.append(Text(words.elapsed, QUIET, justify="right"))
    return [*row, Prose(Text(words.message), lines) if about is None else about]


def _status(report: StatusReport, canvas: Canvas) -> Group:
    snapshot = report.snapshot
    root = snapshot.node
    in_heading = bool(root.children and not root.level)  # which says the root's own state
    rows = [*_tree_rows(root, report, canvas, -1 if in_heading else 0)][in_heading:]
    head = header(snapshot, canvas, report.not_before, rows={node.level for node, _ in rows})
    table = table_of(canvas, *("", "", "", "", "")[: 5 if canvas.width >= WITH_ELAPSED else 3])
    for _, row in rows:
        table.add_row(*row)
    parts: list[RenderableType] = [head, *gap(canvas), table]
    if notice := nothing_moved(snapshot):
        parts += [*gap(canvas), Text(notice, State.FAILED)]
    elif report.nothing_to_move:
        parts += [*gap(canvas), Text(NOTHING_TO_MOVE, QUIET)]
    return Group(*parts)


def _tree_rows(
    node: Node, report: StatusReport, canvas: Canvas, depth: int
) -> Iterator[tuple[Node, list[RenderableType]]]:
    """The row of a node, and those of what gets one below it.

    Of leaves, which may be thousands, only those that are not fine get one; in a low window the same holds for scopes.
    """
    snapshot = report.snapshot
    children = shown = node.children or ()
    leaves = has_leaves(node, snapshot)
    if report.folds and leaves:
        over = snapshot.node.ended and not nothing_moved(snapshot)
        # What is not there yet is only counted, and so are checks that run.
        dull = {*([] if over else [State.MISSING]), *([] if node.level in HIDDEN_LEVELS else [State.RUNNING])}
        kept, _ = folded(children, canvas, over=over, used=6)
        shown = tuple(child for child in kept if child.state not in dull)
    elif report.folds and canvas.height < LOW:
        shown = tuple(child for child in children if child.state not in (State.SUCCEEDED, State.SKIPPED))
    in_header = snapshot.reasons[:REASONS] if canvas.height >= LOWER else ()
    scope = node.level == CHECK or (node.level[:1] == MIGRATE and len(node.level) == 2)
    about: RenderableType | None = None
    # Checks that have not begun are not reported, so those of a running `check` are not counted: it says how far it is.
    counts = (leaves and children) or len(shown) < len(children)
    if counts and not node.unreadable and (node.ended or node.level != CHECK):
        about = counts_below(node, snapshot, canvas)
    elif (
        scope
        and node.state is State.WARNING
        and (node.level, node.message) in ((reason.level, reason.message) for reason in in_header)
    ):
        about = Text()
    lines = 3 if node.state is State.FAILED and canvas.height >= LOW else 1
    yield node, _row(node, snapshot, canvas, lines=lines, indent="  " * depth, about=about)
    for child in shown:
        yield from _tree_rows(child, report, canvas, depth + 1)


def has_leaves(node: Node, snapshot: Snapshot) -> bool:
    """True if the node's children are checks, projects or spaces: many, and nothing below them."""
    of_check_task = node.level == () and snapshot.task_type == TaskType.CHECK
    return node.level == CHECK or node.level in HIDDEN_LEVELS or of_check_task


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
        table = table_of(canvas, *names, "MESSAGE", right=("ELAPSED",))
        for project in shown:
            whole = report.show_all or (canvas.height >= LOW and project.state in (State.FAILED, State.WARNING))
            table.add_row(*_row(project, snapshot, canvas, lines=3 if whole else 1))
        parts.append(table)
    parts += rest_line(report, rest, canvas, report.scope)
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
        table = table_of(canvas, *names, name=None, right=right)
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
        parts += [first, Padding(Flow(labelled, canvas), (0, 0, 0, 2))]
    return Group(*parts)


def _tasks(report: TasksReport, canvas: Canvas) -> RenderableType:
    if not report.runs:
        return Text("No runs yet.", QUIET)
    wide = canvas.width >= WIDE
    # How long the root took, which is all that is read of a run: `apps` may end later.
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
    overridden = f"overridden: {harmless(', '.join(run.task.overridden))}" if run.task.overridden else ""
    return "; ".join(part for part in (overridden, left) if part)


def _targets(report: TargetsReport, canvas: Canvas) -> RenderableType:
    if not report.targets:
        return Text("No targets.", QUIET)
    names = ("TARGET", "STATE", "DONE", "FAILED", "ELAPSED", "NOT BEFORE", "")
    rows = [[Text(harmless(row.target)), *_target(row, report.fetched_at, canvas)] for row in report.targets]
    # A column without a value would only take room from the messages.
    kept = [at for at, name in enumerate(names) if not name or any(row[at] for row in rows)]
    rows = [[row[at] for at in kept] for row in rows]
    lines = 3 if canvas.height >= LOW else 1
    return _list([names[at] for at in kept], rows, canvas, right=("DONE", "FAILED", "ELAPSED"), lines=lines)


def _target(row: TargetRow, now: Millis, canvas: Canvas) -> list[Text]:
    snapshot = row.snapshot
    if snapshot is None:
        reason = harmless(row.error.message) if row.error else ""
        return [mark(State.MISSING, "unknown", canvas), *[Text()] * 4, Text(reason)]
    state = State(snapshot.verdict)
    summary, done = snapshot.summary, ""
    if snapshot.partial:
        done = f"{grouped(summary.total)} in scope" if summary.unread else ""
    elif summary.total:
        done = f"{grouped(summary.finished)} of {grouped(summary.total)}"
    first = next(iter(snapshot.reasons), None) if snapshot.verdict is Verdict.FAILED else None
    return [
        mark(state, state, canvas),
        Text(done),
        Text(grouped(summary.failed) if summary.failed else "", State.FAILED),
        Text(duration(snapshot.elapsed_seconds(now)), QUIET),
        Text(local_time(later(row.not_before, now), now), QUIET),
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
    from migstat.render.rows import fields  # which no other table needs

    found = [(Text(harmless(name)), Text(harmless(value))) for name, value in fields(report.job.raw, joint=", ")]
    return _list(("FIELD", "VALUE"), found, canvas, lines=sys.maxsize)
