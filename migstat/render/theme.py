"""How a state looks: a glyph, a color and a word, so that nothing is told by color alone.

The colors have about the same contrast on black and on white. Nothing here imports Rich, as prose needs words too.
"""

from __future__ import annotations

import msgspec

from migstat.model.nodes import Node, Outcome, State, Status
from migstat.model.verdict import Verdict
from migstat.render.text import harmless

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

QUIET = "color(243)"
STRONG = "bold"

STYLE_OF_STATE: dict[State, str] = {state: str(state) for state in State}

COLORS = {**{str(state): style for state, style in STYLES.items()}, "quiet": QUIET, "strong": STRONG, "": ""}
"""Style names and what they are to Rich."""

STATE_OF_VERDICT = {
    Verdict.FAILED: State.FAILED,
    Verdict.WARNING: State.WARNING,
    Verdict.RUNNING: State.RUNNING,
    Verdict.PENDING: State.PENDING,
    Verdict.SUCCEEDED: State.SUCCEEDED,
}

_WORDS: dict[str, str] = {
    Outcome.FAILED: "failed",
    Outcome.WARNING: "warning",
    Outcome.SUCCESS: "succeeded",
    Outcome.SKIPPED: "skipped",
    Status.IN_PROGRESS: "running",
    Status.PENDING: "pending",
}


class Glyphs(msgspec.Struct, frozen=True):
    """The signs of one character set."""

    states: dict[State, str]
    bar: str
    bar_half: str
    bar_rest: str
    branch: str
    last_branch: str
    trunk: str
    dot: str
    more: str
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
    bar_half="╸",
    bar_rest="─",
    branch="├─ ",
    last_branch="└─ ",
    trunk="│  ",
    dot=" · ",
    more="…",
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
    bar_half="#",
    bar_rest=".",
    branch="|- ",
    last_branch="`- ",
    trunk="|  ",
    dot=", ",
    more="...",
    bullet="* ",
    arrow="->",
)


_PLAIN_WORDS = frozenset(
    {*Outcome, Status.PENDING, Status.IN_PROGRESS, Status.FINISHED, Status.FAILED} - {Outcome.INCOMPLETE}
)
"""Statuses and outcomes that say no more than the state made of them."""


def state_words(node: Node) -> str:
    """The node's state, with the API's own words where they say more: `failed (INCOMPLETE)`."""
    if node.unreadable and not node.ended:
        return "unreadable"
    told = [word for word in (node.status, node.outcome) if word and word not in _PLAIN_WORDS]
    if node.status == Status.FINISHED and not node.outcome:
        told = ["no outcome"]
    return f"{node.state} ({harmless(', '.join(dict.fromkeys(told)))})" if told else str(node.state)


def word_of(node: Node) -> str:
    """The node's state as a word; what nobody knows is shown as it came, made harmless."""
    state = node.state
    if node.status is None and not node.outcome:
        return STYLE_OF_STATE[state]
    told = node.outcome or (node.status or "")
    return _WORDS.get(told) or (harmless(told.lower()) if told != Status.FINISHED else "no outcome")
