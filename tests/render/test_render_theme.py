"""How states look: words, glyphs and colours that everybody can tell apart."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len
from rich.color import Color

from migstat.model.nodes import Node, State
from migstat.model.verdict import Verdict
from migstat.render.theme import ASCII, COLORS, STATE_OF_VERDICT, STYLE_OF_STATE, UNICODE, Glyphs, word_of

NUMBERS = sorted({int(number) for text in COLORS.values() for number in re.findall(r"color\((\d+)\)", text)})


def luminance(number: int) -> float:
    """Return the relative luminance of a colour of the 256, after WCAG 2."""
    triplet = Color.from_ansi(number).get_truecolor()
    channels = [value / 255 for value in triplet]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_all_colours_are_of_the_fixed_palette() -> None:
    """Every style is bold or one of the 240 colours that no theme of a terminal redefines."""
    assert NUMBERS
    assert all(16 <= number <= 255 for number in NUMBERS)
    assert all(re.fullmatch(r"(bold ?)?(color\(\d+\))?", text) for text in COLORS.values())


@pytest.mark.parametrize("number", NUMBERS)
def test_every_colour_can_be_read_on_black_and_on_white(number: int) -> None:
    """Each colour has a contrast of at least 3.8 on black and on white."""
    found = luminance(number)
    assert (found + 0.05) / 0.05 >= 3.8
    assert 1.05 / (found + 0.05) >= 3.8


def test_contrast_is_computed_as_by_wcag() -> None:
    """Black on white has the contrast 21, by the way in which colours are measured here."""
    assert (luminance(231) + 0.05) / (luminance(16) + 0.05) == pytest.approx(21.0)


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_every_state_has_a_glyph_of_its_own(glyphs: Glyphs) -> None:
    """Each state has a sign that no other has, one cell wide."""
    assert set(glyphs.states) == set(State)
    assert len(set(glyphs.states.values())) == len(State)
    assert {cell_len(glyph) for glyph in glyphs.states.values()} == {1}
    assert {cell_len(each) for each in (glyphs.bar, glyphs.bar_half, glyphs.bar_rest)} == {1}
    assert len({cell_len(each) for each in (glyphs.branch, glyphs.last_branch, glyphs.trunk)}) == 1


def test_the_ascii_signs_are_ascii() -> None:
    """All signs for poor terminals are ASCII."""
    signs = [*ASCII.states.values(), ASCII.bar, ASCII.bar_half, ASCII.bar_rest, ASCII.branch, ASCII.last_branch]
    assert all(sign.isascii() for sign in [*signs, ASCII.trunk, ASCII.dot, ASCII.more, ASCII.bullet])


def test_every_state_and_verdict_has_a_style() -> None:
    """No state and no verdict is left without a look."""
    assert set(STYLE_OF_STATE) == set(State)
    assert set(STATE_OF_VERDICT) == set(Verdict)
    assert set(STYLE_OF_STATE.values()) <= set(COLORS)


@pytest.mark.parametrize(
    ("status", "outcome", "word"),
    [
        ("FINISHED", "SUCCESS", "succeeded"),
        ("FINISHED", "FAILED", "failed"),
        ("FINISHED", "WARNING", "warning"),
        ("FINISHED", "SKIPPED", "skipped"),
        ("FINISHED", "INCOMPLETE", "incomplete"),
        ("FINISHED", "MARTIAN", "martian"),
        ("FINISHED", None, "no outcome"),
        ("IN_PROGRESS", None, "running"),
        ("PENDING", None, "pending"),
        ("CANCELLED", None, "cancelled"),
        ("MARTIAN", None, "martian"),
        (None, None, "pending"),
    ],
)
def test_a_state_has_a_word(status: str | None, outcome: str | None, word: str) -> None:
    """A known state has its word, and an unknown one is shown as it came."""
    assert word_of(Node(status=status, outcome=outcome)) == word
