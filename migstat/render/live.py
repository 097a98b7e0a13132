"""The frame of a watch: as much of what is known as a window can hold, what went wrong before anything healthy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from migstat.model.events import Changed, End, Ended
from migstat.model.nodes import MIGRATE, Level, Millis, Node, Outcome, State, child_of, level_is_hidden
from migstat.model.reports import count_states, worst_first
from migstat.model.verdict import Verdict, estimated_end, summary_of
from migstat.render.grid import Line, Row, cells, cut, fitted, laid_out
from migstat.render.parts import Canvas, counts_of, flowing, message_of, overall, progress_cell, state_cell
from migstat.render.text import duration, harmless, local_time, zone
from migstat.render.theme import STATE_OF_VERDICT, STYLE_OF_STATE, word_of

CHANGES = 6
"""How many of the last changes are shown where there is room."""

NAME = 24
"""Cells of the longest name that is shown whole."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What one reading of a task comes down to, made once a poll: drawing it again costs little, however much it is."""

    title: str
    verdict: Verdict
    task: str
    root: Node
    scope: str
    scopes: tuple[Node, ...]
    bad: tuple[Node, ...]
    running: tuple[Node, ...]
    states: dict[State, int]
    finished: int
    missing: int
    end: Millis | None
    stalled: frozenset[Level]
    phases: Mapping[Level, int]

    @classmethod
    def unknown(cls, title: str) -> Digest:
        """Before the first answer."""
        return cls(title, Verdict.PENDING, "", Node(), "", (), (), (), {}, 0, 0, None, frozenset(), {})

    @property
    def verdict_is_final(self) -> bool:
        """Whether it is over."""
        return self.verdict not in (Verdict.PENDING, Verdict.RUNNING)


@dataclass(frozen=True, slots=True)
class Health:
    """How the watch itself is. Instants in epoch milliseconds, durations in seconds.

    `silent` is for how long there was no answer, None where there was; `next_try` when it will be asked again.
    """

    now: Millis
    read_at: Millis | None
    requests_a_minute: float
    interval: float
    full_every: float
    silent: float | None = None
    next_try: float = 0.0


def digest(
    root: Node,
    leaves: tuple[Node, ...],
    *,
    title: str,
    task: str,
    verdict: Verdict,
    scope: str,
    missing: int,
    stalled: frozenset[Level],
    now: Millis,
    phases: Mapping[Level, int] = MappingProxyType({}),
) -> Digest:
    """Sort out what is known at `now`; `scope` is what the leaves are called."""
    checks = scope == "checks"
    scopes = () if checks else _scopes(root)
    bad = [node for node in (*scopes, *(() if checks else _bad_checks(root))) if node.state.rank < State.RUNNING.rank]
    noted = worst_first(tuple(leaf for leaf in leaves if leaf.state.rank <= State.RUNNING.rank))
    bad += [leaf for leaf in noted if leaf.state.rank < State.RUNNING.rank]
    return Digest(
        title=title,
        verdict=verdict,
        task=harmless(task),
        root=root,
        scope=scope,
        scopes=tuple(node for node in scopes if node.state.rank >= State.RUNNING.rank),
        bad=tuple(sorted(bad, key=lambda node: node.state.rank)),
        running=tuple(leaf for leaf in noted if leaf.state is State.RUNNING),
        states=count_states(leaves),
        finished=summary_of(leaves).finished,
        missing=missing,
        end=estimated_end(leaves, missing, now),
        stalled=stalled,
        phases=phases,
    )


