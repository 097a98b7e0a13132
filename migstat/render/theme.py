"""Nodes and states in glyphs, colors and words, so that color alone never carries meaning.

The colors have about the same contrast on black and on white. Nothing here imports Rich, as prose needs words too.
"""

from __future__ import annotations

import msgspec

from migstat.model.nodes import Millis, Node, Outcome, State, Status
from migstat.render.text import duration, grouped, harmless

BAD = frozenset({State.FAILED, State.MISSING, State.WARNING})
"""The states that need attention."""

QUIET = "quiet"
STRONG = "bold"

STYLES = {
    State.FAILED: "bold color(160)",
    State.MISSING: "color(133)",
    State.WARNING: "color(130)",
    State.RUNNING: "color(32)",
    State.PENDING: "color(243)",
    State.SUCCEEDED: "color(28)",
    State.SKIPPED: "color(243)",
    QUIET: "color(243)",
}
"""Rich's style of each state, and of what matters less; consoles know them by these names."""


class Glyphs(msgspec.Struct, frozen=True):
    """The signs of one character set."""

    states: dict[State, str]
    bar: str
    bar_rest: str
    dot: str
    bullet: str
    arrow: str


UNICODE = Glyphs(
    states={
        State.FAILED: "✖",
        State.MISSING: "?",
        State.WARNING: "▲",
        State.RUNNING: "●",
        State.PENDING: "○",
        State.SUCCEEDED: "✔",
        State.SKIPPED: "–",  # noqa: RUF001  a dash, on purpose
    },
    bar="━",
    bar_rest="─",
    dot=" · ",
    bullet="• ",
    arrow="→",
)

ASCII = Glyphs(
    states={
        State.FAILED: "x",
        State.MISSING: "?",
        State.WARNING: "!",
        State.RUNNING: ">",
        State.PENDING: ".",
        State.SUCCEEDED: "+",
        State.SKIPPED: "-",
    },
    bar="#",
    bar_rest=".",
    dot=", ",
    bullet="* ",
    arrow="->",
)


_PLAIN_WORDS = frozenset(
    {*Outcome, Status.PENDING, Status.IN_PROGRESS, Status.FINISHED, Status.FAILED} - {Outcome.INCOMPLETE}
)
"""Statuses and outcomes that say no more than the state derived from them."""


def state_words(node: Node) -> str:
    """The node's state, with the API's own words if they say more: `failed (INCOMPLETE)`."""
    if node.unreadable and not node.ended:
        return "unreadable"
    words = [word for word in (node.status, node.outcome) if word and word not in _PLAIN_WORDS]
    if node.status == Status.FINISHED and not node.outcome:
        words = ["no outcome"]
    return f"{node.state} ({harmless(', '.join(dict.fromkeys(words)))})" if words else str(node.state)


def count_words(count: int, state: State, *, over: bool = True, more: bool = False) -> str:
    """A number of nodes in a state: `1 failed`, `3 warnings`, or `3 more warnings`.

    Until it is `over`, what is missing may still come.
    """
    number = f"{grouped(count)} more" if more else grouped(count)
    if state is State.MISSING and not over:
        return f"{number} not reported yet"
    return f"{number} {state}{'s' if state is State.WARNING and count != 1 else ''}"


class NodeWords(msgspec.Struct, frozen=True, kw_only=True):
    """A node in words for people, all of them harmless; what is not known is empty."""

    state: State
    words: str
    percent: str
    elapsed: str
    message: str


def describe(node: Node, now: Millis, *, brief: bool = False, over: bool = True) -> NodeWords:
    """Put a node into words; the message begins with the counts of the current phase.

    Where there is no room for the API's own word beside the state, the words are `brief`: the message begins with it.
    Until the task is `over` nothing is lost: much is only reported once its turn has come.
    """
    words, own = state_words(node), ""
    if brief:
        words, _, own = words.partition(" (")
    phases = []
    for phase in node.progress:
        counts = [grouped(count) for count in (phase.processed, phase.total) if count is not None]
        phases.append(f"{harmless(phase.name or '')} {'/'.join(counts)}".strip())
    message = "; ".join(part for part in (" ".join(phases), harmless(node.explanation or "").strip()) if part)
    if node.missing and not message:
        message = f"not reported {'by the API' if over else 'yet'}"
    return NodeWords(
        state=State.FAILED if node.unreadable and not node.ended else node.state,
        words=words,
        # The API may send more than 100, and goes on sending it for a node that has ended.
        percent="" if node.percent is None or node.ended else f"{min(max(node.percent, 0), 100):.0f} %",
        # The root may end before the last of its scopes: how long the task took stands in the heading.
        elapsed=duration(node.elapsed_seconds(now)) if node.level else "",
        message=": ".join(part for part in (own.removesuffix(")"), message) if part),
    )
