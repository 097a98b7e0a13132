"""What a person sees: a report as lines for a window of a given width, as a table or as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migstat.model import CHECK, Millis, Node, Phase, State, Task, TaskType, level_is_hidden
from migstat.render.grid import Line, Row, Span, cells, laid_out, wrapped
from migstat.render.rows import columns, fields
from migstat.render.text import duration, harmless, instant, local_time, number, span_of_time, zone
from migstat.render.theme import (
    STATE_OF_VERDICT,
    STYLE_OF_STATE,
    Glyphs,
    word_of,
)
from migstat.reports import (
    ChecksReport,
    JobReport,
    ProjectsReport,
    Report,
    StatusReport,
    TasksReport,
    count_states,
    worst_first,
)
from migstat.snapshot import Snapshot

BAR = 16
SHORT_BAR = 10
"""Cells of a progress bar in a table, and in one of less than a hundred columns."""

OVERVIEW_BAR = 40
"""Cells of the bar over all, at most."""

WIDE = 100
NARROW = 60
"""Below this width a table leaves its bars out: name, state and percent matter more."""

LISTED = 20
"""How many leaves of one level a glance lists before it counts the rest."""

NAMED = 12
"""How many missing names are listed before the rest is counted."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """What there is to draw on: a window `width` cells wide, and the signs that it can show."""

    width: int
    glyphs: Glyphs
    tree: bool = False


def view(report: Report, canvas: Canvas) -> list[Line]:
    """The report as lines of at most the canvas's width."""
    match report:
        case StatusReport():
            return _status(report, canvas)
        case ChecksReport():
            return _checks(report, canvas)
        case ProjectsReport():
            return _projects(report, canvas)
        case TasksReport() | JobReport():
            return _records(report, canvas)


def _status(report: StatusReport, canvas: Canvas) -> list[Line]:
    snapshot = report.snapshot
    lines = [*_title(snapshot, report.job_name, snapshot.node, canvas), []]
    found = _status_rows(report, canvas)
    lines += laid_out(found, canvas.width, more=canvas.glyphs.more)
    if report.not_scheduled:
        lines += [[], *_prose("The migration was not scheduled: its checks failed.", "failed", canvas)]
    return [*lines, *_not_reported(report.missing, canvas)]


def _status_rows(report: StatusReport, canvas: Canvas) -> list[Row]:
    now = report.snapshot.fetched_at
    node = report.snapshot.node
    walker = _Tree(report, canvas, now)
    if node.level == () and node.children:
        return list(walker.below(node, ""))
    return [walker.row(node, ""), *walker.below(node, "" if canvas.tree else "  ")]


