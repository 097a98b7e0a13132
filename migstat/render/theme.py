"""Glyph, color and word of each state, so that color alone never carries meaning.

The colors have about the same contrast on black and on white. Nothing here imports Rich, as prose needs words too.
"""

from __future__ import annotations

import msgspec

from migstat.model.nodes import Node, Outcome, State, Status
from migstat.model.verdict import Verdict
from migstat.render.text import grouped, harmless

STYLES = {
    State.FAILED: "bold color(160)",
    State.MISSING: "color(133)",
    State.WARNING: "color(130)",
    State.RUNNING: "color(32)",
    State.PENDING: "color(243)",
    State.SUCCEEDED: "color(28)",
    State.SKIPPED: "color(243)",
}
"""The Rich style of each state."""

BAD = frozenset({State.FAILED, State.MISSING, State.WARNING})
"""The states that need attention."""

QUIET = "color(243)"
STRONG = "bold"

STATE_OF_VERDICT = {
    Verdict.FAILED: State.FAILED,
    Verdict.WARNING: State.WARNING,
    Verdict.RUNNING: State.RUNNING,
    Verdict.PENDING: State.PENDING,
    Verdict.SUCCEEDED: State.SUCCEEDED,
}


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


def count_words(count: int, state: State) -> str:
    """A number of nodes in a state: `1 failed`, `3 warnings`."""
    return f"{grouped(count)} {state}{'s' if state is State.WARNING and count != 1 else ''}"


def message_words(node: Node) -> str | None:
    """The API's message, or the reason why the node could not be read."""
    return f"could not be read: {node.unreadable}" if node.unreadable else node.message
