"""What a person sees: a report as lines for a window of a given width, as a table or as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from migstat.model.nodes import CHECK, Millis, Node, State, Task, TaskType, level_is_hidden
from migstat.model.reports import (
    ArtifactsReport,
    ChecksReport,
    JobReport,
    Listed,
    ProjectsReport,
    Report,
    StatusReport,
    TasksReport,
    count_states,
    worst_first,
)
from migstat.model.verdict import Snapshot, summary_of
from migstat.render.grid import Line, Row, Span, laid_out
from migstat.render.parts import (
    NARROW,
    Canvas,
    counts_of,
    drawn_bar,
    flowing,
    message_of,
    overall,
    progress_cell,
    prose,
    state_cell,
    titled,
)
from migstat.render.rows import columns, fields
from migstat.render.text import duration, harmless, instant, local_time, span_of_time, zone
from migstat.render.theme import (
    STATE_OF_VERDICT,
    STYLE_OF_STATE,
    word_of,
)

LISTED = 20
"""How many leaves of one level a glance lists before it counts the rest."""

NAMED = 12
"""How many missing names are listed before the rest is counted."""


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
        case ArtifactsReport():
            return _artifacts(report, canvas)


def _status(report: StatusReport, canvas: Canvas) -> list[Line]:
    snapshot = report.snapshot
    lines = [*_title(snapshot, report.job_name, snapshot.node, canvas), *_checks_done(snapshot, canvas), []]
    found = _status_rows(report, canvas)
    lines += laid_out(found, canvas.width, more=canvas.glyphs.more)
    if report.not_scheduled:
        lines += [[], *prose("The migration was not scheduled: its checks failed.", "failed", canvas)]
    return [*lines, *_not_reported(report.missing, canvas)]


def _checks_done(snapshot: Snapshot, canvas: Canvas) -> list[Line]:
    """How far a check task is, whose root has no row of its own to tell."""
    checks = snapshot.node.children
    if snapshot.node.level or snapshot.task_type != TaskType.CHECK or not checks:
        return []
    return overall(count_states(checks), summary_of(checks).finished, 0, "checks", canvas)


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
        noted = [leaf for leaf in leaves if leaf.state.rank <= last.rank]
        yield from self.rows_of(noted[:LISTED], trunk)
        if len(noted) > LISTED:
            rest = count_states(tuple(noted[LISTED:]))
            text = self.canvas.glyphs.dot.join(text for text, _ in counts_of(rest, self.canvas))
            yield Row((("and more", "quiet"), ("", ""), ("", "")), text, indent=trunk)

    def _has_leaves(self, node: Node) -> bool:
        """Whether the node's children are checks, projects or spaces: many, and nothing below them."""
        of_check_task = node.level == () and self.report.snapshot.task_type == TaskType.CHECK
        return node.level == CHECK or level_is_hidden(node.level) or of_check_task

    def row(self, node: Node, indent: str) -> Row:
        """One node; a level of checks, projects or spaces tells how many of them are done."""
        name, elapsed = harmless(node.name) or "task", (duration(node.elapsed_seconds(self.now)), "quiet")
        if node.unreadable:
            return Row(((name, ""), state_cell(node, self.canvas), ("", ""), elapsed), node.unreadable, indent=indent)
        state, middle = state_cell(node, self.canvas), progress_cell(node, self.canvas)
        if self._has_leaves(node) and node.children and not middle[0]:
            middle = self._counted(node, node.children)
        return Row(((name, ""), state, middle, elapsed), message_of(node), indent=indent)

    def _counted(self, node: Node, children: tuple[Node, ...]) -> Span:
        hidden = level_is_hidden(node.level)
        total = max(self.report.expected, len(children)) if hidden else len(children)
        if self.report.partial and hidden:
            return f"{total} in scope", "quiet"
        done = sum(child.ended for child in children)
        if node.ended or done == total:
            return (f"{done}/{total}" if self.canvas.width < NARROW else f"{done} of {total} done"), "quiet"
        return drawn_bar(done / total, f"{done}/{total}", self.canvas), "running"


def _title(snapshot: Snapshot, job_name: str | None, begun: Node, canvas: Canvas) -> list[Line]:
    """What it comes down to, of what; then which task, and since when."""
    state = STATE_OF_VERDICT[snapshot.verdict]
    name = harmless(job_name) if job_name else f"job {snapshot.job_id}"
    level = ",".join(map(harmless, snapshot.node.level))
    head = f"{canvas.glyphs.states[state]} {snapshot.verdict}"
    title = f"{name}{canvas.glyphs.dot}{level}" if level else name
    about = canvas.glyphs.dot.join((_task(snapshot), _since(begun, snapshot.fetched_at, canvas)))
    return [*titled(head, STYLE_OF_STATE[state], title, canvas), *prose(about, "quiet", canvas)]