@dataclass(frozen=True, slots=True)
class _Tree:
    """Rows of a tree: indented in a table, with branches in a tree."""

    report: StatusReport
    canvas: Canvas
    now: Millis

    def rows_of(self, nodes: Sequence[Node], trunk: str) -> Iterator[Row]:
        glyphs = self.canvas.glyphs
        for node in nodes:
            last = node is nodes[-1]
            if self.canvas.tree:
                yield self.row(node, trunk + (glyphs.last_branch if last else glyphs.branch))
                below = trunk + ("   " if last else glyphs.trunk)
            else:
                yield self.row(node, trunk)
                below = trunk + "  "
            yield from self.below(node, below)

    def below(self, node: Node, trunk: str) -> Iterator[Row]:
        children = node.children or ()
        if self._has_leaves(node):
            yield from self._leaves(node, worst_first(children), trunk)
        else:
            yield from self.rows_of(children, trunk)

    def _leaves(self, node: Node, leaves: tuple[Node, ...], trunk: str) -> Iterator[Row]:
        """Leaves, worst first; in brief what went wrong and, of projects and spaces, what runs, but not too many."""
        if not self.report.brief:
            yield from self.rows_of(leaves, trunk)
            return
        last = State.RUNNING if level_is_hidden(node.level) else State.WARNING
        noted = [leaf for leaf in leaves if leaf.state <= last]
        yield from self.rows_of(noted[:LISTED], trunk)
        if len(noted) > LISTED:
            rest = count_states(tuple(noted[LISTED:]))
            text = "".join(text for text, _ in _counts(rest, self.canvas))
            yield Row((("and more", "quiet"), ("", ""), ("", "")), text, indent=trunk)

    def _has_leaves(self, node: Node) -> bool:
        """Whether the node's children are checks, projects or spaces: many, and nothing below them."""
        of_check_task = node.level == () and self.report.snapshot.task_type == TaskType.CHECK
        return node.level == CHECK or level_is_hidden(node.level) or of_check_task

    def row(self, node: Node, indent: str) -> Row:
        """One node; a level of checks, projects or spaces tells how many of them are done."""
        name, elapsed = harmless(node.name) or "task", (duration(node.elapsed_seconds(self.now)), "quiet")
        if node.unreadable:
            return Row(((name, ""), _state_cell(node, self.canvas), ("", ""), elapsed), node.unreadable, indent=indent)
        state, middle = _state_cell(node, self.canvas), _progress(node, self.canvas)
        if self._has_leaves(node) and node.children and not middle[0]:
            middle = self._counted(node, node.children)
        return Row(((name, ""), state, middle, elapsed), _message(node), indent=indent)

    def _counted(self, node: Node, children: tuple[Node, ...]) -> Span:
        hidden = level_is_hidden(node.level)
        total = max(self.report.expected, len(children)) if hidden else len(children)
        if self.report.partial and hidden:
            return f"{total} in scope", "quiet"
        done = sum(child.ended for child in children)
        if node.ended or done == total:
            return (f"{done}/{total}" if self.canvas.width < NARROW else f"{done} of {total} done"), "quiet"
        return _drawn(done / total, f"{done}/{total}", self.canvas), "running"


def _title(snapshot: Snapshot, job_name: str | None, begun: Node, canvas: Canvas) -> list[Line]:
    """Two lines: what it comes down to, of what; and since when."""
    state = STATE_OF_VERDICT[snapshot.verdict]
    style = STYLE_OF_STATE[state]
    glyph = canvas.glyphs.states[state]
    name = harmless(job_name) if job_name else f"job {snapshot.job_id}"
    level = ",".join(map(harmless, snapshot.node.level))
    head = f"{glyph} {snapshot.verdict}"
    room = canvas.width - cells(head) - 2
    title = wrapped(f"{name}{canvas.glyphs.dot}{level}" if level else name, max(room, 8))
    since = _since(begun, snapshot.fetched_at, canvas)
    about = canvas.glyphs.dot.join(
        part for part in (f"{snapshot.task_type or 'task'} {snapshot.task_id}", since) if part
    )
    return [
        [(head, style), ("  ", ""), (title[0] if title else "", "strong")],
        *([(" " * (cells(head) + 2) + rest, "strong")] for rest in title[1:]),
        *_prose(about, "quiet", canvas),
    ]


def _since(node: Node, now: Millis, canvas: Canvas) -> str:
    """When the node began, or from when to when it ran; the time zone is named here and nowhere else."""
    began = node.started_at or node.created_at
    if began is None:
        return f"as of {local_time(now, now)} {zone(now)}"
    told = span_of_time(began, node.last_updated_at, now) if node.ended else f"since {local_time(began, now)}"
    elapsed = duration(node.elapsed_seconds(now))
    return canvas.glyphs.dot.join(part for part in (f"{told} {zone(began)}", elapsed) if part)


def _checks(report: ChecksReport, canvas: Canvas) -> list[Line]:
    snapshot = report.snapshot
    lines = [*_checks_title(report, canvas), []]
    shown = [check for check in report.checks if report.asked or report.show_all or check.state <= State.RUNNING]
    found = [_check_row(check, report, canvas, last=check is shown[-1]) for check in shown]
    lines += laid_out(found, canvas.width, more=canvas.glyphs.more)
    rest = {state: count for state, count in report.states.items() if state > State.RUNNING}
    if report.asked:
        lines += _prose(f"{len(shown)} of {report.summary.total} checks have {report.asked}", "quiet", canvas)
    elif rest and not report.show_all:
        lines.append([*_counts(rest, canvas), ("  (--all lists them)" if canvas.width >= NARROW else "", "quiet")])
    elif not report.summary.total:
        lines += _prose(
            f"No checks are reported yet. As of {local_time(snapshot.fetched_at, snapshot.fetched_at)}.",
            "quiet",
            canvas,
        )
    return lines


