"""How a watch ended: one line that says what was waited for and what was not, and one screen with everything."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace
from rich.console import Group, RenderableType
from rich.text import Text

from migstat.errors import Incomplete
from migstat.model.events import End, Ended, View
from migstat.model.exit_codes import Exit
from migstat.model.nodes import MIGRATE, Millis, State, TaskType
from migstat.model.verdict import Reason, Until, Verdict
from migstat.render.drawing import LOW, LOWER, Canvas, Flow
from migstat.render.heading import REASONS, heading_lines, reason_lines, why_not_over
from migstat.render.live import heading, progress_lines
from migstat.render.log import cause_of, no_answer
from migstat.render.outlook import against_deadline, outlook
from migstat.render.sorted_view import counts_of_view, scopes_of, sorted_view
from migstat.render.text import duration, harmless, local_time
from migstat.render.theme import QUIET


class WatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a watch ended, and what was known then.

    `error` is the message of what ended it, if anything did; `warnings` are those that fail a strict watch.
    """

    ended: Ended
    view: View
    until: Until = Until.DONE
    error: str = ""
    warnings: tuple[Reason, ...] = ()

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """All reasons for the exit code, the worst first: those for the verdict, and what `--strict` adds."""
        return tuple(dict.fromkeys((*self.ended.reasons, *self.warnings)))


