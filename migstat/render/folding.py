"""Which nodes get a row, and how the others are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from rich.console import RenderableType
from rich.text import Text

from migstat.model.nodes import HIDDEN_LEVELS, Node, State
from migstat.model.reports import ChecksReport, ProjectsReport, worst_first
from migstat.model.verdict import Snapshot, Verdict
from migstat.render.drawing import LOW, LOWER, LOWEST, WIDE, Canvas, Flow, dotted, mark
from migstat.render.text import grouped, harmless
from migstat.render.theme import QUIET, count_words

if TYPE_CHECKING:
    from migstat.model.nights import Span

ALL_LISTS = Text("--all lists them", QUIET)
"""How to see what a table only counts."""

AROUND = 11
"""Lines that header, summary, hint and prompt take from the rows, as a first guess; `drawing.fitted` corrects it."""

Item = TypeVar("Item", Node, "Span")


def shown_and_counted(
    items: Sequence[Item], bad: Collection[State], others: Sequence[Item], room: int, canvas: Canvas
) -> tuple[list[Item], list[Item]]:
    """Split the items into those that get a row and those that are only counted. Both keep their order.

    Whatever is `bad` gets a row. The `others`, the most important first, get what is left of the `room`, but at least
    a few rows: a screen full of failures must still show whether anything is running.
    """
    few = min(3, canvas.height // 4)
    kept = {item.level for item in others[: max(room - sum(item.state in bad for item in items), few)]}
    shown = [item for item in items if item.state in bad or item.level in kept]
    return shown, [item for item in items if item.state not in bad and item.level not in kept]


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


def counts_of(
    states: Mapping[State, int], canvas: Canvas, *, over: bool, words: bool = True, listed: Collection[State] = ()
) -> list[Text]:
    """Counts by state, worst first: `✔ 25 succeeded` and `○ 7 pending`, or without the words.

    Where others of a state are `listed` above, `✔ 25 more succeeded`.
    """
    return [
        mark(state, count_words(n, state, over=over, more=state in listed) if words else grouped(n), canvas)
        for state in State
        if (n := states.get(state))
    ]


def counts_below(node: Node, snapshot: Snapshot, canvas: Canvas) -> Flow:
    """How many children are done, and the states of those that did not succeed."""
    states = Counter(child.state for child in node.children or ())
    counted = f"{grouped(sum(states[state] for state in State if state.ended))} of {grouped(states.total())}"
    if snapshot.partial and node.level in HIDDEN_LEVELS:
        # Of thousands few were read, but the level may count them itself.
        counted = f"{grouped(snapshot.summary.total)} in scope" if snapshot.summary.unread else ""
        own = (phase for phase in node.progress if phase.processed is not None and phase.total)
        counted = next((f"{grouped(phase.processed or 0)} of {grouped(phase.total or 0)}" for phase in own), counted)
    del states[State.SUCCEEDED]
    others = counts_of(states, canvas, words=canvas.width >= WIDE or canvas.height >= LOW, over=snapshot.node.ended)
    others = others if canvas.height >= LOWER else others[:1]  # more of them would wrap
    return Flow([*([Text(counted, QUIET)] if counted else []), *others], canvas)


def folded_line(states: Mapping[State, int], canvas: Canvas, *, over: bool, listed: Collection[State]) -> Flow:
    """The last line of a folded table, which counts what has no row; without words if they do not fit.

    `listed` are the states that rows above have.
    """
    texts = [*counts_of(states, canvas, over=over, listed=listed), ALL_LISTS]
    if dotted(texts, canvas.glyphs).cell_len > canvas.width:
        texts = [*counts_of(states, canvas, over=over, words=False), ALL_LISTS]
    return Flow(texts, canvas)


def rest_line(
    report: ChecksReport | ProjectsReport, rest: Sequence[Node], canvas: Canvas, kind: str
) -> list[RenderableType]:
    """The last line of a list: the counts of what has no row, or of what a filter let through."""
    found = report.checks if isinstance(report, ChecksReport) else report.projects
    total = report.snapshot.summary.total
    if report.filtered:
        counts = f"{grouped(len(found))} of {grouped(total)} {kind}"
        return [Text(f"{counts} match the filter ({harmless(report.filtered)})", QUIET)]
    if rest:
        counted = Counter(node.state for node in rest)
        listed = Counter(node.state for node in found) - counted
        return [folded_line(counted, canvas, over=report.snapshot.node.ended, listed=listed)]
    parent = report.parent if isinstance(report, ChecksReport) else report.snapshot.node
    # a task may fail while its root goes on: its checks did, and the migration has not begun
    over = report.snapshot.verdict is Verdict.FAILED or (parent is not None and parent.ended)
    return [] if found else [Text(f"No {kind} were reported." if over else f"No {kind} are reported yet.", QUIET)]