def _checks_title(report: ChecksReport, canvas: Canvas) -> list[Line]:
    parent = report.parent or Node()
    glyph = canvas.glyphs.states[parent.state]
    snapshot = report.snapshot
    head: Line = [
        (f"{glyph} {word_of(parent)}", STYLE_OF_STATE[parent.state]),
        ("  Pre-flight checks", "strong"),
    ]
    about = canvas.glyphs.dot.join(
        (f"{snapshot.task_type or 'task'} {snapshot.task_id}", _since(parent, snapshot.fetched_at, canvas))
    )
    message = _prose(harmless(parent.message), "", canvas) if parent.message else []
    return [head, *_prose(about, "quiet", canvas), *message]


def _check_row(check: Node, report: ChecksReport, canvas: Canvas, *, last: bool) -> Row:
    below: list[Span] = []
    if report.details:
        if check.description:
            below.append((harmless(check.description), "quiet"))
        below += [(canvas.glyphs.bullet + harmless(each), "") for each in check.occurrences]
    indent = (canvas.glyphs.last_branch if last else canvas.glyphs.branch) if canvas.tree else ""
    return Row(
        ((harmless(check.name), ""), _state_cell(check, canvas), _override(check)),
        check.unreadable or _message(check),
        tuple(below),
        indent,
    )


def _override(check: Node) -> Span:
    if check.state is not State.FAILED or check.excludable is None:
        return "", ""
    return ("can be overridden", "warning") if check.excludable else ("cannot be overridden", "failed")


def _projects(report: ProjectsReport, canvas: Canvas) -> list[Line]:
    snapshot = report.snapshot
    lines = [*_title(snapshot, report.job_name, snapshot.node, canvas), *_overview(report, canvas), []]
    if report.projects:
        name = {"spaces": "SPACE"}.get(report.scope, "PROJECT")
        header = (name, "STATE", "PROGRESS", "ELAPSED", "MESSAGE")
        found = [
            _project_row(project, snapshot.fetched_at, canvas, last=project is report.projects[-1])
            for project in report.projects
        ]
        lines += laid_out(found, canvas.width, header=() if canvas.tree else header, more=canvas.glyphs.more)
    elif report.asked:
        lines += _prose(f"None of {report.summary.total} {report.scope} has {report.asked}.", "quiet", canvas)
    else:
        lines += _prose(f"No {report.scope} are reported yet.", "quiet", canvas)
    return [*lines, *_not_reported(snapshot.missing, canvas)]


def _overview(report: ProjectsReport, canvas: Canvas) -> list[Line]:
    """How far it is as a bar over all, and how many are in which state."""
    total = report.summary.total + len(report.snapshot.missing)
    if not total:
        return []
    done = report.summary.finished / total
    width = min(OVERVIEW_BAR, max(canvas.width - 24, 8))
    text = f" {report.summary.finished} of {total} {report.scope} done"
    counts = _counts(report.states, canvas)
    if report.snapshot.missing:
        counts += [(canvas.glyphs.dot, "quiet"), (f"{len(report.snapshot.missing)} not reported", "quiet")]
    return [
        [*_bar(done, width, canvas), (text[: max(canvas.width - width, 0)], "")],
        *_flowing(counts, canvas),
    ]


def _project_row(project: Node, now: Millis, canvas: Canvas, *, last: bool) -> Row:
    indent = (canvas.glyphs.last_branch if last else canvas.glyphs.branch) if canvas.tree else ""
    return Row(
        (
            (harmless(project.name), ""),
            _state_cell(project, canvas),
            _progress(project, canvas),
            (duration(project.elapsed_seconds(now)), "quiet"),
        ),
        project.unreadable or _message(project),
        indent=indent,
    )


