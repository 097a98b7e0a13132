"""Events of a watch as lines of its log, for the live view, the page, and for plain output."""

from __future__ import annotations

import re

import msgspec

from migstat.errors import Incomplete
from migstat.model.events import Alive, Changed, Event, Late, NoAnswer, Outage, Recovered, Resumed, Stalled
from migstat.model.nodes import CHECK, MIGRATE, Millis, Node, State
from migstat.model.reports import worst_first
from migstat.render.outlook import late_words
from migstat.render.text import duration, harmless, local_time
from migstat.render.theme import BAD, state_words

LOGGED = 200
"""Lines of a log: as many as the largest window or a page shows."""


class LogLine(msgspec.Struct, frozen=True):
    """One line of the log: what happened at `at`, and the state that gives it glyph and color, if any.

    Narrow windows in which the text does not fit have its `brief` form, if there is one.
    """

    at: Millis
    text: str
    state: State | None = None
    brief: str = ""


def logged(log: tuple[LogLine, ...], event: Event | Resumed | LogLine) -> tuple[LogLine, ...]:
    """The log with the line of an event, if it is worth one, and without the oldest of more than LOGGED lines."""
    line = log_line(event)
    if line is None:
        return log
    if log and isinstance(event, Changed) and event.node.level == MIGRATE:
        message = line.text.partition(": ")[2]
        if message and log[-1].text.startswith(name_of(Node())) and log[-1].text.endswith(f": {message}"):
            return log  # `migrate` repeats how the task itself has ended
    return (*log[1 - LOGGED :], line)


def log_line(event: Event | Resumed | LogLine) -> LogLine | None:
    """Describe an event for the log and for people; None if it is not worth a line."""
    match event:
        case LogLine():
            return event
        case Resumed():
            return _absence(event)
        case Changed():
            return _change(event)
        case Stalled():
            text = f"{name_of(Node(event.level))}: no progress for {duration(event.since_seconds)}"
            return LogLine(event.at, text, State.WARNING)
        case Outage():
            wait = duration(max(event.retry_in_seconds, 1))
            # A window cuts the line: what is said above it, too, comes last, and the cause only once.
            cause = cause_of(event)
            message = _TRIED.sub("", harmless(event.message)).removesuffix(f": {cause}").removesuffix(f" ({cause})")
            why = f" ({cause})" if cause else ""
            return LogLine(event.at, f"no answer{why}: {message}; next try in {wait}", State.FAILED)
        case Late():
            return LogLine(event.at, late_words(event), State.WARNING)
        case Alive() if event.gap_seconds:
            text = f"not watched for {duration(event.gap_seconds)}: the computer or the watch was suspended"
            return LogLine(event.at, text, State.WARNING)
        case Recovered():
            return LogLine(event.at, f"API back after {duration(event.outage_seconds)}")
    return None


def _change(event: Changed) -> LogLine | None:
    node = event.node
    name = name_of(node)
    if node.level[:1] == CHECK and len(node.level) > 1 and node.state not in BAD:
        return None  # dozens of checks that pass would push out what matters
    if node.state is State.PENDING:
        return LogLine(event.at, f"{name} is pending again", State.PENDING) if event.before else None
    if node.state is State.RUNNING:
        again = " again" if event.before is not None and event.before.state is not State.PENDING else ""
        return LogLine(event.at, f"{name} started{again}", State.RUNNING)
    # The root may end before the last of its scopes: the last line says how long the task took.
    elapsed, words = node.elapsed_seconds(event.at) if node.level else None, state_words(node)
    if node.state is State.WARNING:
        words = f"ended with a {words}"
    after = f" after {duration(elapsed)}" if elapsed is not None else ""
    message = f": {said}" if node.state in BAD and (said := harmless(node.message or "")) else ""
    return LogLine(event.at, f"{name} {words}{after}{message}", node.state, brief=f"{name} {words}{message}")


def _absence(event: Resumed) -> LogLine:
    """Sum up what happened between the last event of a record and the moment at which it is resumed."""
    leaves = [change.node for change in event.changes if len(change.node.level) > 1]
    finished = sum(node.ended for node in leaves)
    bad = [name_of(node) for node in worst_first(tuple(leaves)) if node.state is State.FAILED]
    failed = f"; failed: {', '.join(bad[:3])}" if bad else ""  # no glyph, which an ASCII terminal would lack
    more = f" +{len(bad) - 3} more" if len(bad) > 3 else ""
    span = f"{local_time(event.since, event.at)} to {local_time(event.at, event.at)}"
    return LogLine(
        event.at,
        f"since the last watch ({span}): {finished or 'nothing'} finished{failed}{more}",
        State.FAILED if bad else None,
    )


def name_of(node: Node) -> str:
    """A node's name, made harmless; the root has none."""
    return harmless(node.name) or "the task"


_TRIED = re.compile(r"\s*\((tried|asked)[^)]*\)$")
"""How often one request was tried, which says nothing about an outage."""


def no_answer(outage: NoAnswer, now: Millis, *, zoned: bool = False) -> str:
    """Since when there is no answer, and why: `no answer since 14:05 (503)`."""
    cause = cause_of(outage)
    return f"{silence_of(outage)} since {local_time(outage.since, now, zoned=zoned)}" + (f" ({cause})" if cause else "")


def silence_of(outage: NoAnswer | Outage) -> str:
    """What there is no answer about, if it is only one level: `cannot read migrate,projects`."""
    if outage.code != Incomplete.code:
        return "no answer"
    return harmless(outage.message.partition(": ")[0])


def cause_of(outage: NoAnswer | Outage) -> str:
    """Why there is no answer, in a word or two: `503`, `Connection refused`; empty if that is not known."""
    message = _TRIED.sub("", harmless(outage.message))
    if status := re.search(r"\b[45]\d\d\b", message):
        return status[0]
    if re.search(r"within|timed? ?-?out", message, re.IGNORECASE):
        return "timed out"
    if "not JSON" in message:  # such as the page of a proxy; the position at which a parser stopped is not a cause
        return "not JSON"
    if outage.code == Incomplete.code and ": " not in message:  # the job's definition, whose error is not known
        return ""
    return message.rpartition(": ")[2][:40] or outage.code