def _task(snapshot: Snapshot) -> str:
    return harmless(f"{snapshot.task_type or 'task'} {snapshot.task_id}")


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
    shown = [
        check for check in report.checks if report.asked or report.show_all or check.state.rank <= State.RUNNING.rank
    ]
    found = [_check_row(check, report, canvas, last=check is shown[-1]) for check in shown]
    lines += laid_out(found, canvas.width, more=canvas.glyphs.more)
    rest = {state: count for state, count in report.states.items() if state.rank > State.RUNNING.rank}
    if report.asked:
        lines += prose(f"{len(shown)} of {report.summary.total} checks have {report.asked}", "quiet", canvas)
    elif rest and not report.show_all:
        lines += flowing([*counts_of(rest, canvas), ("--all lists them", "quiet")], canvas)
    elif not report.summary.total:
        lines += prose(
            f"No checks are reported yet. As of {local_time(snapshot.fetched_at, snapshot.fetched_at)}.",
            "quiet",
            canvas,
        )
    return lines


def _checks_title(report: ChecksReport, canvas: Canvas) -> list[Line]:
    parent = report.parent or Node()
    snapshot = report.snapshot
    head = f"{canvas.glyphs.states[parent.state]} {word_of(parent)}"
    about = canvas.glyphs.dot.join((_task(snapshot), _since(parent, snapshot.fetched_at, canvas)))
    message = prose(harmless(parent.message), "", canvas) if parent.message else []
    title = titled(head, STYLE_OF_STATE[parent.state], "Pre-flight checks", canvas)
    return [*title, *prose(about, "quiet", canvas), *message]


def _check_row(check: Node, report: ChecksReport, canvas: Canvas, *, last: bool) -> Row:
    below: list[Span] = []
    if report.details:
        if check.description:
            below.append((harmless(check.description), "quiet"))
        below += [(canvas.glyphs.bullet + harmless(each), "") for each in check.occurrences]
    indent = (canvas.glyphs.last_branch if last else canvas.glyphs.branch) if canvas.tree else ""
    return Row(
        ((harmless(check.name), ""), state_cell(check, canvas), _override(check)),
        check.unreadable or message_of(check),
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
        lines += prose(f"None of {report.summary.total} {report.scope} has {report.asked}.", "quiet", canvas)
    else:
        lines += prose(f"No {report.scope} are reported yet.", "quiet", canvas)
    return [*lines, *_not_reported(snapshot.missing, canvas)]


def _overview(report: ProjectsReport, canvas: Canvas) -> list[Line]:
    """How far it is as a bar over all, and how many are in which state."""
    return overall(report.states, report.summary.finished, len(report.snapshot.missing), report.scope, canvas)


def _project_row(project: Node, now: Millis, canvas: Canvas, *, last: bool) -> Row:
    indent = (canvas.glyphs.last_branch if last else canvas.glyphs.branch) if canvas.tree else ""
    return Row(
        (
            (harmless(project.name), ""),
            state_cell(project, canvas),
            progress_cell(project, canvas),
            (duration(project.elapsed_seconds(now)), "quiet"),
        ),
        project.unreadable or message_of(project),
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
        return prose("No runs yet." if isinstance(report, TasksReport) else "An empty definition.", "quiet", canvas)
    return laid_out(found, canvas.width, header=header, more=canvas.glyphs.more)


def _task_row(task: Task, now: Millis) -> Row:
    created = local_time(instant(task.created_at), now) or harmless(str(task.created_at or ""))
    artifacts = ", ".join(harmless(artifact.name or "") for artifact in task.artifacts)
    return Row(((harmless(task.task_id), ""), (harmless(task.task_type or ""), ""), (created, "quiet")), artifacts)


def _artifacts(report: ArtifactsReport, canvas: Canvas) -> list[Line]:
    """The files of a run: until when they are there, and from where, or where they are now."""
    if not report.artifacts:
        return prose("This run has left no reports or logs (yet).", "quiet", canvas)
    header = ("NAME", f"EXPIRES ({zone(report.fetched_at)})", "FILE" if report.downloaded else "FROM")
    found = [_artifact_row(each, report) for each in report.artifacts]
    return laid_out(found, canvas.width, header=header, more=canvas.glyphs.more)


def _artifact_row(listed: Listed, report: ArtifactsReport) -> Row:
    artifact = listed.artifact
    at = local_time(instant(artifact.expires_at), report.fetched_at) or harmless(str(artifact.expires_at or ""))
    expires = (f"expired {at}", "warning") if listed.expired else (at, "quiet")
    place = (listed.path or "not downloaded") if report.downloaded else _host_of(artifact.location)
    return Row(((harmless(artifact.name or ""), ""), expires), harmless(place))


def _host_of(location: str | None) -> str:
    """Where a location is; the rest of it may sign it, so it is no sight for everybody behind one's back."""
    try:
        return urlsplit(location or "").hostname or ""
    except ValueError:
        return ""


def _not_reported(missing: tuple[str, ...], canvas: Canvas) -> list[Line]:
    if not missing:
        return []
    named = ", ".join(harmless(name) for name in missing[:NAMED])
    rest = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    return prose(f"{len(missing)} of the job's scope not reported yet: {named}{rest}", "pending", canvas)
