"""GitHub's Markdown for a chat or an issue: a title, a summary, and the table in words for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from migstat.model.nodes import HIDDEN, Millis, Node, State, TaskType, instant, nodes_of
from migstat.model.reports import (
    ArtifactsReport,
    ChecksReport,
    JobReport,
    ProjectsReport,
    Report,
    StatusReport,
    TargetsReport,
    TasksReport,
    nothing_moved,
    states_of,
)
from migstat.model.verdict import Snapshot
from migstat.render.checks import change_word, changes, checks_head, compared_words
from migstat.render.heading import REASONS, Heading, heading_of, why_not_over
from migstat.render.rows import columns, rows
from migstat.render.table import NOTHING_TO_MOVE
from migstat.render.text import absolute, duration, harmless, later
from migstat.render.theme import UNICODE, count_words, describe

if TYPE_CHECKING:
    from migstat.model.nights import TimelineReport

_MARKUP = re.compile(r"([\\`*_\[\]<>|~])")
# GitHub looks for links, mentions and issue numbers after it has resolved character references, so that escaping does
# not stop it; a space of no width in the middle of them does. It is the character itself, and an ampersand is only
# escaped where it begins a reference: chats that resolve none would show that.
_LINK = re.compile(r"(?<=[@#])|(?<=/)(?=/)|(?<=www)(?=\.)|(?<=gh-)(?=[0-9])", re.IGNORECASE)
_NO_WIDTH = "\u200b"
_REFERENCE = re.compile(r"&(?=#?\w+;)")


def markdown_lines(report: Report) -> Iterator[str]:
    """The lines without their ends; no cell can hold markup, a link or a mention."""
    match report:
        case StatusReport() | ProjectsReport():
            snapshot = report.snapshot
            unit = report.scope if isinstance(report, ProjectsReport) else _unit(snapshot)
            yield from _title(snapshot, report.not_before, unit)
            if note := nothing_moved(snapshot) or (NOTHING_TO_MOVE if report.nothing_to_move else None):
                yield from (note, "")
            if isinstance(report, StatusReport):
                kind, named = "level", ((",".join(node.level) or "task", node) for node in nodes_of(snapshot.node))
            else:
                kind, named = report.scope.removesuffix("s"), ((node.name, node) for node in report.projects)
            found = (
                (name, f"{UNICODE.states[words.state]} {words.words}", words.percent, words.elapsed, words.message)
                for name, node in named
                for words in [describe(node, snapshot.fetched_at, over=snapshot.node.ended)]
            )
            yield from _table((kind, "state", "progress", "elapsed", "message"), found)
        case ChecksReport():
            yield from _title(checks_head(report), None, "checks")
            if report.comparison is not None:
                yield from (_cell(compared_words(report.comparison, report.snapshot.fetched_at)), "")
                yield from (_cell(" · ".join(changes(report))), "")
            first = ("change",) if report.comparison or report.accepting else ()
            names = (*first, "check", "state", "override", "message", *(("found",) if report.details else ()))
            yield from _table(names, (_check(check, report) for check in report.rows))
        case TasksReport():
            runs = (
                (
                    run.task.task_id,
                    run.task.task_type or "",
                    f"{UNICODE.states[run.state]} {run.state}" if run.state else "",
                    absolute(instant(run.task.created_at)),
                    duration(run.elapsed_seconds),
                    ", ".join(run.task.overridden),
                    ", ".join(artifact.name or "" for artifact in run.task.artifacts),
                )
                for run in report.runs
            )
            yield from _table(("task", "type", "state", "created", "elapsed", "overridden", "artifacts"), runs)
        case ArtifactsReport():
            files = (
                (
                    file.artifact.name or "",
                    absolute(instant(file.artifact.expires_at)),
                    (file.path if report.downloaded else file.artifact.location) or "",
                )
                for file in report.artifacts
            )
            yield from _table(("name", "expires", columns(report)[-1]), files)
        case TargetsReport() | JobReport():
            yield from _table(columns(report), rows(report))
        case _:
            yield from _timeline(report)


def _heading(heading: Heading) -> Iterator[str]:
    counts = (f"{UNICODE.states[each.state]} {each.words}" if each.state else each.words for each in heading.counts)
    verdict = " · ".join((f"{UNICODE.states[heading.state]} {heading.word}", *counts))
    yield from (f"**{_cell(verdict)}: {_cell(heading.title(UNICODE))}**", "")


def _unit(snapshot: Snapshot) -> str:
    """What the summary of a task or of a level counts."""
    if snapshot.task_type == TaskType.CHECK:
        return "checks"
    hidden = [node.name for node in (snapshot.node, *snapshot.shape.hidden) if node.name in HIDDEN]
    return hidden[0] if hidden else ""


def _title(snapshot: Snapshot, not_before: Millis | None, unit: str) -> Iterator[str]:
    """Verdict, name and destination, with full dates for readers on another day."""
    node, now = snapshot.node, snapshot.fetched_at
    yield from _heading(heading_of(snapshot, unit))
    facts = [f"started {absolute(node.started_at)}" if node.started_at else ""]
    facts.append(f"ended {absolute(snapshot.ended_at)}" if snapshot.ended_at else "")
    facts.append(duration(snapshot.elapsed_seconds(now)))
    facts += (words for _, words in why_not_over(snapshot, now))
    end = later(not_before, now)
    facts.append(f"not before {absolute(end)}" if end else "")
    yield " · ".join(fact for fact in (*facts, f"as of {absolute(now)}") if fact)
    yield ""
    for reason in snapshot.reasons[:REASONS]:
        name = f"{_cell(reason.level[-1])}: " if reason.level else ""
        yield f"- {UNICODE.states[reason.state]} {name}{_cell(reason.text)}"
    if len(snapshot.reasons) > REASONS:
        yield f"- +{len(snapshot.reasons) - REASONS} more"
    if snapshot.reasons:
        yield ""
    if states := states_of(snapshot.summary):  # none where nothing of what the job names was read
        yield " · ".join(
            f"{UNICODE.states[state]} {count_words(n, state, over=node.ended)}" for state, n in states.items()
        )
        yield ""


def _table(names: Sequence[str], found: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield f"| {' | '.join('---' for _ in names)} |"
    for row in found:
        yield f"| {' | '.join(map(_cell, row))} |"


def _timeline(report: TimelineReport) -> Iterator[str]:
    """The report for the morning after."""
    # Slow to import, and of use to `timeline` alone.
    from migstat.render.night_words import (
        columns_for_people,
        failures,
        night_heading,
        row_for_people,
        summary_of_night,
        when_words,
    )

    yield from _heading(night_heading(report.night))
    yield from (" · ".join(when_words(report, in_full=True)), "")
    for name, words in failures(report, 20):
        yield f"- {UNICODE.states[State.FAILED]} {_cell(name)}{': ' if name and words else ''}{_cell(words)}"
    yield from (f"- {label}: {_cell(words)}" for label, words in summary_of_night(report))
    yield ""
    yield from _table(columns_for_people(report), (row_for_people(span, report) for span in report.rows))


def _check(check: Node, report: ChecksReport) -> tuple[str, ...]:
    override = "overridden" if check.name in report.overridden else ""
    if not override and check.state == "failed" and check.excludable is not None:
        override = "overridable" if check.excludable else "not overridable"
    found = ("; ".join(check.occurrences),) if report.details else ()
    first = (change_word(check, report),) if report.comparison or report.accepting else ()
    entry, words = report.snapshot.accepted.get(check.level), describe(check, report.snapshot.fetched_at)
    message = "; ".join(part for part in (entry.words if entry else "", words.message) if part)
    return *first, check.name, f"{UNICODE.states[words.state]} {words.words}", override, message, *found


def _cell(text: str) -> str:
    return _MARKUP.sub(r"\\\1", _LINK.sub(_NO_WIDTH, _REFERENCE.sub("&amp;", harmless(text))))
