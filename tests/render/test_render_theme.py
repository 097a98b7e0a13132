"""How states look: words, glyphs and colors that everybody can tell apart."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len
from rich.color import Color
from rich.console import Group
from rich.text import Text

from migstat.model.nodes import Node, State
from migstat.model.verdict import Verdict
from migstat.render.drawing import picture
from migstat.render.theme import ASCII, QUIET, STYLES, UNICODE, Glyphs, state_words

NUMBERS = sorted({int(number) for text in STYLES.values() for number in re.findall(r"color\((\d+)\)", text)})


def luminance(color: Color) -> float:
    """Return the relative luminance of a color, after WCAG 2."""
    channels = [value / 255 for value in color.get_truecolor()]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_color_can_be_read_on_black_and_on_white(number: int) -> None:
    """Each color has a contrast of 3.8 on black and on white, and is one that no theme of a terminal redefines."""
    light = luminance(Color.from_ansi(number)) + 0.05
    assert light / 0.05 >= 3.8
    assert 1.05 / light >= 3.8
    assert 16 <= number <= 255
    assert all(re.fullmatch(r"(bold ?)?(color\(\d+\))?", text) for text in STYLES.values())


def test_failures_are_the_easiest_to_read_in_a_picture() -> None:
    """In a picture, no state has more contrast to the background than a failure."""
    svg = picture(Group(*(Text(state, state) for state in State)), 40)
    background, *_ = re.findall(r'<rect fill="#([0-9a-f]{6})"', svg)
    colors = {*re.findall(r"-r\d+ \{ fill: #([0-9a-f]{6})", svg)} - {"000000"}  # ordinary text, such as spaces

    def contrast(color: str) -> float:
        dark, light = sorted(luminance(Color.parse(f"#{each}")) for each in (color, background))
        return (light + 0.05) / (dark + 0.05)

    assert len(colors) > 4
    assert max(colors, key=contrast) == "d70000"
    assert contrast("d70000") > 4.5


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_every_state_has_a_glyph_of_its_own(glyphs: Glyphs) -> None:
    """Each state has a style, and a sign of its own, one cell wide, which is ASCII on terminals without Unicode."""
    assert set(glyphs.states) == set(State)
    assert len(set(glyphs.states.values())) == len(State)
    assert {cell_len(glyph) for glyph in glyphs.states.values()} == {1}
    assert glyphs is UNICODE or all(
        map(str.isascii, (*glyphs.states.values(), glyphs.dot, glyphs.bullet, glyphs.arrow))
    )
    assert set(STYLES) == {*State, QUIET}
    assert {*Verdict} < {*State}  # so a verdict has the sign and the style of its state


@pytest.mark.parametrize(
    ("status", "outcome", "word"),
    [
        ("FINISHED", "SUCCESS", "succeeded"), ("FINISHED", "FAILED", "failed"), ("FINISHED", "WARNING", "warning"),
        ("FINISHED", "SKIPPED", "skipped"), ("FINISHED", "INCOMPLETE", "failed (INCOMPLETE)"),
        ("FINISHED", "MARTIAN", "failed (MARTIAN)"), ("FINISHED", None, "failed (no outcome)"),
        ("STOPPED", "FAILED", "failed (STOPPED)"), ("IN_PROGRESS", None, "running"), ("PENDING", None, "pending"),
        ("CANCELLED", None, "failed (CANCELLED)"), ("MARTIAN", None, "running (MARTIAN)"), (None, None, "pending"),
    ],
)  # fmt: skip
def test_the_words_of_the_api_stand_beside_the_state(status: str | None, outcome: str | None, word: str) -> None:
    """A state has its word, and the API's own words beside it if they say more."""
    assert state_words(Node(status=status, outcome=outcome)) == word
