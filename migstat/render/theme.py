"""How a state looks: a glyph, a colour and a word, so that nothing is told by colour alone.

The colours have about the same contrast on black and on white.
"""

from __future__ import annotations

from dataclasses import dataclass

from migstat.model.nodes import Node, Outcome, State, Status
from migstat.model.verdict import Verdict
from migstat.render.text import harmless

COLORS = {
    "failed": "bold color(160)",
    "warning": "color(130)",
    "running": "color(32)",
    "missing": "color(133)",
    "pending": "color(243)",
    "succeeded": "color(28)",
    "skipped": "color(243)",
    "quiet": "color(243)",
    "strong": "bold",
    "": "",
}
"""Style names and what they are to Rich."""

STYLE_OF_STATE = {
    State.FAILED: "failed",
    State.MISSING: "missing",
    State.WARNING: "warning",
    State.RUNNING: "running",
    State.PENDING: "pending",
    State.SUCCEEDED: "succeeded",
    State.SKIPPED: "skipped",
}

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


@dataclass(frozen=True, slots=True)
class Glyphs:
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
)


def word_of(node: Node) -> str:
    """The node's state as a word; what nobody knows is shown as it came, made harmless."""
    state = node.state
    if node.status is None and not node.outcome:
        return STYLE_OF_STATE[state]
    told = node.outcome or (node.status or "")
    return _WORDS.get(told) or (harmless(told.lower()) if told != Status.FINISHED else "no outcome")