def _records(report: TasksReport | JobReport, canvas: Canvas) -> list[Line]:
    """Runs or a definition as they are, under the names of their columns."""
    header: tuple[str, ...]
    if isinstance(report, TasksReport):
        header = ("TASK", "TYPE", f"CREATED ({zone(report.fetched_at)})", "ARTIFACTS")
        found = [_task_row(task, report.fetched_at) for task in report.tasks]
    else:
        header = tuple(name.upper() for name in columns(report))
        found = [Row(((harmless(name), ""),), harmless(value)) for name, value in fields(report.job.raw, joint=", ")]
    if not found:
        return _prose("No runs yet." if isinstance(report, TasksReport) else "An empty definition.", "quiet", canvas)
    return laid_out(found, canvas.width, header=header, more=canvas.glyphs.more)


def _task_row(task: Task, now: Millis) -> Row:
    created = local_time(instant(task.created_at), now) or harmless(str(task.created_at or ""))
    artifacts = ", ".join(harmless(artifact.name or "") for artifact in task.artifacts)
    return Row(((task.task_id, ""), (harmless(task.task_type or ""), ""), (created, "quiet")), artifacts)


def _state_cell(node: Node, canvas: Canvas) -> Span:
    if node.unreadable:
        return "unreadable", "failed"
    state = node.state
    return f"{canvas.glyphs.states[state]} {harmless(word_of(node))}", STYLE_OF_STATE[state]


def _progress(node: Node, canvas: Canvas) -> Span:
    """Bar and percent of a node that reports progress; of its current phase only, which the message names."""
    if node.percent is None or node.ended:
        return "", ""
    share = min(max(node.percent / 100, 0.0), 1.0)
    return _drawn(share, f"{share * 100:3.0f} %", canvas), "running"


def _drawn(share: float, text: str, canvas: Canvas) -> str:
    """A bar with a text behind it, or the text alone in a narrow window."""
    bar = "" if canvas.width < NARROW else _bar_text(share, BAR if canvas.width >= WIDE else SHORT_BAR, canvas) + " "
    return bar + text


def _bar_text(share: float, width: int, canvas: Canvas) -> str:
    return "".join(part for part, _ in _bar(share, width, canvas))


def _bar(share: float, width: int, canvas: Canvas) -> list[Span]:
    glyphs = canvas.glyphs
    halves = int(share * width * 2)
    done = glyphs.bar * (halves // 2) + glyphs.bar_half * (halves % 2)
    return [
        (done, "succeeded" if share >= 1 else "running"),
        (glyphs.bar_rest * (width - len(done)), "quiet"),
    ]


def _message(node: Node) -> str:
    """The node's message, and what its current phase counts."""
    phases = " ".join(_phase(phase) for phase in node.progress)
    return " ".join(
        part for part in (harmless(node.message or ""), f"({phases})" if phases and node.message else phases) if part
    )


def _phase(phase: Phase) -> str:
    counts = [number(count) for count in (phase.processed, phase.total) if count is not None]
    return " ".join((harmless(phase.name or ""), "/".join(counts))).strip()


def _counts(states: dict[State, int], canvas: Canvas) -> list[Span]:
    spans: list[Span] = []
    for state, count in states.items():
        if spans:
            spans.append((canvas.glyphs.dot, "quiet"))
        style = STYLE_OF_STATE[state]
        spans.append((f"{canvas.glyphs.states[state]} {count} {style}", style))
    return spans


def _flowing(spans: list[Span], canvas: Canvas) -> list[Line]:
    """Spans one after the other, in as many lines as they need."""
    lines: list[Line] = [[]]
    room = canvas.width
    for text, style in spans:
        if cells(text) > room and text.strip(" ·,"):
            lines.append([])
            room = canvas.width
        lines[-1].append((text, style))
        room -= cells(text)
    return lines


def _not_reported(missing: tuple[str, ...], canvas: Canvas) -> list[Line]:
    if not missing:
        return []
    named = ", ".join(harmless(name) for name in missing[:NAMED])
    rest = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    return _prose(f"{len(missing)} of the job's scope not reported yet: {named}{rest}", "pending", canvas)


def _prose(text: str, style: str, canvas: Canvas) -> list[Line]:
    return [[(line, style)] for line in wrapped(text, canvas.width)]