def ending(result: WatchResult, canvas: Canvas) -> Group:
    """Draw what stays in the scrollback: the last header, reasons, outages and gaps, and the line on how it ended."""
    ended, view, reasons = result.ended, result.view, result.reasons
    # A single reason that is about the task itself goes into the last line, which wraps and is never cut.
    alone = view.snapshot is None or (len(reasons) == 1 and not reasons[0].level)
    parts: list[RenderableType] = []
    if view.snapshot is not None:
        known = sorted_view(view)
        # Unlike a frame's these may be more lines: a destination that is cut cannot be told from another.
        high = replace(canvas, height=max(canvas.height, LOWER))
        parts += heading_lines(heading(known, ended.at), high)
        parts += progress_lines(known, ended.at, high, still=True, wrap=True)
        parts += reason_lines(
            reasons if not alone else (), canvas, max(REASONS, canvas.height // 3), wrap=canvas.height >= LOW
        )
    unseen: list[Text] = []
    if view.outages:
        often = "1 outage" if view.outages == 1 else f"{view.outages} outages"
        total = f", {duration(view.outage_seconds)} total" if view.outage_seconds >= 1 else ""
        unseen.append(Text(often + total, QUIET))
    if view.gap_seconds:
        unseen.append(Text(f"not watched for {duration(view.gap_seconds)}", QUIET))
    if unseen:
        parts.append(Flow(unseen, canvas))
    parts.append(Text(last_line(result, with_reason=alone), State(ended.verdict)))
    return Group(*parts)


def last_line(result: WatchResult, *, with_reason: bool = True) -> str:
    """How the watch ended and what was not waited for: `checks passed; the migration goes on (1 of 25 spaces)`."""
    end = result.ended.end
    if end in (End.FINISHED, End.FAILED_FAST):
        return _finished(result, with_reason=with_reason)
    stopped = f"stopped after {duration(result.view.watched_seconds)}"
    how = {End.TIMEOUT: f"{stopped} (--timeout)", End.INTERRUPTED: "interrupted"}.get(end, stopped)
    return f"{how}: {harmless(result.error) or _unfinished(result)}"


def _finished(result: WatchResult, *, with_reason: bool) -> str:
    ended, snapshot, fast = result.ended, result.view.snapshot, result.ended.end is End.FAILED_FAST
    what = {Until.DONE: "", Until.CORE: "core ", Until.CHECKS: "checks "}[result.until]
    failed = fast or ended.verdict is Verdict.FAILED or ended.exit_code == Exit.FAILED
    bad = result.reasons
    only_warns = not any(reason.state is State.FAILED for reason in bad) if fast else ended.verdict is Verdict.WARNING
    strict = failed and only_warns
    if failed:
        word = "failed"
    elif result.until is Until.CHECKS:
        word = "passed"
    else:
        word = "succeeded"
    accepted = snapshot.accepted if snapshot is not None else {}
    if not failed and any(reason.state is State.FAILED and reason.level in accepted for reason in ended.reasons):
        word = f"ended with accepted failures ({len(accepted)} accepted)"
    elif ended.verdict is Verdict.WARNING and not failed:
        word += " with warnings" + (f" ({len(accepted)} accepted)" if accepted else "")
    elapsed, compared = ended.elapsed_seconds, ""
    if result.view.deadline is not None and not fast:
        # By the API's stamps: a watch may only see an end minutes or days later.
        stamp = snapshot.ended_at if snapshot is not None and result.until is Until.DONE else None
        end = ended.at if stamp is None else min(ended.at, stamp)
        compared = f", {against_deadline(end, result.view.deadline, ended=True)}"
    after = f" after {duration(elapsed)}" if elapsed is not None and not what else ""
    line = f"{what}{word}{after}{' (--strict)' if strict else ''}{compared}"
    if failed and bad and (with_reason or strict):  # the heading above says no more than that it warns
        message = harmless(bad[0].text).rstrip(".")
        line += f": {harmless(bad[0].level[-1])}: {message}" if bad[0].level else f": {message}"
        line += f" (+{len(bad) - 1} more)" if len(bad) > 1 else ""
    if not what and not fast and (count := _count(result)):
        line += f"; {count} done"
    return line + _rest(result)


def _rest(result: WatchResult) -> str:
    """Name what goes on without being waited for."""
    snapshot = result.view.snapshot
    if snapshot is None or snapshot.node.ended or (result.until is Until.DONE and result.ended.end is End.FINISHED):
        return ""
    if snapshot.task_type == TaskType.CHECK:
        return f"; the checks go on ({_count(result)})"
    if result.until is Until.CORE and result.ended.end is End.FINISHED:
        scopes = (scope for scope in scopes_of(snapshot.node) if scope.level[:-1] == MIGRATE)
        going = [harmless(scope.name) for scope in scopes if scope.state in (State.RUNNING, State.PENDING)]
        return f"; {', '.join(going)} not included" if going else ""
    return f"; the migration goes on ({_count(result)})"


def _unfinished(result: WatchResult) -> str:
    """Describe a task that was not over: its verdict, or since when there was no answer."""
    view, ended = result.view, result.ended
    if view.snapshot is None:
        return f"no answer ({cause_of(view.outage)})" if view.outage is not None else "no answer yet"
    if view.outage is not None and view.outage.code != Incomplete.code:
        seen = local_time(view.snapshot.fetched_at, ended.at)
        return f"last seen {ended.verdict} at {seen}, no answer since ({cause_of(view.outage)})"
    elapsed = f", {duration(ended.elapsed_seconds)} in" if ended.elapsed_seconds is not None else ""
    count = _count(result)
    expected = "".join(f", {words}" for _, words in outlook(view, ended.at))
    unread = f", {no_answer(view.outage, ended.at)}" if view.outage is not None else ""  # all else answers
    return f"still {ended.verdict}{elapsed}" + (f" ({count})" if count else "") + unread + expected


def status_line(view: View, now: Millis) -> str:
    """The state of a task in one line: `running, 27 of 40 projects, 1 failed`."""
    unread = no_answer(view.outage, now) if view.outage is not None else ""
    if view.snapshot is None or (view.outage is not None and view.outage.code != Incomplete.code):
        return unread or "no answer yet"
    summary = view.snapshot.summary
    failed = f"{summary.failed} failed" if summary.failed else ""
    parts = [
        str(view.snapshot.verdict),
        counts_of_view(view).words,
        failed,
        unread,
        *(words for _, words in why_not_over(view.snapshot, now)),
        *(words for _, words in outlook(view, now)),
    ]
    return ", ".join(part for part in parts if part)


def _count(result: WatchResult) -> str:
    snapshot = result.view.snapshot
    refused = snapshot is not None and not snapshot.node.children  # such a run has nothing to count
    return "" if refused else counts_of_view(result.view).words