def frame(told: Digest, health: Health, changes: Sequence[Changed], canvas: Canvas, height: int) -> list[Line]:
    """At most `height` lines of at most the canvas's width."""
    head = [*_title(told, health, canvas), *_health(health, canvas)]
    head += overall(told.states, told.finished, told.missing, told.scope, canvas)
    room = height - len(head) - 1
    nodes = [*told.bad, *told.scopes, *told.running]
    last = _last_changes(changes, min(CHANGES, (room - len(nodes) // 2) // 3), health.now, canvas)
    rows = _rows(told, nodes, health.now, canvas, room - len(last))
    lines = [*head, [], *laid_out(rows, canvas.width, more=canvas.glyphs.more, clip=True), *last]
    return [cut(line, canvas.width) for line in lines[: max(height, 1)]]


def _title(told: Digest, health: Health, canvas: Canvas) -> list[Line]:
    state = STATE_OF_VERDICT[told.verdict]
    head = f"{canvas.glyphs.states[state]} {told.verdict}"
    name = fitted(harmless(told.title), max(canvas.width - cells(head) - 2, 1), canvas.glyphs.more).rstrip()
    return [[(head, STYLE_OF_STATE[state]), ("  ", ""), (name, "strong")], *_times(told, health, canvas)]


def _times(told: Digest, health: Health, canvas: Canvas) -> list[Line]:
    """Which task, since when, how long, and when it may end."""
    began = told.root.started_at or told.root.created_at
    elapsed = duration(told.root.elapsed_seconds(health.now))
    parts = [told.task] if told.task else []
    if began is not None:
        parts.append(f"since {local_time(began, health.now)} {zone(began)}")
    parts += [elapsed] if elapsed else []
    if told.task and not told.verdict_is_final:
        parts.append(f"ends about {local_time(told.end, health.now)}" if told.end else "estimating the end")
    return _parted(parts, "quiet", canvas)


def _health(health: Health, canvas: Canvas) -> list[Line]:
    """How old the data is and what it costs; in an outage, since when there is no answer."""
    age = duration((health.now - health.read_at) / 1000) if health.read_at is not None else ""
    if health.silent is not None:
        again = f"again in {duration(max(health.next_try, 0.0))}" if health.next_try > 0 else "asking again"
        parts = [f"no answer for {duration(health.silent)}, {again}"]
        parts += [f"what is shown is {age} old"] if age else []
        return _parted(parts, "failed", canvas)
    if health.read_at is None:
        return _parted(["asking"], "quiet", canvas)
    return _parted(
        [
            f"read {age} ago",
            f"every {duration(health.interval)}, all every {duration(health.full_every)}",
            f"{health.requests_a_minute:.0f} requests/min",
        ],
        "quiet",
        canvas,
    )


def _parted(parts: list[str], style: str, canvas: Canvas) -> list[Line]:
    """Parts of one style in a row, in as many lines as they need, broken between parts only."""
    return flowing([(part, style) for part in parts], canvas, dots=style)


def _rows(told: Digest, nodes: list[Node], now: Millis, canvas: Canvas, room: int) -> list[Row]:
    """What went wrong, the scopes, what runs: in at most `room` rows, the last of which counts the rest.

    Where there is not room for all, scopes that are done and well go first.
    """
    if len(nodes) > room:
        nodes = [node for node in nodes if node.state.rank < State.SUCCEEDED.rank]
    shown = nodes if len(nodes) <= room else nodes[: max(room - 1, 0)]
    rows = [_row(node, _indent(node), _said(node, told), now, canvas) for node in shown]
    if len(shown) < len(nodes) and room > 0:
        text = canvas.glyphs.dot.join(part for part, _ in counts_of(count_states(tuple(nodes[len(shown) :])), canvas))
        rows.append(Row(((f"+{len(nodes) - len(shown)} more", "quiet"), (text, "quiet"))))
    return rows


def _indent(node: Node) -> str:
    is_scope = node.level[:-1] == MIGRATE
    return "  " if is_scope else ""


def _said(node: Node, told: Digest) -> str:
    stalled = "stalled" if node.level in told.stalled and not node.ended else ""
    phase = f"phase {told.phases[node.level]}:" if node.level in told.phases and not node.ended else ""
    return " ".join(part for part in (stalled, phase, message_of(node)) if part)


def _row(node: Node, indent: str, said: str, now: Millis, canvas: Canvas) -> Row:
    elapsed = (duration(node.elapsed_seconds(now)), "quiet")
    name = harmless(node.name)
    if cells(name) > NAME:
        name = fitted(name, NAME, canvas.glyphs.more)
    state = state_cell(node, canvas)
    if (
        node.ended and node.state.rank < State.RUNNING.rank
    ):  # of what went wrong the message counts, not how long it took
        return Row(((name, ""), state), said, indent=indent)
    return Row(((name, ""), state, progress_cell(node, canvas), elapsed), said, indent=indent)


def _last_changes(changes: Sequence[Changed], count: int, now: Millis, canvas: Canvas) -> list[Line]:
    if count < 1 or not changes:
        return []
    return [[], *(_change_line(change, now, canvas) for change in list(changes)[-count:])]


def _change_line(change: Changed, now: Millis, canvas: Canvas) -> Line:
    state = change.node.state
    before = change.before.outcome or change.before.status if change.before else ""
    head = f"{local_time(change.at, now)}  {canvas.glyphs.states[state]} "
    text = f"{harmless(','.join(change.node.level)) or 'task'} {word_of(change.node)}"
    told = f" (was {harmless(before)})" if before else ""
    line = fitted(text + told, max(canvas.width - cells(head), 1), canvas.glyphs.more).rstrip()
    return [(head, "quiet"), (line, STYLE_OF_STATE[state])]


def _scopes(root: Node) -> tuple[Node, ...]:
    """The levels of a migrate task that have a line each: `check`, `migrate` and its scopes."""
    found: list[Node] = []
    for child in root.children or ():
        found.append(child)
        if child.level == MIGRATE:
            found += [scope for scope in child.children or () if not level_is_hidden(scope.level)]
    return tuple(found)


GOES_ON = "The migration itself goes on."
_WELL = frozenset({Outcome.SUCCESS, Outcome.SKIPPED})


def ended_line(ended: Ended, scope: str) -> str:
    """How a watch ended, and what it came down to, in one line."""
    summary = ended.summary
    total = summary.total + len(ended.missing)
    told_of = {outcome: count for outcome, count in summary.by_outcome.items() if outcome not in _WELL}
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in told_of.items())
    told = f"{summary.finished} of {total} {scope} done" + (f" ({harmless(outcomes)})" if outcomes else "")
    after = f" after {duration(ended.elapsed_seconds)}" if ended.elapsed_seconds is not None else ""
    match ended.end:
        case End.FINISHED:
            return f"finished: {ended.verdict}{after}; {told}"
        case End.FAILED_FAST:
            return f"failed{after}, not waiting for the rest; {told}. {GOES_ON}"
        case End.TIMEOUT:
            return f"the time is up{after}, it is {ended.verdict}; {told}. {GOES_ON}"
        case End.INTERRUPTED:
            return f"interrupted{after}, it is {ended.verdict}; {told}. {GOES_ON}"
        case End.ERROR:
            return f"not all could be read{after}, it seems {ended.verdict}; {told}"


def _bad_checks(root: Node) -> tuple[Node, ...]:
    """The checks that failed, while `check` itself did: an overridden failure is not one."""
    check = child_of(root, "check")
    if check is None or (check.ended and check.state is not State.FAILED):
        return ()
    return worst_first(tuple(child for child in check.children or () if child.state is State.FAILED))
