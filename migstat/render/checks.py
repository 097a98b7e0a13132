"""Checks as a table, what is wrong first, or beside those of an earlier run, what is new first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from migstat.model.acceptance import MOST_SENT, Acceptance
from migstat.model.changes import Change, Comparison
from migstat.model.nodes import Millis, Node, State
from migstat.model.reports import ChecksReport
from migstat.model.verdict import Snapshot, Verdict
from migstat.render.drawing import LOW, LOWER, LOWEST, NARROW, Canvas, Flow, Prose, gap, line, mark, table_of
from migstat.render.folding import ALL_LISTS, folded, rest_line
from migstat.render.heading import header, heading_lines, heading_of, reason_lines
from migstat.render.text import ago, day_and_time, grouped, harmless, short_date, zone
from migstat.render.theme import QUIET, STRONG, describe

WITH_CHANGES = 76
"""Window width from which a row has a change before the name and room for a message after it."""

ACCEPTED = "accepted"
_GROUPS = (*list(Change)[:4], ACCEPTED, *list(Change)[4:])
"""Accepted checks come after what is wrong and before what got better."""
_CHANGE_STYLES: dict[str, str] = {
    **dict.fromkeys((Change.NEW, Change.WORSE), State.FAILED),
    **dict.fromkeys((Change.BETTER, Change.FIXED), State.SUCCEEDED),
    **dict.fromkeys((Change.STILL, Change.SKIPPED), State.WARNING),
    Change.RUNNING: State.RUNNING,
}


def checks_head(report: ChecksReport) -> Snapshot:
    """The head of a list of checks, about the node whose children they are.

    Rows say what is wrong; only without any its reasons do, such as that the task was refused.
    """
    snapshot, parent = report.snapshot, report.parent
    if parent is None:
        return snapshot
    reasons = snapshot.reasons if snapshot.verdict is Verdict.FAILED and not report.checks else ()
    return replace(snapshot, node=replace(parent, level=()), reasons=reasons)


def checks_view(report: ChecksReport, canvas: Canvas) -> Group:
    """The checks; folded, only those that are not fine or, in a comparison, whose change is news."""
    snapshot, comparison = checks_head(report), report.comparison
    picks = not report.show_all and not report.filtered
    shown, rest, more = [*report.checks], list[Node](), 0
    if comparison is None:
        parts: list[RenderableType] = [header(snapshot, canvas)]
        stamps = [check.last_updated_at for check in (snapshot.node, *report.checks) if check.last_updated_at]
        if stamps and snapshot.node.ended:
            parts.append(Text(f"checked {ago(max(stamps), snapshot.fetched_at)}", QUIET))
        if picks:  # a list of checks may be long, but not in the lowest windows
            shown, rest = folded(shown, replace(canvas, height=999) if canvas.height >= LOWEST else canvas, over=False)
    else:
        parts = [*_compared(snapshot, comparison, report, canvas)]
        shown = [row for row in report.rows if not picks or _is_news(row, comparison, change_word(row, report))]
        shown.sort(key=lambda row: _GROUPS.index(change_word(row, report)))
        if picks and canvas.height < LOWEST:  # room for what failed and is not accepted, or else for the first few
            shown.sort(key=lambda row: row.state is not State.FAILED or row.level in snapshot.accepted)
            failed = sum(row.state is State.FAILED and row.level not in snapshot.accepted for row in shown)
            kept = max(failed, canvas.height // 3)
            shown, more = shown[:kept], len(shown[kept:])
    if report.overridden:
        parts.append(Text(f"overridden in this run: {harmless(', '.join(report.overridden))}", State.WARNING))
    parts += gap(canvas)
    if report.details:
        parts += [part for check in shown for part in _block(check, report, canvas)]
    elif shown:
        parts += _rows(shown, report, canvas)
    if comparison is not None:
        counts = [Text(count, QUIET) for count in (*([f"+{more} more"] if more else []), *changes(report))]
        # In a low window rows matter more than how to see the others.
        hint = [ALL_LISTS] if len(shown) < len(report.rows) and (canvas.height >= LOWER or not shown) else []
        parts.append(Flow([*counts, *hint], canvas))
    return Group(*parts, *rest_line(report, rest, canvas, "checks"))


def _is_news(check: Node, comparison: Comparison, change: str) -> bool:
    """True unless a check is as before, is still running, or is gone and was fine."""
    if check.missing:
        return comparison.before[check.level].state in (State.FAILED, State.WARNING)
    return change not in (Change.SAME, Change.RUNNING)


def _compared(
    snapshot: Snapshot, comparison: Comparison, report: ChecksReport, canvas: Canvas
) -> Iterator[RenderableType]:
    """The head of a comparison: the verdict, without counts once they are those of the last line, and both runs."""
    heading, ended = heading_of(snapshot), snapshot.node.ended
    word = f"{snapshot.verdict if ended else heading.word}   Pre-flight checks"
    yield from heading_lines(replace(heading, word=word, counts=() if ended else heading.counts), canvas)
    yield from reason_lines(snapshot.reasons if ended and not report.checks else (), canvas)
    ids = f" (run {harmless(snapshot.task_id)}, against {harmless(comparison.earlier.task_id)})" if canvas.ids else ""
    yield Prose(Text(compared_words(comparison, snapshot.fetched_at) + ids, QUIET), 1 if canvas.height < LOWEST else 3)


def _rows(shown: Sequence[Node], report: ChecksReport, canvas: Canvas) -> list[RenderableType]:
    """A row per check, its change first. Narrow windows, which would cut the name, have the message below it."""
    compares, now = report.comparison is not None, report.snapshot.fetched_at
    narrow = canvas.width < (WITH_CHANGES if compares else NARROW)
    names = ("", "", "", "", "") if compares else ("CHECK", "STATE", "", "MESSAGE")
    table, stacked = table_of(canvas, *names, name=int(compares)), list[RenderableType]()
    for check in shown:
        words = describe(check, now, brief=canvas.width < NARROW)
        change = change_word(check, report)
        before = [Text(change, _CHANGE_STYLES.get(change, QUIET))] if compares else []
        name, state = Text(harmless(check.name)), Text() if check.missing else mark(words.state, words.words, canvas)
        override = _override(check, report)
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
    texts = [(_acceptance(entry, now) if entry else _since(check, report), QUIET), (words.message, "")]
    texts += [(harmless(check.description or ""), QUIET), *_occurrences(check, report, canvas)]
    yield from (Padding(Text(text, style, overflow="fold"), (0, 0, 0, 4)) for text, style in texts if text)


def _acceptance(entry: Acceptance, now: Millis) -> str:
    """How long a check is accepted, by whom and why: `until 1 Dec, Maria: merged on purpose`."""
    by = f", {harmless(entry.by)}" if entry.by else ""
    return f"until {short_date(entry.until, now)}{by}: {harmless(entry.reason)}"


def _override(check: Node, report: ChecksReport) -> Text:
    """Whether a failure keeps the migration from starting."""
    if check.level in report.snapshot.accepted:
        return Text() if report.comparison else Text(ACCEPTED, QUIET)  # the change says so
    if check.name in report.overridden:
        return Text("overridden", State.WARNING)
    if check.state is not State.FAILED or check.excludable is None:
        return Text()
    return Text("overridable", State.WARNING) if check.excludable else Text("not overridable", State.FAILED)


def _message(check: Node, report: ChecksReport, message: str) -> Text:
    """Why a check was accepted, or else its message and the number of its listed findings, now and before."""
    now = report.snapshot.fetched_at
    if entry := report.snapshot.accepted.get(check.level):
        return Text(_acceptance(entry, now))
    found, before = len(check.occurrences), report.comparison.before.get(check.level) if report.comparison else None
    if check.missing and before is not None:
        return Text(f"was {before.state}: {describe(before, now).message}".removesuffix(": "))
    since = _since(check, report)
    text = Text.assemble(since, (": ", QUIET) if since and message else "", message)
    return text.append(f" ({found} listed)", QUIET) if found and "listed" not in since else text


def _since(check: Node, report: ChecksReport) -> str:
    """Why a check is worse or better, and how many findings it listed: `was warning; 4 listed, 7 before`."""
    before = report.comparison.before.get(check.level) if report.comparison else None
    if before is None or check.missing:
        return ""
    parts = [f"was {before.state}"] if change_word(check, report) in (Change.WORSE, Change.BETTER) else []
    found, earlier = len(check.occurrences), len(before.occurrences)
    if found and earlier and found != earlier:
        parts.append(f"{found} listed, {earlier} before")
    return "; ".join(parts)


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


def changes(report: ChecksReport) -> list[str]:
    """The number of checks by their change: `1 new`, `1 still`, `42 as before`."""
    words = [change_word(check, report) for check in report.rows]
    names = {Change.SAME: "as before"}
    counts = [f"{grouped(n)} {names.get(group, group)}" for group in _GROUPS if (n := words.count(group))]  # type: ignore[call-overload]
    if report.comparison and report.comparison.pending:
        counts.append(f"{grouped(report.comparison.pending)} not reported")
    return counts
